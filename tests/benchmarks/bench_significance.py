"""Expected significance with its gradient, beside an older commit, pyhf and everwillow.

    python tests/benchmarks/bench_significance.py [--quick] [--against COMMIT]

Prints a line a model. Zenith's time is that of Z and its gradient, in a process of its own; so is
that of COMMIT (e2b1616 unless another is named), unpacked from this clone into a temporary folder.
pyhf (numpy backend, scipy) and everwillow (`pip install everwillow` beside the lock, BFGS; left out
where it is not installed) compute q0 alone, everwillow from Zenith's own likelihood, compiled. All
take turns, and a time is the shortest of all calls after the first. `steps` are those of Newton's
method, `expansions` the evaluations of gradient and Hessian. `--quick` leaves out the largest
model, which takes pyhf minutes.
"""

import argparse
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pyhf

# older commits have no folder of the likelihood
LIKELIHOOD = "zenith.core.likelihood" if find_spec("zenith.core.likelihood") else "zenith.core"
histfactory = import_module(f"{LIKELIHOOD}.histfactory")
expected = import_module(f"{LIKELIHOOD}.significance").expected
from_workspace = import_module(f"{LIKELIHOOD}.workspace").from_workspace

# channels, bins, samples, nuisance parameters beside the gammas of the bins
CASES = [(1, 20, 4, 10), (1, 20, 4, 50), (5, 40, 6, 100)]
Case = tuple[int, int, int, int]
OLDER = "e2b1616"
ROOT = Path(__file__).parents[2]
TURNS = 7


def workspace(channels: int, bins: int, samples: int, nuisances: int) -> dict[str, Any]:
    """A peak on falling backgrounds; half of the nuisances are shapes, half normalisations."""
    rng = np.random.default_rng(0)
    x = np.arange(bins) / bins
    sizes = rng.uniform(0.01, 0.05, (nuisances, 2))
    tilts = rng.uniform(-0.05, 0.05, nuisances)

    def sample(index: int, channel: int) -> dict[str, Any]:
        peak, fall = 30 * np.exp(-((x - 0.5) ** 2) / 0.03), 200 / (index or 1) * np.exp(-3 * x) + 5
        yields = (fall if index else peak) * rng.uniform(0.9, 1.1, bins)
        modifiers = [
            {"name": f"stat_{channel}", "type": "staterror", "data": (0.05 * yields).tolist()}
        ]
        if index == 0:
            modifiers.append({"name": "mu", "type": "normfactor", "data": None})
        for k, (up, down) in enumerate(sizes):
            tilt = 1 + tilts[k] * (2 * x - 1)
            if k % 2:
                data = {"hi_data": (yields * tilt).tolist(), "lo_data": (yields / tilt).tolist()}
                modifiers.append({"name": f"shape_{k}", "type": "histosys", "data": data})
            else:
                data = {"hi": 1 + up, "lo": 1 - down}
                modifiers.append({"name": f"norm_{k}", "type": "normsys", "data": data})
        return {"name": f"sample_{index}", "data": yields.tolist(), "modifiers": modifiers}

    spec = [
        {"name": f"channel_{c}", "samples": [sample(s, c) for s in range(samples)]}
        for c in range(channels)
    ]
    counts = [np.sum([s["data"] for s in c["samples"]], axis=0).tolist() for c in spec]
    return {
        "version": "1.0.0",
        "channels": spec,
        "observations": [{"name": c["name"], "data": n} for c, n in zip(spec, counts, strict=True)],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
    }


def shortest(function: Callable[[], Any], calls: int) -> tuple[float, Any]:
    """Shortest time of several calls, in seconds, and the last result."""
    times = []
    for _ in range(calls):
        start = time.perf_counter()
        result = function()
        times.append(time.perf_counter() - start)
    return min(times), result


def z_and_gradient(case: Case) -> Callable[[], Any]:
    """Zenith, compiled."""
    structure, templates, _ = from_workspace(workspace(*case))

    def z_and_diagnostics(templates: Any) -> Any:
        result = expected(structure, templates)
        return result.z, result

    function = jax.jit(jax.value_and_grad(z_and_diagnostics, has_aux=True))
    return lambda: jax.block_until_ready(function(templates))


def everwillow_q0(case: Case) -> Callable[[], Any]:
    """everwillow's fit of Zenith's likelihood to the same data, compiled; without bounds."""
    import everwillow
    from everwillow import statelib

    structure, templates, _ = from_workspace(workspace(*case))
    poi = structure.parameters.poi
    others = np.delete(np.arange(len(structure.parameters.names)), poi)

    def q0(templates: Any) -> Any:
        model = histfactory.prepare(structure, templates)
        data = histfactory.asimov(structure, model, histfactory.nominal(structure, 1.0))
        start = histfactory.nominal(structure, 0.0)

        def nll(parameters: Any, data: Any) -> Any:
            theta = jax.numpy.asarray(start).at[others].set(parameters["others"])
            return histfactory.deviance(structure, model, theta, data)

        begin = statelib.State.from_pytree({"others": jax.numpy.asarray(start[others])})
        return 2 * everwillow.fit(nll, begin, data, throw=False).nll

    function = jax.jit(q0)
    return lambda: jax.block_until_ready(function(templates))


def pyhf_q0(case: Case) -> Callable[[], Any]:
    """pyhf's fit to the same data."""
    model = pyhf.Workspace(workspace(*case)).model()
    config = model.config
    theta = config.suggested_init()
    theta[config.poi_index] = 1.0
    data = model.expected_data(theta)
    settings = config.suggested_init(), config.suggested_bounds(), config.suggested_fixed()
    return lambda: pyhf.infer.test_statistics.q0(0.0, data, model, *settings)


