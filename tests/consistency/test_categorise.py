"""`zenith categorise`: the gradient against the exact method, files in and out, mistakes."""

import json

import numpy as np
import pytest
from makers.scored import scored, write_scored

from zenith.artefacts import read_json
from zenith.categorisation.categorise import Settings, assign, categorise
from zenith.categorisation.category_files import load
from zenith.categorisation.scored import Scored, Space, report
from zenith.cli import main
from zenith.core.categories.counting import Counting, Requirements
from zenith.core.categories.task import Task
from zenith.errors import InputError

QUICK = Settings(steps=80, starts=3, cells=1024)


@pytest.fixture(scope="module")
def one() -> Scored:
    return scored("one_score")


def write(path, scores, weight, label, signal_labels=(1,)):
    arrays = {"scores": scores, "weight": weight, "label": label}
    arrays = {name: values for name, values in arrays.items() if values is not None}
    labels = {} if signal_labels is None else {"signal_labels": signal_labels}
    return write_scored(path, arrays, **labels)


def run(*args) -> int:
    return main(["categorise", *(str(a) for a in args)])


@pytest.mark.parametrize(("categories", "floor", "seed"), [(2, 1.0, 0), (5, 5.0, 1)])
def test_the_gradient_comes_close_to_the_exact_method(one, categories, floor, seed):
    need = Requirements(floor)
    exact = categorise(one, categories, Task(Counting(), need))
    settings = Settings(steps=80, starts=3, cells=1024, seed=seed)
    climbed = categorise(one, categories, Task(Counting(), need), "gradient", settings)
    assert 0.998 * exact.report["z"] < climbed.report["z"]
    for result in (exact, climbed):
        assert min(result.report["yields"]["background"]) >= floor
        assert min(result.report["events"]) > 0
        assert len(result.edges) == categories - 1
        # the report is that of numpy's own histogram
        bins = [-np.inf, *result.edges, np.inf]
        signal = one.label == 1
        s, b = (
            np.histogram(one.scores[m, 0], bins, weights=one.weight[m])[0]
            for m in (signal, ~signal)
        )
        np.testing.assert_allclose(result.report["yields"]["1"], s, rtol=1e-9)
        np.testing.assert_allclose(result.report["yields"]["background"], b, rtol=1e-9)
        z = np.sqrt(np.sum(2 * ((s + b) * np.log1p(s / b) - s)))
        assert result.report["z"] == pytest.approx(z, rel=1e-9)


def test_categories_of_a_softmax_beat_its_argmax():
    events, need = scored("three_classes"), Requirements(5.0)
    result = categorise(events, 5, Task(Counting(), need), settings=QUICK)
    assert result.space == Space(3, "simplex")
    assert min(result.report["yields"]["background"]) >= 5.0
    assert min(result.report["events"]) > 0
    largest = events.scores.argmax(axis=1)
    signals = np.stack(
        [np.bincount(largest, events.weight * (events.label == a), 3) for a in (1, 2)]
    )
    background = np.bincount(largest, events.weight * (events.label > 2), 3)
    assert result.report["z"] > 1.2 * float(Counting()(signals, background))
    # the order of the events is no choice of anyone
    order = np.random.default_rng(0).permutation(len(events.label))
    np.testing.assert_array_equal(
        assign(result.mixture, events, result.space)[order],
        result.category(
            Scored(events.scores[order], events.weight[order], events.label[order], (1, 2))
        ),
    )


def test_categories_hold_on_unseen_events():
    """Five categories of free cells reach 0.58, the argmax in five bins 0.380."""
    need = Requirements(5.0)
    train, test = scored("three_classes", 0.05, 10), scored("three_classes", 0.1, 20)
    settings = Settings(steps=100, starts=2)
    result = categorise(train, 5, Task(Counting(), need), settings=settings)
    assert len(result.report["events"]) == 5
    assert min(result.report["yields"]["background"]) >= 5.0
    assert report(result.category(test), 5, test, Task(Counting(), need))["z"] > 0.55


def test_files(tmp_path, capsys):
    for seed in (1, 2):
        path = tmp_path / f"{seed}.h5"
        options = ["--seed", str(seed), "--fraction", "0.1", "--output", str(path)]
        assert main(["toys", "one_score", *options]) == 0
    out = tmp_path / "categories.json"
    # 50 expected are some 58 simulated background events: seed 2 has about as many
    found = run(tmp_path / "1.h5", "--categories", 4, "--minimum-background", 50, "--output", out)
    assert found == 0
    file = read_json(out)
    assert len(file["edges"]) == 3
    assert file["signal_labels"] == [1]
    capsys.readouterr()
    for seed in (1, 2):
        assert run(tmp_path / f"{seed}.h5", "--evaluate", out) == 0
        printed = json.loads(capsys.readouterr().out)
        if seed == 1:
            assert printed["z"] == pytest.approx(file["z"], rel=1e-12)
            assert printed["yields"] == file["yields"]
        else:
            assert printed["z"] == pytest.approx(file["z"], rel=0.1)
            assert printed["z"] != file["z"]
        assert printed["z_of_signal"]["1"] == printed["z"]


