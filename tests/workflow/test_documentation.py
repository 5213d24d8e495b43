"""The documentation builds without a warning, and its reference is complete."""

import re
import subprocess
import sys
import tomllib
from html import unescape
from pathlib import Path

import pytest
import yaml

import zenith
from zenith.config import Analysis, load
from zenith.config.steps import COMMANDS

pytest.importorskip("myst_nb", reason="needs the packages of the extra docs")


def article(page: Path) -> str:
    """What a page says, without the frame that all pages have."""
    html = page.read_text(encoding="utf-8")
    return unescape(html[html.index("<article") : html.index("</article")])


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("documentation") / "html"
    options = ("--fail-on-warning", "--keep-going", "--fresh-env", "--quiet")
    command = [sys.executable, "-m", "sphinx", *options, "docs", str(folder)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return folder


@pytest.mark.slow
def test_every_link_between_pages_has_a_target(built: Path) -> None:
    pages = {page: page.read_text(encoding="utf-8") for page in built.rglob("*.html")}
    targets = {page: set(re.findall(r'\bid="([^"]+)"', text)) for page, text in pages.items()}
    links = 0
    for page, text in pages.items():
        for link in map(unescape, re.findall(r'<a\b[^>]*\bhref="([^"]+)"', text)):
            if re.match(r"[a-z]+:", link):
                continue
            path, _, place = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            assert target.is_file(), f"{page.relative_to(built)}: {link}"
            assert not place or place in targets[target], f"{page.relative_to(built)}: {link}"
            links += 1
    assert links > 500


@pytest.mark.slow
def test_the_reference_has_every_command_and_every_key(built: Path) -> None:
    commands = article(built / "reference" / "command-line.html")
    for step in COMMANDS:
        assert f"usage: zenith {step} [-h]" in commands, step
    keys = article(built / "reference" / "configuration.html")
    for name, field in Analysis.model_fields.items():
        assert f'<span class="pre">{field.alias or name}</span>' in keys, name


@pytest.mark.slow
def test_the_reference_has_all_that_is_public(built: Path) -> None:
    page = (built / "reference" / "api.html").read_text(encoding="utf-8")
    for name in zenith.__all__:
        assert f'id="zenith.{name}"' in page, name


@pytest.mark.slow
def test_notebooks_show_what_they_claim(built: Path) -> None:
    def outputs(notebook: str) -> str:
        return re.sub(r"<[^>]+>", "", article(built / "notebooks" / f"{notebook}.html"))

    for notebook, figures in {"published-likelihood": 4, "cut-by-hand": 4, "categories": 3}.items():
        assert article(built / "notebooks" / f"{notebook}.html").count("<img") == figures

    def numbers(line: str, text: str) -> list[float]:
        """The numbers at the places `#` of the first such line, or lines, that were printed."""
        found = re.search(f"^{line.replace('#', r'([+-]?[0-9]+[.][0-9]+)')}", text, re.MULTILINE)
        assert found, line
        return [float(number) for number in found.groups()]

    published = outputs("published-likelihood")
    theirs, ours = numbers("pyhf #, Zenith #", published)
    assert ours == pytest.approx(theirs, rel=1e-5)
    predicted, again = numbers("predicted #, fitted again #", published)
    assert predicted == pytest.approx(again, rel=0.05)

    by_hand = outputs("cut-by-hand")
    _, *slopes = numbers(r"Z = #, dZ/d\(met\) = # per GeV, dZ/d\(btag\) = #", by_hand)
    assert slopes == pytest.approx(numbers(r"met +#\nbtag +#", by_hand), rel=0.01)
    climbed, best = numbers("climb #, best point of the scan #", by_hand)
    assert climbed > best - 0.05
    start, _, quoted = numbers(r"start: # σ  \(# σ where chosen\)\nclimb: # σ", by_hand)
    assert quoted > 2 * start

    categories = outputs("categories")
    (z,) = numbers("Z = # σ with edges", categories)
    same, unseen = numbers(r"same events +#\nunseen events +#", categories)
    assert same == pytest.approx(z, abs=0.006)
    assert unseen < same


@pytest.mark.slow
def test_included_texts_link_to_pages(built: Path) -> None:
    for page in built.rglob("*.html"):
        assert "README.md" not in " ".join(re.findall(r'href="([^"]+)"', page.read_text())), page


@pytest.mark.parametrize("text", ["README.md", "CONTRIBUTING.md", "*/README.md"])
def test_links_between_texts_have_a_target(text: str) -> None:
    for path in Path().glob(text):
        for link in re.findall(r"\]\(([^)#\s]+)", path.read_text(encoding="utf-8")):
            if not re.match(r"[a-z]+:", link):
                assert (path.parent / link).exists(), f"{path}: {link}"


def test_the_gallery_shows_what_its_analyses_draw() -> None:
    page = Path("docs/gallery.md").read_text(encoding="utf-8")
    figures = re.findall(r"^```\{figure\} \.\./results/(\w+)/", page, re.MULTILINE)
    assert len(figures) > 15
    search = load("docs/gallery/search.yaml")
    categories = load("docs/gallery/categories.yaml")
    assert set(figures) == {search.name, categories.name}


def test_the_citation_has_the_version_and_licence_of_the_package() -> None:
    citation = yaml.safe_load(Path("CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert citation["version"] == zenith.__version__
    assert citation["license"] == project["license"]
