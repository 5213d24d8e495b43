"""A network that reads objects in an analysis: its score is an observable like any other."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import yaml
from makers.nanoaod import CONFIG, RUNS, toy_events, write

from zenith.artefacts import read_columns, read_histograms, read_json
from zenith.cli import main
from zenith.cli.inputs import read_events, read_networks, read_networks_of_folds
from zenith.config import Analysis, load
from zenith.config.merging import merge
from zenith.config.networks.deep_sets import DeepSetsSettings
from zenith.core.networks.calibrated import Affine
from zenith.core.networks.given import GivenLogits, on_embedding, with_trunk
from zenith.core.networks.network import Objects
from zenith.core.selection.objective import stacked
from zenith.errors import ConfigError, InputError
from zenith.events.folds import taught
from zenith.events.skim import skim
from zenith.training.network_files import load_network, save_network
from zenith.training.scores import add_unseen_scores, embedding_of, logits_of, scores

SAMPLES = ("simulation", "other", "collisions")
EDGES = [0.0, 0.45, 0.55, 1.0]
NETWORK: dict[str, Any] = {
    "type": "deep_sets",
    "classes": {"background": ["other"], "signal": ["simulation"]},
    "features": ["met"],
    "objects": {"jet": {"fields": ["pt", "eta", "phi"], "leading": 3}},
    **{"width": 4, "layers": 1, "heads": 2, "head": [4], "epochs": 2},
}
MOVING = {"cut": "net > 0.5", "tune": [0.2, 0.8], "width": 0.1}
CHANGES: dict[str, Any] = {
    "processes": {"background": {"role": "background", "label": "B"}},
    "samples": {
        "other": {"process": "background", "era": "2016", "cross_section": 9, "files": ["b"]}
    },
    "skim": {"cuts": ["met > 1"]},
    "mva": {"net": NETWORK},
    "folds": {"number": 3},
    "regions": {
        "signal": {"cuts": ["n_jet >= 1", MOVING], "fit": {"edges": [0, 50, 100]}},
        "scores": {
            "label": "S",
            "cuts": [],
            "fit": {"observable": "net", "edges": EDGES},
            "blind": False,
        },
    },
    "optimise": {"steps": 2, "nuisances": False},
}


class Case:
    """An analysis, and the folder with the files of all its steps."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.config = folder, str(folder / "analysis.yaml")
        Path(self.config).write_text(yaml.safe_dump(merge(CONFIG, CHANGES), sort_keys=False))
        self.analysis: Analysis = load(self.config)
        self.columns = [str(folder / f"{sample}.columns.h5") for sample in SAMPLES]
        self.sets = [str(folder / f"{sample}.h5") for sample in SAMPLES]

    def zenith(self, step: str, *options: str) -> int:
        return main([step, "--config", self.config, *options])

    def network(self, fold: int) -> Path:
        return self.folder / f"mva/net/fold_{fold}/initial.safetensors"

    def logits(self, fold: int) -> int:
        files = ["--network", str(self.network(fold)), "--input", *self.sets]
        output = str(self.network(fold).with_name("logits.h5"))
        return self.zenith("logits", "--name", "net", *files, "--output", output)


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """One network is trained; those of the other folds have weights that were drawn."""
    case = Case(tmp_path_factory.mktemp("objects"))
    for seed, (sample, columns, events) in enumerate(
        zip(SAMPLES, case.columns, case.sets, strict=True)
    ):
        nano = write(case.folder / "nano.root", toy_events(seed=seed), RUNS)
        skims = str(case.folder / f"{sample}.root")
        skim(nano, skims, case.analysis, sample)
        for step, output in (("columns", columns), ("training_set", events)):
            made = ["--sample", sample, "--input", skims, "--output", output]
            assert case.zenith(step, *made) == 0
    learned = ["--name", "net", "--fold", "0", "--input", *case.sets[:2]]
    assert case.zenith("mva", *learned, "--output", str(case.network(0).parent)) == 0
    mva = case.analysis.mva["net"]
    for fold in (1, 2):
        drawn = mva.create(jax.random.key(fold))
        about = {**taught(case.analysis.folds, fold), "samples": NETWORK["classes"]}
        save_network(case.network(fold), drawn, mva, about)
    assert [case.logits(fold) for fold in range(3)] == [0, 0, 0]
    return case


@pytest.fixture(scope="module")
def scored(case: Case) -> dict[str, dict[str, np.ndarray]]:
    """What `zenith score` says, by sample and variation: of each event the network of its fold."""
    found: dict[str, dict[str, np.ndarray]] = {}
    for sample, path in zip(SAMPLES, case.sets, strict=True):
        for fold in range(3):
            output = str(case.folder / "scored.h5")
            files = ["--network", str(case.network(fold)), "--input", path, "--output", output]
            assert main(["score", *files]) == 0
            with h5py.File(output) as file:
                here = file["events"]["fold"] == fold
                for variation in ("", *(f"shapes/{name}/" for name in file.get("shapes", ()))):
                    name = variation.split("/")[-2] if variation else "nominal"
                    whole = found.setdefault(sample, {}).setdefault(name, np.zeros(len(here)))
                    whole[here] = file[f"{variation}scores"][here, 0]
    return found


