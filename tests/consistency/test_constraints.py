"""How much of a constraint is noise of the simulation, against many simulations."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from zenith.artefacts import Columns
from zenith.config import Analysis, parse
from zenith.events.folds import hash_of
from zenith.statistics.constraints import constraints
from zenith.statistics.fit import fit
from zenith.statistics.histograms import fill
from zenith.statistics.model import template_nuisances
from zenith.statistics.repair import sanitise
from zenith.statistics.responses import shifts
from zenith.statistics.templates import RegionTemplates, collect
from zenith.statistics.workspace import build

Configuration = Callable[..., dict[str, Any]]


def quick(config: dict[str, Any]) -> Analysis:
    config["statistics"] |= {
        "blind": True, "ranking": False, "scan_points": 0, "upper_limit": False
    }  # fmt: skip
    return parse(config)


def resampled(columns: Columns, number: int) -> Columns:
    """Another simulation: every event counts as often as a Poisson number of mean 1."""
    often = np.random.default_rng(number).poisson(1.0, len(columns.weight))

    def repeated(arrays: Any) -> Any:
        return {name: np.repeat(array, often) for name, array in arrays.items()}

    return Columns(
        repeated(columns.values),
        np.repeat(columns.weight, often),
        np.repeat(columns.hash, often),
        weights=repeated(columns.weights),
        shapes={name: repeated(values) for name, values in columns.shapes.items()},
    )


def test_the_variance_of_a_shift_is_that_of_many_simulations(
    toy_configuration: Configuration, toy_columns: dict[str, Columns]
) -> None:
    """For a weight, a shape that moves events, and another sample; two sides and one."""
    config = toy_configuration()
    config["systematics"]["jes"]["sides"] = "down"
    analysis = quick(config)
    found = shifts(analysis, toy_columns)
    drawn: dict[str, list[np.ndarray]] = {}
    for number in range(150):
        columns = {
            name: resampled(own, 10 * number + k)
            for k, (name, own) in enumerate(toy_columns.items())
            if name != "collisions"
        }
        histograms = {name: h.values() for name, h in fill(analysis, columns).items()}
        for name in found:
            place, _, nuisance = name.removesuffix("_shift").rpartition("/")
            nominal = histograms[f"{place}/nominal"]
            if nuisance == "pileup":
                up, down = (histograms[f"{place}/pileup_{side}"] for side in ("up", "down"))
                drawn.setdefault(name, []).append((up - down) / 2)
            elif nuisance == "jes":
                drawn.setdefault(name, []).append(nominal - histograms[f"{place}/jes_down"])
            else:
                drawn.setdefault(name, []).append(histograms[f"{place}/generator_up"] - nominal)
    assert {name.rpartition("/")[2] for name in found} == {
        "pileup_shift", "jes_shift", "generator_shift"
    }  # fmt: skip
    for name, shift in found.items():
        # of 150 draws, the sum over bins of their variances, where few bins and events count
        expected = np.var(drawn[name], axis=0, ddof=1).sum()
        assert shift.variances().sum() == pytest.approx(expected, rel=0.35), name
        np.testing.assert_allclose(
            shift.values(), np.mean(drawn[name], axis=0), atol=5 * np.sqrt(expected / 150)
        )


def entry(analysis: Analysis, columns: dict[str, Columns], name: str) -> dict[str, Any] | None:
    histograms = fill(analysis, columns) | shifts(analysis, columns)
    regions: list[RegionTemplates] = [sanitise(t, None)[0] for t in collect(analysis, histograms)]
    spec, _ = build(analysis, regions)
    smoothed = {n.name for n in template_nuisances(analysis) if n.smooth}
    found = constraints(spec, fit(analysis, spec)["parameters"], regions, smoothed)
    return next((e for e in found if e["name"] == name), None)


def generated(events: int, slope: float, seed: int) -> Columns:
    """t t̄ of a smooth spectrum; 3000 events are expected of however many are simulated."""
    rng = np.random.default_rng(seed)
    values = {
        "mtt": 400.0 + rng.exponential(slope, events),
        "met": rng.exponential(120.0, events),
        "btag_1": rng.beta(3.0, 1.5, events),
    }
    return Columns(values, np.full(events, 3000.0 / events), hash_of(seed, np.arange(events)))


def test_noise_is_told_from_a_shift_that_is_there(
    toy_configuration: Configuration, toy_columns: dict[str, Columns]
) -> None:
    """Two samples of one spectrum differ by noise alone; two spectra of many events do not."""
    config = toy_configuration()
    for other in ("pileup", "jes", "xsec_wjets"):
        del config["systematics"][other]
    for region in config["regions"].values():
        region["fit"]["edges"] = [400, 500, 600, 700, 800, 1000, 1200, 1600, 2800]
    analysis = quick(config)
    shares, sizes = [], []
    for seed in range(6):
        columns = {
            **toy_columns,
            "ttbar": generated(40_000, 350.0, seed),
            "ttbar_alt": generated(3_000, 350.0, 100 + seed),
        }
        noise = entry(analysis, columns, "generator")
        assert noise is not None
        shares.append(noise["share"])
        sizes.append((noise["error"], noise["without"]))
    # a share is 1 on average before it is limited to 1, and scatters by sqrt(2 / 16 bins)
    assert 0.75 < np.mean(shares) <= 1.0
    assert min(shares) > 0.5
    assert all(error < 0.4 and without > 1.4 * error for error, without in sizes)
    many = {
        **toy_columns,
        "ttbar": generated(200_000, 350.0, 7),
        "ttbar_alt": generated(200_000, 390.0, 8),
    }
    real = entry(analysis, many, "generator")
    assert real is not None
    assert real["share"] < 0.2
    assert real["without"] == pytest.approx(real["error"], rel=0.1)


def test_a_rate_is_constrained_by_data_alone(
    toy_configuration: Configuration, toy_columns: dict[str, Columns]
) -> None:
    config = toy_configuration()
    config["systematics"] = {
        "xsec_wjets": {"type": "normalisation", "processes": ["wjets"], "up": 0.5}
    }
    found = entry(quick(config), toy_columns, "xsec_wjets")
    assert found is not None
    assert found["share"] == 0.0
    assert found["without"] == pytest.approx(found["error"])
    assert found["message"].startswith(f"xsec_wjets ends at {found['error']:.2f} of its prior; 0 %")


def test_the_share_of_a_smoothed_shift_is_a_limit(
    toy_configuration: Configuration, toy_columns: dict[str, Columns]
) -> None:
    """Smoothing takes noise away, and some of the constraint with it."""
    config = toy_configuration()
    for other in ("pileup", "jes", "xsec_wjets"):
        del config["systematics"][other]
    columns = {
        **toy_columns,
        "ttbar": generated(40_000, 350.0, 0),
        "ttbar_alt": generated(1_000, 400.0, 100),
    }
    rough = entry(quick(config), columns, "generator")
    config["systematics"]["generator"]["smooth"] = True
    smooth = entry(quick(config), columns, "generator")
    assert rough is not None
    assert smooth is not None
    assert smooth["error"] > rough["error"]
    assert "at most" not in rough["message"]
    assert f"at most {100 * smooth['share']:.0f} % of what" in smooth["message"]
    assert smooth["message"].endswith(f"would end at {smooth['without']:.2f} or below")


def test_without_the_noise_of_the_templates_it_says_so(
    toy_configuration: Configuration, toy_columns: dict[str, Columns]
) -> None:
    config = toy_configuration()
    config["regions"]["control"]["fit"]["edges"] = [400, 2800]
    analysis = quick(config)
    regions = [sanitise(t, None)[0] for t in collect(analysis, fill(analysis, toy_columns))]
    spec, _ = build(analysis, regions)
    parameters = fit(analysis, spec)["parameters"]
    for parameter in parameters:
        if parameter["name"] == "generator":
            parameter["error"] = 0.4
    found = next(e for e in constraints(spec, parameters, regions) if e["name"] == "generator")
    assert found["share"] is None
    assert "is not known" in found["message"]
