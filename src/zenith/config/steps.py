"""The steps of Zenith by name, and what several of them have in common: written here alone.

`python -m zenith NAME` runs `zenith.cli.NAME`. A step of the workflow has a rule of its name, and
keys of the configuration say by these names which steps they concern (`zenith.config.marks`).
"""

import typing
from typing import Literal

# The steps of the workflow, each after those whose output it reads.
Step = Literal[
    "simulate",
    "skim",
    "columns",
    "training_set",
    "fakes",
    "fakes_figures",
    "tune",
    "mva",
    "mva_figures",
    "logits",
    "response",
    "efficient_score",
    "efficient_score_figures",
    "optimise",
    "search",
    "compare",
    "optimisation_figures",
    "histogram",
    "surface",
    "fit",
    "figures",
    "interval",
    "pseudo_experiments",
    "coverage",
    "inference_figures",
    "scored",
    "categorise",
    "category_scan",
    "category_figures",
    "summary",
]
STEPS: tuple[Step, ...] = typing.get_args(Step)

# What the command line has besides.
TOOLS = (
    "train",
    "score",
    "datasets",
    "significance",
    "toys",
    "new",
    "run",
    "status",
    "inspect",
    "diff",
)
COMMANDS: tuple[str, ...] = (*STEPS, *TOOLS)

# What steps have in common, and the steps that do.
SKIMMED: tuple[Step, ...] = ("columns", "training_set")  # read the events of skims
OBJECTIVE: tuple[Step, ...] = ("optimise", "search", "optimisation_figures")  # evaluate it
SELECTION: tuple[Step, ...] = (*OBJECTIVE, "compare")  # judge selections by events
FITTED: tuple[Step, ...] = (*SELECTION, "fit", "figures", "scored")  # have the model of regions
MODEL: tuple[Step, ...] = (*FITTED, "efficient_score")  # have the statistical model, of any regions
SURFACES: tuple[Step, ...] = ("surface", "pseudo_experiments")  # shift events to any point
REGIONS: tuple[Step, ...] = (  # have the regions
    *FITTED,
    "histogram",
    "efficient_score_figures",
    *SURFACES,
)
LEARNED: tuple[Step, ...] = ("response", "efficient_score")  # learn what varies events
TEMPLATES: tuple[Step, ...] = (*REGIONS, *LEARNED)  # read the events as they vary
SUMMARISED: tuple[Step, ...] = (  # have the efficient score of events
    "efficient_score",
    "efficient_score_figures",
    "compare",
    "histogram",
    "fit",
    "figures",
    *SURFACES,
)
NAMED: tuple[Step, ...] = (  # name its parameters
    "efficient_score_figures",
    "figures",
    "inference_figures",
    "summary",
)
DRAWN: tuple[Step, ...] = (  # draw
    "fakes_figures",
    "mva_figures",
    "efficient_score_figures",
    "optimisation_figures",
    "figures",
    "inference_figures",
    "category_figures",
)
