"""The model is said once: what the climb maximises is what the workspace of the fit holds."""

from dataclasses import replace
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from zenith.config import Analysis, load
from zenith.config.yaml_text import read_yaml
from zenith.core.likelihood.structure import Templates
from zenith.core.likelihood.workspace import from_workspace
from zenith.statistics.model import fitted_regions, recipe, template_nuisances
from zenith.statistics.nuisances import simulated_processes
from zenith.statistics.templates import RegionTemplates
from zenith.statistics.workspace import build

SHIPPED = [
    path
    for path in sorted(Path("config").glob("*.yaml"))
    if "samples" in read_yaml(path) or "base" in read_yaml(path)
]


def random_templates(analysis: Analysis) -> list[RegionTemplates]:
    """Templates with events in every bin, and a change in each for every nuisance parameter."""
    rng = np.random.default_rng(9)
    processes = tuple(simulated_processes(analysis))
    found = []
    for name in fitted_regions(analysis):
        fit = analysis.regions[name].fit
        shape = len(processes), len(fit.edges.edges) - 1
        nominal = rng.uniform(5.0, 50.0, shape)
        acts = {n.name: n.processes for n in template_nuisances(analysis) if name in n.regions}
        changed = {key: np.isin(processes, of)[:, None] for key, of in acts.items()}
        found.append(
            RegionTemplates(
                name,
                fit.observable,
                fit.edges.edges,
                processes,
                tuple(analysis.processes[p].role == "background" for p in processes),
                nominal,
                0.1 * nominal,
                {
                    key: tuple(
                        nominal * np.where(rows, rng.uniform(0.8, 1.2, shape), 1.0) for _ in "ud"
                    )
                    for key, rows in changed.items()
                },
                acts,
                np.stack([nominal.sum(axis=1), 0.1 * nominal.sum(axis=1)]),
                None if analysis.is_blind(name) else np.round(nominal.sum(axis=0)),
            )
        )
    return found


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_workspace_holds_the_model_of_the_objective(path: Path) -> None:
    """The same channels, samples, modifiers, parameters and templates, in the order of pyhf."""
    analysis = load(path)
    regions = random_templates(analysis)
    spec, pruned = build(analysis, regions)
    assert not pruned
    written = from_workspace(spec)
    made = recipe(analysis)
    assert len(made.structure.modifiers) > 20
    assert sorted(written.structure.modifiers) == sorted(made.structure.modifiers)
    ordered = replace(
        made.structure,
        channels=tuple(sorted(made.structure.channels)),
        samples=tuple(sorted(made.structure.samples)),
    )
    assert written.structure.channels == ordered.channels
    assert written.structure.samples == ordered.samples
    assert written.structure.poi == ordered.poi
    for name, value in vars(written.structure.parameters).items():
        np.testing.assert_array_equal(value, getattr(ordered.parameters, name), err_msg=name)
    expected = _in_order_of(ordered, made.structure, made.assembled(*_stacked(made, regions)))
    for name in Templates._fields[:-1]:
        value = getattr(written.templates, name)
        # what no modifier reads is another filling in the workspace
        at = _read(ordered, name)
        np.testing.assert_allclose(
            np.asarray(value)[at], getattr(expected, name)[at], rtol=1e-12, err_msg=name
        )


def _stacked(made, regions):
    nominal, variance = (
        np.concatenate([getattr(t, key) for t in regions], axis=1)
        for key in ("nominal", "variance")
    )
    varied = [
        [
            np.concatenate(
                [t.variations.get(s.name, (t.nominal, t.nominal))[side] for t in regions], axis=1
            )
            for side in (0, 1)
        ]
        for s in made.systematics
    ]
    return tuple(map(jnp.asarray, (nominal, variance, varied)))


def _in_order_of(ordered, structure, templates) -> Templates:
    """Templates of a structure whose channels and samples stand in another order."""
    rows = [structure.samples.index(name) for name in ordered.samples]
    channels = [list(structure.slices).index(name) for name in ordered.slices]
    bins = np.concatenate([np.arange(structure.bins)[structure.slices[c]] for c in ordered.slices])
    return Templates(
        **{
            name: np.asarray(getattr(templates, name))[..., rows, :][
                ..., channels if name.startswith("normsys") else bins
            ]
            for name in Templates._fields[:-1]
        }
    )


def _read(structure, name: str):
    """Which entries of an array of templates a modifier reads."""
    if name.startswith("normsys"):
        return structure.where("normsys", structure.normsys)
    if name.startswith("histosys"):
        return structure.where("histosys", structure.histosys)[..., structure.channel_of_bin]
    if name == "uncertainty":
        return structure.parameters.layer_mask
    return ...
