"""Sphinx: `make docs` builds these pages, offline, with warnings as errors."""

import argparse
import importlib
import inspect
import re
import sys
from functools import partial
from pathlib import Path

from sphinx.application import Sphinx

import zenith
from zenith.config.steps import COMMANDS

project = "Zenith"
author = "The Zenith developers"
version = release = zenith.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
]
myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
exclude_patterns = ["_build", "reference/commands.md", "reference/names.md"]
nitpicky = True
nitpick_ignore_regex = [("py:.*", r"(?!zenith\.\w+$).*")]  # of what has no page here

# Notebooks run in every build, because what they show is Zenith's and not only their own.
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 300

default_role = "code"  # docstrings have Markdown's `code`
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 88

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
    _write("commands.md", text)


def _write_names(_: Sphinx) -> None:
    """Write what `import zenith` offers, by the module that holds it, for reference/api.md."""
    modules: dict[str, list[str]] = {}
    for name in zenith.__all__:
        modules.setdefault(getattr(zenith, name).__module__, []).append(name)
    text = ["% Written by conf.py from the docstrings of zenith.\n"]
    for module, names in modules.items():
        title = inspect.cleandoc(sys.modules[module].__doc__ or "").split("\n\n")[0]
        text.append(f"## {' '.join(title.split()).rstrip('.')}\n")
        functions = [name for name in names if not inspect.isclass(getattr(zenith, name))]
        entries = [f".. autofunction:: zenith.{name}" for name in functions]
        for name in sorted(set(names) - set(functions)):
            entries.append(f".. autoclass:: zenith.{name}()\n   :members:")
        text.append("```{eval-rst}\n" + "\n\n".join(entries) + "\n```\n")
    _write("names.md", text)


def _write(page: str, text: list[str]) -> None:
    (Path(__file__).parent / "reference" / page).write_text("\n".join(text), encoding="utf-8")


def setup(app: Sphinx) -> None:
    """Generate and adapt what has its source elsewhere."""
    app.connect("builder-inited", _write_commands)
    app.connect("builder-inited", _write_names)
    app.connect("include-read", _link_to_pages)
