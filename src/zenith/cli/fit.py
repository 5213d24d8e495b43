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
    options.add_summarised(parser)
    options.add_selections(parser, "selections of the histograms, if they moved bin edges")
    parser.add_argument("--surface", type=Input, metavar="H5", help="response surfaces")
    parser.add_argument(
        "--workspace", type=Output, required=True, metavar="JSON", help="workspace to write"
    )
    parser.add_argument(
        "--output", type=Output, required=True, metavar="JSON", help="results to write"
    )


def run(args: argparse.Namespace) -> None:
    """Sanitise the templates, build and write the workspace, fit it and write the results."""
    import logging

    from zenith.artefacts.fit import FIT, Fit, WithSurface
    from zenith.artefacts.histograms import read_histograms
    from zenith.artefacts.surface import read_surface
    from zenith.config.dependencies import step_config
    from zenith.statistics import repair, templates, workspace
    from zenith.statistics.constraints import constraints
    from zenith.statistics.control import control_fit
    from zenith.statistics.fit import fit
    from zenith.statistics.fitted_surfaces import about_surface, in_order
    from zenith.statistics.model import template_nuisances
    from zenith.statistics.selections import on_axes_of
    from zenith.statistics.workspace_files import write_workspace
    from zenith.tables import measured

    for chatter in ("cabinetry", "pyhf"):  # what they warn of, the sanitiser has said
        logging.getLogger(chatter).setLevel(logging.ERROR)
    analysis = on_axes_of(options.analysis(args), args.selection)
    histograms = read_histograms(args.input)
    collected = templates.collect(analysis, histograms, args.input)
    minimum = analysis.statistics.minimum_yield
    repaired = [repair.sanitise(region, minimum) for region in collected]
    regions = [region for region, _ in repaired]
    surface = read_surface(args.surface) if args.surface else None
    own = None if surface is None else in_order(surface, regions)
    spec, pruned = workspace.build(analysis, regions, own)
    write_workspace(args.workspace, spec)
    found = fit(analysis, spec, args.workspace)
    smoothed = {nuisance.name for nuisance in template_nuisances(analysis) if nuisance.smooth}
    of_surface: WithSurface = {} if surface is None else {"surface": about_surface(spec, surface)}
    results: Fit = {
        **found,
        "control_fit": control_fit(analysis, spec, args.workspace),
        "constraints": constraints(spec, found["parameters"], regions, smoothed),
        "sanitised": repair.summary([c for _, changes in repaired for c in changes]),
        "pruned": pruned,
        **of_surface,
    }
    inputs = [args.input, *([args.surface] if args.surface else [])]
    FIT.write(args.output, results, inputs=inputs, config=step_config(analysis, "fit"))
    if results["mu"] is not None:
        logging.info("signal strength %s", measured(results["mu"], results["mu_error"]))
    expected = results["significance"]["expected"]
    logging.info("expected significance %s", "unknown" if expected is None else f"{expected:.3f}")
