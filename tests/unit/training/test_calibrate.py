"""Calibrations restore scores that were distorted, and are no worse than none where they learn."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import jax
import numpy as np
import pytest
from scipy.special import expit, logit, logsumexp

from zenith.core.networks.calibrated import KNOTS, Affine, Calibrated, Isotonic
from zenith.core.networks.perceptron import Perceptron
from zenith.errors import InputError
from zenith.training.calibrate import Linear, calibrated, linear, rising, set_aside
from zenith.training.evaluate import roc
from zenith.training.examples import Examples
from zenith.training.export import export_onnx
from zenith.training.scores import logits_of, scores_of

CLASSES = ("a", "b", "c")


def drawn(classes: int, events: int, seed: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Logits whose scores are the probabilities of the labels that are drawn, and weights."""
    random = np.random.default_rng(seed)
    z = random.normal(0.0, 1.5, (classes if classes > 2 else 1, events))
    odds = z if classes > 2 else np.concatenate([np.zeros_like(z), z])
    share = np.exp(odds - logsumexp(odds, axis=0))
    label = (random.random(events) > share.cumsum(axis=0)).sum(axis=0)
    return z, label, random.uniform(0.5, 1.5, events)


def entropy(z: np.ndarray, label: np.ndarray, weight: np.ndarray) -> float:
    odds = z if len(z) > 1 else np.concatenate([np.zeros_like(z), z])
    log_p = odds - logsumexp(odds, axis=0)
    return float(-(weight * log_p[label, np.arange(len(label))]).sum() / weight.sum())


# Distortions z → A z + b that a calibration of this kind can undo.
DISTORTED: list[tuple[Linear, int, np.ndarray, np.ndarray]] = [
    ("temperature", 2, np.eye(1) * 2.5, np.zeros(1)),
    ("temperature", 3, np.eye(3) * 0.4, np.zeros(3)),
    ("vector", 2, np.eye(1) * 4.0, np.array([2.0])),
    ("vector", 3, np.diag([4.0, 2.0, 0.5]), np.array([2.0, -1.0, 0.0])),
    ("matrix", 3, np.array([[1.0, 0.6, 0.0], [0.0, 1.5, -0.3], [0.2, 0.0, 0.7]]), np.ones(3)),
]


@pytest.mark.parametrize(("kind", "classes", "matrix", "offset"), DISTORTED)
def test_what_distorts_logits_is_undone(
    kind: Linear, classes: int, matrix: np.ndarray, offset: np.ndarray
) -> None:
    z, label, weight = drawn(classes, 30_000)
    distorted = matrix @ z + offset[:, None]
    found, moved = linear(kind, distorted, label, 7.0 * weight)
    both = found @ matrix  # of the true logits, up to a constant for all classes
    constant = found @ offset + moved
    if classes > 2:
        both, constant = both - both.mean(axis=0), constant - constant.mean()
        np.testing.assert_allclose(both, np.eye(3) - 1 / 3, atol=0.03)
    else:
        np.testing.assert_allclose(both, 1.0, atol=0.03)
    np.testing.assert_allclose(constant, 0.0, atol=0.05)
    if kind == "temperature":
        np.testing.assert_array_equal(found, found[0, 0] * np.eye(len(z)))
        assert not moved.any()


@pytest.mark.parametrize("kind", ["temperature", "vector", "matrix"])
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("events", [12, 400])
def test_the_cross_entropy_of_what_calibrates_does_not_rise(
    kind: Linear, classes: int, events: int
) -> None:
    z, label, weight = drawn(classes, events, seed=events)
    z = z * 1.7 + 0.3
    matrix, offset = linear(kind, z, label, weight)
    assert entropy(matrix @ z + offset[:, None], label, weight) < entropy(z, label, weight)


def test_a_class_with_one_event_stays_near_one() -> None:
    """It can be separated from all others: the cross-entropy alone has no minimum."""
    z = np.linspace(-1.0, 1.0, 50)[None]
    matrix, offset = linear("vector", z, np.arange(50) == 49, np.ones(50))
    assert 0.5 < matrix[0, 0] < 4.0
    assert -6.0 < offset[0] < 0.0


