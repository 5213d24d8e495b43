"""What thresholds on scores are worth in the fit, in the words of the analysis.

As `gallery`: each function yields (name, figure), one at a time.
"""

from zenith.config import Analysis
from zenith.figures import landscape as draw
from zenith.figures import style
from zenith.figures.naming import Figures, axis_of, banner
from zenith.optimisation.landscape import Scan


def on_scores(analysis: Analysis) -> dict[str, list[str]]:
    """The tunable thresholds on scores of networks, with the fitted regions that have the cut."""
    return {
        name: [
            region
            for region, settings in analysis.regions.items()
            if settings.in_fit and cut in settings.cuts
        ]
        for name, cut in analysis.tunable_cuts.items()
        if cut.observable in analysis.scores
    }


def scans(analysis: Analysis, name: str, found: Scan, kept: float) -> Figures:
    """`threshold_{name}`: the significance of the fit, and by counting, over a threshold."""
    axis = axis_of(analysis, analysis.tunable_cuts[name].observable)
    yield (
        f"threshold_{name}",
        draw.scan(
            found.thresholds,
            {
                "Fit, all nuisance parameters": found.profiled,
                "Counting, none": found.counting,
            },
            kept,
            label=style.x_label(f"{axis['label']} cut", axis["unit"]),
            title="Events above the threshold",
            banner=banner(analysis),
        ),
    )
