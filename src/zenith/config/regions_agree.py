"""The rules that hold between regions, and with the networks that part their events.

Each function raises ValueError, naming the key.
"""

from zenith.comparison import Comparison, parse
from zenith.config.base import known
from zenith.config.channels import channels_of, edge_names
from zenith.config.efficient_score import SCORE
from zenith.config.memberships import ClimbedCategories
from zenith.config.relations import Related
from zenith.config.selection import RegionCut
from zenith.config.variants import in_climbed_categories


def climbed_categories_agree(analysis: Related) -> None:
    """The categories that are climbed beside the regions are of a network, by its rules."""
    settings = analysis.climbed_categories
    if settings is None:
        return
    if settings.score == SCORE and analysis.summary is not None:
        _of_summary(settings)
    elif settings.score is not None:
        known([settings.score], analysis.scores, "climbed_categories.score, score of a network")
    if settings.network is not None:
        known([settings.network], analysis.mva, "climbed_categories.network")
        _can_part("climbed_categories", settings.network, analysis)
    if settings.region is not None:
        known([settings.region], analysis.regions, "climbed_categories.region")
    if not any(region.in_fit for region in analysis.regions.values()):
        raise ValueError("climbed_categories.region: missing: no region is in the fit")
    if not in_climbed_categories(analysis).is_tunable:
        raise ValueError(
            "climbed_categories: nothing moves in their climb: give the edges bounds (tune), or "
            "let the network be fine-tuned (mva fine_tune)"
        )


def _of_summary(settings: ClimbedCategories) -> None:
    """The edges of the summary's score begin as the best ones, and move with its coefficients."""
    if settings.edges is not None or settings.background_uncertainty:
        raise ValueError(
            f"climbed_categories: edges of the {SCORE} begin where most of its information is "
            "kept: leave out edges and background_uncertainty"
        )


def _can_part(where: str, network: str, analysis: Related) -> None:
    """A network whose outputs are categories was trained for one score, and can move."""
    if analysis.mva[network].objects and not analysis.mva[network].moves_head:
        raise ValueError(
            f"{where}.network: {network!r} reads objects, and its outputs do not move: let its "
            "head be fine-tuned (fine_tune: true), or part the events by its score (score, edges)"
        )
    if len(analysis.mva[network].classes) != 2:
        raise ValueError(
            f"{where}.network: {network!r} has {len(analysis.mva[network].classes)} classes; "
            "its outputs begin as the best categories of one score: give it two classes, "
            "signal and background, or part the events by a score of it (score, edges)"
        )


def cuts_agree(analysis: Related) -> None:
    """A threshold is tuned once, and no looser than a cut before it; what is shared is tuned."""
    tuned: dict[str, tuple[str, RegionCut]] = {}
    skim_cuts = [("skim.cuts", text) for text in analysis.skim.cuts]
    for region_name, region in analysis.regions.items():
        for position, cut in enumerate(region.cuts):
            where = f"regions.{region_name}.cuts[{position}]"
            if cut.tune is None:
                continue
            assert cut.parameter is not None
            first = tuned.setdefault(cut.parameter, (where, cut))
            if first[1] is not cut:
                raise ValueError(
                    f"{where}: the threshold {cut.parameter!r} is already tuned at {first[0]}; "
                    f"give this one a name of its own, or write '{cut.observable} "
                    f"{cut.comparison.direction} {cut.parameter}' to share it"
                )
            keeps = cut.comparison.keeps
            loosest = cut.tune[0] if keeps == "above" else cut.tune[1]
            before = [c.cut for c in region.cuts[:position] if c.parameter is None]
            earlier = [(f"regions.{region_name}.cuts", text) for text in before]
            for origin, text in [*skim_cuts, *earlier]:
                fixed = parse(text)
                if fixed.observable == cut.observable and _looser(loosest, keeps, fixed):
                    raise ValueError(
                        f"{where}: tune {list(cut.tune)} is looser than the cut {text!r} "
                        f"of {origin}: beyond it there are no events, and the gradient would "
                        "not know; tighten tune or loosen that cut"
                    )
    for region_name, region in analysis.regions.items():
        shared = [cut.reference for cut in region.cuts if cut.reference is not None]
        known(shared, tuned, f"regions.{region_name}.cuts, tunable threshold")


def channels_agree(analysis: Related) -> None:
    """Channels and edges have names of their own, and a network parts one region."""
    owner: dict[str, str] = {}
    used: dict[str, str] = {}
    for name, region in analysis.regions.items():
        for channel in channels_of(analysis.regions, name):
            if channel in owner:
                raise ValueError(
                    f"regions.{name}: its channel {channel!r} is called as that of "
                    f"regions.{owner[channel]}; rename one of the two regions"
                )
            owner[channel] = name
        if region.categories is None:
            continue
        where, network = f"regions.{name}.categories", region.categories.network
        for edge in edge_names(name, region.categories):
            if edge in analysis.tunable_cuts:
                raise ValueError(
                    f"{where}: its edge {edge!r} is called as a tunable threshold; rename that"
                )
        if network is None:
            continue
        known([network], analysis.mva, f"{where}.network")
        if network in used:
            raise ValueError(f"{where}.network: {network!r} parts the events of {used[network]}")
        used[network] = f"regions.{name}"
        _can_part(where, network, analysis)
        for key, observable in analysis.observables_in_use():
            if observable == network:
                raise ValueError(
                    f"{key}: {network!r} has no score any more, for its outputs are the categories "
                    f"of regions.{name}; read the score of another network, or remove it here"
                )


def _looser(bound: float, keeps: str, fixed: Comparison) -> bool:
    """Whether a threshold at `bound` would ask for events that a fixed cut has taken away."""
    if isinstance(fixed.threshold, str) or fixed.keeps != keeps:
        return False
    return bound < fixed.threshold if keeps == "above" else bound > fixed.threshold
