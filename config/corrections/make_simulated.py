"""Write simulated.json: the corrections of the events that Zenith simulates itself.

    python config/corrections/make_simulated.py

Simulation and pseudo-data have different detector responses (`detector` of their simulation
cards in config/zprime.yaml); the corrections are what makes the first look like the second:

- `pileup`, of Pileup_nTrueInt: the ratio of the pileup profiles. Up and down move the profile of
  the data by the uncertainty of the inelastic pp cross-section (69.2 mb ± 4.6 % is what CMS
  analyses take at 13 TeV), which the number of interactions is proportional to.
- `muon_id`, of |η| and pT: the ratio of the muon efficiencies. Its uncertainty is that of a
  typical tag-and-probe measurement: 0.5 % (|η| < 1.2) or 1 % for muons of a Z boson, and for
  what is extrapolated above them 1 % more for pT from 120 GeV and 2 % more from 300 GeV.
- `btag`, of hadronFlavour, pT and score: both have the same b tagger, so all scale factors are 1,
  with uncertainties as CMS measures them: 1 to 2 % for b jets around 100 GeV, growing with pT, 2.5
  times as much for c jets, 5 to 15 % for light ones (arXiv:1712.07158). The working points are the
  three of DeepJet in 2016.
- `toptag`, of the number of quarks of a top decay in the jet, pT and score: the same for the top
  tagger, 4 to 9 % for jets with all three quarks, twice that for two, 10 to 20 % for what is
  mistaken for a top (arXiv:2004.08262).

A weight of the last two is that of a jet between two working points, for events that pass and that
fail them: see `zenith.events.tagging.weights_between`. The efficiencies are those of simulation.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from correctionlib import schemav2 as schema
from scipy.special import logit, ndtr

from zenith.artefacts import write_text
from zenith.config import load
from zenith.config.detector_response import DetectorResponse, Score
from zenith.config.simulation import ProcessCard, PseudodataCard
from zenith.events.tagging import weights_between
from zenith.simulation.detector import pileup_profile
from zenith.simulation.jet_response import DEEP_FLAVOUR

HERE = Path(__file__).parent
INELASTIC = 0.046
PILEUP_EDGES = [*range(61), 100]
ETA_EDGES: list[Any] = [0.0, 1.2, 2.4]
ETA_ERRORS = [0.005, 0.010]
PT_EDGES: list[Any] = [50.0, 120.0, 300.0, 1000.0]  # GeV
PT_ERRORS = [0.0, 0.01, 0.02]
SIDES = {"nominal": 0, "up": 1, "down": -1}
# Relative uncertainties of scale factors at three working points, loose to tight, by what is in the
# jet, and factors on them by bin of pT.
B_POINTS = [0.0614, 0.3093, 0.7221]
B_EDGES: list[Any] = [30.0, 100.0, 200.0, 300.0, 400.0, 500.0, 600.0, 800.0, 1000.0, 1400.0]
B_GROWTH = [1.0, 1.0, 1.5, 2.0, 2.0, 2.5, 3.0, 3.5, 3.5]
B_ERRORS = {5: [0.01, 0.015, 0.02], 4: [0.025, 0.0375, 0.05], 0: [0.05, 0.10, 0.15]}
TOP_POINTS = [0.5, 0.8, 0.95]
TOP_EDGES: list[Any] = [400.0, 600.0, 2000.0]
TOP_GROWTH = [1.0, 1.5]
MISTAG = [0.10, 0.15, 0.20]
TOP_ERRORS = {3: [0.04, 0.05, 0.06], 2: [0.08, 0.10, 0.12], 1: MISTAG, 0: MISTAG}


def pileup(simulation: DetectorResponse, data: DetectorResponse) -> schema.Correction:
    """The ratio of the profiles in bins of the mean number of interactions."""
    edges = np.array(PILEUP_EDGES, float)
    simulated = pileup_profile(simulation, edges)
    weights = {
        side: pileup_profile(_scaled(data, 1.0 + sign * INELASTIC), edges) / simulated
        for side, sign in SIDES.items()
    }
    return schema.Correction(
        name="pileup",
        description="Pileup profile of pseudo-data over that of simulation",
        version=1,
        inputs=[
            schema.Variable(name="Pileup_nTrueInt", type="real", description="mean interactions"),
            _VARIATION,
        ],
        output=schema.Variable(name="weight", type="real"),
        data=_category(
            {
                side: schema.Binning(
                    nodetype="binning",
                    input="Pileup_nTrueInt",
                    edges=PILEUP_EDGES,
                    content=[round(float(value), 6) for value in values],
                    flow="clamp",
                )
                for side, values in weights.items()
            }
        ),
    )


def muon_id(simulation: DetectorResponse, data: DetectorResponse) -> schema.Correction:
    """The ratio of the efficiencies, the same everywhere, with an uncertainty by |η| and pT."""
    ratio = data.muon_efficiency / simulation.muon_efficiency
    errors = np.hypot(*np.meshgrid(ETA_ERRORS, PT_ERRORS, indexing="ij")).ravel()
    return schema.Correction(
        name="muon_id",
        description="Efficiency of muon identification in pseudo-data over that in simulation",
        version=1,
        inputs=[
            schema.Variable(name="abseta", type="real", description="|η| of the muon"),
            schema.Variable(name="pt", type="real", description="pT of the muon in GeV"),
            _VARIATION,
        ],
        output=schema.Variable(name="weight", type="real"),
        data=_category(
            {
                side: schema.MultiBinning(
                    nodetype="multibinning",
                    inputs=["abseta", "pt"],
                    edges=[ETA_EDGES, PT_EDGES],
                    content=[round(float(ratio * (1.0 + sign * e)), 6) for e in errors],
                    flow="clamp",
                )
                for side, sign in SIDES.items()
            }
        ),
    )


def btag(simulation: DetectorResponse) -> schema.Correction:
    """Weights of jets by flavour, pT and b-tag score (DeepJet)."""
    slope, offset = DEEP_FLAVOUR
    points = (logit(B_POINTS) - offset) / slope  # as logits of the score that is drawn
    centres = (np.array(B_EDGES[1:]) + B_EDGES[:-1]) / 2
    tag = simulation.btag
    falls = tag.slope * np.clip(centres - 200.0, 0.0, 1000.0)
    efficiencies = {
        5: _efficiency(tag.b, points, falls),
        4: _efficiency(tag.c, points, 0.0 * falls),
        0: _efficiency(tag.light, points, 0.0 * falls),
    }
    growth = {5: B_GROWTH, 4: B_GROWTH, 0: np.ones(len(centres))}
    errors = {kind: np.outer(growth[kind], B_ERRORS[kind]) for kind in efficiencies}
    flavour = schema.Variable(name="hadronFlavour", type="int", description="5 b, 4 c, 0 light")
    return _tagging("btag", flavour, efficiencies, errors, B_EDGES, B_POINTS)


def toptag(simulation: DetectorResponse) -> schema.Correction:
    """Weights of large jets by the quarks of a top decay in them, pT and top-tag score."""
    tag = simulation.top_tag
    scores = {3: tag.merged, 2: tag.partial, 1: tag.other, 0: tag.other}
    flat = np.zeros(len(TOP_GROWTH))
    efficiencies = {n: _efficiency(score, logit(TOP_POINTS), flat) for n, score in scores.items()}
    errors = {n: np.outer(TOP_GROWTH if n > 1 else flat + 1.0, TOP_ERRORS[n]) for n in scores}
    quarks = schema.Variable(name="nTopQuarks", type="int", description="of one top, in the jet")
    return _tagging("toptag", quarks, efficiencies, errors, TOP_EDGES, TOP_POINTS)


def _efficiency(score: Score, points: Any, falls: Any) -> Any:
    """Of working points, given as logits, in bins of pT where the mean falls: (bins, points)."""
    return ndtr((score.mean - falls[:, None] - np.asarray(points)) / score.spread)


def _tagging(
    name: str,
    content: schema.Variable,
    efficiencies: Mapping[int, Any],
    errors: Mapping[int, Any],
    edges: Sequence[Any],
    points: Sequence[float],
) -> schema.Correction:
    """The weight of a jet by its content, pT and score, for scale factors of 1 ± errors."""

    def table(kind: int, sign: int) -> schema.MultiBinning:
        weights = weights_between(efficiencies[kind], 1.0 + sign * errors[kind])
        return schema.MultiBinning(
            nodetype="multibinning",
            inputs=["pt", "score"],
            edges=[list(edges), [0.0, *points, 1.0]],
            content=[round(float(value), 6) for value in weights.ravel()],
            flow="clamp",
        )

    sides: dict[str, schema.Content] = {"nominal": 1.0}
    for side, sign in (("up", 1), ("down", -1)):
        items = [schema.CategoryItem(key=kind, value=table(kind, sign)) for kind in efficiencies]
        sides[side] = schema.Category(nodetype="category", input=content.name, content=items)
    return schema.Correction(
        name=name,
        description="Weight of a jet for the scale factors of the working points around its score",
        version=1,
        inputs=[
            _VARIATION,
            content,
            schema.Variable(name="pt", type="real", description="pT of the jet in GeV"),
            schema.Variable(name="score", type="real", description="score of the tagger"),
        ],
        output=schema.Variable(name="weight", type="real"),
        data=_category(sides),
    )


_VARIATION = schema.Variable(name="variation", type="string", description="nominal, up or down")


def _scaled(response: DetectorResponse, factor: float) -> DetectorResponse:
    update = {
        "pileup_mean": response.pileup_mean * factor,
        "pileup_spread": response.pileup_spread * factor,
    }
    return response.model_copy(update=update)


def _category(content: dict[str, schema.Content]) -> schema.Category:
    items = [schema.CategoryItem(key=key, value=value) for key, value in content.items()]
    return schema.Category(nodetype="category", input="variation", content=items)


def corrections() -> schema.CorrectionSet:
    """All corrections, from the detector responses in config/zprime.yaml."""
    cards = [s.simulate for s in load(HERE.parent / "zprime.yaml").samples.values()]
    simulation = next(card.detector for card in cards if isinstance(card, ProcessCard))
    data = next(card.detector for card in cards if isinstance(card, PseudodataCard))
    return schema.CorrectionSet(
        schema_version=2,
        description="Written by config/corrections/make_simulated.py",
        corrections=[
            pileup(simulation, data),
            muon_id(simulation, data),
            btag(simulation),
            toptag(simulation),
        ],
    )


if __name__ == "__main__":
    text = corrections().model_dump_json(indent=1, exclude_unset=True)
    write_text(HERE / "simulated.json", text + "\n")
