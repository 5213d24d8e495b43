"""Climb the gradient of the expected significance for one fold: all that moves together."""

import argparse

from zenith.cli import options
from zenith.cli.files import Folder, Input, Output

HELP = "columns and networks of a fold to thresholds and networks of the largest significance"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    options.add_config(parser)
    options.add_fold(parser)
    options.add_columns(parser)
    options.add_networks(parser)
    options.add_climbed_categories(parser)
    parser.add_argument(
        "--score",
        type=Input,
        metavar="FILE",
        help="the efficient score of the fold, where climbed categories are of it",
    )
    parser.add_argument(
        "--fixed-edges", action="store_true", help="bin edges stay, even those that have tune_edges"
    )
    parser.add_argument(
        "--output", type=Output, required=True, metavar="JSON", help="the selection to write"
    )
    parser.add_argument(
        "--output-networks",
        type=Folder,
        metavar="DIR",
        help="folder of the networks to write, {name}.safetensors [networks, beside the selection]",
    )
    parser.add_argument(
        "--history", type=Output, required=True, metavar="H5", help="every step, to write"
    )
    parser.add_argument(
        "--checkpoints",
        type=Folder,
        metavar="DIR",
        help="folder of checkpoints, from which a killed run resumes",
    )


def run(args: argparse.Namespace) -> None:
    """Climb from every start; write the best selection, its networks and all steps."""
    import logging
    import os
    import time
    from pathlib import Path

    from zenith import artefacts
    from zenith.artefacts.history import ClimbHistory, write_climb_history
    from zenith.artefacts.selection import CLIMB
    from zenith.cli.efficient_scores import read_score
    from zenith.cli.inputs import logits_files, read_events, read_networks, with_trunks
    from zenith.config.dependencies import step_config
    from zenith.config.efficient_score import SCORE
    from zenith.events.folds import taught
    from zenith.optimisation import ascent, model, score_categories
    from zenith.optimisation.categories import begun
    from zenith.optimisation.selection import all_thresholds, bounds, hard_edges, starts
    from zenith.training.network_files import save_network
    from zenith.training.score_files import save_score

    began, worked = time.perf_counter(), time.process_time()
    analysis = options.analysis(args)
    folds, fold = analysis.folds, options.fold(args, analysis)
    columns = read_events(analysis, args.input, args.networks, [fold])
    objective = model.objective(analysis, with_nuisances=analysis.optimise.nuisances)
    of_score, unseen = None, [folds.validation(fold)]
    if analysis.parts_by_score:
        score, teachers = read_score(analysis, args.score, fold)
        of_score = score_categories.begun(analysis, columns, score, fold)
        columns, initial, climbing = of_score.columns, of_score.start, unseen
        networks = initial["networks"]
    else:
        networks, teachers = read_networks(analysis, args.networks, fold)
        initial = begun(analysis, columns, networks, fold)
        climbing = [*folds.learning(fold)]
        if analysis.optimise.keep == "last":
            climbing = unseen = [*folds.others(fold)]
    of_fold = taught(folds, fold, teachers)
    climbed = model.events(analysis, columns, initial["networks"], climbing)
    validation = climbed
    if unseen != climbing:
        validation = model.events(analysis, columns, initial["networks"], unseen)
    config = step_config(analysis, "optimise")
    files = [*args.input, *logits_files(analysis, args.networks, fold)]
    files += [args.score] if args.score else []
    inputs = [artefacts.file_hash(path) for path in files]
    trained = {name: n.to_arrays() for name, n in networks.items()}
    sums = {n: {k: float(abs(a).sum()) for k, a in arrays.items()} for n, arrays in trained.items()}
    fingerprint = artefacts.data_hash([config, inputs, sums, fold, args.fixed_edges])
    transform = ascent.optimiser(analysis, move_edges=not args.fixed_edges)
    climbs = []
    for number, start in enumerate(starts(analysis, initial)):

        def report(step: int, row: dict[str, float], number: int = number) -> None:
            thresholds = ", ".join(
                f"{key.partition('/')[2]} {value:.4g}"
                for key, value in row.items()
                if key.startswith("threshold/")
            )
            logging.info(
                "start %d, step %d/%d: soft %.4f, hard %.4f; %s",
                number,
                step + 1,
                analysis.optimise.steps,
                row["value"],
                row["validation"],
                thresholds,
            )

        checkpoint = Path(args.checkpoints) / f"{number}.h5" if args.checkpoints else None
        climbs.append(
            ascent.climb(
                analysis,
                objective,
                climbed,
                validation,
                start,
                transform,
                checkpoint=checkpoint,
                fingerprint=fingerprint,
                report=report,
            )
        )
    best = ascent.best(objective, climbs)
    kept = climbs[best]
    output = Path(args.output)
    folder = Path(args.output_networks or output.with_name("networks"))
    written = {
        name: folder / f"{name}.safetensors"
        for name in kept.kept["networks"]
        if name == SCORE or not analysis.mva[name].objects or analysis.mva[name].moves_head
    }  # others that read objects stay where they are
    whole = with_trunks(analysis, args.networks, fold, kept.kept["networks"])
    before, after = (all_thresholds(analysis, place) for place in (initial, kept.kept))
    ends = bounds(analysis)
    if of_score is not None and analysis.summary is not None:
        mva = analysis.mva[analysis.summary.network]
        save_score(written[SCORE], of_score.settled(analysis, kept.kept, fold), mva, of_fold)
        before, after, ends = {}, {}, {}  # the categories are the bins of the score
    else:
        for name, path in written.items():
            metadata = {"name": name, "step": kept.kept_step, **of_fold}
            if analysis.mva[name].moves_head:  # a network that training sets can be scored by
                metadata["samples"] = {c: list(s) for c, s in analysis.mva[name].classes.items()}
            save_network(path, whole[name], analysis.climbed(name), metadata)
    history = {
        f"start_{number}/{key}": values
        for number, climb in enumerate(climbs)
        for key, values in climb.history().items()
    }
    write_climb_history(args.history, ClimbHistory(history, best, kept.kept_step))
    gap = ascent.soft_hard_gap(analysis, objective, climbed, kept)
    if gap > ascent.CLOSE:
        logging.warning(
            "soft and hard differ by %.2g %% at the last temperature: lower it "
            "(optimise.temperature, optimise.bandwidth)",
            100.0 * gap,
        )
    CLIMB.write(
        args.output,
        {
            **of_fold,
            "thresholds": after,
            "networks": {n: os.path.relpath(path, output.parent) for n, path in written.items()},
            "edges": {} if args.fixed_edges else hard_edges(climbed, kept.kept),
            "initial": before,
            "bounds": ends,
            "kept": {"start": best, "step": kept.kept_step, "validate": kept.kept_value},
            "soft_hard_gap": gap,
            "evaluations": sum(len(climb.rows) for climb in climbs),
            "rejected": int(sum(row["rejected"] for climb in climbs for row in climb.rows)),
            "seconds": time.perf_counter() - began,
            "cpu_seconds": time.process_time() - worked,
        },
        inputs=[*args.input, *([args.score] if args.score else [])],
        config=config,
    )
