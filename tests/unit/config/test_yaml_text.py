"""Configuration files as people write them: what YAML makes of a value, and what a mistake says."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from zenith.cli import main
from zenith.config import Analysis, dump, load, observables_of, parse
from zenith.config.loading import parse_overrides, read_yaml
from zenith.config.yaml_text import parse_yaml
from zenith.errors import ConfigError

ZPRIME = "config/zprime.yaml"
FAULTS = Path("../shared/data/faults").absolute()


def based(tmp_path: Path, text: str | bytes) -> Path:
    """A file that is the default analysis but for what the text says."""
    file = tmp_path / "mine.yaml"
    content = text.encode() if isinstance(text, str) else text
    file.write_bytes(f"base: {ZPRIME}\n".encode() + content)
    return file


def says(path: Path | str, *expected: str, overrides: list[str] | None = None) -> None:
    """Loading fails with one line that holds all these texts."""
    with pytest.raises(ConfigError) as raised:
        load(path, overrides or [])
    message = str(raised.value)
    assert len(message.splitlines()) == 1
    for text in expected:
        assert text in message, message


# What a value is


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        ("-1.5", -1.5),
        ("2e3", 2000.0),
        ("1E-3", 0.001),
        ("1_000", 1000.0),
        ("010", 10.0),
        ("+5", 5.0),
        (".5", 0.5),
        ("1.", 1.0),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("null", None),
        *((text, text) for text in ("yes", "no", "On", "off", "y", "12:30", "1:30:00", "nan")),
        *((text, text) for text in ("2016-08-01", "1.2.3", "0x1F", "0b1", ".inf", "1__0", "1_a")),
        ("'5'", "5"),
        ('"true"', "true"),
        ("!!str 5", "5"),
        ("!!int '5'", 5),
        ("[1, no, 2e3]", [1, "no", 2000.0]),
        ("{2016: a, yes: b, 010: c}", {"2016": "a", "yes": "b", "010": "c"}),
    ],
)
def test_an_unquoted_value_is_what_it_looks_like(text: str, value: Any) -> None:
    found = parse_yaml(text, "text")
    assert found == value
    assert isinstance(found, type(value))


@pytest.mark.parametrize("text", ["2e3", "010", "1_000", "1.50", "12:30", "no", "2016-08-01"])
def test_where_text_is_wanted_it_is_the_text_that_was_written(text: str, tmp_path: Path) -> None:
    file = based(
        tmp_path,
        f"plotting: {{status: {text}}}\nprocesses: {{wjets: {{label: {text}}}}}\n"
        f"only_samples: [{text}]\nsamples: {{wjets: {{veto: [{text}]}}}}\n",
    )
    analysis = load(file)
    assert analysis.plotting.status == text
    assert analysis.processes["wjets"].label == text
    assert analysis.only_samples == (text,)
    assert analysis.samples["wjets"].veto == (text,)
    assert parse(yaml.safe_load(dump(analysis))) == analysis
    file.write_text(dump(analysis))
    assert load(file) == analysis


@pytest.mark.parametrize(
    ("text", "number"), [("2e3", 2000), ("1_000", 1000), ("010", 10), ("2_0.0", 20), ("'30'", 30)]
)
def test_where_a_number_is_wanted_it_is_that_number(text: str, number: int, tmp_path: Path) -> None:
    axis = f"{{start: -{text.strip(chr(39))}, stop: {text}, bins: 2}}"
    file = based(
        tmp_path,
        f"seed: {text}\nskim: {{chunk: {text}}}\neras: {{2016: {{luminosity: {text}}}}}\n"
        f"mva: {{wjets_vs_ttbar: {{hidden: [{text}, 4]}}}}\n"
        f"observables: {{mtt: {{edges: {axis}}}, met: {{label: met, edges: [-1, {text}]}}}}\n",
    )
    analysis = load(file)
    assert (analysis.seed, analysis.skim.chunk) == (number, number)
    assert analysis.eras["2016"].luminosity == number
    assert analysis.observables["mtt"].edges.edges == (-number, 0.0, number)
    assert analysis.observables["met"].edges.edges == (-1.0, number)
    assert load(ZPRIME, [f"seed={text}"]).seed == number


def test_names_may_be_numbers(tmp_path: Path) -> None:
    analysis = load(ZPRIME)
    file = tmp_path / "numbers.yaml"
    text = dump(analysis)
    assert "'2016'" in text
    file.write_text(text.replace("'2016'", "2016"))
    assert load(file) == analysis


@pytest.mark.parametrize(
    ("text", "key", "line"),
    [
        ("seed: yes\n", "seed", 2),
        ("seed: true\n", "seed", 2),
        ("seed: 1.5\n", "seed", 2),
        ("eras:\n  2016:\n    luminosity: 12:30\n", "eras.2016.luminosity", 4),
        ("eras:\n  2016:\n    luminosity: on\n", "eras.2016.luminosity", 4),
        ("eras:\n  2016:\n    luminosity: false\n", "eras.2016.luminosity", 4),
        ("eras:\n  2016:\n    luminosity: 16,4\n", "eras.2016.luminosity", 4),
        ("eras:\n  2016:\n    luminosity: 1e999\n", "eras.2016.luminosity", 4),
        ("eras:\n  2016:\n    luminosity:\n", "eras.2016.luminosity", 4),
        ("eras:\n  2016: {luminosty: 3}\n", "eras.2016.luminosty", 3),
        ("optimise:\n  temperature: [true, 0.1]\n", "optimise.temperature.0", 3),
        ("samples: [wjets]\n", "samples", 2),
        ("samples:\n  new: {process: wjets, era: 2016, files: [true]}\n", "samples.new.files.0", 3),
        ("samples:\n  new: {era: 2016, files: [a]}\n", "samples.new.process: missing", 3),
        ("name: true\n", "name", 2),
        ("name: 2016-08-01\n", "name", 2),
        *(
            (f"observables:\n  mtt:\n    edges: {{start: 0, stop: {stop}, bins: {bins}}}\n", key, 4)
            for stop, bins, key in (
                ("null", 4, "observables.mtt.edges: stop"),
                ("", 4, "observables.mtt.edges: stop"),
                ("true", 4, "observables.mtt.edges: stop"),
                ("high", 4, "observables.mtt.edges: stop"),
                ("[1]", 4, "observables.mtt.edges: stop"),
                (".inf", 4, "observables.mtt.edges: stop"),
                (500, 0, "observables.mtt.edges: bins"),
                (500, 2.5, "observables.mtt.edges: bins"),
                (500, "1e12", "observables.mtt.edges: bins"),
                (-500, 4, "observables.mtt.edges: edges must increase"),
                ("500, step: 5", 4, "observables.mtt.edges: edges are a list of numbers, or"),
            )
        ),
        (
            "observables:\n  mtt:\n    edges:\n    - 1\n    - x\n    - 3\n",
            "observables.mtt.edges.1",
            6,
        ),
    ],
)
def test_a_wrong_value_is_told_with_its_key_and_line(
    text: str, key: str, line: int, tmp_path: Path
) -> None:
    file = based(tmp_path, text)
    says(file, f"{file}: {key}", f"(line {line})")


@pytest.mark.parametrize(
    ("text", "key", "line"),
    [
        ("samples:\n  wjets:\n    process: nothing\n", "samples.wjets.process: 'nothing'", 4),
        ("samples:\n  wjets:\n    era: '2017'\n", "samples.wjets.era: '2017'", 4),
        ("objects:\n  muon: {away_from: {jet: 0.4}}\n", "objects.muon.away_from: 'jet'", 3),
        ("skim:\n  cuts: [nothing > 1]\n", "skim.cuts: the observable 'nothing'", 3),
        ("systematics:\n  jes:\n    objects: [jets]\n", "systematics.jes.objects: 'jets'", 4),
        (
            "regions:\n  signal:\n    cuts:\n    - met > 50\n    - {cut: met > 60, tune: [20, 90], "
            "width: 9}\n",
            "regions.signal.cuts[1]: tune",
            6,
        ),
    ],
)
def test_a_mistake_between_sections_has_its_line_too(
    text: str, key: str, line: int, tmp_path: Path
) -> None:
    file = based(tmp_path, text)
    says(file, f"{file}: {key}", f"(line {line})")


def test_a_mistake_of_the_base_is_told_with_its_file(tmp_path: Path) -> None:
    base = tmp_path / "base.yaml"
    based(tmp_path, "seed: minus one\n").rename(base)
    file = tmp_path / "mine.yaml"
    file.write_text(f"name: mine\nbase: {base}\n")
    says(file, f"{file}: seed", "not 'minus one'", f"({base}, line 2)")
    says(file, f"{file}: max_files", "not 'x'", overrides=["seed=1", "max_files=x"])
    with pytest.raises(ConfigError, match=r"^[^()]*$"):  # no file says so: no line
        load(file, ["seed=one"])


@pytest.mark.parametrize("threshold", ["nan", "inf", "-infinity"])
def test_a_cut_has_a_finite_threshold(threshold: str, tmp_path: Path) -> None:
    file = based(tmp_path, f"skim: {{cuts: [met > {threshold}]}}\nregions: {{}}\n")
    with pytest.raises(ConfigError, match=rf"'met > {threshold}'.*not a finite number"):
        load(file)


# Anchors and merge keys


def test_merge_keys_are_those_of_yaml() -> None:
    text = (
        "a: &a {x: 1, y: 2}\n"
        "b: &b {<<: *a, y: 3}\n"  # its own keys go before those that are merged
        "c: {z: 4, <<: *b}\n"
        "d: {<<: [*a, {y: 5, z: 6}], w: 7}\n"  # of several the first goes before
        "e: {inner: &i {<<: *b, x: 0}}\n"
        "f: {<<: *i}\n"
        '"<<": text\n'
    )
    expected = yaml.safe_load(text)
    assert parse_yaml(text, "text") == expected
    assert expected["f"] == {"x": 0, "y": 3}


def test_a_merged_systematic_is_one_of_its_own(tmp_path: Path) -> None:
    file = based(
        tmp_path,
        "systematics:\n"
        "  first: &n {type: normalisation, processes: [wjets], up: 0.1}\n"
        "  second: {<<: *n, up: 0.2}\n",
    )
    found = load(file).systematics
    assert found["second"] == found["first"].model_copy(update={"up": 0.2})
    file.write_text(file.read_text().replace("up: 0.1", "upp: 0.1, up: 0.1"))
    with pytest.raises(ConfigError) as raised:
        load(file)
    assert "systematics.second.upp: unknown key; did you mean 'up'?" in str(raised.value)
    assert str(raised.value).count("(line 3)") == 2


# Files and values that are not YAML, or not a configuration


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("Région\n".encode("latin1"), ["line 2", "not UTF-8", "0xe9"]),
        ("name: a\n".encode("utf-16"), ["line 2", "not UTF-8", "0xff"]),
        (bytes(range(256)), ["not UTF-8"]),
        ("a: 1\nname: {{ name }}\n", ["line 3", "name: {{ name }}", "a key is text", "fill it in"]),
        ("{% if x %}\n", ["line 2", "{% if x %}"]),
        ("? [a, b]\n: 1\n", ["line 2", "a key is text"]),
        ("? {a: b}\n: 1\n", ["line 2", "a key is text"]),
        ("a: {[b]: 1}\n", ["line 2", "a key is text"]),
        ("a: 1\n\tb: 2\n", ["line 3", "spaces, not tabs"]),
        ("a:\n  b: 1\n  b: 2\n", ["line 4", "'b' is given twice"]),
        ("a: {2016: 1, '2016': 2}\n", ["line 2", "'2016' is given twice"]),
        ("b: &b {x: 1}\na: {<<: *b, <<: *b}\n", ["line 3", "'<<' is given twice"]),
        ("a: *nothing\n", ["line 2", "undefined alias 'nothing'"]),
        ("a: &a [1, *a]\n", ["line 2", "*a is within"]),
        ("a: &a {b: {<<: *a}}\n", ["line 2", "*a is within"]),
        ("a: {<<: 5}\n", ["line 2", "merging"]),
        ("a: {<<: [{b: 1}, 5]}\n", ["line 2", "merging"]),
        ("---\na: 1\n---\nb: 2\n", ["another document"]),
        ("a: [1, 2\nb: 3\n", ["line 3", "begins in line 2"]),
        ("a: b: c\n", ["line 2", "a: b: c"]),
        ("a: 'open\n", ["line 2", "quoted scalar"]),
        ("a: !include other.yaml\n", ["line 2", "!include"]),
        ("a: !!python/object/apply:os.getcwd []\n", ["line 2", "!!python"]),
        ("a: bell\x07\n", ["line 2", "special characters"]),
        ("a: " + 2000 * "[", ["nested too deeply"]),
        ("base: config/test.yaml\n", ["line 2", "'base' is given twice"]),
    ],
)
def test_a_file_that_is_not_yaml(content: str | bytes, expected: list[str], tmp_path: Path) -> None:
    file = based(tmp_path, content)
    says(file, f"{file}: ", *expected)


@pytest.mark.parametrize(
    ("content", "expected"),
    [("", "empty"), ("# nothing\n", "empty"), ("- a\n", "a list"), ("text\n", "'text'")],
)
def test_a_file_without_keys(content: str, expected: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(content)
    says(file, f"{file}: the file must hold keys and values", expected)


def test_files_with_a_mark_of_their_order_or_ends_of_lines_of_windows(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    for content in (f"\ufeffbase: {ZPRIME}\nseed: 7\n", f"base: {ZPRIME}\r\nseed: 7\r\n"):
        file.write_bytes(content.encode())
        assert load(file).seed == 7


@pytest.mark.parametrize("base", ["[a.yaml, b.yaml]", "{a: b}", "5", "true", "''", "[]", "0"])
def test_a_base_is_one_path(base: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(f"base: {base}\nname: x\n")
    says(file, f"{file}: base: ", "one YAML file")
    with pytest.raises(ConfigError, match=r"mine\.yaml: base: "):
        parse(read_yaml(file), str(file))


def test_a_base_that_is_not_there_or_not_yaml(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(f"base: {tmp_path}/no.yaml\n")
    says(file, f"{file}: base: {tmp_path}/no.yaml: cannot be read (No such file")
    file.write_text(f"base: {tmp_path}\n")
    says(file, f"{file}: base: {tmp_path}: cannot be read")
    other = tmp_path / "other.yaml"
    other.write_text("a: 1\na: 2\n")
    file.write_text(f"base: {other}\n")
    says(file, f"{file}: base: {other}: line 2", "twice")
    file.write_text(f"base:\nname: x\n{dump(load(ZPRIME)).partition(chr(10))[2]}")
    assert load(file).name == "x"


def test_bases_do_not_go_in_circles(tmp_path: Path) -> None:
    one, two = tmp_path / "one.yaml", tmp_path / "two.yaml"
    one.write_text(f"base: {two}\n")
    two.write_text(f"base: {tmp_path}/../{tmp_path.name}/one.yaml\n")
    says(one, f"{two}: base: ", "is based on itself")
    one.write_text(f"base: {one}\n")
    says(one, f"{one}: base: ", "is based on itself")


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("only_samples=[signal,", ["'only_samples=[signal,'", "not valid YAML"]),
        ("name={{ name }}", ["'name={{ name }}'", "a key is text"]),
        ("seed=*x", ["'seed=*x'", "undefined alias"]),
        ("seed=!x 1", ["'seed=!x 1'", "!x"]),
        ("skim={chunk: 1, chunk: 2}", ["'chunk' is given twice"]),
        ("seed", ["'seed'", "key=value"]),
        ("=1", ["key=value"]),
        ("eras..luminosity=1", ["key=value"]),
        ("seed=no", [f"{ZPRIME}: seed", "'no'"]),
        ("base=[1]", [f"{ZPRIME}: base", "one YAML file"]),
    ],
)
def test_an_override_that_is_wrong(
    override: str, expected: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    says(ZPRIME, *expected, overrides=[override])
    assert main(["status", "--config", ZPRIME, "--set", override]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_overrides_are_read_as_files_are() -> None:
    assert parse_overrides(["a.b=2e3", "a.c=no", "d={<<: {x: 1}, y: 010}"]) == {
        "a": {"b": 2000.0, "c": "no"},
        "d": {"x": 1, "y": 10.0},
    }


# The module of the observables


@pytest.mark.parametrize("module", ["..zprime", "zprime.", "a b", "''", "no.such.module"])
def test_a_module_that_is_none(module: str, tmp_path: Path) -> None:
    says(based(tmp_path, f"module: {module}\n"), "mine.yaml: module: there is no Python module")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("x = 1\ndef (\n", ["SyntaxError", "line 2"]),
        ("import nothing_like_it\n", ["nothing_like_it", "line 1"]),
        ("\n1 / 0\n", ["ZeroDivisionError", "line 2"]),
    ],
)
def test_a_module_that_cannot_be_imported(code: str, expected: list[str], tmp_path: Path) -> None:
    (tmp_path / "broken_analysis").mkdir()
    (tmp_path / "broken_analysis/observables.py").write_text(code)
    file = based(tmp_path, "module: broken_analysis.observables\n")
    command = [sys.executable, "-m", "zenith", "status", "--config", str(file)]
    found = subprocess.run(
        command, capture_output=True, text=True, env={"PYTHONPATH": f"src:{tmp_path}"}
    )
    assert found.returncode == 1
    assert found.stderr.startswith(f"zenith status: error: {file}: module: broken_analysis.")
    assert len(found.stderr.splitlines()) == 1
    for text in [*expected, "observables.py"]:
        assert text in found.stderr


OBSERVABLES = """\
from zenith.analyses.zprime import *
from zenith.observable import observable
from .numbers import FACTOR


