"""Figures: functions of histograms, arrays and dictionaries that return a matplotlib `Figure`.

They read no file and keep no state; `zenith.figures.style.save` writes what they return.
"""
