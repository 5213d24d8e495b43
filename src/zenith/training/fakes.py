"""Events of a process that comes from data, as columns of their own.

Loose events of data and, with negative weights, of prompt simulation become events of the process:
each weighs its fake factor, and counts as tight from here on, so that regions read it like any
other. The weights vary with the bootstrap of the factor, with the amount of prompt simulation and
with the closure.
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zenith.artefacts import Columns
from zenith.artefacts.fakes import Compared, Fakes
from zenith.comparison import Comparison, parse
from zenith.config import Analysis
from zenith.config.from_data import FromData
from zenith.core.selection.cuts import hard_mask
from zenith.errors import InputError
from zenith.statistics.closure import closure_uncertainty, projected
from zenith.statistics.fake_factors import (
    FIXED,
    LESS,
    MORE,
    NOMINAL,
    Binned,
    Counted,
    Vector,
    components,
    measured,
    require_below,
    require_loose,
    versions,
)
from zenith.training.fake_factors import Ratio, Training, learned

Values = Mapping[str, NDArray[np.float32]]
Factor = Binned | Ratio


def make_fakes(
    analysis: Analysis, sample: str, columns: Mapping[str, Columns]
) -> tuple[Columns, Fakes]:
    """The columns of a sample that comes from data, and how well its factor predicts.

    `columns` are those of data and of prompt simulation, by sample; tight data are read in the
    regions of the measurement and of the validation alone.

    Raises
    ------
    InputError
        Columns are missing; a region has no loose events, or a negative total; a bin of the factor
        has none; or the factor is above its maximum.
    FitError
        The training of a learned factor diverged.
    """
    maker = _Maker(analysis, sample, columns)
    settings, where = maker.settings, f"samples.{sample}.from_data"
    events = {r: maker.counted(r) for r in (settings.measurement, settings.validation) if r}
    measurement = events[settings.measurement]
    factor = maker.factor(measurement, f"{where}.measurement, region {settings.measurement}")
    made, loose = maker.loose()
    elsewhere = loose.take(~maker.in_regions(made.values))
    require_loose(elsewhere, f"{where}: outside of its measurement and validation")
    factors = factor(loose.x[maker.of_features])
    require_below(factors[NOMINAL], settings.maximum, where)
    size = None
    content: Fakes = {
        "sample": sample,
        "method": "learned" if settings.learn else "binned",
        "tight": settings.tight,
        "loose": settings.loose,
        "features": list(settings.features),
        "loose_data": int(loose.data.sum()),
        "loose_prompt": float(-loose.weight[~loose.data].sum()),
        "predicted": float((loose.weight * factors[NOMINAL]).sum()),
        "largest": float(factors[NOMINAL].max()),
        "kept": 1.0,
        "measurement": maker.compared(settings.measurement, measurement, factor),
    }
    if settings.validation is not None:
        require_loose(
            events[settings.validation], f"{where}.validation, region {settings.validation}"
        )
        found = maker.compared(settings.validation, events[settings.validation], factor)
        size = closure_uncertainty(found, f"{where}.validation, region {settings.validation}")
        content |= {"validation": found, "closure": size}
    made.weight = loose.weight * factors[NOMINAL]
    changes, content["kept"] = components(
        loose.weight * (factors[FIXED:] - factors[NOMINAL]),
        ~maker.in_regions(made.values),
        settings.components,
    )
    more = np.where(loose.data, 0.0, settings.prompt_uncertainty)
    varied = {
        f"factor_{k}": (made.weight + change, made.weight - change)
        for k, change in enumerate(changes, start=1)
    }
    varied["prompt"] = (
        loose.weight * (1.0 + more) * factors[MORE],
        loose.weight * (1.0 - more) * factors[LESS],
    )
    if size is not None:
        varied["closure"] = (made.weight * (1.0 + size), made.weight * (1.0 - size))
    made.weights = {
        f"{sample}_{source}_{side}": weight
        for source, pair in varied.items()
        for side, weight in zip(("up", "down"), pair, strict=True)
    }
    return made, content


@dataclass(frozen=True)
class _Maker:
    """Reads the columns of data and of prompt simulation, which it has by sample."""

    analysis: Analysis
    sample: str
    columns: Mapping[str, Columns]

    def __post_init__(self) -> None:
        for name in self.sources:
            if name not in self.columns:
                raise InputError(
                    f"samples.{self.sample}.from_data: no columns of sample {name!r} are given: "
                    f"add its file (`zenith columns --sample {name}`)"
                )
            for observable in self.settings.observables:
                if observable not in self.columns[name].values:
                    raise InputError(
                        f"the columns of sample {name!r} have no {observable!r}: make them again "
                        "with this configuration"
                    )

    @property
    def settings(self) -> FromData:
        return self.analysis.from_data[self.sample]

    @property
    def sources(self) -> list[str]:
        """The samples of data and of prompt simulation."""
        return self.analysis.sources_of(self.sample)

    @property
    def observables(self) -> list[str]:
        """The rows of events: features of the factor, then what else it is binned in."""
        return list(dict.fromkeys([*self.settings.features, *self.settings.bins]))

    @property
    def of_features(self) -> slice:
        return slice(len(self.settings.features))

    def counted(self, region: str) -> Counted:
        """Tight and loose events that pass the cuts of a region."""
        flag, tight, loose = self._flag
        found = []
        for name in self.sources:
            values = self.columns[name].values
            either = tight.hard(values[flag], {}) | loose.hard(values[flag], {})
            found.append(self._taken(name, either & self._inside(region, values)))
        return _together(found)

    def loose(self) -> tuple[Columns, Counted]:
        """All loose events: columns in which they count as tight, without weights yet."""
        flag, tight, loose = self._flag
        found, parts = [], []
        for name in self.sources:
            own = self.columns[name]
            chosen = np.asarray(loose.hard(own.values[flag], {}))
            found.append(self._taken(name, chosen))
            values = {key: column[chosen] for key, column in own.values.items()}
            values[flag] = np.full_like(values[flag], tight.threshold)
            parts.append((values, own.hash[chosen]))
        first = self.columns[self.sources[0]]
        shared = [n for n in first.values if all(n in values for values, _ in parts)]
        entry = self.analysis.samples[self.sample]
        attributes: dict[str, Any] = {
            "sample": self.sample,
            "process": entry.process,
            "era": entry.era,
            "is_data": False,
            "luminosity": first.attributes["luminosity"],
        }
        made = Columns(
            values={n: np.concatenate([values[n] for values, _ in parts]) for n in shared},
            weight=np.zeros(0),
            hash=np.concatenate([hashes for _, hashes in parts]),
            units=first.units,
            descriptions=first.descriptions,
            attributes=attributes,
        )
        return made, _together(found)

    def in_regions(self, values: Values) -> NDArray[np.bool_]:
        """Whether events are, but for being tight, in the measurement or the validation."""
        inside = self._inside(self.settings.measurement, values)
        if self.settings.validation is not None:
            inside = inside | self._inside(self.settings.validation, values)
        return inside

    def factor(self, events: Counted, where: str) -> Factor:
        settings, x = self.settings, events.x
        random = np.random.default_rng([self.analysis.seed, zlib.crc32(self.sample.encode())])
        multipliers = versions(events, settings.prompt_uncertainty, settings.replicas, random)
        events = events._replace(x=x[self.of_features])
        if settings.learn is None:
            return measured(events, multipliers, self._edges, list(settings.bins), where)
        how = settings.learn
        training = Training(how.hidden, how.steps, how.learning_rate)
        seed = int(random.integers(2**31))
        return learned(events, multipliers, settings.features, training, seed, where)

    def compared(self, region: str, events: Counted, factor: Factor) -> Compared:
        """What the factor predicts in a region, and what there is."""
        factors = factor(events.x[self.of_features])
        loose, data = ~events.tight, events.data

        def simulated(of: NDArray[np.bool_]) -> float:
            return float(-events.weight[of & ~data].sum())

        total = projected(events, factors, np.array([-np.inf, np.inf]), events.x[0])
        return {
            "name": region,
            "loose_data": int((loose & data).sum()),
            "loose_prompt": simulated(loose),
            "tight_data": int((events.tight & data).sum()),
            "tight_prompt": simulated(events.tight),
            "predicted": total["predicted"][0],
            "predicted_error": total["predicted_error"][0],
            "observed": total["observed"][0],
            "observed_error": total["observed_error"][0],
            "by": {
                name: projected(events, factors, edges, events.x[self.observables.index(name)])
                for name, edges in zip(self.settings.bins, self._edges, strict=True)
            },
        }

    @property
    def _flag(self) -> tuple[str, Comparison, Comparison]:
        settings = self.settings
        return settings.flag, parse(settings.tight), parse(settings.loose)

    @property
    def _edges(self) -> list[Vector]:
        return [np.array(axis.edges) for axis in self.settings.bins.values()]

    def _inside(self, region: str, values: Values) -> NDArray[np.bool_]:
        """Whether events pass the cuts of a region, without that on what tells tight from loose."""
        cuts = [cut.comparison for cut in self.analysis.regions[region].cuts]
        others = [cut for cut in cuts if cut.observable != self.settings.flag]
        shape = values[self.settings.flag].shape
        return np.broadcast_to(np.asarray(hard_mask(others, values, {})), shape)

    def _taken(self, name: str, chosen: NDArray[np.bool_]) -> Counted:
        flag, tight, _ = self._flag
        own, data = self.columns[name], self.analysis.is_data(name)
        return Counted(
            np.stack([own.values[observable][chosen] for observable in self.observables]),
            np.ones(chosen.sum()) if data else -own.weight[chosen],
            np.asarray(tight.hard(own.values[flag], {}))[chosen],
            np.full(chosen.sum(), data),
        )


def _together(found: Sequence[Counted]) -> Counted:
    return Counted(*(np.concatenate(parts, axis=-1) for parts in zip(*found, strict=True)))
