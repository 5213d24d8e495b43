"""The HiggsML challenge: its table read as it is, derived features by lines of numpy, bad files."""

import functools
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from zenith.artefacts import Columns, read_columns
from zenith.cli import main
from zenith.config import load
from zenith.errors import ConfigError, InputError
from zenith.events.columns import make_columns
from zenith.events.formats.arrays import Table as Table_
from zenith.events.formats.protocol import IDENTITY
from zenith.events.numbers import Numbers
from zenith.events.skimmed import skimmed
from zenith.statistics.model import recipe
from zenith.statistics.nuisances import nuisances

CONFIG = "config/higgsml.yaml"
REAL = Path("../shared/data/higgsml/FAIR_Universe_HiggsML_data.parquet")
SAMPLES = ("htautau", "ztautau", "ttbar", "diboson")
Table = dict[str, np.ndarray]


def challenge(events: int, seed: int = 1) -> Table:
    """Made-up events as the challenge has them: −25 for jets that are not there."""
    rng = np.random.default_rng(seed)
    jets = rng.integers(0, 4, events)

    def jet(number: int, values: np.ndarray) -> np.ndarray:
        return np.where(jets >= number, values, -25.0)

    def pt(lowest: float, mean: float) -> np.ndarray:
        return np.round(lowest + rng.exponential(mean, events), 3)

    def angle() -> np.ndarray:
        return np.round(rng.uniform(-3.1, 3.1, events), 3)

    leading, second, third = -np.sort(-np.stack([pt(22.0, 20.0) for _ in range(3)]), axis=0)
    return {
        "PRI_lep_pt": pt(20.0, 15.0),
        "PRI_lep_eta": angle() / 2,
        "PRI_lep_phi": angle(),
        "PRI_had_pt": pt(25.0, 15.0),
        "PRI_had_eta": angle() / 2,
        "PRI_had_phi": angle(),
        "PRI_jet_leading_pt": jet(1, leading),
        "PRI_jet_leading_eta": jet(1, angle()),
        "PRI_jet_leading_phi": jet(1, angle()),
        "PRI_jet_subleading_pt": jet(2, second),
        "PRI_jet_subleading_eta": jet(2, angle()),
        "PRI_jet_subleading_phi": jet(2, angle()),
        "PRI_n_jets": jets.astype(float),
        "PRI_jet_all_pt": (jets >= 1) * leading + (jets >= 2) * second + (jets >= 3) * third,
        "PRI_met": pt(0.0, 30.0),
        "PRI_met_phi": angle(),
        "weights": rng.uniform(0.5, 2.0, events),
        "detailed_labels": rng.choice(SAMPLES, events),
    }


