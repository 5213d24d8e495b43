"""The objective of the climb: from thresholds and network weights to the expected significance.

Soft cuts, soft histograms of every process and variation, the HistFactory model of them, and the
expected discovery significance on its Asimov data (or the expected error on the signal strength).
The hard reading of the same events in the same model says what the soft one is worth.

Templates and fit are compiled apart: events, temperature and bandwidth are inputs of the one, so
that nothing is traced again from step to step, and the other is the same for all events of a
structure, soft and hard, of every step that asks.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from zenith.core.likelihood.recipe import Recipe, Systematic
from zenith.core.likelihood.significance import expected_mu_error, expected_significance
from zenith.core.likelihood.structure import Templates
from zenith.core.selection.histograms import (
    Selection,
    hard_histograms,
    replica_histograms,
    soft_histograms,
)
from zenith.core.selection.layout import Layout

__all__ = ["Objective", "Systematic"]
# A fit takes a millisecond, to optimise its program seconds: hundreds of steps do not earn them.
QUICKLY_COMPILED: dict[str, str | bool | int] = {
    "xla_backend_optimization_level": 0,
    "xla_llvm_disable_expensive_passes": True,
}
T = TypeVar("T")


class Objective(Recipe):
    """A HistFactory model whose templates come from events, and what is asked of it.

    Its fields are those of `Recipe`, and `quantity`.
    """

    quantity: Literal["significance", "precision"] = eqx.field(static=True, default="significance")

    def value(self, templates: Templates) -> jax.Array:
        """Expected significance at mu = 1, to be maximised, or error on mu, to be minimised.

        NaN where the fit did not converge.
        """
        if self.quantity == "precision":
            return expected_mu_error(self.structure, templates)
        return expected_significance(self.structure, templates)


def value_and_gradient(
    parameters: Selection,
    objective: Objective,
    events: Layout,
    temperature: ArrayLike,
    bandwidth: ArrayLike,
) -> tuple[jax.Array, Selection]:
    """The objective of the soft selection, and its gradient, a pytree as `parameters` is.

    `temperature` multiplies the widths of the cuts, `bandwidth` is in bin widths. NaN where the fit
    did not converge.
    """
    templates, pull_back = _soft_with_gradient(
        parameters, objective, events, temperature, bandwidth
    )
    value, by_template = value_and_bin_gradient(objective, templates)
    return value, _pulled_back(pull_back, by_template)


@partial(jax.jit, compiler_options=QUICKLY_COMPILED)
def value_and_bin_gradient(
    objective: Objective, templates: Templates
) -> tuple[jax.Array, Templates]:
    """The objective of given templates, and its derivative with respect to each of them."""
    return jax.value_and_grad(objective.value)(templates)


@jax.jit
def soft_templates(
    parameters: Selection,
    objective: Objective,
    events: Layout,
    temperature: ArrayLike,
    bandwidth: ArrayLike,
) -> Templates:
    """The templates of the soft selection; differentiable in `parameters`."""
    histograms = soft_histograms(parameters, events, temperature, bandwidth)
    return objective.templates(histograms, events.processes)


@jax.jit
def hard_templates(parameters: Selection, objective: Objective, events: Layout) -> Templates:
    """The templates of the hard selection."""
    return objective.templates(hard_histograms(parameters, events), events.processes)


@jax.jit
def union_templates(selections: Selection, objective: Objective, events: Layout) -> Templates:
    """The templates of all folds together, each read with its own hard selection.

    Leaves of `selections` and `events` have a first axis, the folds (`stacked`).
    """
    together = _union(hard_histograms, selections, events)
    return objective.templates(together, events.processes)


@jax.jit
def replica_templates(
    selections: Selection, objective: Objective, events: Layout, replicas: jax.Array
) -> Templates:
    """The same of replicas of the events, R integers: all leaves have a first axis, (R, …).

    A replica draws the same events for every selection (`zenith.core.selection.bootstrap`).
    """
    together = _union(partial(replica_histograms, replicas=replicas), selections, events)
    found: Templates = jax.lax.map(lambda one: objective.templates(one, events.processes), together)
    return found


def _union(
    histograms: Callable[[Selection, Layout], T], selections: Selection, events: Layout
) -> T:
    """One fold after the other, added: the largest arrays are those of one fold."""
    found = jax.lax.map(lambda fold: histograms(*fold), (selections, events))
    added: T = jax.tree.map(lambda of_folds: of_folds.sum(axis=0), found)
    return added


def stacked(trees: Sequence[T]) -> T:
    """Equal pytrees as one, the leaves stacked along a new first axis."""
    # by numpy: an operation of JAX would be compiled for every shape
    found: T = jax.tree.map(lambda *leaves: jnp.asarray(np.stack(leaves)), *trees)
    return found


def unstacked(tree: T) -> list[T]:
    """The pytrees that are stacked in one, as numpy arrays."""
    host = jax.device_get(tree)
    number = len(jax.tree.leaves(host)[0])
    return [jax.tree.map(lambda leaf, k=k: leaf[k], host) for k in range(number)]


def hard_value(parameters: Selection, objective: Objective, events: Layout) -> jax.Array:
    """The objective of the hard selection."""
    templates = hard_templates(parameters, objective, events)
    value: jax.Array = value_and_bin_gradient(objective, templates)[0]
    return value


@jax.jit
def _soft_with_gradient(
    parameters: Selection,
    objective: Objective,
    events: Layout,
    temperature: ArrayLike,
    bandwidth: ArrayLike,
) -> tuple[Templates, Callable[[Templates], tuple[Selection]]]:
    """Soft templates, and what takes a derivative with respect to them to the parameters."""
    return jax.vjp(
        lambda moved: soft_templates(moved, objective, events, temperature, bandwidth), parameters
    )


@jax.jit
def _pulled_back(
    pull_back: Callable[[Templates], tuple[Selection]], by_template: Templates
) -> Selection:
    return pull_back(by_template)[0]
