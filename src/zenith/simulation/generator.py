"""Pythia 8 in batches: process cards, a filter of events before what costs most, σ."""

from typing import Any

import numpy as np

from zenith.config.simulation import (
    HardCard,
    HiggsCard,
    LeptonTauCard,
    MultijetCard,
    ProcessCard,
    PythiaCard,
    TopPairCard,
    WJetsCard,
    ZprimeCard,
)
from zenith.errors import ZenithError
from zenith.simulation.filters import QUARKS, filter_of, looks_at_the_shower
from zenith.simulation.pythia import common, configured
from zenith.simulation.tau_decays import tau_decays
from zenith.simulation.truth import HIGGS, MUON, TAU

W_DECAYS = {  # of electrons, where a muon is asked for, an event of one lepton has none
    "ttbar_hadronic": "1 2 3 4 5",
    "ttbar_semileptonic": "1 2 3 4 5 13 15",
    "ttbar_dileptonic": "11 13 15",
}

HIGGS_PRODUCTION = {
    "higgs_vector_boson_fusion": ("HiggsSM:ff2Hff(t:ZZ) = on", "HiggsSM:ff2Hff(t:WW) = on"),
    "higgs_gluon_fusion": ("HiggsSM:gg2H = on",),
}

TAU_PROCESSES = {
    "htautau": ("HiggsSM:all = on", "25:onMode = off", "25:onIfAny = 15"),
    "ztautau": (
        "WeakSingleBoson:ffbar2gmZ = on",
        "WeakZ0:gmZmode = 2",  # the Z alone, without γ*
        "23:onMode = off",
        "23:onIfAny = 15",
    ),
    "ttbar": ("Top:all = on",),
    "diboson": ("WeakDoubleBoson:all = on",),
}
LEPTONIC = 0.1782 + 0.1739  # branching fraction of τ → eνν, μνν (Review of Particle Physics 2022)

# Factors on the renormalisation scale of the shower, in the order of NanoAOD's PSWeight: half the
# scale is more radiation. (The text of the branch calls the first ISR=0.5, the scale, up to version
# 8, and ISR=2 from version 9; the order of the weights never changed.)
SHOWER_VARIATIONS = {
    "isrup": "isr:muRfac=0.5",
    "fsrup": "fsr:muRfac=0.5",
    "isrdown": "isr:muRfac=2.0",
    "fsrdown": "fsr:muRfac=2.0",
}
# Emissions of final-state radiation below 5 GeV are not varied: no jet above 30 GeV sees them, but
# each of them multiplies the weight. With those above 1 GeV, as by default, the weights of tt̄ above
# 400 GeV have a standard deviation of 3.5 (up) and 1.6 (down) and are of no use; so it is 0.46 and
# 0.30, that of initial-state radiation 0.33 and 0.25. Trial emissions are 1.5 times as many as are
# needed (default: 3 and 2): the weights spread 1.1 times as much, and an event takes 1.5 times as
# long as without variations instead of 2.4 times. arXiv:1605.08352
VARIED_EMISSIONS = 5.0  # pT in GeV
SHOWER = (
    "UncertaintyBands:doVariations = on",
    f"UncertaintyBands:List = {{{', '.join(f'{k} {v}' for k, v in SHOWER_VARIATIONS.items())}}}",
    "UncertaintyBands:overSampleFSR = 1.5",
    "UncertaintyBands:overSampleISR = 1.5",
)


# A π⁰ decays into the jet that it would be in, and what lives longer than 10 mm is stable by the
# convention of the LHC. In 6,000 events of a Z′ at 2 TeV, fat jets, pT of jets, isolation of muons
# and pTmiss are the same within errors; jets have a fifth fewer constituents, and electrons of
# Dalitz decays are missing. An event costs an eighth less.
WITHIN_A_JET = (
    "111:mayDecay = off",
    "ParticleDecays:limitTau0 = on",
    "ParticleDecays:tau0Max = 10",
)


def settings(card: PythiaCard, seed: int) -> list[str]:
    """Pythia's settings for a card."""
    lines = [
        *common(seed),
        f"PartonLevel:MPI = {'on' if card.multiparton_interactions else 'off'}",
        f"TimeShower:pTmin = {card.final_state_cutoff}",
    ]
    match card:
        case ZprimeCard():
            lines += [
                "NewGaugeBoson:ffbar2gmZZprime = on",
                "Zprime:gmZmode = 3",  # the Z′ alone: no γ*, no Z, no interference
                f"32:m0 = {card.mass}",
                f"32:mWidth = {card.mass * card.relative_width}",
                "32:doForceWidth = on",
                f"32:mMin = {card.mass / 2}",
                f"32:mMax = {card.mass * 2}",
                "32:onMode = off",
                "32:onIfAny = 6",
            ]
        case TopPairCard():
            lines += ["Top:gg2ttbar = on", "Top:qqbar2ttbar = on"]
            # both W bosons decay alike: σ follows
            decays = W_DECAYS[card.process]
            if card.process == "ttbar_semileptonic" and card.muon_pt_min is None:
                decays = f"{decays} 11"
            lines += ["24:onMode = off", f"24:onIfAny = {decays}"]
        case WJetsCard():
            lines += [
                "WeakBosonAndParton:qqbar2Wg = on",
                "WeakBosonAndParton:qg2Wq = on",
                "24:onMode = off",
                f"24:onIfAny = {MUON}",
            ]
        case HiggsCard():
            lines += [
                *HIGGS_PRODUCTION[card.process],
                f"{HIGGS}:m0 = {card.mass}",
                f"{HIGGS}:onMode = off",
                f"{HIGGS}:onIfAny = {QUARKS[card.decay]}",
            ]
        case MultijetCard():
            lines.append(f"HardQCD:hard{card.quarks}bar = on")
        case LeptonTauCard():
            lines += [*TAU_PROCESSES[card.process], f"{TAU}:mayDecay = off"]
    if isinstance(card, ProcessCard) and card.shower_variations:
        ratio = VARIED_EMISSIONS / card.final_state_cutoff
        lines += [*SHOWER, f"UncertaintyBands:FSRpTmin2Fac = {ratio**2}"]
    if isinstance(card, HardCard):
        lines.append(f"PhaseSpace:pTHatMin = {card.pt_hat_min}")
        if card.pt_hat_bias > 0.0:
            lines += [
                "PhaseSpace:bias2Selection = on",
                f"PhaseSpace:bias2SelectionPow = {card.pt_hat_bias}",
                f"PhaseSpace:bias2SelectionRef = {card.pt_hat_min}",
            ]
    return lines


