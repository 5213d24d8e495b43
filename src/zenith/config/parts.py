"""What each step depends on: the part of a configuration whose change runs the step again."""

import json
from typing import Any

from zenith.config.analysis import Analysis
from zenith.config.categorisation import Categorisation
from zenith.config.simulation import PseudodataCard
from zenith.config.systematics import (
    ShapeSystematic,
    WeightSystematic,
)


def _plain(analysis: Analysis) -> dict[str, Any]:
    return analysis.model_dump(mode="json", by_alias=True)


def _pick(data: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: data[key] for key in keys}


def _systematics(analysis: Analysis, config: dict[str, Any], *kinds: type) -> dict[str, Any]:
    return {
        name: config["systematics"][name]
        for name, systematic in analysis.systematics.items()
        if isinstance(systematic, kinds)
    }


def _simulate(analysis: Analysis, config: dict[str, Any], sample: str) -> dict[str, Any]:
    card = analysis.samples[sample].simulate
    part = {"seed": analysis.seed, "simulate": config["samples"][sample]["simulate"]}
    if isinstance(card, PseudodataCard):  # its sources decide how many events of each there are
        sources = [*card.backgrounds, *([card.signal] if card.signal else [])]
        assumed = ("cross_section", "k_factor")
        part["sources"] = {
            name: _pick(
                config["samples"][name], "simulate", *(() if name in card.truth else assumed)
            )
            for name in sources
        }
        era = config["eras"][analysis.samples[sample].era]
        part |= _pick(era, "luminosity", "golden_json")
    return part


def _skim(analysis: Analysis, config: dict[str, Any], sample: str) -> dict[str, Any]:
    era = config["eras"][analysis.samples[sample].era]
    keys = ("veto", "check_event_count", "normalise_by_file")
    return {
        **_pick(config, "skim", "objects", "met", "seed"),
        **_pick(config["samples"][sample], *keys),
        **_pick(era, "event_flags", *(["golden_json"] if analysis.is_data(sample) else [])),
        "shapes": _systematics(analysis, config, ShapeSystematic),
        "weights": sorted({b.name for b in analysis.normalised_weights(sample).values()}),
    }


def _columns(analysis: Analysis, config: dict[str, Any], sample: str) -> dict[str, Any]:
    era = config["eras"][analysis.samples[sample].era]
    return {
        **_pick(config, "objects", "met", "seed", "split", "max_files"),
        **_pick(config["samples"][sample], "process", "era", "cross_section", "k_factor"),
        **_pick(era, "luminosity", "corrections"),
        "role": config["processes"][analysis.samples[sample].process]["role"],
        "observables": sorted({name for _, name in analysis.observables_in_use()}),
        "systematics": _systematics(analysis, config, ShapeSystematic, WeightSystematic),
    }


def _mva(analysis: Analysis, config: dict[str, Any], name: str) -> dict[str, Any]:
    samples = [sample for group in analysis.mva[name].classes.values() for sample in group]
    drawn = [feature for feature in analysis.mva[name].features if feature in config["observables"]]
    return {
        **_pick(config, "seed"),
        "mva": config["mva"][name],
        "samples": {
            s: config["samples"][s]["process"] for s in analysis.used_samples if s in samples
        },
        "axes": _pick(config["observables"], *drawn),
        "plotting": _pick(config["plotting"], "formats", "experiment", "status", "energy"),
    }


def _model(analysis: Analysis, config: dict[str, Any]) -> dict[str, Any]:
    """What the statistical model is made of, whether the fit reads it or the optimiser."""
    return {
        **_pick(config, "regions", "systematics", "only_samples"),
        "eras": {name: era["luminosity_uncertainties"] for name, era in config["eras"].items()},
        "roles": {name: process["role"] for name, process in config["processes"].items()},
        "samples": {
            name: _pick(sample, "process", "era", "alternative")
            for name, sample in config["samples"].items()
        },
        "split": config["split"],
    }


def step_config(analysis: Analysis, step: str, name: str = "") -> str:
    """The part of the configuration that a step depends on, as one canonical text (JSON).

    Parameters
    ----------
    step
        Name of the step.
    name
        The sample (simulate, skim, columns) or the network (mva) that the job is for.
    """
    config = _plain(analysis)
    if step == "simulate":
        part = _simulate(analysis, config, name)
    elif step == "skim":
        part = _skim(analysis, config, name)
    elif step == "columns":
        part = _columns(analysis, config, name)
    elif step == "mva":
        part = _mva(analysis, config, name)
    elif step == "optimise":
        part = {
            **_model(analysis, config),
            **_pick(config, "seed", "mva", "optimise", "search", "statistics"),
        }
    elif step == "histogram":
        axes = {name: observable["edges"] for name, observable in config["observables"].items()}
        part = {
            **_model(analysis, config),
            "axes": axes,
            "plots": config["plotting"]["observables"],
            "scores": analysis.scores,
            "blind": config["statistics"]["blind"],
        }
    elif step == "fit":
        part = {**_model(analysis, config), "statistics": config["statistics"]}
    elif step in ("figures", "summary"):
        part = _pick(
            config, "plotting", "observables", "processes", "regions", "systematics", "statistics"
        )
    else:
        raise ValueError(f"no step is called {step!r}")
    return json.dumps(part, sort_keys=True)


def category_config(categorisation: Categorisation, step: str) -> str:
    """The same for the steps of a categorisation: scored, categorise, category_scan, others."""
    config = categorisation.model_dump(mode="json")
    chosen = ("tolerance", "bootstrap", "numbers")
    if step == "scored":
        part = _pick(config, "events", "split", *(["seed"] if categorisation.events.toy else []))
    elif step == "categorise":
        found = {key: value for key, value in config["categories"].items() if key not in chosen}
        part = {**_pick(config, "seed"), "categories": found}
    elif step == "category_scan":
        part = _pick(config, "seed", "categories")
    elif step in ("category_figures", "category_summary"):
        part = _pick(config, "categories", "plotting")
    else:
        raise ValueError(f"no step is called {step!r}")
    return json.dumps(part, sort_keys=True)
