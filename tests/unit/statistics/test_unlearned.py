"""Whatever nobody learned from is used whole; what was learned from, by its unseen part alone."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from zenith.artefacts import PARTS, Columns
from zenith.config import Analysis, parse
from zenith.optimisation.compare import quoted_significance
from zenith.statistics import workspace
from zenith.statistics.cutflow import cutflow
from zenith.statistics.expected import expected_significance
from zenith.statistics.histograms import SUMS, Target, fill
from zenith.statistics.likelihood import Likelihood
from zenith.statistics.model import simulated_shares
from zenith.statistics.repair import sanitise
from zenith.statistics.templates import collect

FRACTIONS = {"train": 0.25, "optimise": 0.3, "validate": 0.15, "test": 0.3}
SIMULATED = {"zprime": "signal", "ttbar": "ttbar", "wjets": "wjets"}
FIT = {"observable": "mtt", "edges": [400, 800, 1200, 2800]}
REGIONS = {
    "fixed": {"label": "F", "cuts": ["met > 50", "btag_1 > 0.5"], "fit": FIT},
    "tuned": {
        "label": "T",
        "cuts": ["met > 50", {"cut": "btag_1 > 0.5", "tune": [0.05, 0.95], "width": 0.1}],
        "fit": FIT,
    },
    "sharing": {"label": "S", "cuts": ["met > 50", "btag_1 > btag_1"], "fit": FIT},
    "edges": {
        "label": "E",
        "cuts": ["met > 50", "btag_1 > 0.5"],
        "fit": {**FIT, "tune_edges": 100},
    },
    "scored": {"label": "N", "cuts": ["met > 50", "btag_1 > 0.5", "net > 0.2"], "fit": FIT},
}
NET = {"classes": {"wjets": ["wjets"], "ttbar": ["ttbar"]}, "features": ["met", "btag_1"]}


@pytest.fixture
def build(toy_configuration: Callable[..., dict[str, Any]]) -> Callable[..., Analysis]:
    def make(*regions: str, **changes: Any) -> Analysis:
        chosen = {name: REGIONS[name] for name in regions}
        systematics = {"jes": toy_configuration()["systematics"]["jes"]}
        changes = {"regions": chosen, "systematics": systematics, **changes}
        return parse(toy_configuration(**changes))

    return make


@pytest.fixture
def columns(toy_columns: dict[str, Columns]) -> dict[str, Columns]:
    """The toy events with a score, the same under every shift."""
    rng = np.random.default_rng(3)
    made = {}
    for name, own in toy_columns.items():
        score = {"net": rng.random(len(own.weight)).astype(np.float32)}
        shapes = {v: values | score for v, values in own.shapes.items()}
        made[name] = Columns(**{**vars(own), "values": own.values | score, "shapes": shapes})
    return made


def by_hand(
    own: Columns, part: str | None, scored: bool = False, variation: str | None = None
) -> list[float]:
    """Yield, variance and number of events above the cuts; `part` None is everything."""
    values = own.values if variation is None else own.shapes[variation]
    passed = (values["met"] > 50) & (values["btag_1"] > 0.5)
    passed &= (values["net"] > 0.2) | (not scored)
    weight = own.weight
    if part is not None:
        passed &= own.split == PARTS.index(part)
        weight = weight / FRACTIONS[part]
    return [float(weight[passed].sum()), float((weight[passed] ** 2).sum()), int(passed.sum())]


def check(
    analysis: Analysis, columns: dict[str, Columns], region: str, parts: dict[str, str | None]
) -> None:
    """The histograms and the cutflow of a region are of these parts, sample by sample."""
    histograms, flow = fill(analysis, columns), cutflow(analysis, columns)[region]["processes"]
    for sample, process in SIMULATED.items():
        for variation in (None, "jes_up"):
            expected = by_hand(columns[sample], parts[sample], region == "scored", variation)
            total = histograms[f"{region}/{process}/{variation or 'nominal'}"].sum()
            assert [total.value, total.variance] == pytest.approx(expected[:2], rel=1e-12)
        expected = by_hand(columns[sample], parts[sample], region == "scored")
        assert flow[process]["yield"][-1] == pytest.approx(expected[0], rel=1e-12)
        assert flow[process]["events"][-1] == expected[2]


WHOLE: dict[str, str | None] = dict.fromkeys(SIMULATED)
UNSEEN: dict[str, str | None] = dict.fromkeys(SIMULATED, "test")


def test_without_networks_and_tuned_cuts_all_of_the_simulation_is_used(
    build: Callable[..., Analysis], columns: dict[str, Columns]
) -> None:
    analysis = build("fixed")
    assert not analysis.is_tunable
    check(analysis, columns, "fixed", WHOLE)
    everything = fill(analysis, columns)[f"{SUMS}/ttbar"].sum()
    weight = columns["ttbar"].weight
    assert [everything.value, everything.variance] == pytest.approx(
        [weight.sum(), (weight**2).sum()], rel=1e-12
    )
    # all events have a third of the variance of a part of 0.3
    ratio = by_hand(columns["ttbar"], None)[1] / by_hand(columns["ttbar"], "test")[1]
    assert ratio == pytest.approx(0.3, abs=0.02)


@pytest.mark.parametrize("moving", ["tuned", "sharing", "edges"])
def test_the_climb_learns_from_every_sample_of_what_it_moves(
    moving: str, build: Callable[..., Analysis], columns: dict[str, Columns]
) -> None:
    analysis = build("fixed", "tuned", *({moving} - {"tuned"}))
    check(analysis, columns, moving, UNSEEN)
    check(analysis, columns, "fixed", WHOLE)


def test_a_frozen_network_learns_from_its_classes(
    build: Callable[..., Analysis], columns: dict[str, Columns]
) -> None:
    analysis = build("fixed", "scored", mva={"net": {**NET, "fine_tune": False}})
    check(analysis, columns, "scored", UNSEEN | {"zprime": None})
    check(analysis, columns, "fixed", WHOLE)
    # its score is drawn of what it has not seen, in whatever region
    drawn = Target("fixed", "fixed/net", "net", (0.0, 1.0), fold=True)
    histograms = fill(analysis, columns, targets=[drawn])
    for sample, part in (UNSEEN | {"zprime": None}).items():
        found = histograms[f"fixed/net/{SIMULATED[sample]}/nominal"].sum().value
        assert found == pytest.approx(by_hand(columns[sample], part)[0], rel=1e-12)


def test_a_network_that_the_climb_moves_learns_from_every_sample(
    build: Callable[..., Analysis], columns: dict[str, Columns]
) -> None:
    analysis = build("fixed", "scored", mva={"net": NET})
    check(analysis, columns, "scored", UNSEEN)
    check(analysis, columns, "fixed", WHOLE)


def test_the_climb_counts_with_the_events_that_are_quoted(build: Callable[..., Analysis]) -> None:
    """Variances of a part are scaled to those of the fit: all events, or the part `test`."""
    analysis = build("fixed", "tuned")
    for part, fraction in FRACTIONS.items():
        shares = simulated_shares(analysis, part)
        assert shares["fixed"] == pytest.approx([fraction] * 3)
        assert shares["tuned"] == pytest.approx([fraction / 0.3] * 3)
    frozen = simulated_shares(build("scored", mva={"net": {**NET, "fine_tune": False}}), "test")
    assert frozen["scored"] == pytest.approx([1.0, 1.0, 0.3])  # W, tt̄, and the signal


def test_selections_are_compared_as_they_are_quoted(
    build: Callable[..., Analysis], columns: dict[str, Columns]
) -> None:
    analysis = build("fixed", "tuned")
    regions = [sanitise(t, None)[0] for t in collect(analysis, fill(analysis, columns))]
    spec, _ = workspace.build(analysis, regions)
    expected = expected_significance(Likelihood.of(spec, "workspace"))
    found = quoted_significance(analysis, columns, {"btag_1": 0.5}, "test")
    assert found == pytest.approx(expected, rel=1e-6)


def test_a_part_that_is_asked_for_is_that_part(
    build: Callable[..., Analysis], columns: dict[str, Columns]
) -> None:
    found = fill(build("fixed"), columns, part="validate")["fixed/ttbar/nominal"].sum()
    expected = by_hand(columns["ttbar"], "validate")
    assert [found.value, found.variance] == pytest.approx(expected[:2], rel=1e-12)


def test_data_are_always_complete(
    build: Callable[..., Analysis], columns: dict[str, Columns]
) -> None:
    found = fill(build("fixed", "tuned"), columns)
    for region in ("fixed", "tuned"):
        count = by_hand(columns["collisions"], None)[2]
        assert found[f"{region}/data/nominal"].sum().value == count
