"""What events lack is not drawn as a value."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from zenith.config import Analysis, load
from zenith.figures.network_gallery import defined, features
from zenith.training.examples import Examples

NETWORKS = {"vbf": "higgs", "higgsml": "processes"}


@pytest.fixture(scope="module")
def analyses() -> dict[str, Analysis]:
    return {name: load(f"config/{name}.yaml") for name in ("zprime", *NETWORKS)}


@pytest.mark.parametrize(
    ("name", "observable", "missing"),
    [
        ("higgsml", "PRI_jet_leading_eta", -25.0),
        ("higgsml", "vbf_jets", None),  # 0 is a value
        ("zprime", "chi2", 1e4),
        ("zprime", "muon_eta", -6.0),
        ("zprime", "fatjet_1_pt", 0.0),  # the axis begins at 400 GeV
        ("zprime", "jet_1_pt", None),
        ("zprime", "jet_3_pt", None),  # it has no axis
        ("zprime", "wjets_vs_ttbar", None),  # a score
        ("vbf", "delta_phi_bb", -1.0),
    ],
)
def test_what_the_module_has_for_missing_is_undefined(
    analyses: dict[str, Analysis], name: str, observable: str, missing: float | None
) -> None:
    values = np.array([-25.0, -6.0, -1.0, 0.0, 1.0, 1e4], np.float32)
    found = defined(analyses[name], observable, values)
    np.testing.assert_array_equal(found, np.where(values == missing, np.nan, values))


@pytest.mark.parametrize(
    ("name", "observable", "missing"),
    [("higgsml", "PRI_jet_subleading_pt", -25.0), ("vbf", "delta_phi_jj", -1.0)],
)
def test_features_are_drawn_of_events_that_have_them(
    analyses: dict[str, Analysis], name: str, observable: str, missing: float
) -> None:
    analysis = analyses[name]
    mva = analysis.mva[NETWORKS[name]].model_copy(update={"features": (observable,)})
    edges = np.asarray(analysis.observables[observable].edges.edges)
    random = np.random.default_rng(3)
    label = np.repeat(np.arange(len(mva.classes), dtype=np.int32), 50)
    x = random.uniform(edges[0] - 0.2, edges[-1], (1, len(label))).astype(np.float32)
    lacks = np.arange(len(label)) % 5 < 2
    x[0, lacks] = missing
    network: Any = SimpleNamespace(
        inputs=((observable, "raw"), (observable, "missing")),
        scaled=lambda events: np.concatenate([events / 50.0, 1.0 * lacks[None]]),
    )
    events = Examples(x, label, np.ones(len(label)))
    (raw, figure), (told, row) = features(analysis, mva, events, network, {observable: "GeV"})
    assert (raw, told) == (f"feature_{observable}", f"feature_{observable}_missing")
    bins = (edges, x[0]), (np.linspace(-4.0, 4.0, 33), x[0] / 50.0)
    for axes, (ends, values) in zip(figure.axes, bins, strict=True):
        texts = [text.get_text() for text in axes.get_legend().get_texts()]
        assert len(texts) == len(mva.classes)
        assert all(text.endswith(", 40 % undefined") for text in texts)
        for k, patch in enumerate(axes.patches):
            inside = np.clip(values[(label == k) & ~lacks], ends[0], ends[-1])
            expected = np.histogram(inside, ends, density=True)[0]
            np.testing.assert_allclose(patch.get_data().values, expected, rtol=1e-6)
    shares = row.axes[1].patches[0].get_data().values * 0.25
    assert (shares[16], shares[20]) == pytest.approx((0.6, 0.4))  # 0 and 1: all events
