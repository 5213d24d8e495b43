"""How far the noise of response surfaces moves best fits: errors in variables.

Counts m of a model with surfaces differ from the true ones by the noise δm, and their derivatives J
by δJ, which follows from the same events. With W = 1 / m, the prior information P and the
information H = Jᵀ W J + P, the best fit of Asimov data of the truth moves by

    first  = - H⁻¹ Jᵀ W δm
    second = - (H + δJᵀ W δJ)⁻¹ [δJᵀ W (δm + J first) + Jᵀ W δJ first]

to second order in the noise, with the information that it seems to be. The first is 0 on average;
the second is not: noise agrees with nothing, so that it pulls parameters back to where it vanishes.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from zenith.core.likelihood.histfactory import nominal, prepare, rates
from zenith.core.likelihood.quadratics import monomials
from zenith.core.likelihood.structure import Structure, Templates

Array = NDArray[np.float64]
AWAY = 2.0  # standard deviations, of the parameters of surfaces


class Worst(NamedTuple):
    """Where the best fit of a parameter moves most, on average."""

    bias: float
    """In its errors."""
    name: str
    """The parameter that is not nominal, empty where there is no surface."""
    value: float


def bias(structure: Structure, templates: Templates, noise: Array, theta: Array) -> Array:
    """The mean of `second` at a truth (n,), in errors of the parameters, (n,); 0 of fixed ones.

    `noise` is (J, F, S, B), of the terms of surfaces.
    """
    counts, slopes, width, free = (
        np.asarray(each) for each in _derivatives(structure, templates, theta)
    )
    slopes = slopes[:, free]
    weight = 1.0 / np.maximum(counts, 1e-12)
    weighted = slopes * weight[:, None]
    constrained = (structure.parameters.constraint != 0)[free]
    information = weighted.T @ slopes + np.diag(np.where(constrained, width[free] ** -2.0, 0.0))
    inverse = np.linalg.pinv(information, hermitian=True)
    gradient = np.zeros(len(inverse))
    for k in range(len(structure.samples)):  # one after the other: δJ of all may be large
        moved, moved_slopes = map(np.asarray, _noise(structure, templates, noise, k, theta))
        moved_slopes = moved_slopes[..., free]
        first = -moved @ weighted @ inverse  # (J, n)
        rest = (moved + first @ slopes.T) * weight
        gradient += np.einsum("jbn,jb->n", moved_slopes, rest)
        gradient += np.einsum("bn,jbm,jm->n", weighted, moved_slopes, first, optimize=True)
        information += np.einsum("jbn,b,jbm->nm", moved_slopes, weight, moved_slopes, optimize=True)
    found = np.zeros(len(theta))
    found[free] = -np.linalg.pinv(information, hermitian=True) @ gradient
    found[free] /= np.sqrt(np.diag(inverse))
    return found


def worst(structure: Structure, templates: Templates, noise: Array, index: int) -> Worst:
    """The largest bias of parameter `index` where one of the surfaces' parameters is at -2 or 2
    standard deviations, or on a bound before, and the signal strength 1."""
    parameters = structure.parameters
    found = [Worst(0.0, "", 0.0)]
    for name in structure.surface:
        place = parameters.slices[name].start
        for away in (-AWAY, AWAY):
            theta = nominal(structure, 1.0)
            theta[place] = np.clip(away, parameters.lower[place], parameters.upper[place])
            moved = float(bias(structure, templates, noise, theta)[index])
            found.append(Worst(moved, name, float(theta[place])))
    return max(found, key=lambda each: abs(each.bias))


@partial(jax.jit, static_argnums=0)
def _derivatives(
    structure: Structure, templates: Templates, theta: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    """m (B,), J (B, n), widths of constraints and which parameters are free (n,)."""
    model = prepare(structure, templates)

    def counts(at: jax.Array) -> jax.Array:
        return rates(structure, model, at).sum(axis=0)

    return counts(jnp.asarray(theta)), jax.jacfwd(counts)(theta), model.width, model.free


@partial(jax.jit, static_argnums=0)
def _noise(
    structure: Structure, templates: Templates, noise: jax.Array, sample: int, theta: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """δm (J, B) and δJ (J, B, n) of one sample, of each group of its events."""
    model = prepare(structure, templates)
    places = np.array([structure.parameters.slices[name].start for name in structure.surface])
    acts = structure.where("surface", structure.surface)[:, :, structure.channel_of_bin].any(0)

    def moved(at: jax.Array) -> jax.Array:
        relative = jnp.tensordot(monomials(at[places]), noise[:, :, sample], axes=(0, 1))  # (J, B)
        return relative * (acts * rates(structure, model, at))[sample]

    return moved(jnp.asarray(theta)), jax.jacfwd(moved)(theta)
