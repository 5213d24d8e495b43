"""Columns: normalisation, folds, variations, order, bad input and the command."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
from makers.default import only

from zenith.artefacts import Columns, read_columns
from zenith.cli import main
from zenith.config import Analysis, load, observables_of
from zenith.errors import ConfigError, InputError
from zenith.events import shifts
from zenith.events.columns import evaluate, make_columns
from zenith.events.folds import event_hash, uniform
from zenith.events.formats.views import as_events
from zenith.events.formats.writer import Writer
from zenith.events.objects import select

SAMPLE = "ttbar_semileptonic"
OBJECTS = (
    "objects.muon={collection: Muon, cuts: [pt > 20]}",
    "objects.jet={collection: Jet, cuts: [pt > 30], aliases: {btag: score}}",
    "objects.fatjet={collection: FatJet, cuts: [pt > 200], aliases: {toptag: score}}",
    "met=MET",
)
CORRECTED = only("pileup", "muon_id", "jes", "jer", corrections=("pileup", "muon_id"))


@pytest.fixture(scope="module")
def analysis() -> Analysis:
    return load("config/zprime.yaml", [*OBJECTS, *CORRECTED])


@pytest.fixture(scope="module")
def plain() -> Analysis:
    return load("config/zprime.yaml", [*OBJECTS, *only()])


def made(count: int, seed: int) -> dict[str, Any]:
    """Events of muons and jets; one in five has a negative weight."""
    rng = np.random.default_rng(seed)
    branches: dict[str, Any] = {
        "run": np.ones(count, np.uint32),
        "luminosityBlock": (np.arange(count) // 50).astype(np.uint32),
        "event": (1_000_000 * seed + np.arange(count)).astype(np.uint64),
        "MET_pt": rng.exponential(60, count).astype(np.float32),
        "MET_phi": rng.uniform(-3, 3, count).astype(np.float32),
        "Pileup_nTrueInt": rng.uniform(5, 50, count).astype(np.float32),
        "genWeight": np.where(rng.random(count) < 0.2, -2.5, 2.5).astype(np.float32),
        "PV_npvs": rng.integers(1, 40, count).astype(np.int32),
    }
    for name, most, scale in (("Muon", 3, 50), ("Jet", 8, 80), ("FatJet", 3, 200)):
        counts = rng.integers(0, most, count)
        fields = {
            "pt": 15 + rng.exponential(scale, counts.sum()),
            "eta": rng.uniform(-2.4, 2.4, counts.sum()),
            "phi": rng.uniform(-3, 3, counts.sum()),
            "mass": rng.uniform(1, 20, counts.sum()),
            "score": rng.random(counts.sum()),
        }
        branches |= {
            f"{name}_{field}": ak.unflatten(values.astype(np.float32), counts)
            for field, values in fields.items()
        }
    return branches


@pytest.fixture
def skim(tmp_path: Path) -> Callable[..., Path]:
    """Write a skim of made-up events; keywords replace or (None) remove branches and sums."""

    def write(
        name: str = "a", count: int = 2000, seed: int = 1, sums: Any = (), **changes: Any
    ) -> Path:
        branches = {n: b for n, b in (made(count, seed) | changes).items() if b is not None}
        events = as_events({n: ak.Array(b) for n, b in branches.items()})
        weights = np.asarray(branches.get("genWeight", np.ones(count)), np.float64)
        runs = {
            "run": np.array([1], np.uint32),
            "genEventCount": np.array([count]),
            "genEventSumw": np.array([weights.sum()]),
        }
        path = tmp_path / f"{name}.root"
        with Writer(path, events[:0]) as writer:
            writer.add(events)
            writer.finish(runs | dict(sums))
        return path

    return write


def test_an_unskimmed_sample_weighs_its_cross_section_times_luminosity(
    skim: Callable[..., Path], plain: Analysis
) -> None:
    columns = make_columns([skim()], plain, SAMPLE)
    sample, luminosity = plain.samples[SAMPLE], plain.eras["2016"].luminosity
    assert sample.cross_section is not None
    expected = sample.cross_section * sample.k_factor * luminosity * 1000.0
    assert columns.weight.sum() == pytest.approx(expected, rel=1e-12)
    assert (columns.weight < 0).mean() == pytest.approx(0.2, abs=0.04)
    assert len(np.unique(np.abs(columns.weight))) == 1
    assert columns.attributes == {
        "sample": SAMPLE,
        "process": SAMPLE,
        "era": "2016",
        "is_data": False,
        "luminosity": luminosity,
        "cross_section": sample.cross_section,
        "k_factor": sample.k_factor,
        "events_generated": 2000,
        "sum_weights": made(2000, 1)["genWeight"].astype(float).sum(),
    }


def test_the_normalisation_is_that_of_all_events_before_the_skim(
    skim: Callable[..., Path], plain: Analysis
) -> None:
    sums = {"genEventSumw": np.array([9000.0]), "genEventCount": np.array([5000])}
    two = [skim("a", 100, 1, sums), skim("b", 300, 2, sums)]
    columns = make_columns(two, plain, SAMPLE, luminosity_fraction=0.25)
    weights = np.concatenate([made(100, 1)["genWeight"], made(300, 2)["genWeight"]])
    sample, luminosity = plain.samples[SAMPLE], plain.eras["2016"].luminosity
    assert sample.cross_section is not None
    scale = sample.cross_section * sample.k_factor * luminosity * 0.25 * 1000.0 / 18_000.0
    np.testing.assert_allclose(columns.weight, weights.astype(float) * scale, rtol=1e-12)
    assert columns.attributes["luminosity"] == pytest.approx(luminosity / 4)
    assert columns.attributes["events_generated"] == 10_000


def test_corrections_multiply_the_weight_and_vary_it(
    skim: Callable[..., Path], analysis: Analysis, plain: Analysis
) -> None:
    import correctionlib

    path = skim()
    before = make_columns([path], plain, SAMPLE).weight
    columns = make_columns([path], analysis, SAMPLE)
    assert list(columns.weights) == ["pileup_up", "pileup_down", "muon_id_up", "muon_id_down"]
    pileup = correctionlib.CorrectionSet.from_file("config/corrections/simulated.json")["pileup"]
    n_true = made(2000, 1)["Pileup_nTrueInt"].astype(float)
    ratio = pileup.evaluate(n_true, "up") / pileup.evaluate(n_true, "nominal")
    np.testing.assert_allclose(columns.weights["pileup_up"], columns.weight * ratio, rtol=1e-12)
    no_muon = columns.values["n_muon"] == 0
    nominal = before * pileup.evaluate(n_true, "nominal")
    np.testing.assert_allclose(columns.weight[no_muon], nominal[no_muon], rtol=1e-12)
    np.testing.assert_array_equal(columns.weights["muon_id_up"][no_muon], columns.weight[no_muon])


def test_values_and_shapes_are_the_observables_of_the_selected_objects(
    skim: Callable[..., Path], analysis: Analysis
) -> None:
    columns = make_columns([skim()], analysis, SAMPLE)
    events = as_events({n: ak.Array(b) for n, b in made(2000, 1).items()})
    defined = observables_of(analysis)
    used = {name for _, name in analysis.observables_in_use()}
    assert set(columns.values) == used - set(analysis.scores)
    assert list(columns.shapes) == ["jes_up", "jes_down", "jer_up"]
    used = {name: defined[name] for name in columns.values}
    for variation in (None, *shifts.variations(analysis)):
        expected = evaluate(select(events, analysis, variation), used)
        found = columns.values if variation is None else columns.shapes[variation]
        for name, values in expected.items():
            np.testing.assert_array_equal(found[name], values)
            assert found[name].dtype == np.float32
    assert (columns.shapes["jes_up"]["muon_pt"] == columns.values["muon_pt"]).all()
    for name in ("met", "st", "jet_1_pt", "n_jet", "mtt", "fatjet_1_pt"):
        assert (columns.shapes["jes_up"][name] != columns.values[name]).any(), name
    assert columns.units["met"] == "GeV"
    assert columns.descriptions["met"] == "Missing transverse momentum."


def test_a_systematic_of_other_processes_leaves_a_sample_alone(
    skim: Callable[..., Path],
) -> None:
    only_signal = [f"systematics.{name}.processes=[signal]" for name in ("jes", "jer", "pileup")]
    varied = load("config/zprime.yaml", [*OBJECTS, *CORRECTED, *only_signal])
    columns = make_columns([skim()], varied, SAMPLE)
    assert columns.shapes == {}
    assert list(columns.weights) == ["muon_id_up", "muon_id_down"]


def rows(columns: Columns) -> list[tuple[Any, ...]]:
    """Everything that is known of each event, in an order that does not depend on the input."""
    arrays = [columns.weight, columns.hash, *columns.values.values(), *columns.weights.values()]
    arrays += [array for shape in columns.shapes.values() for array in shape.values()]
    return sorted(zip(*(array.tolist() for array in arrays), strict=True))


def test_neither_the_order_of_files_nor_chunks_change_an_event(
    skim: Callable[..., Path], analysis: Analysis
) -> None:
    paths = [skim("a", 700, 1), skim("b", 500, 2)]
    columns = make_columns(paths, analysis, SAMPLE)
    assert rows(make_columns(paths[::-1], analysis, SAMPLE)) == rows(columns)
    chunked = load("config/zprime.yaml", [*OBJECTS, *CORRECTED, "skim.chunk=400"])
    other = make_columns(paths, chunked, SAMPLE)
    np.testing.assert_array_equal(other.values["mtt"], columns.values["mtt"])
    assert rows(other) == rows(columns)


def test_the_hash_is_that_of_splitmix64_in_whole_numbers() -> None:
    """An event stays in its fold for ever: what was learnt before must find its own events."""

    def mixed(x: int) -> int:
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB % 2**64
        return x ^ (x >> 31)

    events = {"run": [1, 273158], "luminosityBlock": [7, 400], "event": [1, 5_168_473_194]}
    expected = []
    for numbers in zip(*events.values(), strict=True):
        state = 0
        for number in numbers:
            state = mixed((state + 0x9E3779B97F4A7C15 + number) % 2**64)
        expected.append(state)
    assert event_hash(events).tolist() == expected
    assert uniform(np.array([0, 2**64 - 1], np.uint64)).tolist() == [2.0**-53, 1 - 2.0**-53]


def test_data_weigh_one_and_have_the_hashes_of_their_numbers(
    skim: Callable[..., Path], analysis: Analysis
) -> None:
    path = skim(genWeight=None, Pileup_nTrueInt=None)
    columns = make_columns([path], analysis, "pseudodata")
    assert (columns.weight == 1.0).all()
    simulated = make_columns([skim("simulated")], analysis, SAMPLE)
    np.testing.assert_array_equal(columns.hash, simulated.hash)
    assert columns.weights == {}
    assert columns.shapes == {}
    assert columns.attributes["is_data"]
    assert "cross_section" not in columns.attributes


def test_a_skim_without_events_gives_columns_without_events(
    skim: Callable[..., Path], analysis: Analysis
) -> None:
    sums = {"genEventSumw": np.array([100.0]), "genEventCount": np.array([40])}
    nothing = skim("none", 0, sums=sums)
    columns = make_columns([nothing], analysis, SAMPLE)
    assert {len(values) for values in columns.values.values()} == {0}
    assert columns.weights["pileup_up"].shape == columns.weight.shape == (0,)
    assert columns.shapes["jes_up"]["mtt"].shape == (0,)
    together = make_columns([nothing, skim("some", 30)], analysis, SAMPLE)
    assert len(together.weight) == 30
    assert together.attributes["events_generated"] == 70


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"genWeight": np.full(2000, np.inf)}, "the event weight is inf in 2000 of 2000 events"),
        ({"MET_pt": np.full(2000, np.nan)}, "observable met is nan in 2000 of 2000 events"),
        ({"genWeight": None}, "no branch genWeight"),
        ({"FatJet_score": None}, r"objects\.fatjet\.aliases\.toptag: .* no branch FatJet_score"),
    ],
)
def test_bad_events_are_named_with_file_and_sample(
    skim: Callable[..., Path], analysis: Analysis, changes: Any, message: str
) -> None:
    path = skim(sums={"genEventSumw": np.array([1.0])}, **changes)
    with pytest.raises(InputError, match=message) as error:
        make_columns([path], analysis, SAMPLE)
    assert str(path) in str(error.value)
    assert f"sample {SAMPLE}" in str(error.value)


@pytest.mark.parametrize("total", [0.0, np.nan])
def test_weights_that_add_up_to_zero_cannot_be_normalised(
    skim: Callable[..., Path], analysis: Analysis, total: float
) -> None:
    path = skim(sums={"genEventSumw": np.array([total])})
    with pytest.raises(InputError, match=rf"samples\.{SAMPLE}: Σ genWeight .* is {total:g}"):
        make_columns([path], analysis, SAMPLE)


def test_an_unknown_sample_is_named(skim: Callable[..., Path], analysis: Analysis) -> None:
    with pytest.raises(ConfigError, match="no sample 'ttbar'; there is zprime_2000"):
        make_columns([skim()], analysis, "ttbar")


def test_the_command_writes_the_columns(
    skim: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "columns" / "out.h5"
    overrides = [word for text in (*OBJECTS, *CORRECTED) for word in ("--set", text)]
    command = ["columns", *overrides, "--sample", SAMPLE, "--output", str(output)]
    assert main([*command, "--input", str(skim("a", 200, 1)), str(skim("b", 100, 2))]) == 0
    columns = read_columns(output)
    assert len(columns.weight) == 300
    assert columns.units["mtt"] == "GeV"
    assert columns.attributes["sample"] == SAMPLE
    output.unlink()
    not_root = tmp_path / "text.root"
    not_root.write_text("not a ROOT file, and long enough to look like one" * 100)
    for path in (not_root, tmp_path / "absent.root"):
        assert main([*command, "--input", str(path)]) == 1
        message = capsys.readouterr().err
        assert message.startswith(f"zenith columns: error: {path}: ")
        assert message.count("\n") == 1
    assert list(output.parent.iterdir()) == []


def test_another_processor_makes_the_same_columns(
    skim: Callable[..., Path], tmp_path: Path
) -> None:
    """One without the vector instructions for which numpy has functions of its own."""
    disabled = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    if not disabled:
        pytest.skip("numpy uses no vector instructions here")
    overrides = [word for text in (*OBJECTS, *CORRECTED) for word in ("--set", text)]
    command = ["columns", *overrides, "--sample", SAMPLE, "--input", str(skim("a", 400, 1))]
    here, there = (str(tmp_path / f"{name}.h5") for name in ("here", "there"))
    assert main([*command, "--output", here]) == 0
    environment = os.environ | {"NPY_DISABLE_CPU_FEATURES": " ".join(disabled)}
    module = [sys.executable, "-m", "zenith"]
    subprocess.run([*module, *command, "--output", there], env=environment, check=True)
    one, other = read_columns(here), read_columns(there)
    for shape in ("", *one.shapes):
        mine, theirs = (c.shapes[shape] if shape else c.values for c in (one, other))
        for name, values in mine.items():
            np.testing.assert_array_equal(values, theirs[name], err_msg=f"{shape} {name}")
