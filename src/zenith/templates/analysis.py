"""The observables of the analysis NAME.

To add one, write a function of the selected objects of many events (`objects.muon`, `.jet`,
`.met`; jagged arrays, highest pT first) that returns one number for each event, and name it in
NAME.yaml. None means that an event lacks the object: it becomes the value `missing`. Functions of
another file beside this one are imported by `from .other import function`.
"""

from typing import Any

import awkward as ak

from zenith.events.objects import Objects
from zenith.observable import observable


@observable()
def n_muon(objects: Objects) -> Any:
    """Number of selected muons."""
    return ak.num(objects.muon)


@observable()
def n_jet(objects: Objects) -> Any:
    """Number of selected jets."""
    return ak.num(objects.jet)


@observable(unit="GeV")
def muon_pt(objects: Objects) -> Any:
    """Transverse momentum of the leading muon; 0 without one."""
    return ak.firsts(objects.muon).pt


@observable(unit="GeV")
def met(objects: Objects) -> Any:
    """Missing transverse momentum."""
    return objects.met.pt


@observable(unit="GeV")
def st(objects: Objects) -> Any:
    """Scalar sum of the transverse momenta of jets and muons, and the missing one."""
    return ak.sum(objects.jet.pt, axis=1) + ak.sum(objects.muon.pt, axis=1) + objects.met.pt
