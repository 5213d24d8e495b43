"""Categories of a bump hunt: the background of each from its own sideband."""

import json
from itertools import pairwise

import h5py
import numpy as np
import pytest
from makers.scored import write_scored
from scipy.integrate import quad
from scipy.optimize import minimize_scalar

from zenith.artefacts import read_json
from zenith.cli import main

WINDOW, RANGE = (120.0, 130.0), (100.0, 180.0)
OPTIONS = ["--window", *WINDOW, "--sideband", *RANGE]


def diphoton(background: int = 12_000, signal: int = 3000, seed: int = 0):
    """Photon pairs: a peak, and a background whose mass falls the more steeply the lower a score.

    Also the true background (N,) of each event's neighbourhood in the score, in the window.
    """
    random = np.random.default_rng(seed)
    score = np.append(random.beta(1.0, 3.0, background), random.beta(3.0, 1.5, signal))
    slope = 4.0 - 2.0 * score[:background]  # in units of the range
    t = -np.log1p(random.random(background) * np.expm1(-slope)) / slope
    low, high = ((m - RANGE[0]) / (RANGE[1] - RANGE[0]) for m in WINDOW)
    share = (np.exp(-slope * low) - np.exp(-slope * high)) / -np.expm1(-slope)
    mass = np.append(RANGE[0] + t * (RANGE[1] - RANGE[0]), random.normal(125.0, 1.8, signal))
    weight = np.append(random.uniform(0.5, 1.5, background), np.full(signal, 40.0 / signal))
    arrays = {"scores": score, "mass": mass, "weight": weight, "label": np.arange(len(mass))}
    arrays["label"] = (arrays["label"] >= background).astype(int)
    return arrays, np.append(weight[:background] * share, np.zeros(signal))


def write(path, arrays):
    return write_scored(path, arrays, signal_labels=[1])


def run(*args) -> int:
    return main(["categorise", *(str(a) for a in args)])


def fitted(mass, weight):
    """The background in the window by numerical integrals and a numerical minimum."""
    beside = (mass >= RANGE[0]) & (mass < RANGE[1]) & ~((mass >= WINDOW[0]) & (mass < WINDOW[1]))
    mass, weight = mass[beside] - RANGE[0], weight[beside]
    edges = np.subtract([RANGE[0], *WINDOW, RANGE[1]], RANGE[0])

    def integrals(slope):
        return [quad(lambda m: np.exp(-slope * m), *ends)[0] for ends in pairwise(edges)]

    def minus_log_likelihood(slope):
        below, _, above = integrals(slope)
        return (weight * slope * mass).sum() + weight.sum() * np.log(below + above)

    best = minimize_scalar(minus_log_likelihood, bounds=(0.0, 0.2), options={"xatol": 1e-9})
    below, inside, above = integrals(best.x)
    return weight.sum() * inside / (below + above)


