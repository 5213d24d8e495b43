"""Events of the toy with known densities: from their file to columns, and how shifts move them."""

from pathlib import Path

import numpy as np
import pytest

from zenith.artefacts import read_columns
from zenith.cli import main
from zenith.config import load
from zenith.simulation import summary_toy as toy
from zenith.simulation.summary_toy_events import NAMES

CONFIG = "config/summary-toy.yaml"
EVENTS = 4000


def run(step: str, *options: str) -> None:
    events = f"samples.tt.simulate.events={EVENTS}"
    given = ["--config", CONFIG, "--set", events, "--sample", "tt", *options]
    assert main([step, *given]) == 0


def test_shifted_columns_have_the_densities_and_yields_of_the_point(tmp_path: Path) -> None:
    made, skim, output = (str(tmp_path / name) for name in ("a.root", "b.root", "c.h5"))
    run("simulate", "--output", made)
    run("skim", "--input", made, "--output", skim, "--cutflow", str(tmp_path / "c.json"))
    run("columns", "--input", skim, "--output", output)
    found = read_columns(Path(output))
    assert set(found.shapes) == {f"{n}_{side}" for n in toy.SHAPES for side in ("up", "down")}
    assert found.weight.sum() == pytest.approx(8000 * 1.25)

    def features(values: dict[str, np.ndarray]) -> np.ndarray:
        return np.stack([values[name] for name in NAMES], axis=-1).astype(float)

    nominal = features(found.values)
    for k, name in enumerate(toy.SHAPES):
        for side, sign in (("up", 1.0), ("down", -1.0)):
            point = sign * np.eye(6)[k]
            varied = found.shapes[f"{name}_{side}"]
            own = features(varied)
            # Events of one of two Gaussians, and the first has another mean than the second
            process = np.full(EVENTS, 2)
            candidates = [toy.moved(process, np.full(EVENTS, g), nominal, point) for g in (0, 1)]
            off = np.min([np.abs(own - c).max(axis=1) for c in candidates], axis=0)
            assert off.max() < 1e-5
            ratio = np.exp(toy.log_yields(point)[2]) / 8000.0
            kept = found.weight @ varied["accepted"]
            assert kept / 8000.0 == pytest.approx(ratio, abs=4 / np.sqrt(EVENTS))
            changed = varied["accepted"] != found.values["accepted"]
            assert changed.mean() < 0.03
    inside = found.values["accepted"] == 1
    logs = toy.log_densities(nominal[inside], np.zeros(6))[2]
    exact = toy.sample("tt", 4000, np.zeros(6), seed=11)
    expected = toy.log_densities(exact, np.zeros(6))[2]
    error = float(np.std(expected)) * np.sqrt(1 / inside.sum() + 1 / 4000)
    assert abs(float(logs.mean() - expected.mean())) < 4 * error


def test_its_yields_are_known(capsys: pytest.CaptureFixture[str]) -> None:
    analysis = load(CONFIG)
    for name, sample in analysis.samples.items():
        expected = toy.PROCESSES[name].expected
        assert sample.cross_section * 1000.0 / 1.25 == pytest.approx(expected)
    given = ["--config", CONFIG, "--sample", "tt", "--cross-section"]
    assert main(["simulate", *given]) == 1
    assert "its yields are known" in capsys.readouterr().err