@observable()
def mine(objects):
    return FACTOR
"""


def own(folder: Path, factor: float) -> Path:
    """An analysis whose module and a helper of it are files beside the configuration."""
    folder.mkdir()
    (folder / "mine.py").write_text(OBSERVABLES)
    (folder / "numbers.py").write_text(f"FACTOR = {factor}\n")
    return based(folder, "module: mine.py\nobservables: {mine: {label: m, edges: [0, 1]}}\n")


def test_a_module_by_its_path_and_a_helper_beside_it(tmp_path: Path) -> None:
    """Each `mine.py` is a module of its own, with the helpers that are beside it."""
    path = list(sys.path)
    for factor in (2.0, 3.0):
        file = own(tmp_path / str(factor), factor)
        analysis = load(file)
        assert analysis.module == str(file.with_suffix(".py"))  # elsewhere: the whole path
        assert observables_of(analysis)["mine"].function(None) == factor
    assert sys.path == path


def test_a_name_of_a_file_in_place_of_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`mine` is `mine.py` beside the configuration, else in the working folder."""
    file = own(tmp_path / "a", 2.0)
    file.write_text(file.read_text().replace("mine.py", "mine"))
    assert load(file).module == str(file.with_suffix(".py"))
    (tmp_path / "b").mkdir()
    elsewhere = tmp_path / "b/mine.yaml"
    elsewhere.write_text(file.read_text().replace(str(ZPRIME), str(Path(ZPRIME).absolute())))
    says(elsewhere, "mine.yaml: module: there is no Python module")
    monkeypatch.chdir(file.parent)
    analysis = load(elsewhere)
    assert analysis.module == "mine.py"
    assert observables_of(analysis)["mine"].function(None) == 2.0


