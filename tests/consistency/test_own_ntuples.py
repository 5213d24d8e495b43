"""Files that are no NanoAOD, from their map to the fitted signal strength, against lines of numpy.

The same events are an ATLAS-like ntuple (MeV, energies, other names, a vector of leptons and one of
jets), an RNTuple, and tables of a column for each of at most so many objects, or of padded lists.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import awkward as ak
import h5py
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
import uproot
import yaml

from zenith.artefacts import read_columns, read_histograms, read_json
from zenith.cli import main
from zenith.config import load
from zenith.events.formats.table import TableFormat

EVENTS = 1500
LUMINOSITY = 2.0  # 1/fb
CROSS_SECTIONS = {"signal": 0.05, "background": 0.8}  # pb
GENERATED = 1.25  # Σ weights of generated events, over that of those in the file
MUON = 0.10566
NAMES = {"lep": 2, "jet": 3}  # and the largest number of each
Arrays = Mapping[str, np.ndarray]


def made(sample: str) -> dict[str, np.ndarray]:
    """Events in GeV: numbers (N,), and objects (N, most), NaN where there are fewer."""
    rng = np.random.default_rng(["signal", "background", "collisions"].index(sample))
    scale = 120.0 if sample == "signal" else 50.0
    found: dict[str, np.ndarray] = {
        "runNumber": np.full(EVENTS, 284500, np.int32),
        "eventNumber": rng.permutation(10 * EVENTS)[:EVENTS].astype(np.int64),
        "mcWeight": rng.choice([2.0, -0.5], EVENTS, p=[0.9, 0.1]).astype(np.float32),
        "scaleFactor": rng.uniform(0.9, 1.1, EVENTS).astype(np.float32),
        "trigM": rng.random(EVENTS) < 0.8,
        "met": rng.exponential(40.0, EVENTS),
        "met_phi": rng.uniform(-3.1, 3.1, EVENTS),
        "mass": np.where(rng.random(EVENTS) < 0.2, np.nan, rng.normal(91.0, 5.0, EVENTS)),
    }
    for name, most in NAMES.items():
        there = np.arange(most) < rng.integers(0, most + 1, EVENTS)[:, np.newaxis]
        pt = -np.sort(-(15.0 + rng.exponential(scale, there.shape)), axis=1)
        eta = rng.uniform(-2.5, 2.5, there.shape)
        mass = np.full(there.shape, MUON if name == "lep" else 8.0)
        fields = {
            "pt": pt,
            "eta": eta,
            "phi": rng.uniform(-3.1, 3.1, there.shape),
            "E": np.sqrt(mass**2 + (pt * np.cosh(eta)) ** 2),
            "type": rng.choice([11.0, 13.0], there.shape),
        }
        found |= {f"{name}_{f}": np.where(there, v, np.nan) for f, v in fields.items()}
    return found


def listed(values: np.ndarray, dtype: str = "float32") -> ak.Array:
    """Lists of those that there are."""
    there = ~np.isnan(values)
    return ak.unflatten(values[there].astype(dtype), there.sum(axis=1))


def as_ntuple(events: Arrays) -> dict[str, Any]:
    branches: dict[str, Any] = {}
    for name, values in events.items():
        if values.ndim == 2:
            branches[name] = listed(values, "int32" if name.endswith("type") else "float32")
        elif name != "mass":
            branches[name] = values.astype("float32") if values.dtype == float else values
    for name in branches:
        if name == "met" or name.endswith(("_pt", "_E")):
            branches[name] = branches[name] * np.float32(1000.0)  # MeV
    return branches


def write_tree(path: Path, events: Arrays) -> str:
    branches = as_ntuple(events)
    total = GENERATED * float((events["mcWeight"] * events["scaleFactor"]).sum())
    with uproot.recreate(path.with_suffix(".root")) as file:
        tree = file.mktree(
            "nominal/mini", {k: ak.type(ak.Array(v)).content for k, v in branches.items()}
        )
        for start in range(0, EVENTS, 600):
            tree.extend({k: v[start : start + 600] for k, v in branches.items()})
        file["sums"] = np.histogram([0.5], bins=2, range=(0, 2), weights=[total])
        sums = file.mktree("sumWeights", {"total": "float64"})
        sums.extend({"total": np.full(4, total / 4)})
    return str(path.with_suffix(".root"))


def write_rntuple(path: Path, events: Arrays) -> str:
    with uproot.recreate(path.with_suffix(".root")) as file:
        file.mkrntuple("mini", as_ntuple(events))
    return str(path.with_suffix(".root"))


def as_table(events: Arrays) -> dict[str, np.ndarray]:
    """One column for each object, with -999 for those that there are not."""
    columns: dict[str, np.ndarray] = {}
    for name, values in events.items():
        if values.ndim == 2:
            prefix, _, field = name.partition("_")
            columns |= {f"{prefix}{i}_{field}": column for i, column in enumerate(values.T)}
        else:
            columns[name] = values
    return {n: np.nan_to_num(v, nan=-999.0) if v.dtype == float else v for n, v in columns.items()}


def write_parquet(path: Path, events: Arrays) -> str:
    table = pa.table({name: pa.array(values) for name, values in as_table(events).items()})
    pa.parquet.write_table(table, path.with_suffix(".parquet"), row_group_size=400)
    return str(path.with_suffix(".parquet"))


def write_csv(path: Path, events: Arrays) -> str:
    pa.csv.write_csv(pa.table(as_table(events)), path.with_suffix(".csv"))
    return str(path.with_suffix(".csv"))


def write_hdf5(path: Path, events: Arrays) -> str:
    """Padded lists, as matrices of a group."""
    with h5py.File(path.with_suffix(".h5"), "w") as file:
        for name, values in events.items():
            file[f"data/{name}"] = np.nan_to_num(values, nan=-999.0)
    return str(path.with_suffix(".h5"))


def write_compound(path: Path, events: Arrays) -> str:
    """The same as the fields of one data set."""
    kinds = [(name, values.dtype, values.shape[1:]) for name, values in events.items()]
    rows = np.empty(EVENTS, kinds)
    for name, values in events.items():
        rows[name] = np.nan_to_num(values, nan=-999.0)
    with h5py.File(path.with_suffix(".hdf5"), "w") as file:
        file["data"] = rows
    return str(path.with_suffix(".hdf5"))


IDENTITY = {"run": "runNumber", "event": "eventNumber"}
COMMON = {
    "fields": {"HLT_mu": "trigM"},
    "weight": "mcWeight * scaleFactor",
    **IDENTITY,
}
GEV = {"fields": {"HLT_mu": "trigM", "mass": "mass"}, "missing": [-999]}
VECTORS = {
    "Lepton": {
        "pt": "lep_pt * 0.001",
        "eta": "lep_eta",
        "phi": "lep_phi",
        "mass": MUON,
        "type": "lep_type",
    },
    "Jet": {
        "pt": "jet_pt*0.001",
        "eta": "jet_eta",
        "phi": "jet_phi",
        "energy": "0.001 * jet_E",
    },
    "Missing": {"pt": "met * 1e-3", "phi": "met_phi"},
}
PADDED = {
    "Lepton": {**VECTORS["Lepton"], "pt": "lep_pt"},
    "Jet": {**VECTORS["Jet"], "pt": "jet_pt", "energy": "jet_E"},
    "Missing": {"pt": "met", "phi": "met_phi"},
}


def numbered(fields: Mapping[str, Any], most: int) -> dict[str, Any]:
    """`lep_pt` as `[lep0_pt, lep1_pt]`."""
    return {
        field: text
        if not isinstance(text, str)
        else [text.replace("_", f"{i}_", 1) for i in range(most)]
        for field, text in fields.items()
    }


FLAT = PADDED | {"Lepton": numbered(PADDED["Lepton"], 2), "Jet": numbered(PADDED["Jet"], 3)}
TREE = {"type": "tree", "objects": VECTORS, **COMMON}
TABLE = {"type": "table", **COMMON, **GEV}
FORMATS: dict[str, tuple[Callable[[Path, Arrays], str], dict[str, Any]]] = {
    "tree": (write_tree, TREE | {"tree": "nominal/mini", "sum_of_weights": {"histogram": "sums"}}),
    "rntuple": (write_rntuple, TREE | {"tree": "mini"}),
    "parquet": (write_parquet, TABLE | {"objects": FLAT}),
    "csv": (write_csv, TABLE | {"objects": FLAT}),
    "hdf5": (write_hdf5, TABLE | {"objects": PADDED, "table": "data"}),
    "compound": (write_compound, TABLE | {"objects": PADDED, "table": "data"}),
}
# Of these the file does not tell; the sample does.
TOLD = {"parquet", "csv", "hdf5", "compound", "rntuple"}


def configuration(folder: Path, kind: str) -> Path:
    """Write the files and the configuration of an analysis with the observables of a new one."""
    write, settings = FORMATS[kind]
    samples = {}
    for sample in (*CROSS_SECTIONS, "collisions"):
        events = made(sample)
        samples[sample] = {
            "process": "data" if sample == "collisions" else sample,
            "era": "run2",
            "files": [write(folder / sample, events)],
        }
        if sample in CROSS_SECTIONS:
            samples[sample]["cross_section"] = CROSS_SECTIONS[sample]
            if kind in TOLD:
                total = GENERATED * float((events["mcWeight"] * events["scaleFactor"]).sum())
                samples[sample]["sum_of_weights"] = total
    axis = {"label": "x", "edges": [0, 100, 5000]}
    config = {
        "name": "own",
        "module": "zenith.templates.analysis",
        "eras": {"run2": {"luminosity": LUMINOSITY}},
        "processes": {
            "background": {"role": "background", "label": "B"},
            "signal": {"role": "signal", "label": "S"},
            "data": {"role": "data", "label": "D"},
        },
        "samples": samples,
        "format": settings,
        "skim": {"trigger": ["HLT_mu"], "cuts": ["n_muon >= 1"], "chunk": 500},
        "objects": {
            "muon": {"collection": "Lepton", "cuts": ["type == 13", "pt > 25", "abs(eta) < 2.1"]},
            "jet": {"collection": "Jet", "cuts": ["pt > 30"], "aliases": {"mass_too": "mass"}},
        },
        "met": "Missing",
        "observables": {"st": axis, "met": axis, "n_jet": axis, "muon_pt": axis},
        "regions": {
            "signal": {
                "label": "SR",
                "cuts": ["n_muon == 1", "n_jet >= 1", "met > 20"],
                "fit": {"observable": "st", "edges": [100, 5000]},
                "blind": False,
            }
        },
        "statistics": {"ranking": False, "upper_limit": False, "scan_points": 0},
        "plotting": {"observables": ["met"]},
    }
    path = folder / "own.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def expected(sample: str) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Observables and weights of the events that a skim keeps."""
    events = made(sample)
    muon = (events["lep_type"] == 13) & (events["lep_pt"] > 25) & (abs(events["lep_eta"]) < 2.1)
    jet = events["jet_pt"] > 30
    muons, jets = (np.where(m, events[f"{n}_pt"], 0) for m, n in ((muon, "lep"), (jet, "jet")))
    values = {
        "st": muons.sum(axis=1) + jets.sum(axis=1) + events["met"],
        "met": events["met"],
        "n_jet": jet.sum(axis=1),
        "muon_pt": muons.max(axis=1),
        "n_muon": muon.sum(axis=1),
    }
    weight = np.ones(EVENTS)
    if sample in CROSS_SECTIONS:
        generated = events["mcWeight"].astype(float) * events["scaleFactor"]
        scale = 1000.0 * LUMINOSITY * CROSS_SECTIONS[sample] / (GENERATED * generated.sum())
        weight = generated * scale
    kept = events["trigM"] & muon.any(axis=1)
    return {name: value[kept] for name, value in values.items()}, weight[kept]


