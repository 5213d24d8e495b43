"""The jagged world: ROOT files and awkward arrays, up to flat columns of events."""
