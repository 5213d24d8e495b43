"""Pseudo-experiments cover as often as they say, and the challenge's score by hand."""

import json
import math

import jax.numpy as jnp
import numpy as np
import pytest

from zenith.artefacts.coverage import COVERAGE
from zenith.cli import main
from zenith.core.likelihood.composition import Modifier
from zenith.core.likelihood.parameters import Setting
from zenith.core.likelihood.structure import Structure, Templates
from zenith.errors import InputError
from zenith.inference.coverage import (
    Experiments,
    fluctuated,
    joined,
    run,
    simulated_uncertainty,
    summary,
    truths,
)
from zenith.inference.coverage_score import penalty, score
from zenith.inference.intervals import ONE_SIGMA

LEVELS = (ONE_SIGMA, 0.95)


def model() -> tuple[Structure, Templates]:
    """A surface of one parameter that ends at zero, a rate, and few simulated events."""
    modifiers = (
        Modifier("normfactor", "mu", "c", "s"),
        Modifier("surface", "soft", "c", "b"),
        Modifier("normsys", "rate", "c", "b"),
        Modifier("staterror", "stat", "c", "b"),
    )
    settings = (Setting("mu", bounds=((-20.0, 20.0),)), Setting("soft", bounds=((-5.0, 1.0),)))
    structure = Structure((("c", 3),), ("b", "s"), modifiers, "mu", settings)
    nominal = np.array([[400.0, 200.0, 100.0], [10.0, 20.0, 30.0]])
    shapes, factors = np.zeros((0, 2, 3)), np.ones((1, 2, 1))
    terms = np.zeros((2, 2, 3))
    terms[:, 0] = [[0.05, 0.0, -0.05], [0.01, 0.02, 0.0]]
    uncertainty = np.zeros((1, 2, 3))
    uncertainty[0, 0] = [12.0, 9.0, 7.0]
    arrays = (nominal, shapes, shapes, 1.05 * factors, factors / 1.05, uncertainty, terms)
    return structure, Templates(*map(jnp.asarray, arrays))


STRUCTURE, TEMPLATES = model()
POI = STRUCTURE.parameters.poi


def test_intervals_cover_at_truths_of_the_priors() -> None:
    drawn = truths(STRUCTURE, TEMPLATES, 6, 3, (0.5, 2.0))
    parts = [run(STRUCTURE, TEMPLATES, at, 150, (1, k)) for k, at in enumerate(drawn)]
    found = summary(joined(parts), LEVELS)
    assert (found.experiments, found.failed) == (900, 0)
    for share, level, error in zip(found.coverage, LEVELS, found.coverage_error, strict=True):
        assert error == pytest.approx(math.sqrt(level * (1 - level) / 900))
        assert abs(share - level) < 3 * error
    assert found.pull_width == pytest.approx(1.0, abs=0.08)
    assert abs(found.mean_pull) < 0.15
    # whichever job runs a truth draws the same pseudo-experiments
    again = run(STRUCTURE, TEMPLATES, drawn[4], 150, (1, 4))
    np.testing.assert_array_equal(again.lower, parts[4].lower)
    # templates without fluctuations of their own, counts that are not those of the templates
    other = run(
        STRUCTURE, TEMPLATES, drawn[4], 150, (1, 4), expected=2 * np.array([400.0, 200.0, 100.0]),
        fluctuate_templates=False,
    )  # fmt: skip
    assert other.covered[:, 0].mean() < 0.3
    with pytest.raises(InputError, match="bin 1 expects -3 events"):
        run(STRUCTURE, TEMPLATES, drawn[0], 2, (1,), expected=np.array([1.0, -3.0, 2.0]))


def test_truths_are_those_of_the_priors_piled_up_where_they_are_clipped() -> None:
    drawn = truths(STRUCTURE, TEMPLATES, 20_000, 1, (0.1, 3.0))
    soft, rate = (drawn[:, STRUCTURE.parameters.slices[name].start] for name in ("soft", "rate"))
    assert np.mean(soft == 1.0) == pytest.approx(0.1587, abs=0.01)
    assert rate.std() == pytest.approx(1.0, abs=0.02)
    assert drawn[:, POI].min() >= 0.1
    assert drawn[:, POI].mean() == pytest.approx(1.55, abs=0.02)
    assert (drawn[:, STRUCTURE.parameters.slices["stat"]] == 1.0).all()


def test_fluctuating_templates_have_the_stated_uncertainty() -> None:
    random = np.random.default_rng(0)
    uncertainty = simulated_uncertainty(STRUCTURE, TEMPLATES)
    noise = random.normal(0.0, 0.01, (4, 2, 2, 3))
    noise[..., 2] = -noise[..., 1]  # what leaves a bin enters the next
    made = [fluctuated(STRUCTURE, TEMPLATES, uncertainty, random, noise) for _ in range(1500)]
    nominal = np.array([each.nominal for each in made])
    np.testing.assert_allclose(nominal.mean(axis=0), TEMPLATES.nominal, rtol=0.01)
    np.testing.assert_allclose(nominal.std(axis=0), uncertainty, rtol=0.08)
    terms = np.array([each.surface for each in made]) - np.asarray(TEMPLATES.surface)
    assert np.abs(terms[..., 1] + terms[..., 2]).max() < 1e-12
    spread = np.cov(terms[:, :, 0].reshape(len(made), -1).T)
    of_bins = noise[:, :, 0].reshape(len(noise), -1)
    np.testing.assert_allclose(spread, of_bins.T @ of_bins, atol=6e-5)
    # processes are other events
    assert np.corrcoef(terms[:, 0, 0, 1], terms[:, 0, 1, 1])[0, 1] == pytest.approx(0.0, abs=0.1)


