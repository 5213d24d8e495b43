"""The physics of each analysis: one module an analysis, its observables by name."""
