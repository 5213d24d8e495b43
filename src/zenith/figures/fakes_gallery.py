"""The figures of a process that comes from data, in the words of the analysis.

As `gallery`: each function yields (name, figure), one at a time.
"""

import numpy as np

from zenith.artefacts.fakes import Fakes
from zenith.config import Analysis
from zenith.figures import fakes as draw
from zenith.figures.naming import Figures, axis_of, banner
from zenith.figures.stacks import divide


def gallery(analysis: Analysis, content: Fakes) -> Figures:
    """`factor_{observable}`, and `measurement_…` and `validation_…`, where there is one."""
    line = banner(analysis)
    process = analysis.processes[analysis.samples[content["sample"]].process].label
    regions = {"measurement": content["measurement"]}
    if "validation" in content:
        regions["validation"] = content["validation"]
    for observable, found in content["measurement"]["by"].items():
        axis = axis_of(analysis, observable)
        name, loose = observable.replace(":", "_"), np.array(found["loose"])
        yield (
            f"factor_{name}",
            draw.factor(
                found["edges"],
                divide(np.array(found["predicted"]), loose),
                divide(np.array(found["factor_error"]), loose),
                label=axis["label"],
                unit=axis["unit"],
                text=[process, analysis.regions[content["measurement"]["name"]].label],
                banner=line,
            ),
        )
        for role, region in regions.items():
            here = region["by"][observable]
            compared = draw.Compared(
                here["edges"],
                here["predicted"],
                here["predicted_error"],
                here["observed"],
                here["observed_error"],
            )
            yield (
                f"{role}_{name}",
                draw.closure(
                    compared,
                    label=axis["label"],
                    unit=axis["unit"],
                    text=[process, analysis.regions[region["name"]].label],
                    uncertainty=content.get("closure") if role == "validation" else None,
                    banner=line,
                ),
            )
