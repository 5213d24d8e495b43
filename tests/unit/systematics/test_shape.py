"""Shape systematics: what moves, by how much, and that momentum is conserved."""

from typing import Any

import awkward as ak
import numpy as np
import pytest

from zenith.config import Analysis, load
from zenith.errors import ConfigError, InputError
from zenith.events import shifts
from zenith.events.formats.views import as_events, flattened, nested

SIZE = 0.05


@pytest.fixture(scope="module")
def analysis() -> Analysis:
    return load("config/zprime.yaml", ["systematics.jer.sides=two", "met=MET"])


@pytest.fixture(scope="module")
def events() -> ak.Array:
    rng = np.random.default_rng(3)
    count = 4000
    made: dict[str, Any] = {
        "run": np.ones(count, np.uint32),
        "luminosityBlock": np.arange(count, dtype=np.uint32) // 100,
        "event": np.arange(count, dtype=np.uint64),
        "MET_pt": rng.uniform(0, 200, count),
        "MET_phi": rng.uniform(-np.pi, np.pi, count),
    }
    for name, most in (("Jet", 8), ("FatJet", 3)):
        counts = rng.integers(0, most, count)
        total = counts.sum()
        fields = {
            "pt": 15 + rng.exponential(60, total),
            "eta": rng.normal(0, 1, total),
            "phi": rng.uniform(-np.pi, np.pi, total),
            "mass": rng.uniform(2, 20, total),
        }
        made |= {f"{name}_{f}": ak.unflatten(values, counts) for f, values in fields.items()}
    return as_events(made)


def shifted(events: ak.Array, analysis: Analysis, variation: str) -> ak.Array:
    return nested(shifts.shifted(flattened(events), analysis, variation))


def flat(array: ak.Array) -> np.ndarray:
    return ak.flatten(array).to_numpy()


@pytest.mark.parametrize(("variation", "factor"), [("jes_up", 1.016), ("jes_down", 0.984)])
def test_the_scale_moves_pt_and_mass(
    events: ak.Array, analysis: Analysis, variation: str, factor: float
) -> None:
    moved = shifted(events, analysis, variation)
    for collection in ("Jet", "FatJet"):
        for field in ("pt", "mass"):
            expected = factor * flat(events[collection][field])
            np.testing.assert_allclose(flat(moved[collection][field]), expected, rtol=1e-12)
        np.testing.assert_array_equal(flat(moved[collection].eta), flat(events[collection].eta))


@pytest.mark.parametrize("variation", ["jes_up", "jes_down", "jer_up", "jer_down"])
def test_met_and_jets_conserve_transverse_momentum(
    events: ak.Array, analysis: Analysis, variation: str
) -> None:
    moved = shifted(events, analysis, variation)
    for component in ("px", "py"):
        before, after = (
            getattr(e.MET, component) + ak.sum(getattr(e.Jet, component), axis=1)
            for e in (events, moved)
        )
        np.testing.assert_allclose(after, before, atol=1e-9)
    assert np.abs(moved.MET.pt - events.MET.pt).to_numpy().max() > 1.0


def test_scales_move_together_by_any_pull(events: ak.Array, analysis: Analysis) -> None:
    moved = nested(shifts.at(flattened(events), analysis, {"jes": -1.5, "jes_pt": 2.0}))
    pt = flat(events.Jet.pt) * (1 - 1.5 * 0.016)
    size = np.interp(pt, [100, 300, 900], [-0.012, 0.0, 0.012])
    np.testing.assert_allclose(flat(moved.Jet.pt), pt * (1 + 2.0 * size), rtol=1e-12)
    np.testing.assert_allclose(
        (moved.MET.px + ak.sum(moved.Jet.px, axis=1)).to_numpy(),
        (events.MET.px + ak.sum(events.Jet.px, axis=1)).to_numpy(),
        atol=1e-9,
    )
    side = nested(shifts.at(flattened(events), analysis, {"jes": -1.0, "jes_pt": 0.0}))
    assert side.Jet.pt.to_list() == shifted(events, analysis, "jes_down").Jet.pt.to_list()


def test_fat_jets_do_not_move_met_twice(events: ak.Array, analysis: Analysis) -> None:
    update = {"systematics.jes.objects": ["jet"]}
    only_jets = load("config/zprime.yaml", [f"{k}={v}" for k, v in update.items()] + ["met=MET"])
    both = shifted(events, analysis, "jes_up").MET.pt
    assert both.to_list() == shifted(events, only_jets, "jes_up").MET.pt.to_list()


def test_the_resolution_is_a_gaussian_of_the_stated_width(
    events: ak.Array, analysis: Analysis
) -> None:
    pulls = {}
    for variation in ("jer_up", "jer_down"):
        moved = shifted(events, analysis, variation)
        ratio = flat(moved.Jet.pt) / flat(events.Jet.pt)
        np.testing.assert_allclose(ratio, flat(moved.Jet.mass) / flat(events.Jet.mass), rtol=1e-12)
        pulls[variation] = (ratio - 1.0) / SIZE
    up = pulls["jer_up"]
    np.testing.assert_allclose(pulls["jer_down"], -up, atol=1e-12)
    assert len(up) > 10_000
    assert up.mean() == pytest.approx(0.0, abs=4 / np.sqrt(len(up)))
    assert up.std() == pytest.approx(1.0, abs=4 / np.sqrt(2 * len(up)))
    assert np.mean(up**4) == pytest.approx(3.0, abs=4 * np.sqrt(96 / len(up)))
    # Neighbours, of one event and of the next, are independent.
    assert np.corrcoef(up[1:], up[:-1])[0, 1] == pytest.approx(0.0, abs=4 / np.sqrt(len(up)))


