"""The default analysis with fewer uncertainties, for events that lack what the others need."""

from zenith.config import load


def only(*names: str, corrections: tuple[str, ...] = ()) -> list[str]:
    """What `load` is told to keep these systematic uncertainties and corrections, and no others.

    Weights that none of them varies go as well.
    """
    analysis = load("config/zprime.yaml")
    weights = {weight for name in names for weight in analysis.systematics[name].functions}
    era = analysis.eras["2016"]
    return [
        *(f"systematics.{name}=null" for name in analysis.systematics if name not in names),
        *(f"weights.{name}=null" for name in analysis.weights if name not in weights),
        *(f"eras.2016.corrections.{n}=null" for n in era.corrections if n not in corrections),
    ]