def derived(t: Table) -> Table:
    """The derived features, −25 where undefined."""

    def xy(pt: np.ndarray, phi: np.ndarray) -> np.ndarray:
        return np.array([pt * np.cos(phi), pt * np.sin(phi)])

    lep, had = (xy(t[f"PRI_{n}_pt"], t[f"PRI_{n}_phi"]) for n in ("lep", "had"))
    met = xy(t["PRI_met"], t["PRI_met_phi"])
    one, two = (t[f"PRI_jet_{n}_pt"] > 0 for n in ("leading", "subleading"))
    (pt1, e1, f1), (pt2, e2, f2) = (
        [t[f"PRI_jet_{n}_{part}"] for part in ("pt", "eta", "phi")]
        for n in ("leading", "subleading")
    )
    jets = one * xy(pt1, f1) + two * xy(pt2, f2)
    e_l, e_h, f_l, f_h = (t[f"PRI_{n}"] for n in ("lep_eta", "had_eta", "lep_phi", "had_phi"))
    d_phi = np.angle(np.exp(1j * (f_h - f_l)))
    sign = np.sign(np.sin(f_h - f_l))
    a, b = sign * np.sin(t["PRI_met_phi"] - f_l), sign * np.sin(f_h - t["PRI_met_phi"])

    def mass(p: np.ndarray, q: np.ndarray, d_eta: np.ndarray, d_phi: np.ndarray) -> np.ndarray:
        return np.sqrt(np.abs(2 * p * q * (np.cosh(d_eta) - np.cos(d_phi))))

    def of_two(values: np.ndarray) -> np.ndarray:
        return np.where(two, values, -25.0)

    with np.errstate(all="ignore"):
        centrality = np.exp(-4 * (e_l - (e1 + e2) / 2) ** 2 / (e1 - e2) ** 2)
    square = (t["PRI_met"] + t["PRI_lep_pt"]) ** 2 - ((met + lep) ** 2).sum(axis=0)
    vbf = (pt1 > 50) & (pt2 > 30)
    return {
        "vbf_jets": vbf.astype(float),
        "vbf_or_boosted": (vbf | (np.hypot(*(had + lep + met)) >= 100)).astype(float),
        "DER_mass_transverse_met_lep": np.sqrt(np.maximum(square, 0)),
        "DER_mass_vis": mass(t["PRI_had_pt"], t["PRI_lep_pt"], e_h - e_l, d_phi),
        "DER_pt_h": np.hypot(*(had + lep + met)),
        "DER_deltaeta_jet_jet": of_two(abs(e1 - e2)),
        "DER_mass_jet_jet": of_two(mass(pt1, pt2, e1 - e2, f1 - f2)),
        "DER_prodeta_jet_jet": of_two(e1 * e2),
        "DER_deltar_had_lep": np.hypot(e_h - e_l, d_phi),
        "DER_pt_tot": np.hypot(*(had + lep + met + jets)),
        "DER_sum_pt": t["PRI_had_pt"] + t["PRI_lep_pt"] + t["PRI_jet_all_pt"],
        "DER_pt_ratio_lep_had": t["PRI_lep_pt"] / t["PRI_had_pt"],
        "DER_met_phi_centrality": (a + b) / np.hypot(a, b),
        "DER_lep_eta_centrality": of_two(centrality),
    }


def write(path: Path, table: Table) -> Path:
    arrow = pa.table({name: pa.array(values) for name, values in table.items()})
    (pq.write_table if path.suffix == ".parquet" else pyarrow.csv.write_csv)(arrow, str(path))
    return path


analysis_of = functools.cache(load)


def columns(table: Path, sample: str) -> Columns:
    analysis = analysis_of(CONFIG)
    with skimmed([table], analysis, sample) as skims:
        return make_columns(skims, analysis, sample)


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_derived_features(tmp_path: Path, suffix: str) -> None:
    table = challenge(200)
    file = write(tmp_path / f"events.{suffix}", table)
    for sample in SAMPLES[:: 3 if suffix == "csv" else 1]:
        own = table["detailed_labels"] == sample
        found = columns(file, sample)
        np.testing.assert_allclose(found.weight, table["weights"][own], rtol=1e-12)
        for name, values in {**table, **derived(table)}.items():
            if name not in ("weights", "detailed_labels"):
                np.testing.assert_allclose(
                    found.values[name], values[own], rtol=1e-6, atol=1e-5, err_msg=name
                )


@pytest.mark.skipif(not REAL.exists(), reason="the challenge's events are not there")
def test_the_challenges_own_events() -> None:
    """Its features are of single precision: differences of what is near 100 GeV, and roots."""
    table = pq.read_table(REAL)
    labels = table["detailed_labels"].to_numpy()
    # a mass is the root of a difference of squares, which are known to 6e-8 of themselves
    worst = {"DER_mass_transverse_met_lep": 0.01, "DER_mass_vis": 1e-3, "DER_mass_jet_jet": 1e-2}
    for sample in SAMPLES:
        found = columns(REAL, sample)
        for name in (n for n in table.column_names if n.startswith(("PRI_", "DER_"))):
            stored = table[name].to_numpy()[labels == sample]
            np.testing.assert_array_equal(found.values[name] == -25, stored == -25, name)
            np.testing.assert_allclose(
                found.values[name], stored, rtol=2e-7, atol=worst.get(name, 1e-4), err_msg=name
            )


def test_one_command_makes_columns_of_a_table(tmp_path: Path) -> None:
    file, output = write(tmp_path / "a.parquet", challenge(50)), tmp_path / "ttbar.h5"
    files = ["--input", str(file), "--output", str(output)]
    assert main(["columns", "--config", CONFIG, "--sample", "ttbar", *files]) == 0
    assert {"PRI_lep_pt", "DER_pt_h"} < read_columns(output).values.keys()


