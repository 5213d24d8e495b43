"""What the keys of networks concern."""

from zenith.config.marks import concerns
from zenith.config.steps import LEARNED, SELECTION, SURFACES

# What a network is: of those that read it as well.
NETWORK = concerns(
    *("mva", "mva_figures", "logits", *LEARNED, "efficient_score_figures"),
    *(*SELECTION, "histogram", "scored", *SURFACES),
    order=True,
)
