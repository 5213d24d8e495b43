"""The sections of an analysis: all keys of a configuration."""

from typing import Annotated

from pydantic import Field

from zenith.config.base import Name, Section
from zenith.config.by_type import ByType
from zenith.config.categories import Categorise
from zenith.config.copies import Copies
from zenith.config.efficient_score import EfficientScoreSettings
from zenith.config.formats import FORMATS, FileFormat
from zenith.config.inference import CoverageSettings, IntervalSettings, Surfaces
from zenith.config.inputs import Inputs
from zenith.config.learning import Folds, Optimise, Search
from zenith.config.marks import concerns
from zenith.config.memberships import ClimbedCategories
from zenith.config.networks.settings import NETWORKS, Mva
from zenith.config.samples import FILES, AppliedWeight, Era, Process, Sample
from zenith.config.selection import Observable, PhysicsObject, Region
from zenith.config.skim import Skim
from zenith.config.statistics import Plotting, Statistics
from zenith.config.steps import DRAWN, LEARNED, NAMED, SKIMMED, SUMMARISED, SURFACES, TEMPLATES
from zenith.config.systematics import AnySystematic
from zenith.config.tuning import Tune


class Sections(Section):
    """One analysis, from files to figures, whose sections may not agree yet."""

    name: Annotated[
        Name, Field(description="name of the analysis; results are written to results/{name}/")
    ]
    title: Annotated[
        str | None,
        Field(description="what the analysis is, in a line on its page; LaTeX between dollars"),
        concerns("summary"),
    ] = None
    module: Annotated[
        str,
        Field(
            description="module with the observables: the path of a file, relative to this one "
            "(`mine.py`, or `mine`), a dotted name, or a name in zenith.analyses"
        ),
        concerns("skim", *SKIMMED, "histogram", *DRAWN, "summary"),
    ]
    seed: Annotated[
        int,
        Field(ge=0, description="seed of everything that is random"),
        concerns("simulate", "fakes", "mva", "mva_figures", "optimise", "search"),
        concerns(*LEARNED, "efficient_score_figures"),
        concerns("skim", *SKIMMED, of="simulation"),
        concerns(*SURFACES),
        concerns("scored", of="toy"),
        concerns("categorise", "category_scan"),
    ] = 1
    inputs: Annotated[Inputs, Field(description="inputs in place of samples")] = Inputs()
    max_files: Annotated[
        int | None,
        Field(ge=1, description="number of files to read of each sample, for a quick run"),
        concerns(*SKIMMED),
    ] = None
    only_samples: Annotated[
        tuple[str, ...],
        Field(description="globs of the samples to use; none: all"),
        concerns(*TEMPLATES),
    ] = ()
    eras: Annotated[dict[str, Era], Field(description="periods of data taking, by name")]
    processes: Annotated[
        dict[Name, Process],
        Field(description="physics processes by name, in the order of the stack"),
        concerns(*TEMPLATES, *DRAWN),
        concerns("optimisation_figures", "figures", order=True),
    ]
    samples: Annotated[dict[Name, Sample], Field(description="sets of events, by name")]
    files: Annotated[
        tuple[str, ...] | None,
        Field(
            min_length=1,
            description="files of all samples with `select`, in place of their own sources",
        ),
        FILES,
    ] = None
    format: Annotated[
        Annotated[FileFormat, ByType(FORMATS, default="nanoaod")] | None,
        Field(description="format of the files of samples; default: NanoAOD"),
    ] = None
    skim: Annotated[
        Skim, Field(description="events and branches that the skim keeps"), concerns("skim")
    ] = Skim()
    objects: Annotated[
        dict[Name, PhysicsObject],
        Field(description="physics objects by name, in the order of their selection"),
        concerns("skim", *SKIMMED),
    ]
    met: Annotated[
        str | None,
        Field(description="object with pt and phi of the missing momentum; none: there is none"),
        concerns("skim", *SKIMMED),
    ] = "MET"
    observables: Annotated[
        dict[str, Observable],
        Field(description="observables of the module that are used, with their axes"),
    ]
    weights: Annotated[
        dict[Name, AppliedWeight],
        Field(description="weights of the module that multiply those of simulated events, by name"),
    ] = {}
    regions: Annotated[dict[Name, Region], Field(description="channels of the analysis, by name")]
    systematics: Annotated[
        dict[Name, AnySystematic],
        Field(description="systematic uncertainties, by the name of their nuisance parameter"),
    ] = {}
    copies: Annotated[
        Copies | None,
        Field(
            description="copies of the simulated events, at points in the space of the parameters "
            "of shifts, of which responses beyond one standard deviation are made; none: there are "
            "no such"
        ),
        concerns("skim", "columns", of="simulation"),
        concerns(*LEARNED, "efficient_score_figures"),
    ] = None
    folds: Annotated[
        Folds,
        Field(description="folds of the events, each read with what the others have taught"),
        concerns("training_set", "mva", "mva_figures", *TEMPLATES),
    ] = Folds()
    mva: Annotated[
        dict[Name, Annotated[Mva, ByType(NETWORKS, default="perceptron")]],
        Field(description="neural networks and boosted trees, by name"),
    ] = {}
    tune: Annotated[
        Tune | None,
        Field(description="search of the settings of a network; none: they are as they are"),
        concerns("tune"),
    ] = None
    summary: Annotated[
        EfficientScoreSettings | None,
        Field(
            description="summary of the events that is fitted and quoted in place of the regions, "
            "which remain its rivals; none: the regions are"
        ),
        concerns("response", *SUMMARISED, *NAMED),
    ] = None
    climbed_categories: Annotated[
        ClimbedCategories | None,
        Field(
            description="categories of a network, of its score or of the efficient score, climbed "
            "and compared beside the regions; none: there are no such"
        ),
        concerns("compare"),
    ] = None
    optimise: Annotated[
        Optimise, Field(description="settings of the gradient ascent (the climb)")
    ] = Optimise()
    search: Annotated[
        Search,
        Field(description="settings of the black-box search that the climb is compared with"),
    ] = Search()
    statistics: Annotated[
        Statistics, Field(description="settings of the statistical model and the fit")
    ] = Statistics()
    surfaces: Annotated[
        Surfaces | None,
        Field(
            description="response of yields to several nuisance parameters together, beyond "
            "templates at one standard deviation; none: templates alone"
        ),
        concerns(*SURFACES, "fit", "interval"),
        concerns("skim", of="simulation"),
    ] = None
    interval: Annotated[
        IntervalSettings | None,
        Field(description="intervals of parameters in the fit that is quoted; none: no such file"),
        concerns("interval", "summary"),
    ] = None
    coverage: Annotated[
        CoverageSettings | None,
        Field(
            description="pseudo-experiments that count how often intervals of the fit that is "
            "quoted hold the truth; none: no such count"
        ),
        concerns("pseudo_experiments", "inference_figures", "summary"),
    ] = None
    categorise: Annotated[
        Categorise | None,
        Field(description="categories of scored events, or of those of a region"),
        concerns("categorise"),
    ] = None
    plotting: Annotated[Plotting, Field(description="settings of the figures")] = Plotting()
