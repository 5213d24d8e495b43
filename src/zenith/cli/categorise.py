"""Categories of scored events that maximise the expected significance; or what given ones reach.

EVENTS.h5 holds `scores` (N, D), `weight` (N,), `label` (N,) and the attribute `signal_labels`; all
other labels are background. Scores that add up to 1 are a softmax, whose last one is not needed.
For a bump hunt it holds `mass` (N,), in GeV. For the objective `histfactory` it may hold weights
under variations, `weight_variations/NAME_up` and `…_down` (N,), and the attributes `label_names`
(a list, by number) and `normalisation_uncertainties` (JSON, {name: {label: relative uncertainty}}).
"""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zenith.cli import options
from zenith.cli.files import Input, Output
from zenith.cli.section_options import add_settings, settings
from zenith.config.categories import CategorySettings

if TYPE_CHECKING:
    from zenith.artefacts.categories import Shape
    from zenith.categorisation.categorise import Result

HELP = "scores of events to the categories of the largest expected significance"


# Options as they were spelled up to version 0.1, for one more.
OLD = {
    "--min-background": "minimum_background",
    "--max-uncertainty": "maximum_uncertainty",
    "--combine": "combination",
}


class _Renamed(argparse.Action):
    """An option that has another name now."""

    def __call__(
        self, parser: argparse.ArgumentParser, args: argparse.Namespace, values: Any, _: Any = None
    ) -> None:
        import sys

        new = f"--{self.dest.replace('_', '-')}"
        print(
            f"{self.option_strings[0]} is an old name: write {new} (version 0.2 will ask for it)",
            file=sys.stderr,
        )
        setattr(args, self.dest, values)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    parser.add_argument(
        "events", type=Input, metavar="EVENTS.h5", help="scores, weight, label of events"
    )
    parser.add_argument("--categories", type=int, metavar="K", help="at most so many")
    options.add_config(parser, default=None)
    add_settings(parser, CategorySettings)
    parser.add_argument("--seed", type=int, help="seed of the starts of the gradient ascent [0]")
    for old, new in OLD.items():
        parser.add_argument(old, dest=new, action=_Renamed, help=argparse.SUPPRESS)
    parser.add_argument("--output", type=Output, metavar="JSON", help="categories to write")
    parser.add_argument(
        "--history",
        type=Output,
        metavar="H5",
        help="every step of the gradient, and the yields that soft categories ended with",
    )
    parser.add_argument(
        "--evaluate",
        type=Input,
        metavar="JSON",
        help="categories to apply to EVENTS.h5; prints JSON",
    )


def run(args: argparse.Namespace) -> None:
    """Find categories and write them, or evaluate given ones and print what they reach."""
    from zenith.errors import ConfigError

    if args.evaluate:
        others = [*CategorySettings.model_fields, "output", "categories", "config", "seed"]
        if any(getattr(args, name) is not None for name in others):
            raise ConfigError("--evaluate takes categories as they are: drop the other options")
        print(json.dumps(_evaluated(args.evaluate, args.events), indent=2))
        return
    if not args.output or not args.categories:
        raise ConfigError("--categories K and --output JSON are needed, or --evaluate JSON")
    analysis, given = options.categorised(args) if args.config else (None, None)
    asked = settings(args, CategorySettings, given)
    seed = analysis.seed if analysis else 0
    _find(args, asked, seed if args.seed is None else args.seed)


def _find(args: argparse.Namespace, asked: CategorySettings, seed: int) -> None:
    import logging

    from zenith.artefacts.categories import CATEGORIES
    from zenith.artefacts.history import write_category_history
    from zenith.categorisation.categorise import Settings, categorise
    from zenith.categorisation.model import nuisances, sideband, task
    from zenith.categorisation.scored_files import read

    scored = read(args.events, sideband(asked))
    wanted = task(asked, scored)
    known = nuisances(wanted.aim)
    profiled = asked.objective == "histfactory"
    there = {*scored.variations, *scored.normalisation} if profiled else set()
    if unused := sorted(there - {*known}):
        logging.warning("not used, for a sideband knows no parts: %s", ", ".join(unused))
    result = categorise(scored, args.categories, wanted, asked.method, Settings.of(asked, seed))
    for note in result.notes:
        logging.info("%s", note)
    CATEGORIES.write(
        args.output,
        {
            **_shape(result),
            "scores": result.space.scores,
            "space": result.space.kind,
            "signal_labels": list(scored.signal_labels),
            **result.report,
            "notes": result.notes,
            "requirements": {
                "background": asked.minimum_background,
                "uncertainty": asked.maximum_uncertainty,
            },
            "counting": {
                "uncertainty": asked.background_uncertainty,
                "combination": asked.combination,
                "weights": list(asked.signal_weights),
            },
            "objective": asked.objective,
            "nuisance_parameters": list(known),
            "window": None if asked.window is None else list(asked.window),
            "sideband": None if asked.sideband is None else list(asked.sideband),
        },
        inputs=[args.events],
        config={**asked.model_dump(mode="json"), "categories": args.categories, "seed": seed},
    )
    if args.history:  # without an array where nothing climbed
        climbed = result.history._asdict() if result.history else {}
        write_category_history(args.history, climbed, scored.signal_labels)
    logging.info("%d categories: Z = %.4f", len(result.report["events"]), result.report["z"])


def _shape(result: "Result") -> "Shape":
    if result.edges is not None:
        return {"edges": result.edges.tolist()}
    mixture = result.mixture
    assert mixture is not None
    return {
        "weights": mixture.weights.tolist(),
        "means": mixture.means.tolist(),
        "covariances": mixture.covariances.tolist(),
    }


def _evaluated(path: str, events: str) -> dict[str, Any]:
    from zenith.categorisation.category_files import load
    from zenith.categorisation.scored_files import read

    found = load(path)
    return {**found.report(read(events, found.sideband)), "categories": str(Path(path))}
