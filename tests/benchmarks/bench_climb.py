"""What the climb finds, beside a black-box search with as many evaluations, on events of neither.

Both are judged on twice as many events more, in five parts: one fold of their own, with few events
in the bins that matter, would say less than they differ by.

Six tunable cuts in a signal region and a control region that moves with it; rates, a weight and a
shape variation, a free normalisation and the finite number of simulated events in the objective.
Five seeds make five independent sets of events, climbs and searches. The last columns leave the
nuisances out of the objective and quote the result with them.

    python tests/benchmarks/bench_climb.py [--seeds 5] [--steps 200] [--events 200000]
"""

import argparse
import logging
import time
from typing import Any

import numpy as np
import optuna

from zenith.artefacts import Columns
from zenith.config import Analysis, parse
from zenith.core.selection.objective import hard_value
from zenith.events.folds import hash_of
from zenith.optimisation import ascent, model
from zenith.optimisation.search import search
from zenith.optimisation.selection import configured

# Observable: means of signal and of the two backgrounds, in units of its spread; what it costs to
# cut on it differs, and two are correlated with the fit observable.
CUTS = {
    "met": (1.0, 0.2, -0.2),
    "lep_ht": (0.8, 0.0, 0.0),
    "btag_1": (0.8, 0.7, -1.0),
    "toptag": (1.2, 0.9, -1.2),
    "pt_rel": (0.5, -0.2, 0.3),
    "sphericity": (0.6, -0.4, 0.1),
}
YIELDS = {"zprime": 60.0, "ttbar": 4000.0, "wjets": 20000.0}


def analysis(seed: int, steps: int) -> Analysis:
    """Six cuts at -0.5, which may move between -3 and 3."""
    source = {"files": ["none.root"], "era": "x", "cross_section": 1.0}
    cuts = [{"cut": f"{name} > -0.5", "tune": [-3, 3], "width": 0.5} for name in CUTS]
    control = [f"{name} > {name}" for name in CUTS if name != "btag_1"] + ["btag_1 <= btag_1"]
    fit = {"observable": "mtt", "edges": {"start": 0, "stop": 10, "bins": 10}}
    return parse(
        {
            "name": "bench",
            "module": "zprime",
            "seed": seed,
            "eras": {
                "x": {
                    "luminosity": 1.0,
                    "luminosity_uncertainties": {"lumi": {"size": 0.015}},
                    "corrections": {
                        "pileup": {"file": "p", "correction": "p", "inputs": ["variation"]}
                    },
                }
            },
            "processes": {
                "wjets": {"role": "background", "label": "W"},
                "ttbar": {"role": "background", "label": "tt"},
                "signal": {"role": "signal", "label": "Z"},
            },
            "samples": {
                "zprime": {"process": "signal", **source},
                "ttbar": {"process": "ttbar", **source},
                "wjets": {"process": "wjets", **source},
            },
            "skim": {"branches": {"keep": ["x"]}},
            "objects": {"jet": {"collection": "Jet"}},
            "observables": {"mtt": {"label": "m", "edges": [0, 10]}},
            "regions": {
                "signal": {"label": "SR", "cuts": cuts, "fit": fit},
                "control": {"label": "CR", "cuts": control, "fit": {**fit, "edges": [0, 5, 10]}},
            },
            "systematics": {
                "pileup": {"type": "weight", "correction": "pileup"},
                "jes": {"type": "shape", "kind": "energy_scale", "objects": ["jet"], "size": 0.1},
                "xsec_wjets": {"type": "normalisation", "processes": ["wjets"], "up": 0.3},
            },
            "statistics": {
                "free_normalisations": {"ttbar_norm": ["ttbar"]},
                "blind": True,
                "minimum_yield": 0.5,  # the weight of a simulated event is 0.2 to 1.1
            },
            "optimise": {"steps": steps},
        }
    )


