"""Categories of scored events, found by gradient and compared with baselines."""
