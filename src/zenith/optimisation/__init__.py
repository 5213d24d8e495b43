"""Selections by gradient ascent of the expected significance, beside a black-box search."""
