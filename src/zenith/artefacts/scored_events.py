"""Events with the scores of a classifier, in HDF5: what `zenith categorise` reads.

Arrays `scores` (N, D), `weight`, `label` (N,), optionally `mass` (N,) and
`weight_variations/NAME_up` and `…_down` (N,); the attribute `signal_labels`, optionally
`label_names` and `normalisation_uncertainties`. `categorisation.scored_files` checks them.
"""

import numpy as np

from zenith.artefacts.arrays import Arrays, read_arrays
from zenith.artefacts.arrays import describe as describe_arrays
from zenith.artefacts.codec import Codec, Lines
from zenith.tables import table


def describe(content: Arrays) -> Lines:
    """Events and sums of weights by label, then as any arrays."""
    arrays, attributes = content
    names = [str(name) for name in np.atleast_1d(attributes.get("label_names", ()))]
    signals = set(np.atleast_1d(attributes.get("signal_labels", ())).tolist())
    rows = []
    for label in np.unique(arrays["label"]).tolist():
        of_label = arrays["label"] == label
        name = names[int(label)] if 0 <= label < len(names) else ""
        weight = float(arrays["weight"][of_label].sum())
        role = "signal" if label in signals else "background"
        rows.append([label, name, role, int(of_label.sum()), weight])
    yield table(["label", "name", "role", "events", "sum of weights"], rows, left=3)
    yield from describe_arrays(content)


SCORED_EVENTS = Codec(
    "scored events",
    ".h5",
    lambda top: {"scores", "weight", "label"} <= top.keys(),
    read_arrays,
    describe,
)
