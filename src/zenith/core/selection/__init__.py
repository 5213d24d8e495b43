"""Cuts read softly and hard, histograms of events laid out for a climb, and its objective."""
