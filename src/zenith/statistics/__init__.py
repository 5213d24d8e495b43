"""From columns to the quoted number: histograms, workspace and fit, by hist, cabinetry and pyhf."""