def test_shares_of_a_rising_function_are_those_of_pooled_violators() -> None:
    """Six scores of many events each: what is pooled can be seen, and worked out by hand."""
    scores = np.repeat([-3.0, -2.0, -1.0, 0.0, 1.0, 2.5], 100)
    share = np.array([0.10, 0.30, 0.20, 0.50, 0.80, 0.90])
    label = (np.arange(100) < 100 * share[:, None]).astype(int).ravel()
    x, y = rising(scores[None], label, np.full(600, 3.0))
    # one event of the class below all, one of the others above: 11 of 101, and 90 of 101
    expected = [(-3.0, 11 / 101), (-1.5, 0.25), (0.0, 0.5), (1.0, 0.8), (2.5, 90 / 101)]
    assert x.shape == y.shape == (1, KNOTS)
    np.testing.assert_allclose(np.unique(x), [centre for centre, _ in expected], atol=1e-12)
    np.testing.assert_allclose(np.unique(y), [logit(p) for _, p in expected], atol=1e-12)
    weight = np.where(scores == 0.0, 5.0, 1.0) * np.where(label == 1, 1.0, 0.5)
    x, y = rising(scores[None], label, weight)
    at = y[0, np.argmin(np.abs(x[0] - 0.0))]
    assert expit(at) == pytest.approx(50 / (50 + 0.5 * 50))


def pooled(share: list[float], weight: list[float]) -> np.ndarray:
    """The rising shares of the least squared error, by pooling neighbours one pair at a time."""
    blocks = [[s, w, 1] for s, w in zip(share, weight, strict=True)]
    while any(a[0] >= b[0] for a, b in pairwise(blocks)):
        k = next(k for k in range(len(blocks) - 1) if blocks[k][0] >= blocks[k + 1][0])
        (a, wa, na), (b, wb, nb) = blocks[k], blocks.pop(k + 1)
        blocks[k] = [(wa * a + wb * b) / (wa + wb), wa + wb, na + nb]
    return np.concatenate([np.full(int(n), s) for s, _, n in blocks])


def test_a_rising_function_of_a_few_weighted_events() -> None:
    random = np.random.default_rng(9)
    t = np.sort(random.normal(0.0, 1.0, 30))
    label = (random.random(30) < expit(2.0 * t)).astype(int)
    weight = random.uniform(0.2, 2.0, 30)
    w = weight * weight.sum() / (weight**2).sum()
    shares = pooled([1.0, *label, 0.0], [1.0, *w, 1.0])
    x, y = rising(t[None], label, weight)
    np.testing.assert_allclose(np.unique(y.round(9)), np.unique(logit(shares).round(9)))
    centres = [np.average(t[shares[1:-1] == s], weights=w[shares[1:-1] == s])
               for s in np.unique(shares)[1:-1]]  # fmt: skip
    np.testing.assert_allclose(np.unique(x)[1:-1], centres, atol=1e-9)


def bent(classes: int, events: int = 1000, seed: int = 4) -> tuple[np.ndarray, ...]:
    """Logits that no slope makes right."""
    z, label, weight = drawn(classes, events, seed)
    return np.sign(z) * np.abs(z) ** 1.5 + 0.5, label, weight


def identity(classes: int) -> Perceptron:
    """A network whose logits are its features."""
    outputs = classes if classes > 2 else 1
    names = tuple("xyz"[:outputs])
    net = Perceptron.create(jax.random.key(0), names, (), CLASSES if classes > 2 else ())
    return net.with_arrays(net.to_arrays() | {"weights.0": np.eye(outputs, dtype=np.float32)})


def events_of(z: np.ndarray, label: np.ndarray, weight: np.ndarray) -> Examples:
    return Examples(z.astype(np.float32), label.astype(np.int32), weight)


@pytest.mark.parametrize("classes", [2, 3])
def test_isotonic_calibration_undoes_what_no_matrix_can(classes: int) -> None:
    found = calibrated(identity(classes), "isotonic", events_of(*bent(classes, 20_000)))
    z, label, weight = drawn(classes, 20_000, seed=5)
    x = bent(classes, 20_000, seed=5)[0].astype(np.float32)
    after = logits_of(found, x).astype(float)
    matrix, offset = linear("matrix", x, label, weight)
    of_matrix = entropy(matrix @ x + offset[:, None], label, weight)
    best, left = entropy(z, label, weight), entropy(after, label, weight)
    if classes == 2:
        assert best < left < best + 0.25 * (of_matrix - best)
        truth = roc(z[0], label == 1, weight).auc
        assert roc(after[0], label == 1, weight).auc == pytest.approx(truth, abs=1e-7)
        order = np.argsort(x[0], kind="stable")
        assert (np.diff(after[0, order]) >= 0.0).all()
    else:  # log-odds against all others are no function of a class's own logit
        assert best < left < of_matrix
        np.testing.assert_allclose(np.exp(after).sum(axis=0) > 0.0, True)


def test_a_calibration_that_has_learnt_nothing_changes_no_score() -> None:
    for classes in (2, 3):
        net = identity(classes)
        x = drawn(classes, 300)[0].astype(np.float32)
        for kind in ("temperature", "isotonic"):
            found = Calibrated.of(net, kind)  # type: ignore[arg-type]
            np.testing.assert_allclose(scores_of(found, x), scores_of(net, x), atol=1e-6)
            assert found.uncalibrated is net