def sample(name: str, events: int, rng: np.random.Generator) -> Columns:
    """Gaussian observables; a resonance in the mass on falling spectra."""
    index = list(YIELDS).index(name)
    values = {cut: rng.normal(means[index], 1.0, events) for cut, means in CUTS.items()}
    mass = rng.normal(6.0, 0.6, events) if name == "zprime" else rng.exponential(2.5, events)
    values["mtt"] = mass
    values["met"] += 0.1 * (mass - 3.0)
    weight = np.full(events, YIELDS[name] / events)
    tilt = 0.04 * (mass - 3.0)

    def columns(shift: float) -> dict[str, np.ndarray]:
        moved = {**values, "mtt": mass * (1 + 0.02 * shift)}
        moved["met"] = values["met"] + 0.1 * shift
        moved["toptag"] = values["toptag"] + 0.1 * shift
        return {key: array.astype(np.float32) for key, array in moved.items()}

    return Columns(
        columns(0.0),
        weight,
        hash_of(index, np.arange(events)),
        weights={"pileup_up": weight * (1 + tilt), "pileup_down": weight * (1 - tilt)},
        shapes={"jes_up": columns(1.0), "jes_down": columns(-1.0)},
        attributes={"sample": name},
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--events", type=int, default=200_000)
    args = parser.parse_args()
    logging.disable(logging.WARNING)
    print(f"six cuts, {args.events} events a sample, {args.steps} evaluations each;", end=" ")
    print(f"Optuna {optuna.__version__} TPE; Z with hard cuts on other events, all nuisances")
    print(
        f"{'seed':>4} {'initial':>8} {'climb':>8} {'TPE':>8} {'climb - TPE':>17} "
        f"{'climb s':>8} {'TPE s':>7} {'blind to nuisances':>19}"
    )
    rows: list[dict[str, Any]] = []
    for seed in range(args.seeds):
        rng = np.random.default_rng(seed)
        columns = {name: sample(name, args.events, rng) for name in YIELDS}
        settings = analysis(seed, args.steps)
        objective = model.objective(settings)
        without = model.objective(settings, with_nuisances=False)
        events = {
            part: model.events(settings, columns, {}, folds)
            for part, folds in {"learning": [1, 2, 3], "validation": [4]}.items()
        }
        rng = np.random.default_rng([seed, 1])
        others = {name: sample(name, 2 * args.events, rng) for name in YIELDS}
        parts = [model.events(settings, others, {}, [fold]) for fold in range(5)]
        start = configured(settings, {})
        training = (events["learning"], events["validation"])
        transform = ascent.optimiser(settings)
        times = [time.perf_counter()]
        climbed = ascent.climb(settings, objective, *training, start, transform).kept
        times.append(time.perf_counter())
        trial = search(settings, objective, *training, start, args.steps).kept
        times.append(time.perf_counter())
        found = {"thresholds": {k: np.float64(v) for k, v in trial.thresholds.items()}}
        unaware = ascent.climb(settings, without, *training, start, transform).kept
        selections = {"initial": start, "climb": climbed, "TPE": {**found, "networks": {}}}
        selections["unaware"] = unaware
        judged = {
            k: np.array([float(hard_value(s, objective, part)) for part in parts])
            for k, s in selections.items()
        }
        z = {k: float(values.mean()) for k, values in judged.items()}
        error = float((judged["climb"] - judged["TPE"]).std(ddof=1)) / len(parts) ** 0.5
        rows.append({**z, "error": error})
        print(
            f"{seed:4d} {z['initial']:8.3f} {z['climb']:8.3f} {z['TPE']:8.3f} "
            f"{z['climb'] - z['TPE']:+8.3f} ± {error:.3f} "
            f"{times[1] - times[0]:8.1f} {times[2] - times[1]:7.1f} {z['unaware']:19.3f}",
            flush=True,
        )
    difference = np.array([row["climb"] - row["TPE"] for row in rows])
    errors = np.array([row["error"] for row in rows])
    aware = np.array([row["climb"] - row["unaware"] for row in rows])
    print(
        f"climb - TPE: median {np.median(difference):+.3f}, worst {difference.min():+.3f}", end=""
    )
    print(f" ({(difference / errors).min():+.1f} σ)")
    print(
        f"claim\tsix cuts: Z of climb - TPE, other events\tmedian {np.median(difference):+.3f}, "
        f"worst {difference.min():+.3f}\tabove 0\tOptuna {optuna.__version__}, as many evaluations"
    )
    print(f"what the nuisances in the objective are worth: median {np.median(aware):+.3f}")


if __name__ == "__main__":
    main()
