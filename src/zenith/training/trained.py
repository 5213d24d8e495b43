"""What a training of a network leaves, and how it reports."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from zenith.core.networks.network import Network

Progress = Callable[[int, float, float], None]  # epoch from 1, loss of training and of validation
Watch = Callable[[Network], Mapping[str, float]]  # what is noted of the network of every epoch


class Trained(NamedTuple):
    """A trained network, with losses after epochs, or trees."""

    network: Network  # of the best epoch
    losses: dict[str, list[float]]  # `train` and `validation`, one number for `every` epochs
    best_epoch: int  # counted from 1
    noted: Mapping[str, list[float]] = {}  # after each epoch, by name
    calibrating: int = 0  # events that calibrated it
    every: int = 1  # epochs, or trees, from one loss to the next

    @property
    def lowest(self) -> float:
        """The loss on the validation events after the best epoch."""
        return self.losses["validation"][self.best_epoch // self.every - 1]
