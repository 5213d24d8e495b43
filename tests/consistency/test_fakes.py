"""A background from data, from the files to the fitted signal strength, against lines of numpy."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from makers.fakes import EDGES, stepped
from makers.fakes_analysis import (
    CROSS_SECTION,
    FAKES,
    LUMINOSITY,
    SCALE,
    configured,
    events,
    write_tables,
)

from zenith.artefacts import read_columns, read_histograms, read_json, write_columns
from zenith.cli import main
from zenith.config import load

FILES = ("collisions", "prompt", "signal")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Columns of what is read from files."""
    where = tmp_path_factory.mktemp("fakes")
    write_tables(where)
    config = str(configured(where))
    for sample in FILES:
        common = ["--config", config, "--sample", sample]
        skim, flow = f"{where}/{sample}.root", f"{where}/{sample}.json"
        source = f"{where}/{sample}.parquet"
        assert main(["skim", *common, "--input", source, "--output", skim, "--cutflow", flow]) == 0
        columns = f"{where}/{sample}.columns.h5"
        assert main(["columns", *common, "--input", skim, "--output", columns]) == 0
    return where


def fakes(folder: Path, config: Path, to: Path) -> int:
    outputs = ["--output", f"{to}/fakes.columns.h5", "--about", f"{to}/about.json"]
    inputs = [f"{folder}/{name}.columns.h5" for name in ("prompt", "collisions")]
    return main(
        ["fakes", "--config", str(config), "--sample", "fakes", "--input", *inputs, *outputs]
    )


def yields(
    table: dict[str, np.ndarray], low: float, high: float, tight: int, weight: float
) -> np.ndarray:
    """Weighted events of a range of missing momentum in the bins of the factor, (2, 2)."""
    chosen = (table["met"] > low) & (table["met"] <= high) & (table["tight"] == tight)
    x, y = table["pt"][chosen].astype("f4"), np.abs(table["eta"][chosen])
    return weight * np.histogram2d(x, y, bins=[np.append(EDGES[0][:-1], 1e9), EDGES[1]])[0]


def expected(low: float, high: float) -> tuple[float, float]:
    """Fakes that are predicted in a range, and those that are observed, from the files."""
    tables = events()
    data, prompt = tables["collisions"], tables["prompt"]
    scale = 1000.0 * LUMINOSITY * CROSS_SECTION / len(prompt["pt"])

    def difference(low: float, high: float, tight: int) -> np.ndarray:
        return yields(data, low, high, tight, 1.0) - yields(prompt, low, high, tight, scale)

    factor = difference(0, 30, 1) / difference(0, 30, 0)
    return float((factor * difference(low, high, 0)).sum()), float(difference(low, high, 1).sum())


def test_fakes_are_loose_data_times_the_factor(folder: Path, tmp_path: Path) -> None:
    config = configured(tmp_path)
    assert fakes(folder, config, tmp_path) == 0
    about, columns = read_json(tmp_path / "about.json"), read_columns(tmp_path / "fakes.columns.h5")
    met, tight = columns.values["met"], columns.values["muon_tight"]
    assert (tight == 1).all()
    for role, low, high in (("measurement", 0, 30), ("validation", 30, 60)):
        predicted, observed = expected(low, high)
        assert about[role]["predicted"] == pytest.approx(predicted, rel=1e-5)
        assert about[role]["observed"] == pytest.approx(observed, rel=1e-5)
    predicted, _ = expected(60, 1e9)
    here = met > 60
    assert columns.weight[here].sum() == pytest.approx(predicted, rel=1e-5)
    predicted, observed = expected(30, 60)
    ratio = columns.weights["fakes_closure_up"] / columns.weight
    assert ratio == pytest.approx(1.0 + abs(observed / predicted - 1.0), rel=1e-5)
    # and what is predicted is right, with the errors of the nuisance parameters and of Σw²
    x = np.stack([25.0 + np.random.default_rng(3).exponential(18.0, 100_000), np.zeros(100_000)])
    x[1] = np.random.default_rng(4).uniform(0.0, 2.4, 100_000)
    truth = FAKES * np.exp(-60.0 / SCALE) * stepped(*x).mean()
    changes = [
        columns.weights[f"fakes_factor_{k}_up"][here].sum() - columns.weight[here].sum()
        for k in (1, 2, 3)
    ]
    error = np.sqrt((columns.weight[here] ** 2).sum() + np.sum(np.square(changes)))
    assert abs(columns.weight[here].sum() - truth) < 3.0 * error


