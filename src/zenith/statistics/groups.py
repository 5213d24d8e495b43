"""What groups of nuisance parameters cost: what would be gained if they were known exactly."""

from collections.abc import Iterable, Sequence
from functools import partial

from zenith.artefacts.fit import GroupImpact, Parameter
from zenith.config import Analysis
from zenith.statistics.best_fit import BestFit
from zenith.statistics.expected import expected_significance
from zenith.statistics.likelihood import Likelihood
from zenith.statistics.naming import parameter_groups
from zenith.statistics.parts import impact_of
from zenith.statistics.reasons import Reasons


def groups(analysis: Analysis, likelihood: Likelihood) -> list[list[int]]:
    """The parameters that are fitted, but for that of interest, by group; indices of the model."""
    named = parameter_groups(analysis, likelihood.names)
    members: dict[str, list[int]] = {}
    for index, name in enumerate(likelihood.names):
        if index != likelihood.poi and not likelihood.fixed[index]:
            members.setdefault(named[name], []).append(index)
    return list(members.values())


def all_constrained(parameters: Sequence[Parameter]) -> list[list[int]]:
    """One group of all that have a constraint; none where nothing has."""
    kinds = ("constrained", "mc_statistics")
    found = [i for i, parameter in enumerate(parameters) if parameter["kind"] in kinds]
    return [found] if found else []


def group_impacts(
    likelihood: Likelihood,
    best: BestFit,
    asimov: BestFit | None,
    significance: float | None,
    reasons: Reasons,
    members: Iterable[Sequence[int]],
) -> list[GroupImpact]:
    """What each group costs, the dearest in expected significance first.

    `best` is the fit to the data and `asimov` that to the Asimov data with the signal, of which
    `significance` is the expected one. What needs a fit that does not converge is None, and
    `reasons` say why.
    """
    poi, found = likelihood.poi, list[GroupImpact]()
    for group in members:
        names = [likelihood.names[index] for index in group]
        compute = partial(expected_significance, likelihood, group)
        known = reasons.attempt(f"groups.{names[0]}.significance", compute)
        gain = None if known is None or significance is None else known - significance
        found.append(
            {
                "parameters": names,
                "impact": impact_of(best, poi, group),
                "expected_impact": None if asimov is None else impact_of(asimov, poi, group),
                "significance": known,
                "gain": gain,
            }
        )
    return sorted(found, key=lambda group: -(group["gain"] or 0.0))
