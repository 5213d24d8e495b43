"""Networks: the protocol (`network`), and one file for each type."""