def test_files_of_several_scores(tmp_path, capsys):
    events = scored("three_classes", 0.002)
    path = write(tmp_path / "e.h5", events.scores, events.weight, events.label, (1, 2))
    out = tmp_path / "categories.json"
    assert run(path, "--categories", 3, "--minimum-background", 50, "--output", out) == 0
    file = read_json(out)
    number = len(file["weights"])
    assert np.shape(file["means"]) == (number, 2)
    assert np.shape(file["covariances"]) == (number, 2, 2)
    # an independent reading of the file
    x = events.scores[:, :2]
    values = np.stack(
        [
            np.log(w)
            - 0.5 * np.linalg.slogdet(c)[1]
            - 0.5 * np.einsum("ni,ij,nj->n", x - m, np.linalg.inv(c), x - m)
            for w, m, c in zip(file["weights"], file["means"], file["covariances"], strict=True)
        ]
    )
    background = np.bincount(
        values.argmax(axis=0), events.weight * (events.label > 2), minlength=number
    )
    np.testing.assert_allclose(file["yields"]["background"], background, rtol=1e-6)
    assert (background >= 50).all()
    capsys.readouterr()


def test_sound_answers_in_odd_cases(tmp_path):
    out = tmp_path / "c.json"
    background = np.linspace(0, 0.8, 40)
    score = np.append(background, 0.7)
    weight, label = np.append(np.full(40, 0.5), 0.3), np.append(np.zeros(40), 1)
    # one signal event; a constant score; fewer scores than categories
    for scores, most in ((score, 3), (np.full(41, 0.5), 1), (np.round(score), 2)):
        path = write(tmp_path / "e.h5", scores, weight, label)
        for method in ("exact", "gradient"):
            assert run(path, "--categories", 3, "--method", method, "--output", out) == 0
            file = read_json(out)
            assert len(file["edges"]) + 1 <= most
            assert file["z"] > 0
            assert min(file["yields"]["background"]) >= 1
            assert bool(file["notes"]) == (len(file["edges"]) < 2)
    # a part of the range where all weights are negative
    weight[10:14] = -0.5
    path = write(tmp_path / "e.h5", score, weight, label)
    for method in ("exact", "gradient"):
        assert run(path, "--categories", 5, "--method", method, "--output", out) == 0
        assert min(read_json(out)["yields"]["background"]) >= 1


S, W, L = np.linspace(0, 1, 20), np.ones(20), np.arange(20) % 2


@pytest.mark.parametrize(
    ("content", "extra", "message"),
    [
        ((S, W, 0 * L), [], "signal 1 has 0 events"),
        ((S, W, 0 * L + 1), [], "background"),
        ((np.where(L, np.nan, S), W, L), [], "10 values that are NaN"),
        ((S, W[:5], L), [], "weight has shape"),
        ((S, None, L), [], "no dataset 'weight'"),
        ((S, W, L, None), [], "signal_labels"),
        ((S, -W, L), [], "nothing to find"),
        ((S, W, L), ["--minimum-background", 11], "loosen"),
        ((S, W, L), ["--maximum-uncertainty", 0.1], "loosen"),
        ((np.stack([S, S], axis=1), W, L), ["--method", "exact"], "takes one score"),
        ((S, W, L % 3, (0, 1)), [], "background"),
    ],
)
def test_mistakes_are_named(tmp_path, capsys, content, extra, message):
    path = write(tmp_path / "events.h5", *content)
    out = tmp_path / "c.json"
    assert run(path, "--categories", 3, "--output", out, *extra) == 1
    error = capsys.readouterr().err
    assert message in error
    assert "events.h5" in error
    assert not out.exists()


@pytest.mark.parametrize("edges", [[0.2, float("nan")], [0.5, 0.2], [[0.5]], ["a"], [float("inf")]])
def test_edges_that_are_none_are_refused(tmp_path, edges):
    path = write(tmp_path / "events.h5", S, W, L)
    assert run(path, "--categories", 2, "--output", tmp_path / "c.json") == 0
    found = json.loads((tmp_path / "c.json").read_text())
    (tmp_path / "c.json").write_text(json.dumps(found | {"edges": edges}))
    with pytest.raises(InputError, match=r"c\.json: not what"):
        load(tmp_path / "c.json")


def test_evaluation_of_something_else_is_refused(tmp_path, capsys):
    path = write(tmp_path / "events.h5", S, W, L)
    (tmp_path / "c.json").write_text('{"weights": [1.0]}')
    assert run(path, "--evaluate", tmp_path / "c.json") == 1
    assert "c.json: not what" in capsys.readouterr().err
    assert run(path, "--categories", 2) == 1
    assert "--output" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (["--steps", 0], "--steps: Input should be greater than or equal to 1"),
        (["--minimum-background", -1], "--minimum-background: Input should be greater"),
        (["--window", 1, 2], "window and sideband are needed together"),
        (["--signal-weights", 1], "--signal-weights: they belong to combination: weighted"),
    ],
)
def test_options_have_the_ranges_of_the_configuration(tmp_path, capsys, extra, message):
    path, out = write(tmp_path / "events.h5", S, W, L), tmp_path / "c.json"
    assert run(path, "--categories", 2, "--output", out, *extra) == 1
    assert message in capsys.readouterr().err
    assert not out.exists()


def test_a_configuration_gives_the_options(tmp_path, capsys):
    """What an option says holds over it; options of old names are still read."""
    path, out = write(tmp_path / "events.h5", S, W, L), tmp_path / "c.json"
    config = tmp_path / "mine.yaml"
    config.write_text(
        f"name: mine\ninputs: {{scored: {{file: {path}}}}}\n"
        "categorise: {numbers: [2], minimum_background: 3, background_uncertainty: 0.1}\n"
    )
    given = ("--categories", 2, "--output", out, "--config", config)
    for extra, floor in (([], 3), (["--minimum-background", 2], 2), (["--min-background", 1], 1)):
        assert run(*extra, path, *given) == 0
        found = read_json(out)
        assert found["requirements"] == {"background": floor, "uncertainty": None}
        assert found["counting"]["uncertainty"] == 0.1
    assert "--min-background is an old name: write --minimum-background" in capsys.readouterr().err
