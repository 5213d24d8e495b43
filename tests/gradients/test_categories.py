"""Gradients of the soft significance to categories, against finite differences."""

import jax
import numpy as np
import pytest

from zenith.core.categories.cells import Cells
from zenith.core.categories.counting import Counting, Requirements
from zenith.core.categories.yields import Tallied
from zenith.core.selection.memberships import Edges, Mixture


def events(dimensions: int) -> Cells:
    random = np.random.default_rng(3)
    signal = random.integers(-1, 2, 400)
    x = random.normal(0.5 + 0.15 * signal[None, :], 0.2, (dimensions, 400))
    cells = Cells.of(x, Tallied.of(random.uniform(0.5, 1.5, 400), signal), 400)
    return jax.tree.map(lambda part: np.asarray(part, np.float64), cells)


@pytest.mark.parametrize(
    "categories",
    [
        Edges.at([0.3, 0.5, 0.8], -0.5, 1.5),
        Mixture.of(
            [0.5, 0.3, 0.2],
            [[0.2, 0.3], [0.7, 0.6], [0.5, 0.4]],
            np.array([[0.05, 0.02], [0.02, 0.04]]) * np.array([1.0, 2.0, 0.7])[:, None, None],
        ),
    ],
    ids=["edges", "mixture"],
)
@pytest.mark.parametrize("uncertainty", [0.0, 0.1])
def test_finite_differences(categories, uncertainty):
    cells = events(1 if isinstance(categories, Edges) else 2)
    # one requirement that fails and one that holds, so that the penalty has a gradient too
    need, counting = Requirements(60.0, 0.12), Counting(uncertainty)
    leaves, tree = jax.tree.flatten(categories)
    sizes = np.cumsum([leaf.size for leaf in leaves])[:-1]

    @jax.jit
    def loss(flat):
        parts = jax.numpy.split(flat, sizes)
        here = jax.tree.unflatten(
            tree, [p.reshape(leaf.shape) for p, leaf in zip(parts, leaves, strict=True)]
        )
        yields = cells.soft(here, 0.2)
        short = need.shortfall(yields.background, yields.variance).sum()
        return short - counting.value(yields)

    flat = np.concatenate([np.ravel(leaf) for leaf in leaves])
    gradient = np.asarray(jax.grad(loss)(flat))
    steps = 1e-5 * np.eye(len(flat))
    expected = [float(loss(flat + step) - loss(flat - step)) / 2e-5 for step in steps]
    assert np.abs(gradient).max() > 1e-3
    np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-7)
