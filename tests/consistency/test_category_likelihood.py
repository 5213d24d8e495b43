"""The objective with nuisance parameters: against pyhf, in files, and what is said of mistakes."""

import json

import numpy as np
import pyhf
import pytest
from makers.scored import write_scored

from zenith.artefacts import read_json
from zenith.categorisation.categorise import Settings, categorise
from zenith.categorisation.model import likelihood
from zenith.categorisation.scored_files import read
from zenith.cli import main
from zenith.core.categories.counting import Counting, Requirements
from zenith.core.categories.task import Task

NORMS = {"top": {"ttbar": 0.2}, "lumi": {"signal": 0.02, "ttbar": 0.02, "3": 0.02}}


def events(n: int = 6000, seed: int = 0, signals: int = 1) -> dict[str, np.ndarray]:
    """A signal or two, and two backgrounds of which one tilts under a variation."""
    random = np.random.default_rng(seed)
    label = random.choice([1, 2, 3] if signals == 1 else [1, 2, 3, 4], n)
    peak = np.array([0.0, 4.0, 1.2, 2.0, 2.5])[label]
    score = random.beta(peak, 2.0)
    weight = np.array([0.0, 0.02, 0.3, 0.2, 0.03])[label] * random.uniform(0.5, 1.5, n)
    tilt = 1 + 0.3 * (score - 0.5) * (label == 2) + 0.05 * (label == 3)
    return {
        "scores": score,
        "weight": weight,
        "label": label,
        "weight_variations/tilt_up": weight * tilt,
        "weight_variations/tilt_down": weight / tilt,
    }


def write(path, arrays, norms=NORMS, **attributes):
    names = ["none", "signal", "ttbar", "wjets", "second"]
    usual = {"signal_labels": [1], "label_names": names}
    norms = json.dumps(norms)
    return write_scored(
        path, arrays, **{**usual, "normalisation_uncertainties": norms, **attributes}
    )


