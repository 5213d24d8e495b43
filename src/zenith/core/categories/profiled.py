"""The expected discovery significance of categories with everything that is not known.

The categories are the bins of one channel of a HistFactory model (`core/objective.py`): staterror
in every bin, uncertainties of normalisation, and variations of weights, each of which is split into
its change of a sample's yield (normsys) and the rest (histosys). Each signal is sought with its own
strength, against the backgrounds and the other signals at their expectation.
"""

from dataclasses import dataclass, field

import jax.numpy as jnp
import numpy as np
from jax import Array

from zenith.core.categories.counting import Counting
from zenith.core.categories.yields import Yields
from zenith.core.likelihood.composition import Modifier
from zenith.core.likelihood.recipe import Histograms
from zenith.core.likelihood.structure import Structure, Templates
from zenith.core.selection.objective import Objective, Systematic
from zenith.errors import ConfigError

CHANNEL, STRENGTH, STATISTICAL = "categories", "mu", "staterror_categories"


@dataclass(frozen=True)
class Normalisation:
    """A nuisance parameter that scales samples: by 1 ± the relative uncertainty of each."""

    name: str
    uncertainties: tuple[tuple[str, float], ...]  # (sample, relative uncertainty)


@dataclass(frozen=True)
class ProfiledLikelihood:
    """The objective of a HistFactory model whose bins are categories.

    `samples` has the names of the samples, the signals first; `variations` those of the variations
    of weights; `counting` says how signals are combined. Raises `ConfigError` for a name that is
    used twice, a sample that is not there, and uncertainties outside of 0 to 1.
    """

    signals: int
    samples: tuple[str, ...]
    normalisations: tuple[Normalisation, ...] = ()
    variations: tuple[str, ...] = ()
    counting: Counting = field(default_factory=Counting)

    def __post_init__(self) -> None:
        names = [STRENGTH, STATISTICAL, *(n.name for n in self.normalisations), *self.variations]
        for what, given in (("nuisance parameter", names), ("sample", self.samples)):
            for name in given:
                if given.count(name) > 1:
                    raise ConfigError(f"{what} '{name}': two have this name; rename one")
        for norm in self.normalisations:
            for sample, uncertainty in norm.uncertainties:
                if sample not in self.samples:
                    raise ConfigError(
                        f"normalisation uncertainty '{norm.name}': there is no sample '{sample}', "
                        f"only {', '.join(self.samples)}"
                    )
                if not 0 < uncertainty < 1:
                    raise ConfigError(
                        f"normalisation uncertainty '{norm.name}' of '{sample}' must be a relative "
                        f"one, between 0 and 1, and is {uncertainty:g}"
                    )

    @property
    def detailed(self) -> bool:
        """Every background and variation for itself."""
        return True

    @property
    def additive(self) -> bool:
        """Nuisance parameters are shared by all categories."""
        return False

    def objective(self, signal: int, categories: int) -> Objective:
        """The model in which the strength of one of the signals is free."""
        samples, systematics = self.samples, self.variations
        modifiers = [Modifier("normfactor", STRENGTH, CHANNEL, samples[signal])]
        for sample in samples:
            modifiers.append(Modifier("staterror", STATISTICAL, CHANNEL, sample))
            modifiers += [Modifier("histosys", name, CHANNEL, sample) for name in systematics]
            modifiers += [Modifier("normsys", name, CHANNEL, sample) for name in systematics]
        for norm in self.normalisations:
            modifiers += [Modifier("normsys", norm.name, CHANNEL, s) for s, _ in norm.uncertainties]
        structure = Structure(((CHANNEL, categories),), samples, tuple(modifiers), STRENGTH)
        relative = np.zeros((len(structure.normsys), len(samples), 1))
        for norm in self.normalisations:
            for sample, uncertainty in norm.uncertainties:
                relative[structure.normsys.index(norm.name), samples.index(sample)] = uncertainty
        empty = jnp.zeros((len(samples), categories))
        variations = jnp.zeros((len(systematics), *empty.shape))
        constants = Templates(
            nominal=empty,
            histosys_up=variations,
            histosys_down=variations,
            normsys_up=jnp.asarray(1 + relative),
            normsys_down=jnp.asarray(1 - relative),
            uncertainty=empty[None],
        )
        return Objective(
            structure,
            constants,
            background=samples[self.signals :],
            systematics=tuple(Systematic(n, f"{n}_up", f"{n}_down") for n in systematics),
        )

    def templates(self, signal: int, yields: Yields) -> tuple[Objective, Templates]:
        """The model of one of the signals, and its templates; differentiable."""
        objective = self.objective(signal, yields.samples.shape[-1])
        variations = {
            f"{name}_{side}": yields.varied[v, d]
            for v, name in enumerate(self.variations)
            for d, side in enumerate(("up", "down"))
        }
        histograms = Histograms(yields.samples, yields.variances, variations)
        return objective, objective.templates({CHANNEL: histograms}, self.samples)

    def significances(self, yields: Yields) -> Array:
        """Z of every signal, (A,); NaN where a fit did not converge."""
        yields = Yields(*map(jnp.asarray, yields))
        models = (self.templates(signal, yields) for signal in range(self.signals))
        return jnp.stack([objective.value(templates) for objective, templates in models])

    def value(self, yields: Yields) -> Array:
        """The objective of yields, a scalar; a fit that did not converge counts as no signal."""
        z = self.significances(yields)
        return self.counting.combine(jnp.where(jnp.isnan(z), 0.0, z))