def columns(folder: Path, config: Path, sample: str) -> Path:
    """Run the steps skim and columns."""
    common = ["--config", str(config), "--sample", sample]
    (path,) = load(config).samples[sample].files or ()
    skimmed = ["--output", f"{folder}/{sample}.skim.root", "--cutflow", f"{folder}/{sample}.json"]
    assert main(["skim", *common, "--input", str(path), *skimmed]) == 0
    output = folder / f"{sample}.columns.h5"
    assert main(["columns", *common, "--input", skimmed[1], "--output", str(output)]) == 0
    return output


@pytest.mark.parametrize("kind", FORMATS)
def test_columns_are_those_of_the_events(kind: str, tmp_path: Path) -> None:
    config = configuration(tmp_path, kind)
    for sample in ("background", "collisions"):
        found = read_columns(columns(tmp_path, config, sample))
        values, weight = expected(sample)
        assert set(found.values) == set(values)
        for name, wanted in values.items():
            np.testing.assert_allclose(found.values[name], wanted, rtol=3e-6, err_msg=name)
        np.testing.assert_allclose(found.weight, weight, rtol=2e-6)
        steps = read_json(tmp_path / f"{sample}.json")["steps"]
        assert [step["events"] for step in steps] == [made(sample)["trigM"].sum(), len(weight)]