def test_pulls_are_beyond_one_where_the_truth_is_outside() -> None:
    found = Experiments(
        truth=np.array([1.0, 1.0, 1.0]),
        best=np.array([2.0, 0.8, 1.3]),
        lower=np.array([[1.5, 0.5], [0.3, 0.1], [np.nan, 0.1]]),
        upper=np.array([[2.4, 3.0], [1.2, 1.9], [1.6, 2.0]]),
    )
    np.testing.assert_allclose(found.pulls[:2], [1.0 / 0.5, -0.2 / 0.4])
    np.testing.assert_array_equal(found.covered, [[False, True], [True, True], [False, True]])
    total = summary(found, LEVELS)
    assert (total.failed, total.coverage) == (1, (1 / 3, 1.0))
    assert total.mean_width == pytest.approx((0.9 + 0.9) / 2)
    assert total.mean_pull_error == pytest.approx(2**-0.5)  # of the two that converged


def test_score_of_the_challenge_by_hand() -> None:
    """σ of 1,000 experiments is sqrt(0.6827 · 0.3173 / 1000) = 0.014718."""
    sigma = 0.0147180
    assert penalty(0.6827, 1000) == 1.0
    assert penalty(0.6827 - 2 * sigma + 1e-5, 1000) == 1.0
    assert penalty(0.6827 + 2 * sigma - 1e-5, 1000) == 1.0
    # three σ too few: 1 + 1⁴; five: 1 + 3⁴; five too many: 1 + 3³
    assert penalty(0.6827 - 3 * sigma, 1000) == pytest.approx(2.0, rel=1e-4)
    assert penalty(0.6827 - 5 * sigma, 1000) == pytest.approx(82.0, rel=1e-4)
    assert penalty(0.6827 + 5 * sigma, 1000) == pytest.approx(28.0, rel=1e-4)
    assert score(0.499, 0.69, 1000) == pytest.approx(math.log(2.0))
    assert score(0.499, 0.6827 - 3 * sigma, 1000) == pytest.approx(0.0, abs=1e-4)
    assert score(0.0, 0.6827, 100) == pytest.approx(3 * math.log(10.0))
    # no interval covers: (0.6827 / 0.0465425 - 2)⁴ + 1 of 100 experiments
    assert penalty(0.0, 100) == pytest.approx(1 + (0.6827 / 0.0465425 - 2) ** 4, rel=1e-4)
    for width, coverage, number in ((np.nan, 0.7, 10), (-1.0, 0.7, 10), (1.0, 1.1, 10), (1, 1, 0)):
        with pytest.raises(InputError):
            score(width, coverage, number)


def test_parts_of_the_truths_are_the_whole(tmp_path, capsys) -> None:
    stat = {"name": "stat", "type": "staterror", "data": [2.0, 3.0]}
    mu = {"name": "mu", "type": "normfactor", "data": None}
    samples = [
        {"name": "b", "data": [50.0, 80.0], "modifiers": [stat]},
        {"name": "s", "data": [20.0, 5.0], "modifiers": [mu]},
    ]
    spec = {
        "version": "1.0.0",
        "channels": [{"name": "c", "samples": samples}],
        "observations": [{"name": "c", "data": [70.0, 85.0]}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
    }
    path, files = tmp_path / "w.json", [str(tmp_path / f"{k}.json") for k in range(4)]
    path.write_text(json.dumps(spec))
    options = ["coverage", str(path), "--truths", "3", "--experiments", "20", "--output"]
    assert main([*options, files[0]]) == 0
    assert main([*options, files[1], "--part", "1/2"]) == 0
    assert main([*options, files[2], "--part", "2/2"]) == 0
    assert main(["coverage", "--merge", files[2], files[1], "--output", files[3]]) == 0
    whole, together = (COVERAGE.read(files[k]) for k in (0, 3))
    assert whole == together
    assert [one["number"] for one in whole["truths"]] == [0, 1, 2]
    assert whole["total"]["experiments"] == 60
    width, share = whole["total"]["mean_width"], whole["total"]["coverage"][0]
    assert whole["score"] == pytest.approx(score(width, share, 60))
    # the signal as a patch of a workspace without it, by the path of JSON Patch (RFC 6902)
    patch, bare = tmp_path / "signal.json", tmp_path / "bare.json"
    place = "/channels/0/samples/1"
    patch.write_text(json.dumps([{"op": "add", "path": place, "value": samples[1]}]))
    spec["channels"] = [{"name": "c", "samples": samples[:1]}]
    bare.write_text(json.dumps(spec))
    patched = ["coverage", str(bare), *options[2:], files[3], "--patch"]
    assert main([*patched, str(patch)]) == 0
    assert COVERAGE.read(files[3]) == whole
    assert main([*patched, str(tmp_path / "none.json")]) == 1
    assert "none.json: No such file" in capsys.readouterr().err
    for wrong, message in (
        (["--merge", files[1], "--patch", str(patch)], "give a workspace, or the parts"),
        (["--part", "4/4"], "there are only 3 truths"),
        (["--part", "0/2"], "not of the form 1/4"),
        (["--truth", "mu=1,jes=2"], "no parameter is called 'jes'; there is mu"),
        (["--truth", "mu=1,stat"], "'stat' is not NAME=NUMBER"),
        (["--experiments", "0"], "must be at least 1"),
    ):
        assert main([*options, files[0], *wrong]) == 1
        assert message in capsys.readouterr().err
    merge = ["coverage", "--merge", files[1], "--output", files[3], "--patch", str(patch)]
    assert main(merge) == 1
    assert "--patch: is of a workspace" in capsys.readouterr().err
    assert main(["coverage", "--merge", files[1], files[0], "--output", files[3]]) == 1
    assert "truth 0 is in two parts" in capsys.readouterr().err
