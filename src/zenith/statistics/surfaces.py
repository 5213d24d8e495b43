"""Response surfaces in terms of HistFactory, and what of them is lost there.

A nuisance parameter of a surface becomes a normsys with the change of the yields at ±1 standard
deviation and a histosys with that of the shapes. Beyond, between, and where two parameters have
moved the two models differ.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations, product

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from zenith.artefacts.fit import Deviation
from zenith.core.likelihood.composition import Modifier
from zenith.core.likelihood.histfactory import prepare, rates
from zenith.core.likelihood.structure import Structure, Templates

TYPES = ("normsys", "histosys")


def as_variations(structure: Structure, templates: Templates) -> tuple[Structure, Templates]:
    """The same model with normsys and histosys in place of surfaces.

    Where a parameter is a normsys or a histosys of a sample besides, the changes multiply.
    """
    names = structure.surface
    kept = [m for m in structure.modifiers if m.type != "surface"]
    made = [m._replace(type=t) for m in structure.modifiers if m.type == "surface" for t in TYPES]
    modifiers: dict[Modifier, None] = dict.fromkeys([*kept, *made])
    new = replace(structure, modifiers=tuple(modifiers))
    nominal = np.asarray(templates.nominal)
    up, down = (np.repeat(nominal[None], len(new.histosys), 0) for _ in "ud")
    hi, lo = (np.ones((len(new.normsys), *nominal.shape[:1], len(new.channels))) for _ in "ud")
    for k, name in enumerate(structure.histosys):
        row = new.histosys.index(name)
        up[row], down[row] = templates.histosys_up[k], templates.histosys_down[k]
    for k, name in enumerate(structure.normsys):
        row = new.normsys.index(name)
        hi[row], lo[row] = templates.normsys_up[k], templates.normsys_down[k]
    model = jax.jit(prepare, static_argnums=0)(structure, templates)
    of_channel = np.eye(len(new.channels))[new.channel_of_bin]
    for u, name in enumerate(names):
        shape, norm = new.histosys.index(name), new.normsys.index(name)
        for sign, shapes, factors in ((1.0, up, hi), (-1.0, down, lo)):
            ratio = np.exp(sign * model.log_slope[u] + model.log_bend[u, u] / 2)
            before, after = nominal @ of_channel, (nominal * ratio) @ of_channel
            usable = (before > 0.0) & (after > 0.0)
            factor = np.where(usable, after, 1.0) / np.where(usable, before, 1.0)
            factors[norm] *= factor
            shapes[shape] *= ratio / factor[:, new.channel_of_bin]
    return new, Templates(
        nominal=templates.nominal,
        histosys_up=jnp.asarray(up),
        histosys_down=jnp.asarray(down),
        normsys_up=jnp.asarray(hi),
        normsys_down=jnp.asarray(lo),
        uncertainty=templates.uncertainty,
    )


def points(nuisances: tuple[str, ...]) -> Iterator[dict[str, float]]:
    """±1 and ±2 standard deviations of each nuisance parameter, and the corners of ±1 of two."""
    for name in nuisances:
        yield from ({name: value} for value in (-2.0, -1.0, 1.0, 2.0))
    for first, second in combinations(nuisances, 2):
        yield from ({first: x, second: y} for x, y in product((-1.0, 1.0), repeat=2))


def deviations(structure: Structure, templates: Templates) -> list[Deviation]:
    """What `as_variations` costs at `points`, with all other parameters nominal."""
    moved = list(points(structure.surface))
    exact = _counts(structure, templates, moved)
    difference = _counts(*as_variations(structure, templates), moved) - exact
    filled = exact > 0.0
    safe = np.where(filled, exact, 1.0)
    relative = np.where(filled, difference / safe, 0.0)
    found: list[Deviation] = []
    for k, parameters in enumerate(moved):
        worst = int(np.abs(relative[k]).argmax())
        channel = structure.channel_of_bin[worst]
        name = structure.channels[channel][0]
        found.append(
            {
                "parameters": parameters,
                "largest": float(relative[k, worst]),
                "channel": name,
                "bin": worst - structure.slices[name].start,
                "significance": float(np.sqrt((difference[k] ** 2 / safe[k])[filled[k]].sum())),
            }
        )
    return found


def _counts(
    structure: Structure, templates: Templates, moved: list[dict[str, float]]
) -> np.ndarray:
    """Expected counts at each of the points, (points, B)."""
    parameters = structure.parameters
    theta = np.repeat(parameters.init[None], len(moved), 0)
    for k, values in enumerate(moved):
        for name, value in values.items():
            theta[k, parameters.slices[name].start] = value

    @jax.jit
    def expected(templates: Templates, theta: Array) -> Array:
        model = prepare(structure, templates)
        return jax.vmap(lambda at: rates(structure, model, at).sum(0))(theta)

    return np.asarray(expected(templates, jnp.asarray(theta)))
