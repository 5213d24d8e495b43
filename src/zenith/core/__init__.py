"""The differentiable analysis: pure JAX on flat arrays, without I/O or configuration.

Statistics need double precision (a significance is the square root of a difference of two large
likelihoods), so 64-bit types are switched on here for the process, once, before any array is made;
arrays of events say float32 where they are made. Where they are on already, as in the scope of the
public API (`zenith.api`), nothing is changed.
"""

import jax

if not jax.config.read("jax_enable_x64"):
    jax.config.update("jax_enable_x64", True)
