"""The public API: its examples, its numbers beside pyhf's, and whose precision it leaves alone."""

import doctest
import importlib
import json
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pyhf
import pytest
import yaml

import zenith
from zenith.artefacts import write_columns, write_histograms, write_json, write_text
from zenith.config import parse
from zenith.errors import ConfigError, FitError, InputError
from zenith.events.folds import taught
from zenith.statistics import histograms, workspace
from zenith.statistics.repair import sanitise
from zenith.statistics.selections import Selections
from zenith.statistics.templates import collect
from zenith.statistics.thresholds import initial_thresholds

EDGES = np.linspace(0.0, 1.0, 5)
RATES = {"background": 0.1}
# Word for word what the documentation shows
BLOCK = """
ws = zenith.load_workspace("workspace.json", patch="p.json:NAME")
ws.significance(); ws.fit(); ws.significance_and_gradient()
def z(cut):                                     # differentiable, of your own arrays
    h = {p: zenith.histogram(x[p], edges, w[p] * zenith.above(x[p], cut, width=0.05)) for p in x}
    return zenith.significance(h, signal="signal", rates={"background": 0.1})
jax.value_and_grad(z)(0.5)
zenith.categorise(scores, weight, label, categories=5, minimum_background=1.0)
analysis = zenith.load("config/zprime.yaml"); analysis.columns("wjets"); analysis.templates(...)
"""


@pytest.fixture(autouse=True)
def _single_precision():
    """What a process has that knows of nothing but JAX and the public API."""
    with jax.enable_x64(False):
        yield


@pytest.fixture(scope="module")
def events():
    rng = np.random.default_rng(1)
    x = {"signal": rng.beta(4, 2, 2000), "background": rng.uniform(0, 1, 8000)}
    return x, {"signal": np.full(2000, 0.02), "background": np.full(8000, 0.1)}


@pytest.fixture(scope="module")
def run(tmp_path_factory, toy_configuration, toy_columns):
    """A folder in which a workflow seems to have run."""
    folder = tmp_path_factory.mktemp("run")
    config = toy_configuration()
    (folder / "config").mkdir()
    (folder / "config/zprime.yaml").write_text(yaml.safe_dump(config))
    analysis, results = parse(config), folder / "results/toy"
    for sample, columns in toy_columns.items():
        write_columns(results / f"columns/{sample}.h5", columns)
    for selection, cut in (("initial", 0.5), ("optimised", 0.6)):
        thresholds = {**initial_thresholds(analysis), "btag_1": cut}
        filled = histograms.fill(analysis, toy_columns, Selections.of(analysis, thresholds))
        write_histograms(results / f"{selection}/histograms.root", filled)
        regions = [sanitise(r, None)[0] for r in collect(analysis, filled)]
        with jax.enable_x64(True):
            spec, _ = workspace.build(analysis, regions)
        write_text(results / f"{selection}/workspace.json", json.dumps(spec))
    for fold in range(5):
        content = {"thresholds": {"btag_1": 0.6}, **taught(analysis.folds, fold)}
        write_json(results / f"climb/fold_{fold}/selection.json", content)
    return folder


