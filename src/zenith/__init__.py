"""Zenith: from NanoAOD to a fitted signal strength, up the gradient of expected significance."""

__version__ = "0.1.0"
