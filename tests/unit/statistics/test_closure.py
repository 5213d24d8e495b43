"""The uncertainty of what does not close."""

import pytest

from zenith.artefacts.fakes import Compared
from zenith.errors import InputError
from zenith.statistics.closure import closure_uncertainty


def compared(predicted: float, observed: float) -> Compared:
    return {
        "name": "tried",
        "loose_data": 90,
        "loose_prompt": 10.0,
        "tight_data": 30,
        "tight_prompt": 5.0,
        "predicted": predicted,
        "predicted_error": 2.0,
        "observed": observed,
        "observed_error": 6.0,
        "by": {},
    }


def test_it_is_the_relative_difference() -> None:
    assert closure_uncertainty(compared(20.0, 25.0), "R") == pytest.approx(0.25)
    assert closure_uncertainty(compared(20.0, 15.0), "R") == pytest.approx(0.25)


@pytest.mark.parametrize(("predicted", "observed"), [(20.0, 41.0), (20.0, -1.0), (-3.0, 4.0)])
def test_a_difference_as_large_as_the_prediction_is_an_error(
    predicted: float, observed: float
) -> None:
    with pytest.raises(InputError, match=r"R: .* fakes are predicted and .* observed: a factor"):
        closure_uncertainty(compared(predicted, observed), "R")
