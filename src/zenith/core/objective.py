"""The objective of the climb: from thresholds and network weights to the expected significance.

Soft cuts, soft histograms of every process and variation, the HistFactory model of them, and the
expected discovery significance on its Asimov data (or the expected error on the signal strength).
The hard reading of the same events in the same model says what the soft one is worth. Each public
function is one compiled call; events, temperature and bandwidth are its inputs, so that nothing is
traced again from step to step.
"""

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from zenith.core.events import Events
from zenith.core.histfactory import Structure, Templates
from zenith.core.mending import EMPTY, consistent, floored
from zenith.core.significance import expected_mu_error, expected_significance
from zenith.core.templates import Histograms, Parameters, hard_histograms, soft_histograms
from zenith.errors import FitError


class Systematic(NamedTuple):
    """A nuisance parameter whose templates are variations of the events.

    A side that is `None`, not both, is the other one mirrored about the nominal template. Where the
    structure has a histosys and a normsys of this name, the normsys takes the change of the yield
    and the histosys that of the shape.
    """

    name: str
    up: str | None
    down: str | None

    def sides(self, region: Histograms) -> tuple[jax.Array, jax.Array]:
        """The up and the down variation of one region, (P, B) each."""
        given = [name for name in (self.up, self.down) if name is not None]
        _known("variation", given, region.variations)
        varied = [region.variations[name] for name in given]
        mirrored = 2 * region.nominal - varied[0]
        return (
            varied[0] if self.up is not None else mirrored,
            varied[-1] if self.down is not None else mirrored,
        )


