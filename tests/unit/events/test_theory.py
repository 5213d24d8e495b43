"""Theory weights: each variation has the cross-section of the nominal one, whatever was skimmed.

A varied weight is σ · k · L · g · w / Σ g · w with the sum over all generated events.
"""

from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot
from makers.default import only

from zenith.cli import main
from zenith.config import Analysis, load
from zenith.errors import ConfigError, InputError
from zenith.events.columns import make_columns
from zenith.events.skim import skim

SAMPLE = "ttbar_semileptonic"
SYSTEMATICS = (
    *only("xsec_wjets"),
    "systematics.scale={type: weight}",
    "systematics.scale.branches={up: 'LHEScaleWeight[2]', down: 'LHEScaleWeight[0]'}",
    "systematics.shower={type: weight, branches: {up: 'PSWeight[1]'}, sides: up}",
)
SIMPLE = (
    "eras.2016.event_flags=[]",
    "skim={trigger: null, cuts: [met > 30], chunk: 70}",
    "skim.branches={keep: [PV_npvs], simulation_only: [genWeight, LHE*Weight, PSWeight]}",
    "objects.muon.cuts=[]",
    "objects.jet={collection: Muon, cuts: [], aliases: {btag: pt}, away_from: null}",
    "objects.fatjet={collection: Muon, cuts: [], aliases: {toptag: pt}, away_from: null}",
    "met=MET",
)


def configured(*more: str) -> Analysis:
    return load("config/zprime.yaml", [*SYSTEMATICS, *SIMPLE, *more])


