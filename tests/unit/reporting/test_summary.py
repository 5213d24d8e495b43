"""The summary repeats the numbers of the results."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zenith.cli import main
from zenith.config import load
from zenith.reporting.measurement import measurement
from zenith.reporting.precisions import width_ratios, widths
from zenith.reporting.summary import page, summarise, timing, versions
from zenith.tables import measured, table

HEADER = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"


def fit(expected: float = 2.5) -> dict[str, Any]:
    return {
        "mu": 0.94, "mu_error": 0.31, "asimov": False, "twice_nll": 12.0, "goodness_of_fit": 0.4,
        "mu_parts": {"statistical": 0.29, "systematic": 0.05, "simulation": 0.1},
        "expected": {"mu_error": 0.33, "mu_parts": None},
        "parameters": [
            {"name": "ttbar_norm", "kind": "free", "prefit_value": 1.0, "prefit_error": None,
             "value": 1.05, "error": 0.02},
            {"name": "lumi", "kind": "constrained", "prefit_value": 0.0, "prefit_error": 1.0,
             "value": 0.1, "error": 0.9, "expected_error": 0.95},
            {"name": "staterror_signal[6]", "kind": "mc_statistics", "prefit_value": 1.0,
             "prefit_error": 0.1, "value": 0.95, "error": 0.08, "expected_error": 0.09},
        ],
        "correlation": None, "scan": None,
        "significance": {"expected": expected, "observed": 3.25},
        "upper_limit": {
            "level": 0.95, "observed": 1.6, "expected": [0.4, 0.6, 0.8, 1.2, 1.7]
        },
        "ranking": [
            {"name": "lumi", "impact_up": 0.125, "impact_down": -0.25, "prefit_impact_up": 0.15,
             "prefit_impact_down": -0.3}
        ],
        "groups": [
            {"parameters": ["lumi"], "impact": 0.05, "expected_impact": 0.06,
             "significance": 2.75, "gain": 0.25},
            {"parameters": ["ttbar_norm"], "impact": None, "expected_impact": 0.01,
             "significance": None, "gain": None},
        ],
        "all_constrained": {"parameters": ["lumi"], "impact": 0.05, "expected_impact": 0.06,
                            "significance": 2.75, "gain": 0.25},
        "templates": {
            "signal": {"edges": [0.0, 1.0], "observable": "mtt", "data": [131.0],
                       "prefit": {"wjets": [120.0], "error": [12.0]},
                       "postfit": {"wjets": [123.4], "error": [5.67]}}
        },
        "yields": {
            "signal": {
                "wjets": {
                    "prefit": 120.0, "prefit_error": 12.0, "postfit": 123.4, "postfit_error": 5.67
                },
                "total_background": {
                    "prefit": 120.0, "prefit_error": 12.0, "postfit": 123.4, "postfit_error": 5.67
                },
                "total": {
                    "prefit": 125.0, "prefit_error": 12.0, "postfit": 129.4, "postfit_error": 5.67
                },
                "data": 131.0,
            }
        },
        "sanitised": [
            {"channel": "signal", "sample": "wjets", "variation": "nominal", "bin": 17,
             "before": -0.5, "after": 0.001, "reason": "negative"}
        ],
    }  # fmt: skip


MEASUREMENT = {
    "title": "Search for Z′",
    "signal": "Z′ (2 TeV)",
    "luminosity": 5.0,
    "energy": 13.0,
    "labels": {
        "regions": {"signal": "SR"},
        "processes": {"wjets": "W + jets", "total_background": "total background"},
        "cuts": {"all columns": "before any cut", "btag_1 >= 0.5": "Highest b-tag score ≥ 0.5"},
        "parameters": {
            "ttbar_norm": "tt̄ normalisation",
            "lumi": "Luminosity",
            "staterror_signal[6]": "Simulated events, SR, bin 7",
        },
        "groups": {"lumi": "Luminosity", "ttbar_norm": "Free normalisations"},
    },
}
CUTFLOW = {
    "signal": {
        "cuts": ["all columns", "btag_1 >= 0.5"],
        "processes": {
            "wjets": {"events": [9, 4], "yield": [900.0, 400.5], "error": [300.0, 200.0]},
            "data": {"events": [931, 402], "yield": [931.0, 402.0], "error": [30.5, 20.0]},
        },
    },
}


def test_the_summary_has_the_numbers_of_the_fit() -> None:
    content = summarise({"initial": fit()}, {"initial": CUTFLOW}, {})
    assert content["quoted"] == "initial"
    assert content["expected_significance"] == {"initial": {"z": 2.5}, "default": {"z": 2.5}}
    assert (content["fit"]["mu"], content["fit"]["mu_error"]) == (0.94, 0.31)
    assert content["fit"]["free_normalisations"] == {"ttbar_norm": {"value": 1.05, "error": 0.02}}
    assert content["upper_limit"] == fit()["upper_limit"]
    assert content["yields"] == fit()["yields"]
    assert content["cutflow"] == CUTFLOW
    assert content["versions"]["pyhf"] == versions()["pyhf"]


def test_the_optimised_selection_joins_and_is_quoted() -> None:
    found = {
        "expected_significance": {
            "initial": {"z": 2.0, "error": 0.1, "learning": 2.6},
            "tpe": {"z": 2.6, "error": 0.1, "learning": 3.0},
        },
        "gain": {},
        "cost": {},
        "soft_hard_gap": 0.01,
        "thresholds": {},
        "folds": {"number": 5, "salt": 1},
    }
    content = summarise({"initial": fit(2.5), "optimised": fit(3.1)}, {}, {}, found)
    expected = content["expected_significance"]
    assert content["quoted"] == "optimised"
    # What is quoted comes from the fit, the rest from the optimisation.
    nothing = {"evaluations": 0, "cpu_seconds": None}
    assert expected["initial"] == {"z": 2.5, "error": 0.1, "learning": 2.6, **nothing}
    assert expected["climb"] == expected["default"] == {"z": 3.1}
    assert expected["tpe"]["z"] == 2.6
    assert content["soft_hard_gap"] == 0.01
    text = page(content, "Results")
    assert list(expected) == ["initial", "tpe", "climb", "default"]
    rows = [" ".join(row.split()) for row in text.splitlines()]
    assert "| cuts, search (TPE) | 2.60 ± 0.10 | 3.000 | | |" in rows


COMPARISON = {
    "expected_significance": {
        "initial": {"z": 2.5, "error": 0.1, "learning": 2.6},
        "climb": {"z": 3.1, "error": 0.12, "learning": 3.4},
        "tpe": {"z": 2.6, "error": 0.11, "learning": 3.0},
    },
    "gain": {
        "climb": {"difference": 0.6, "error": 0.05},
        "tpe": {"difference": 0.1, "error": 0.06},
    },
    "cost": {
        "climb": {"evaluations": 200, "seconds": 99.0, "cpu_seconds": 61.7},
        "tpe": {"evaluations": 200, "seconds": 99.0, "cpu_seconds": 40.2},
    },
    "soft_hard_gap": 0.0084,
    "thresholds": {"initial": {"met": [50.0] * 3}, "climb": {"met": [40.0, 50.0, 72.0]}},
    "folds": {"number": 3, "salt": 7},
}


def test_the_comparison_is_quoted_with_gain_and_cost(tmp_path: Path) -> None:
    results = tmp_path / "results"
    for selection, expected in (("initial", 2.5), ("optimised", 3.1)):
        (results / selection).mkdir(parents=True)
        (results / selection / "fit.json").write_text(json.dumps(fit(expected)))
    (results / "comparison.json").write_text(json.dumps(COMPARISON))
    summary, text = results / "summary.json", results / "summary.md"
    options = ["--results", str(results), "--output", str(summary), "--page", str(text)]
    assert main(["summary", "--config", "config/zprime.yaml", *options]) == 0
    content = json.loads(summary.read_text())
    paid = {"climb": (200, 61.7), "tpe": (200, 40.2)}
    expected = {
        name: {
            **row,
            **dict(zip(("evaluations", "cpu_seconds"), paid.get(name, (0, None)), strict=True)),
        }
        for name, row in COMPARISON["expected_significance"].items()
    }
    expected["default"] = expected["climb"]
    for key, value in (COMPARISON | {"expected_significance": expected}).items():
        assert content[key] == value
    known = {"initial/fit.json", "optimised/fit.json", "comparison.json"}
    assert set(content["provenance"]["inputs"]) == known
    rows = [" ".join(row.split()) for row in text.read_text().splitlines() if "ascent" in row]
    assert rows[0] == "| cuts, gradient ascent | 3.10 ± 0.12 | 0.600 ± 0.050 | 3.400 | 200 | 62 |"
    page = text.read_text()
    assert "Soft and hard cuts differ by 0.84 % where the climbs ended." in page
    assert "They are in 3 folds (salt 7)" in page
    assert "| met |      50 | 54 (40 to 72) |" in page


def test_the_page_reads_the_numbers_out_in_the_words_of_people() -> None:
    content = summarise({"initial": fit()}, {"initial": CUTFLOW}, {}, None, MEASUREMENT)
    text = page(content, "Results")
    for line in (
        "Search for Z′: signal strength μ of **Z′ (2 TeV)**, 5 fb⁻¹ at 13 TeV, with the "
        "**initial** cuts, fitted to data.",
        "- Signal strength: **μ = 0.94 ± 0.31** = 0.94 ± 0.29 (statistical) ± 0.05 (systematic) "
        "± 0.10 (simulated events)",
        "- Expected error of μ: ± 0.33",
        "- tt̄ normalisation: 1.050 ± 0.020",
        "- Discovery significance: 3.25 σ observed, 2.50 σ expected (μ = 1)",
        "- Upper limit on μ, 95 % CLs: 1.6 observed, 0.8 expected without signal "
        "(68 %: 0.6 to 1.2, 95 %: 0.4 to 1.7)",
        "| Luminosity                 | 0.050 |          0.060 |                2.75 |      0.25 |",
        "| Free normalisations        |       |          0.010 |                     |           |",
        "| all that have a constraint | 0.050 |          0.060 |                2.75 |      0.25 |",
        "### SR",
        "| W + jets         |       120 ± 12 |   123.4 ± 5.7 |",
        "| total background |       120 ± 12 |   123.4 ± 5.7 |",
        "| data             |            131 |           131 |",
        "| Luminosity                  |         +0.10 ± 0.90 |         ± 0.95 |     +0.125 "
        "|     −0.250 |",
        "| tt̄ normalisation            | 1.050 ± 0.020 (free) |                |            "
        "|            |",
        "| Simulated events, SR, bin 7 |         −0.50 ± 0.80 |         ± 0.90 |            "
        "|            |",
        "| before any cut            | 900 ± 300 |  931 |",
        "| Highest b-tag score ≥ 0.5 | 400 ± 200 |  402 |",
        "- SR, W + jets, bin 18: negative, -0.5 became 0.001",
    ):
        assert line in text.splitlines(), line
    assert not re.search(r"lumi\b|ttbar_norm|btag_1|wjets\b", text)


def test_a_blind_page_says_that_all_is_expected() -> None:
    content = fit() | {"asimov": True, "significance": {"expected": 2.5, "observed": None}}
    content["upper_limit"] = content["upper_limit"] | {"observed": None}
    content["yields"]["signal"]["data"] = None
    text = page(summarise({"initial": content}, {}, {}, None, MEASUREMENT), "Results")
    assert "the analysis is blind, and every number is expected." in text
    assert "observed" not in text
    assert "- Expected error" not in text  # it is that of the strength
    assert (
        "| Luminosity                 |          0.060 |                2.75 |      0.25 |" in text
    )


def test_the_summary_has_every_nuisance_parameter() -> None:
    content = summarise({"initial": fit()}, {}, {}, None, MEASUREMENT)
    rows = {row["name"]: row for row in content["nuisances"]}
    assert list(rows) == ["lumi", "ttbar_norm", "staterror_signal[6]"]  # by impact
    of = rows["staterror_signal[6]"]
    assert of["pull"] == pytest.approx(-0.5)
    assert (of["constraint"], of["expected_constraint"]) == pytest.approx((0.8, 0.9))
    assert (rows["ttbar_norm"]["pull"], rows["ttbar_norm"]["constraint"]) == (None, None)
    for key in ("title", "signal", "luminosity", "energy"):
        assert content[key] == MEASUREMENT[key]
    assert content["groups"] == fit()["groups"]


def test_what_the_fit_could_not_have_is_said_with_its_reason() -> None:
    bound = "the parameter is on its bound, 0 of 0 to 10"
    content = fit() | {
        "mu": 0.0,
        "mu_error": None,
        "mu_parts": None,
        "significance": {"expected": None, "observed": 0.0},
        "upper_limit": {"observed": None, "expected": [0.4, 0.6, 0.8, None, None]},
        "ranking": [{"name": "lumi", "impact_up": None, "impact_down": -0.25}],
        "reasons": {
            "mu_error": bound,
            "parameters.lumi.error": bound,
            "upper_limit.observed": "did not converge",
        },
    }
    summary = summarise({"initial": content}, {"initial": CUTFLOW}, {}, None, MEASUREMENT)
    assert summary["fit"]["reasons"] == content["reasons"]
    lines = page(summary, "Results").splitlines()
    for line in (
        f"- Signal strength: **μ = 0**, without an error: {bound}",
        "- Discovery significance: 0.00 σ observed, expected unknown",
        "- Upper limit on μ, 95 % CLs: 0.8 expected without signal",
        f"- mu error; parameters, Luminosity, error: {bound}",
        "- upper limit, observed: did not converge",
        "| Luminosity                  |         +0.10 ± 0.90 |         ± 0.95 |            "
        "|     −0.250 |",
    ):
        assert line in lines, line


def test_timing_sums_the_benchmarks_of_a_step(tmp_path: Path) -> None:
    files = [tmp_path / "a.tsv", tmp_path / "b.tsv"]
    files[0].write_text(HEADER + "10.5\t0:00:10\t300.5\t0\t0\t0\t0\t0\t90\t9.25\n")
    files[1].write_text(HEADER + "0.2\t0:00:00\tNA\tNA\tNA\tNA\tNA\tNA\tNA\tNA\n")
    assert timing({"skim": files}) == {
        "skim": {"jobs": 2, "wall_seconds": 10.7, "cpu_seconds": 9.25, "max_rss_mb": 300.5}
    }


def test_the_command_writes_both_files(tmp_path: Path) -> None:
    results = tmp_path / "results"
    (results / "initial").mkdir(parents=True)
    (results / "benchmarks" / "fit").mkdir(parents=True)
    (results / "initial" / "fit.json").write_text(json.dumps(fit()))
    flow = {"signal": {"cuts": ["all columns", "met > 50"], "processes": {}}}
    (results / "initial" / "cutflow.json").write_text(json.dumps(flow))
    row = "2\t0:00:02\t150\t0\t0\t0\t0\t0\t90\t1.5\n"
    (results / "benchmarks" / "fit" / "initial.tsv").write_text(HEADER + row)
    summary, text = results / "summary.json", results / "summary.md"
    options = ["--results", str(results), "--output", str(summary), "--page", str(text)]
    web = results / "summary.html"
    options += ["--web-page", str(web)]
    assert main(["summary", "--config", "config/zprime.yaml", *options]) == 0
    assert "<strong>μ = 0.94 ± 0.31</strong>" in web.read_text()
    content = json.loads(summary.read_text())
    assert content["fit"]["mu"] == 0.94
    assert content["timing"]["fit"]["cpu_seconds"] == 1.5
    assert (content["luminosity"], content["energy"]) == (5.0, 13.0)
    labels = content["labels"]
    assert labels["parameters"]["lumi"] == labels["groups"]["lumi"] == "Luminosity"
    assert labels["parameters"]["staterror_signal[6]"] == "Simulated events, Signal region, bin 7"
    assert labels["groups"]["staterror_signal[6]"] == "Simulated events"
    assert labels["processes"]["ttbar_dileptonic"] == "tt\u0304 (2ℓ)"
    first = (
        "Search for Z′ → tt\u0304 in the muon + jets channel: signal strength μ of **Z′ (2 TeV)**"
    )
    assert f"{first}, 5 fb⁻¹ at 13 TeV" in text.read_text()
    assert content["labels"]["cuts"]["met > 50"] == "pT miss > 50 GeV"
    assert {"expected_significance", "upper_limit", "yields"} <= set(content)
    assert (
        "| fit  |    1 |           2.0 |          1.5 |               150.0 |" in text.read_text()
    )


def test_a_summary_of_nothing_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "summary.json"
    assert main(["summary", "--results", str(tmp_path), "--output", str(output)]) == 1
    assert "no selection has a fit.json; run `zenith fit` first" in capsys.readouterr().err
    assert not output.exists()


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (123.456, 5.678, "123.5 ± 5.7"),
        (0.94321, 0.0123, "0.943 ± 0.012"),
        (120.0, 12.3, "120 ± 12"),
        (12345.6, 1234.0, "12346 ± 1234"),
        (0.5, None, "0.5"),
        (7.0, 0.0, "7"),
    ],
)
def test_a_measurement_has_two_digits_of_its_error(
    value: float, error: float | None, text: str
) -> None:
    assert measured(value, error) == text


def test_a_table_is_aligned() -> None:
    lines = table(["name", "value"], [["a", 1.23456], ["long|name", np.float64(2000.4)]]).split(
        "\n"
    )
    assert lines[0] == "| name       | value |"
    assert lines[2] == "| a          | 1.235 |"
    assert lines[3] == "| long\\|name |  2000 |"
    accented = table(["process", "of"], [["tt\u0304", "tt\u0304"], ["W", 1]]).split("\n")
    assert accented[2] == "| tt\u0304      |  tt\u0304 |"


def test_constraints_are_said_with_the_share_of_the_simulation() -> None:
    message = "jes ends at 0.50 of its prior; 40 % of what constrains it is noise of the simulation"
    constraint = {"name": "jes", "message": message}
    labels = {**MEASUREMENT["labels"], "parameters": {"jes": "Jet energy scale"}}
    known = {**MEASUREMENT, "labels": labels}
    content = summarise({"initial": fit() | {"constraints": [constraint]}}, {}, {}, None, known)
    assert f"\n- {message.replace('jes', 'Jet energy scale')}\n" in page(content, "Results")


def test_boosted_trees_are_beside_the_efficient_score() -> None:
    found: Any = {
        **COMPARISON,
        "expected_significance": {
            "initial": {"z": 2.5, "error": 0.1},
            "trees": {"z": 6.4, "error": 0.13},
            "efficient_score": {"z": 6.8, "error": 0.12},
        },
        "difference_to_rival": {
            "initial": {"difference": -3.9, "error": 0.1},
            "trees": {"difference": 0.0, "error": 0.0},
            "efficient_score": {"difference": 0.4, "error": 0.08},
        },
        "gain": {},
        "cost": {},
        "cpu_seconds": {"trees": 41.0, "efficient_score": 99.0},
    }
    fits = {"initial": fit(2.5), "efficient_score": fit(6.8)}
    content = summarise(fits, {}, {}, found)
    assert content["quoted"] == "efficient_score"
    assert list(content["expected_significance"]) == ["initial", "trees", "default"]
    assert content["expected_significance"]["default"] == {
        **{"z": 6.8, "error": 0.12, "evaluations": 0, "cpu_seconds": 99.0},
        **{"difference_to_trees": 0.4, "difference_error": 0.08},
    }
    text = page(content, "Results")
    verdict = "above boosted trees in categories by 0.40 σ, 5.0 times the error of the difference"
    assert verdict in text
    found["difference_to_rival"]["efficient_score"]["difference"] = -0.2
    assert "What is quoted is below boosted trees" in page(summarise(fits, {}, {}, found), "R")


def test_the_error_of_the_strength_is_a_table_where_it_is_the_objective() -> None:
    def row(value: float, to_trees: float) -> dict[str, Any]:
        return {
            "mu_error": value,
            "error": 0.01,
            "difference_to_rival": {"difference": to_trees, "error": 0.005},
        }

    errors = {"initial": row(0.4, 0.1), "trees": row(0.3, 0.0), "efficient_score": row(0.28, -0.02)}
    compared = COMPARISON | {
        "expected_significance": {name: {"z": 3.0, "error": 0.1} for name in errors},
        "gain": {},
        "expected_mu_error": errors,
    }
    fits = {"initial": fit(), "efficient_score": fit()}
    content = summarise(fits, {}, {}, compared)  # type: ignore[arg-type]
    assert content["expected_mu_error"]["default"]["mu_error"] == 0.28
    text = page(content, "toy")
    _, _, after = text.partition("## Expected error of the signal strength")
    assert "| efficient score             | 0.280 ± 0.010 | -0.0200 ± 0.0050 |" in after
    assert "more precise than boosted trees in categories by 0.020, 4.0 times the error" in after
    assert after.index("error of μ") < after.index("## Expected significance")


def test_a_nuisance_that_the_efficient_score_does_not_know_is_named(tmp_path: Path) -> None:
    found = {"initial": fit(), "efficient_score": fit()}
    content = summarise(found, {}, {}, COMPARISON, left_out={"pileup": [0, 2]})  # type: ignore[arg-type]
    assert content["left_out"] == {"pileup": [0, 2]}
    text = page(content, "Results")
    about = "Left out of the projection of the efficient score, as no response is seen:"
    assert f"{about}\n\n- pileup, in 2 of 3 folds\n" in text
    assert "Left out" not in page(summarise(found, {}, {}, COMPARISON), "Results")  # type: ignore[arg-type]


def test_bins_of_the_efficient_score_have_names() -> None:
    """Its region is none of the configuration's."""
    name = "staterror_efficient_score[2]"
    of_bins: Any = {"parameters": [{"name": name}]}
    labels = measurement(load("config/zprime.yaml"), [of_bins])["labels"]
    assert labels["parameters"][name] == "Simulated events, Efficient score, bin 3"
    assert labels["groups"][name] == "Simulated events"


def test_widths_over_the_least_error() -> None:
    fits = {"initial": fit(), "efficient_score": fit()}
    fits["efficient_score"]["expected"] = {"mu_error": 0.22, "mu_parts": None}
    ratios = width_ratios(fits, 0.2)
    assert ratios == pytest.approx({"classifier": 1.65, "efficient_score": 1.1, "default": 1.1})
    assert re.search(r"\| efficient_score \| +1\.100 \|", widths({"width_ratio": ratios}))
    fits["efficient_score"]["expected"] = None
    assert width_ratios(fits, 0.2) == pytest.approx({"classifier": 1.65})
    assert widths({}) == ""
