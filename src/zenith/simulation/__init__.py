"""Simulated events: generator, parametrised detector, and toys."""
