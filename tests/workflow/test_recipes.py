"""What CONTRIBUTING says of adding something: its recipes, applied to a copy of the project."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import yaml
from jax.flatten_util import ravel_pytree
from makers.recipes import follow, installed
from safetensors.numpy import load_file

from zenith.artefacts import Columns, read_columns, write_columns
from zenith.cli import main
from zenith.config import parse
from zenith.config.networks.settings import NETWORKS
from zenith.core.selection.axis import Axis
from zenith.core.selection.cuts import Cut
from zenith.core.selection.histograms import soft_histograms
from zenith.core.selection.layout import prepare
from zenith.core.selection.regions import Region
from zenith.core.selection.samples import Sample
from zenith.events.folds import folds_of
from zenith.source_hash import sources
from zenith.training.network_files import load_network
from zenith.training.scores import scores


def zenith(folder: Path, *options: str) -> str:
    environment: Mapping[str, str] = {**os.environ, "PYTHONPATH": str(folder / "src")}
    command = [sys.executable, "-m", "zenith", *options]
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.slow
def test_a_step(project) -> None:
    folder = project.folder
    assert len(follow("A step", folder)) == 3
    assert "results of the fit to one line" in zenith(folder, "--help")
    fit = folder / "results/test/initial/fit.json"
    fit.parent.mkdir(parents=True)
    fit.write_text(json.dumps({"mu": 1.234, "mu_error": 0.5}))
    made = "results/test/initial/headline.txt"
    options = (made, "--configfile", "config/test.yaml", "--allowed-rules", "headline")
    status, output = project.snakemake(*options, "--cores", "1")
    assert status == 0, output
    assert (folder / made).read_text() == "mu = 1.23 ± 0.50\n"
    for change, again in (
        ("statistics={signal_strength: r}", True),
        ("plotting={energy: 8}", False),
    ):
        status, output = project.snakemake(*options, "-n", "--config", change)
        assert status == 0, output
        assert ("rule headline:" in output) == again, output


@pytest.fixture
def quadratic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """The package of the recipe `A network`, installed; the files that it has."""
    files = follow("A network", tmp_path)
    with installed(tmp_path, "zenith_quadratic", NETWORKS, monkeypatch):
        yield files


@pytest.mark.slow
def test_a_network(
    quadratic: set[str],
    toy_configuration: Callable[..., dict[str, Any]],
    toy_columns: dict[str, Columns],
    tmp_path: Path,
) -> None:
    """Trained, judged, exported, moved by a climb, and its score cut on, by the commands alone."""
    assert len(quadratic) == 2
    # two features that are wider in tt̄ and the signal: the likelihood ratio is their radius
    random, paths = np.random.default_rng(1), {}
    for sample in ("zprime", "ttbar", "wjets"):
        toy = toy_columns[sample]
        x, y = random.normal(size=(2, len(toy.weight))) * (1 if sample == "wjets" else 2)
        values = toy.values | {"sphericity": np.float32(x), "aplanarity": np.float32(y)}
        paths[sample] = tmp_path / f"{sample}.h5"
        write_columns(paths[sample], replace(toy, values=values, weights={}, shapes={}))
    configuration = toy_configuration(
        systematics={}, only_samples=list(paths), optimise={"steps": 3}, folds={"number": 3}
    )
    configuration["mva"] = {
        "net": {
            "type": "quadratic",
            "classes": {"wjets": ["wjets"], "ttbar": ["ttbar"]},
            "features": ["sphericity", "aplanarity"],
            "epochs": 8,
            "learning_rate": 0.02,
        }
    }
    cut = {"cut": "net > 0.5", "tune": [0.1, 0.9], "width": 0.1}
    configuration["regions"]["signal"]["cuts"].append(cut)
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(configuration, sort_keys=False))

    def step(name: str, *options: object) -> int:
        inputs = ["--input", *paths.values(), "--config", config]
        return main([name, *map(str, (*inputs, *options))])

    folds = range(3)
    for fold in folds:
        folder = tmp_path / f"mva/net/fold_{fold}"
        assert step("mva", "--name", "net", "--fold", fold, "--output", folder) == 0
        auc = json.loads((folder / "metrics.json").read_text())["auc"]["ttbar"]
        assert auc == pytest.approx(0.8, abs=0.02)  # σ² / (1 + σ²) for twice the width

    file = tmp_path / "mva/net/fold_0/initial.safetensors"
    network = load_network(file)
    arrays = load_file(file)
    x = random.normal(size=(2, 500)).astype(np.float32) * 2
    scaled = (x.astype(float).T - arrays["mean"]) / arrays["scale"]
    logits = np.einsum("ni,nj,kij->nk", scaled, scaled, arrays["squares"])
    logits += scaled @ arrays["slopes"].T + arrays["constants"]
    expected = 1 / (1 + np.exp(-logits[:, 0]))
    columns = dict(zip(network.features, x, strict=True))
    np.testing.assert_allclose(scores("net", network, columns)["net"], expected, rtol=1e-5)
    onnxruntime = pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
    session = onnxruntime.InferenceSession(tmp_path / "mva/net/fold_0/network.onnx")
    (exported,) = session.run(["scores"], {"events": x.T})
    np.testing.assert_allclose(exported[:, 0], expected, rtol=1e-5)

    of_networks = ("--networks", tmp_path / "mva")
    climbs = [tmp_path / f"climb/fold_{fold}" for fold in folds]
    for fold, folder in enumerate(climbs):
        written = ("--output", folder / "selection.json", "--history", folder / "history.h5")
        assert step("optimise", "--fold", fold, *of_networks, *written) == 0
    moved = load_file(climbs[0] / "networks/net.safetensors")
    assert np.abs(moved["squares"] - arrays["squares"]).max() > 1e-4
    np.testing.assert_array_equal(moved["scale"], arrays["scale"])

    selection = ("--selection", *(folder / "selection.json" for folder in climbs))
    out = {"--output": "h.root", "--plots": "plots.root", "--cutflow": "cutflow.json"}
    written = [part for option, name in out.items() for part in (option, tmp_path / name)]
    assert step("histogram", *of_networks, *selection, *written) == 0
    events, expected = read_columns(paths["zprime"]), 0
    for fold, folder in enumerate(climbs):
        thresholds = json.loads((folder / "selection.json").read_text())["thresholds"]
        network = load_network(folder / "networks/net.safetensors")
        passed = scores("net", network, events.values)["net"] > thresholds["net"]
        passed &= folds_of(events.hash, parse(configuration).folds) == fold
        passed &= (events.values["met"] > 50) & (events.values["btag_1"] > thresholds["btag_1"])
        expected += passed.sum()
    flow = json.loads((tmp_path / "cutflow.json").read_text())["signal"]
    assert flow["processes"]["signal"]["events"][-1] == expected > 100


@pytest.mark.slow
def test_a_network_moves_in_the_climb(quadratic: set[str]) -> None:
    """The gradient of soft histograms through the network of the recipe is that of differences."""
    random = np.random.default_rng(2)
    settings = NETWORKS.load("quadratic")(
        type="quadratic", classes={"b": ("b",), "s": ("s",)}, features=("x", "y"), spread=0.5
    )
    x = random.normal(1.0, 2.0, (2, 200))
    network = settings.create(jax.random.key(1)).scaled_to(x, np.ones(200))
    network = jax.tree.map(lambda array: jnp.asarray(array, jnp.float64), network)
    columns = {"x": x[0], "y": x[1], "mass": random.exponential(1.0, 200)}
    axis = Axis("mass", (0.0, 1.0, 4.0), "drop", "include")
    regions = [Region("signal", (Cut("net", ">", 0.5, 0.2),), axis)]
    samples = {"s": [Sample(columns, random.uniform(0.5, 1.5, 200))]}
    layout = prepare(regions, {"net": network}, samples, dtype=np.float64)
    start, unravel = ravel_pytree(network)

    @jax.jit
    def value(flat: jax.Array) -> jax.Array:
        selection = {"thresholds": {}, "networks": {"net": unravel(flat)}}
        found = soft_histograms(selection, layout, 0.7, 0.3)["signal"]
        return jnp.sum(jnp.tanh(found.nominal / 50) * jnp.array([1.0, -2.0]))

    slope = np.asarray(jax.grad(value)(start))
    step = 1e-5 * np.eye(len(start))
    expected = [float(value(start + h) - value(start - h)) / 2e-5 for h in step]
    learnt = len(start) - 4  # the rest is the scaler
    np.testing.assert_allclose(slope[:learnt], expected[:learnt], rtol=1e-6, atol=1e-10)
    assert np.abs(slope[:learnt]).min() > 1e-5
    assert not slope[learnt:].any()


@pytest.mark.slow
def test_an_edit_of_a_network_is_an_edit_of_the_rules_that_read_it(
    quadratic: set[str], toy_configuration: Callable[..., dict[str, Any]]
) -> None:
    classes = {"wjets": ["wjets"], "ttbar": ["ttbar"]}
    net = {"type": "quadratic", "classes": classes, "features": ["met"]}
    analysis = parse(toy_configuration(mva={"net": net, "other": {**net, "type": "perceptron"}}))
    found = sources("zenith.cli.histogram", *analysis.network_modules)
    assert {"zenith_quadratic", "zenith.core.networks.perceptron"} <= found.keys()
    rules = Path("workflow/rules")
    for file in ("mva", "optimise", "histogram"):
        text = (rules / f"{file}.smk").read_text()
        assert text.count("code_hash(") == text.count(", *NETWORKS") > 0


@pytest.mark.slow
def test_an_option_of_categorise(project) -> None:
    folder = project.folder
    assert len(follow("An option of `categorise`", folder)) == 2
    asked = "{numbers: [2], method: gradient, steps: 9, starts: 1, rate: 0.2}"
    inputs = "{scored: {toy: one_score}}"
    (folder / "mine.yaml").write_text(f"name: mine\ninputs: {inputs}\ncategorise: {asked}\n")
    zenith(folder, "toys", "one_score", "--output", "e.h5", "--fraction", "0.01")

    def soft(*options: str) -> np.ndarray:
        """The objective of every step."""
        given = ("--config", "mine.yaml", "--categories", "2", *options)
        zenith(folder, "categorise", "e.h5", *given, "--output", "c.json", "--history", "h.h5")
        with h5py.File(folder / "h.h5") as file:
            return file["soft"][:]

    other = ("--set", "categorise.rate=0.05")
    configured = soft()
    assert abs(configured - soft(*other)).max() > 1e-4
    np.testing.assert_array_equal(soft(*other, "--rate", "0.2"), configured)
