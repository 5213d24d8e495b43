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
"""

from pathlib import Path
from typing import Any

import numpy as np
from correctionlib import schemav2 as schema

from zenith.artefacts import write_text
from zenith.config import load
from zenith.config.simulation import DetectorResponse, ProcessCard, PseudodataCard
from zenith.simulation.detector import pileup_profile

HERE = Path(__file__).parent
INELASTIC = 0.046
PILEUP_EDGES = [*range(61), 100]
ETA_EDGES: list[Any] = [0.0, 1.2, 2.4]
ETA_ERRORS = [0.005, 0.010]
PT_EDGES: list[Any] = [50.0, 120.0, 300.0, 1000.0]  # GeV
PT_ERRORS = [0.0, 0.01, 0.02]
SIDES = {"nominal": 0, "up": 1, "down": -1}


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
    """Both corrections, from the detector responses in config/zprime.yaml."""
    cards = [s.simulate for s in load(HERE.parent / "zprime.yaml").samples.values()]
    simulation = next(card.detector for card in cards if isinstance(card, ProcessCard))
    data = next(card.detector for card in cards if isinstance(card, PseudodataCard))
    return schema.CorrectionSet(
        schema_version=2,
        description="Written by config/corrections/make_simulated.py",
        corrections=[pileup(simulation, data), muon_id(simulation, data)],
    )


if __name__ == "__main__":
    text = corrections().model_dump_json(indent=1, exclude_unset=True)
    write_text(HERE / "simulated.json", text + "\n")
