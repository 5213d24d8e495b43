"""Networks trained to separate classes: examples, losses, evaluation, export."""
