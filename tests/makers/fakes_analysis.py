"""An analysis with fake muons: tables of events, a module and a configuration.

Muons have pT, |eta|, and are tight or not; the fake factor is that of `makers.fakes.stepped`.
Regions are ranges of missing momentum.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import yaml
from makers.fakes import EDGES, leptons, stepped

LUMINOSITY, CROSS_SECTION, SIGNAL = 1.0, 1.5, 0.05  # 1/fb, pb of prompt muons and of the signal
FAKES = 6000  # loose fake muons that are expected
SHARE = 0.4  # of prompt muons that are tight; of fakes, the factor over 1 + factor
SCALE = 25.0  # of missing momentum in GeV

MODULE = '''"""Observables of muons that may be fake."""

import awkward as ak

from zenith.observable import observable


@observable(unit="GeV")
def muon_pt(objects):
    """Transverse momentum of the muon."""
    return ak.firsts(objects.muon).pt


@observable()
def muon_abs_eta(objects):
    """|eta| of the muon."""
    return abs(ak.firsts(objects.muon).eta)


@observable(missing=-1.0)
def muon_tight(objects):
    """1 for a tight muon, 0 for a loose one."""
    return ak.firsts(objects.muon).tight


@observable(unit="GeV")
def met(objects):
    """Missing transverse momentum."""
    return objects.met.pt
'''


def _table(
    rng: np.random.Generator, x: np.ndarray, tight: np.ndarray, scale: float, first: int
) -> dict[str, np.ndarray]:
    number = len(tight)
    return {
        "event": first + rng.permutation(number),
        "weight": np.ones(number),
        "pt": x[0],
        "eta": x[1] * rng.choice([-1.0, 1.0], number),
        "phi": rng.uniform(-3.1, 3.1, number),
        "tight": tight.astype(int),
        "met": rng.exponential(scale, number),
        "met_phi": rng.uniform(-3.1, 3.1, number),
    }


def events(seed: int = 1) -> dict[str, dict[str, np.ndarray]]:
    """Tables of data, of prompt simulation and of the signal."""
    rng = np.random.default_rng(seed)

    def of_fakes(first: int) -> dict[str, np.ndarray]:
        x = leptons(rng, rng.poisson(FAKES), 18.0)
        both = [_table(rng, x, np.zeros(x.shape[1], bool), SCALE, first)]
        x = leptons(rng, rng.poisson(FAKES), 18.0)
        x = x[:, rng.random(x.shape[1]) < stepped(*x)]
        both.append(_table(rng, x, np.ones(x.shape[1], bool), SCALE, first + 10**6))
        return _joined(both)

    def of_prompt(number: int, first: int, scale: float) -> dict[str, np.ndarray]:
        x = leptons(rng, number, 40.0)
        return _table(rng, x, rng.random(number) < SHARE, scale, first)

    expected = 1000.0 * LUMINOSITY
    data = _joined(
        [
            of_fakes(10**7),
            of_prompt(rng.poisson(expected * CROSS_SECTION), 2 * 10**7, SCALE),
            of_prompt(rng.poisson(expected * SIGNAL), 3 * 10**7, 80.0),
        ]
    )
    return {
        "collisions": data,
        "prompt": of_prompt(4000, 4 * 10**7, SCALE),
        "signal": of_prompt(2000, 5 * 10**7, 80.0),
    }


def _joined(tables: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}


def from_data(**changes: Any) -> dict[str, Any]:
    """What the configuration says of the fakes, with changes."""
    return {
        "tight": "muon_tight == 1",
        "loose": "muon_tight == 0",
        "prompt": ["prompt"],
        "measurement": "measured",
        "validation": "tried",
        "bins": {"muon_pt": EDGES[0].tolist(), "muon_abs_eta": EDGES[1].tolist()},
        "maximum": 1.0,
        **changes,
    }


def region(low: float, high: float | None, **more: Any) -> dict[str, Any]:
    """A region of tight muons in a range of missing momentum."""
    cuts = ["muon_tight == 1", f"met > {low}"]
    return {
        "label": "R",
        "cuts": cuts + ([] if high is None else [f"met <= {high}"]),
        "fit": {"observable": "muon_pt", "edges": [25, 40, 60, 1000]},
        **more,
    }


def configured(folder: Path, **changes: Any) -> Path:
    """Write the module and the configuration; `changes` are those of `from_data`."""
    (folder / "muons.py").write_text(MODULE)
    sample = {"era": "run"}
    axis = {"label": "x", "edges": [0, 50, 1000]}
    config = {
        "name": "muons",
        "module": str(folder / "muons.py"),
        "eras": {
            "run": {
                "luminosity": LUMINOSITY,
                "luminosity_uncertainties": {"lumi": {"size": 0.02}},
            }
        },
        "processes": {
            "fakes": {"role": "background", "label": "Fake muons", "colour": "#94a4a2"},
            "prompt": {"role": "background", "label": "Prompt muons"},
            "signal": {"role": "signal", "label": "Signal"},
            "data": {"role": "data", "label": "Data"},
        },
        "samples": {
            "fakes": {**sample, "process": "fakes", "from_data": from_data(**changes)},
            **{
                name: {
                    **sample,
                    "process": name,
                    "files": [f"{folder}/{name}.parquet"],
                    "cross_section": cross_section,
                }
                for name, cross_section in (("prompt", CROSS_SECTION), ("signal", SIGNAL))
            },
            "collisions": {**sample, "process": "data", "files": [f"{folder}/collisions.parquet"]},
        },
        "format": {
            "type": "table",
            "objects": {
                "Muon": {"mass": 0.106, **{name: [name] for name in ("pt", "eta", "phi", "tight")}},
                "Missing": {"pt": "met", "phi": "met_phi"},
            },
            "weight": "weight",
            "event": "event",
        },
        "objects": {"muon": {"collection": "Muon"}},
        "met": "Missing",
        "observables": dict.fromkeys(("muon_pt", "muon_abs_eta", "met"), axis),
        "regions": {
            "signal": region(60, None),
            "measured": region(0, 30, in_fit=False),
            "tried": region(30, 60, in_fit=False),
        },
        "statistics": {"ranking": False, "upper_limit": False, "scan_points": 0},
        "plotting": {"formats": ["png"], "observables": ["met"]},
    }
    path = folder / "muons.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def write_tables(folder: Path, seed: int = 1) -> None:
    """Write the files of the samples."""
    for name, table in events(seed).items():
        pa.parquet.write_table(pa.table(table), folder / f"{name}.parquet")
