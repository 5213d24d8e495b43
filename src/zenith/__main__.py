"""`python -m zenith` is the command line."""

from zenith.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