@pytest.mark.parametrize("kind", ["tree", "parquet"])
def test_the_signal_strength_is_that_of_the_counts(kind: str, tmp_path: Path) -> None:
    """In one bin without systematic uncertainties, (n - b) / s."""
    config = configuration(tmp_path, kind)
    yields = {}
    for sample in (*CROSS_SECTIONS, "collisions"):
        columns(tmp_path, config, sample)
        values, weight = expected(sample)
        kept = (values["n_muon"] == 1) & (values["n_jet"] >= 1) & (values["met"] > 20)
        yields[sample] = weight[kept & (values["st"] > 100)].sum()
    common = ["--config", str(config)]
    inputs = [str(path) for path in sorted(tmp_path.glob("*.columns.h5"))]
    filled = ["--output", f"{tmp_path}/h.root", "--plots", f"{tmp_path}/p.root"]
    flow = ["--cutflow", f"{tmp_path}/cutflow.json"]
    assert main(["histogram", *common, "--input", *inputs, *filled, *flow]) == 0
    found = read_histograms(tmp_path / "h.root")
    assert found["signal/background/nominal"].values() == pytest.approx(
        yields["background"], rel=1e-5
    )
    outputs = ["--workspace", f"{tmp_path}/w.json", "--output", f"{tmp_path}/fit.json"]
    assert main(["fit", *common, "--input", f"{tmp_path}/h.root", *outputs]) == 0
    mu = (yields["collisions"] - yields["background"]) / yields["signal"]
    assert read_json(tmp_path / "fit.json")["mu"] == pytest.approx(mu, rel=1e-4)


