"""Fits of random small workspaces against the best of pyhf's minimisers from several starts.

The workspaces have what makes fits hard: bins without counts, variations that are equal, empty and
negative yields, parameters of interest that act on one bin, factors that multiply, and strengths
that may become negative.
"""

from typing import Any

import iminuit
import jax
import numpy as np
import pyhf
import pytest
from numpy.typing import NDArray

from zenith.core.likelihood.significance import expected, observed_significance
from zenith.core.likelihood.workspace import from_workspace

BINS = (3, 1)
STARTS = 20
# Hypothesis would draw others after a change anywhere: its integers come from constants of the code
SEEDS = (
    *range(75),
    4725,  # its last step ends beyond a kink
    362880,  # a yield of −4 makes several minima: ten starts miss the deepest one
)
CLIP = 1e-9  # pyhf takes lower rates for this
FAR = 1e6  # in place of what is not finite


def yields(rng: np.random.Generator, bins: int, scale: float, negative: float) -> NDArray[Any]:
    values = rng.gamma(2.0, scale / 2, bins)
    values[rng.random(bins) < 0.15] = 0.0
    return np.where(rng.random(bins) < negative, -0.3 * values, values)


def modifier(type_: str, name: str, data: Any = None) -> dict[str, Any]:
    return {"type": type_, "name": name, "data": data}


def shape(rng: np.random.Generator, values: NDArray[Any], way: str) -> dict[str, Any]:
    up = values + rng.normal(0, 0.15, len(values)) * np.abs(values)
    up += 0.3 * (rng.random(len(values)) < 0.2)
    down = {"same": up, "one": values, "two": values - (up - values) * rng.uniform(0.5, 1.5)}[way]
    return modifier("histosys", "shape", {"hi_data": up.tolist(), "lo_data": down.tolist()})


def norm(rng: np.random.Generator, name: str, way: str) -> dict[str, Any]:
    up = max(1 + rng.normal(0, 0.15), 0.2)
    down = {"same": up, "one": 1.0, "two": max(2 - up + rng.normal(0, 0.05), 0.2)}[way]
    return modifier("normsys", name, {"hi": up, "lo": down})


def per_bin(rng: np.random.Generator, type_: str, name: str, values: NDArray[Any]) -> Any:
    return modifier(type_, name, (np.abs(values) * rng.uniform(0.02, 0.4, len(values))).tolist())


def workspace(kind: str, seed: int) -> dict[str, Any]:
    """A signal and two backgrounds in two channels; the structure is that of the kind."""
    rng = np.random.default_rng(seed)
    channels = []
    way = str(rng.choice(["two", "one", "same"]))
    for index, bins in enumerate(BINS):
        signal, first, second = (
            yields(rng, bins, scale, negative)
            for scale, negative in ((3.0, 0.0), (10.0, 0.05), (4.0, 0.05))
        )
        first += 20.0 * index
        of_signal = [norm(rng, "norm", way)]
        of_first = [shape(rng, first, way), norm(rng, "norm", way)]
        of_first.append(per_bin(rng, "staterror", f"stat{index}", first))
        of_second = [norm(rng, "norm2", "two")]
        if kind == "one bin":
            if index == 1:
                of_signal = [modifier("shapefactor", "mu")]
            of_second.append(per_bin(rng, "shapesys", f"shape{index}", second + 0.1))
        else:
            of_signal.append(modifier("normfactor", "mu"))
            of_second += [modifier("normfactor", "k")]
            of_second.append(per_bin(rng, "staterror", f"stat{index}", second))
        if kind == "product":
            of_signal.append(modifier("normfactor", "k"))
        samples = [("s", signal, of_signal), ("b1", first, of_first), ("b2", second, of_second)]
        channels.append(
            {
                "name": f"c{index}",
                "samples": [
                    {"name": name, "data": values.tolist(), "modifiers": modifiers}
                    for name, values, modifiers in samples
                ],
            }
        )
    totals = [np.sum([s["data"] for s in c["samples"]], axis=0).clip(0) for c in channels]
    counts = [rng.poisson(total * rng.choice([0, 0.3, 1, 1, 1.7])).tolist() for total in totals]
    parameters = [{"name": "mu", "bounds": [[-5.0, 10.0]]}] if kind == "negative" else []
    return {
        "version": "1.0.0",
        "channels": channels,
        "observations": [{"name": f"c{i}", "data": list(n)} for i, n in enumerate(counts)],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": parameters}}],
    }


