"""The best runs of places, against all of them tried."""

from itertools import combinations, pairwise

import numpy as np
import pytest

from zenith.core.categories.runs import best_runs


def worth(gain: np.ndarray, inner: tuple[int, ...]) -> float:
    places = (0, *inner, len(gain) - 1)
    return sum(gain[j, i] for i, j in pairwise(places))


@pytest.mark.parametrize("most", [1, 3, 6])
def test_no_other_division_gains_more(most: int) -> None:
    gain = np.random.default_rng(most).normal(size=(9, 9))
    gain = np.where(np.tri(9, k=-1, dtype=bool), gain, -np.inf)
    gain[5, 2] = -np.inf
    found = best_runs(gain, most)
    assert found is not None
    everything = [c for k in range(most) for c in combinations(range(1, 8), k)]
    assert worth(gain, tuple(found)) == max(worth(gain, inner) for inner in everything)


def test_fewer_runs_where_more_would_not_gain() -> None:
    sizes = np.arange(5.0)
    gain = np.where(np.tri(5, k=-1, dtype=bool), (sizes[:, None] - sizes) ** 2, -np.inf)
    found = best_runs(gain, 4)
    assert found is not None
    assert len(found) == 0


def test_none_where_no_division_is_allowed() -> None:
    assert best_runs(np.full((4, 4), -np.inf), 3) is None
