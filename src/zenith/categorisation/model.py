"""What is asked of categories, and the HistFactory model that a file of scored events describes."""

import numpy as np

from zenith.categorisation.scored import Scored
from zenith.config.categories import CategorySettings
from zenith.core.categories.counting import Counting, Requirements
from zenith.core.categories.profiled import Normalisation, ProfiledLikelihood
from zenith.core.categories.sideband import Sideband
from zenith.core.categories.task import Aim, Task
from zenith.errors import ConfigError, InputError

BACKGROUND = "background"  # what --background-uncertainty scales, and the sample of a sideband


def task(asked: CategorySettings, scored: Scored) -> Task:
    """What is asked of categories of these events."""
    counting = Counting(asked.background_uncertainty, asked.combination, asked.signal_weights)
    limit = asked.maximum_uncertainty
    need = Requirements(asked.minimum_background, np.inf if limit is None else limit)
    return Task(aim(asked.objective, scored, counting), need)


def sideband(asked: CategorySettings) -> Sideband | None:
    """The sideband that is asked for."""
    if asked.window is None or asked.sideband is None:
        return None
    return Sideband(asked.window, asked.sideband)


def aim(objective: str, scored: Scored, counting: Counting) -> Aim:
    """What is maximised: `counting`, or the `histfactory` model of the events.

    Raises `ConfigError` for another name.
    """
    if objective not in ("counting", "histfactory"):
        raise ConfigError(f"objective {objective!r} is neither counting nor histfactory")
    return likelihood(scored, counting) if objective == "histfactory" else counting


def nuisances(found: Aim) -> tuple[str, ...]:
    """The names of the nuisance parameters but those of the number of simulated events."""
    if isinstance(found, ProfiledLikelihood):
        return (*(norm.name for norm in found.normalisations), *found.variations)
    return ()


def likelihood(scored: Scored, counting: Counting) -> ProfiledLikelihood:
    """Samples are labels, nuisance parameters the normalisations and variations of the file.

    The relative uncertainty of `counting` scales all backgrounds together. With a sideband there is
    one background, which knows neither normalisation nor variation of its parts. Raises
    `InputError` for an uncertainty of a label that is not there.
    """
    signals = [scored.name(label) for label in scored.signal_labels]
    labels = [int(label) for label in scored.backgrounds]
    backgrounds = [BACKGROUND] if scored.sideband else [scored.name(label) for label in labels]
    known = {str(label): scored.name(label) for label in (*scored.signal_labels, *labels)}
    known |= {name: name for name in known.values()}
    norms = []
    if counting.uncertainty:
        scaled = tuple((name, counting.uncertainty) for name in backgrounds)
        norms.append(Normalisation(BACKGROUND, scaled))
    for name, sizes in sorted(scored.normalisation.items()):
        for label in sizes:
            if label not in known and label not in scored.label_names:
                raise InputError(
                    f"{scored.source}: normalisation_uncertainties {name!r} names {label!r}, which "
                    f"is no label; there are {', '.join(known)}"
                )
        found = {known[label]: size for label, size in sizes.items() if label in known}
        kept = tuple((s, size) for s, size in found.items() if s in (*signals, *backgrounds))
        if kept:
            norms.append(Normalisation(name, kept))
    variations = () if scored.sideband else tuple(scored.variations)
    try:
        return ProfiledLikelihood(
            len(signals), (*signals, *backgrounds), tuple(norms), variations, counting
        )
    except ConfigError as error:
        raise InputError(f"{scored.source}: {error}") from None
