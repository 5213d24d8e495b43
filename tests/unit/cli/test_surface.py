"""From simulated events to surfaces, intervals and coverage by the commands, on the toy."""

import json
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import uproot
import yaml

from zenith.artefacts import Columns, read_columns, write_columns
from zenith.artefacts.arrays import read_arrays, write_arrays
from zenith.artefacts.coverage import COVERAGE
from zenith.artefacts.fit import FIT
from zenith.artefacts.interval import INTERVAL
from zenith.artefacts.surface import read_surface
from zenith.cli import main
from zenith.cli.shifting import shifted_yields, weighted_counts
from zenith.config import exact_ratio_of, load
from zenith.errors import InputError
from zenith.simulation import summary_toy as toy
from zenith.statistics.varied_events import weight_slopes
from zenith.systematics.weight import WeightSystematic

EVENTS = {"h": 1500, "Z": 6000, "tt": 5000, "VV": 1500}
CHANGES = {
    "base": "config/summary-toy.yaml",
    "name": "small",
    "samples": {name: {"simulate": {"events": number}} for name, number in EVENTS.items()},
    "regions": {
        "classifier": None,
        "mass": {"in_fit": True, "fit": {"edges": {"start": -2, "stop": 4, "bins": 6}}},
        "high": {
            "label": "High",
            "cuts": ["accepted == 1", "pt_h > 1.5"],
            "fit": {"observable": "jet", "edges": [-3, 1, 5]},
        },
    },
    "mva": None,
    "summary": None,
    "surfaces": {"events": {"Z": 4000}, "unseen": 3, "effective_events": 30},
    "coverage": {
        "truths": 1,
        "experiments": 3,
        "fixed": [{"mu": 1, "t": 2}, {"mu": 0.5, "VV_rate": 1}],
        "fixed_experiments": 3,
        "variations": True,
        "jobs": 2,
    },
    "statistics": {"ranking": False, "upper_limit": False, "scan_points": 0},
    "plotting": {"observables": []},
}
Step = Callable[..., int]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Skims and columns of all samples."""
    here = tmp_path_factory.mktemp("surfaces")
    regions = CHANGES["regions"]
    assert isinstance(regions, dict)
    regions["mass"]["cuts"] = ["accepted == 1", "pt_h <= 1.5"]
    (here / "small.yaml").write_text(yaml.safe_dump(CHANGES))
    (here / "skims").mkdir()
    for name in EVENTS:
        given = ["--config", str(here / "small.yaml"), "--sample", name]
        made, skim = str(here / f"{name}.root"), str(here / f"skims/{name}.0.root")
        assert main(["simulate", *given, "--output", made]) == 0
        flow = str(here / "cutflow.json")
        assert main(["skim", *given, "--input", made, "--output", skim, "--cutflow", flow]) == 0
        columns = str(here / f"{name}.h5")
        assert main(["columns", *given, "--input", skim, "--output", columns]) == 0
    return here


@pytest.fixture(scope="module")
def step(folder: Path) -> Step:
    """Run a step with the configuration."""

    def run(name: str, *options: str) -> int:
        return main([name, "--config", str(folder / "small.yaml"), *options])

    return run


@pytest.fixture(scope="module")
def events(folder: Path) -> list[str]:
    """What says where events are."""
    columns = [str(folder / f"{name}.h5") for name in EVENTS]
    return ["--input", *columns, "--skims", str(folder / "skims")]


@pytest.fixture(scope="module")
def surface(step: Step, folder: Path, events: list[str]) -> str:
    path = str(folder / "surface.h5")
    assert step("surface", *events, "--output", path) == 0
    return path


@pytest.fixture(scope="module")
def workspace(step: Step, folder: Path, events: list[str], surface: str) -> str:
    written = {name: str(folder / name) for name in ("h.root", "p.root", "c.json", "w.json")}
    files = ["--output", written["h.root"], "--plots", written["p.root"]]
    assert step("histogram", *events[:5], *files, "--cutflow", written["c.json"]) == 0
    fit = str(folder / "fit.json")
    given = ["--input", written["h.root"], "--surface", surface]
    assert step("fit", *given, "--workspace", written["w.json"], "--output", fit) == 0
    return written["w.json"]


def counts(folder: Path, process: str, point: np.ndarray, power: float = 0.0) -> np.ndarray:
    """Events in the bins of both regions, moved by a few lines of NumPy.

    They weigh a power of 1 + the threshold for acceptance.
    """
    with uproot.open(folder / f"{process}.root") as file:
        tree = file["Events"].arrays(library="np")
    number, gaussian = (tree[f"toy_{n}"].astype(int) for n in ("process", "gaussian"))
    x = np.stack([tree[f"toy_{n}"] for n in ("mass", "jet", "pt_h", "met")], axis=-1)
    moved = toy.moved(number, gaussian, x, point).astype(np.float32)
    ratio = np.exp(toy.log_yields(point) - np.log(toy.EXPECTED))[number]
    weight = (1.0 + tree["toy_threshold"]) ** power
    return binned(moved, tree["toy_threshold"] < ratio, weight)


def binned(x: np.ndarray, inside: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Events (N, 4) that are inside, (N,), in the bins of both regions."""
    high = inside & (x[:, 2] > 1.5)
    low = inside & ~high
    mass = np.clip(np.floor(x[low, 0] + 2), 0, 5)
    jet = x[high, 1] >= 1
    return np.concatenate(
        [
            np.bincount(mass.astype(int), weight[low], minlength=6),
            np.bincount(jet, weight[high], minlength=2),
        ]
    ).astype(float)


