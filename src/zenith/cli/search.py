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
        "--method",
        nargs="+",
        choices=("tpe", "cma_es"),
        default=["tpe"],
        help="methods of the search [tpe]",
    )
    parser.add_argument(
        "--output",
        type=Output,
        nargs="+",
        required=True,
        metavar="JSON",
        help="the selection to write, of each method",
    )


def run(args: argparse.Namespace) -> None:
    """Search with as many evaluations as the climb has; write the best selection and all trials."""
    import time

    from zenith.artefacts.selection import SEARCH
    from zenith.cli.inputs import read_events, read_networks
    from zenith.cli.progress import progress
    from zenith.config.dependencies import step_config
    from zenith.core.selection.objective import hard_value
    from zenith.errors import ConfigError
    from zenith.events.folds import taught
    from zenith.optimisation import evaluated, model
    from zenith.optimisation.categories import begun
    from zenith.optimisation.search import search
    from zenith.training.scores import add_scores

    began = time.perf_counter(), time.process_time()
    if len(args.output) != len(args.method):
        raise ConfigError(
            f"--output: {len(args.output)} files for {len(args.method)} methods of --method; name "
            "one for each"
        )
    analysis = options.analysis(args)
    folds, fold = analysis.folds, options.fold(args, analysis)
    networks, teachers = read_networks(analysis, args.networks, fold)
    columns = read_events(analysis, args.input, args.networks, [fold])
    start = begun(analysis, columns, networks, fold)
    trials = analysis.search.trials or analysis.optimise.steps * analysis.optimise.starts
    objective = model.objective(analysis, with_nuisances=analysis.optimise.nuisances)
    scored = {name: add_scores(own, start["networks"]) for name, own in columns.items()}
    learning = evaluated.events(analysis, scored, folds.learning(fold))
    validation = evaluated.events(analysis, scored, [folds.validation(fold)])
    for events in (learning, validation):  # compiled before the first search is timed
        hard_value(evaluated.selection(analysis, start), objective, events).block_until_ready()
    shared = time.perf_counter() - began[0], time.process_time() - began[1]
    for method, path in zip(args.method, args.output, strict=True):
        started = time.perf_counter(), time.process_time()
        with progress(f"search by {method}") as advance:
            result = search(
                analysis,
                objective,
                learning,
                validation,
                start,
                trials,
                method,
                lambda number, trial: advance(number + 1, trials),
            )
        wall, cpu = time.perf_counter() - started[0], time.process_time() - started[1]
        SEARCH.write(
            path,
            {
                **taught(folds, fold, teachers),
                "method": method,
                "thresholds": result.kept.thresholds,
                "kept": {"validate": result.kept.validation},
                "trials": [
                    {"thresholds": t.thresholds, "value": t.value, "validation": t.validation}
                    for t in result.finite
                ],
                "evaluations": len(result.trials),
                "seconds": shared[0] + wall,
                "cpu_seconds": shared[1] + cpu,
            },
            inputs=args.input,
            config=step_config(analysis, "search"),
        )