def spec_of(signal, background, errors, tilts=()):
    """The model of `zenith.significance`, in pyhf's JSON; `tilts` are (up, down) of background."""
    rate = {"name": "rate", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}}
    stat = {"name": "stat", "type": "staterror", "data": errors}
    mu = {"name": "mu", "type": "normfactor", "data": None}
    samples = [
        {"name": "signal", "data": signal, "modifiers": [mu]},
        {"name": "background", "data": background, "modifiers": [rate, stat]},
    ]
    for up, down in tilts:
        hi, lo = np.sum(up) / np.sum(background), np.sum(down) / np.sum(background)
        shape = {"hi_data": (up / hi).tolist(), "lo_data": (down / lo).tolist()}
        samples[1]["modifiers"] += [
            {"name": "tilt", "type": "normsys", "data": {"hi": hi, "lo": lo}},
            {"name": "tilt", "type": "histosys", "data": shape},
        ]
    total = np.add(signal, background).tolist()
    return {
        "channels": [{"name": "bins", "samples": samples}],
        "observations": [{"name": "bins", "data": total}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
        "version": "1.0.0",
    }


def pyhf_significance(model, counts=None):
    """Z of counts with auxiliary data, or else of the Asimov data at mu = 1."""
    config = model.config
    init = config.suggested_init()
    init[config.poi_index] = 1.0
    data = model.expected_data(init) if counts is None else counts
    options = (init, config.suggested_bounds(), config.suggested_fixed())
    return np.sqrt(float(pyhf.infer.test_statistics.q0(0.0, data, model, *options)))


@pytest.mark.parametrize(
    "module", ["analysis", "categories", "likelihood", "selection", "workspace"]
)
def test_the_examples_are_right(module, run, monkeypatch):
    monkeypatch.chdir(run)
    found = importlib.import_module(f"zenith.api.{module}")
    names = {"zenith": zenith, "np": np, "jnp": jnp, "jax": jax, "pyhf": pyhf}
    result = doctest.testmod(found, extraglobs=names)
    assert result.attempted
    assert not result.failed


def test_what_the_documentation_shows_runs(run, events, monkeypatch):
    monkeypatch.chdir(run)
    x, w = events
    model = pyhf.simplemodels.uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0])
    spec = dict(pyhf.Workspace.build(model, [57.0, 60.0, *model.config.auxdata]))
    (run / "workspace.json").write_text(json.dumps(spec))
    patch = [{"op": "replace", "path": "/channels/0/samples/0/data/0", "value": 13.0}]
    metadata = {"name": "NAME", "values": [1]}
    patches = {
        "metadata": {
            "references": {"hepdata": "ins1234567"},
            "digests": {"sha256": pyhf.utils.digest(spec)},
            "labels": ["x"],
            "description": "",
        },
        "patches": [{"metadata": metadata, "patch": patch}],
        "version": "1.0.0",
    }
    (run / "p.json").write_text(json.dumps(patches))
    label = np.repeat([1, 0], [2000, 8000])
    names = {
        **{"zenith": zenith, "jax": jax, "x": x, "w": w, "edges": EDGES, "label": label},
        "scores": np.concatenate(list(x.values())),
        "weight": np.concatenate(list(w.values())),
    }
    exec(BLOCK, names)
    value, slope = jax.value_and_grad(names["z"])(0.5)
    assert value.dtype == slope.dtype == np.float32
    difference = (names["z"](0.51) - names["z"](0.49)) / 0.02
    assert slope == pytest.approx(float(difference), rel=0.02)
    # compiled and for many cuts at once, as a user may want it
    found = jax.jit(jax.vmap(jax.value_and_grad(names["z"])))(jnp.array([0.5, 0.5]))
    np.testing.assert_allclose(np.transpose(found), [(value, slope)] * 2, rtol=1e-4)
    # the patched measurement is that of pyhf
    patched = pyhf.simplemodels.uncorrelated_background([13.0, 11.0], [50.0, 52.0], [3.0, 7.0])
    ws, counts = names["ws"], [57.0, 60.0, *model.config.auxdata]
    expected, observed = pyhf_significance(patched), pyhf_significance(patched, counts)
    assert ws.significance() == pytest.approx((expected, observed), rel=1e-5)
    best = pyhf.infer.mle.fit(counts, patched)
    assert list(ws.fit().parameters.values()) == pytest.approx(best.tolist(), rel=1e-4)


def test_a_width_may_be_traced():
    x = np.linspace(-1.0, 1.0, 9)
    soft = jax.jit(lambda cut, width: zenith.below(x, cut, width))
    np.testing.assert_allclose(soft(0.1, 0.2), 1 / (1 + np.exp((x - 0.1) / 0.2)), rtol=1e-5)
    # Σ σ(u) has the slope −Σ u σ(u) (1 − σ(u)) / width in the width
    slope = jax.grad(lambda width: zenith.above(x, 0.1, width).sum())(0.2)
    u = (x - 0.1) / 0.2
    assert float(slope) == pytest.approx(-np.sum(u / (2 + 2 * np.cosh(u))) / 0.2, rel=1e-5)


