"""The analysis of CMS Open Data: its luminosity, its signal, and that it is blind."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter

from zenith.cli import main
from zenith.config import Analysis, load
from zenith.config.simulation import SimulationCard, ZprimeCard
from zenith.events.columns import make_columns
from zenith.events.datasets import at_luminosity_of_files, resolve
from zenith.events.skim import skim
from zenith.statistics.histograms import fill
from zenith.statistics.nuisances import filled_samples

CONFIG = "config/cms-opendata-2016.yaml"
CATALOGUE = Path("../shared/data/datasets/cms-opendata-2016-nanoaod.json")
CERTIFIED = 16.39  # 1/fb, runs G and H

needs_catalogue = pytest.mark.skipif(
    not CATALOGUE.exists(), reason=f"the catalogue of CMS Open Data is not at {CATALOGUE}"
)


def with_catalogue(*more: str) -> Analysis:
    samples = [name for name, s in load(CONFIG).samples.items() if s.dataset is not None]
    paths = [f"samples.{name}.dataset.catalogue={CATALOGUE}" for name in samples]
    return load(CONFIG, [*paths, *more])


@needs_catalogue
@pytest.mark.parametrize("max_files", [None, 3])
def test_the_luminosity_is_the_certified_one_times_the_share_of_events(
    max_files: int | None,
) -> None:
    catalogue = json.loads(CATALOGUE.read_text())["data"]["nominal"]
    stated = [file["nevts"] for file in catalogue["files"] if file["nevts"] > 0][:max_files]
    expected = CERTIFIED * sum(stated) / catalogue["nevts_total"]
    if max_files is None:
        assert expected == pytest.approx(7.664, abs=5e-4)
    analysis = with_catalogue(*([f"max_files={max_files}"] if max_files else []))
    scaled, (note,) = at_luminosity_of_files(analysis)
    assert scaled.eras["2016"].luminosity == pytest.approx(expected, rel=1e-12)
    assert f"{expected:.4g} of 16.39/fb" in note
    assert sum(file.events or 0 for file in resolve(analysis, "collisions")) == sum(stated)


@needs_catalogue
def test_the_signal_of_the_catalogue_lies_on_the_axes() -> None:
    analysis = with_catalogue()
    (signal,) = analysis.signals
    (sample,) = [name for name, s in analysis.samples.items() if s.process == signal]
    match = re.search(r"ZprimeToTT_M(\d+)_", resolve(analysis, sample)[0].path)
    assert match is not None
    mass = float(match[1])
    assert f"{mass:.0f}" in analysis.processes[signal].label
    for name, region in analysis.regions.items():
        edges = np.asarray(region.fit.edges.edges)
        assert edges[0] < 0.8 * mass < 1.4 * mass < edges[-1]
        if name == "signal":  # the peak, about 70 GeV wide, is resolved
            assert np.diff(edges).max() <= 50


def test_data_stay_closed_and_none_are_simulated() -> None:
    analysis = load(CONFIG)
    assert analysis.statistics.blind
    assert not any(analysis.is_data(name) for name in filled_samples(analysis))
    assert all(s.simulate is None for s in analysis.samples.values())


@pytest.fixture(scope="module")
def resonance(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Z′ of 400 GeV that decay to a muon, by Pythia and Zenith's detector."""
    pytest.importorskip("pythia8mc", reason="Pythia 8 is the optional extra `simulate`")
    from zenith.simulation.simulate import simulate

    path = tmp_path_factory.mktemp("signal") / "zprime.root"
    content: dict[str, Any] = {"process": "zprime", "events": 600, "muon_pt_min": 25}
    card = TypeAdapter(SimulationCard).validate_python(content)
    assert isinstance(card, ZprimeCard)
    light = card.model_copy(update={"mass": 400.0})
    simulate(light, events=600, seed=1, part=0, output=path, sample="zprime_400")
    return path


def test_the_selection_sees_the_signal(resonance: Path, tmp_path: Path) -> None:
    """Slow tops pass the cuts of skim and signal region, and peak on the axis of the fit.

    Zenith's simulation has neither the triggers of the analysis nor all of CMS's filters.
    """
    analysis = load(
        CONFIG,
        [
            "skim.trigger=null",
            "skim.branches.keep=[Muon_*Id, Jet_jetId, PV_npvs]",
            "eras.2016={event_flags: [], corrections: null, golden_json: null}",
            "systematics={pileup: null, muon_id: null, jes: null, jes_pt: null, jer: null}",
            "only_samples=[zprime_400]",
            "plotting.observables=[]",
        ],
    )
    skim(str(resonance), tmp_path / "skim.root", analysis, "zprime_400")
    columns = make_columns([tmp_path / "skim.root"], analysis, "zprime_400")
    columns.values["wjets_vs_ttbar"] = np.ones(len(columns.weight), np.float32)
    counts = fill(analysis, {"zprime_400": columns})["signal/signal/nominal"].values()
    weight = columns.weight[0]
    edges = np.asarray(analysis.regions["signal"].fit.edges.edges)
    centres = 0.5 * (edges[1:] + edges[:-1])
    assert counts.sum() / weight > 0.03 * 600
    assert 350 < centres[np.searchsorted(counts.cumsum(), 0.5 * counts.sum())] < 450
    assert counts[centres > 650].sum() < 0.1 * counts.sum()


@needs_catalogue
def test_columns_warn_that_data_are_lacking(
    resonance: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    options = ["--config", CONFIG, "--sample", "zprime_400"]
    for text in (
        "skim={trigger: null, cuts: [met > 20]}",
        "skim.branches.keep=[Muon_*Id, Jet_jetId, PV_npvs]",
        "eras.2016={event_flags: [], corrections: null, golden_json: null}",
        "systematics={pileup: null, muon_id: null, jes: null, jes_pt: null, jer: null}",
        f"samples.collisions.dataset.catalogue={CATALOGUE}",
    ):
        options += ["--set", text]
    skimmed, columns = str(tmp_path / "s.root"), str(tmp_path / "c.h5")
    cutflow = ["--cutflow", str(tmp_path / "c.json")]
    assert main(["skim", *options, "--input", str(resonance), "--output", skimmed, *cutflow]) == 0
    assert main(["columns", *options, "--input", skimmed, "--output", columns]) == 0
    assert "hold 151.5 million of 324.0 million events" in caplog.text
    assert "7.664 of 16.39/fb" in caplog.text