class Zenith:
    """Z and gradient of a source tree, in a process of its own that times calls when asked."""

    def __init__(self, source: Path) -> None:
        environment = {k: v for k, v in os.environ.items() if k != "JAX_COMPILATION_CACHE_DIR"}
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--serve"],
            env=environment | {"PYTHONPATH": str(source)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, case: Case, calls: int) -> dict[str, Any]:
        """What `serve` replies."""
        assert self._process.stdin
        assert self._process.stdout
        print(json.dumps([case, calls]), file=self._process.stdin, flush=True)
        return dict(json.loads(self._process.stdout.readline()))

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


def serve() -> None:
    """Time what standard input asks for: lines of [case, calls]."""
    functions: dict[Case, tuple[Callable[[], Any], float]] = {}
    for line in sys.stdin:
        asked, calls = json.loads(line)
        case: Case = tuple(asked)
        if case not in functions:
            functions[case] = z_and_gradient(case), 0.0
            start = time.process_time()
            functions[case][0]()
            functions[case] = functions[case][0], time.process_time() - start
        function, compilation = functions[case]
        seconds, ((z, result), _) = shortest(function, calls)
        reply = {"seconds": seconds, "compilation": compilation, "z": float(z)}
        reply["steps"] = int(result.iterations)
        reply["expansions"] = int(getattr(result, "expansions", -1))  # not counted once
        print(json.dumps(reply), flush=True)


def unpacked(commit: str, folder: str) -> Path | None:
    """The sources of a commit of this clone, or None where it has none of that name."""
    command = ["git", "-C", str(ROOT), "archive", commit, "src"]
    archive = subprocess.run(command, capture_output=True, check=False)
    if archive.returncode:
        return None
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")
    return Path(folder) / "src"


def claim(what: str, measured: str, wanted: str, beside: str) -> None:
    print(f"claim\t{what}\t{measured}\t{wanted}\t{beside}", flush=True)


def compare(case: Case, zenith: Zenith, older: Zenith | None, commit: str, peer: bool) -> None:
    """Print the line of a model, and its claims."""
    calls = 200 if case[0] == 1 else 50
    q0, peer_q0 = pyhf_q0(case), everwillow_q0(case) if peer else None
    times: dict[str, list[float]] = {"zenith": [], "older": [], "pyhf": [], "everwillow": []}
    peer_z = np.nan
    for turn in range(TURNS):  # so that a busy moment of the machine hits all
        ours = zenith(case, calls)
        times["zenith"].append(ours["seconds"])
        if older:
            old = older(case, calls)
            times["older"].append(old["seconds"])
        if peer_q0:
            if turn == 0:
                peer_q0()
            seconds, value = shortest(peer_q0, 3)
            times["everwillow"].append(seconds)
            peer_z = float(value) ** 0.5
        if turn == 0 or case[0] == 1:
            seconds, value = shortest(q0, 1)
            times["pyhf"].append(seconds)
            pyhf_z = float(value) ** 0.5
    best = {name: 1e3 * min(each, default=np.nan) for name, each in times.items()}
    channels, bins, samples, nuisances = case
    name = f"{channels} x {bins} x {samples}, {nuisances} nuisances"
    steps = f"{ours['steps']} steps, {ours['expansions']} expansions"
    print(
        name.ljust(28),
        *(f"{best[which]:12.3f}" for which in times),
        f"{ours['compilation']:12.1f} {old['compilation'] if older else np.nan:12.1f}",
        f"{ours['steps']:6d} {ours['expansions']:11d}",
        f"{ours['z']:10.6f} {pyhf_z:10.6f} {peer_z:10.6f}",
        flush=True,
    )
    ratio = {which: best[which] / best["zenith"] for which in best}
    what = f"Z and gradient, {name}"
    claim(what, f"{ratio['pyhf']:.0f} x, {steps}", "1000 x, 12 steps", "pyhf, q0 alone")
    if older:
        wanted = "2 x" if nuisances >= 50 else "-"
        claim(what, f"{ratio['older']:.2f} x", wanted, f"Zenith {commit}")
    if peer:
        claim(what, f"{ratio['everwillow']:.1f} x", "-", "everwillow, q0 alone")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--against", metavar="COMMIT", default=OLDER)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    jax.config.update("jax_cpu_enable_async_dispatch", False)
    if args.serve:
        return serve()
    peer = find_spec("everwillow") is not None
    with tempfile.TemporaryDirectory() as folder:
        source = unpacked(args.against, folder)
        zenith, older = Zenith(ROOT / "src"), Zenith(source) if source else None
        print(f"zenith (jax {jax.__version__}): Z and gradient; pyhf {version('pyhf')}: q0 alone")
        print(f"older: {args.against}" if source else f"no commit {args.against} in this clone")
        print(f"everwillow {version('everwillow')}" if peer else "everwillow is not installed")
        columns = ["zenith/ms", "older/ms", "pyhf/ms", "everwillow", "compile/s", "older/s"]
        tail = f"{'steps':>6} {'expansions':>11} {'Z zenith':>10} {'Z pyhf':>10} {'Z everw.':>10}"
        print("model".ljust(28), *(f"{column:>12}" for column in columns), tail, flush=True)
        for case in CASES[:-1] if args.quick else CASES:
            compare(case, zenith, older, args.against, peer)
        for process in (zenith, older):
            if process:
                process.close()


if __name__ == "__main__":
    main()
