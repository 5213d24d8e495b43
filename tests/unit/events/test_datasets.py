"""From a configuration to file lists, and the portal's answers to a catalogue."""

import json
import os
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from zenith.artefacts import read_json
from zenith.cli import main
from zenith.config import Analysis, load
from zenith.errors import ConfigError, InputError
from zenith.events import source
from zenith.events.datasets import (
    RECORDS,
    InputFile,
    at_luminosity_of_files,
    luminosity_fraction,
    replicas,
    resolve,
)
from zenith.events.opendata import query

CONFIG = "config/zprime.yaml"


def analysis(*overrides: str) -> Analysis:
    return load(CONFIG, overrides)


def sample_from(key: str, value: Any, *more: str) -> Analysis:
    """The default analysis with a sample `extra` that has the given source."""
    extra = {"process": "wjets", "era": "2016", "cross_section": 1.0, key: value}
    return analysis(f"samples.extra={json.dumps(extra)}", *more)


def test_simulated_samples_have_numbered_parts() -> None:
    files = resolve(analysis("samples.wjets.simulate.parts=3"), "wjets")
    assert [f.path for f in files] == [f"results/zprime/simulated/wjets.{n}.root" for n in range(3)]
    assert len(resolve(analysis("max_files=2", "samples.wjets.simulate.parts=3"), "wjets")) == 2


def test_files_are_globs_lists_and_addresses(tmp_path: Path) -> None:
    for name in ("b.root", "a.root", "c.txt"):
        (tmp_path / name).touch()
    listing = tmp_path / "list.txt"
    listing.write_text(f"# ours\n\nroot://host//x.root  # remote\n{tmp_path}/c.txt\n")
    files = [f"{tmp_path}/*.root", "https://host/y.root", f"@{listing}"]
    assert resolve(sample_from("files", files), "extra") == [
        InputFile(f"{tmp_path}/a.root"),
        InputFile(f"{tmp_path}/b.root"),
        InputFile("https://host/y.root"),
        InputFile("root://host//x.root"),
        InputFile(f"{tmp_path}/c.txt"),
    ]


@pytest.mark.parametrize(
    ("files", "error", "expected"),
    [
        (["absent.root"], ConfigError, ["samples.extra.files", "absent.root", "no such file"]),
        (["no/*.root"], ConfigError, ["samples.extra.files", "no/*.root", "no such file"]),
        (["@no.txt"], InputError, ["samples.extra.files", "no.txt", "cannot be read"]),
        (["http://h/a.root"] * 2, ConfigError, ["samples.extra", "a.root", "twice"]),
        ([], ConfigError, ["samples.extra", "no files"]),
    ],
)
def test_files_that_are_wrong(
    files: list[str], error: type[Exception], expected: list[str]
) -> None:
    with pytest.raises(error) as raised:
        resolve(sample_from("files", files), "extra")
    assert all(text in str(raised.value) for text in expected)


