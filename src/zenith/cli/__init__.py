"""The command line: `python -m zenith STEP`; each step is one module of this package."""

import argparse
import importlib
import logging
import os
import signal
import sys
from types import ModuleType

from zenith import __version__
from zenith.cli.files import all_or_none, check
from zenith.errors import ZenithError


def _step(name: str) -> ModuleType:
    return importlib.import_module(f"zenith.cli.{name}")


def main(argv: list[str] | None = None) -> int:
    """Run one step; return 0, or 1 after printing what the user has to correct.

    A reader of the output that has seen enough (`| head`) is no error. Only the module of the step
    that is named is imported with its libraries: the modules themselves import them inside `run`,
    so that `--help` is quick.
    """
    try:
        return _run(argv)
    except BrokenPipeError:  # what steps print comes last: all else is done
        return 0
    finally:
        try:
            sys.stdout.flush()
        except OSError:  # or Python itself would try again at its end, and complain
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def parser() -> argparse.ArgumentParser:
    """Of all steps and their options; what it parses has the step's function, `run`."""
    from zenith.config.steps import COMMANDS  # with the models of the configuration

    whole = argparse.ArgumentParser(prog="zenith", description=sys.modules["zenith"].__doc__)
    whole.add_argument("--version", action="version", version=f"zenith {__version__}")
    steps = whole.add_subparsers(dest="step", metavar="STEP", required=True)
    for name in COMMANDS:
        module = _step(name)
        step = steps.add_parser(name, help=module.HELP, description=module.__doc__)
        module.arguments(step)
        step.set_defaults(run=module.run)
    return whole


def _run(argv: list[str] | None) -> int:
    args = parser().parse_args(argv)
    if jax := sys.modules.get("jax"):  # of a process that has used `zenith.api`, in which see why
        jax.config.update("jax_enable_x64", True)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    # JAX says which accelerators it did not find, matplotlib which fonts have no prime
    for chatter in ("jax", "matplotlib"):
        logging.getLogger(chatter).setLevel(logging.WARNING)
    # What a scheduler sends to stop a job must undo half-written files, as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        check(args)
        with all_or_none(args):
            args.run(args)
        sys.stdout.flush()
    except ZenithError as error:
        return _refuse(args.step, str(error))
    except BrokenPipeError:
        raise
    except OSError as error:  # of a disk or a file that nothing more specific has spoken of
        where = f"{error.filename}: " if error.filename is not None else ""
        return _refuse(args.step, f"{where}{error.strerror or error}")
    return 0


def _refuse(step: str, message: str) -> int:
    print(f"zenith {step}: error: {message}", file=sys.stderr)
    return 1
