"""The page in HTML, and the figure on it."""

import base64
from html.parser import HTMLParser
from pathlib import Path

from zenith.reporting import key_figure
from zenith.reporting.key_figure import KeyFigure
from zenith.reporting.web_page import web_page

TEXT = """# Results

μ = **1.0** <script>

## First

| process | yield |
| ------- | ----: |
| W & Z   |     3 |

## Second

- more
"""


class Elements(HTMLParser):
    """The names of elements in the order of the page, and its text by element."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.texts: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.names.append(tag)

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append((self.names[-1], data.strip()))


def elements(page: str) -> Elements:
    found = Elements()
    found.feed(page)
    return found


def test_markdown_becomes_a_page_with_its_figure_after_the_first_section() -> None:
    png = b"\x89PNG of no image"
    page = web_page(TEXT, "A & B", KeyFigure(png, "Signal region, after the fit <."))
    found = elements(page)
    assert f'src="data:image/png;base64,{base64.b64encode(png).decode()}"' in page
    assert ("title", "A & B") in found.texts
    assert ("strong", "1.0") in found.texts
    assert ("td", "W & Z") in found.texts
    assert ("figcaption", "Signal region, after the fit <.") in found.texts
    assert "script" not in found.names  # what is written is text
    names = [name for name in found.names if name in ("h1", "h2", "table", "img", "li")]
    assert names == ["h1", "h2", "table", "img", "h2", "li"]
    assert "http" not in page


def test_a_page_without_a_figure_or_sections_is_one_all_the_same() -> None:
    found = elements(web_page("# Results\n", "t"))
    assert ("h1", "Results") in found.texts
    assert not {"img", "h2"} & set(found.names)


def summary(**yields: tuple[float, float]) -> dict:
    """Of regions with signal and background."""
    return {
        "quoted": "optimised",
        "fit": {"asimov": False},
        "labels": {"regions": {"tight": "Tight region"}},
        "yields": {
            region: {"total_background": {"prefit": b}, "total": {"prefit": s + b}, "data": None}
            for region, (s, b) in yields.items()
        },
    }


def test_the_figure_is_that_of_the_region_with_the_signal(tmp_path: Path) -> None:
    folder = tmp_path / "optimised/figures/fit_regions"
    folder.mkdir(parents=True)
    for region in ("loose", "tight"):
        (folder / f"{region}_postfit.png").write_bytes(region.encode())
    found = key_figure.of_analysis(tmp_path, summary(loose=(20.0, 1e4), tight=(15.0, 100.0)))
    assert found == (b"tight", "Tight region, after the fit.")
    found = key_figure.of_analysis(tmp_path, summary(loose=(20.0, 100.0), tight=(15.0, 100.0)))
    assert found == (b"loose", "loose, after the fit.")
    assert key_figure.of_analysis(tmp_path, summary(other=(1.0, 1.0))) is None


def test_the_figure_of_categories_is_of_edges_or_of_a_plane(tmp_path: Path) -> None:
    assert key_figure.of_categories(tmp_path) is None
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures/plane.png").write_bytes(b"plane")
    assert key_figure.of_categories(tmp_path) == (b"plane", "Categories in the plane of scores.")