def workspace(arrays, category, signal: int, number: int, common: float) -> dict:
    """pyhf's workspace by numpy alone: yields, staterror, tilt as normsys and histosys, norms."""

    def total(name, label, power=1):
        mine = arrays["label"] == label
        return np.bincount(category[mine], arrays[name][mine] ** power, number)

    names = {1: "signal", 2: "ttbar", 3: "wjets", 4: "second"}
    scales = {"top": {2: 0.2}, "lumi": {1: 0.02, 2: 0.02, 3: 0.02}}
    samples = []
    for label in np.unique(arrays["label"]):
        yields = total("weight", label)
        sides = [total(f"weight_variations/tilt_{side}", label) for side in ("up", "down")]
        hi, lo = (side.sum() / yields.sum() for side in sides)
        modifiers = [
            {"name": "stat", "type": "staterror", "data": np.sqrt(total("weight", label, 2))},
            {"name": "tilt", "type": "normsys", "data": {"hi": hi, "lo": lo}},
            {
                "name": "tilt",
                "type": "histosys",
                "data": {"hi_data": sides[0] / hi, "lo_data": sides[1] / lo},
            },
        ]
        sizes = {name: size.get(label) for name, size in scales.items()}
        sizes["background"] = common if label in (2, 3) else None
        modifiers += [
            {"name": name, "type": "normsys", "data": {"hi": 1 + size, "lo": 1 - size}}
            for name, size in sizes.items()
            if size
        ]
        if label == signal:
            modifiers.append({"name": "mu", "type": "normfactor", "data": None})
        samples.append({"name": names[int(label)], "data": yields, "modifiers": modifiers})
    spec = {
        "version": "1.0.0",
        "channels": [{"name": "categories", "samples": samples}],
        "observations": [{"name": "categories", "data": [0.0] * number}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
    }
    return json.loads(json.dumps(spec, default=lambda array: array.tolist()))


def pyhf_z(spec: dict) -> float:
    """Expected discovery significance on the Asimov data of mu = 1, before any fit."""
    pyhf.set_backend("numpy", pyhf.optimize.scipy_optimizer(tolerance=1e-12))
    model = pyhf.Workspace(spec).model()
    start = np.array(model.config.suggested_init())
    data = model.expected_data(start)
    fixed = pyhf.infer.mle.fixed_poi_fit(0.0, data, model, return_fitted_val=True)[1]
    return float(np.sqrt(fixed + 2 * float(model.logpdf(start, data)[0])))


def run(*args) -> int:
    return main(["categorise", *(str(a) for a in args)])


QUICK = Settings(steps=40, starts=2, cells=512)


def test_one_score_against_pyhf(tmp_path, capsys):
    arrays = events()
    path, out = write(tmp_path / "e.h5", arrays), tmp_path / "c.json"
    options = ["--objective", "histfactory", "--background-uncertainty", 0.05, "--steps", 40]
    asked = ["--categories", 4, "--minimum-background", 5, "--starts", 2, "--output", out]
    assert run(path, *options, *asked) == 0
    file = read_json(out)
    assert file["objective"] == "histfactory"
    assert set(file["nuisance_parameters"]) == {"background", "top", "lumi", "tilt"}
    assert min(file["yields"]["background"]) >= 5
    category = np.searchsorted(file["edges"], arrays["scores"], side="right")
    number = len(file["edges"]) + 1
    assert number >= 2
    assert file["z"] == pytest.approx(
        pyhf_z(workspace(arrays, category, 1, number, 0.05)), rel=1e-6
    )
    # the counting experiment, by numpy
    is_signal = arrays["label"] == 1
    s, b = (
        np.bincount(category[mine], arrays["weight"][mine], number)
        for mine in (is_signal, ~is_signal)
    )
    v = (0.05 * b) ** 2
    q0 = (s + b) * np.log((s + b) * (b + v) / (b**2 + (s + b) * v))
    q0 = 2 * (q0 - b**2 / v * np.log1p(v * s / b / (b + v)))
    assert file["z_counting"] == pytest.approx(np.sqrt(q0.sum()), rel=1e-9)
    # other events: the same categories, and again what pyhf says
    other = events(seed=7)
    capsys.readouterr()
    assert run(write(tmp_path / "o.h5", other), "--evaluate", out) == 0
    printed = json.loads(capsys.readouterr().out)
    category = np.searchsorted(file["edges"], other["scores"], side="right")
    expected = pyhf_z(workspace(other, category, 1, number, 0.05))
    assert printed["z"] == pytest.approx(expected, rel=1e-6)
    assert run(write(tmp_path / "n.h5", other, {}), "--evaluate", out) == 1
    assert "nuisance parameters" in capsys.readouterr().err


def test_it_gains_on_the_bins_of_a_counting_experiment(tmp_path):
    scored = read(write(tmp_path / "e.h5", events()))
    need, counting = Requirements(5.0), Counting(0.05)
    aim = likelihood(scored, counting)
    found = categorise(scored, 4, Task(aim, need), settings=QUICK)
    counted = categorise(scored, 4, Task(counting, need))
    from zenith.categorisation.scored import report

    before = report(counted.category(scored), len(counted.edges) + 1, scored, Task(aim, need))
    assert found.report["z"] >= before["z"] * (1 - 1e-9)
    assert found.report["z"] < found.report["z_counting"]  # what is not known costs
    # of events in another order
    order = np.random.default_rng(3).permutation(len(scored.label))
    arrays = {name: array[order] for name, array in events().items()}
    again = read(write(tmp_path / "o.h5", arrays))
    assert report(found.category(again), len(found.edges) + 1, again, Task(aim, need))[
        "z"
    ] == pytest.approx(found.report["z"], rel=1e-9)


def test_two_signals_in_two_dimensions_against_pyhf(tmp_path):
    arrays = events(8000, 4, signals=2)
    random = np.random.default_rng(6)
    shift = np.where(arrays["label"] == 4, 1.5, 0.0)
    scores = np.stack([arrays["scores"], random.normal(shift, 1.0)], axis=1)
    path = write(tmp_path / "e.h5", arrays | {"scores": scores}, signal_labels=(1, 4))
    scored, need = read(path), Requirements(5.0)
    found = categorise(scored, 4, Task(likelihood(scored, Counting(0.05)), need), settings=QUICK)
    assert min(found.report["yields"]["background"]) >= 5
    category = found.category(scored)
    number = len(found.report["events"])
    z = [pyhf_z(workspace(arrays, category, signal, number, 0.05)) for signal in (1, 4)]
    np.testing.assert_allclose(list(found.report["z_of_signal"].values()), z, rtol=1e-6)
    assert found.report["z"] == pytest.approx(np.sqrt(z[0] * z[1]), rel=1e-6)


@pytest.mark.parametrize(
    ("arrays", "options", "attributes", "message"),
    [
        ({}, ["--method", "exact"], {}, "exact method is of the counting objective"),
        ({"weight_variations/tilt_up": np.ones(5)}, [], {}, "tilt_up and"),
        ({"weight_variations/odd": np.ones(300)}, [], {}, "_up or _down"),
        ({"weight_variations/tilt_down": np.full(300, np.nan)}, [], {}, "NaN"),
        ({}, [], {"normalisation_uncertainties": "{top"}, "JSON text"),
        ({}, [], {"normalisation_uncertainties": '{"top": {"zz": 0.1}}'}, "'zz'"),
        ({}, [], {"normalisation_uncertainties": '{"top": {"ttbar": 1.5}}'}, "between 0 and 1"),
        ({}, [], {"normalisation_uncertainties": '{"tilt": {"ttbar": 0.5}}'}, "rename"),
        ({}, [], {"label_names": ["none", "signal"]}, "label_names has 2 names"),
    ],
)
def test_mistakes_are_named(tmp_path, capsys, arrays, options, attributes, message):
    path = write(tmp_path / "events.h5", events(300) | arrays, **attributes)
    asked = ["--categories", 3, "--objective", "histfactory", "--output", tmp_path / "c.json"]
    assert run(path, *asked, *options) == 1
    error = capsys.readouterr().err
    assert message in error
    assert "events.h5" in error