def test_the_resolution_depends_on_the_event_and_the_seed_alone(
    events: ak.Array, analysis: Analysis
) -> None:
    whole = shifted(events, analysis, "jer_up").Jet.pt
    order = np.random.default_rng(1).permutation(len(events))
    for part in (slice(10, 20), order, order[:7]):
        assert shifted(events[part], analysis, "jer_up").Jet.pt.to_list() == whole[part].to_list()
    other = load("config/zprime.yaml", ["seed=7", "met=MET"])
    assert np.abs(flat(shifted(events, other, "jer_up").Jet.pt) - flat(whole)).max() > 1.0


def by_field(field: str, at: str, size: str) -> Analysis:
    text = f"systematics.jes.size={{field: {field}, at: {at}, size: {size}}}"
    return load("config/zprime.yaml", [text, "met=MET"])


def test_a_size_may_depend_on_a_field_of_the_objects(events: ak.Array) -> None:
    analysis = by_field("pt", "[40, 100, 200]", "[-0.03, 0.0, 0.05]")
    for side, sign in (("up", 1), ("down", -1)):
        moved = shifted(events, analysis, f"jes_{side}")
        for collection in ("Jet", "FatJet"):
            pt = flat(events[collection].pt)
            rising = np.where(pt < 100, -0.03 * (100 - pt) / 60, 0.05 * (pt - 100) / 100)
            expected = 1.0 + sign * np.clip(rising, -0.03, 0.05)
            np.testing.assert_allclose(flat(moved[collection].pt) / pt, expected, rtol=1e-12)
        for component in ("px", "py"):
            before, after = (
                getattr(e.MET, component) + ak.sum(getattr(e.Jet, component), axis=1)
                for e in (events, moved)
            )
            np.testing.assert_allclose(after, before, atol=1e-9)


def test_a_size_may_depend_on_an_absolute_value(events: ak.Array) -> None:
    moved = shifted(events, by_field("abs(eta)", "[0, 2]", "[0.01, 0.03]"), "jes_up")
    eta = np.abs(flat(events.Jet.eta))
    expected = 1.01 + 0.01 * np.minimum(eta, 2.0)
    np.testing.assert_allclose(flat(moved.Jet.pt) / flat(events.Jet.pt), expected, rtol=1e-12)


def test_two_sources_are_one_in_quadrature(events: ak.Array) -> None:
    """3 % and 4 % are 5 % in quadrature, whether they are a number or the same at every pT."""
    changes = {}
    for size in ("0.05", "0.03", "0.04"):
        one = load("config/zprime.yaml", [f"systematics.jes.size={size}", "met=MET"])
        changes[size] = flat(shifted(events, one, "jes_up").Jet.pt) - flat(events.Jet.pt)
        same = by_field("pt", "[10, 1000]", f"[{size}, {size}]")
        np.testing.assert_allclose(
            flat(shifted(events, same, "jes_up").Jet.pt) - flat(events.Jet.pt), changes[size]
        )
    both = np.hypot(changes["0.03"], changes["0.04"])
    np.testing.assert_allclose(both, changes["0.05"], rtol=1e-9)


@pytest.mark.parametrize(
    ("size", "message"),
    [
        ("{field: pt, at: [1, 1], size: [0.1, 0.2]}", "at must increase, not"),
        ("{field: pt, at: [1, 2], size: [0.1]}", "at has 2 values and size 1"),
        ("{field: pt, at: [1, 2], size: [0, 0]}", "size is zero everywhere"),
        ("{field: pt > 3, at: [1, 2], size: [0.1, 0]}", "field is a field, pt or abs"),
        ("{field: pt, at: [1, 2], size: [0.1, 1.5]}", "less than 1"),
        ("2.0", "less than 1"),
    ],
)
def test_sizes_that_make_no_sense_are_refused(size: str, message: str) -> None:
    with pytest.raises(ConfigError, match=r"systematics\.jes\.size.*" + message):
        load("config/zprime.yaml", [f"systematics.jes.size={size}"])


def test_a_field_that_files_lack_is_named(events: ak.Array) -> None:
    with pytest.raises(InputError, match=r"systematics\.jes\.size: .*Jet_area"):
        shifted(events, by_field("area", "[0, 1]", "[0.1, 0.2]"), "jes_up")


def test_a_variation_that_does_not_exist_is_refused(events: ak.Array, analysis: Analysis) -> None:
    with pytest.raises(ConfigError, match="no shape variation 'jec_up'; there is jes_up, jes_down"):
        shifted(events, analysis, "jec_up")


def test_the_sources_of_the_default_are_two_percent_together(analysis: Analysis) -> None:
    """At low and at high pT in quadrature, as the one source before; their ratio depends on pT."""
    pt = np.array([30.0, 100.0, 300.0, 600.0, 900.0, 2000.0])
    numbers = {"run": 1, "luminosityBlock": 1, "event": 1, "MET_pt": 9.0, "MET_phi": 0.0}
    one = {name: np.array([value]) for name, value in numbers.items()}
    zero = np.zeros(len(pt))
    fields = {"pt": pt, "eta": zero, "phi": zero, "mass": zero}
    made = {f"{c}_{f}": ak.Array([v]) for c in ("Jet", "FatJet") for f, v in fields.items()}
    jets = as_events(one | made)
    changes = [flat(shifted(jets, analysis, f"{s}_up").Jet.pt) / pt - 1 for s in ("jes", "jes_pt")]
    total = np.hypot(*changes)
    np.testing.assert_allclose(total[[0, 1, 4, 5]], 0.02, rtol=1e-9)
    assert np.all(total < 0.02 + 1e-9)
    np.testing.assert_allclose(
        changes[1] / changes[0], [-0.75, -0.75, 0, 0.375, 0.75, 0.75], atol=1e-9
    )