@pytest.mark.parametrize(
    ("lists", "says"),
    [
        ({"a.txt": b"@a.txt\n"}, r"a\.txt: @a\.txt: the list contains itself"),
        ({"a.txt": b"@./sub/../a.txt\n", "sub/b": b""}, r"a\.txt: @\S*: the list contains itself"),
        ({"a.txt": b"@b.txt\n", "b.txt": b"http://h/x.root\n@a.txt\n"}, "contains itself"),
        ({"a.txt": b"root\x00\x00\x01\xff\xfe"}, r"files: @a\.txt: not a text file in UTF-8"),
        ({"a.txt": b"a\x00b\n"}, r"files: @a\.txt: not a text file in UTF-8"),
        ({"a.txt": "d\u00e9j\u00e0.root\n".encode("latin1")}, r"files: @a\.txt: not a text file"),
        ({"a.txt": b"@b.txt\n"}, r"files: a\.txt: @b\.txt: cannot be read \(No such file"),
        ({"a.txt/b": b""}, r"files: @a\.txt: cannot be read \(Is a directory"),
    ],
)
def test_lists_that_are_wrong(
    lists: dict[str, bytes], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured = sample_from("files", ["@a.txt"])
    monkeypatch.chdir(tmp_path)
    for name, content in lists.items():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_bytes(content)
    with pytest.raises(InputError, match=says) as raised:
        resolve(configured, "extra")
    assert str(raised.value).startswith("samples.extra.files: ")


def test_a_list_may_be_in_two_others(tmp_path: Path) -> None:
    """Its files are then listed twice, which is another mistake."""
    (tmp_path / "c.txt").write_text("\ufeffhttp://h/x.root\r\n")
    for name in "ab":
        (tmp_path / f"{name}.txt").write_text(f"@{tmp_path}/c.txt\n")
    one = sample_from("files", [f"@{tmp_path}/a.txt"])
    assert resolve(one, "extra") == [InputFile("http://h/x.root")]
    both = sample_from("files", [f"@{tmp_path}/{name}.txt" for name in "ab"])
    with pytest.raises(ConfigError, match=r"x\.root is listed twice"):
        resolve(both, "extra")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files a, b, in a folder `data` that has a second name and whose neighbours have brackets."""
    monkeypatch.chdir(tmp_path)
    for name in ("data", "data [v2]", "[ab]"):
        Path(name).mkdir()
        for file in ("a.root", "b.root"):
            Path(name, file).touch()
    Path("[ab]/[x]*.root").touch()
    os.symlink("data", "again")
    os.link("data/a.root", "hard.root")
    Path("list.txt").write_text("data/a.root\n")
    return tmp_path


def extra(config: Path, *files: str) -> Analysis:
    source = {"process": "wjets", "era": "2016", "cross_section": 1.0, "files": files}
    return load(str(config), [f"samples.extra={json.dumps(source)}"])


CONFIG_PATH = Path(CONFIG).resolve()


@pytest.mark.parametrize(
    "second",
    [
        "data/a.root",
        "./data/a.root",
        "data//a.root",
        "data/../data/a.root",
        "{folder}/data/a.root",
        "file://{folder}/data/a.root",
        "again/a.root",
        "again/*.root",
        "hard.root",
        "data/a.root:Events",
        "@list.txt",
        "@./list.txt",
    ],
)
def test_a_file_that_is_listed_twice(second: str, folder: Path) -> None:
    files = ["data/a.root", "data/b.root", second.format(folder=folder)]
    with pytest.raises(ConfigError, match=r"samples\.extra: data/a\.root is listed twice"):
        resolve(extra(CONFIG_PATH, *files), "extra")


def test_an_address_that_is_listed_twice() -> None:
    files = ["root://host//store/x.root", "ROOT://Host:1094//store//x.root:Events"]
    with pytest.raises(ConfigError, match=r"x\.root is listed twice, the second time as ROOT:"):
        resolve(sample_from("files", files), "extra")


def test_data_that_two_samples_list(folder: Path) -> None:
    def samples(era: str, *files: str) -> Analysis:
        data = [
            f"samples.{name}={json.dumps({'process': 'data', 'era': e, 'files': f})}"
            for name, e, f in (("one", "2016", ["data/*.root"]), ("two", era, files))
        ]
        late = load(str(CONFIG_PATH)).eras["2016"].model_dump_json()
        return load(str(CONFIG_PATH), ["samples.pseudodata=null", f"eras.late={late}", *data])

    with pytest.raises(ConfigError, match=r"samples\.one: data/b\.root is also a file of .*two"):
        resolve(samples("2016", "again/b.root"), "one")
    with pytest.raises(ConfigError, match=r"samples\.two: again/b\.root is also a file of .*one"):
        resolve(samples("2016", "again/b.root"), "two")
    # another era has sections of its own
    assert len(resolve(samples("late", "again/b.root"), "one")) == 2


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[ab]/a.root", ["[ab]/a.root"]),
        ("[ab]/*.root", ["[ab]/[x]*.root", "[ab]/a.root", "[ab]/b.root"]),
        ("[ab]/[x]*.root", ["[ab]/[x]*.root"]),
        ("data [v2]/a.root", ["data [v2]/a.root"]),
        ("data [v2]/[ab].root", ["data [v2]/a.root", "data [v2]/b.root"]),
        ("d[ab]ta/?.root", ["data/a.root", "data/b.root"]),
        ("./data/[a].root:Events", ["data/a.root"]),
        ("data/a.root:Events", ["data/a.root"]),
        ("root://h:1094//a.root:Events", ["root://h:1094//a.root"]),
    ],
)
def test_what_exists_is_a_path_before_it_is_a_pattern(
    text: str, found: list[str], folder: Path
) -> None:
    assert [file.path for file in resolve(extra(CONFIG_PATH, text), "extra")] == found


def test_what_is_no_file(folder: Path) -> None:
    os.symlink("nowhere", "data/dangling.root")
    with pytest.raises(ConfigError, match=r"data is a folder; name its files, data/\*\.root"):
        resolve(extra(CONFIG_PATH, "data"), "extra")
    with pytest.raises(ConfigError, match=r"dangling\.root: a link to a file that does not exist"):
        resolve(extra(CONFIG_PATH, "data/*.root"), "extra")


def test_a_list_in_the_list_is_one_file_in_several_places(tmp_path: Path) -> None:
    for name in ("a.root", "b.root"):
        (tmp_path / name).touch()
    far = ["root://one//a.root", "https://two/a.root"]
    files = [
        far,
        f"{tmp_path}/b.root",
        [f"{tmp_path}/no.root", f"{tmp_path}/a*.root", "root://3/a"],
    ]
    found = sample_from("files", files)
    assert resolve(found, "extra") == [
        InputFile(far[0], replicas=(far[1],)),
        InputFile(f"{tmp_path}/b.root"),
        InputFile(f"{tmp_path}/a.root", replicas=("root://3/a",)),
    ]
    assert resolve(load(CONFIG), "wjets")[0].replicas == ()
    assert replicas(found, "extra", far[0]) == (far[1],)
    assert replicas(found, "extra", "root://one:1094//a.root") == (far[1],)
    assert replicas(found, "extra", far[1]) == (far[0],)
    assert replicas(found, "extra", f"{tmp_path}/b.root") == ()
    assert replicas(found, "wjets", far[0]) == ()


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ([["no.root", "none.root"]], ["samples.extra.files", "no such file"]),
        ([["@list.txt", "http://h/a.root"]], ["samples.extra.files", "@list.txt", "one file"]),
        ([["config/*.yaml", "http://h/a.root"]], ["samples.extra.files", "config/*.yaml", "files"]),
        ([["http://h/a.root", "http://h:80/a.root"]], ["samples.extra", "twice"]),
        ([["http://h/a.root", "http://i/a.root"], "http://i//a.root"], ["samples.extra", "twice"]),
        ([[]], ["samples.extra.files.0", "at least 1"]),
    ],
)
def test_places_that_are_wrong(files: list[Any], expected: list[str]) -> None:
    with pytest.raises(ConfigError) as raised:
        resolve(sample_from("files", files), "extra")
    assert all(text in str(raised.value) for text in expected)


def test_an_unknown_sample_is_named() -> None:
    with pytest.raises(ConfigError, match=r"no sample 'wjet'.*wjets"):
        resolve(analysis(), "wjet")


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    path = tmp_path / "catalogue.json"
    files = [{"path": f"root://host//{n}.root", "nevts": n, "nevts_wt": -1.0} for n in (30, 10, 60)]
    path.write_text(json.dumps({"collisions": {"nominal": {"files": files}}}))
    return path


def data_from(source: dict[str, Any], *more: str) -> Analysis:
    data = {"process": "data", "era": "2016", **source}
    return analysis("samples.pseudodata=null", f"samples.collisions={json.dumps(data)}", *more)


def test_a_catalogue_gives_files_and_their_events(catalogue: Path) -> None:
    source = {"dataset": {"catalogue": str(catalogue), "entry": "collisions"}}
    files = resolve(data_from(source), "collisions")
    assert files == [InputFile(f"root://host//{n}.root", n) for n in (30, 10, 60)]


def test_max_files_scales_by_the_events_that_are_left(catalogue: Path) -> None:
    source = {"dataset": {"catalogue": str(catalogue), "entry": "collisions"}}
    fractions = [
        luminosity_fraction(data_from(source, f"max_files={n}"), "2016") for n in (1, 2, 3, 4)
    ]
    assert fractions == [0.3, 0.4, 1.0, 1.0]


def test_max_files_scales_by_files_where_events_are_unknown() -> None:
    source = {"files": [f"root://host//{n}.root" for n in range(5)]}
    assert luminosity_fraction(data_from(source, "max_files=2"), "2016") == 0.4
    both = {"process": "data", "era": "2016", "files": ["root://host//other.root"]}
    two = data_from(source, "max_files=2", f"samples.more={json.dumps(both)}")
    assert luminosity_fraction(two, "2016") == 3 / 6


@pytest.mark.parametrize(("max_files", "held"), [(None, 100), (1, 30), (2, 40), (3, 100)])
def test_the_luminosity_is_that_of_the_events_in_the_files(
    max_files: int | None, held: int, catalogue: Path
) -> None:
    """The catalogue states 400 events in all; its fourth file states none, and is left out."""
    content = json.loads(catalogue.read_text())
    entry = content["collisions"]["nominal"]
    entry["files"].insert(1, {"path": "root://host//none.root", "nevts": 0})
    catalogue.write_text(json.dumps({"collisions": {"nominal": {**entry, "nevts_total": 400}}}))
    source = {"dataset": {"catalogue": str(catalogue), "entry": "collisions"}}
    found = data_from(source, *([f"max_files={max_files}"] if max_files else []))
    assert [f.events for f in resolve(found, "collisions")] == [30, 10, 60][:max_files]
    assert luminosity_fraction(found, "2016") == held / 400
    scaled, notes = at_luminosity_of_files(found)
    assert scaled.eras["2016"].luminosity == pytest.approx(5.0 * held / 400, rel=1e-12)
    (note,) = notes
    assert f"{held} of 400 events" in note
    assert f"{5.0 * held / 400:.4g} of 5/fb" in note


@pytest.mark.parametrize(
    ("total", "message"),
    [
        (99, r"samples\.collisions\.dataset.*99 events.*100 in its"),
        ("many", r"catalogue\.json: nevts_total of collisions is 'many', not a number of events"),
    ],
)
def test_a_total_that_cannot_be(total: Any, message: str, catalogue: Path) -> None:
    content = json.loads(catalogue.read_text())
    content["collisions"]["nominal"]["nevts_total"] = total
    catalogue.write_text(json.dumps(content))
    source = {"dataset": {"catalogue": str(catalogue), "entry": "collisions"}}
    with pytest.raises(InputError, match=message):
        luminosity_fraction(data_from(source), "2016")


def test_data_that_are_all_there_need_no_file(tmp_path: Path) -> None:
    """Figures are drawn where the files are not."""
    found = data_from({"files": [str(tmp_path / "absent.root")]})
    assert at_luminosity_of_files(found) == (found, [])


def test_without_data_there_is_nothing_to_scale() -> None:
    assert luminosity_fraction(analysis("samples.pseudodata=null", "max_files=1"), "2016") == 1.0


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"other": {}}, ["samples.collisions.dataset.entry", "'collisions'", "other"]),
        ({"collisions": {"up": {}}}, ["dataset.variation", "'nominal'", "up"]),
        ({"collisions": {"nominal": ["a.root"]}}, ["not a catalogue", "nevts"]),
        ({"collisions": {"nominal": {"files": ["a.root"]}}}, ["not a catalogue", "nevts"]),
    ],
)
def test_a_catalogue_that_is_none(content: Any, expected: list[str], tmp_path: Path) -> None:
    path = tmp_path / "catalogue.json"
    path.write_text(json.dumps(content))
    source = {"dataset": {"catalogue": str(path), "entry": "collisions"}}
    with pytest.raises((ConfigError, InputError)) as raised:
        resolve(data_from(source), "collisions")
    assert all(text in str(raised.value) for text in [str(path), *expected])


# The portal: a record that lists its files, one with an index inside, one with a separate index.
RECORD = {
    "/api/records/1": {
        "metadata": {
            "title": "/SingleMuon/Run2016G/NANOAOD",
            "files": [{"uri": "root://host//b.root"}, {"uri": "root://host//readme.txt"}],
            "_file_indices": [
                {"key": "x_file_index.json", "files": [{"uri": "root://host//a.root"}]}
            ],
        }
    },
    "/api/records/2": {"metadata": {"files": [{"uri": "root://host//eos/y_file_index.json"}]}},
    "/record/2/files/y_file_index.json": [{"uri": "root://host//c.root"}],
    "/api/records/3": {"metadata": {"title": "a document", "files": []}},
    "/api/records/4": "no JSON",
}


class Portal(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        reply = RECORD.get(self.path)
        self.send_response(404 if reply is None else 200)
        self.end_headers()
        self.wfile.write((reply if isinstance(reply, str) else json.dumps(reply)).encode())

    def log_message(self, *args: Any) -> None:
        """Stay quiet."""


@pytest.fixture(scope="module")
def portal() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Portal)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_records_name_files_directly_and_through_indices(portal: str) -> None:
    found = query(1, portal)["nominal"]
    assert found["title"] == "/SingleMuon/Run2016G/NANOAOD"
    assert found["files"] == [{"path": "root://host//a.root"}, {"path": "root://host//b.root"}]
    assert query(2, portal)["nominal"]["files"] == [{"path": "root://host//c.root"}]


@pytest.mark.parametrize(
    ("record", "expected"),
    [(3, "no ROOT file"), (4, "no valid answer"), (5, "no valid answer.*404")],
)
def test_records_without_files(record: int, expected: str, portal: str) -> None:
    with pytest.raises(InputError, match=f"record {record}: .*{expected}"):
        query(record, portal)


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        ("http://127.0.0.1:{port}", "127.0.0.1:{port} cannot be reached"),
        ("http://nowhere.invalid", "no server nowhere.invalid"),
        ("opendata.cern.ch", "not an address"),
    ],
)
def test_a_portal_that_cannot_be_asked(
    server: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "WAITS", (0.0,))
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with pytest.raises(InputError, match=expected.format(port=port)):
        query(1, server.format(port=port))


def test_the_command_writes_what_the_resolver_reads(
    portal: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = str(Path(CONFIG).resolve())
    extra = 'samples.extra={"process": "wjets", "era": "2016", "cross_section": 1, "record": %d}'
    monkeypatch.chdir(tmp_path)
    unknown = load(config, [extra % 1])
    with pytest.raises(InputError, match=r"samples\.extra\.record.*python -m zenith datasets"):
        resolve(unknown, "extra")
    command = ["datasets", "--config", config, "--server", portal, "--output", RECORDS]
    assert main([*command, "--set", extra % 1]) == 0
    assert resolve(unknown, "extra") == [
        InputFile("root://host//a.root"),
        InputFile("root://host//b.root"),
    ]
    assert "1" in read_json(RECORDS)
    with pytest.raises(InputError, match=r"lacks the record 2.*zenith datasets"):
        resolve(load(config, [extra % 2]), "extra")
    before = Path(RECORDS).read_bytes()
    assert main([*command, "--set", extra % 5]) == 1
    assert "record 5" in capsys.readouterr().err
    assert Path(RECORDS).read_bytes() == before


def test_asking_for_no_record_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["datasets", "--config", CONFIG]) == 1
    assert "no sample has a record" in capsys.readouterr().err
