# What the rules of a categorisation share: its checked configuration, the folder of results.

try:
    CATEGORISATION = zenith.config.parse_categorisation(config, SOURCE)
except ZenithError as error:
    raise WorkflowError(str(error)) from None

RESULTS = f"results/{CATEGORISATION.name}"
CONFIG = f"{RESULTS}/config.yaml"
NUMBERS = CATEGORISATION.categories.numbers


wildcard_constraints:
    categories=r"\d+",


def categorise_options():
    """What is asked of categories, as `python -m zenith categorise` takes it."""
    asked = CATEGORISATION.categories

    def listed(values):
        return " ".join(map(str, values)) if values else None

    options = {
        "--method": asked.method,
        "--objective": asked.objective,
        "--min-background": asked.minimum_background,
        "--max-uncertainty": asked.maximum_uncertainty,
        "--background-uncertainty": asked.background_uncertainty,
        "--combine": asked.combination,
        "--signal-weights": listed(asked.signal_weights),
        "--window": listed(asked.window),
        "--sideband": listed(asked.sideband),
        "--steps": asked.steps,
        "--starts": asked.starts,
        "--seed": CATEGORISATION.seed,
    }
    return " ".join(f"{k} {v}" for k, v in options.items() if v is not None)