def generated(seed: int, count: int = 300) -> dict[str, Any]:
    """Events whose scale and shower weights have means far from 1 and follow MET."""
    rng = np.random.default_rng(seed)
    met = rng.exponential(60, count)
    scale = (1 + rng.uniform(0, 0.2, (count, 4))) * [0.7, 1.0, 1.4, 1.1] * (1 + met[:, None] / 200)
    muons = {
        k: np.full((count, 1), v) for k, v in {"pt": 60, "eta": 1, "phi": 1, "mass": 0}.items()
    }
    lists = {f"Muon_{k}": v for k, v in muons.items()}
    lists |= {"LHEScaleWeight": scale, "PSWeight": 1.2 * scale[:, ::2] + seed}
    return {
        "run": np.repeat(np.array([1, 2], np.uint32), count // 2),
        "luminosityBlock": np.ones(count, np.uint32),
        "event": (1000 * seed + np.arange(count)).astype(np.uint64),
        "genWeight": rng.choice([-1.5, 3.0], count).astype(np.float32),
        "MET_pt": met.astype(np.float32),
        "MET_phi": np.zeros(count, np.float32),
        "PV_npvs": np.ones(count, np.int32),
        **{n: ak.from_regular(ak.Array(v.astype(np.float32))) for n, v in lists.items()},
    }


def sums(events: dict[str, Any], style: str) -> dict[str, Any]:
    """The tree Runs of these events, with the sums of weights as `style` has them."""
    rows = [events["run"] == run for run in (1, 2)]
    g = events["genWeight"].astype(float)
    names = ("LHEScaleWeight", "PSWeight") if style != "none" else ()
    totals = [g[row].sum() for row in rows]
    runs = {
        "run": np.array([1, 2], np.uint32),
        "genEventCount": np.array([row.sum() for row in rows]),
        "genEventSumw": np.array(totals),
        "genEventSumw2": np.array([(g[row] ** 2).sum() for row in rows]),
    }
    for name in names:
        w = ak.to_numpy(events[name]).astype(float)
        entries = np.array([g[row] @ w[row] for row in rows])
        if style != "plain":
            entries /= np.array(totals)[:, None]
        runs[name.removesuffix("Weight") + "Sumw"] = ak.from_regular(ak.Array(entries))
    return {f"{n}_" if style == "underscore" and n != "run" else n: a for n, a in runs.items()}


def write(path: Path, events: dict[str, Any], style: str | None, kept: Any = None) -> str:
    """A NanoAOD file of some of the events; `style` None leaves Runs out."""
    keep = slice(None) if kept is None else kept
    trees = {"Events": {n: a[keep] for n, a in events.items()}}
    if style is not None:
        trees["Runs"] = sums(events, style)
    with uproot.recreate(path) as file:
        for name, content in trees.items():
            file.mktree(name, {k: ak.type(ak.Array(v)).content for k, v in content.items()})
            file[name].extend(content)
    return str(path)


def columns_of(paths: list[str], analysis: Analysis, folder: Path) -> Any:
    skims = [folder / f"skim{number}.root" for number in range(len(paths))]
    for path, output in zip(paths, skims, strict=True):
        skim(path, output, analysis, SAMPLE)
    return make_columns(skims, analysis, SAMPLE)


def check(columns: Any, analysis: Analysis, generated_events: list[dict[str, Any]]) -> None:
    """Nominal and varied weights of the events that pass, against lines of numpy."""
    sample = analysis.samples[SAMPLE]
    assert sample.cross_section is not None
    expected = sample.cross_section * sample.k_factor * analysis.eras["2016"].luminosity * 1000

    def join(name: str) -> np.ndarray:
        return np.concatenate([ak.to_numpy(e[name]).astype(float) for e in generated_events])

    g, scale, shower = join("genWeight"), join("LHEScaleWeight"), join("PSWeight")
    wanted = {"scale_up": scale[:, 2], "scale_down": scale[:, 0], "shower_up": shower[:, 1]}
    passed = join("MET_pt") > 30
    np.testing.assert_allclose(columns.weight, (expected * g / g.sum())[passed], rtol=1e-12)
    for name, w in wanted.items():
        varied = expected * g * w / (g @ w)
        assert varied.sum() == pytest.approx(expected, rel=1e-12)
        np.testing.assert_allclose(columns.weights[name], varied[passed], rtol=1e-6)


@pytest.mark.parametrize("style", ["nano", "underscore", "plain", "none", None])
def test_variations_have_the_cross_section_of_all_generated_events(
    style: str | None, tmp_path: Path
) -> None:
    analysis = configured()
    events = generated(1)
    columns = columns_of([write(tmp_path / "a.root", events, style)], analysis, tmp_path)
    check(columns, analysis, [events])


def test_files_of_every_kind_make_one_sample(tmp_path: Path) -> None:
    """One skimmed by others, one whole with sums, one whole without; the files differ in size."""
    analysis = configured()
    made = [generated(1), generated(2, 120), generated(3, 80)]
    paths = [
        write(tmp_path / "a.root", made[0], "nano", made[0]["MET_pt"] > 25),
        write(tmp_path / "b.root", made[1], "nano"),
        write(tmp_path / "c.root", made[2], "none"),
    ]
    check(columns_of(paths, analysis, tmp_path), analysis, made)


def test_a_skim_of_a_skim_keeps_the_sums(tmp_path: Path) -> None:
    analysis = configured()
    events = generated(4)
    first = tmp_path / "first.root"
    skim(write(tmp_path / "a.root", events, "none"), first, analysis, SAMPLE)
    check(columns_of([str(first)], analysis, tmp_path), analysis, [events])
    assert main(["inspect", str(first)]) == 0


def test_the_cross_section_can_be_kept(tmp_path: Path) -> None:
    analysis = configured("systematics.scale.normalise=false")
    events = generated(5)
    columns = columns_of([write(tmp_path / "a.root", events, "nano")], analysis, tmp_path)
    passed = events["MET_pt"] > 30
    up = ak.to_numpy(events["LHEScaleWeight"])[passed, 2]
    np.testing.assert_allclose(columns.weights["scale_up"], columns.weight * up, rtol=1e-6)
    assert columns.weights["scale_up"].sum() > 1.3 * columns.weight.sum()


def test_other_weights_keep_their_size_unless_told(tmp_path: Path) -> None:
    """The weight of a trigger is an efficiency: its mean is no accident of the cross-section."""
    events = generated(6) | {"prefiring_up": np.full(300, 0.9, np.float32)}
    entry = "systematics.prefiring={type: weight, sides: up, branches: {up: prefiring_up}}"
    keep = "skim.branches.keep=[PV_npvs, prefiring_up]"
    path = write(tmp_path / "a.root", events, None)
    for more, factor in (([], 0.9), (["systematics.prefiring.normalise=true"], 1.0)):
        columns = columns_of([path], configured(entry, keep, *more), tmp_path)
        found = columns.weights["prefiring_up"]
        np.testing.assert_allclose(found, factor * columns.weight, rtol=1e-6)


def test_a_process_that_does_not_vary_needs_no_sums(tmp_path: Path) -> None:
    events = {n: a for n, a in generated(7).items() if n not in ("LHEScaleWeight", "PSWeight")}
    path = write(tmp_path / "a.root", events, None)
    others = [f"systematics.{name}.processes=[wjets]" for name in ("scale", "shower")]
    branches = "skim.branches={keep: [PV_npvs], simulation_only: [genWeight]}"
    columns = columns_of([path], configured(*others, branches), tmp_path)
    assert columns.weights == {}


def test_sums_that_are_lost_are_told(tmp_path: Path) -> None:
    """Skimmed by others, who did not keep the sums: nothing can be normalised."""
    events = generated(8)
    path = write(tmp_path / "a.root", events, "none", events["MET_pt"] > 25)
    with pytest.raises(InputError, match=r"a\.root: holds \d+ of 300 .*LHEScaleSumw.*normalise"):
        columns_of([path], configured(), tmp_path)
    assert not (tmp_path / "skim0.root").exists()


def test_an_entry_that_is_not_there_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "a.root", generated(9), "nano")
    analysis = configured("systematics.shower.branches.up='PSWeight[7]'")
    with pytest.raises(InputError, match=r"shower_up: PSWeight\[7\].*only 2 entries"):
        columns_of([path], analysis, tmp_path)
    lacking = {n: a for n, a in generated(9).items() if n != "PSWeight"}
    path = write(tmp_path / "b.root", lacking, None)
    lenient = configured("skim.branches.ignore_missing=[PSWeight]")
    with pytest.raises(InputError, match=r"b\.root: no branch PSWeight, which systematics\.shower"):
        skim(path, tmp_path / "s.root", lenient, SAMPLE)


@pytest.mark.parametrize(
    ("systematic", "expected"),
    [
        ("{type: weight, correction: pileup, normalise: true}", "not for a correction"),
        ("{type: weight, branches: {up: 'PSWeight[0]'}}", "branches.down: missing"),
        ("{type: weight, sides: up, branches: {up: 'PSWeight[a]'}}", "one entry like PSWeight"),
    ],
)
def test_mistakes_in_weights_are_told_by_the_configuration(systematic: str, expected: str) -> None:
    with pytest.raises(ConfigError, match=rf"systematics\.odd.*{expected}"):
        load("config/zprime.yaml", [f"systematics.odd={systematic}"])
