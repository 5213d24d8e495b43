"""How the expected counts of a pyhf model and its constraints change with the parameters."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zenith.statistics.kinks import Vector

# Of a first step of a parameter: curvature makes a slope wrong by about this share of itself.
DIFFERENCE = 1e-6


class Together(NamedTuple):
    """Parameters that are moved in one evaluation of the model: each bin is moved by one at most.

    Those of one bin each, as of the number of simulated events, cost one evaluation and not one
    each (Curtis, Powell and Reid, J. Inst. Math. Appl. 13 (1974) 117).
    """

    parameters: NDArray[np.intp]
    """A parameter for each entry of `bins`: one of several bins is there as often."""
    bins: NDArray[np.intp]


def together(model: Any) -> list[Together]:
    """The parameters of a model, in as few sets as its bins allow."""
    config = model.config
    everywhere = np.arange(sum(config.channel_nbins.values()))
    single, by_bin = [], list[Together]()
    for name in config.par_order:
        indices = np.arange(*config.par_slice(name).indices(config.npars))
        if len(indices) == 1:
            single.append(Together(np.repeat(indices, len(everywhere)), everywhere))
            continue
        bins = [everywhere[config.channel_slices[channel]] for channel in _channels(model, name)]
        found = Together(np.tile(indices, len(bins)), np.concatenate(bins))
        for i, other in enumerate(by_bin):
            if not np.intersect1d(other.bins, found.bins).size:
                by_bin[i] = Together(*(np.concatenate(p) for p in zip(other, found, strict=True)))
                break
        else:
            by_bin.append(found)
    return single + by_bin


def _channels(model: Any, modifier: str) -> list[str]:
    return [
        channel["name"]
        for channel in model.spec["channels"]
        if any(m["name"] == modifier for s in channel["samples"] for m in s["modifiers"])
    ]


def constraint_slopes(model: Any, auxiliary: Vector, x: Vector) -> Vector:
    """The gradient at x of -2 log of all constraints, with these auxiliary data; shape (P,).

    Of a Gaussian constraint 2 (x - a) / σ², of a Poisson one with the rate f x, 2 (f - a / x).
    """
    config = model.config
    slopes = np.zeros(len(x))
    first = 0
    for name in config.auxdata_order:
        parameters, where = config.param_set(name), config.par_slice(name)
        data = auxiliary[first : first + parameters.n_parameters]
        first += parameters.n_parameters
        if parameters.pdf_type == "normal":
            slopes[where] = 2.0 * (x[where] - data) / np.square(parameters.width())
        else:
            slopes[where] = 2.0 * (np.asarray(parameters.factors) - data / x[where])
    return slopes
