"""The page of a categorisation says what its numbers say."""

from typing import Any

import pytest

from zenith.reporting.category_summary import page, summarise


@pytest.fixture
def content() -> dict[str, Any]:
    """What `category_scan` writes: three numbers, of which the second is chosen."""
    rows = [
        {"asked": n, "categories": n, "train": train, "unseen": unseen, "unseen_error": 0.04}
        | {"below_best": 1.52 - unseen, "below_best_error": error}
        | {"unseen_of_signal": {"1": 2 * unseen, "2": unseen / 2}}
        for n, train, unseen, error in (
            (1, 0.4, 0.41, 0.03),
            (2, 1.6, 1.51, 0.008),
            (8, 1.7, 1.52, 0.0),
        )
    ]
    unseen = {
        "yields": {"background": [900.0, 4.5], "1": [3.0, 6.0], "2": [1.0, 2.0]},
        "relative_uncertainties": [0.01, 0.15],
        "meets_requirements": [True, False],
    }
    train = {
        "yields": {"background": [899.0, 5.5], "1": [3.0, 6.0], "2": [1.0, 2.0]},
        "relative_uncertainties": [0.02, 0.2],
        "meets_requirements": [True, True],
    }
    knee = {"asked": 2, "best": 8, "below_best": 0.01, "below_best_error": 0.008}
    points = [
        {"categories": 3, "train": 0.9, "unseen": 0.8765, "meets_requirements": True},
        {"categories": 9, "train": 1.1, "unseen": 1.0123, "meets_requirements": False},
    ]
    return {
        **train,
        "signal_labels": [1, 2],
        "requirements": {"background": 5.0, "uncertainty": None},
        "notes": ["a category was merged"],
        "scan": {
            "numbers": rows,
            "knee": knee | {"tolerance": 0.01},
            "references": {"argmax": points},
            "unseen": unseen,
        },
    }


def test_the_chosen_number_is_quoted_on_unseen_events(content: dict[str, Any]) -> None:
    summary = summarise(content, {})
    assert summary["chosen"]["unseen"] == 1.51
    text = page(summary, "Title", lambda label: f"S{label}")
    assert "**2 categories: Z = 1.510 ± 0.040 σ** on unseen events" in text
    assert "S1: 3.02 σ, S2: 0.755 σ" in text
    assert "0.0100 ± 0.0080 σ below the best, 8, which is within the tolerance of 1 %" in text
    assert "for that their Z is slightly too large" in text
    assert "- a category was merged" in text
    content["scan"]["knee"] |= {"tolerance": 0.001, "below_best_error": 0.02}
    text = page(summarise(content, {}), "Title", str)
    assert "0.010 ± 0.020 σ below the best, 8, which is within the error of this difference" in text


def test_rows_say_what_is_violated(content: dict[str, Any]) -> None:
    lines = page(summarise(content, {}), "Title", str).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert ["8", "8", "1.7000", "1.520 ± 0.040", "0"] in cells
    assert ["argmax", "3", "0.9000", "0.8765", "met"] in cells
    assert ["argmax", "9", "1.1000", "1.0123", "**violated**"] in cells
    assert ["2", "6", "2", "4.5", "15", "5.5"] in cells
    assert any("On unseen events category 2 misses this" in line for line in lines)


def test_the_best_needs_no_excuse(content: dict[str, Any]) -> None:
    content["scan"]["knee"] |= {"asked": 8}
    text = page(summarise(content, {}), "Title", str)
    assert "**8 categories" in text
    assert "none reaches more" in text
