"""NanoAOD files: the branches of the `Events` and `Runs` trees and their C++ types.

Names and types are those of CMS NanoAOD (version 9), except that uproot writes the counters
(`nMuon`, …) as int32 where CMS has uint32.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np

from zenith.artefacts.writing import atomic
from zenith.config.detector_response import DetectorResponse

_KINEMATICS = dict.fromkeys(("pt", "eta", "phi", "mass"), "float32")
_JET = _KINEMATICS | {
    "area": "float32",
    "rawFactor": "float32",
    "jetId": "int32",
    "nConstituents": "uint8",
    "btagDeepB": "float32",
}
COLLECTIONS: dict[str, dict[str, str]] = {
    "Muon": _KINEMATICS
    | {
        "charge": "int32",
        "pdgId": "int32",
        "dxy": "float32",
        "dz": "float32",
        "pfRelIso03_all": "float32",
        "pfRelIso04_all": "float32",
        "miniPFRelIso_all": "float32",
        "looseId": "bool",
        "mediumId": "bool",
        "tightId": "bool",
        "highPtId": "uint8",
    },
    "Electron": _KINEMATICS
    | {"charge": "int32", "pdgId": "int32", "pfRelIso03_all": "float32", "cutBased": "int32"},
    "Jet": _JET | {"btagDeepFlavB": "float32"},
    "FatJet": _JET | {"msoftdrop": "float32", "particleNet_TvsQCD": "float32"},
}
SIMULATION_COLLECTIONS: dict[str, dict[str, str]] = {
    "Jet": {"hadronFlavour": "int32", "genJetIdx": "int32"},
    # nTopQuarks: how many of the three of one hadronic top decay are inside; not in CMS NanoAOD.
    "FatJet": {"hadronFlavour": "int32", "genJetAK8Idx": "int32", "nTopQuarks": "uint8"},
    "GenPart": _KINEMATICS
    | dict.fromkeys(("pdgId", "status", "statusFlags", "genPartIdxMother"), "int32"),
    "GenJet": _KINEMATICS | {"hadronFlavour": "uint8"},
    "GenJetAK8": _KINEMATICS | {"hadronFlavour": "uint8"},
}
# What jets of some samples have besides, see `DetectorResponse`.
CHARM_TAG: dict[str, str] = dict.fromkeys(("btagDeepFlavCvL", "btagDeepFlavCvB"), "float32")
SUBSTRUCTURE: dict[str, str] = {"width": "float32"}  # not in CMS NanoAOD
SIMULATION_SUBSTRUCTURE: dict[str, str] = {"partonFlavour": "int32"}
BRANCHES: dict[str, str] = {
    "run": "uint32",
    "luminosityBlock": "uint32",
    "event": "uint64",
    "MET_pt": "float32",
    "MET_phi": "float32",
    "MET_sumEt": "float32",
    "PuppiMET_pt": "float32",
    "PuppiMET_phi": "float32",
    "PuppiMET_sumEt": "float32",
    "PV_npvs": "int32",
    "PV_npvsGood": "int32",
    "fixedGridRhoFastjetAll": "float32",
    "HLT_Mu50": "bool",
    "HLT_TkMu50": "bool",
    "Flag_goodVertices": "bool",
    "Flag_HBHENoiseFilter": "bool",
    "Flag_HBHENoiseIsoFilter": "bool",
    "Flag_eeBadScFilter": "bool",
    "Flag_METFilters": "bool",
}
SIMULATION_BRANCHES: dict[str, str] = {
    "genWeight": "float32",
    "GenMET_pt": "float32",
    "GenMET_phi": "float32",
    "Pileup_nTrueInt": "float32",
    "Pileup_nPU": "int32",
}
RUNS: dict[str, str] = {"run": "uint32"}
SIMULATION_RUNS: dict[str, str] = {
    "genEventCount": "int64",
    "genEventSumw": "float64",
    "genEventSumw2": "float64",
    "genCrossSection": "float64",  # pb; ours: not in CMS NanoAOD
    "genCrossSectionError": "float64",
}
# What simulation with variations of the shower has besides, in Events and Runs.
SHOWER_BRANCHES: dict[str, str] = {"PSWeight": "float32"}
SHOWER_RUNS: dict[str, str] = {"PSSumw": "float64"}  # means, Σ genWeight · PSWeight / genEventSumw


class NanoAODWriter:
    """An open file; `extend` appends a batch of events, `close` the summary of the runs."""

    def __init__(
        self, file: Any, *, simulation: bool, shower_weights: bool, detector: DetectorResponse
    ) -> None:
        self._collections = {
            name: COLLECTIONS.get(name, {})
            | (SIMULATION_COLLECTIONS.get(name, {}) if simulation else {})
            for name in (SIMULATION_COLLECTIONS | COLLECTIONS if simulation else COLLECTIONS)
        }
        if detector.charm_tag is not None:
            self._collections["Jet"] |= CHARM_TAG
        if detector.substructure is not None:
            self._collections["Jet"] |= SUBSTRUCTURE
            self._collections["Jet"] |= SIMULATION_SUBSTRUCTURE if simulation else {}
        self._branches = BRANCHES | (SIMULATION_BRANCHES if simulation else {})
        self._runs = RUNS | (SIMULATION_RUNS if simulation else {})
        self._lists = SHOWER_BRANCHES if shower_weights else {}
        self._lists_of_runs = SHOWER_RUNS if shower_weights else {}
        types = {
            name: f"var * {{{', '.join(f'{k}: {v}' for k, v in fields.items())}}}"
            for name, fields in self._collections.items()
        }
        self._file = file
        lists = {name: f"var * {kind}" for name, kind in self._lists.items()}
        self._events = file.mktree("Events", self._branches | types | lists)

    def extend(self, events: Mapping[str, Any]) -> None:
        """Append a batch: collection or branch → array. What the schema lacks is left out."""
        flat = {name: _cast(events[name], kind) for name, kind in self._branches.items()}
        lists = {name: _list(events[name], kind) for name, kind in self._lists.items()}
        jagged = {
            name: ak.zip(
                {field: _cast(events[name][field], kind) for field, kind in fields.items()}
            )
            for name, fields in self._collections.items()
        }
        self._events.extend(flat | jagged | lists)

    def runs(self, summary: Mapping[str, Any]) -> None:
        """Write the `Runs` tree, one entry for each run."""
        lists = {name: f"var * {kind}" for name, kind in self._lists_of_runs.items()}
        tree = self._file.mktree("Runs", self._runs | lists)
        flat = {name: np.asarray(summary[name], kind) for name, kind in self._runs.items()}
        tree.extend(flat | {n: _list(summary[n], kind) for n, kind in self._lists_of_runs.items()})


def _cast(array: Any, kind: str) -> Any:
    return ak.values_astype(array, kind)


def _list(array: Any, kind: str) -> Any:
    """As many numbers in each entry, as a list."""
    return ak.from_regular(ak.Array(np.asarray(array, kind)))


@contextmanager
def nanoaod(
    path: str | Path,
    *,
    simulation: bool,
    detector: DetectorResponse,
    shower_weights: bool = False,
) -> Iterator[NanoAODWriter]:
    """Write a NanoAOD file, atomically; without `simulation` it has no generator branches.

    With `shower_weights` it has PSWeight, and their means in the tree Runs; its jets have what the
    response of the `detector` gives them.
    """
    import uproot

    with atomic(path) as temporary, uproot.recreate(temporary) as file:
        yield NanoAODWriter(
            file, simulation=simulation, shower_weights=shower_weights, detector=detector
        )