def shifted(t: Table, tes: float = 1.0, jes: float = 1.0, soft: Any = (0.0, 0.0)) -> Table:
    """The primary features of shifted events, and which of the events are left."""
    found = {name: values.copy() for name, values in t.items() if name.startswith("PRI_")}
    jets = [f"PRI_jet_{n}" for n in ("leading", "subleading")]
    x, y = (t["PRI_met"] * f(t["PRI_met_phi"]) for f in (np.cos, np.sin))
    moved = [("PRI_had", tes, True)] + [
        (jet, jes, t["PRI_n_jets"] > n) for n, jet in enumerate(jets)
    ]
    for name, scale, there in moved:
        pt, phi = t[f"{name}_pt"], t[f"{name}_phi"]
        x, y = (
            x - there * (scale - 1) * pt * np.cos(phi),
            y - there * (scale - 1) * pt * np.sin(phi),
        )
        found[f"{name}_pt"] = np.where(there, pt * scale, -25.0)
    found["PRI_jet_all_pt"] *= jes
    x, y = x + soft[0], y + soft[1]
    found |= {"PRI_met": np.hypot(x, y), "PRI_met_phi": np.arctan2(y, x)}
    for jet in jets:
        lost = (found[f"{jet}_pt"] > -25) & (np.round(found[f"{jet}_pt"], 3) <= 26)
        found["PRI_n_jets"] -= lost
        found["PRI_jet_all_pt"] -= np.where(lost, found[f"{jet}_pt"], 0.0)
        for part in ("pt", "eta", "phi"):
            found[f"{jet}_{part}"][lost] = -25.0
    return found


def test_shifts(tmp_path: Path) -> None:
    """Energy scales at ±1 %, with the nominal 1 GeV of soft missing momentum; its own at e^±1."""
    table = challenge(400, seed=2)
    own = table["detailed_labels"] == "ztautau"
    found = columns(write(tmp_path / "a.parquet", table), "ztautau").shapes
    assert list(found) == ["nominal"] + [
        f"{name}_{side}" for name in ("tes", "jes", "soft_met") for side in ("up", "down")
    ]
    x, y = (table["PRI_met"] * f(table["PRI_met_phi"]) for f in (np.cos, np.sin))
    smeared = found["nominal"]
    soft = np.zeros((2, 400))
    for k, (f, before) in enumerate(((np.cos, x), (np.sin, y))):
        soft[k, own] = smeared["PRI_met"] * f(smeared["PRI_met_phi"]) - before[own]
    assert soft[:, own].std() == pytest.approx(1.0, abs=0.15)
    assert abs(np.corrcoef(soft[:, own])[0, 1]) < 0.25
    expected = {
        "nominal": shifted(table, soft=soft),
        "tes_up": shifted(table, tes=1.01, soft=soft),
        "tes_down": shifted(table, tes=0.99, soft=soft),
        "jes_up": shifted(table, jes=1.01, soft=soft),
        "jes_down": shifted(table, jes=0.99, soft=soft),
        "soft_met_up": shifted(table, soft=soft * np.e),
        "soft_met_down": shifted(table, soft=soft / np.e),
    }
    lost = 0
    for variation, features in expected.items():
        lost += int((features["PRI_n_jets"] < table["PRI_n_jets"])[own].sum())
        # soft momentum is known from rounded numbers: 0.001 of an angle is 0.1 GeV
        for name, values in {**features, **derived(features)}.items():
            if name == "DER_mass_transverse_met_lep":
                continue  # a root of it
            near = np.abs(found[variation][name] - values[own])
            if name.endswith("phi"):
                near = np.minimum(near, 2 * np.pi - near)
            slack = 0.15 if name.startswith("DER") or name == "PRI_met_phi" else 0.006
            assert near.max() < slack, (variation, name)
    assert lost > 3


def test_random_numbers_follow_the_event() -> None:
    numbers = Table_.of({n: np.arange(6) + k for k, n in enumerate(IDENTITY)})
    whole = Numbers(numbers, "systematics.soft_met", 5)
    part = Numbers(numbers.take(lambda: np.array([4, 1])), "systematics.soft_met", 5)
    np.testing.assert_array_equal(whole.normal()[[4, 1]], part.normal())
    others = [whole.normal(1), Numbers(numbers, "systematics.x", 5).normal()]
    others.append(Numbers(numbers, "systematics.soft_met", 6).normal())
    assert all((whole.normal() != other).all() for other in others)


