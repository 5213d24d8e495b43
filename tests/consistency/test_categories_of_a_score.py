"""Categories of the efficient score: where they begin, what a climb moves, and what is quoted."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from makers.efficient_score import NETWORK, toy_score

from zenith.artefacts import Columns
from zenith.cli.efficient_scores import read_climbed_scores, read_score
from zenith.config import Analysis, parse
from zenith.config.efficient_score import SCORE
from zenith.config.variants import in_climbed_categories
from zenith.core.response.efficient_score import EfficientScore
from zenith.core.selection.objective import hard_value
from zenith.errors import ConfigError, InputError
from zenith.events.folds import folds_of
from zenith.optimisation import ascent, model
from zenith.optimisation.rivals import in_categories
from zenith.optimisation.score_categories import Asked, Begun, begun, best, events_in_bins, in_bins
from zenith.optimisation.selection import Physical, all_thresholds, configured
from zenith.statistics.histograms import fill
from zenith.training.efficient_score import parameter_scores
from zenith.training.scores import add_unseen_scores

Configure = Callable[..., dict[str, Any]]
FOLD, NUMBER, LEAST = 1, 3, 50.0
CATEGORIES = {
    "score": SCORE,
    "number": NUMBER,
    "minimum_events": LEAST,
    "tune": [0, 1],
    "width": 1 / NUMBER,
    "optimise": {
        "steps": 8,
        "keep": "last",
        "temperature": [0.3, 0.05],
        "learning_rates": {"networks": 0.03, "edges": 0.03},
    },
}
SUMMARY = {"network": "network", "bins": 6, "rival": {"categories": NUMBER}}


def configuration(configure: Configure, **changes: Any) -> Analysis:
    settings = CATEGORIES | changes
    keys = {"mva": {"network": NETWORK}, "summary": SUMMARY, "climbed_categories": settings}
    return parse(configure(**keys))


@pytest.fixture(scope="module")
def analysis(toy_configuration: Configure) -> Analysis:
    return in_climbed_categories(configuration(toy_configuration))


@pytest.fixture(scope="module")
def score() -> EfficientScore:
    return toy_score()


def climbed(
    analysis: Analysis, columns: dict[str, Columns], score: EfficientScore
) -> tuple[Begun, Physical]:
    start = begun(analysis, columns, score, FOLD)
    validation = [analysis.folds.validation(FOLD)]
    events = model.events(analysis, start.columns, start.start["networks"], validation)
    climb = ascent.climb(
        analysis,
        model.objective(analysis),
        events,
        events,
        start.start,
        ascent.optimiser(analysis),
    )
    assert climb.rows[-1]["value"] > climb.rows[0]["value"]
    return start, climb.kept


def test_they_begin_where_most_information_is_kept(
    analysis: Analysis, toy_columns: dict[str, Columns], score: EfficientScore
) -> None:
    """Beside random edges that have the events, by the definition in a few lines of numpy."""
    asked = Asked.of(analysis)
    events = events_in_bins(analysis, toy_columns, asked)
    found = best(analysis, score, events, FOLD, asked)
    seen = events.of([analysis.folds.validation(FOLD)])
    s, w = parameter_scores(score, seen.x[:-1]), seen.weight
    t = s[0] - np.asarray(found.projected.coefficients, float) @ s[1:]
    axis = np.asarray(asked.fit.edges.edges)
    bins = np.clip(np.searchsorted(axis, seen.x[-1], "right") - 1, 0, len(axis) - 2)
    signal = list(analysis.processes).index("signal")

    def kept(edges: np.ndarray) -> float:
        category = np.searchsorted(edges, t, "right")
        total = 0.0
        for k in range(NUMBER):
            own = w * ((category == k) & (seen.process != signal))
            if own.sum() ** 2 < LEAST * (own**2).sum():
                return -np.inf
            for b in range(len(axis) - 1):
                cell = (category == k) & (bins == b)
                if w[cell].sum() ** 2 > 0.5 * (w[cell] ** 2).sum() and w[cell].sum() > 0:
                    total += (w * t)[cell].sum() ** 2 / w[cell].sum()
        return total

    inner = np.asarray(found.projected.edges)[1:-1]
    assert not np.isin(inner, np.float32(t)).any()
    most, rng = kept(inner), np.random.default_rng(5)
    for _ in range(40):
        assert kept(np.sort(rng.choice(t, NUMBER - 1, replace=False))) <= most * (1 + 1e-3)


def test_what_a_climb_moves_is_what_is_quoted(
    analysis: Analysis, toy_columns: dict[str, Columns], score: EfficientScore
) -> None:
    start, kept = climbed(analysis, toy_columns, score)
    moved, fold = start.moved(kept), analysis.folds.validation(FOLD)
    changed = np.asarray(moved.projected.coefficients - start.score.projected.coefficients)
    assert (np.abs(changed) > 1e-3 * start.unit).any()
    before, after = (all_thresholds(analysis, place) for place in (start.start, kept))
    assert all(before[name] != after[name] for name in before)
    events = model.events(analysis, start.columns, kept["networks"], [fold])
    value = float(hard_value(kept, model.objective(analysis), events))

    fixed, folds = in_bins(analysis), analysis.folds
    scored = {
        name: add_unseen_scores(own, [{SCORE: moved}] * folds.number, folds)
        for name, own in toy_columns.items()
    }
    again = model.events(fixed, scored, {}, [fold])
    found = hard_value(configured(fixed, {}), model.objective(fixed), again)
    assert value == pytest.approx(float(found), rel=1e-5)

    settled, least = start.settled(analysis, kept, FOLD), Asked.of(analysis).effective_events
    assert (settled.projected.coefficients == moved.projected.coefficients).all()
    seen = start.events.of([fold])
    place = settled.scores(seen.x[:-1])[0]
    background = seen.process != list(analysis.processes).index("signal")
    for k in range(NUMBER):
        own = seen.weight[background & (np.floor(place * NUMBER) == k)]
        assert own.sum() ** 2 > (1 - 1e-6) * least * (own**2).sum()


def test_no_other_fold_teaches_it(
    analysis: Analysis, toy_columns: dict[str, Columns], score: EfficientScore
) -> None:
    changed = {}
    for name, own in toy_columns.items():
        other = folds_of(own.hash, analysis.folds) != analysis.folds.validation(FOLD)
        tagged = np.where(other, np.float32(0.5), own.values["btag_1"])
        changed[name] = replace(own, values=own.values | {"btag_1": tagged})
    (one, kept), (two, again) = (climbed(analysis, c, score) for c in (toy_columns, changed))
    for name in ("coefficients", "edges"):
        ours, theirs = (getattr(m.projected, name) for m in (one.moved(kept), two.moved(again)))
        np.testing.assert_array_equal(ours, theirs)


def test_without_coefficients_they_are_those_of_the_share_of_the_signal(
    toy_configuration: Configure, toy_columns: dict[str, Columns], score: EfficientScore
) -> None:
    """So a climb begins at what the class ratios give: the rival, where it has as many."""
    whole = configuration(toy_configuration)
    analysis = in_climbed_categories(whole)
    asked, folds = Asked.of(analysis), whole.folds
    events = events_in_bins(analysis, toy_columns, asked)
    none = np.zeros(len(score.projected.coefficients))
    shares = [best(analysis, score, events, k, asked, none) for k in range(folds.number)]
    scored = {
        name: add_unseen_scores(own, [{SCORE: of_fold} for of_fold in shares], folds)
        for name, own in toy_columns.items()
    }
    ours = fill(in_bins(analysis), scored)
    rival = fill(*in_categories(whole, toy_columns, [score] * folds.number, asked))
    for name, histogram in rival.items():
        own = ours[name.replace("category_", "categories_", 1)]
        np.testing.assert_allclose(own.values(), histogram.values(), rtol=1e-9, atol=1e-9)


def test_more_than_the_events_carry_are_refused(
    toy_configuration: Configure, toy_columns: dict[str, Columns], score: EfficientScore
) -> None:
    many = configuration(toy_configuration, number=30, minimum_events=1000)
    with pytest.raises(
        InputError,
        match=r"categories\.number: the background fills \d+ .* not 30: .*minimum_events",
    ):
        begun(in_climbed_categories(many), toy_columns, score, FOLD)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"edges": [0.2, 0.5]}, "climbed_categories: edges of the efficient_score begin where"),
        ({"background_uncertainty": 0.1}, "leave out edges and background_uncertainty"),
        ({"tune": None}, "nothing moves in their climb"),
    ],
)
def test_what_does_not_apply_is_refused(
    toy_configuration: Configure, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        configuration(toy_configuration, **changes)


def test_their_files_are_those_of_scores(analysis: Analysis, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"name the file of the fold with --score, results/toy/"):
        read_score(analysis, None, FOLD)
    selection = tmp_path / "selection.json"
    selection.write_text('{"thresholds": {}}')
    with pytest.raises(InputError, match=r"selection\.json: it moves no efficient_score"):
        read_climbed_scores(analysis, [str(selection)], NUMBER)


def test_they_need_a_summary(toy_configuration: Configure) -> None:
    with pytest.raises(ConfigError, match=r"climbed_categories\.score, .*'efficient_score' is not"):
        parse(toy_configuration(mva={"network": NETWORK}, climbed_categories=CATEGORIES))
