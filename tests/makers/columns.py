"""A toy analysis and its flat columns, made with numpy, for the statistical steps."""

from typing import Any

import numpy as np

from zenith.artefacts import Columns
from zenith.events.folds import hash_of

LUMINOSITY_UNCERTAINTY = 0.02


def toy_config(**changes: Any) -> dict[str, Any]:
    """A search in m(tt̄) with a signal region and a control region; `changes` replace sections."""
    source = {"files": ["absent.root"], "era": "2016"}
    return {
        "name": "toy",
        "module": "zprime",
        "eras": {
            "2016": {
                "luminosity": 16.0,
                "luminosity_uncertainties": {"lumi": {"size": LUMINOSITY_UNCERTAINTY}},
                "corrections": {
                    "pileup": {"file": "p.json", "correction": "pileup", "inputs": ["variation"]}
                },
            }
        },
        "processes": {
            "wjets": {"role": "background", "label": "W"},
            "ttbar": {"role": "background", "label": "tt"},
            "signal": {"role": "signal", "label": "Z"},
            "data": {"role": "data", "label": "Data"},
        },
        "samples": {
            "zprime": {"process": "signal", "cross_section": 1.0, **source},
            "ttbar": {"process": "ttbar", "cross_section": 1.0, **source},
            "ttbar_alt": {
                "process": "ttbar",
                "cross_section": 1.0,
                "alternative": True,
                **source,
            },
            "wjets": {"process": "wjets", "cross_section": 1.0, **source},
            "collisions": {"process": "data", **source},
        },
        "skim": {"branches": {"keep": ["HLT_Mu50"]}},
        "objects": {
            "muon": {"collection": "Muon"},
            "jet": {"collection": "Jet"},
            "fatjet": {"collection": "FatJet"},
        },
        "observables": {
            "mtt": {"label": "m", "edges": [400, 800, 1200, 4000]},
            "met": {"label": "met", "edges": [0, 100, 500]},
        },
        "regions": {
            "signal": {
                "label": "SR",
                "cuts": ["met > 50", {"cut": "btag_1 > 0.5", "tune": [0.05, 0.95], "width": 0.1}],
                "fit": {
                    "observable": "mtt",
                    "edges": {"start": 400, "stop": 2800, "bins": 8},
                },
            },
            "control": {
                "label": "CR",
                "cuts": ["met > 50", "btag_1 <= btag_1"],
                "fit": {"observable": "mtt", "edges": [400, 800, 1200, 2800]},
            },
        },
        "systematics": {
            "pileup": {"type": "weight", "correction": "pileup"},
            "jes": {"type": "shape", "kind": "energy_scale", "objects": ["jet"], "size": 0.02},
            "generator": {"type": "sample", "up": {"ttbar": "ttbar_alt"}},
            "xsec_wjets": {"type": "normalisation", "processes": ["wjets"], "up": 0.2},
        },
        "statistics": {"free_normalisations": {"ttbar_norm": ["ttbar"]}},
        "plotting": {"observables": ["mtt", "met"]},
        **changes,
    }


def toy_events(sample: str, events: int, expected: float, seed: int) -> Columns:
    """A falling spectrum for backgrounds and data, a resonance at 2 TeV for the signal."""
    rng = np.random.default_rng(seed)
    mtt = 400.0 + rng.exponential(350.0, events)
    btag = rng.beta(1.0, 4.0, events) if sample == "wjets" else rng.beta(3.0, 1.5, events)
    if sample == "zprime":
        mtt = rng.normal(2000.0, 150.0, events)
    if sample == "ttbar_alt":
        mtt = 400.0 + rng.exponential(380.0, events)
    if sample == "collisions":
        btag = np.where(np.arange(events) < 0.3 * events, rng.beta(1.0, 4.0, events), btag)
    values = {
        "mtt": mtt.astype(np.float32),
        "met": rng.exponential(120.0, events).astype(np.float32),
        "btag_1": btag.astype(np.float32),
    }
    weight, identity = np.full(events, expected / events), hash_of(seed, np.arange(events))
    if sample == "collisions":
        return Columns(values, np.ones(events), identity)
    weight *= rng.choice([1.0, -1.0], events, p=[0.97, 0.03]) / 0.94
    tilt = 0.05 * (mtt - 1000.0) / 1000.0
    return Columns(
        values,
        weight,
        identity,
        weights={"pileup_up": weight * (1.0 + tilt), "pileup_down": weight * (1.0 - tilt)},
        shapes={
            f"jes_{side}": {
                **values,
                "mtt": (mtt * (1.0 + shift)).astype(np.float32),
                "met": (values["met"] * (1.0 + shift)).astype(np.float32),
            }
            for side, shift in (("up", 0.02), ("down", -0.02))
        },
        attributes={"sample": sample, "era": "2016"},
    )
