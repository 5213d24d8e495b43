"""`zenith mva`: from columns to every file of a network, or one clear message and none."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from zenith.artefacts import Columns, file_hash, write_columns
from zenith.cli import main
from zenith.config.learning import Folds
from zenith.events.folds import folds_of, hash_of
from zenith.training.network_files import load_network
from zenith.training.scores import scores

MVA = (
    "mva={net: {classes: {wjets: [wjets], ttbar: [ttbar_dileptonic, ttbar_semileptonic]}, "
    "features: [met, btag_1], cuts: [met > 30], hidden: [4], epochs: 4, batch: 32, "
    "learning_rate: 0.02, sliced: [met]}}"
)
SAMPLES = ("wjets", "ttbar_dileptonic", "ttbar_semileptonic")


@pytest.fixture
def columns(tmp_path: Path) -> list[str]:
    """Columns of three samples; those of tt̄ have higher b-tag scores."""
    random = np.random.default_rng(1)
    paths = []
    for k, sample in enumerate(SAMPLES):
        values = {
            "met": random.exponential(100, 800),
            "btag_1": random.beta(1 + 2 * (k > 0), 2, 800),
        }
        write_columns(
            tmp_path / f"{k}.h5",
            Columns(
                {name: x.astype(np.float32) for name, x in values.items()},
                random.exponential(1, 800),
                hash_of(k, np.arange(800)),
                units={"met": "GeV"},
                attributes={"sample": sample},
            ),
        )
        paths.append(str(tmp_path / f"{k}.h5"))
    return paths


def mva(columns: list[str], output: Path, *more: str, step: str = "mva", fold: int = 2) -> int:
    of_fold = ["--fold", str(fold)] if step == "mva" else []
    options = [
        "--name",
        "net",
        *of_fold,
        "--output",
        str(output),
        "--input",
        *columns,
        "--set",
        MVA,
    ]
    return main([step, *options, "--set", "plotting.formats=[png]", *more])


def test_every_file_of_a_network(columns: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "mva" / "net"
    assert mva(columns, folder) == 0
    files = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
    assert files == {"initial.safetensors", "network.onnx", "metrics.json"}
    metrics = json.loads((folder / "metrics.json").read_text())
    assert file_hash(columns[0]) in metrics["provenance"]["inputs"].values()
    assert len(metrics["losses"]["train"]) == len(metrics["losses"]["validation"]) == 4
    counted = metrics["events"]["ttbar"]
    passed = 1600 * np.exp(-0.3)  # above 30 GeV
    for part, share in (("train", 0.6), ("validate", 0.2), ("test", 0.2)):
        assert counted[part] == pytest.approx(share * passed, rel=0.15)
    assert (metrics["fold"], metrics["taught_by"]) == (2, [0, 1, 3, 4])

    # The AUC is that of the file's scores on the fold that it reads, counted in pairs.
    from zenith.artefacts import read_columns

    network = load_network(folder / "initial.safetensors")
    of = []
    for path in columns:
        c = read_columns(path)
        chosen = (folds_of(c.hash, Folds()) == 2) & (c.values["met"] > 30)
        of.append((scores("net", network, c.values)["net"][chosen], c.weight[chosen]))
    (b, wb), (s, ws) = of[0], [np.concatenate(pair) for pair in zip(*of[1:], strict=True)]
    order = (s[:, None] > b) + 0.5 * (s[:, None] == b)
    expected = (ws[:, None] * wb * order).sum() / (ws.sum() * wb.sum())
    assert list(metrics["auc"]) == ["ttbar"]
    assert metrics["auc"]["ttbar"] == pytest.approx(expected, abs=1e-6)
    assert expected > 0.7

    before = load_file(folder / "initial.safetensors")
    assert mva(columns, tmp_path / "again") == 0
    for name, array in load_file(tmp_path / "again" / "initial.safetensors").items():
        np.testing.assert_array_equal(array, before[name])

    folders = [folder if fold == 2 else tmp_path / f"fold_{fold}" for fold in range(5)]
    for fold in (0, 1, 3, 4):
        assert mva(columns, folders[fold], fold=fold) == 0
    of_network = ["--network", *(str(f / "initial.safetensors") for f in folders)]
    of_network += ["--metrics", *(str(f / "metrics.json") for f in folders)]
    assert mva(columns, tmp_path / "figures", *of_network, step="mva_figures") == 0
    drawn = {path.name for path in (tmp_path / "figures").iterdir()}
    figures = {"losses", "auc", "roc", "calibration", "scores", "feature_met", "feature_btag_1"}
    figures |= {"confusion", "rejection", "slices_met", "importance"}
    assert drawn == {f"{figure}.png" for figure in figures}


@pytest.mark.parametrize(
    ("settings", "figures"),
    [
        ("type: boosted_trees, trees: 5, leaf_events: 20", set()),
        ("ensemble: 2, epochs: 2, transforms: {met: [raw, log]}", {"auc", "feature_met_log"}),
    ],
)
def test_trees_and_ensembles(
    columns: list[str], tmp_path: Path, settings: str, figures: set[str]
) -> None:
    """Three classes; their files are read again, their figures are drawn of all folds."""
    classes = "{w: [wjets], l: [ttbar_dileptonic], h: [ttbar_semileptonic]}"
    other = f"mva.other={{classes: {classes}, features: [met, btag_1], {settings}}}"
    more = ["--name", "other", "--set", other]
    folders = [tmp_path / f"fold_{fold}" for fold in range(3)]
    more += ["--set", "folds.number=3"]
    for fold, folder in enumerate(folders):
        assert mva(columns, folder, *more, fold=fold) == 0
    values = {"met": np.float32([20.0, 80.0]), "btag_1": np.float32([0.1, 0.9])}
    found = scores("other", load_network(folders[1] / "initial.safetensors"), values)
    assert list(found) == ["other:w", "other:l", "other:h"]
    np.testing.assert_allclose(sum(found.values()), 1.0, rtol=1e-6)
    assert found["other:w"][0] > found["other:w"][1]
    more += ["--network", *(str(f / "initial.safetensors") for f in folders)]
    more += ["--metrics", *(str(f / "metrics.json") for f in folders)]
    assert mva(columns, tmp_path / "figures", *more, step="mva_figures") == 0
    figures = figures | {"losses", "roc", "calibration", "feature_met", "feature_btag_1"}
    figures |= {f"{figure}_{of_class}" for figure in ("scores", "rejection") for of_class in "wlh"}
    figures |= {"confusion", "importance"}
    assert {path.stem for path in (tmp_path / "figures").iterdir()} == figures


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--fold", "5"], "folds.number is 5: --fold can be 0 to 4, not 5"),
        (["--name", "nett"], "no network 'nett'; there is processes, wjets_vs_ttbar"),
        (["--set", "only_samples=[ttbar*, zprime*]"], "mva.net.classes.wjets: only_samples"),
        (["--set", "mva.net.cuts=[met > 1e6]"], "class 'wjets' (samples wjets) has no event"),
        (["--set", "mva.net.features=[met, met]"], "the feature 'met' is given twice"),
        (["--set", "mva.net.features=[met, net]"], "'net' is the score of a network"),
        (["--set", "mva.net.cuts=[met > some]"], "the threshold must be a number"),
        (["--set", "mva.net.classes.wjets=[pseudodata]"], "'pseudodata' is not defined"),
        (
            ["--set", "mva.net.classes.wjets=[ttbar_dileptonic]"],
            "sample 'ttbar_dileptonic' is given",
        ),
        (["--set", "mva.net.classes.wjets=[]"], "mva.net.classes.wjets"),
        (["--set", "mva.net.features=[met, st]"], "have no 'st': make them again"),
    ],
)
def test_what_can_be_wrong(
    columns: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    more: list[str],
    message: str,
) -> None:
    assert mva(columns, tmp_path / "net", *more) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "net").exists()
