"""Four processes of which every density is known: what a summary of events can keep at best.

A signal h and backgrounds Z, tt and VV have four features, like a mass, a jet, the pT of a Higgs
boson and missing momentum; each is a mixture of two Gaussians with diagonal covariance. Three shape
nuisance parameters t, j and s (energy scales of τ and jets, soft missing momentum) move means M and
deviations D of every Gaussian,

    M₀ + 0.07 t,   M₁ (1 + 0.05 j),   M₂ + 0.03 t + 0.02 j + 0.01 t j,   M₃ − 0.05 t − 0.06 j M₁,
    D₀ (1 + 0.01 t),   D₁ (1 + 0.05 j),   √(D₃² + 0.09 exp(1.2 s)),

and yields by exp(a·ν + b·ν²); three more multiply yields alone: tt by 1.02^ν, VV by 1.25^ν, all
backgrounds by 1.001^ν. All have unit Gaussian priors, and μ multiplies h.

With the scores s = ∂ ln λ / ∂(μ, ν) of the intensity λ = Σ Y_p p_p at the nominal point, no
unbiased measurement has a smaller variance of μ than the first element of (I + P)⁻¹, where
I = ∫ λ s sᵀ dx is the information of the extended likelihood and P that of the priors: σ(μ) is
0.2371 at best, and would be 0.2067 were all nuisance parameters known.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import logsumexp
from jax.typing import ArrayLike
from numpy.typing import NDArray

from zenith.core.response.projection import project

FEATURES = 4
SHAPES = ("t", "j", "s")
RATES = ("tt_rate", "VV_rate", "background_rate")
NUISANCES = (*SHAPES, *RATES)


class Gaussian(NamedTuple):
    """A part of a mixture, in all four features."""

    share: float
    mean: tuple[float, float, float, float]
    deviation: tuple[float, float, float, float]


class Process(NamedTuple):
    """A process: its expected events, its mixture, and how its yield follows t, j and s."""

    expected: float
    parts: tuple[Gaussian, Gaussian]
    linear: tuple[float, float, float]
    quadratic: tuple[float, float, float]
    rates: tuple[float, float, float]
    """ln of the yield ratio at one standard deviation of each of `RATES`."""


_TT, _VV, _ALL = np.log([1.02, 1.25, 1.001]).tolist()
PROCESSES = {
    "h": Process(
        300.0,
        (
            Gaussian(0.6, (1.0, 0.9, 0.9, 0.0), (0.55, 0.8, 0.7, 0.9)),
            Gaussian(0.4, (1.1, 1.6, 1.3, 0.3), (0.6, 0.7, 0.8, 0.9)),
        ),
        (0.004, 0.012, 0.002),
        (-0.001, 0.002, 0.001),
        (0.0, 0.0, 0.0),
    ),
    "Z": Process(
        20_000.0,
        (
            Gaussian(0.8, (-0.3, 0.3, 0.3, 0.0), (0.55, 0.9, 0.8, 0.9)),
            Gaussian(0.2, (0.2, 0.8, 0.9, 0.2), (0.9, 0.9, 0.9, 1.0)),
        ),
        (0.0099, 0.022, 0.003),
        (0.001, -0.003, 0.001),
        (0.0, 0.0, _ALL),
    ),
    "tt": Process(
        8_000.0,
        (
            Gaussian(0.7, (0.9, 0.6, 0.2, 1.3), (1.3, 1.0, 1.1, 1.1)),
            Gaussian(0.3, (1.9, 1.2, 1.0, 1.8), (1.4, 1.0, 1.2, 1.2)),
        ),
        (0.0088, 0.0072, 0.001),
        (0.0, 0.002, 0.001),
        (_TT, 0.0, _ALL),
    ),
    "VV": Process(
        300.0,
        (
            Gaussian(0.7, (0.4, 0.2, 0.6, 0.9), (1.1, 1.0, 1.0, 1.0)),
            Gaussian(0.3, (1.2, 0.8, 1.0, 1.3), (1.2, 1.0, 1.0, 1.1)),
        ),
        (0.006, 0.01, 0.002),
        (0.001, 0.001, 0.0),
        (0.0, _VV, _ALL),
    ),
}
EXPECTED = np.array([process.expected for process in PROCESSES.values()])
_LINEAR, _QUADRATIC, _RATES = (
    np.array([getattr(process, name) for process in PROCESSES.values()])
    for name in ("linear", "quadratic", "rates")
)
_SHARE, _MEAN, _DEVIATION = (
    np.array([[getattr(part, name) for part in process.parts] for process in PROCESSES.values()])
    for name in ("share", "mean", "deviation")
)


def moments(nuisances: ArrayLike) -> tuple[jax.Array, jax.Array]:
    """Means and deviations of all Gaussians, (processes, 2, 4) each, at a point (6,)."""
    t, j, s = jnp.asarray(nuisances)[:3]
    m, d = _MEAN, _DEVIATION
    mean = jnp.stack(
        [
            m[..., 0] + 0.07 * t,
            m[..., 1] * (1 + 0.05 * j),
            m[..., 2] + 0.03 * t + 0.02 * j + 0.01 * t * j,
            m[..., 3] - 0.05 * t - 0.06 * j * m[..., 1],
        ],
        axis=-1,
    )
    deviation = jnp.stack(
        [
            d[..., 0] * (1 + 0.01 * t),
            d[..., 1] * (1 + 0.05 * j),
            d[..., 2] + 0.0 * t,
            jnp.sqrt(d[..., 3] ** 2 + 0.09 * jnp.exp(1.2 * s)),
        ],
        axis=-1,
    )
    return mean, deviation


def log_densities(x: ArrayLike, nuisances: ArrayLike, of: slice = slice(None)) -> jax.Array:
    """ln p(x | ν) of every process, or some of them, (processes, N), of events (N, 4) at a point
    (6,)."""
    mean, deviation = (each[of] for each in moments(nuisances))
    # logarithms of each Gaussian, not of each event, as XLA takes them inside the sum of pulls
    norm = np.log(_SHARE)[of] - jnp.log(deviation).sum(-1) - FEATURES / 2 * np.log(2 * np.pi)
    pulls = (jnp.asarray(x) - mean[:, :, None]) / deviation[:, :, None]
    return jnp.asarray(logsumexp(norm[..., None] - 0.5 * (pulls**2).sum(axis=-1), axis=1))


def log_yields(nuisances: ArrayLike) -> jax.Array:
    """ln of the expected events of every process at a point, (processes,), with μ = 1."""
    nu = jnp.asarray(nuisances)
    shapes = _LINEAR @ nu[:3] + _QUADRATIC @ nu[:3] ** 2
    return jnp.asarray(np.log(EXPECTED) + shapes + _RATES @ nu[3:])


def log_ratios(x: ArrayLike, nuisances: ArrayLike) -> jax.Array:
    """ln [Y(ν) p(x | ν) / (Y(0) p(x | 0))] of every process, (processes, N)."""
    nothing = np.zeros(len(NUISANCES))
    change = log_yields(nuisances) - np.log(EXPECTED)
    densities = log_densities(x, nuisances) - log_densities(x, nothing)
    return jnp.asarray(change[:, None] + densities)


@partial(jax.jit, static_argnums=0)
def log_ratio(process: str, x: ArrayLike, nuisances: ArrayLike) -> jax.Array:
    """`log_ratios` of one process, (N,)."""
    row = list(PROCESSES).index(process)
    own, nothing = slice(row, row + 1), np.zeros(len(NUISANCES))
    change = log_yields(nuisances)[row] - np.log(EXPECTED[row])
    densities = log_densities(x, nuisances, own) - log_densities(x, nothing, own)
    return jnp.asarray(change + densities[0])


def log_intensity(x: ArrayLike, parameters: ArrayLike) -> jax.Array:
    """ln λ(x | μ, ν), (N,), at a point (7,): μ, which is above 0, and the nuisance parameters."""
    parameters = jnp.asarray(parameters)
    log_yield = log_yields(parameters[1:]).at[0].add(jnp.log(parameters[0]))
    densities = log_densities(x, parameters[1:])
    return jnp.asarray(logsumexp(log_yield[:, None] + densities, axis=0))


NOMINAL = np.array([1.0, *np.zeros(len(NUISANCES))])


def scores(x: ArrayLike) -> NDArray[np.float64]:
    """∂ ln λ / ∂(μ, ν) at the nominal point, (7, N)."""
    return np.asarray(_scores(jnp.asarray(x)))


@jax.jit
def _scores(x: jax.Array) -> jax.Array:
    return jnp.asarray(jax.jacfwd(lambda at: log_intensity(x, at))(jnp.asarray(NOMINAL)).T)


def drawn(
    process: str, events: int, random: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The Gaussian of each event of a process, (N,), and its pulls, (N, 4), at any point."""
    first = PROCESSES[process].parts[0].share
    gaussian = (random.random(events) > first).astype(np.int64)
    return gaussian, random.standard_normal((events, FEATURES))


