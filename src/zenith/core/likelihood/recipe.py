"""From the histograms of regions to the templates of a HistFactory model.

The one place where templates are repaired, mirrored, smoothed, pruned and split into a change of
yield and one of shape: the objective of the climb and the workspace of the quoted fit both come
from here, so that they are the same likelihood.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from zenith.core.likelihood.smoothing import smoothed_ratio
from zenith.core.likelihood.structure import Structure, Templates
from zenith.core.likelihood.template_rules import EMPTY, RATIOS, consistent, floored
from zenith.errors import FitError


class Histograms(NamedTuple):
    """Histograms of one region: P processes, B bins, float64."""

    nominal: jax.Array  # (P, B) expected events
    variance: jax.Array  # (P, B) sum of squared weights
    variations: dict[str, jax.Array]  # (P, B); the nominal one where a process does not vary
    sums: jax.Array | None = None  # (2, P) Σw and Σw² of all events of the processes
    share: ArrayLike = 1.0  # of the events of the fit that is quoted


class Systematic(NamedTuple):
    """A nuisance parameter whose templates are variations of the events.

    A side that is `None`, not both, is the other one mirrored about the nominal template. Where the
    structure has a histosys and a normsys of this name, the normsys takes the change of the yield
    and the histosys that of the shape. With `smooth` the ratio to the nominal is smoothed.
    """

    name: str
    up: str | None
    down: str | None
    smooth: bool = False

    @property
    def sides(self) -> tuple[str, str]:
        """The variations that the up and the down side are made of."""
        up, down = self.up or self.down, self.down or self.up
        if up is None or down is None:
            raise FitError(f"model: the systematic '{self.name}' has no variation")
        return up, down

    @property
    def mirrored(self) -> tuple[bool, bool]:
        """Which side is the other one, mirrored."""
        return self.up is None, self.down is None


class Recipe(eqx.Module):
    """A HistFactory model, and how its templates follow from the histograms of its regions.

    Channels of the structure are regions, its samples are processes; `background` names those that
    are not signal. `constants` has what does not depend on events (the normsys that are none of
    `systematics`, shapesys, surfaces); its other entries are ignored. In this order templates are

    - repaired (`template_rules`), with `minimum_yield` background events in every bin, by default
      what one simulated event stands for; variances are those of the fit that is quoted;
    - smoothed: varied over nominal, by process and region, its yield kept;
    - pruned: where the largest relative change that a systematic makes in any bin of a process in a
      region is at most `prune`, it does not act there. A decision has no derivative: the gradient
      is that of the model with the systematics that act.
    """

    structure: Structure = eqx.field(static=True)
    constants: Templates
    background: tuple[str, ...] = eqx.field(static=True)
    systematics: tuple[Systematic, ...] = eqx.field(static=True, default=())
    minimum_yield: float | None = eqx.field(static=True, default=1e-3)
    prune: float = eqx.field(static=True, default=0.0, kw_only=True)

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
        regions = [self._repaired(histograms[name], rows) for name, _ in structure.channels]
        parts = zip(*regions, strict=True)
        return self.assembled(*(jnp.concatenate(part, axis=-1) for part in parts))

    def _repaired(
        self, region: Histograms, rows: np.ndarray
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Yields and variances (S, B), and the variations (systematics, 2, S, B), of one region."""
        raw, variance = region.nominal[rows], region.variance[rows]
        background = [name in self.background for name in self.structure.samples]
        sums = None if region.sums is None else region.sums[:, rows]
        nominal, variance = floored(
            raw, variance, background, self.minimum_yield, sums, region.share
        )
        names = [name for systematic in self.systematics for name in systematic.sides]
        _known("variation", names, region.variations)
        # all at once: XLA compiles every operation on one of them by itself
        given = jnp.array([region.variations[name] for name in names])
        given = given.reshape(len(self.systematics), 2, *region.nominal.shape)[..., rows, :]
        mirrored = np.array([s.mirrored for s in self.systematics], bool).reshape(-1, 2, 1, 1)
        varied = jnp.where(mirrored, 2 * raw - given, given)
        return nominal, variance, consistent(varied, raw, nominal)

    def assembled(self, nominal: jax.Array, variance: jax.Array, varied: jax.Array) -> Templates:
        """The templates of the structure, from repaired yields of all channels one after the other.

        `nominal` and `variance` are (S, B), `varied` (systematics, 2, S, B), up and down.
        """
        structure = self.structure
        varied = self.smoothed(nominal, varied)
        acts = (self.effects(nominal, varied) > self.prune)[..., structure.channel_of_bin]
        varied = jnp.where(acts[:, None], varied, nominal)
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
            surface=self.constants.surface,
        )

    def effects(self, nominal: jax.Array, varied: jax.Array) -> jax.Array:
        """The largest relative change in a bin, by systematic, process and channel: (…, S, C)."""
        filled = nominal > EMPTY
        change = jnp.abs(varied / jnp.where(filled, nominal, 1.0) - 1.0) * filled
        change = jax.lax.stop_gradient(change).max(axis=1)
        return jnp.max(change[..., None] * self._of_channel, axis=-2)

    def smoothed(self, nominal: jax.Array, varied: jax.Array) -> jax.Array:
        """Smooth the ratio to the nominal where asked for; the yield in a region is kept."""
        wanted = [k for k, systematic in enumerate(self.systematics) if systematic.smooth]
        if not wanted:
            return varied
        here, channels = varied[np.array(wanted)], self.structure.channel_of_bin
        filled = jnp.where(nominal > EMPTY, nominal, 0.0)
        ratio = smoothed_ratio(filled, here * (filled > 0.0), channels)
        smooth = nominal * ratio.clip(*RATIOS)
        total = smooth @ self._of_channel
        known = total > EMPTY
        kept = jnp.where(known, here @ self._of_channel, 1.0) / jnp.where(known, total, 1.0)
        return varied.at[np.array(wanted)].set(smooth * kept[..., channels])

    @property
    def _of_channel(self) -> np.ndarray:
        """Which bins are of a channel, (B, C): 1, or 0."""
        of_bin = self.structure.channel_of_bin
        return np.asarray(np.eye(len(self.structure.channels))[of_bin])

    def _factors(self, nominal: jax.Array, varied: jax.Array) -> jax.Array:
        """Varied over nominal yield where a normsys takes it, else 1: (systematics, 2, S, C)."""
        structure = self.structure
        takes = structure.where("normsys", [s.name for s in self.systematics])[:, None]
        before, after = nominal @ self._of_channel, varied @ self._of_channel
        usable = takes & (before > EMPTY) & (after > 0)
        return jnp.where(usable, after, 1.0) / jnp.where(usable, before, 1.0)


def _known(what: str, names: Iterable[str], known: Iterable[str]) -> None:
    known = tuple(known)
    for name in names:
        if name not in known:
            raise FitError(
                f"model: {what} '{name}' is not what the events give: {', '.join(known) or 'none'}"
            )