def test_a_shift_may_leave_no_event(tmp_path: Path) -> None:
    """Columns keep events that no region has any more: a τ of 25.9 GeV at −1 %."""
    table = challenge(50)
    table["PRI_had_pt"][:] = 26.1
    found = columns(write(tmp_path / "a.parquet", table), "htautau")
    assert (found.values["PRI_had_pt"] >= 26).all()
    assert (found.shapes["tes_down"]["PRI_had_pt"] < 26).all()
    assert (found.shapes["tes_down"]["PRI_had_pt"] > 25.8).all()


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["systematics.tes.prior.width=0"], r"tes\.prior\.width: .*greater than 0"),
        (["systematics.tes.prior.bounds=[1.1, 1.2]"], "1.1 to 1.2 do not hold the nominal value 1"),
        (["systematics.tes.shift=tess"], "no shift has the parameter 'tess'.*did you mean 'tes'"),
        (["systematics.soft_met.processes=[ttbar]"], "its nominal value moves the events"),
    ],
)
def test_priors_that_are_none(overrides: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load(CONFIG, overrides)


def test_priors_of_the_model() -> None:
    """A log-normal width within bounds, and those of its pull."""
    analysis = load(CONFIG)
    prior = analysis.systematics["soft_met"].prior
    assert prior.value(0.0) == 1.0
    assert prior.value(-1.0) == pytest.approx(np.exp(-1))
    assert prior.value(3.0) == 5.0
    assert prior.pulls == pytest.approx((-np.inf, np.log(5)))
    found = {n.name: n for n in nuisances(analysis)}
    assert found["tes"].bounds is None  # of 10 standard deviations
    assert found["diboson_rate"].bounds == (-4.0, 4.0)
    parameters = recipe(analysis).structure.parameters
    at = parameters.slices["soft_met"].start
    assert (parameters.lower[at], parameters.upper[at]) == pytest.approx((-5.0, np.log(5)))


def without(name: str) -> Table:
    return {key: values for key, values in challenge(50).items() if key != name}


def changed(name: str, *values: Any) -> Table:
    table = challenge(50)
    table[name][: len(values)] = values
    return table


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (without("PRI_met"), "there is no column PRI_met"),
        (without("detailed_labels"), "there is no column detailed_labels"),
        (changed("PRI_had_pt", *[-25.0] * 50), "PRI_had_pt is undefined in .*every event has one"),
        (changed("PRI_lep_eta", np.nan), "PRI_lep_eta is undefined in 1 of "),
        (changed("PRI_jet_leading_pt", *[-25.0] * 50), "PRI_jet_leading_pt is undefined in "),
        (
            changed("PRI_n_jets", *[0.0] * 50),
            "PRI_n_jets is less than 1 in .*leading_pt is defined",
        ),
        (changed("weights", np.nan), r"format\.weight \(weights\): 1 weights are NaN"),
        (changed("detailed_labels", "wjets"), "detailed_labels holds 'wjets' in entry 0, which"),
        (changed("detailed_labels", *["ttbar"] * 50), "no event meets samples.htautau.select"),
    ],
)
def test_files_that_are_not_as_they_should_be(tmp_path: Path, table: Table, message: str) -> None:
    if "detailed_labels" in table and "wjets" not in table["detailed_labels"]:
        table["detailed_labels"][:1] = "ttbar" if "meets" in message else "htautau"
    file = write(tmp_path / "bad.parquet", table)
    with pytest.raises(InputError, match=message) as error:
        columns(file, "htautau")
    assert str(file) in str(error.value)


def test_the_public_events_are_measured_without_networks() -> None:
    """Four diboson events teach nothing: the same regions and parameters, and no score in a cut."""
    public, whole = load("config/higgsml-public.yaml"), load(CONFIG)
    assert public.summary is None
    assert not public.mva
    assert public.systematics.keys() == whole.systematics.keys()
    scored = {name for name in whole.regions if "processes" in str(whole.regions[name].cuts)}
    assert scored == {"highMT_noVBFJet_ttbar", "highMT_noVBFJet_diboson"}
    assert public.regions.keys() - whole.regions.keys() == {"highMT_noVBFJet"}
    assert whole.regions.keys() - public.regions.keys() == scored