class Objective(eqx.Module):
    """A HistFactory model whose templates come from events, and what is asked of it.

    Channels of the structure are regions, its samples are processes; `background` names those that
    are not signal. `constants` has what does not depend on events (the normsys that are none of
    `systematics`, and shapesys); its other entries are ignored. Templates are mended as those of
    the quoted fit are (`core/mending.py`), with `minimum_yield` background events in every bin.
    """

    structure: Structure = eqx.field(static=True)
    constants: Templates
    background: tuple[str, ...] = eqx.field(static=True)
    systematics: tuple[Systematic, ...] = eqx.field(static=True, default=())
    minimum_yield: float = eqx.field(static=True, default=1e-3)
    quantity: Literal["significance", "precision"] = eqx.field(static=True, default="significance")

    def value(self, templates: Templates) -> jax.Array:
        """Expected significance at mu = 1, to be maximised, or error on mu, to be minimised.

        NaN where the fit did not converge.
        """
        if self.quantity == "precision":
            return expected_mu_error(self.structure, templates)
        return expected_significance(self.structure, templates)

    def templates(
        self, histograms: Mapping[str, Histograms], processes: tuple[str, ...]
    ) -> Templates:
        """The histograms of every region as templates of the structure; differentiable.

        Raises `FitError` for a channel, sample or variation that the events do not have.
        """
        structure = self.structure
        _known("channel", (name for name, _ in structure.channels), histograms)
        _known("sample", structure.samples, processes)
        _known("histosys", structure.histosys, [s.name for s in self.systematics])
        rows = np.array([processes.index(name) for name in structure.samples])
        regions = [self._mended(histograms[name], rows) for name, _ in structure.channels]
        nominal, variance, varied = (
            jax.tree.map(lambda *of: jnp.concatenate(of, axis=-1), *parts)
            for parts in zip(*regions, strict=True)
        )
        factors = self._factors(nominal, varied)  # (systematics, 2, S, C)
        shapes = varied / factors[..., structure.channel_of_bin]
        where = {s.name: k for k, s in enumerate(self.systematics)}
        shapes = shapes[np.array([where[name] for name in structure.histosys], int)]
        up, down = self.constants.normsys_up, self.constants.normsys_down
        for k, name in enumerate(structure.normsys):
            if name in where:
                up = up.at[k].set(factors[where[name], 0])
                down = down.at[k].set(factors[where[name], 1])
        # no events, no uncertainty: the root has no derivative at 0
        filled = variance > EMPTY**2
        error = jnp.sqrt(jnp.where(filled, variance, 1.0)) * filled
        is_stat = np.zeros((len(structure.layers), 1, structure.bins), bool)
        for k, layer in enumerate(structure.layers):
            for type_, name in layer:
                of_channels = structure.where(type_, [name])[0].any(axis=0)
                is_stat[k, 0] |= (type_ == "staterror") & of_channels[structure.channel_of_bin]
        return Templates(
            nominal=nominal,
            histosys_up=shapes[:, 0],
            histosys_down=shapes[:, 1],
            normsys_up=up,
            normsys_down=down,
            uncertainty=jnp.where(is_stat, error, self.constants.uncertainty),
        )

    def _mended(
        self, region: Histograms, rows: np.ndarray
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Yields and variances (S, B), and the variations (systematics, 2, S, B), of one region."""
        raw, variance = region.nominal[rows], region.variance[rows]
        background = [name in self.background for name in self.structure.samples]
        nominal, variance = floored(raw, variance, background, self.minimum_yield)
        varied = [
            consistent(side[rows], raw, nominal)
            for systematic in self.systematics
            for side in systematic.sides(region)
        ]
        stacked = jnp.array(varied).reshape(len(self.systematics), 2, *nominal.shape)
        return nominal, variance, stacked

    def _factors(self, nominal: jax.Array, varied: jax.Array) -> jax.Array:
        """Varied over nominal yield where a normsys takes it, else 1: (systematics, 2, S, C)."""
        structure = self.structure
        takes = structure.where("normsys", [s.name for s in self.systematics])[:, None]
        of_channel = np.eye(len(structure.channels))[structure.channel_of_bin]
        before, after = nominal @ of_channel, varied @ of_channel
        usable = takes & (before > EMPTY) & (after > 0)
        return jnp.where(usable, after, 1.0) / jnp.where(usable, before, 1.0)


def soft_value(
    parameters: Parameters,
    objective: Objective,
    events: Events,
    temperature: ArrayLike,
    bandwidth: ArrayLike,
) -> jax.Array:
    """The objective of the soft selection; differentiable in `parameters`."""
    histograms = soft_histograms(parameters, events, temperature, bandwidth)
    return objective.value(objective.templates(histograms, events.processes))


@jax.jit
def value_and_gradient(
    parameters: Parameters,
    objective: Objective,
    events: Events,
    temperature: ArrayLike,
    bandwidth: ArrayLike,
) -> tuple[jax.Array, Parameters]:
    """The objective of the soft selection, and its gradient, a pytree as `parameters` is.

    `temperature` multiplies the widths of the cuts, `bandwidth` is in bin widths. NaN where the fit
    did not converge.
    """
    return jax.value_and_grad(soft_value)(parameters, objective, events, temperature, bandwidth)


@jax.jit
def soft_templates(
    parameters: Parameters,
    objective: Objective,
    events: Events,
    temperature: ArrayLike,
    bandwidth: ArrayLike,
) -> Templates:
    """The templates of the soft selection."""
    histograms = soft_histograms(parameters, events, temperature, bandwidth)
    return objective.templates(histograms, events.processes)


@jax.jit
def hard_templates(
    parameters: Parameters, objective: Objective, events: Events, replica: ArrayLike | None = None
) -> Templates:
    """The templates of the hard selection; with a `replica`, of that bootstrap of the events."""
    return objective.templates(hard_histograms(parameters, events, replica), events.processes)


@jax.jit
def hard_value(
    parameters: Parameters, objective: Objective, events: Events, replica: ArrayLike | None = None
) -> jax.Array:
    """The objective of the hard selection; with a `replica`, of that bootstrap of the events."""
    return objective.value(hard_templates(parameters, objective, events, replica))


@jax.jit
def value_and_bin_gradient(
    objective: Objective, templates: Templates
) -> tuple[jax.Array, Templates]:
    """The objective of given templates, and its derivative with respect to each of them."""
    return jax.value_and_grad(objective.value)(templates)


def _known(what: str, names: Iterable[str], known: Iterable[str]) -> None:
    known = tuple(known)
    for name in names:
        if name not in known:
            raise FitError(
                f"model: {what} '{name}' is not what the events give: {', '.join(known) or 'none'}"
            )
