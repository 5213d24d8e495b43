"""Make the efficient score of one fold: class ratios and responses, projected and binned."""

import argparse
from pathlib import Path

from zenith.cli import options
from zenith.cli.files import Folder, Input

HELP = "class ratios and responses to the efficient score"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    options.add_config(parser)
    options.add_fold(parser)
    options.add_columns(parser)
    options.add_networks(parser)
    parser.add_argument(
        "--responses", type=Input, required=True, metavar="FILE", help="what `response` wrote"
    )
    parser.add_argument(
        "--output",
        type=Folder,
        required=True,
        metavar="DIR",
        help="folder of score.safetensors, score.onnx and score.json",
    )


def run(args: argparse.Namespace) -> None:
    """Project the score of the signal onto those of the nuisance parameters, bin it and write."""
    import logging
    import time

    from zenith.artefacts.efficient_score import EFFICIENT_SCORE, Cells, EfficientScore, Tuning
    from zenith.cli.inputs import read_networks, read_samples, settings_of_network
    from zenith.config.dependencies import step_config
    from zenith.events.folds import require_unseen, taught
    from zenith.optimisation.coefficients import tuned
    from zenith.training.copied_events import copied_events
    from zenith.training.efficient_score import in_cells, rebinned, summarise
    from zenith.training.export import export_onnx, require_onnx
    from zenith.training.response import simulated_events
    from zenith.training.response_metrics import described, score_closure
    from zenith.training.score_files import load_responses, require_responses, save_score

    folder = Path(args.output)
    require_onnx(folder / "score.onnx")
    analysis = options.analysis(args)
    summary = options.summary(args, analysis)
    folds, fold = analysis.folds, options.fold(args, analysis)
    mva = settings_of_network(analysis, summary.network, args.config)
    networks, teachers = read_networks(analysis, args.networks, fold, only=[summary.network])
    responses = load_responses(args.responses)
    require_responses(args.responses, responses, analysis, mva)
    teachers |= {*require_unseen(responses.metadata, folds, fold, args.responses, "response")}
    columns = read_samples(args.input, copies=responses.learned is not None)
    events = simulated_events(analysis, columns, mva)
    found = summarise(
        analysis,
        summary,
        mva,
        networks[summary.network],
        responses.network,
        responses.scales,
        events,
        fold,
        responses.learned,
    )
    score, kept = found.score, found.kept
    tuning: Tuning | None = None
    if summary.tuning.steps:
        score, before, after = tuned(analysis, columns, score, fold)
        score, kept = rebinned(analysis, summary, score, events.of([folds.validation(fold)]))
        tuning = {"before": before, "after": after}
    costs = {
        parameter.name: float(cost)
        for parameter, cost in zip(found.parameters, found.projection.costs, strict=True)
    }
    cells: Cells | None = None
    if summary.cells is not None:
        seen = events.of([folds.validation(fold)])
        score, nuisance, borders, kept = in_cells(analysis, summary, score, costs, seen)
        cells = {"nuisance": nuisance, "borders": borders.tolist()}
    of_fold = taught(folds, fold, teachers)
    save_score(folder / "score.safetensors", score, mva, of_fold)
    export_onnx(folder / "score.onnx", score, {"name": "efficient_score"})
    projection = found.projection
    settings, closed = summary.learned_responses, None
    if settings is not None:
        copies = {
            process: own.of([fold]).at(range(-settings.held_out, 0))
            for process, own in copied_events(analysis, columns, mva).items()
        }
        closed = score_closure(score, copies, summary.all_bins)
    about: EfficientScore = {
        "fold": of_fold["fold"],
        "folds": of_fold["folds"],
        "taught_by": of_fold["taught_by"],
        "network": summary.network,
        "parameters": {
            parameter.name: {
                "projected": float(projection.coefficients[k]),
                "coefficient": float(score.projected.coefficients[k]),
                "cost": costs[parameter.name],
                "significance": responses.significances.get(parameter.name),
            }
            for k, parameter in enumerate(found.parameters)
        },
        "left_out": [name for name, scale in responses.scales.items() if scale == 0.0],
        "information": projection.information,
        "unprofiled_information": projection.unprofiled,
        "tuning": tuning,
        "kept": kept,
        "cells": cells,
        "edges": score.projected.edges_of_cells.tolist(),
        "cpu_seconds": time.process_time(),
        "cpu_seconds_of_responses": float(responses.metadata.get("cpu_seconds", 0.0)),
    }
    if closed is not None:
        about["closure"] = described(closed)
    EFFICIENT_SCORE.write(
        folder / "score.json",
        about,
        inputs=[*args.input, args.responses],
        config=step_config(analysis, "efficient_score"),
    )
    logging.info(
        "expected error of the signal strength %.3f, were all nuisance parameters known %.3f; the "
        "bins keep %.1f %% of the information",
        *(projection.information**-0.5, projection.unprofiled**-0.5, 100 * kept),
    )
    if cells is not None:
        logging.info("cells are divided by the score of %s", cells["nuisance"])
    if tuning:
        logging.info(
            "expected %s on the validation fold %.3f with the projected coefficients, %.3f tuned",
            analysis.optimise.objective,
            tuning["before"],
            tuning["after"],
        )
