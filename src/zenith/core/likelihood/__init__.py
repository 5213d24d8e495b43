"""HistFactory in JAX: model, fit within bounds, discovery significance; with gradients."""