def place(
    process: NDArray[np.integer],
    gaussian: NDArray[np.integer],
    pulls: NDArray[np.float64],
    nuisances: ArrayLike,
) -> NDArray[np.float64]:
    """Features (N, 4) at a point, of events of process and Gaussian (N,) and of pulls (N, 4)."""
    mean, deviation = (np.asarray(each)[process, gaussian] for each in moments(nuisances))
    return np.asarray(mean + deviation * pulls)


def moved(
    process: NDArray[np.integer],
    gaussian: NDArray[np.integer],
    x: NDArray[np.float64],
    nuisances: ArrayLike,
) -> NDArray[np.float64]:
    """Features (N, 4) at a point, of events whose features are `x` at the nominal one."""
    mean, deviation = (np.asarray(each)[process, gaussian] for each in moments(NOMINAL[1:]))
    return place(process, gaussian, (x - mean) / deviation, nuisances)


def sample(process: str, events: int, nuisances: ArrayLike, seed: int) -> NDArray[np.float64]:
    """Features of events of a process at a point, (N, 4).

    The same seed at another point gives the same events, moved.
    """
    number = list(PROCESSES).index(process)
    gaussian, pulls = drawn(process, events, np.random.default_rng([seed, number]))
    return place(np.full(events, number), gaussian, pulls, nuisances)


def information(events: int, seed: int) -> NDArray[np.float64]:
    """The information I of the extended likelihood, (7, 7), by so many events of each process."""
    found = np.zeros((len(NOMINAL), len(NOMINAL)))
    for process, described in PROCESSES.items():
        s = scores(sample(process, events, NOMINAL[1:], seed))
        found += described.expected / events * s @ s.T
    return found


def bound(total: NDArray[np.float64]) -> float:
    """The smallest σ(μ) with all nuisance parameters profiled, of the information (7, 7)."""
    return float(project(total, np.ones(len(total) - 1)).information ** -0.5)
