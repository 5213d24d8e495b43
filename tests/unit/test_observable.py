"""Observables and weights as an analysis module writes them."""

import pytest

from zenith.observable import observable, weight


def test_a_function_becomes_an_observable():
    @observable(unit="GeV", missing=-1.0)
    def mass(objects):
        """Of the
        pair."""
        return 2 * objects

    assert (mass(3), mass.unit, mass.missing) == (6, "GeV", -1.0)
    assert mass.description == "Of the pair."


def test_a_function_becomes_a_weight():
    @weight(variations=("up", "down"))
    def top_pt(objects, variation):
        """Of tops."""
        return objects * {"nominal": 1, "up": 2, "down": 3}[variation]

    @weight()
    def plain(objects):
        return objects

    assert (top_pt(5), top_pt(5, "up"), top_pt(5, "down")) == (5, 10, 15)
    assert (top_pt.variations, top_pt.description) == (("up", "down"), "Of tops.")
    assert (plain(5), plain.variations) == (5, ())


@pytest.mark.parametrize("names", [("up", "up"), ("nominal", "up"), ("up-ish",), ("",)])
def test_variations_have_names_of_their_own(names):
    with pytest.raises(ValueError, match="variations of a weight are different names"):
        weight(variations=names)


@pytest.mark.parametrize("wrong", ["up", lambda objects: objects])
def test_a_weight_is_made_with_brackets(wrong):
    with pytest.raises(ValueError, match=r"write @weight\(\), or @weight\(variations="):
        weight(wrong)
