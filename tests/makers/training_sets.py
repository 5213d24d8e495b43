"""Training sets of two classes of sets of particles, and configurations that read them."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

LEADING = 5
FIELDS = ("pt", "eta", "phi", "mass")
EVENT = [
    ("st", "<f4"), ("weight", "<f4"), ("label", "<i4"), ("part", "u1"), ("event", "<u8"),
]  # fmt: skip
OBJECT = [*((name, "<f4") for name in FIELDS), ("valid", "?")]
CONFIG: dict[str, Any] = {
    "name": "particles",
    "inputs": {"training_set": {}},
    "plotting": {"formats": ["png"]},
    "mva": {
        "sets": {
            "type": "deep_sets",
            "classes": {"background": ["background"], "signal": ["signal"]},
            "features": ["st"],
            "objects": {"jet": {"fields": [*FIELDS], "leading": LEADING}},
            "epochs": 2,
            "calibration": {"type": "temperature"},
            "sliced": ["st"],
        }
    },
}


def particles(events: int = 600, seed: int = 1) -> dict[str, NDArray[Any]]:
    """Compound arrays: of the second class there are more objects, of larger momenta."""
    rng = np.random.default_rng(seed)
    rows, jets = np.zeros(events, EVENT), np.zeros((events, LEADING), OBJECT)
    rows["label"] = np.arange(events) % 2
    rows["part"] = np.arange(events) // 2 % 3
    rows["event"] = np.arange(events) + 1000 * seed
    rows["weight"] = rng.uniform(0.5, 1.5, events)
    number = np.minimum(rng.poisson(2.0 + rows["label"]), LEADING)
    jets["valid"] = np.arange(LEADING) < number[:, None]
    size = int(jets["valid"].sum())
    scale = np.broadcast_to(20.0 + 10.0 * rows["label"][:, None], jets.shape)[jets["valid"]]
    jets["pt"][jets["valid"]] = rng.gamma(2.0, scale)
    for name, width in (("eta", 2.5), ("phi", 3.0), ("mass", 8.0)):
        jets[name][jets["valid"]] = np.abs(rng.normal(0.0, width, size))
    rows["st"] = jets["pt"].sum(axis=1)
    return {"events": rows, "jet": jets}


def write_particles(
    path: Path, arrays: dict[str, NDArray[Any]], chunk: int | None = 64, **attributes: Any
) -> str:
    """Write them as others do; attributes replace those of the file, None removes one."""
    given = {"classes": "background,signal", "parts": "train,validate,test", **attributes}
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            chunks = None if chunk is None else (min(chunk, max(len(array), 1)), *array.shape[1:])
            file.create_dataset(name, data=array, chunks=chunks, compression="lzf")
        file.attrs.update({name: value for name, value in given.items() if value is not None})
    return str(path)


def without(array: NDArray[Any], field: str) -> NDArray[Any]:
    """A compound array with one field less."""
    names = [name for name in array.dtype.names or () if name != field]
    found = np.zeros(array.shape, [(name, array.dtype[name]) for name in names])
    for name in names:
        found[name] = array[name]
    return found
