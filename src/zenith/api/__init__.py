"""The public API: a part of Zenith in a notebook, each function as `zenith.NAME`.

**Precision.** A significance is the square root of a difference of two large likelihoods and needs
64 bits. JAX has 32 unless the process says otherwise, and neither importing nor calling this API
changes that: fits are computed in a scope of double precision (`jax.enable_x64`) that ends with the
call. What comes in is taken to 64 bits, and a result that is part of your own JAX code (as of
`zenith.significance`) leaves in the precision of its input. `above`, `below` and `histogram` are
plain JAX in your precision. What else is under `zenith`, the steps and the command line, is not
public and switches the whole process to 64 bits.
"""

import jax

with jax.enable_x64(True):  # where it is on, the core does not switch it on for the process
    import zenith.core  # noqa: F401
