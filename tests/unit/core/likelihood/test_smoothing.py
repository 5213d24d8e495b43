"""Smoothing in JAX is cabinetry's, and has a derivative."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cabinetry.smooth import smooth_353qh_twice as reference

from zenith.core.likelihood.smoothing import smooth_353qh_twice


@pytest.mark.parametrize("bins", [2, 3, 4, 5, 6, 12])
def test_it_is_cabinetrys(bins: int) -> None:
    """Small whole numbers have flat segments, and half of the rows negative values."""
    rng = np.random.default_rng(bins)
    rough = np.concatenate([rng.normal(1.0, 0.1, (40, bins)), rng.integers(-1, 3, (80, bins))])
    expected = [reference(row.copy()) for row in rough]
    np.testing.assert_allclose(smooth_353qh_twice(jnp.asarray(rough)), expected, atol=1e-12)


def test_its_derivative_is_that_of_finite_differences() -> None:
    rough = jnp.asarray(np.random.default_rng(7).normal(1.0, 0.1, 9))
    jacobian = jax.jacobian(smooth_353qh_twice)(rough)
    step = 1e-6 * jnp.eye(9)
    shifted = [smooth_353qh_twice(rough + step) - smooth_353qh_twice(rough - step)]
    np.testing.assert_allclose(jacobian, (shifted[0] / 2e-6).T, atol=1e-8)
