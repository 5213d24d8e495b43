"""Build the workspace of the histograms and fit it."""

import argparse

from zenith.cli import options
from zenith.cli.files import Input, Output

HELP = "histograms to a workspace and the fitted signal strength"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    options.add_config(parser)
    parser.add_argument(
        "--input", type=Input, required=True, metavar="ROOT", help="histograms of the fit"
    )
    parser.add_argument(
        "--selection",
        type=Input,
        metavar="JSON",
        help="selection of the histograms, if it moved bin edges",
    )
    parser.add_argument(
        "--workspace", type=Output, required=True, metavar="JSON", help="workspace to write"
    )
    parser.add_argument(
        "--output", type=Output, required=True, metavar="JSON", help="results to write"
    )


def run(args: argparse.Namespace) -> None:
    """Sanitise the templates, build and write the workspace, fit it and write the results."""
    import json
    import logging

    from zenith import artefacts
    from zenith.config.dependencies import step_config
    from zenith.statistics import repair, templates, workspace
    from zenith.statistics.constraints import constraints
    from zenith.statistics.control import control_fit
    from zenith.statistics.fit import fit
    from zenith.statistics.thresholds import with_selection
    from zenith.tables import measured

    for chatter in ("cabinetry", "pyhf"):  # what they warn of, the sanitiser has said
        logging.getLogger(chatter).setLevel(logging.ERROR)
    analysis = with_selection(options.analysis(args), args.selection)
    histograms = artefacts.read_histograms(args.input)
    collected = templates.collect(analysis, histograms, args.input)
    minimum = analysis.statistics.minimum_yield
    repaired = [repair.sanitise(region, minimum) for region in collected]
    regions = [region for region, _ in repaired]
    spec, pruned = workspace.build(analysis, regions)
    artefacts.write_text(args.workspace, json.dumps(spec, indent=1) + "\n")
    results = fit(analysis, spec, args.workspace)
    results["control_fit"] = control_fit(analysis, spec, args.workspace)
    results["constraints"] = constraints(spec, results["parameters"], regions)
    results["sanitised"] = repair.summary([c for _, changes in repaired for c in changes])
    results["pruned"] = pruned
    config = step_config(analysis, "fit")
    artefacts.write_json(args.output, results, inputs=[args.input], config=config)
    if results["mu"] is not None:
        logging.info("signal strength %s", measured(results["mu"], results["mu_error"]))
    expected = results["significance"]["expected"]
    logging.info("expected significance %s", "unknown" if expected is None else f"{expected:.3f}")