@pytest.mark.parametrize("kind", ["tree", "parquet", "hdf5"])
def test_a_file_that_is_cut_short_is_one_message(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = configuration(tmp_path, kind)
    (path,) = map(Path, load(config).samples["signal"].files or ())
    whole = path.read_bytes()
    for part in (0.05, 0.6):
        path.write_bytes(whole[: int(part * len(whole))])
        out = tmp_path / "out"
        files = ["--output", f"{out}/s.root", "--cutflow", f"{out}/s.json"]
        common = ["--config", str(config), "--sample", "signal", "--input", str(path)]
        assert main(["skim", *common, *files]) == 1
        error = capsys.readouterr().err.strip().splitlines()[-1]
        assert str(path) in error
        assert "cut short" in error or "copy" in error or "download" in error, error
        assert not out.exists() or not list(out.iterdir())


def test_a_weight_that_is_missing_is_named_as_in_the_configuration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = configuration(tmp_path, "csv")
    (path,) = map(Path, load(config).samples["signal"].files or ())
    lines = path.read_text().splitlines()
    weight = lines[0].replace('"', "").split(",").index("mcWeight")
    row = lines[3].split(",")
    row[weight] = "-999"
    path.write_text("\n".join([*lines[:3], ",".join(row), *lines[4:]]) + "\n")
    files = ["--output", f"{tmp_path}/s.root", "--cutflow", f"{tmp_path}/s.json"]
    common = ["--config", str(config), "--sample", "signal", "--input", str(path)]
    assert main(["skim", *common, *files]) == 1
    message = (
        "format.weight (mcWeight and scaleFactor): 1 weights are NaN or infinite, the first in"
    )
    assert f"{message} entry 2" in " ".join(capsys.readouterr().err.split())


HIGGSML = Path("../shared/data/higgsml/FAIR_Universe_HiggsML_data.parquet")


@pytest.mark.skipif(not HIGGSML.exists(), reason=f"there is no {HIGGSML}")
def test_a_public_table_of_signal_and_background(tmp_path: Path) -> None:
    """H → ττ of the FAIR Universe challenge: one file, -25 where there is no jet, 0/1 a label."""
    (tmp_path / "observables.py").write_text(
        "import awkward as ak\n"
        "from zenith.observable import observable\n\n"
        "@observable('GeV', missing=-1)\n"
        "def mass_jj(objects):\n    return objects.event.mass_jj\n\n"
        "@observable()\n"
        "def n_jet(objects):\n    return ak.num(objects.jet)\n\n"
        "@observable('GeV')\n"
        "def st(objects):\n"
        "    jets = ak.sum(objects.jet.pt, axis=1)\n"
        "    return ak.firsts(objects.lepton).pt + jets + objects.met.pt\n"
    )
    names = ("leading", "subleading")
    jets = {part: [f"PRI_jet_{name}_{part}" for name in names] for part in ("pt", "eta", "phi")}
    lepton = {part: [f"PRI_lep_{part}"] for part in ("pt", "eta", "phi")}
    axis = {"label": "x", "edges": [0, 100]}
    config = {
        "name": "higgsml",
        "module": f"{tmp_path}/observables.py",
        "eras": {"all": {"luminosity": 10.0}},
        "processes": {
            "background": {"role": "background", "label": "B"},
            "signal": {"role": "signal", "label": "S"},
        },
        "samples": {
            name: {
                "process": name,
                "era": "all",
                "files": [str(HIGGSML)],
                "select": f"label == {label}",
                "cross_section": 0.001,  # the weights are yields
                "sum_of_weights": 10.0,
            }
            for label, name in enumerate(("background", "signal"))
        },
        "format": {
            "type": "table",
            "objects": {
                "Jet": {**jets, "mass": 0},
                "Lepton": {**lepton, "mass": 0},
                "MET": {"pt": "PRI_met", "phi": "PRI_met_phi"},
            },
            "fields": {"label": "labels", "mass_jj": "DER_mass_jet_jet"},
            "weight": "weights",
            "missing": [-25],
        },
        "skim": {"cuts": ["st > 80"]},
        "objects": {
            "lepton": {"collection": "Lepton"},
            "jet": {"collection": "Jet", "cuts": ["pt > 30"]},
        },
        "observables": {"st": axis, "n_jet": axis, "mass_jj": axis},
        "regions": {
            "r": {
                "label": "r",
                "cuts": ["n_jet >= 0"],
                "fit": {"observable": "st", "edges": [0, 1]},
            }
        },
    }
    path = tmp_path / "higgsml.yaml"
    path.write_text(yaml.safe_dump(config))
    table = {name: c.to_numpy() for name, c in zip(*_columns(HIGGSML), strict=True)}
    lead, second = (table[f"PRI_jet_{name}_pt"] for name in names)
    st = table["PRI_lep_pt"] + table["PRI_met"]
    st = st + np.where(lead > 30, lead, 0) + np.where(second > 30, second, 0)
    for label, sample in enumerate(("background", "signal")):
        found = read_columns(columns(tmp_path, path, sample))
        own = table["labels"] == label
        kept = own & (st > 80)
        assert 10 < kept.sum() < own.sum()
        np.testing.assert_allclose(found.weight, table["weights"][kept], rtol=1e-6)
        np.testing.assert_allclose(found.values["st"], st[kept], rtol=1e-6)
        mass = np.where(table["DER_mass_jet_jet"] == -25, -1, table["DER_mass_jet_jet"])
        np.testing.assert_array_equal(found.values["mass_jj"], mass[kept])
        assert found.attributes["events_generated"] == own.sum()


SETS = Path("../shared/data/training/particle-sets.h5")


@pytest.mark.skipif(not SETS.exists(), reason=f"there is no {SETS}")
def test_data_sets_of_events_and_of_objects() -> None:
    """HDF5 as networks on sets are trained with: rows of events, a matrix of objects, `valid`."""
    fields = ("pt", "eta", "phi", "mass", "valid")
    settings = TableFormat(
        type="table",
        objects={"Jet": {field: f"objects.{field}" for field in fields}},
        fields={"label": "events.label"},
        event="events.event",
        weight="events.weight",
    )
    with h5py.File(SETS) as file:
        events, objects = file["events"][:1000], file["objects"][:1000]
    with settings.open(str(SETS), simulation=True) as opened:
        found = opened.events.read(["event", "genWeight", "label", "Jet_pt", "Jet_mass"], 0, 1000)
    for name, column in (("event", "event"), ("genWeight", "weight"), ("label", "label")):
        np.testing.assert_array_equal(found[name], events[column])
    assert objects["valid"].any()
    assert not objects["valid"].all()
    for field in ("pt", "mass"):
        there = objects[field][objects["valid"]]
        np.testing.assert_array_equal(ak.flatten(found[f"Jet_{field}"]), there)
    np.testing.assert_array_equal(ak.num(found["Jet_pt"]), objects["valid"].sum(axis=1))


def _columns(path: Path) -> tuple[list[str], list[Any]]:
    table = pa.parquet.read_table(path).drop_columns(["detailed_labels"])
    return table.column_names, table.columns