@pytest.mark.parametrize("kind", ["matrix", "isotonic"])
def test_a_climb_moves_the_network_and_not_its_calibration(kind: str) -> None:
    net = calibrated(identity(2), kind, events_of(*drawn(2, 500)))  # type: ignore[arg-type]
    x = np.array([[-0.7, 0.4, 1.3]], np.float32)
    gradient = jax.jit(jax.grad(lambda net: net.scores(x).sum()))(net)
    assert not any(np.any(leaf) for leaf in jax.tree.leaves(gradient.calibration))
    moved = gradient.network.to_arrays()["weights.0"]

    def at(weight: float) -> float:
        one = net.network.with_arrays(
            net.network.to_arrays() | {"weights.0": np.full((1, 1), weight)}
        )
        return float(scores_of(replace(net, network=one), x).sum())

    assert moved[0, 0] == pytest.approx((at(1.002) - at(0.998)) / 0.004, rel=2e-3)


def test_other_outputs_have_the_calibration_in_their_layer() -> None:
    net = calibrated(identity(3), "matrix", events_of(*drawn(3, 500)))
    random = np.random.default_rng(2)
    matrix, offsets = random.normal(size=(4, 3)), random.normal(size=4)
    x = random.normal(size=(3, 20)).astype(np.float32)
    found = logits_of(net.combined(matrix, offsets, tuple("pqrs")), x)
    expected = matrix @ logits_of(net, x) + offsets[:, None]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    with pytest.raises(InputError, match="isotonic calibration is in no last layer"):
        replace(net, calibration=Isotonic.identity(3)).combined(matrix, offsets, tuple("pqrs"))


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("kind", ["matrix", "isotonic"])
def test_onnx_has_the_calibration(tmp_path: Path, classes: int, kind: str) -> None:
    onnxruntime = pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
    net = calibrated(identity(classes), kind, events_of(*bent(classes)))  # type: ignore[arg-type]
    export_onnx(tmp_path / "net.onnx", net)
    x = 3.0 * drawn(classes, 400, seed=7)[0].astype(np.float32)  # also beyond what was seen
    session = onnxruntime.InferenceSession(tmp_path / "net.onnx")
    found, none = (session.run(["scores"], {"events": rows})[0] for rows in (x.T, x.T[:0]))
    assert none.shape == (0, found.shape[1])
    expected = scores_of(net, x)
    np.testing.assert_allclose(found.T, expected, atol=1e-5)
    assert np.abs(expected - scores_of(net.uncalibrated, x)).max() > 0.01


def test_a_share_of_each_class_is_set_aside() -> None:
    label = np.repeat([0, 1], [300, 20])
    events = events_of(np.arange(320.0)[None], label, np.ones(320))
    chooses, calibrates = set_aside(events, ("a", "b"), 0.25, np.random.default_rng(1))
    assert np.bincount(calibrates.label).tolist() == [75, 5]
    assert sorted([*chooses.x[0], *calibrates.x[0]]) == list(range(320))
    assert set_aside(events, ("a", "b"), 1.0, np.random.default_rng(1)) == (events, events)
    one = events.take(np.arange(301))
    message = r"0 of the 1 validation events of class 'b' .* write calibration\.share: 1"
    with pytest.raises(InputError, match=message):
        set_aside(one, ("a", "b"), 0.25, np.random.default_rng(1))


@pytest.mark.parametrize("kind", ["temperature", "isotonic"])
def test_events_that_cannot_calibrate(kind: str) -> None:
    z, label, weight = drawn(3, 60)
    for change, message in (
        ({"x": np.ones((3, 60), np.float32)}, "all 60 scores are equal"),
        ({"label": np.minimum(label, 1).astype(np.int32)}, "the class c has no events"),
        (
            {"label": np.where(label == 2, 3, label)},
            r"the label 3 is beyond the 3 classes \(0 to 2",
        ),
        ({"label": label - 1}, r"the label -1 is beyond the 3 classes"),
    ):
        with pytest.raises(InputError, match=f"calibration: {message}"):
            calibrated(identity(3), kind, events_of(z, label, weight)._replace(**change))  # type: ignore[arg-type]


def test_isotonic_calibration_of_negative_weights() -> None:
    z, label, weight = drawn(2, 60)
    negative = events_of(z, label, np.where(np.arange(60) < 5, -weight, weight))
    with pytest.raises(InputError, match=r"5 of 60 weights are negative.* negative_weights: absol"):
        calibrated(identity(2), "isotonic", negative)
    assert isinstance(calibrated(identity(2), "vector", negative).calibration, Affine)
