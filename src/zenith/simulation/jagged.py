"""Small operations on jagged collections of objects with `pt`, `eta`, `phi`."""

from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray


def flat(jagged: Any) -> NDArray[Any]:
    """All objects of all events in one numpy array."""
    return np.asarray(ak.to_numpy(ak.flatten(jagged)))


def like(values: NDArray[Any], jagged: Any) -> Any:
    """What `flat` undoes: one value for each object, in lists as long as those of `jagged`."""
    return ak.unflatten(values, ak.num(jagged))


def by_pt(collection: Any) -> Any:
    """The objects of each event, the hardest first."""
    return collection[ak.argsort(collection.pt, ascending=False)]


def delta_r2(a: Any, b: Any) -> Any:
    """(Δη)² + (Δφ)² of all pairs of an event, as [event, a, b]."""
    eta_a, eta_b = ak.unzip(ak.cartesian([a.eta, b.eta], nested=True))
    phi_a, phi_b = ak.unzip(ak.cartesian([a.phi, b.phi], nested=True))
    phi = (phi_a - phi_b + np.pi) % (2 * np.pi) - np.pi
    return (eta_a - eta_b) ** 2 + phi**2


def pt_within(distance2: Any, particles: Any, radius: Any) -> Any:
    """Scalar sum of the pT of the particles around each object.

    `distance2` is `delta_r2(objects, particles)`; `radius` a number or one for each object.
    """
    pt = ak.broadcast_arrays(particles.pt[:, np.newaxis], distance2)[0]
    return ak.sum(pt * (distance2 < radius**2), axis=-1)


def momentum_change(objects: Any, change: Any) -> NDArray[Any]:
    """Sum over the objects of each event of a change of their pT, shape (2, events)."""
    x = ak.sum(change * np.cos(objects.phi), axis=1)
    y = ak.sum(change * np.sin(objects.phi), axis=1)
    return np.stack([ak.to_numpy(x), ak.to_numpy(y)])