def test_surfaces_follow_the_moved_events(folder: Path, surface: str) -> None:
    found = read_surface(surface)
    assert found.channels == (("mass", 6), ("high", 2))
    assert found.surface.nuisances == ("t", "j", "s")
    assert (len(found.points), int(found.used.sum())) == (4 * 3 + 12 + 3, 24)
    assert found.events["h"] == EVENTS["h"]
    assert found.events["Z"] == pytest.approx(4000, abs=200)
    assert 0.3 < found.chi2 / found.number < 1.6
    point = np.array([1.0, -1.0, 0.5])
    for row, process in enumerate(found.surface.processes):
        nominal = counts(folder, process, np.zeros(6))
        moved = counts(folder, process, np.r_[point, 0.0, 0.0, 0.0])
        usual = ~found.merged[row]
        logs = found.surface.log_ratio(point)[row, usual]
        errors = found.surface.error(point)[row, usual]
        assert usual.sum() >= 4
        pulls = (logs - np.log(moved[usual] / nominal[usual])) / np.hypot(errors, 0.01)
        assert np.abs(pulls).max() < 3.5
        # bins with few events have the response of all of their channel
        for bins in (slice(0, 6), slice(6, 8)):
            few = found.merged[row, bins]
            alike = found.surface.coefficients[:, row, bins][:, few]
            assert not (alike - alike[:, :1]).any()
    assert found.merged.any()


def test_known_ratios_weight_events_as_shifts_move_them(folder: Path, events: list[str]) -> None:
    analysis, points = load(folder / "small.yaml"), np.array([[2.0, 0.0, 0.0], [-1.0, 1.5, 0.5]])
    nothing = {"selection": [], "networks": None, "summarised": []}
    args = Namespace(config=str(folder / "small.yaml"), overrides=[], input=events[1:5], **nothing)
    exact = exact_ratio_of(analysis)
    assert exact is not None
    found = weighted_counts(args, analysis, points, exact)
    assert found.channels == (("mass", 6), ("high", 2))
    pulls = []
    for row, process in enumerate(found.processes):
        expected = analysis.samples[process].cross_section * 1000 / EVENTS[process]
        share = 4000 / EVENTS["Z"] if process == "Z" else 1.0
        weight = expected / share
        nominal = found.yields[0, row]
        if process != "Z":
            np.testing.assert_allclose(nominal, weight * counts(folder, process, np.zeros(6)))
        for point, yields in zip(points, found.yields[1:, row], strict=True):
            # many events of the density at the point itself
            moved, start = (exactly(process, at) for at in (point, np.zeros(3)))
            enough = nominal > 40 * weight
            difference = np.log(yields[enough] / nominal[enough] / (moved / start)[enough])
            pulls.append(difference / (0.15 / np.sqrt(nominal[enough] / weight)))
    # the ratios of events in a bin spread by about 0.15
    assert 0.3 < np.mean(np.concatenate(pulls) ** 2) < 1.8
    assert np.abs(np.concatenate(pulls)).max() < 4.0


