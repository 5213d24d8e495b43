"""`python -m zenith` is the command line."""

import gc

from zenith.cli import main

if __name__ == "__main__":
    # A step is a short process that makes many objects that stay: to look through them for cycles
    # as often as Python does takes a tenth of the time of figures.
    gc.set_threshold(100_000, 5, 10)
    raise SystemExit(main())
