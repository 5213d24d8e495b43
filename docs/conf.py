"""Sphinx: `make docs` builds these pages, offline, with warnings as errors."""

import argparse
import ast
import importlib
import inspect
import re
import sys
import typing
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.ext import napoleon

import zenith
from zenith.config.steps import COMMANDS
from zenith.reporting.artefact_keys import reference

project = "Zenith"
author = "The Zenith developers"
version = release = zenith.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
]
myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
exclude_patterns = [
    "_build",
    "reference/commands.md",
    "reference/keys.md",
    "reference/names.md",
]
nitpicky = True
nitpick_ignore_regex = [("py:.*", r"(?!zenith\.\w+$).*")]  # of what has no page here

# Notebooks run in every build, because what they show is Zenith's and not only their own.
nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 300

default_role = "code"  # docstrings have Markdown's `code`
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 88

html_theme = "furo"
html_title = "Zenith"
html_show_copyright = False
html_copy_source = False  # of a page that includes another text it would say nothing

ROOT = Path(__file__).parent.parent

# Texts outside of this folder have links for readers of the repository: file → page of these
PAGES = {
    "config/README.md": "/reference/configuration.md",
    "results/README.md": "/reference/artefacts.md",
}
# What says that an analysis of docs/gallery has run to its end
GALLERY = ("gallery/summary.json", "gallery_categories/summary.json")
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


def _write_keys(_: Sphinx) -> None:
    """Write what the JSON files hold, by the types that they are written and read by."""
    _write("keys.md", ["% Written by conf.py from the types of zenith.artefacts.\n", reference()])


def _signature(function: ast.FunctionDef) -> str:
    """As in the source: Sphinx would write out what a type like ArrayLike stands for."""
    function.args.args = [each for each in function.args.args if each.arg != "self"]
    returns = f" -> {ast.unparse(function.returns)}" if function.returns else ""
    return f"({ast.unparse(function.args)}){returns}"


def _entries(name: str) -> Iterator[str]:
    """The directives of a public function, or of a class and its members."""
    (found,) = ast.parse(inspect.getsource(getattr(zenith, name))).body
    if isinstance(found, ast.FunctionDef):
        yield f".. autofunction:: zenith.{name}{_signature(found)}"
    elif isinstance(found, ast.ClassDef):
        yield f".. autoclass:: zenith.{name}()"
        for member in found.body:
            if isinstance(member, ast.AnnAssign) and isinstance(member.target, ast.Name):
                where, type_ = f"zenith.{name}.{member.target.id}", ast.unparse(member.annotation)
                if not member.target.id.startswith("_"):
                    yield f"   .. autoattribute:: {where}\n      :annotation: : {type_}"
            elif isinstance(member, ast.FunctionDef) and not member.name.startswith("_"):
                where = f"zenith.{name}.{member.name}"
                if any(ast.unparse(each) == "property" for each in member.decorator_list):
                    yield f"   .. autoproperty:: {where}"
                else:
                    yield f"   .. automethod:: {where}{_signature(member)}"


def _returned() -> Iterator[type]:
    """Classes of Zenith that methods of public classes return, and that are not public names."""
    seen = [getattr(zenith, name) for name in zenith.__all__]
    for item in filter(inspect.isclass, tuple(seen)):
        for name, method in inspect.getmembers(item, inspect.isfunction):
            if name.startswith("_"):
                continue
            hint = typing.get_type_hints(method).get("return")
            for each in (hint, *typing.get_args(hint)):
                ours = inspect.isclass(each) and each.__module__.startswith("zenith.")
                if ours and each not in seen:
                    seen.append(each)
                    yield each


def _write_names(_: Sphinx) -> None:
    """Write what `import zenith` offers, by the module that holds it, for reference/api.md."""
    modules: dict[str, list[str]] = {}
    for name in zenith.__all__:
        modules.setdefault(getattr(zenith, name).__module__, []).append(name)
    text = ["% Written by conf.py from the docstrings of zenith.\n"]
    for module, names in modules.items():
        about = inspect.cleandoc(sys.modules[module].__doc__ or "").split("\n\n")[0]
        text.append(f"## {module.rpartition('.')[2].capitalize()}\n\n{about}\n")
        names.sort(key=lambda name: inspect.isclass(getattr(zenith, name)))  # functions first
        entries = "\n\n".join(entry for name in names for entry in _entries(name))
        text.append(f"```{{eval-rst}}\n{entries}\n```\n")
    entries = "\n\n".join(f".. autoclass:: {c.__module__}.{c.__name__}()" for c in _returned())
    text.append(f"## What methods return\n\n```{{eval-rst}}\n{entries}\n```\n")
    _write("names.md", text)


def _read_sections(
    app: Sphinx, what: str, name: str, item: object, options: object, lines: list[str]
) -> None:
    """Read the sections of docstrings in NumPy's form; those of attributes have none."""
    if what in ("class", "function", "method"):
        config = napoleon.Config(napoleon_attr_annotations=False)
        lines[:] = napoleon.NumpyDocstring(lines, config, app, what, name, item, options).lines()


def _leave_out_figures(_: Sphinx, page: str, content: list[str]) -> None:
    """Say how to get a gallery where the analyses that it shows have not run."""
    if page == "gallery" and not all((ROOT / "results" / run).exists() for run in GALLERY):
        content[0] = "# Gallery\n\nThe figures appear here when `make docs` builds these pages.\n"


def _write(page: str, text: list[str]) -> None:
    (Path(__file__).parent / "reference" / page).write_text("\n".join(text), encoding="utf-8")


def setup(app: Sphinx) -> None:
    """Generate and adapt what has its source elsewhere."""
    app.connect("builder-inited", _write_commands)
    app.connect("builder-inited", _write_keys)
    app.connect("builder-inited", _write_names)
    app.connect("autodoc-process-docstring", _read_sections)
    app.connect("source-read", _leave_out_figures)
    app.connect("include-read", _link_to_pages)