def test_the_path_of_a_module_is_that_of_the_resolved_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Relative to the file that names it; then from the working folder, wherever that moves to."""
    file = own(tmp_path / "a", 2.0)
    resolved = load(file)
    (tmp_path / "results").mkdir()
    monkeypatch.chdir(tmp_path)
    resolved = resolved.model_copy(update={"module": "a/mine.py"})
    (tmp_path / "results/config.yaml").write_text(dump(resolved))
    (tmp_path / "b").mkdir()
    (tmp_path / "b/over.yaml").write_text("base: results/config.yaml\nmodule: ../a/mine.py\n")
    for again in ("results/config.yaml", tmp_path / "results/config.yaml", "b/over.yaml"):
        analysis = load(again)
        assert analysis == resolved
        assert observables_of(analysis)["mine"].function(None) == 2.0


@pytest.mark.parametrize(
    ("name", "code", "expected"),
    [
        ("absent.py", "", ["there is no file absent.py", "beside", "zenith new NAME"]),
        ("mine.py", "1 / 0\n", ["mine.py cannot be imported: ZeroDivisionError", "line 1"]),
        ("mine.py", "open('/absent')\n", ["FileNotFoundError", "/absent", "line 1"]),
        ("mine.py", "import helpers_of_mine\n", ["`from . import helpers_of_mine`"]),
        ("mine.py", "from .absent import x\n", ["ModuleNotFoundError", "absent", "line 1"]),
    ],
)
def test_a_path_of_a_module_that_is_none(
    name: str, code: str, expected: list[str], tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text(code)
    (tmp_path / "helpers_of_mine.py").touch()
    says(based(tmp_path, f"module: {name}\n"), "mine.yaml: module: ", *expected)


# Files that were reported


@pytest.fixture
def mini(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where `zenith new mini` has been run; files elsewhere name its module, `module: mini`."""
    if not FAULTS.is_dir():
        pytest.skip("needs the reported files, ../shared/data/faults")
    monkeypatch.chdir(tmp_path)
    assert main(["new", "mini"]) == 0
    return tmp_path


def reported(name: str) -> Analysis:
    return load(FAULTS / f"{name}.yaml")


def test_reported_files_are_accepted_or_told(mini: Path) -> None:
    assert reported("axis_exponent").observables["st"].edges.edges[-1] == 2000.0
    assert reported("merge_key").systematics["other_rate"].up == 0.2  # type: ignore[union-attr]
    for name, expected in {
        "latin1": r"line 59: not UTF-8",
        "template_braces": r"line 4, 'name: \{\{ name \}\}'",
        "axis_null": r"observables\.st\.edges: stop: .*\(line 55\)",
        "base_list": r"base: .*one YAML file",
    }.items():
        with pytest.raises(ConfigError, match=rf"{name}\.yaml: {expected}"):
            reported(name)
