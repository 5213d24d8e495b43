"""Scalers and encodings of features: their numbers from weighted values, and what is missing."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

from zenith.core.networks.scaling import PIECES, Scaling
from zenith.errors import InputError

RANDOM = np.random.default_rng(1)
X = RANDOM.gamma(2.0, 30.0, 4000).astype(np.float32)
WEIGHT = RANDOM.exponential(1.0, 4000)


def rows(scaler: str, x: np.ndarray = X, transform: tuple[str, ...] = ("raw",)) -> np.ndarray:
    scaling = Scaling.create(["x"], {"x": transform}, {"x": scaler}).fitted(x[None], WEIGHT)
    found = np.asarray(scaling(jnp.asarray(x[None])))
    assert len(scaling.rows) == len(found)
    return found


def test_scalers_are_their_definitions() -> None:
    mean = np.average(X.astype(float), weights=WEIGHT)
    deviation = np.sqrt(np.average((X - mean) ** 2, weights=WEIGHT))
    np.testing.assert_allclose(rows("standard")[0], (X - mean) / deviation, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(rows("none")[0], X)
    expected = (X - X.min()) / (X.max() - X.min())
    np.testing.assert_allclose(rows("min_max")[0], expected, atol=1e-6)
    z = rows("robust")[0]
    assert WEIGHT[z <= 0.0].sum() / WEIGHT.sum() == pytest.approx(0.5, abs=1e-3)
    order = np.argsort(X)
    shares = np.cumsum(WEIGHT[order]) / WEIGHT.sum()
    quarter, three = (z[order][np.searchsorted(shares, share)] for share in (0.25, 0.75))
    assert three - quarter == pytest.approx(norm.ppf(0.75) - norm.ppf(0.25), rel=5e-3)


def test_quantiles_make_a_gaussian() -> None:
    z = rows("quantile")[0]
    order = np.argsort(z)
    shares = (np.cumsum(WEIGHT[order]) - 0.5 * WEIGHT[order]) / WEIGHT.sum()
    inside = np.abs(z[order]) < 2.9
    assert np.abs(norm.cdf(z[order]) - shares)[inside].max() < 0.01
    assert (np.diff(z[np.argsort(X)]) >= 0.0).all()


def test_pieces_add_up_to_the_share_below() -> None:
    """Of bins of equal weight: at each edge the sum of the rows is the number of bins below."""
    found = rows("piecewise_linear")
    assert found.shape == (PIECES, len(X))
    order = np.argsort(X)
    shares = np.cumsum(WEIGHT[order]) / WEIGHT.sum()
    at = np.searchsorted(shares, np.arange(1, PIECES) / PIECES)
    assert np.abs(found.sum(axis=0)[order][at] - np.arange(1, PIECES)).max() < 0.05
    assert (np.diff(found, axis=0) <= 0.0).all()  # a bin is full before the next begins


@pytest.mark.parametrize("scaler", ["quantile", "piecewise_linear"])
def test_a_value_that_many_share_is_a_step(scaler: str) -> None:
    x = np.where(RANDOM.random(4000) < 0.6, 0.0, X).astype(np.float32)
    found = rows(scaler, x)
    assert np.isfinite(found).all()
    assert len(np.unique(found[:, x == 0.0])) <= 2


def test_categories_and_what_is_missing() -> None:
    x = np.array([[5, 4, 0, 7, 5], [1.0, np.nan, 3.0, np.nan, 2.0]], np.float32)
    scaling = Scaling.create(["flavour", "tag"], {}, {}, {"flavour": [0, 5]}, ["tag"])
    scaling = scaling.fitted(x, np.array([1.0, 1.0, 2.0, 1.0, 1.0]))
    assert scaling.rows == (
        ("tag", "raw"), ("flavour", "is_0"), ("flavour", "is_5"), ("flavour", "is_other"),
        ("tag", "missing"),
    )  # fmt: skip
    tag = (np.array([1.0, 3.0, 2.0]) - 2.25) / np.sqrt(0.6875)
    expected = [[tag[0], 0, tag[1], 0, tag[2]], [0, 0, 1, 0, 0], [1, 0, 0, 0, 1],
                [0, 1, 0, 1, 0], [0, 1, 0, 1, 0]]  # fmt: skip
    np.testing.assert_allclose(scaling(jnp.asarray(x)), expected, atol=1e-6)
    gradient = jax.grad(lambda x: (scaling(x) ** 2).sum())(jnp.asarray(x))
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.full((1, 3), 2.0), "the log of the feature 'x' is 0.693.* in all training events: rem"),
        (np.full((1, 3), np.nan), "the log of the feature 'x' is missing in all training events"),
    ],
)
def test_what_never_varies_is_named(x: np.ndarray, message: str) -> None:
    scaling = Scaling.create(["x"], {"x": ["log"]}, missing=["x"])
    with pytest.raises(InputError, match=message):
        scaling.fitted(x.astype(np.float32), np.ones(3))