def test_the_fit_has_the_fakes_with_their_nuisance_parameters(folder: Path, tmp_path: Path) -> None:
    config = configured(tmp_path)
    assert fakes(folder, config, tmp_path) == 0
    common = ["--config", str(config)]
    inputs = [*(f"{folder}/{name}.columns.h5" for name in FILES), f"{tmp_path}/fakes.columns.h5"]
    filled = ["--output", f"{tmp_path}/h.root", "--plots", f"{tmp_path}/p.root"]
    flow = ["--cutflow", f"{tmp_path}/cutflow.json"]
    assert main(["histogram", *common, "--input", *inputs, *filled, *flow]) == 0
    found = read_histograms(tmp_path / "h.root")
    assert found["signal/fakes/nominal"].values().sum() == pytest.approx(
        expected(60, 1e9)[0], rel=1e-5
    )
    outputs = ["--workspace", f"{tmp_path}/w.json", "--output", f"{tmp_path}/fit.json"]
    assert main(["fit", *common, "--input", f"{tmp_path}/h.root", *outputs]) == 0
    workspace = read_json(tmp_path / "w.json")
    (channel,) = workspace["channels"]
    modifiers = {s["name"]: {m["name"] for m in s["modifiers"]} for s in channel["samples"]}
    own = {f"fakes_{source}" for source in ("factor_1", "factor_2", "factor_3", "prompt")}
    assert own | {"fakes_closure", "staterror_signal"} == modifiers["fakes"]
    assert "lumi" in modifiers["prompt"]
    fit = read_json(tmp_path / "fit.json")
    assert abs(fit["mu"] - 1.0) < 3.0 * fit["mu_error"]
    figures = ["fakes_figures", *common, "--about", f"{tmp_path}/about.json"]
    assert main([*figures, "--output", f"{tmp_path}/figures"]) == 0
    names = {path.stem for path in (tmp_path / "figures").glob("*.png")}
    kinds = ("factor", "measurement", "validation")
    assert names == {f"{kind}_{x}" for kind in kinds for x in ("muon_pt", "muon_abs_eta")}


def test_networks_learn_the_same_factor(folder: Path, tmp_path: Path) -> None:
    learn = {"hidden": [6], "steps": 120}
    assert fakes(folder, configured(tmp_path, learn=learn, replicas=8), tmp_path) == 0
    columns = read_columns(tmp_path / "fakes.columns.h5")
    here = columns.values["met"] > 60
    binned = expected(60, 1e9)[0]
    assert columns.weight[here].sum() == pytest.approx(binned, rel=0.1)
    about = read_json(tmp_path / "about.json")
    assert about["method"] == "learned"
    assert about["measurement"]["predicted"] == pytest.approx(about["measurement"]["observed"])


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no loose event": (
        {"loose": "muon_tight == 7"},
        "samples.fakes.from_data.measurement, region measured: no loose event of data",
    ),
    "too large": ({"maximum": 0.05}, "samples.fakes.from_data.maximum: the fake factor is up to"),
    "an empty bin": (
        {"bins": {"muon_pt": [25, 900, 1000]}},
        "in the bin muon_pt 900 to 1000: merge bins",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_measured_is_one_message(
    case: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changes, message = WRONG[case]
    capsys.readouterr()
    assert fakes(folder, configured(tmp_path, **changes), tmp_path) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not list(tmp_path.glob("*.h5"))
    assert not list(tmp_path.glob("*.json"))


def test_a_negative_total_is_one_message(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = configured(tmp_path)
    columns = read_columns(folder / "prompt.columns.h5")
    columns.weight *= 50.0
    write_columns(tmp_path / "more.h5", columns)
    inputs = ["--input", f"{tmp_path}/more.h5", f"{folder}/collisions.columns.h5"]
    outputs = ["--output", f"{tmp_path}/o.h5", "--about", f"{tmp_path}/o.json"]
    common = ["--config", str(config), "--sample", "fakes"]
    assert main(["fakes", *common, *inputs, *outputs]) == 1
    error = capsys.readouterr().err
    assert "region measured" in error
    assert "not above 0: check the cross-sections" in error
    assert not (tmp_path / "o.h5").exists()


def test_the_steps_of_files_say_that_there_are_none(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = configured(tmp_path)
    common = ["--config", str(config), "--input", f"{folder}/prompt.root"]
    output = ["--output", f"{tmp_path}/o.h5"]
    assert main(["columns", *common, "--sample", "fakes", *output]) == 1
    assert "samples.fakes: comes from data, not files" in capsys.readouterr().err
    more = ["--about", f"{tmp_path}/o.json"]
    assert main(["fakes", *common, "--sample", "prompt", *output, *more]) == 1
    assert "samples.prompt: has no from_data in use; there is fakes" in capsys.readouterr().err


def test_the_configuration_is_read_back(tmp_path: Path) -> None:
    analysis = load(configured(tmp_path))
    assert analysis.from_data["fakes"].flag == "muon_tight"
    assert analysis.sources_of("fakes") == ["collisions", "prompt"]
