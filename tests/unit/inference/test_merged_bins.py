"""What bins tell that are merged, by closed forms, and planes of two parameters."""

import jax.numpy as jnp
import numpy as np
import pytest

from zenith.core.likelihood.composition import Modifier
from zenith.core.likelihood.structure import Structure, Templates
from zenith.core.likelihood.workspace import Workspace
from zenith.errors import FitError
from zenith.inference.merged_bins import errors
from zenith.inference.planes import plane

SIGNAL = np.array([1.0, 2.0, 20.0, 10.0])
BACKGROUND = np.array([100.0, 200.0, 50.0, 25.0])
ERROR = np.array([5.0, 6.0, 7.0, 4.0])
KAPPA = 1.1


def workspace() -> Workspace:
    """Two channels of two bins, a rate of the background, and few simulated events."""
    channels = (("a", 2), ("b", 2))
    modifiers = tuple(
        Modifier(type_, name, channel, sample)
        for channel, _ in channels
        for type_, name, sample in (
            ("normfactor", "mu", "s"),
            ("normsys", "rate", "b"),
            ("staterror", f"stat_{channel}", "b"),
        )
    )
    structure = Structure(channels, ("b", "s"), modifiers, "mu")
    nominal, shapes = np.stack([BACKGROUND, SIGNAL]), np.zeros((0, 2, 4))
    factor = np.full((1, 2, 2), KAPPA)
    error = np.stack([ERROR, np.zeros(4)])[None]
    arrays = (nominal, shapes, shapes, factor, 1.0 / factor, error)
    return Workspace(structure, Templates(*map(jnp.asarray, arrays)), nominal.sum(axis=0))


def exact(signal: np.ndarray, background: np.ndarray, variance: np.ndarray) -> float:
    slopes = np.stack([signal, np.log(KAPPA) * background])
    total = slopes / (signal + background + variance) @ slopes.T + np.diag([0.0, 1.0])
    return float(np.linalg.inv(total)[0, 0] ** 0.5)


def test_errors_of_merged_bins_are_those_of_their_information() -> None:
    found = errors(workspace())
    assert list(found) == [4, 3, 2]  # one for each channel is the end
    assert found[4] == pytest.approx(exact(SIGNAL, BACKGROUND, ERROR**2), rel=1e-9)
    pairs = [(0, 1), (2, 3)]

    def merged(of: list[tuple[int, int]]) -> float:
        start = [k for k in range(4) if k not in [second for _, second in of]]
        sums = (np.add.reduceat(each, start) for each in (SIGNAL, BACKGROUND, ERROR**2))
        return exact(*sums)

    assert found[3] == pytest.approx(min(merged([pair]) for pair in pairs), rel=1e-9)
    assert found[2] == pytest.approx(merged(pairs), rel=1e-9)
    assert found[4] <= found[3] <= found[2]


def test_a_plane_has_the_best_fit_and_its_profile() -> None:
    first, second = np.linspace(0.0, 2.0, 9), np.linspace(-2.0, 2.0, 5)
    found = plane(workspace(), ("mu", "rate"), first, second)
    assert found.q.shape == (5, 9)
    assert found.best == pytest.approx((1.0, 0.0), abs=1e-4)
    assert found.q[2, 4] == pytest.approx(0.0, abs=1e-6)
    # -2 ln L near the best fit is the quadratic form of the information
    slopes = np.stack([SIGNAL, np.log(KAPPA) * BACKGROUND])
    information = slopes / (SIGNAL + BACKGROUND + ERROR**2) @ slopes.T + np.diag([0.0, 1.0])
    step = np.array([first[5] - 1.0, second[3]])
    assert found.q[3, 5] == pytest.approx(step @ information @ step, rel=0.15)
    with pytest.raises(FitError, match="'nu' is not in the model"):
        plane(workspace(), ("mu", "nu"), first, second)
