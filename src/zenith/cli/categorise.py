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

from zenith.cli.files import Input, Output

if TYPE_CHECKING:
    from zenith.categorisation.categorise import Result
    from zenith.categorisation.scored import Scored
    from zenith.core.categories.sideband import Sideband

HELP = "scores of events to the categories of the largest expected significance"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    parser.add_argument(
        "events", type=Input, metavar="EVENTS.h5", help="scores, weight, label of events"
    )
    parser.add_argument("--categories", type=int, metavar="K", help="at most so many")
    parser.add_argument(
        "--min-background",
        type=float,
        default=1.0,
        metavar="B",
        help="expected background that every category must have [1]",
    )
    parser.add_argument(
        "--max-uncertainty",
        type=float,
        default=float("inf"),
        metavar="U",
        help="largest relative statistical uncertainty of a category's background [none]",
    )
    parser.add_argument(
        "--method",
        choices=("exact", "gradient"),
        help="default: exact for one score and one signal, else gradient",
    )
    parser.add_argument(
        "--objective",
        choices=("counting", "histfactory"),
        default="counting",
        help="what is maximised: the Asimov formula of counting experiments, or the profiled "
        "significance with all nuisance parameters [counting]",
    )
    parser.add_argument(
        "--background-uncertainty",
        type=float,
        default=0.0,
        metavar="R",
        help="relative systematic uncertainty of the background: of each category for itself, or "
        "with histfactory of all backgrounds together [0]",
    )
    for name, what in (("window", "where the signal is"), ("sideband", "range of the fit")):
        parser.add_argument(
            f"--{name}",
            type=float,
            nargs=2,
            metavar=("LOW", "HIGH"),
            help=f"{what}, GeV: the background of the window is estimated from the sideband, the "
            "range without the window, by an exponential [no window]",
        )
    parser.add_argument(
        "--combine",
        choices=("geometric", "weighted"),
        default="geometric",
        help="several signals: geometric mean of their significances, or weighted mean",
    )
    parser.add_argument(
        "--signal-weights",
        type=float,
        nargs="+",
        default=[],
        metavar="W",
        help="for the weighted mean, in the order of signal_labels [equal]",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the starts of the gradient [0]")
    parser.add_argument("--steps", type=int, default=300, help="of the gradient [300]")
    parser.add_argument("--starts", type=int, default=6, help="of the gradient [6]")
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
    from zenith.categorisation.scored_files import read
    from zenith.errors import ConfigError

    if args.evaluate:
        if args.output or args.categories or args.window or args.sideband:
            raise ConfigError("--evaluate takes categories as they are: drop the other options")
        print(json.dumps(_evaluated(args.evaluate, args.events), indent=2))
        return
    if not args.output or not args.categories:
        raise ConfigError("--categories K and --output JSON are needed, or --evaluate JSON")
    if args.steps < 1 or args.starts < 1:
        raise ConfigError(f"--steps {args.steps} --starts {args.starts}: at least 1 of each")
    _find(args, read(args.events, _sideband(args)))


def _sideband(args: argparse.Namespace) -> "Sideband | None":
    from zenith.core.categories.sideband import Sideband
    from zenith.errors import ConfigError

    if (args.window is None) != (args.sideband is None):
        raise ConfigError("--window LOW HIGH and --sideband LOW HIGH are needed together")
    return Sideband(tuple(args.window), tuple(args.sideband)) if args.window else None


def _find(args: argparse.Namespace, scored: "Scored") -> None:
    import logging

    from zenith.artefacts import write_arrays, write_json
    from zenith.categorisation.categorise import Settings, categorise
    from zenith.categorisation.model import aim, nuisances
    from zenith.core.categories.counting import Counting, Requirements
    from zenith.core.categories.task import Task

    options: dict[str, Any] = {
        "requirements": {
            "background": args.min_background,
            "uncertainty": args.max_uncertainty,
        },
        "counting": {
            "uncertainty": args.background_uncertainty,
            "combination": args.combine,
            "weights": tuple(args.signal_weights),
        },
    }
    objective = aim(args.objective, scored, Counting(**options["counting"]))
    given = (
        {*scored.variations, *scored.normalisation} if args.objective == "histfactory" else set()
    )
    if unused := sorted(given - {*nuisances(objective)}):
        logging.warning("not used, for a sideband knows no parts: %s", ", ".join(unused))
    options |= {
        "objective": args.objective,
        "nuisance_parameters": nuisances(objective),
        "window": args.window,
        "sideband": args.sideband,
    }
    result = categorise(
        scored,
        args.categories,
        Task(objective, Requirements(**options["requirements"])),
        args.method,
        Settings(steps=args.steps, starts=args.starts, seed=args.seed),
    )
    for note in result.notes:
        logging.info("%s", note)
    if options["requirements"]["uncertainty"] == float("inf"):
        options["requirements"]["uncertainty"] = None  # JSON has no infinity
    write_json(
        args.output,
        {
            **_shape(result),
            "scores": result.space.scores,
            "space": result.space.kind,
            "signal_labels": list(scored.signal_labels),
            **result.report,
            "notes": result.notes,
            **options,
        },
        inputs=[args.events],
        config={**options, "categories": args.categories, "seed": args.seed},
    )
    if args.history:  # without an array where nothing climbed
        climbed = result.history._asdict() if result.history else {}
        write_arrays(args.history, climbed, {"signal_labels": list(scored.signal_labels)})
    logging.info("%d categories: Z = %.4f", len(result.report["events"]), result.report["z"])


def _shape(result: "Result") -> dict[str, Any]:
    if result.mixture is None:
        return {"edges": result.edges}
    mixture = result.mixture
    return {
        "weights": mixture.weights,
        "means": mixture.means,
        "covariances": mixture.covariances,
    }


def _evaluated(path: str, events: str) -> dict[str, Any]:
    import numpy as np

    from zenith.categorisation.category_files import load
    from zenith.categorisation.scored_files import read

    found = load(path)
    content = {**found.report(read(events, found.sideband)), "categories": str(Path(path))}
    text = json.dumps(content, default=lambda value: np.asarray(value).tolist())
    plain: dict[str, Any] = json.loads(text)
    return plain