@pytest.mark.parametrize("double", [False, True])
def test_the_significance_is_that_of_pyhf(events, double):
    x, w = ({p: part.copy() for p, part in each.items()} for each in events)
    tolerance = 1e-7 if double else 1e-5
    counts = np.histogram(x["background"], EDGES, weights=w["background"])[0]
    up, down = counts * [0.9, 0.95, 1.05, 1.2], counts * [1.1, 1.0, 0.95, 0.85]
    variations = {"tilt": {"background": (up, down)}} if double else {}
    with jax.enable_x64(double):
        h = {p: zenith.histogram(x[p], EDGES, w[p]) for p in x}
        z = zenith.significance(h, rates=RATES, variations=variations)
    assert z.dtype == h["signal"].yields.dtype == (np.float64 if double else np.float32)
    for p in x:
        for k in (1, 2):
            sums = np.histogram(x[p], EDGES, weights=w[p] ** k)[0]
            np.testing.assert_allclose(h[p][k - 1], sums, rtol=tolerance / 5)
    spec = spec_of(
        np.asarray(h["signal"].yields, float).tolist(),
        np.asarray(h["background"].yields, float).tolist(),
        np.sqrt(np.asarray(h["background"].variance, float)).tolist(),
        [(up, down)] if double else [],
    )
    expected = pyhf_significance(pyhf.Workspace(spec).model())
    assert float(z) == pytest.approx(expected, rel=tolerance)


def test_the_last_selection_is_the_default(run, monkeypatch):
    monkeypatch.chdir(run)
    analysis = zenith.load("config/zprime.yaml")
    first, last = analysis.templates("initial")["signal"], analysis.templates()["signal"]
    np.testing.assert_array_equal(analysis.templates("optimised")["signal"].nominal, last.nominal)
    assert last.nominal.sum() < first.nominal.sum()
    with pytest.raises(InputError, match="no selection 'best'"):
        analysis.model("best")
    with pytest.raises(InputError, match="no sample 'wjet'"):
        analysis.columns("wjet")
    with pytest.raises(InputError, match=r"elsewhere/toy/columns/wjets\.h5: no such file"):
        zenith.load("config/zprime.yaml", results="elsewhere").columns("wjets")


H = {"signal": np.ones(4), "background": np.full(4, 9.0)}


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: zenith.significance(H, signal="sig"), InputError, "no histogram 'sig'"),
        (lambda: zenith.significance(H, rates={"bkg": 0.1}), InputError, "no histogram 'bkg'"),
        (lambda: zenith.significance(H, rates={"background": 1.0}), InputError, "not in"),
        (lambda: zenith.significance({"signal": H["signal"]}), InputError, "a background"),
        (lambda: zenith.significance({**H, "signal": np.ones(3)}), InputError, "same bins"),
        (lambda: zenith.histogram([1.0], EDGES, [1.0, 2.0]), InputError, "one weight for each"),
        (lambda: zenith.histogram([1.0], [0.0], [1.0]), InputError, "at least two"),
        (lambda: zenith.above(np.ones(2), 0.5, 0.0), ConfigError, "width"),
        (
            lambda: zenith.significance({**H, "background": np.eye(4)[0]}, rates=RATES),
            FitError,
            "converge",
        ),
        (lambda: zenith.load_workspace("no.json"), InputError, "no.json"),
        (lambda: zenith.load_workspace({}), InputError, "workspace"),
        (lambda: zenith.categorise([0.5], [1.0], [0.5]), InputError, "label"),
    ],
)
def test_a_mistake_is_one_message(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_the_import_is_quick_and_precision_stays_the_users():
    code = """
import sys, zenith
from zenith.cli import main
assert not {"jax", "numpy", "zenith.core"} & sys.modules.keys()
assert {"load", "significance"} <= set(dir(zenith))
import jax, jax.numpy as jnp
zenith.load, zenith.load_workspace
h = {"signal": jnp.array([1.0, 3.0, 6.0, 2.0]), "background": jnp.array([40.0, 20.0, 10.0, 5.0])}
z = zenith.significance(h, rates={"background": 0.1})
assert z.dtype == "float32" and abs(z - 1.8521024) < 1e-6, z
assert zenith.categorise([0.1, 0.9], [1.0, 1.0], [0, 1], categories=1).edges.dtype == "float64"
assert jnp.ones(1).dtype == "float32" and not jax.config.jax_enable_x64
main(["inspect", "absent"])  # the command line is a process of its own
assert jax.config.jax_enable_x64
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = zenith.nothing
