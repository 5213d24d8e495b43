"""Pages and tables that a person reads, made of the artefacts of all steps."""
