"""Training sets from skims: the same events as in the columns, and their leading objects."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak
import h5py
import numpy as np
import pytest
from makers.nanoaod import JES, RUNS, analysis, read, toy_events, write
from makers.networks import reading

from zenith.artefacts.training_set import CHUNK
from zenith.cli import main
from zenith.config import Analysis, dump
from zenith.errors import ConfigError, InputError
from zenith.events.columns import make_columns
from zenith.events.folds import folds_of
from zenith.events.skim import skim
from zenith.events.training_sets import make_training_set

JETS = {"fields": ["pt", "eta", "phi", "energy"], "leading": 2}
NETWORK = {
    "classes": {"a": ["simulation"], "b": ["other"]},
    "features": ["met", "n_jet"],
    "cuts": ["n_muon >= 1"],
    "objects": {"jet": JETS, "fatjet": {"fields": ["toptag"], "leading": 3}},
}
SAMPLE = {"process": "signal", "era": "2016", "cross_section": 2.0, "files": ["b"]}
CHANGES: dict[str, Any] = {
    "samples": {"other": SAMPLE, "late": SAMPLE},
    "objects": {"jet": {"collection": "Jet", "cuts": ["pt > 20"]}},
    "regions": {"signal": {"plots": ["n_jet", "n_muon"]}},
    "skim": {
        "branches": {"keep": ["HLT_Mu*", "FatJet_toptag", "Jet_jetId"]},
        "cuts": ["met > 10"],
    },
}
ANALYSIS = analysis(**CHANGES)


@pytest.fixture(scope="module")
def skims(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two skims of MET above 10 GeV."""
    folder = tmp_path_factory.mktemp("skims")
    paths = []
    for seed in (1, 2):
        nano = write(folder / f"nano{seed}.root", toy_events(seed=seed), RUNS)
        paths.append(folder / f"skim{seed}.root")
        skim(nano, paths[-1], ANALYSIS, "simulation")
    return paths


@pytest.fixture
def made(tmp_path: Path, skims: list[Path]) -> Callable[..., dict[str, Any]]:
    """Make a training set and read it again: arrays by dataset, and attributes."""

    def make(
        sample: str = "simulation", configured: Analysis = ANALYSIS, **networks: Any
    ) -> dict[str, Any]:
        path = tmp_path / "set.h5"
        configured = reading(configured, **(networks or {"net": NETWORK}))
        size = make_training_set(path, skims, configured, sample, "{}")
        found: dict[str, Any] = {}
        with h5py.File(path) as file:
            file.visititems(
                lambda name, item: found.update({name: item[()]} if "dtype" in dir(item) else {})
            )
            found["attributes"] = dict(file.attrs)
        assert {len(array) for name, array in found.items() if name != "attributes"} == {size}
        return found

    return make


def test_events_are_those_of_the_columns(made: Callable[..., Any], skims: list[Path]) -> None:
    found = made()["events"]
    columns = make_columns(skims, ANALYSIS, "simulation")
    for name in ("met", "n_jet", "n_muon"):
        np.testing.assert_array_equal(found[name], columns.values[name])
    np.testing.assert_array_equal(found["weight"], columns.weight)
    np.testing.assert_array_equal(found["fold"], folds_of(columns.hash, ANALYSIS.folds))
    events = [read(path) for path in skims]
    for name in ("run", "luminosityBlock", "event"):
        np.testing.assert_array_equal(found[name], np.concatenate([e[name] for e in events]))
    assert set(found["label"]) == {0}
    assert made("late")["attributes"]["classes"] == "simulation,other,late"
    assert set(made("late")["events"]["label"]) == {2}


@pytest.mark.parametrize(("place", "scale"), [("", 1.0), ("shapes/jes_up/", 1.0 + JES)])
def test_objects_are_the_leading_ones(
    made: Callable[..., Any], skims: list[Path], place: str, scale: float
) -> None:
    jets = made()[f"{place}jet"]
    events = [read(path) for path in skims]
    pt, eta, mass = (ak.concatenate([e[f"Jet_{n}"] for e in events]) for n in ("pt", "eta", "mass"))
    assert jets.shape == (len(pt), 2)
    assert jets["valid"].sum() > 50
    for row, momenta, etas, masses in zip(jets, pt, eta, mass, strict=True):
        order = sorted(range(len(momenta)), key=lambda k: -momenta[k])
        kept = [k for k in order if momenta[k] * scale > 20][:2]
        assert row["valid"].tolist() == [k < len(kept) for k in range(2)]
        for jet, k in zip(row, kept, strict=False):
            assert jet["pt"] == pytest.approx(momenta[k] * scale, rel=1e-5)
            assert jet["eta"] == pytest.approx(etas[k], rel=1e-5)
            momentum, m = momenta[k] * scale * np.cosh(etas[k]), masses[k] * scale
            assert jet["energy"] == pytest.approx(np.hypot(momentum, m), rel=1e-4)
        assert all(not any(jet) for jet in row[len(kept) :].tolist())  # no magic number


def test_shape_variations_have_the_same_events(made: Callable[..., Any], skims: list[Path]) -> None:
    found = made()
    columns = make_columns(skims, ANALYSIS, "simulation")
    for variation, values in columns.shapes.items():
        varied = found[f"shapes/{variation}/events"]
        assert varied.dtype.names == ("met", "n_jet", "n_muon")
        np.testing.assert_array_equal(varied["n_jet"], values["n_jet"])
        assert found[f"shapes/{variation}/fatjet"].shape == (len(columns.weight), 3)


