"""The differentiable analysis: pure JAX on flat arrays, without I/O or configuration.

Statistics need double precision (a significance is the square root of a difference of two large
likelihoods), so 64-bit types are switched on here, once, before any array is made; arrays of
events say float32 where they are made.
"""

import jax

jax.config.update("jax_enable_x64", True)
