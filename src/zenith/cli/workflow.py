"""The workflow that comes with the package, and the command that has Snakemake run it."""

import importlib.util
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from zenith.errors import InputError

_PROFILE = Path("profiles/default")  # Snakemake loads it by itself where it finds it


def share() -> Path:
    """The folder of `workflow`, `config`, `envs` and `profiles`: the wheel's copies, or a checkout.

    Raises InputError where the package came without them.
    """
    package = Path(__file__).parents[1]
    for folder in (package / "share", package.parents[1]):
        if (folder / "workflow/Snakefile").is_file():
            return folder
    raise InputError(f"{package}: the workflow is not with it; install Zenith from its wheel")


def snakemake(config: str, options: Sequence[str]) -> list[str]:
    """The command that runs the workflow in this folder, with further options of Snakemake.

    Raises InputError where Snakemake is not installed, and for options that name another workflow
    or another configuration.
    """
    if importlib.util.find_spec("snakemake") is None:
        raise InputError("Snakemake is not installed: pip install 'zenith-hep[workflow]'")
    for option in options:
        if option.partition("=")[0] in ("-s", "--snakefile", "--configfile", "--configfiles"):
            raise InputError(
                f"{option}: this command runs Zenith's own workflow with one configuration, "
                f"{config}, whose key `base` may name another; for more use `snakemake`"
            )
    folder = share()
    command = [sys.executable, "-m", "snakemake", "--configfile", config]
    if not _PROFILE.exists():
        command += ["--workflow-profile", str(folder / _PROFILE)]
    command += ["--snakefile", str(folder / "workflow/Snakefile")]
    return command + _with_profiles(options, folder / "profiles")


def _with_profiles(options: Sequence[str], ours: Path) -> list[str]:
    """The options, with the path of a profile of Zenith for its name, unless the user has one."""
    found = list(options)
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    for place, option in enumerate(options):
        name, separator, value = option.partition("=")
        if name != "--profile":
            continue
        if not separator:
            place, value = place + 1, options[place + 1] if place + 1 < len(options) else ""
        theirs = (Path(value), Path(home, "snakemake", value))
        if value and (ours / value).is_dir() and not any(path.exists() for path in theirs):
            found[place] = f"{name}={ours / value}" if separator else str(ours / value)
    return found
