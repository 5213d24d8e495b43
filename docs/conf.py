"""Sphinx: `make docs` builds these pages, offline, with warnings as errors."""

import argparse
import importlib
import inspect
import re
from functools import partial
from pathlib import Path

from sphinx.application import Sphinx

import zenith
from zenith.config.steps import COMMANDS

project = "Zenith"
author = "The Zenith developers"
version = release = zenith.__version__

extensions = ["myst_parser", "sphinx.ext.mathjax"]
myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
exclude_patterns = ["_build", "reference/commands.md"]
nitpicky = True

html_theme = "furo"
html_title = "Zenith"
html_copy_source = False  # of a page that includes another text it would say nothing

ROOT = Path(__file__).parent.parent

# Texts outside of this folder have links for readers of the repository: file → page of these
PAGES = {
    "config/README.md": "/reference/configuration.md",
    "results/README.md": "/reference/artefacts.md",
}
LINK = re.compile(r"(?<=\]\()(?P<file>[\w./-]+\.md)(?=[#)])")


def _link_to_pages(_: Sphinx, path: Path, __: str, content: list[str]) -> None:
    """Lead the links of an included text to the pages that include their targets."""
    folder = path.resolve().parent

    def page(link: re.Match[str]) -> str:
        target = (folder / link["file"]).resolve()
        if not target.is_relative_to(ROOT):
            return link["file"]
        return PAGES.get(target.relative_to(ROOT).as_posix(), link["file"])

    content[0] = LINK.sub(page, content[0])


def _write_commands(_: Sphinx) -> None:
    """Write the help of every step as the parser has it, for reference/command-line.md."""
    layout = partial(argparse.HelpFormatter, width=88, max_help_position=28)
    text = ["% Written by conf.py from the parsers of zenith.cli.\n"]
    for name in COMMANDS:
        step = importlib.import_module(f"zenith.cli.{name}")
        parser = argparse.ArgumentParser(prog=f"zenith {name}", formatter_class=layout)
        step.arguments(parser)
        about = inspect.cleandoc(step.__doc__ or "")
        text.append(f"## {name}\n\n{about}\n\n```text\n{parser.format_help().rstrip()}\n```\n")
    commands = Path(__file__).parent / "reference" / "commands.md"
    commands.write_text("\n".join(text), encoding="utf-8")


def setup(app: Sphinx) -> None:
    """Generate and adapt what has its source elsewhere."""
    app.connect("builder-inited", _write_commands)
    app.connect("include-read", _link_to_pages)
