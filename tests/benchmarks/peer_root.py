"""RDataFrame's skim of the default analysis: the nominal cuts of config/zprime.yaml."""

import ROOT

from zenith.events.formats.protocol import WEIGHT

ROOT.gInterpreter.Declare(
    """
    using namespace ROOT::VecOps;
    RVec<bool> away(const RVec<float> &eta, const RVec<float> &phi, const RVec<float> &other_eta,
                    const RVec<float> &other_phi, const RVec<int> &selected, float distance) {
        RVec<bool> result(eta.size(), true);
        for (size_t i = 0; i < eta.size(); ++i)
            for (size_t j = 0; j < other_eta.size(); ++j)
                if (selected[j] && DeltaR(eta[i], other_eta[j], phi[i], other_phi[j]) < distance)
                    result[i] = false;
        return result;
    }
    """
)
FLAGS = ("Flag_goodVertices", "Flag_METFilters")
TRIGGERS = ("HLT_Mu50", "HLT_TkMu50")


def skim(path: str, output: str, branches: list[str]) -> int:
    """Skim a file; the number of events kept. Counts and sums of weights follow every cut."""
    options = ROOT.RDF.RSnapshotOptions()
    options.fCompressionAlgorithm = ROOT.RCompressionSetting.EAlgorithm.kLZ4
    options.fCompressionLevel = 4
    options.fLazy = True  # with the counts, in one pass
    frame = ROOT.RDataFrame("Events", path)
    muons = "Muon_pt > 55 && abs(Muon_eta) < 2.4 && Muon_tightId && Muon_miniPFRelIso_all < 0.1"
    steps = [frame]

    def keep(cut: str) -> None:
        steps.append(steps[-1].Filter(cut))

    keep(" || ".join(name for name in TRIGGERS if name in branches))
    keep(" && ".join(FLAGS))
    steps.append(steps[-1].Define("muons", muons))
    keep("Sum(muons) == 1")
    jets = "FatJet_pt > 400 && abs(FatJet_eta) < 2.4"
    clear = "away(FatJet_eta, FatJet_phi, Muon_eta, Muon_phi, muons, 0.8)"
    keep(f"Any({jets} && {clear})")
    keep("PuppiMET_pt > 30")
    counted = [(step.Count(), step.Sum(WEIGHT)) for step in steps]
    written = steps[-1].Snapshot("Events", output, branches, options)
    kept = [count.GetValue() for count, _ in counted][-1]
    written.GetValue()
    return int(kept)
