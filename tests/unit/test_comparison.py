"""Comparisons of observables with thresholds, as the configuration writes them."""

import numpy as np
import pytest
from pydantic import ValidationError

from zenith.comparison import COMPARE, Comparison, parse
from zenith.config.networks.settings import Mva
from zenith.config.selection import RegionCut
from zenith.config.skim import Skim
from zenith.core.selection.cuts import Cut, hard_mask


@pytest.mark.parametrize("direction", COMPARE)
def test_what_is_written_is_what_is_compared(direction: str) -> None:
    """With and without blanks; `>=` is not read as `>` and something."""
    x = np.array([49.5, 50.0, 50.5], np.float32)
    by_python = [eval(f"{value} {direction} 50.0") for value in x.tolist()]
    for text in (f"met {direction} 50", f" met{direction}5e1 "):
        assert parse(text) == Comparison("met", direction, 50.0)
        np.testing.assert_array_equal(parse(text).hard(x, {}), by_python)
    named = parse(f"btag_2 {direction} btag")
    assert (named.threshold, named.is_fixed) == ("btag", False)
    np.testing.assert_array_equal(named.hard(x, {"btag": 50.0}), by_python)


def test_a_threshold_takes_the_precision_of_its_column() -> None:
    """0.1 in single precision lies above 0.1 in double."""
    x = np.array([0.1], np.float32)
    assert parse("x >= 0.1").hard(x, {}).all()
    assert parse("x >= t").hard(x, {"t": np.float64(0.1)}).all()
    assert not parse("x > 0.1").hard(x, {}).any()


def test_all_cuts_are_one_type() -> None:
    said = parse("met > 50")
    assert RegionCut(cut="met > 50").comparison is said  # parsed once
    assert isinstance(Cut("met", ">", 50.0), Comparison)
    x = {"met": np.array([49.0, 51.0])}
    np.testing.assert_array_equal(hard_mask([said, Cut("met", "<", 60.0)], x, {}), [False, True])


@pytest.mark.parametrize("text", ["met", "met > ", "met => 50", "> 50", "met > inf", "met > nan"])
def test_what_is_no_cut(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a cut like|is not a finite number"):
        parse(text)
    for model, value in ((Skim, {"cuts": [text]}), (RegionCut, text)):
        with pytest.raises(ValidationError, match=r"is not a cut like|is not a finite number"):
            model.model_validate(value)


def test_cuts_of_skims_and_networks_are_at_numbers() -> None:
    for model in (Skim, Mva):
        with pytest.raises(
            ValidationError, match=r"'met > lep_ht': the threshold must be a number"
        ):
            model.model_validate({"cuts": ["met > lep_ht"]})