def test_scores_are_those_of_the_training_sets(
    case: Case, scored: dict[str, dict[str, np.ndarray]]
) -> None:
    """Nominal, under every shape variation, and of data."""
    columns = read_events(case.analysis, case.columns, str(case.folder / "mva"))
    networks = read_networks_of_folds(case.analysis, str(case.folder / "mva"))
    for sample, own in columns.items():
        found = add_unseen_scores(own, networks, case.analysis.folds)
        places = {"nominal": found.values, **found.shapes}
        assert places.keys() == scored[sample].keys()
        assert len(places) == (1 if sample == "collisions" else 3)
        for place, values in places.items():
            np.testing.assert_allclose(values["net"], scored[sample][place], atol=1e-6)
    varied = scored["simulation"]
    assert (varied["jes_up"] != varied["nominal"]).mean() > 0.3


def test_a_fit_axis_and_a_cut(case: Case, scored: dict[str, dict[str, np.ndarray]]) -> None:
    """Histograms of the score, also as it varies, and of what passes a cut on it."""
    outputs = [str(case.folder / name) for name in ("h.root", "plots.root", "cutflow.json")]
    options = ["--networks", str(case.folder / "mva"), "--input", *case.columns]
    named = [x for o in zip(("--output", "--plots", "--cutflow"), outputs, strict=True) for x in o]
    assert case.zenith("histogram", *options, *named) == 0
    filled = read_histograms(outputs[0])
    columns = read_columns(case.columns[0])
    for variation in ("nominal", "jes_up", "jes_down"):
        expected, _ = np.histogram(scored["simulation"][variation], EDGES, weights=columns.weight)
        (name,) = [n for n in filled if n.startswith("scores/signal/") and n.endswith(variation)]
        np.testing.assert_allclose(filled[name].values(), expected, rtol=1e-6)
    values = columns.values
    passed = (values["n_jet"] >= 1) & (scored["simulation"]["nominal"] > 0.5)
    expected, _ = np.histogram(values["met"][passed], [0, 50, 100], weights=columns.weight[passed])
    (name,) = [n for n in filled if n.startswith("signal/signal/") and n.endswith("nominal")]
    np.testing.assert_allclose(filled[name].values(), expected, rtol=1e-6)


def test_the_climb_moves_a_cut_on_it_and_no_weight(case: Case) -> None:
    output = case.folder / "climb/selection.json"
    files = ["--networks", str(case.folder / "mva"), "--input", *case.columns]
    history = ["--history", str(case.folder / "climb/history.h5")]
    assert case.zenith("optimise", "--fold", "0", *files, "--output", str(output), *history) == 0
    selection = read_json(output)
    assert selection["networks"] == {}
    assert not (case.folder / "climb/networks").exists()
    assert selection["taught_by"] == [1, 2]
    assert selection["thresholds"]["net"] != 0.5


