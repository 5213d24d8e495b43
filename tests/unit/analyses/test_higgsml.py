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
from zenith.errors import InputError
from zenith.events.columns import make_columns
from zenith.events.skimmed import skimmed

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
    one, two = (t["PRI_n_jets"] >= n for n in (1, 2))
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
    return {
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
            if name.startswith(("PRI_", "DER_")):
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
        (changed("PRI_jet_leading_pt", *[-25.0] * 50), "PRI_jet_leading_pt in .* PRI_n_jets"),
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
