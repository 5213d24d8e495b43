"""What holds between a process that comes from data and the rest of a configuration.

Data of control regions may teach, data of regions that are fitted or blind never.
"""

from collections.abc import Mapping

from zenith.comparison import Comparison, parse
from zenith.config.base import known
from zenith.config.overlap import disjoint, loosest
from zenith.config.relations import Related


def data_driven_fits(analysis: Related) -> None:
    """What comes from data is a background of its own, and there are the data and simulation."""
    for name, sample in analysis.samples.items():
        settings, where = sample.from_data, f"samples.{name}.from_data"
        if settings is None:
            continue
        if (role := analysis.processes[sample.process].role) != "background":
            raise ValueError(
                f"{where}: {sample.process!r} has the role {role}; what comes from data is a "
                "background: give it a process of its own"
            )
        for other, its in analysis.samples.items():
            if its.process == sample.process and its.from_data is None:
                raise ValueError(
                    f"samples.{other}.process: {its.process!r} comes from data ({where}): give "
                    "simulation a process of its own"
                )
        in_era = [
            other
            for other, its in analysis.samples.items()
            if its.era == sample.era and its.from_data is None and not its.alternative
        ]
        simulated = [other for other in in_era if not analysis.is_data(other)]
        known(settings.prompt, simulated, f"{where}.prompt, simulated sample of era {sample.era}")
        for observable in settings.observables:
            if observable in analysis.scores:
                raise ValueError(
                    f"{where}: {observable!r} is the score of a network, which is learned later; "
                    "take an observable"
                )
        if name in analysis.from_data:
            used = analysis.used_samples
            lacking = [other for other in settings.prompt if other not in used]
            if lacking or not analysis.data_of(sample.era):
                what = f"sample {lacking[0]!r}" if lacking else f"data of era {sample.era}"
                raise ValueError(
                    f"{where}: its {what} {'is' if lacking else 'are'} not in use: add it, or let "
                    "it through only_samples"
                )


def closed_regions(analysis: Related) -> dict[str, list[Comparison]]:
    """The regions whose data teach nothing, by the key that defines each: fitted or blind ones.

    Of each the cuts, at their loosest.
    """
    found = {
        f"regions.{name}": [
            cut for each in region.cuts if (cut := loosest(analysis, each)) is not None
        ]
        for name, region in analysis.regions.items()
        if region.in_fit or analysis.is_blind(name)
    }
    if analysis.summary is not None:
        network = analysis.summary.network
        found[f"mva.{network}.cuts"] = [parse(text) for text in analysis.mva[network].cuts]
    return found


def data_may_teach(analysis: Related) -> None:
    """Raises ValueError where what comes from data is learned from, or made of, data of a fit."""
    closed = closed_regions(analysis)
    for name, sample in analysis.samples.items():
        settings = sample.from_data
        if settings is None:
            continue
        where = f"samples.{name}.from_data"
        for key, cuts in closed.items():
            if not disjoint(cuts, [parse(settings.loose)]):
                raise ValueError(
                    f"{key}: has loose events of {where}, so that data would be in it twice: add "
                    f"the cut {settings.tight}"
                )
        learning: Mapping[str, str | None] = {
            "measurement": settings.measurement,
            "validation": settings.validation,
        }
        earlier: dict[str, list[Comparison]] = {}
        for role, region in learning.items():
            if region is None:
                continue
            own = _of_learning(analysis, region, settings.tight, f"{where}.{role}")
            without = [cut for cut in own if cut.observable != settings.flag]
            for key, cuts in {**closed, **earlier}.items():
                others = [cut for cut in cuts if cut.observable != settings.flag]
                if not disjoint(without, others):
                    raise ValueError(
                        f"{where}.{role}: regions.{region} overlaps with {key}"
                        f"{', whose data teach nothing' if key in closed else ''}: give the two "
                        "cuts on one observable that exclude each other, 'met < 30' and 'met > 30'"
                        + ", within `tune` as well"
                        * (key in closed and _moves(analysis, key))
                    )
            earlier[f"regions.{region}"] = own


def _moves(analysis: Related, key: str) -> bool:
    region = analysis.regions.get(key.removeprefix("regions."))
    return region is not None and any(cut.parameter is not None for cut in region.cuts)


def _of_learning(analysis: Related, name: str, tight: str, where: str) -> list[Comparison]:
    """The cuts of a region whose data teach. Raises ValueError for one that is not open and fixed.

    Its cuts are numbers on observables, as what teaches comes before networks and climbs.
    """
    if name not in analysis.regions:
        raise ValueError(
            f"{where}: {name!r} is not defined; there is {', '.join(analysis.regions)}"
        )
    region = analysis.regions[name]
    if region.in_fit:
        raise ValueError(
            f"{where}: regions.{name} is fitted, and data of a fit teach nothing: set its in_fit "
            "to false"
        )
    if analysis.is_blind(name):
        raise ValueError(f"{where}: the data of regions.{name} are blind: set its blind to false")
    for cut in region.cuts:
        if not cut.comparison.is_fixed or cut.tune is not None:
            raise ValueError(f"{where}: regions.{name}.cuts: {cut.cut!r} moves; give it a number")
        if cut.observable in analysis.scores:
            raise ValueError(
                f"{where}: regions.{name}.cuts: {cut.observable!r} is the score of a network, "
                "which is learned later; cut on observables"
            )
    found = [cut.comparison for cut in region.cuts]
    if parse(tight) not in found:
        raise ValueError(f"{where}: regions.{name} has no cut {tight}: add it")
    return found
