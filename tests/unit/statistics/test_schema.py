"""Workspaces and patches with mistakes: each is one message that names the place."""

import contextlib
import json

import numpy as np
import pyhf
import pytest

from zenith.cli import main
from zenith.core.likelihood.workspace import from_workspace
from zenith.errors import ZenithError
from zenith.statistics.schema import check


def modifier(type_, name, data=None):
    return {"type": type_, "name": name, "data": data}


def workspace():
    """Every type of modifier, two channels, and settings of every kind."""
    mu, lumi = modifier("normfactor", "mu"), modifier("lumi", "lumi")
    shape = modifier("histosys", "jes", {"hi_data": [21.0, 8.0], "lo_data": [19.0, 6.5]})
    background = [
        shape,
        modifier("normsys", "rate", {"hi": 1.1, "lo": 0.9}),
        modifier("staterror", "stat", [1.0, 0.5]),
    ]
    other = [modifier("shapesys", "bins", [0.5, 0.4]), modifier("shapefactor", "free")]
    samples = {
        "signal": ([5.0, 2.0], [mu, lumi]),
        "background": ([20.0, 7.0], background),
        "other": ([3.0, 1.0], other),
    }
    listed = [{"name": n, "data": d, "modifiers": m} for n, (d, m) in samples.items()]
    control = [{"name": "background", "data": [50.0], "modifiers": []}]
    luminosity = {"inits": [1.0], "bounds": [[0.5, 1.5]], "auxdata": [1.0], "sigmas": [0.02]}
    parameters = [
        {"name": "lumi", **luminosity},
        {"name": "mu", "inits": [1.0], "bounds": [[-5.0, 10.0]], "fixed": False},
        {"name": "bins", "factors": [30.0, 6.0]},
    ]
    return {
        "version": "1.0.0",
        "channels": [{"name": "a", "samples": listed}, {"name": "c", "samples": control}],
        "observations": [{"name": "a", "data": [26, 8]}, {"name": "c", "data": [51]}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": parameters}}],
    }


def places(content, path=()):
    """The path of everything in a JSON document."""
    yield path
    if isinstance(content, dict | list):
        for key in content if isinstance(content, dict) else range(len(content)):
            yield from places(content[key], (*path, key))


def at(content, path):
    for key in path:
        content = content[key]
    return content


def changed(path, value):
    spec = workspace()
    at(spec, path[:-1])[path[-1]] = value
    return spec


def read(spec):
    check(spec)
    return from_workspace(spec)


SIGNAL = ("channels", 0, "samples", 0)
JES, RATE, STAT = (("channels", 0, "samples", 1, "modifiers", i, "data") for i in range(3))
OTHER = ("channels", 0, "samples", 2, "modifiers")
CONFIG = ("measurements", 0, "config")
SETTINGS = (*CONFIG, "parameters")
TWICE = "is there twice: rename or remove one"


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        # what pyhf's schema says, with the place in the JSON and the names of what it belongs to
        (("channels",), [], "channels: the list is empty"),
        (("channels", 0, "samples"), [], "channels[0].samples (channel 'a'): the list is empty"),
        ((*SIGNAL, "data"), [], "channels[0].samples[0].data (channel 'a', sample 'signal'): the"),
        ((*SIGNAL, "data"), ["5", "x"], "data[0] (channel 'a', sample 'signal'): \"5\" is not"),
        ((*SIGNAL, "data"), [5.0, [2.0]], "data[1] (channel 'a', sample 'signal'): [2.0] is not a"),
        ((*SIGNAL, "data", 1), None, "(channel 'a', sample 'signal'): null is not a number"),
        ((*SIGNAL, "data"), {"0": 5.0}, "sample 'signal'): {\"0\": 5.0} is not a list"),
        ((*SIGNAL, "modifiers", 0), "mu", '"mu" is not an object with keys'),
        ((*SIGNAL, "modifiers", 0), {"name": "mu", "data": None}, "'type' is missing"),
        ((*SIGNAL, "modifiers", 0, "type"), "normsis", 'unknown type "normsis" (known: histosys,'),
        (RATE, {"hi": 1.1}, "modifier 'rate'): 'lo' is missing"),
        ((*RATE, "hi"), "1.1", "sample 'background', modifier 'rate'): \"1.1\" is not a number"),
        ((*JES, "hi_data", 0), "x", 'modifiers[0].data.hi_data[0] (channel \'a\', sample \'backgr'),
        ((*JES, "mid"), 1.0, "unknown key 'mid' (known: lo_data, hi_data)"),
        (STAT, [[1.0], [0.5]], "modifiers[2].data[0] (channel 'a', sample 'background', modifier"),
        (("observations", 1, "data"), ["51"], "observations[1].data[0] (observation 'c'): \"51\""),
        ((*CONFIG, "poi"), None, "measurements[0].config.poi (measurement 'm'): null is not text"),
        (CONFIG, {"parameters": []}, "measurements[0].config (measurement 'm'): 'poi' is missing"),
        ((*SETTINGS, 1, "fixed"), "false", "parameter 'mu'): \"false\" is not true or false"),
        ((*SETTINGS, 1, "fixed"), 0, "parameter 'mu'): 0 is not true or false"),
        ((*SETTINGS, 1, "bounds"), [0, 10], "parameters[1].bounds[0] (measurement 'm', parameter"),
        ((*SETTINGS, 1, "inits"), 1.0, "parameter 'mu'): 1.0 is not a list"),
        (("version",), "2.0.0", 'version: "2.0.0" is not "1.0.0"'),
        (("channles",), [], "the top level: unknown key 'channles' (known: channels, measurem"),
        # what it does not say
        ((*SIGNAL, "data"), [5.0], "channel 'a', sample 'background', data: 2 values for 1 bins"),
        ((*SIGNAL, "data", 1), float("nan"), "sample 'signal', data: not a list of finite"),
        ((*SIGNAL, "data", 0), float("inf"), "sample 'signal', data: not a list of finite"),
        ((*SIGNAL, "data", 0), 10**400, "sample 'signal', data: not a list of finite"),
        ((*SIGNAL, "data", 1), True, "channel 'a', sample 'signal', data[1]: True is not a number"),
        ((*JES, "lo_data"), [19.0], "histosys 'jes', lo_data: 1 values for 2 bins"),
        ((*RATE, "hi"), 0.0, "normsys 'rate': hi and lo must be positive"),
        ((*RATE, "lo"), float("nan"), "normsys 'rate', hi and lo: not a list of finite numbers"),
        (STAT, [1.0, -0.5], "staterror 'stat': -0.5 is below 0"),
        ((*OTHER, 0, "data"), [-0.5, 0.4], "shapesys 'bins': -0.5 is below 0"),
        ((*OTHER, 0, "data"), [0.5, 0.4, 0.3], "shapesys 'bins': 3 values for 2 bins"),
        (("observations", 0, "data"), [26, -1], "channel 'a', observation: -1 is below 0"),
        (("observations", 0, "data"), [26], "channel 'a', observation: 1 values for 2 bins"),
        (("observations", 0, "name"), "b", "channel 'a' has no observation"),
        ((*CONFIG, "poi"), "", "measurement 'm' names no parameter of interest"),
        ((*CONFIG, "poi"), "nu", "parameter of interest 'nu' is not in the model"),
        ((*SETTINGS, 1, "bounds"), [[0]], "parameter 'mu', bounds: [0] is not a pair [low, high]"),
        ((*SETTINGS, 1, "bounds"), [[0, 5, 9]], "bounds: [0, 5, 9] is not a pair [low, high]"),
        ((*SETTINGS, 1, "bounds"), [[10, -5]], "bounds: [10, -5] is not a pair [low, high]"),
        ((*SETTINGS, 1, "bounds"), [[0, float("inf")]], "bounds: not a list of finite numbers"),
        ((*SETTINGS, 1, "bounds"), [[0, 10], [0, 10]], "parameter 'mu': bounds has 2 entries"),
        ((*SETTINGS, 1, "inits"), [20.0], "parameter 'mu': inits (20.0,) outside of bounds"),
        ((*SETTINGS, 1, "inits"), [1.0, 1.0], "parameter 'mu': inits has 2 entries, expected 1"),
        ((*SETTINGS, 0, "sigmas"), [0.0], "parameter 'lumi', sigmas: [0.0] must be positive"),
        ((*SETTINGS, 2, "factors"), [30.0, 0.0], "'bins', factors: [30.0, 0.0] must be positive"),
        # what is there twice, of which one would be left out without a word
        (("channels", 1, "name"), "a", f"channel 'a' {TWICE}"),
        (("channels", 0, "samples", 1, "name"), "signal", f"channel 'a': sample 'signal' {TWICE}"),
        (("observations", 1, "name"), "a", f"the observation of channel 'a' {TWICE}"),
        ((*SETTINGS, 1, "name"), "lumi", f"measurement 'm': parameter 'lumi' {TWICE}"),
        (("measurements",), workspace()["measurements"] * 2, f"measurement 'm' {TWICE}"),
        ((*SIGNAL, "modifiers"), [modifier("normfactor", "mu")] * 2, "(normfactor) is listed twi"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_message_with_its_place(path, value, message):
    with pytest.raises(ZenithError) as error:
        read(changed(path, value))
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 400


WRONG = (None, True, "x", -1.0, 10**400, float("nan"), [], ["x"], [[1.0], [1.0, 2.0]], {}, [{}])


@pytest.mark.parametrize(("reader", "values"), [(from_workspace, WRONG), (read, WRONG[::4])])
def test_whatever_stands_anywhere_is_read_or_refused(reader, values):
    """Every place of the document gets every kind of value: never another kind of error."""
    outcomes = set()
    for path in list(places(workspace()))[1:]:
        for wrong in values:
            try:
                found = reader(changed(path, wrong))
                outcomes.add(np.isfinite(found.observed).all())
            except ZenithError:
                outcomes.add("refused")
        missing = workspace()
        del at(missing, path[:-1])[path[-1]]
        with contextlib.suppress(ZenithError):
            reader(missing)
    assert outcomes == {True, "refused"}
    for whole in WRONG:
        with pytest.raises(ZenithError):
            reader(whole)


def test_a_good_workspace_is_read_whole():
    structure, templates, counts = read(workspace())
    np.testing.assert_array_equal(counts, [26, 8, 51])
    np.testing.assert_array_equal(templates.nominal.sum(0), [28, 10, 50])
    assert structure.parameters.poi == structure.parameters.names.index("mu")


def background_only():
    return {
        "version": "1.0.0",
        "channels": [
            {"name": "c", "samples": [{"name": "b", "data": [20.0, 7.0], "modifiers": []}]}
        ],
        "observations": [{"name": "c", "data": [26.0, 8.0]}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
    }


SIGNALS = {"m_500": [4.0, 6.0], "m_900": [1.0, 5.0]}


def operations(yields, path="/channels/0/samples/0"):
    signal = {"name": "s", "data": yields, "modifiers": [modifier("normfactor", "mu")]}
    return [{"op": "add", "path": path, "value": signal}]


def patch_set(**changes):
    """As on HEPData: two signals, for the background alone."""
    metadata = {
        "references": {"hepdata": "ins1234567"},
        "description": "two signals",
        "digests": {"sha256": pyhf.utils.digest(background_only())},
        "labels": ["mass"],
    }
    patches = [
        {"metadata": {"name": name, "values": [mass]}, "patch": operations(yields)}
        for mass, (name, yields) in enumerate(SIGNALS.items())
    ]
    return {"metadata": metadata, "version": "1.0.0", "patches": patches, **changes}


@pytest.fixture
def command(tmp_path, capsys):
    """`zenith significance` of a workspace with a patch: exit status, output, errors."""

    def run(spec, patch=None, name=""):
        for file, content in (("w.json", spec), ("p.json", patch)):
            text = content if isinstance(content, str) else json.dumps(content)
            (tmp_path / file).write_text(text)
        arguments = [] if patch is None else ["--patch", f"{tmp_path / 'p.json'}{name}"]
        status = main(["significance", str(tmp_path / "w.json"), *arguments])
        return status, *capsys.readouterr()

    return run


@pytest.mark.parametrize("name", SIGNALS)
def test_a_patch_of_a_set_is_taken_by_its_name(name, command):
    status, out, _ = command(background_only(), patch_set(), f":{name}")
    assert status == 0
    s, b = np.array(SIGNALS[name]), np.array([20.0, 7.0])
    z = np.sqrt((2 * ((s + b) * np.log1p(s / b) - s)).sum())
    assert json.loads(out)["expected"] == pytest.approx(z, rel=1e-12)


def test_an_existing_path_with_a_colon_is_a_path(tmp_path, capsys):
    (tmp_path / "w.json").write_text(json.dumps(background_only()))
    (tmp_path / "p:m_500").write_text(json.dumps(operations([4.0, 6.0])))
    patch = str(tmp_path / "p:m_500")
    assert main(["significance", str(tmp_path / "w.json"), "--patch", patch]) == 0
    assert json.loads(capsys.readouterr().out)["expected"] > 1


OTHER_DIGEST = {**patch_set()["metadata"], "digests": {"sha256": "0" * 64}}
UNNAMED = [{"metadata": {"name": "m", "values": []}, "patch": operations([4.0, 6.0])}]


@pytest.mark.parametrize(
    ("patch", "name", "message"),
    [
        (patch_set(), "", "p.json: is a patch set: give one of its names, FILE:NAME, of m_500, m_"),
        (patch_set(), ":", "is a patch set: give one of its names, FILE:NAME, of m_500, m_900"),
        (patch_set(), ":m_90", "has no patch 'm_90': give one of its names, FILE:NAME, of m_500"),
        (patch_set(), ":name", "has no patch 'name'"),
        (patch_set(metadata=OTHER_DIGEST), ":m_500", "patch set of another workspace than this on"),
        (patch_set(patches=[]), ":m_500", "not a pyhf patch set: patches: the list is empty"),
        (patch_set(patches=UNNAMED), ":m", "is not a pyhf patch set: Incompatible number of val"),
        (patch_set(patches=patch_set()["patches"][:1] * 2), ":m_500", "Multiple patches were def"),
        (patch_set(metadata={}), ":m_500", "not a pyhf patch set: metadata: 'references' is missi"),
        ({"name": "signal"}, "", "does not apply: it is neither a JSON patch, which is a list of"),
        (operations([1.0, 2.0]), ":m_500", "is a single patch, not a patch set: leave out the nam"),
        (operations([1.0, 2.0], "/channels/3/samples/0"), "", "p.json: does not apply to the work"),
        (operations([1.0, 2.0], "/version/0"), "", "p.json: does not apply to the workspace as a "),
        (operations([1.0, 2.0], "channels"), "", "p.json: does not apply to the workspace as a pa"),
        (operations([1.0, 2.0], 5), "", "p.json: [0].path: 5 is not text"),
        (operations([1.0]), "", "p.json: channel 'c', sample 'b', data: 2 values for 1 bins"),
        ([{"op": "add"}], "", "p.json: [0]: 'path' is missing"),
        ([5], "", "p.json: [0]: 5 is not an object with keys"),
        ("nothing", "", "p.json: not a JSON file: Expecting value: line 1 column 1"),
        ('{"patches": [], "patches": []}', "", "p.json: not a JSON file: an object has the key 'p"),
    ],
)  # fmt: skip
def test_a_patch_that_cannot_be_taken_is_one_message(patch, name, message, command):
    status, out, error = command(background_only(), patch, name)
    assert (status, out) == (1, "")
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "w.json: not a JSON file"),
        ("[" * 100_000, "w.json: not a JSON file: maximum recursion depth"),
        ('{"version": "1.0.0", "version": "1.0.0"}', "an object has the key 'version' twice"),
        ([background_only()], "w.json: the top level: [{"),
        (5, "w.json: the top level: 5 is not an object with keys"),
        (background_only(), "parameter of interest 'mu' is not in the model (normfactors: none)"),
        (json.dumps(workspace()).replace("51", "NaN"), "channel 'c', observation: not a list of f"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_workspace_is_one_message(text, message, command):
    status, out, error = command(text)
    assert (status, out) == (1, "")
    assert message in error
    assert error.count("\n") == 1
