"""What an observable is for events that lack it: no value of theirs."""

from zenith.config import Analysis, observables_of


def undefined(analysis: Analysis, observable: str) -> float | None:
    """The `missing` of an observable of the analysis module; None where all its values are values.

    A `missing` of 0, the default, may be a value like any other: it is one where the axis shows it.
    """
    found = observables_of(analysis).get(observable) if analysis.of_samples else None
    if found is None:
        return None
    if found.missing == 0.0:
        known = analysis.observables.get(observable)
        if known is None or known.edges.edges[0] <= 0.0 <= known.edges.edges[-1]:
            return None
    return found.missing
