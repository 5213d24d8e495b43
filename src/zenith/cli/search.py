"""Search thresholds for one fold without gradients (Optuna), to compare the climb with."""

import argparse

from zenith.cli import options
from zenith.cli.files import Output

HELP = "columns and networks to the thresholds that a black-box search finds"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    options.add_config(parser)
    options.add_fold(parser)
    options.add_columns(parser)
    options.add_networks(parser)
    parser.add_argument(
        "--method", choices=("tpe", "cma_es"), default="tpe", help="method of the search [tpe]"
    )
    parser.add_argument(
        "--output", type=Output, required=True, metavar="JSON", help="the selection to write"
    )


def run(args: argparse.Namespace) -> None:
    """Search with as many evaluations as the climb has; write the best selection and all trials."""
    import time

    from zenith.artefacts.selection import SEARCH
    from zenith.cli.inputs import read_networks, read_samples
    from zenith.cli.progress import progress
    from zenith.config.dependencies import step_config
    from zenith.events.folds import taught
    from zenith.optimisation import model
    from zenith.optimisation.categories import begun
    from zenith.optimisation.search import search

    began, worked = time.perf_counter(), time.process_time()
    analysis = options.analysis(args)
    folds, fold = analysis.folds, options.fold(args, analysis)
    networks, teachers = read_networks(analysis, args.networks, fold)
    columns = read_samples(args.input)
    start = begun(analysis, columns, networks, fold)
    trials = analysis.search.trials or analysis.optimise.steps * analysis.optimise.starts
    with progress("search") as advance:
        result = search(
            analysis,
            model.objective(analysis, with_nuisances=analysis.optimise.nuisances),
            model.events(analysis, columns, start["networks"], folds.learning(fold)),
            model.events(analysis, columns, start["networks"], [folds.validation(fold)]),
            start,
            trials,
            args.method,
            lambda number, trial: advance(number + 1, trials),
        )
    SEARCH.write(
        args.output,
        {
            **taught(folds, fold, teachers),
            "method": args.method,
            "thresholds": result.kept.thresholds,
            "kept": {"validate": result.kept.validation},
            "trials": [
                {"thresholds": t.thresholds, "value": t.value, "validation": t.validation}
                for t in result.finite
            ],
            "evaluations": len(result.trials),
            "seconds": time.perf_counter() - began,
            "cpu_seconds": time.process_time() - worked,
        },
        inputs=args.input,
        config=step_config(analysis, "search"),
    )