class Reference:
    """pyhf's likelihood and the deepest of its minima that Minuit finds."""

    def __init__(self, spec: dict[str, Any], seed: int) -> None:
        workspace = pyhf.Workspace(spec)
        self.model = workspace.model(clip_bin_data=CLIP)
        self.data = np.asarray(workspace.data(self.model), float)
        self.init = np.array(self.model.config.suggested_init())
        self.bounds = np.array(self.model.config.suggested_bounds())
        self.fixed = np.array(self.model.config.suggested_fixed())
        self.poi = self.model.config.poi_index
        self.rng = np.random.default_rng(seed)

    def twice_nll(self, x: NDArray[Any], data: NDArray[Any]) -> float:
        with np.errstate(all="ignore"):
            return -2 * float(self.model.logpdf(x, data)[0])

    def starts(self) -> list[NDArray[Any]]:
        far = [self.init + self.rng.normal(0, s, self.init.size) for s in (0.0, 0.3, 1.0)]
        inside = [x.clip(self.bounds[:, 0] + 1e-6, self.bounds[:, 1] - 1e-6) for x in far]
        return [np.where(self.fixed, self.init, x) for x in inside]

    def best(self, data: NDArray[Any], mu: float | None = None) -> tuple[float, NDArray[Any]]:
        found = []
        for start in self.starts():
            if mu is not None:
                start[self.poi] = mu
            minuit = iminuit.Minuit(lambda x: min(self.twice_nll(x, data), FAR), start)
            minuit.errordef, minuit.tol, minuit.errors = 1, 1e-6, np.full(start.size, 0.1)
            minuit.limits = [tuple(pair) for pair in self.bounds]
            minuit.fixed = self.fixed | ((mu is not None) & (np.arange(start.size) == self.poi))
            minuit.migrad(ncall=20000)
            x = np.array(minuit.values)
            found.append((self.twice_nll(x, data), x))
        return min(found, key=lambda pair: pair[0])

    def possible(self, x: NDArray[Any], data: NDArray[Any]) -> bool:
        """Whether every bin with counts has a rate; elsewhere pyhf's clip stands for infinity."""
        rate = self.model.expected_data(x, include_auxdata=False)
        return bool((rate[data[: rate.size] > CLIP] > 1.01 * CLIP).all())

    def is_minimum(self, x: NDArray[Any], data: NDArray[Any]) -> bool:
        """Projected gradient and curvature by finite differences of pyhf's likelihood."""
        low, high = self.bounds.T
        inside = np.flatnonzero(~self.fixed & (x > low + 1e-3) & (x < high - 1e-3))
        on_bound = np.flatnonzero(~self.fixed & ((x <= low + 1e-8) | (x >= high - 1e-8)))
        h = 1e-4 * np.eye(x.size)
        f = lambda y: self.twice_nll(y, data) / 2  # noqa: E731
        slope = np.array([(f(x + h[i]) - f(x - h[i])) / 2e-4 for i in inside])
        inwards = [f(x + h[i] * (1 if x[i] < low[i] + 1e-3 else -1)) - f(x) for i in on_bound]
        hessian = np.array(
            [
                [
                    (
                        f(x + h[i] + h[j])
                        - f(x + h[i] - h[j])
                        - f(x - h[i] + h[j])
                        + f(x - h[i] - h[j])
                    )
                    / 4e-8
                    for j in inside
                ]
                for i in inside
            ]
        )
        if not inside.size:
            return all(rise > -1e-6 for rise in inwards)
        scale = np.sqrt(np.maximum(np.diag(hessian), 1.0))
        bends = np.linalg.eigvalsh(hessian / np.outer(scale, scale))
        flat = np.abs(slope / scale).max() < 2e-3
        return bool(flat and bends.min() > -1e-3 and all(rise > -1e-6 for rise in inwards))


@pytest.mark.parametrize("kind", ["plain", "one bin", "product", "negative"])
def test_no_minimum_is_deeper_than_ours(kind: str) -> None:
    asimov_fit = jax.jit(expected, static_argnums=(0, 2))
    observed_fit = jax.jit(observed_significance, static_argnums=(0, 3))

    def check(seed: int) -> None:
        spec = workspace(kind, seed)
        reference = Reference(spec, seed)
        structure, templates, counts = from_workspace(spec)
        data = reference.data
        ours = observed_fit(structure, templates, counts, STARTS)
        free, at_free = reference.best(data)
        _, at_zero = reference.best(data, 0.0)
        if reference.possible(at_free, data) and reference.possible(at_zero, data):
            assert ours.converged
            assert float(ours.twice_nll) <= free + 1e-6 * max(1.0, abs(free))
        if ours.converged:
            x = np.asarray(ours.parameters)
            # the number is pyhf's own at these parameters, and a minimum of it
            assert reference.twice_nll(x, data) == pytest.approx(float(ours.twice_nll), abs=1e-6)
            rate = reference.model.expected_data(x, include_auxdata=False)
            if (rate > 1e-2).all():  # no kink close by
                assert reference.is_minimum(x, data)

        nominal = reference.init.copy()
        nominal[reference.poi] = 1.0
        asimov = np.asarray(reference.model.expected_data(nominal))
        z = asimov_fit(structure, templates, STARTS)
        background, at_zero = reference.best(asimov, 0.0)
        if reference.possible(at_zero, asimov):
            q0 = background - reference.twice_nll(nominal, asimov)
            assert z.converged
            assert float(z.z) <= np.sqrt(max(q0, 0.0)) + 1e-5
        if z.converged:
            x = np.asarray(z.parameters)
            q0 = reference.twice_nll(x, asimov) - reference.twice_nll(nominal, asimov)
            assert float(z.z) == pytest.approx(np.sqrt(max(q0, 0.0)), abs=1e-5)

    for seed in SEEDS:
        check(seed)
