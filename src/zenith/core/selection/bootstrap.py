"""Replicas of simulated events: how often each counts, without a random number that is kept.

Every event counts as often as a Poisson number of mean 1 says, which follows from the replica and
the event's identity alone: it is the same in all regions and variations and for all selections, so
that the difference of two selections has a paired error.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike


def counts(identity: jax.Array, replica: ArrayLike) -> jax.Array:
    """A Poisson number of mean 1 of each event in each replica, uint8, by inverting its
    distribution at a hash. The arguments, integers, are broadcast against each other."""
    seed = _mix(jnp.asarray(replica, jnp.uint32) + np.uint32(0x9E3779B9))
    uniform = _mix(identity ^ seed)
    steps = np.array(_POISSON * 2.0**32, np.uint32)
    # a sum in Python: XLA does not vectorise one over a few rows
    number: jax.Array = sum((uniform > step).astype(jnp.uint8) for step in steps)
    return number


def _mix(x: jax.Array) -> jax.Array:
    # the finaliser of MurmurHash3 (A. Appleby, public domain): each bit depends on every bit
    x = (x ^ (x >> 16)) * np.uint32(0x85EBCA6B)
    x = (x ^ (x >> 13)) * np.uint32(0xC2B2AE35)
    return x ^ (x >> 16)


# P(n ≤ k) of a Poisson number of mean 1, in units of 2⁻³²; beyond k = 11 below the resolution
_POISSON = np.exp(-1) * np.cumsum(1 / np.cumprod(np.maximum(np.arange(12), 1)))
