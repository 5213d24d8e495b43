"""Coverage as an artefact, of truths that jobs share."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np

from zenith.artefacts.coverage import Counted, Coverage, OfTruth
from zenith.core.likelihood.workspace import Workspace
from zenith.errors import InputError
from zenith.inference.coverage import Experiments, Floats, joined, run, summary
from zenith.inference.coverage_score import score
from zenith.inference.intervals import ONE_SIGMA


def fixed(workspace: Workspace, text: str) -> Floats:
    """A truth such as `mu=1,jes=-2`, (n,); what is not named is at its start. Raises InputError."""
    values = {}
    for part in text.split(","):
        name, _, value = (piece.strip() for piece in part.partition("="))
        try:
            values[name] = float(value)
        except ValueError:
            raise InputError(f"truth {text!r}: {part!r} is not NAME=NUMBER") from None
    return at(workspace, values)


def at(workspace: Workspace, values: Mapping[str, float]) -> Floats:
    """A truth by the names of parameters, (n,); what is not named is at its start.

    Raises InputError for a name that is none of the model's.
    """
    parameters = workspace.structure.parameters
    theta = parameters.init.copy()
    for name, value in values.items():
        if name not in parameters.names:
            known = ", ".join(parameters.names)
            raise InputError(f"truth: no parameter is called {name!r}; there is {known}")
        theta[parameters.names.index(name)] = value
    return np.asarray(theta)


def cover(
    workspace: Workspace,
    theta: Floats,
    numbers: Sequence[int],
    experiments: int | Sequence[int],
    seed: int,
    levels: Sequence[float],
    *,
    expected: Sequence[Floats] | None = None,
    noise: Floats | None = None,
) -> Coverage:
    """The pseudo-experiments of truths (T, n), of which `numbers` say which; any T of them may be
    run apart, and are the same as if they were run together.

    `experiments` is their number for each truth, or for all. `expected` are the counts of each
    truth, (B,), where they are known better than by the model, and `noise` (J, F, S, B) is that
    of the terms of surfaces.
    """
    structure, parameters = workspace.structure, workspace.structure.parameters
    truths: list[OfTruth] = []
    sizes = [experiments] * len(theta) if isinstance(experiments, int) else experiments
    counts = [None] * len(theta) if expected is None else expected
    for number, truth, size, mean in zip(numbers, theta, sizes, counts, strict=True):
        found = run(
            structure,
            workspace.templates,
            truth,
            size,
            (seed, number),
            levels=levels,
            expected=mean,
            noise=noise,
        )
        moved = {
            name: float(value)
            for name, value, init in zip(parameters.names, truth, parameters.init, strict=True)
            if value != init
        }
        of_truth = {
            "number": number,
            "parameters": moved,
            "truth": float(truth[parameters.poi]),
            "best": _nulls(found.best),
            "lower": _nulls(found.lower),
            "upper": _nulls(found.upper),
        }
        truths.append(cast(OfTruth, of_truth | _counted(found, levels)))
    return _together(sorted(levels), truths)


def beside(content: Coverage, variations: Coverage) -> None:
    """Add what fits without surfaces count of the same truths, in the same order."""
    for one, other in zip(content["truths"], variations["truths"], strict=True):
        counted = {key: value for key, value in other.items() if key in Counted.__annotations__}
        one["variations"] = cast(Counted, counted)


def merged(parts: Sequence[Coverage]) -> Coverage:
    """Parts of the truths as one. Raises InputError for a truth that is there twice, and for other
    levels."""
    truths = sorted((one for part in parts for one in part["truths"]), key=lambda t: t["number"])
    numbers = [one["number"] for one in truths]
    if any(part["levels"] != parts[0]["levels"] for part in parts):
        raise InputError("coverage: the parts are of different levels; run them all again")
    for number in numbers:
        if numbers.count(number) > 1:
            raise InputError(f"coverage: truth {number} is in two parts; give each part once")
    return _together(parts[0]["levels"], truths)


def _together(levels: Sequence[float], truths: Sequence[OfTruth]) -> Coverage:
    parts = [
        Experiments(
            np.full(one["experiments"], one["truth"]),
            *(np.array(one[key], float) for key in ("best", "lower", "upper")),
        )
        for one in truths
    ]
    total = _counted(joined(parts), levels)
    width, covered = total["mean_width"], total["coverage"][0]
    of_sigma = width is not None and abs(levels[0] - ONE_SIGMA) < 1e-3
    return {
        "levels": list(levels),
        "total": total,
        "score": score(width, covered, total["experiments"]) if of_sigma and width else None,
        "truths": list(truths),
    }


def _counted(found: Experiments, levels: Sequence[float]) -> Counted:
    counted = summary(found, levels)
    return {
        "experiments": counted.experiments,
        "failed": counted.failed,
        "coverage": list(counted.coverage),
        "coverage_error": list(counted.coverage_error),
        "mean_pull": _finite(counted.mean_pull),
        "mean_pull_error": _finite(counted.mean_pull_error),
        "pull_width": _finite(counted.pull_width),
        "mean_width": _finite(counted.mean_width),
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _nulls(values: Floats) -> Any:
    listed = values.astype(object)
    listed[~np.isfinite(values)] = None
    return listed.tolist()
