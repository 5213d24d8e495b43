"""The efficient score as a network: against numpy, finite differences and ONNX."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from zenith.core.networks.perceptron import Perceptron
from zenith.core.response.efficient_score import EfficientScore
from zenith.core.response.learned import LearnedResponse
from zenith.training.export import export_onnx

BINS = 5


@pytest.fixture(scope="module")
def score() -> EfficientScore:
    keys = jax.random.split(jax.random.key(1), 2)
    ratios = Perceptron.create(keys[0], ["a", "b"], [4], ["signal", "top", "w"])
    responses = Perceptron.create(keys[1], ["c", "a"], [3], ["jes", "jer"])
    made = EfficientScore.of(
        ratios,
        responses,
        expected=np.array([10.0, 200.0, 300.0]),
        signal=np.array([1.0, 0.0, 0.0]),
        rates=np.array([[0.0, 1.0, 0.0], [0.01, 0.01, 0.19]]),
        scales=np.array([0.5, 1.2]),
        bins=BINS,
    )
    return made.projecting([0.02, -0.1, 0.3, 0.05], [0.0, 0.04, 0.06, 0.11, 0.15, 0.2])


@pytest.fixture(scope="module")
def x() -> np.ndarray:
    return np.random.default_rng(2).normal(size=(3, 200)).astype(np.float32)


def by_hand(score: EfficientScore, x: np.ndarray) -> np.ndarray:
    """t of features (a, b, c)."""
    logits = np.asarray(score.ratios.logits(jnp.asarray(x[:2])), float)
    weighted = np.exp(logits) * np.array([[10.0], [200.0], [300.0]])
    signal, top, w = weighted / weighted.sum(axis=0)
    assert score.responses is not None
    z = np.asarray(score.responses.logits(jnp.asarray(x[[2, 0]])), float)
    responses = np.array([[0.5], [1.2]]) * np.tanh(z / 2)
    rates = [top, 0.01 * signal + 0.01 * top + 0.19 * w]
    return np.asarray(signal - np.array([0.02, -0.1, 0.3, 0.05]) @ [*rates, *responses])


def test_it_is_the_projected_score_in_units_of_its_bins(
    score: EfficientScore, x: np.ndarray
) -> None:
    assert score.features == ("a", "b", "c")
    t = by_hand(score, x)
    assert np.asarray(score.efficient(jnp.asarray(x))) == pytest.approx(t, abs=1e-6)
    place = np.asarray(score.scores(jnp.asarray(x)))[0]
    edges = np.asarray(score.projected.edges, float)
    expected = np.interp(t, edges, np.linspace(0.0, 1.0, BINS + 1))
    assert place == pytest.approx(expected, abs=2e-5)
    assert place.max() < 1.0
    # equal bins of the place are the bins of t
    clear = np.abs(t[:, None] - edges).min(axis=1) > 1e-5
    index = np.clip(np.searchsorted(edges, t, side="right") - 1, 0, BINS - 1)
    assert (np.floor(place * BINS)[clear] == index[clear]).all()
    assert len(set(index)) == BINS


def test_gradients_are_finite_differences(score: EfficientScore, x: np.ndarray) -> None:
    def total(coefficients: jax.Array, edges: jax.Array) -> jax.Array:
        projected = replace(score.projected, coefficients=coefficients, edges=edges)
        moved = replace(score, projected=projected)
        # a smooth function of the places
        return jnp.sin(3 * moved.scores(jnp.asarray(x, jnp.float64))).sum()

    here = (
        jnp.asarray(score.projected.coefficients, float),
        jnp.asarray(score.projected.edges, float),
    )
    gradients = jax.grad(total, argnums=(0, 1))(*here)
    for argument, gradient in enumerate(gradients):
        for k in range(len(gradient)):
            step = 1e-7
            up, down = (
                [a.at[k].add(s) if n == argument else a for n, a in enumerate(here)]
                for s in (step, -step)
            )
            slope = (total(*up) - total(*down)) / (2 * step)
            assert float(gradient[k]) == pytest.approx(float(slope), rel=2e-4, abs=1e-3)


def test_the_share_of_the_signal_is_the_first_score(score: EfficientScore, x: np.ndarray) -> None:
    events = jnp.asarray(x)
    np.testing.assert_array_equal(score.signal_share(events), score.parameter_scores(events)[0])


def test_beyond_the_outermost_edges_nothing_moves(score: EfficientScore, x: np.ndarray) -> None:
    """Nor is a gradient infinite there, though the logit of 0 and of 1 is."""
    edges = score.projected.edges + 10.0
    gradient = jax.grad(lambda c: score.projecting(c, edges).scores(jnp.asarray(x)).sum())(
        score.projected.coefficients
    )
    assert np.asarray(gradient) == pytest.approx(np.zeros(4), abs=1e-12)


def test_its_arrays_are_all_of_it(score: EfficientScore, x: np.ndarray) -> None:
    shell = jax.eval_shape(
        lambda: score.projecting(0 * score.projected.coefficients, score.projected.edges)
    )
    again = shell.with_arrays(score.to_arrays())
    assert (
        np.asarray(again.scores(jnp.asarray(x))) == np.asarray(score.scores(jnp.asarray(x)))
    ).all()


def with_learned_responses(score: EfficientScore) -> EfficientScore:
    """The same with those of two processes to two parameters more; one class is half of each."""
    made = LearnedResponse.create(jax.random.key(4), ["b", "c"], ["p", "q"], ["t", "s"], [3])
    random = np.random.default_rng(5)
    drawn = [random.normal(size=a.shape).astype(np.float32) for a in jax.tree.leaves(made)]
    learned = jax.tree.unflatten(jax.tree.structure(made), drawn)
    learned = replace(
        learned, networks=replace(learned.networks, scale=jnp.abs(learned.networks.scale) + 1)
    )
    more = EfficientScore.of(
        score.ratios,
        score.responses,
        score.expected,
        score.signal,
        score.rates,
        np.array([0.5, 1.2, 0.9, 1.1]),
        BINS,
        learned,
        COMPOSITION,
    )
    coefficients = np.append(score.projected.coefficients, [0.02, 0.03])
    return more.projecting(coefficients, score.projected.edges)


COMPOSITION = np.array([[0.0, 0.0], [0.5, 0.5], [0.0, 1.0]])


def test_learned_responses_are_of_the_processes_by_their_shares(
    score: EfficientScore, x: np.ndarray
) -> None:
    made, events = with_learned_responses(score), jnp.asarray(x)
    assert made.learned is not None
    found = np.asarray(made.parameter_scores(events))
    np.testing.assert_allclose(found[:5], score.parameter_scores(events), rtol=1e-5)
    logits = np.asarray(made.ratios.logits(events[:2]), float)
    weighted = np.exp(logits) * np.array([[10.0], [200.0], [300.0]])
    shares = COMPOSITION.T @ (weighted / weighted.sum(axis=0))
    assert np.asarray(made.process_shares(events)) == pytest.approx(shares, abs=1e-6)
    for a, scale in enumerate((0.9, 1.1)):
        expected = 0.0
        for p, process in enumerate(("p", "q")):
            of_density = np.asarray(made.learned.of_process(process).logits(events[1:]), float)[a]
            expected = expected + shares[p] * (of_density + float(made.learned.rates[p, a]))
        assert found[5 + a] == pytest.approx(scale * expected, abs=1e-4)


ROW, BORDERS = 4, [-0.5, 0.1]  # the score of the second response
EDGES = np.array([[0.0, 0.04, 0.1, 0.2], [-0.1, 0.0, 0.05, 0.1], [-0.2, -0.1, 0.0, 0.3]])


def in_cells(score: EfficientScore) -> EfficientScore:
    return score.in_cells(ROW, BORDERS, EDGES)


def test_in_cells_it_is_in_units_of_the_bins_of_each(score: EfficientScore, x: np.ndarray) -> None:
    made, t = in_cells(score), by_hand(score, x)
    own = np.asarray(score.parameter_scores(jnp.asarray(x)), float)[ROW]
    cell = np.searchsorted(BORDERS, own, side="right")
    assert set(cell) == {0, 1, 2}
    places = [np.interp(t, edges, np.linspace(0.0, 1.0, 4)) for edges in EDGES]
    expected = (cell + np.choose(cell, places)) / 3
    place = np.asarray(made.scores(jnp.asarray(x)))[0]
    assert place == pytest.approx(expected, abs=3e-5)
    # no event is on a border, whatever is beyond the outermost edges of its cell
    assert (np.floor(place * 3) == cell).all()
    np.testing.assert_array_equal(made.projected.cell(made.parameter_scores(jnp.asarray(x))), cell)
    assert (made.efficient(jnp.asarray(x)) == score.efficient(jnp.asarray(x))).all()


def test_what_leaves_its_cells_is_the_score_without_them(
    score: EfficientScore, x: np.ndarray
) -> None:
    again = in_cells(score).projecting(score.projected.coefficients, score.projected.edges)
    np.testing.assert_array_equal(again.scores(jnp.asarray(x)), score.scores(jnp.asarray(x)))


@pytest.mark.parametrize("make", [lambda score: score, with_learned_responses, in_cells])
def test_onnx_gives_the_same(
    score: EfficientScore, x: np.ndarray, tmp_path: Path, make: Callable[..., EfficientScore]
) -> None:
    runtime = pytest.importorskip("onnxruntime")
    score = make(score)
    export_onnx(tmp_path / "score.onnx", score)
    session = runtime.InferenceSession(str(tmp_path / "score.onnx"))
    found, none = (session.run(["scores"], {"events": rows})[0] for rows in (x.T, x.T[:0]))
    assert none.shape == (0, 1)
    assert found[:, 0] == pytest.approx(np.asarray(score.scores(jnp.asarray(x)))[0], abs=1e-5)


def test_two_classes_have_one_logit(x: np.ndarray) -> None:
    ratios = Perceptron.create(jax.random.key(3), ["a", "b", "c"], [4])
    made = EfficientScore.of(
        ratios,
        None,
        expected=np.array([300.0, 10.0]),
        signal=np.array([0.0, 1.0]),
        rates=np.array([[1.0, 0.0]]),
        scales=np.array([]),
        bins=4,
    )
    q = np.asarray(ratios.scores(jnp.asarray(x)))[0]
    share = 10 * q / (10 * q + 300 * (1 - q))
    assert np.asarray(made.parameter_scores(jnp.asarray(x))) == pytest.approx(
        np.array([share, 1 - share]), rel=1e-4
    )
