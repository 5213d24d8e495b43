"""Markdown as a web page: one file with its figure in it, which opens offline."""

import base64
import html

from markdown_it import MarkdownIt

from zenith.reporting.key_figure import KeyFigure

STYLE = """
.zenith {font: 15px/1.5 system-ui, sans-serif; color: #1b1f24; max-width: 84rem; padding: 0 1rem}
.zenith h1 {font-size: 1.7rem; margin: 0.6rem 0}
.zenith h2 {font-size: 1.25rem; margin: 1.8rem 0 0.5rem; border-bottom: 1px solid #d0d5db}
.zenith h3 {font-size: 1.05rem; margin: 1.1rem 0 0.4rem}
.zenith .result {display: flex; flex-wrap: wrap; gap: 1.5rem; align-items: flex-start}
.zenith .result > div {flex: 1 1 30rem}
.zenith figure {flex: 0 1 31rem; margin: 0}
.zenith figure img {width: 100%; margin: 0}
.zenith figcaption {font-size: 0.85rem; color: #57606a}
.zenith table {border-collapse: collapse; width: auto; margin: 0.5rem 0; font-size: 14px}
.zenith th, .zenith td {padding: 0.2rem 0.8rem; border-bottom: 1px solid #e3e6ea}
.zenith th {border-bottom: 2px solid #a8b0b9; vertical-align: bottom}
.zenith th:first-child {text-align: left}
.zenith tbody tr:hover {background: #f3f5f7}
.zenith ul {margin: 0.4rem 0; padding-left: 1.2rem}
.zenith li {margin: 0.15rem 0}
/* Snakemake's report, which this opens: the page in full width and from the top, then the graph */
.grow.items-center:has(.zenith) {align-items: flex-start}
.flex.items-start:has(.zenith) {flex-direction: column}
.prose:has(.zenith) {max-width: none}
"""


def web_page(text: str, title: str, figure: KeyFigure | None = None) -> str:
    """A page of Markdown in HTML, with a figure beside its beginning and first section.

    All is inside an element of the class `zenith`, to which the style is confined, so that the page
    can be a part of another.
    """
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    sections = text.split("\n## ")
    result, rest = "\n## ".join(sections[:2]), "\n## ".join(["", *sections[2:]])
    drawn = ""
    if figure is not None:
        source = f"data:image/png;base64,{base64.b64encode(figure.png).decode()}"
        note = html.escape(figure.caption)
        drawn = f'<figure><img src="{source}" alt="{note}"><figcaption>{note}</figcaption></figure>'
    return (
        f'<!doctype html>\n<meta charset="utf-8">\n<title>{html.escape(title)}</title>\n'
        f'<style>{STYLE}</style>\n<article class="zenith">\n'
        f'<div class="result"><div>\n{markdown.render(result)}</div>{drawn}</div>\n'
        f"{markdown.render(rest)}</article>\n"
    )