def _has_forced_decays(card: PythiaCard) -> bool:
    """Whether τ⁻ decays to a lepton and τ⁺ to hadrons: it is as often the other way round.

    Not those of Higgs bosons, beside which a W or Z may give the lepton.
    """
    return isinstance(card, LeptonTauCard) and card.process == "ztautau"


class Generator:
    """One Pythia instance with its filter: the same card and seed give the same events.

    `tau_decays` are what τ of events with a lepton and a τ become, Pythia leaves them as they are.

    The filter of muons keeps the card's number of leptonic W decays and, where the card sets
    `muon_pt_min`, events that have a muon, or a τ in place of it. A τ that is alone is made to
    decay to a muon, and its event kept with the probability of that decay. That of `tag_jets`
    keeps events with a pair of forward partons, that of a lepton and a τ events that can have both.

    With `hard_process_only` nothing that comes after the filter is generated: only `cross_section`
    means something then. With `whole_jets` what decays within a jet is stable (`WITHIN_A_JET`).

    Raises ZenithError if Pythia is not installed or does not accept the card.
    """

    def __init__(
        self,
        card: PythiaCard,
        seed: int,
        *,
        hard_process_only: bool = False,
        whole_jets: bool = False,
    ) -> None:
        lines = [*settings(card, seed), *(WITHIN_A_JET if whole_jets else ())]
        if hard_process_only:
            level = "HadronLevel" if looks_at_the_shower(card) else "PartonLevel"
            lines.append(f"{level}:all = off")
        pythia8mc, self._pythia = configured(lines)
        forced = _has_forced_decays(card)
        self.tau_decays = (
            tau_decays(seed, forced=forced) if isinstance(card, LeptonTauCard) else None
        )
        self._filter = filter_of(pythia8mc, self._pythia, card, self.tau_decays)
        self._pythia.setUserHooksPtr(self._filter)
        self._decays = 2 * LEPTONIC * (1 - LEPTONIC) if forced else 1.0
        if not self._pythia.init():
            raise ZenithError(f"Pythia could not start with the card {card!r}")

    def batch(self, events: int) -> Any:
        """Generate events: an awkward array with `prt` (the event record) and `info`."""
        return self._pythia.nextBatch(events)

    @property
    def shower_variations(self) -> tuple[int, ...]:
        """Where in `info.weights` those of `SHOWER_VARIATIONS` are; nowhere without them."""
        info = self._pythia.infoPython()
        names = [info.weightNameByIndex(i) for i in range(info.numberOfWeights())]
        return tuple(names.index(name) for name in SHOWER_VARIATIONS if name in names)

    def cross_section(self) -> tuple[float, float]:
        """Leading-order cross-section of what passes the filter, and its error, in pb.

        Pythia multiplies by the fraction of *events* that pass; in a biased phase space it has to
        be the fraction of their weights.
        """
        info = self._pythia.infoPython()
        seen, kept = self._filter.seen, self._filter.kept
        if kept[0] == 0:
            return 0.0, 0.0
        fraction = kept[1] / seen[1]
        hard = info.sigmaGen() * info.nSelected() / info.nAccepted() * 1e9  # mb → pb
        # Var(fraction) of a ratio of weighted counts, and the integration error of Pythia itself
        # (its error includes the binomial one of the events that were lost: taken out here).
        variance = kept[2] * (1 - fraction) ** 2 + (seen[2] - kept[2]) * fraction**2
        variance += 2 * fraction * (kept[2] - self._filter.mixed)
        relative_fraction = np.sqrt(variance) / seen[1] / fraction
        lost = 1 / info.nAccepted() - 1 / info.nSelected()
        relative_hard = np.sqrt(max((info.sigmaErr() / info.sigmaGen()) ** 2 - lost, 0.0))
        sigma = hard * fraction * self._decays
        return sigma, sigma * float(np.hypot(relative_fraction, relative_hard))


def cross_section(
    card: PythiaCard, *, events: int | None = None, seed: int = 1
) -> tuple[float, float]:
    """Leading-order cross-section of a card and its statistical error in pb, in a few seconds.

    By so many events that pass the filter; by default 100,000 where it looks at the hard process
    alone, 2,000 where it looks at the shower.
    """
    generator = Generator(unbiased(card), seed, hard_process_only=True)
    if events is None:
        events = 2_000 if looks_at_the_shower(card) else 100_000
    for first in range(0, events, 10_000):
        generator.batch(min(10_000, events - first))
    return generator.cross_section()


def unbiased(card: PythiaCard) -> PythiaCard:
    """The same card with events of one weight, which is the same for all."""
    update: dict[str, float] = {"shower_variations": False} if isinstance(card, ProcessCard) else {}
    update |= {"pt_hat_bias": 0.0} if isinstance(card, HardCard) else {}
    if isinstance(card, LeptonTauCard):
        return card.model_copy(update={"hard_radiation": None})
    return card.model_copy(update=update)