def exactly(process: str, point: np.ndarray) -> np.ndarray:
    """Expected events in the bins of both regions, by 400,000 drawn at the point."""
    nuisances = np.r_[point, 0.0, 0.0, 0.0]
    x = toy.sample(process, 400_000, nuisances, seed=7)
    size = np.exp(toy.log_yields(nuisances)[list(toy.PROCESSES).index(process)]) / 400_000
    return float(size) * binned(x, np.ones(len(x), bool), np.ones(len(x)))


def test_weights_are_powers_of_a_side_at_any_pull(folder: Path, events: list[str]) -> None:
    overrides = ["only_samples=[h]", "surfaces.systematics=[t, tilt]", "surfaces.events=null"]
    overrides += ["systematics.tilt={type: weight, branches: {up: toy_threshold}, sides: up}"]
    analysis, columns = load(folder / "small.yaml", overrides), read_columns(folder / "h.h5")
    with uproot.open(folder / "skims/h.0.root") as file:
        side = 1.0 + file["Events/toy_threshold"].array(library="np")
    columns.weights["tilt_up"] = columns.weight * side
    write_columns(folder / "tilted.h5", columns)
    given = {"input": [str(folder / "tilted.h5")], "skims": events[-1]}
    nothing = {"selection": [], "networks": None, "summarised": []}
    args = Namespace(config=str(folder / "small.yaml"), overrides=overrides, **given, **nothing)
    points = np.array([[2.0, 0.0], [0.0, 1.0], [0.0, -2.0], [2.0, -1.5]])
    found = shifted_yields(args, analysis, points).counts
    usual = ~found.merged[0]
    weight = analysis.samples["h"].cross_section * 1000 / EVENTS["h"]
    for (t, power), yields in zip(points, found.yields[1:, 0], strict=True):
        expected = weight * counts(folder, "h", np.array([t, 0, 0, 0, 0, 0]), power)
        np.testing.assert_allclose(yields[usual], expected[usual])
    columns.weights["tilt_up"] *= -1.0
    write_columns(folder / "tilted.h5", columns)
    with pytest.raises(InputError, match="tilt_up gives 1500 events of sample 'h' no weight"):
        shifted_yields(args, analysis, points)


def test_weights_at_one_standard_deviation_are_those_of_both_sides() -> None:
    tilt = WeightSystematic.model_validate({"type": "weight", "weight": "tilt"})
    sides = {"up": np.array([4.0, 3.0, -1.0, 0.0]), "down": np.array([1.5, 6.0, -2.0, 0.0])}
    weights = {f"tilt_{side}": weight for side, weight in sides.items()}
    nominal = np.array([2.0, 3.0, -1.0, 0.0])
    own = Columns({}, nominal, np.arange(4, dtype=np.uint64), weights)
    slope, bend = weight_slopes(own, tilt, "tilt")
    for sign, side in ((1.0, "up"), (-1.0, "down")):
        np.testing.assert_allclose(nominal * np.exp(sign * slope + bend), sides[side])


def test_fits_and_intervals_have_the_surface(folder: Path, workspace: str, surface: str) -> None:
    about = FIT.read(folder / "fit.json").get("surface")
    assert about is not None
    assert about["nuisances"] == ["t", "j", "s"]
    assert about["mu_error"] is not None
    assert len(about["deviations"]) == 4 * 3 + 4 * 3
    single = [d for d in about["deviations"] if [abs(v) for v in d["parameters"].values()] == [1.0]]
    assert max(abs(each["largest"]) for each in single) < 1e-9
    path = str(folder / "interval.json")
    given = [workspace, "--expected", "--surface", surface, "--output", path]
    assert main(["interval", *given]) == 0
    (found,) = INTERVAL.read(path)["parameters"]
    half = (found["intervals"][0]["upper"] - found["intervals"][0]["lower"]) / 2
    assert half == pytest.approx(about["mu_error"], rel=0.1)