@pytest.mark.parametrize("method", ["exact", "gradient"])
def test_each_category_has_the_background_of_its_own_fit(tmp_path, capsys, method):
    arrays, truth = diphoton()
    path, out = write(tmp_path / "e.h5", arrays), tmp_path / "c.json"
    asked = ["--categories", 3, "--minimum-background", 20, "--maximum-uncertainty", 0.2]
    steps = ["--steps", 40, "--starts", 2, "--method", method, "--output", out]
    assert run(path, *OPTIONS, *asked, *steps) == 0
    file = read_json(out)
    assert (file["window"], file["sideband"]) == (list(WINDOW), list(RANGE))
    number = len(file["edges"]) + 1
    assert number == 3
    category = np.searchsorted(file["edges"], arrays["scores"], side="right")
    is_signal = arrays["label"] == 1
    inside = (arrays["mass"] >= WINDOW[0]) & (arrays["mass"] < WINDOW[1])
    s = np.bincount(category, arrays["weight"] * (is_signal & inside), number)
    b = np.array(file["yields"]["background"])
    for k in range(number):
        mine = (category == k) & ~is_signal
        expected = fitted(arrays["mass"][mine], arrays["weight"][mine])
        assert b[k] == pytest.approx(expected, rel=1e-5)
    true = np.bincount(category, truth, number)
    errors = np.array(file["uncertainties"])
    assert (np.abs(b - true) < 4 * errors).all()
    assert (b >= 20).all()
    assert (errors <= 0.2 * b).all()
    np.testing.assert_allclose(file["yields"]["1"], s, rtol=1e-9)
    z = np.sqrt(np.sum(2 * ((s + b) * np.log1p(s / b) - s)))
    assert file["z"] == pytest.approx(z, rel=1e-9)
    # better than the window alone
    total = b.sum(), s.sum()
    assert z > np.sqrt(2 * (sum(total) * np.log1p(total[1] / total[0]) - total[1]))
    capsys.readouterr()
    assert run(path, "--evaluate", out) == 0
    assert json.loads(capsys.readouterr().out)["z"] == pytest.approx(file["z"], rel=1e-12)


def test_the_estimate_has_its_error_in_the_likelihood(tmp_path, caplog):
    path, out = write(tmp_path / "e.h5", diphoton(4000, 1000)[0]), tmp_path / "c.json"
    with h5py.File(path, "a") as file:
        file.attrs["normalisation_uncertainties"] = '{"rate": {"1": 0.01}, "fakes": {"0": 0.3}}'
    asked = ["--categories", 2, "--minimum-background", 20, "--starts", 1, "--steps", 20]
    assert run(path, *OPTIONS, *asked, "--objective", "histfactory", "--output", out) == 0
    file = read_json(out)
    assert len(file["edges"]) == 1
    assert file["nuisance_parameters"] == ["rate"]
    assert "not used, for a sideband knows no parts: fakes" in caplog.text
    # to leading order the variance of a bin is b + σ²
    s, b = np.array(file["yields"]["1"]), np.array(file["yields"]["background"])
    sigma = np.array(file["uncertainties"])
    approximate = np.sqrt(np.sum(s**2 / (b + sigma**2)))
    assert file["z"] == pytest.approx(approximate, rel=0.08)
    assert file["z"] < file["z_counting"]


@pytest.mark.parametrize(
    ("changed", "options", "message"),
    [
        ({}, ["--window", 90, 120, "--sideband", 100, 180], "inside"),
        ({}, ["--window", 120, 130], "together"),
        ({"mass": None}, OPTIONS, "no dataset 'mass'"),
        ({"mass": np.nan}, OPTIONS, "mass has 500 values that are NaN"),
        ({"mass": 125.0}, OPTIONS, "background in the sideband"),
        ({"mass": 150.0}, OPTIONS, "events in the window"),
    ],
)
def test_mistakes_are_named(tmp_path, capsys, changed, options, message):
    arrays, _ = diphoton(400, 100)
    for name, number in changed.items():
        arrays[name] = np.full(500, number)
    arrays = {name: array for name, array in arrays.items() if array.dtype != object}
    path = write(tmp_path / "events.h5", arrays)
    assert run(path, "--categories", 2, *options, "--output", tmp_path / "c.json") == 1
    assert message in capsys.readouterr().err


def test_a_category_without_a_sideband_is_named(tmp_path, capsys):
    arrays, _ = diphoton(2000, 500)
    path, out = write(tmp_path / "e.h5", arrays), tmp_path / "c.json"
    assert run(path, "--categories", 2, *OPTIONS, "--output", out) == 0
    low = (arrays["scores"] < min(read_json(out)["edges"])) | (arrays["label"] == 1)
    path = write(tmp_path / "low.h5", {name: array[low] for name, array in arrays.items()})
    assert run(path, "--evaluate", out) == 1
    assert "category 1 has no background events in the sideband" in capsys.readouterr().err