def test_the_climb_moves_its_head(
    case: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On columns of the embedding; the file has the whole network, its trunk as it was."""
    tuned = merge(merge(CONFIG, CHANGES), {"mva": {"net": {"fine_tune": True}}})
    config = tmp_path / "tuned.yaml"
    config.write_text(yaml.safe_dump(tuned, sort_keys=False))
    analysis, mva = load(str(config)), str(shutil.copytree(case.folder / "mva", tmp_path / "mva"))
    initial, held = (f"{mva}/net/fold_0/{name}" for name in ("initial.safetensors", "logits.h5"))
    with pytest.raises(
        InputError, match=r"logits\.h5: holds the logits .* the embedding is needed"
    ):
        read_events(analysis, case.columns, mva, [0])
    files = ["--network", initial, "--input", *case.sets, "--output", held]
    assert main(["logits", "--config", str(config), "--name", "net", *files]) == 0
    assert main(["inspect", held]) == 0
    assert "embedding" in capsys.readouterr().out
    with pytest.raises(
        InputError, match=r"logits\.h5: holds the embedding .* the logits is needed"
    ):
        read_events(case.analysis, case.columns, mva, [0])
    output = str(tmp_path / "climb/selection.json")
    options = ["--config", str(config), "--fold", "0", "--networks", mva, "--input", *case.columns]
    climbed = [*options, "--output", output, "--history", str(tmp_path / "history.h5")]
    assert main(["optimise", *climbed]) == 0
    assert read_json(output)["networks"] == {"net": "networks/net.safetensors"}
    moved = str(tmp_path / "climb/networks/net.safetensors")
    before, after = (load_network(path).to_arrays() for path in (initial, moved))
    changed = {name.split(".")[0] for name in before if (before[name] != after[name]).any()}
    assert changed == {"head"}
    columns = read_events(analysis, case.columns[:1], mva, [0])["simulation"]
    scored = str(tmp_path / "scored.h5")
    for path, selection in ((initial, None), (moved, output)):
        networks, teachers = read_networks(analysis, mva, 0, selection)
        assert teachers == {1, 2}
        found = scores("net", networks["net"], columns.values)["net"]
        files = ["--network", path, "--input", case.sets[0], "--output", scored]
        assert main(["score", *files]) == 0
        with h5py.File(scored) as file:
            np.testing.assert_allclose(found, file["scores"][:, 0], atol=1e-6)


def test_a_head_on_its_embedding_is_the_network() -> None:
    """With its calibration, and as outputs that part events in categories."""
    random = np.random.default_rng(1)
    settings = {**NETWORK, "features": ["met", "st"], "calibration": {"type": "vector"}}
    network = DeepSetsSettings.model_validate(settings).shell(jax.random.key(1))
    network = replace(network, calibration=Affine(jnp.array([[1.3]]), jnp.array([0.2])))
    x = random.normal(size=(2, 20)).astype(np.float32)
    objects = {
        "jet": Objects(
            random.exponential(size=(3, 3, 20)).astype(np.float32), random.random((3, 20)) < 0.6
        )
    }
    embedding = embedding_of(network, x, objects)
    assert len(embedding) == 2 * 4 + 2
    columns = np.concatenate([np.full_like(embedding, 7.0), embedding])
    head = on_embedding(network, "net", 4, [2, 4])
    assert head.features[len(embedding)] == "net@4:embedding_0"
    expected = logits_of(network, x, objects)
    np.testing.assert_allclose(logits_of(head, columns), expected, atol=1e-6)
    parting = np.array([[2.0], [-1.0], [0.5]]), np.arange(3.0), ("a", "b", "c")
    parted = head.combined(*parting)
    whole = with_trunk(parted, network)
    assert whole.classes == ("a", "b", "c")
    np.testing.assert_allclose(logits_of(whole, x, objects), logits_of(parted, columns), atol=1e-5)
    again = with_trunk(head, network)
    np.testing.assert_array_equal(logits_of(again, x, objects), expected)


def test_logits_of_several_folds_are_stacked_like_weights() -> None:
    folds = [GivenLogits.of("net", ("a", "b", "c"), fold, range(2)) for fold in range(2)]
    assert folds[0].features[3] == "net@1:a"
    columns = jnp.arange(6.0 * 4.0).reshape(6, 4)
    found = jax.vmap(lambda network: network.logits(columns))(stacked(folds))
    np.testing.assert_array_equal(found.reshape(6, 4), columns)


def test_logits_of_other_events_are_refused(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    mva = str(case.folder / "mva")
    other = [case.columns[0], case.columns[1]]
    analysis = case.analysis
    names = read_events(analysis, other, mva, [0])["other"].values
    assert "net@0:logit" in names
    assert "net@1:logit" not in names
    salted = analysis.model_copy(update={"folds": analysis.folds.model_copy(update={"salt": 2})})
    with pytest.raises(InputError, match=r"fold_0/logits\.h5: is of 3 folds with the salt 1"):
        read_events(salted, other, mva)
    with pytest.raises(InputError, match="--networks"):
        read_events(analysis, other, None)
    with pytest.raises(InputError, match=r"logits\.h5: no logits of a network .* `zenith logits`"):
        read_events(analysis, other, str(case.folder))
    again = str(shutil.copy(case.columns[1], case.folder / "again.h5"))
    with h5py.File(again, "a") as file:
        file["hash"][0] += 1
    with pytest.raises(InputError, match="no logits of the events of sample 'other'; run `zenith "):
        read_events(analysis, [again], mva)
    sets = ["--name", "net", "--network", str(case.network(0)), "--output", "o.h5", "--input"]
    assert case.zenith("logits", *sets, case.sets[0], case.columns[0]) == 1
    assert "there is no compound dataset 'events'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"mva": {"net": {"fine_tune": True, "ensemble": 2}}},
            "fine_tune: of a network that reads objects the climb moves the head alone, which an",
        ),
        ({"summary": {"network": "net"}}, "summary.network: 'net' reads objects"),
        (
            {"regions": {"signal": {"categories": {"network": "net", "number": 2}}}},
            "'net' reads objects, and its outputs do not move",
        ),
    ],
)
def test_what_such_a_network_cannot_be(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    path = tmp_path / "analysis.yaml"
    path.write_text(yaml.safe_dump(merge(merge(CONFIG, CHANGES), changes), sort_keys=False))
    with pytest.raises(ConfigError, match=message):
        load(str(path))
