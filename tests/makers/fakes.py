"""A toy of loose and tight leptons with a known fake factor and 30 % of prompt ones."""

from collections.abc import Callable, Iterable

import numpy as np

from zenith.statistics.fake_factors import FIXED, NOMINAL, Counted, components, versions

Factor = Callable[[np.ndarray, np.ndarray], np.ndarray]
FEATURES = ("pt", "abs_eta")
EDGES = (np.array([25.0, 40.0, 1000.0]), np.array([0.0, 1.2, 2.4]))
PROMPT = 0.3
"""Share of prompt leptons among loose data."""
SIMULATED = 2.0
"""Events of simulation for each that is expected."""


def stepped(pt: np.ndarray, eta: np.ndarray) -> np.ndarray:
    """Constant in the bins of EDGES."""
    return 0.1 + 0.1 * (pt > 40.0) + 0.05 * (eta > 1.2)


def smooth(pt: np.ndarray, eta: np.ndarray) -> np.ndarray:
    return 0.1 + 0.15 * np.exp(-(pt - 25.0) / 30.0) + 0.05 * eta


def leptons(rng: np.random.Generator, number: int, scale: float) -> np.ndarray:
    """pT in GeV, of an exponential above 25 GeV, and |eta|; (2, number)."""
    return np.stack([25.0 + rng.exponential(scale, number), rng.uniform(0.0, 2.4, number)])


def region(rng: np.random.Generator, fakes: float, scale: float, factor: Factor) -> Counted:
    """Events of a region where `fakes` loose leptons are expected that are not prompt."""
    prompt = fakes * PROMPT / (1.0 - PROMPT)
    x = leptons(rng, rng.poisson(fakes), scale)
    parts = [(x, 1.0, False)]
    x = leptons(rng, rng.poisson(fakes), scale)
    parts.append((x[:, rng.random(x.shape[1]) < factor(*x)], 1.0, True))
    for tight, expected in ((False, prompt), (True, 0.1 * fakes)):
        parts.append((leptons(rng, rng.poisson(expected), 40.0), 1.0, tight))
        simulated = leptons(rng, rng.poisson(SIMULATED * expected), 40.0)
        parts.append((simulated, -1.0 / SIMULATED, tight))
    weight = np.concatenate([np.full(x.shape[1], w) for x, w, _ in parts])
    flags = np.concatenate([np.full(x.shape[1], tight) for x, _, tight in parts])
    return Counted(
        np.concatenate([x for x, _, _ in parts], axis=1).astype(np.float32),
        weight,
        flags,
        weight > 0.0,
    )


def pulls(
    measure: Callable[[Counted, np.ndarray, int], Callable[[np.ndarray], np.ndarray]],
    factor: Factor,
    toys: Iterable[int],
    *,
    measured: float,
    replicas: int,
) -> np.ndarray:
    """(predicted - expected) / error of the fakes that a factor predicts elsewhere.

    There leptons are harder than in the measurement region, which has `measured` fakes. The error
    is that of the loose events there and of the nuisance parameters of the bootstrap.
    """
    elsewhere = 1000.0
    x = leptons(np.random.default_rng(1), 1_000_000, 22.0)
    expected = elsewhere * factor(*x).mean()
    found = []
    for toy in toys:
        rng = np.random.default_rng([toy, 3])
        events = region(rng, measured, 18.0, factor)
        loose = region(rng, elsewhere, 22.0, factor)
        loose = loose.take(~loose.tight)
        rows = measure(events, versions(events, 0.1, replicas, rng), toy)(loose.x)
        weight = loose.weight * rows[NOMINAL]
        changes, _ = components(
            loose.weight * (rows[FIXED:] - rows[NOMINAL]), np.full(len(weight), True), 3
        )
        variance = (weight**2).sum() + (changes.sum(axis=1) ** 2).sum()
        found.append((weight.sum() - expected) / np.sqrt(variance))
    return np.array(found)
