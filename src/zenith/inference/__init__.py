"""What the data say of a parameter: intervals, and how often they contain the truth."""