def test_chunks_of_any_size_give_the_same(made: Callable[..., Any]) -> None:
    whole = made()
    small = ANALYSIS.skim.model_copy(update={"chunk": 7})
    pieces = made(configured=ANALYSIS.model_copy(update={"skim": small}))
    assert whole.keys() == pieces.keys()
    for name in whole.keys() - {"attributes"}:
        np.testing.assert_array_equal(whole[name], pieces[name])


def test_data_have_no_class_and_no_variations(made: Callable[..., Any]) -> None:
    found = made("collisions")
    assert set(found) == {"events", "jet", "fatjet", "attributes"}
    assert set(found["events"]["label"]) == {-1}
    assert set(found["events"]["weight"]) == {1.0}


def test_what_several_networks_read_is_there_once(made: Callable[..., Any]) -> None:
    other = {**NETWORK, "features": ["st", "met"], "objects": {"jet": {**JETS, "fields": ["mass"]}}}
    found = made(net=NETWORK, other=other)
    assert found["jet"].dtype.names == ("pt", "eta", "phi", "energy", "mass", "valid")
    assert found["events"].dtype.names[:4] == ("met", "n_jet", "st", "n_muon")
    alone = made(net={**NETWORK, "features": [], "cuts": []})
    assert "shapes/jes_up/events" not in alone
    assert alone["shapes/jes_up/jet"].shape == found["jet"].shape


def test_the_file(made: Callable[..., Any], tmp_path: Path) -> None:
    made()
    with h5py.File(tmp_path / "set.h5") as file:
        jets, events = file["jet"], file["shapes/jes_up/events"]
        largest = file["events"].dtype.itemsize
        assert (jets.compression, jets.chunks[0]) == ("lzf", CHUNK // largest)
        assert events.chunks == (CHUNK // largest,)
        assert file["events"].dtype["met"] == np.float32
        assert '"met": "GeV"' in file["events"].attrs["units"]
        assert '"Number of selected jets."' in file["events"].attrs["descriptions"]
        assert '"pt": "GeV"' in jets.attrs["units"]
        assert file.attrs["sample"] == "simulation"
        assert (file.attrs["folds_number"], file.attrs["folds_salt"]) == (5, 1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"objects": {"jet": {"fields": ["pt", "btag"], "leading": 2}}},
            r"skim1\.root: sample simulation: objects\.jet has no 'btag' .*there is pt, eta.*alias",
        ),
        (
            {"objects": {"jet": {"fields": ["deltaR"], "leading": 2}}},
            r"objects\.jet has no 'deltaR' that is a number",
        ),
    ],
)
def test_fields_that_are_not_there(made: Any, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        made(net={**NETWORK, **changes})


def test_objects_must_be_numbers(tmp_path: Path) -> None:
    events = toy_events()
    broken = ak.where(ak.local_index(events["Jet"].pt) == 0, np.nan, events["Jet"].jetId)
    events["Jet"] = ak.with_field(events["Jet"], ak.values_astype(broken, "float32"), "jetId")
    nano, path = write(tmp_path / "n.root", events, RUNS), tmp_path / "s.root"
    skim(nano, path, ANALYSIS, "simulation")
    network = {**NETWORK, "objects": {"jet": {"fields": ["jetId"], "leading": 2}}}
    configured = reading(ANALYSIS, net=network)
    with pytest.raises(InputError, match=r"s\.root: sample .*: jetId of objects\.jet is nan in"):
        make_training_set(tmp_path / "set.h5", [path], configured, "simulation", "{}")
    assert not (tmp_path / "set.h5").exists()


def test_names_of_its_own(made: Callable[..., Any]) -> None:
    objects = {"events": ANALYSIS.objects["jet"]}
    renamed = ANALYSIS.model_copy(update={"objects": objects})
    with pytest.raises(ConfigError, match=r"objects\.events: a training set has something of this"):
        made(configured=renamed, net={**NETWORK, "objects": {"events": JETS}})


def test_the_command(tmp_path: Path, skims: list[Path], capsys: Any) -> None:
    """Of networks that read features alone there are no objects."""
    features = {"net": {"classes": {"a": ["simulation"], "b": ["other"]}, "features": ["met"]}}
    config = tmp_path / "analysis.yaml"
    config.write_text(dump(analysis(**CHANGES, mva=features)))
    output = tmp_path / "out" / "set.h5"
    command = ["training_set", "--config", str(config), "--output", str(output)]
    inputs = ["--input", *map(str, skims)]
    assert main([*command, "--sample", "simulation", *inputs]) == 0
    with h5py.File(output) as file:
        assert list(file) == ["events", "shapes"]
        assert '"classes": ["simulation", "other", "late"]' in file.attrs["configuration"]
    assert main(["inspect", str(output)]) == 0
    assert "| fold " in capsys.readouterr().out
    assert main([*command, "--sample", "none", *inputs]) == 1


def test_atlas_ftag_tools_reads_it(made: Callable[..., Any], tmp_path: Path) -> None:
    """Its H5Reader is what ATLAS's salt and umami-preprocessing read with."""
    hdf5 = pytest.importorskip("ftag.hdf5", reason="atlas-ftag-tools is not installed")
    found = made()
    reader = hdf5.H5Reader(
        tmp_path / "set.h5", batch_size=50, global_objects_name="events", shuffle=False
    )
    wanted = {"events": ["met", "label"], "jet": ["pt", "valid"]}
    batches = list(reader.stream(wanted))
    assert len(batches) > 1
    for name, fields in wanted.items():
        for field in fields:
            read = np.concatenate([batch[name][field] for batch in batches])
            np.testing.assert_array_equal(read, found[name][field])
