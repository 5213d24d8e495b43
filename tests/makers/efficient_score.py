"""An efficient score of the toy analysis, and the network whose class ratios it has."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np

from zenith.core.networks.perceptron import Perceptron
from zenith.core.response.efficient_score import EfficientScore

NETWORK = {
    "classes": {"signal": ["zprime"], "ttbar": ["ttbar"], "wjets": ["wjets"]},
    "features": ["mtt", "met", "btag_1"],
    "cuts": ["met > 50"],
}


def toy_score() -> EfficientScore:
    """Shares of the classes that fall with m(tt̄) as ttbar and wjets do, and not of their kind."""
    features = ("mtt", "met", "btag_1")
    ratios = Perceptron.create(jax.random.key(0), features, [], ("signal", "ttbar", "wjets"))
    ratios = replace(
        ratios, mean=jnp.array([900.0, 90.0, 0.5]), scale=jnp.array([500.0, 60.0, 0.3])
    )
    made = EfficientScore.of(
        ratios,
        None,
        expected=np.array([50.0, 2000.0, 1000.0]),
        signal=np.array([1.0, 0.0, 0.0]),
        rates=np.array([[0.02, 0.02, 0.02], [0.0, 0.0, 0.2], [0.0, 1.0, 0.0]]),
        scales=np.array([]),
        bins=6,
    )
    return made.projecting([0.0, 0.0, 0.05], np.linspace(-0.05, 0.25, 7))
