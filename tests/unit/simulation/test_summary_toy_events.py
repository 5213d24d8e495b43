"""Events of the toy with known densities: from their file to columns, and how shifts move them."""

from pathlib import Path

import numpy as np
import pytest

from zenith.artefacts import read_columns
from zenith.cli import main
from zenith.config import load
from zenith.errors import ConfigError, InputError
from zenith.events import copies
from zenith.simulation import summary_toy as toy
from zenith.simulation.summary_toy_events import NAMES
from zenith.statistics.varied_events import events_at

CONFIG = "config/summary-toy.yaml"
EVENTS = 4000


def run(step: str, *options: str) -> None:
    changed = [f"samples.tt.simulate.events={EVENTS}", "copies.random=1"]
    given = [option for change in changed for option in ("--set", change)]
    assert main([step, "--config", CONFIG, *given, "--sample", "tt", *options]) == 0


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
    _copies_are_at_their_points(output, nominal)
    inside = found.values["accepted"] == 1
    logs = toy.log_densities(nominal[inside], np.zeros(6))[2]
    exact = toy.sample("tt", 4000, np.zeros(6), seed=11)
    expected = toy.log_densities(exact, np.zeros(6))[2]
    error = float(np.std(expected)) * np.sqrt(1 / inside.sum() + 1 / 4000)
    assert abs(float(logs.mean() - expected.mean())) < 4 * error


def _copies_are_at_their_points(path: str, nominal: np.ndarray) -> None:
    """Four on each axis, and a random one with all three pulls, at which the file has them."""
    analysis = load(CONFIG, [f"samples.tt.simulate.events={EVENTS}", "copies.random=1"])
    assert not read_columns(path).copies  # only where they are asked for
    columns = {"tt": read_columns(path, copies=True)}
    points = copies.points(analysis)
    axes = [{n: pull} for n in toy.SHAPES for pull in (-2.0, -1.0, 1.0, 2.0)]
    assert [{n: v for n, v in point.items() if v} for point in points[:-1]] == axes
    assert min(map(abs, points[-1].values())) > 0.0
    assert list(columns["tt"].copies) == [copies.name_of(point) for point in points]
    up = events_at(analysis, columns, "tt", {"j": 1.0}).values
    for name, values in columns["tt"].shapes["j_up"].items():
        np.testing.assert_array_equal(up[name], values)
    moved = events_at(analysis, columns, "tt", points[-1]).values
    at = np.array([points[-1][name] for name in toy.SHAPES] + [0.0] * 3)
    process = np.full(EVENTS, 2)
    candidates = [toy.moved(process, np.full(EVENTS, g), nominal, at) for g in (0, 1)]
    own = np.stack([moved[name] for name in NAMES], axis=-1)
    assert np.min([np.abs(own - c).max(axis=1) for c in candidates], axis=0).max() < 1e-5
    with pytest.raises(InputError, match=r"sample 'tt' lack the copy at t=0\.5: make them again"):
        events_at(analysis, columns, "tt", {"t": 0.5})


def test_copies_need_a_shift() -> None:
    with pytest.raises(ConfigError, match="copies: none of the systematics is a parameter of a"):
        load("config/zprime.yaml", ["copies.random=1"])


def test_a_process_has_copies_of_what_shifts_it() -> None:
    analysis = load(CONFIG, ["copies.random=1", "systematics.t.processes=[tt]"])
    (*_, (tt, at)), (*_, (z, z_at)) = (
        copies.of_process(analysis, name).items() for name in ("tt", "Z")
    )
    assert at == {"t": at["t"], **z_at}
    assert tt == f"t={at['t']:g}, {z}"
    assert len(copies.of_process(analysis, "Z")) == 9  # and none that t alone would move


def test_its_yields_are_known(capsys: pytest.CaptureFixture[str]) -> None:
    analysis = load(CONFIG)
    for name, sample in analysis.samples.items():
        expected = toy.PROCESSES[name].expected
        assert sample.cross_section * 1000.0 / 1.25 == pytest.approx(expected)
    given = ["--config", CONFIG, "--sample", "tt", "--cross-section"]
    assert main(["simulate", *given]) == 1
    assert "its yields are known" in capsys.readouterr().err
