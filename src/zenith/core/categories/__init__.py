"""Categories of scored events: yields, significance, the exact optimum, and what refines them."""
