"""The efficient score of one fold: what was learned put together, projected and binned."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from zenith.config import Analysis
from zenith.config.efficient_score import Cells, EfficientScoreSettings
from zenith.config.networks.settings import Mva
from zenith.core.networks.boosted_trees import BoostedTrees
from zenith.core.networks.network import Network
from zenith.core.response.efficient_score import EfficientScore
from zenith.core.response.learned import LearnedResponse
from zenith.core.response.projection import (
    Projection,
    best_edges,
    efficient,
    information,
    inseparable,
    project,
)
from zenith.errors import InputError
from zenith.statistics.nuisances import nuisances
from zenith.training.response import Events
from zenith.training.scores import evaluated

Array = NDArray[np.float64]


class Parameter(NamedTuple):
    """A nuisance parameter of the projection."""

    name: str
    prior: float  # inverse variance before the measurement: 1, or 0 for a free one
    rates: Mapping[str, float] = {}  # process → ∂ ln(yield) / ∂ν


def rate_parameters(analysis: Analysis) -> list[Parameter]:
    """Those that change the rates of processes: normalisations, and strengths of other signals."""
    found = []
    for nuisance in nuisances(analysis):
        if nuisance.kind == "normalisation":
            rate = float(np.log1p(nuisance.up) - np.log1p(nuisance.down)) / 2
            found.append(Parameter(nuisance.name, 1.0, dict.fromkeys(nuisance.processes, rate)))
        elif nuisance.kind == "free":
            found.append(Parameter(nuisance.name, 0.0, dict.fromkeys(nuisance.processes, 1.0)))
    _, *others = analysis.signal_strengths.items()
    return [*found, *(Parameter(name, 0.0, dict.fromkeys(of, 1.0)) for name, of in others)]


class Summary(NamedTuple):
    """The efficient score, and how it came about."""

    score: EfficientScore
    parameters: list[Parameter]  # in the order of the coefficients
    projection: Projection  # with 0 for a parameter that is left out
    kept: float  # share of the information that the bins keep


def summarise(
    analysis: Analysis,
    settings: EfficientScoreSettings,
    mva: Mva,
    ratios: Network,
    responses: BoostedTrees | None,
    scales: Mapping[str, float],
    nominal: Events,
    fold: int,
    learned: LearnedResponse | None = None,
) -> Summary:
    """Project and bin on the validation fold of a fold, with what its learning folds have taught.

    Parameters
    ----------
    ratios, responses, learned
        Networks of the fold.
    scales
        Of each response, in the order of the outputs of `responses` and then of `learned`, 0 where
        it is noise: then it is left out of the projection.
    nominal
        All simulated events that pass the cuts of the network.

    Raises InputError for a class without expected events in the folds that teach, for one of signal
    and background together, for parameters that do the same and of which none is constrained, and
    where the background does not fill as many bins.
    """
    parameters = rate_parameters(analysis)
    learning, validation = analysis.folds.learning(fold), analysis.folds.validation(fold)
    taught, seen = nominal.of(learning), nominal.of([validation])
    share, expected = _composition(analysis, mva, taught, learning)
    _composition(analysis, mva, seen, [validation])
    processes = list(analysis.processes)
    signal = share @ np.isin(processes, analysis.signals_of_interest)
    rates = [share @ [p.rates.get(name, 0.0) for name in processes] for p in parameters]
    score = EfficientScore.of(
        ratios,
        responses,
        expected,
        signal,
        np.array(rates).reshape(-1, len(expected)),
        np.array(list(scales.values())),
        settings.bins,
        learned,
        None if learned is None else share[:, [processes.index(p) for p in learned.processes]],
    )
    parameters += [Parameter(name, 1.0) for name in scales]  # as the outputs of the network
    scores = parameter_scores(score, seen.x)
    weight = seen.weight * (nominal.weight.sum() / seen.weight.sum())
    found = projection(analysis, score, scores, weight)
    if same := inseparable(information(scores, weight), np.array([p.prior for p in parameters])):
        names = " and ".join(parameters[k].name for k in same)
        raise InputError(
            f"summary: {names} do the same to all events, and no prior tells them apart: remove "
            "all but one of them, or give them priors"
        )
    if not found.information > 0.0:
        raise InputError(
            f"summary: the events of fold {validation} have no information on the signal strength "
            f"({found.information:.3g}), as negative weights prevail: simulate more events"
        )
    made, kept = rebinned(
        analysis, settings, score.projecting(found.coefficients, score.projected.edges), seen
    )
    return Summary(made, parameters, found, kept)


def projection(
    analysis: Analysis, score: EfficientScore, scores: Array, weight: Array
) -> Projection:
    """The projection of the score of μ onto all others, whatever the coefficients of `score` are.

    `scores` (1 + A, N) are those of the validation fold, of events whose weights (N,) stand for all
    events. A response that is left out is 0, and so is its coefficient.
    """
    prior = [parameter.prior for parameter in rate_parameters(analysis)]
    prior += [1.0] * len(score.scales)
    return project(information(scores, weight), np.array(prior))


def rebinned(
    analysis: Analysis, settings: EfficientScoreSettings, score: EfficientScore, seen: Events
) -> tuple[EfficientScore, float]:
    """The score with the bins that keep most of its information, and the share that they keep.

    `seen` are the events of the validation fold. Raises InputError where their background does not
    fill as many bins.
    """
    t = efficient(parameter_scores(score, seen.x), np.asarray(score.projected.coefficients, float))
    edges, kept = _bins(analysis, settings, t, seen, "summary.bins: the background")
    return score.projecting(score.projected.coefficients, edges), kept


class Celled(NamedTuple):
    """The efficient score in cells of the score of a nuisance parameter."""

    score: EfficientScore
    nuisance: str
    borders: Array  # (K - 1,) between the cells, of its score
    kept: float  # share of the information that the bins of all cells keep


def in_cells(
    analysis: Analysis,
    settings: EfficientScoreSettings,
    score: EfficientScore,
    costs: Mapping[str, float],
    seen: Events,
) -> Celled:
    """The score in the cells that keep most of the information on a nuisance parameter.

    Parameters
    ----------
    costs
        By nuisance parameter, in the order of the coefficients of `score`, what information on the
        signal strength is lost to it. The most expensive one divides, if `settings` names none.
    seen
        The events of the validation fold.

    Raises InputError for a parameter that is unknown or not seen in the events, and where their
    background does not fill the cells, or the bins of one.
    """
    cells = settings.cells
    assert cells is not None
    name = _dividing(cells, costs)
    row = 1 + list(costs).index(name)
    s, number = parameter_scores(score, seen.x), cells.number
    divided = best_edges(
        s[row],
        seen.weight,
        number,
        is_background=is_background(analysis, seen),
        effective_events=settings.bins * settings.effective_events,
    )
    if len(divided.edges) < number - 1:
        raise InputError(
            f"summary.cells: the background fills {len(divided.edges) + 1} cells of {name} with "
            f"{settings.bins} bins each, not {number}: write fewer cells or bins, lower "
            "summary.effective_events, or simulate more"
        )
    t = efficient(s, np.asarray(score.projected.coefficients, float))
    cell = np.searchsorted(divided.edges, s[row], side="right")
    edges, lost = [], 0.0
    for k in range(number):
        inside = cell == k
        own, kept = _bins(
            *(analysis, settings, t[inside], seen.take(inside)),
            f"summary.cells: the background of cell {k + 1} of {name}",
        )
        edges.append(own)
        lost += (1.0 - kept) * float(seen.weight[inside] @ t[inside] ** 2)
    kept = 1.0 - lost / float(seen.weight @ t**2)
    return Celled(score.in_cells(row, divided.edges, np.array(edges)), name, divided.edges, kept)


def _dividing(cells: Cells, costs: Mapping[str, float]) -> str:
    """The nuisance parameter whose score divides the events."""
    seen = [name for name, cost in costs.items() if cost > 0.0]
    if cells.nuisance is None and seen:
        return max(seen, key=lambda name: costs[name])
    if cells.nuisance in seen:
        return cells.nuisance
    there = f"there is {', '.join(seen)}" if seen else "there is none: remove summary.cells"
    asked = "" if cells.nuisance is None else f".nuisance: {cells.nuisance!r} is none:"
    raise InputError(
        f"summary.cells{asked} what divides the events is a nuisance parameter that costs "
        f"information on the signal strength; {there}"
    )


def _bins(
    analysis: Analysis,
    settings: EfficientScoreSettings,
    t: Array,
    seen: Events,
    what: str,
) -> tuple[Array, float]:
    """The edges (B + 1,) of the best bins of t (N,), and the share of information they keep."""
    binned = best_edges(
        t,
        seen.weight,
        settings.bins,
        is_background=is_background(analysis, seen),
        effective_events=settings.effective_events,
    )
    if len(binned.edges) < settings.bins - 1:
        raise InputError(
            f"{what} fills {len(binned.edges) + 1} bins with {settings.effective_events:g} "
            f"effective events each, not {settings.bins}: write fewer bins, lower "
            "summary.effective_events, or simulate more"
        )
    return np.concatenate([[t.min()], binned.edges, [t.max()]]), binned.kept


def is_background(analysis: Analysis, events: Events) -> NDArray[np.bool_]:
    """Which events are of no signal process, (N,)."""
    signals = np.isin(list(analysis.processes), analysis.signals)
    return np.asarray(~signals[events.process])


def parameter_scores(score: EfficientScore, x: NDArray[np.float32]) -> Array:
    """The scores of all parameters, (1 + A, N)."""
    return evaluated(EfficientScore.parameter_scores, score, x).astype(float)


def signal_share(score: EfficientScore, x: NDArray[np.float32]) -> Array:
    """The first of them, (N,), for which no response is evaluated."""
    return evaluated(EfficientScore.signal_share, score, x).astype(float)


def _composition(
    analysis: Analysis, mva: Mva, taught: Events, folds: Sequence[int]
) -> tuple[Array, Array]:
    """Shares of the processes in the yield of each class, (classes, processes), and the yields."""
    processes = list(analysis.processes)
    table = np.zeros((len(mva.classes), len(processes)))
    known = taught.label >= 0
    np.add.at(table, (taught.label[known], taught.process[known]), taught.weight[known])
    expected = table.sum(axis=1)
    signals = np.isin(processes, analysis.signals)
    for name, row, total in zip(mva.classes, table, expected, strict=True):
        if not total > 0.0:
            raise InputError(
                f"summary: the weights of class {name!r} of its network add up to {total:.3g} in "
                f"fold{'s' * (len(folds) > 1)} {', '.join(map(str, sorted(folds)))} of "
                f"{analysis.folds.number}: simulate more events, write fewer folds (folds.number), "
                "or leave the class out"
            )
        if (row[signals] != 0.0).any() and (row[~signals] != 0.0).any():
            raise InputError(
                f"summary: the class {name!r} of its network holds signal and background: the "
                "signal needs classes of its own"
            )
    return table / expected[:, None], expected