def test_jobs_that_share_truths_count_coverage_together(
    step: Step, folder: Path, events: list[str], workspace: str, surface: str
) -> None:
    parts = [str(folder / f"part_{k}.json") for k in (1, 2)]
    for k, path in enumerate(parts, start=1):
        given = [workspace, "--surface", surface, *events, "--part", f"{k}/2", "--output", path]
        assert step("pseudo_experiments", *given) == 0
    together = str(folder / "coverage.json")
    assert main(["coverage", "--merge", *parts, "--output", together]) == 0
    found = COVERAGE.read(together)
    assert [one["number"] for one in found["truths"]] == [0, 1, 2]
    assert found["total"]["experiments"] == 9
    assert found["truths"][1]["parameters"] == {"t": 2.0}
    assert found["truths"][2]["parameters"] == {"mu": 0.5, "VV_rate": 1.0}
    assert set(found["truths"][0]["parameters"]) == {"mu", *toy.NUISANCES}
    assert len(set(np.concatenate([one["best"] for one in found["truths"]]))) == 9
    assert [one["variations"]["experiments"] for one in found["truths"]] == [3, 3, 3]
    assert all(one["variations"]["mean_width"] > 0 for one in found["truths"])
    spoilt = json.loads(Path(together).read_text())["provenance"]
    assert spoilt["inputs"]


def test_what_is_wrong_is_said(
    step: Step,
    folder: Path,
    events: list[str],
    workspace: str,
    surface: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refused(*command: str) -> str:
        output = str(tmp_path / "output")
        assert main([*command, "--output", output]) == 1
        assert not Path(output).exists()
        return capsys.readouterr().err

    given = ["surface", "--config", str(folder / "small.yaml")]
    columns = events[: 1 + len(EVENTS)]
    assert "no skim of sample 'h'" in refused(*given, *columns, "--skims", str(tmp_path))
    swapped = tmp_path / "swapped"
    swapped.mkdir()
    for name, other in {"h": "Z", "Z": "Z", "tt": "tt", "VV": "VV"}.items():
        (swapped / f"{name}.0.root").symlink_to(folder / f"skims/{other}.0.root")
    text = refused(*given, *columns, "--skims", str(swapped))
    assert "h.0.root: the columns of sample 'h' are of other events" in text
    assert "surfaces: missing" in refused(*given, *events, "--set", "surfaces=null")
    weights = ["--set", "systematics.t=null", "--set", "systematics.j=null"]
    text = refused(*given, *events, *weights, "--set", "systematics.s=null")
    assert "surfaces: no systematic uncertainty has `type: shift`" in text
    unknown = ["--set", "surfaces.events={ttbar: 10}"]
    assert "surfaces.events, sample: 'ttbar' is not defined" in refused(*given, *events, *unknown)
    for asked, message in {
        "VV_rate": "surfaces.systematics: events have no values of 'VV_rate'",
        "jes": "surfaces.systematics: 'jes' is not defined",
    }.items():
        named = ["--set", f"surfaces.systematics=[t, {asked}]"]
        assert message in refused(*given, *events, *named)
    few = ["--set", "surfaces.random=0", "--set", "surfaces.unseen=1"]
    assert "t × j, t × s, j × s" in refused(*given, *events, *few)
    arrays, attributes = read_arrays(surface)
    broken = str(tmp_path / "broken.h5")
    for name, message in {"pulls": "pulls is missing", "used": "used is missing"}.items():
        write_arrays(broken, {k: v for k, v in arrays.items() if k != name}, attributes)
        assert f"{broken}: " in (text := refused("interval", workspace, "--surface", broken))
        assert message in text
    write_arrays(broken, arrays | {"merged": arrays["merged"][:, 1:]}, attributes)
    assert "merged has the shape (4, 7), not (4, 8)" in refused(
        "interval", workspace, "--surface", broken
    )
    write_arrays(broken, arrays, attributes | {"channels": ["mass", "low"]})
    assert "the surface is of channels" in refused("interval", workspace, "--surface", broken)
    write_arrays(broken, arrays, attributes | {"nuisances": ["t", "j", "tes"]})
    assert "no nuisance parameter 'tes'" in refused("interval", workspace, "--surface", broken)
    Path(broken).write_text("nothing")
    assert "not an HDF5 file" in refused("interval", workspace, "--surface", broken)
    run = ["pseudo_experiments", "--config", str(folder / "small.yaml"), workspace]
    assert "--part 9/9: there are only 3 truths" in refused(*run, "--part", "9/9")
    wrong = ["--set", "coverage.fixed=[{nu: 1}]"]
    assert "no parameter is called 'nu'" in refused(*run, *wrong)
