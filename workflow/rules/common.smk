# What the rules share: samples and their files, folders of results.

import re

from zenith.analysis_module import full_name
from zenith.config.samples import simulated_suffix

try:
    SAMPLES = ANALYSIS.used_samples
    # Simulated samples are numbered parts; other samples are files, found or listed.
    READ = [sample for sample in SAMPLES if sample not in ANALYSIS.from_data]
    FILES = {sample: resolve(ANALYSIS, sample) for sample in READ}
    # Simulation is scaled to the data that the files hold, of which the notes tell.
    AT_LUMINOSITY, NOTES = at_luminosity_of_files(ANALYSIS)
except ZenithError as error:
    raise WorkflowError(str(error)) from None

SIMULATED_SUFFIX = simulated_suffix(ANALYSIS.samples)
RESULTS = f"results/{ANALYSIS.name}"
# The folder of what is made without samples, the same unless the configuration has none.
OWN = f"results/{CONFIGURATION.name}"
# What the gradient can move; without it there is one selection, that of the configuration.
MOVES = ANALYSIS.is_tunable
SELECTIONS = ["initial", "optimised"] if MOVES else ["initial"]
# What is quoted in place of the regions, where a summary is asked for.
SCORE_OF_FOLD = f"{RESULTS}/efficient_score/fold_{{fold}}/score.safetensors"
SCORES = (
    expand(SCORE_OF_FOLD, fold=range(ANALYSIS.folds.number)) if ANALYSIS.summary else []
)
SELECTIONS += ["efficient_score"] if SCORES else []
# The selection whose intervals are quoted, and whose systematic variations are drawn.
QUOTED = SELECTIONS[-1]
# Categories that are climbed beside the regions: an analysis with them in their place.
IN_CATEGORIES = in_climbed_categories(ANALYSIS) if ANALYSIS.climbed_categories else None
CATEGORIES = ["climb_categories"] if IN_CATEGORIES else []
# A second climb where edges move, for what that is worth.
FIXED_EDGES = ["climb_fixed_edges"] if ANALYSIS.moving_edges else []
MODULES = [full_name(ANALYSIS.module)] if SAMPLES else []


def kinds(*sources):
    """The modules of the kinds of systematic uncertainties in use, which are found by name."""
    used = ANALYSIS.systematics.values()
    return sorted({type(entry).__module__ for entry in used if entry.source in sources})


KINDS = kinds("rate", "weight", "shape", "sample")
SHIFTS = kinds("shape")
# The modules of the types of networks that are configured, likewise.
NETWORKS = ANALYSIS.network_modules
# And that of the format of each sample's files, with the hash of the code that skims them.
READERS = {s: type(ANALYSIS.format_of(s)).__module__ for s in READ}
SKIM_CODE = {
    m: code_hash("zenith.cli.skim", *MODULES, *SHIFTS, m) for m in set(READERS.values())
}
# Networks are trained and selections found once for each fold of the events, which they then read.
FOLDS = range(ANALYSIS.folds.number)
FIGURES = {  # folder of figures: its heading in the report
    "regions": "Control plots",
    "fit_regions": "Fit regions",
    "systematics": "Systematic variations",
    "fit": "Fit",
    "cutflow": "Cutflow",
}


wildcard_constraints:
    sample="|".join(map(re.escape, SAMPLES)) or "none",
    part=r"\d+",
    selection="|".join(SELECTIONS),
    fold=r"\d+",


def source(sample, part):
    """The input file of one skim."""
    return FILES[sample][int(part)]


def local_source(wildcards):
    """The same as a file that Snakemake watches; none if it is remote."""
    path = source(wildcards.sample, wildcards.part).path
    return [] if "://" in path else [path]


def expected_events(sample, part):
    events = source(sample, part).events
    return "" if events is None else f"--events {events}"


def longest_first(wildcards):
    """Priority of a simulation, just below 91: the part with the most events begins first, so that
    none is left to run alone. Pseudo-data, which do not say how many they are, begin before.
    """
    card = ANALYSIS.samples[wildcards.sample].simulate
    return 91 - card.parts / card.events if hasattr(card, "events") else 91


def golden_json(wildcards):
    golden = ANALYSIS.eras[ANALYSIS.samples[wildcards.sample].era].golden_json
    return [golden] if golden and ANALYSIS.is_data(wildcards.sample) else []


def skims(wildcards):
    """Those of all files of a sample."""
    parts = range(len(FILES[wildcards.sample]))
    return expand(f"{RESULTS}/skims/{wildcards.sample}.{{part}}.root", part=parts)


def correction_files(wildcards):
    if ANALYSIS.is_data(wildcards.sample):
        return []
    era = ANALYSIS.eras[ANALYSIS.samples[wildcards.sample].era]
    return sorted({correction.file for correction in era.corrections.values()})


def luminosity(wildcards):
    """That a simulated sample is scaled to, in 1/fb."""
    if ANALYSIS.is_data(wildcards.sample):
        return None
    return AT_LUMINOSITY.eras[ANALYSIS.samples[wildcards.sample].era].luminosity


def trained(folds=FOLDS, analysis=ANALYSIS):
    """The networks as they were trained, of some folds."""
    file = f"{RESULTS}/mva/{{mva}}/fold_{{fold}}/initial.safetensors"
    networks = expand(file, mva=moving(analysis), fold=folds)
    return networks + given_logits(folds, analysis)


def given_logits(folds=FOLDS, analysis=ANALYSIS):
    """In place of networks that read objects, of some folds: what they make of all events."""
    file = f"{RESULTS}/mva/{{mva}}/fold_{{fold}}/logits.h5"
    readers = [name for name, mva in analysis.networks_in_use.items() if mva.objects]
    return expand(file, mva=readers, fold=folds)


def moving(analysis):
    """The networks in use that columns alone evaluate, or their head: a climb writes them."""
    in_use = analysis.networks_in_use.items()
    return [name for name, mva in in_use if mva.moves_head or not mva.objects]


def climbed(stage, folds=FOLDS):
    """The selections that a climb ends with, of some folds."""
    return expand(f"{RESULTS}/{stage}/fold_{{fold}}/selection.json", fold=folds)


def climbed_networks(stage, folds=FOLDS, analysis=ANALYSIS):
    """The networks as a climb has moved them, of some folds."""
    file = f"{RESULTS}/{stage}/fold_{{fold}}/networks/{{mva}}.safetensors"
    moved = ["efficient_score"] if analysis.parts_by_score else moving(analysis)
    return expand(file, mva=moved, fold=folds)


def timed():
    """What says how long it took to learn what selections read."""
    networks = {*ANALYSIS.networks_in_use}
    if IN_CATEGORIES:
        networks |= {*IN_CATEGORIES.networks_in_use}
    if ANALYSIS.summary:
        networks |= {ANALYSIS.summary.network}
    file = f"{RESULTS}/mva/{{mva}}/fold_{{fold}}/metrics.json"
    scores = [str(Path(score).with_suffix(".json")) for score in SCORES]
    return [*expand(file, mva=sorted(networks), fold=FOLDS), *scores]


def searched(methods, folds=FOLDS):
    """The selections that searches end with, of some folds."""
    file = f"{RESULTS}/search/{{method}}/fold_{{fold}}.json"
    return expand(file, method=methods, fold=folds)


def trained_for_fold(wildcards):
    return trained([wildcards.fold])


def network_of_summary(wildcards):
    network = ANALYSIS.summary.network
    return f"{RESULTS}/mva/{network}/fold_{wildcards.fold}/initial.safetensors"


def is_summarised(wildcards):
    return wildcards.selection == "efficient_score"


def networks_of(wildcards):
    if is_summarised(wildcards):
        return SCORES
    if selection_files(wildcards):
        return climbed_networks("climb") + given_logits()
    return trained()


def selection_files(wildcards):
    """What the climb wrote for each fold, for the selection that it made."""
    return climbed("climb") if wildcards.selection == "optimised" else []


def selection_option(wildcards):
    if is_summarised(wildcards):
        return "--summarised"
    files = selection_files(wildcards)
    return f"--selection {' '.join(files)}" if files else ""


def varied_histograms(wildcards):
    """The histograms of the fit, where their variations are drawn."""
    quoted = wildcards.selection == QUOTED
    return [f"{RESULTS}/{QUOTED}/histograms.root"] if quoted else []


def varied_option(wildcards):
    return " ".join(f"--histograms {file}" for file in varied_histograms(wildcards))


def surface_file(wildcards):
    """The response surfaces of a selection, where the analysis has them."""
    return [f"{RESULTS}/{wildcards.selection}/surface.h5"] if ANALYSIS.surfaces else []


def surface_option(wildcards):
    return f"--surface {''.join(surface_file(wildcards))}" if ANALYSIS.surfaces else ""


def mva_events(wildcards):
    """The columns of the samples of a network's classes, without those that are not used.

    Or their training sets, where it reads objects.
    """
    return events_of_network(wildcards.mva)


def tuned_events(wildcards):
    return events_of_network(ANALYSIS.tune.network) if ANALYSIS.tune else []


def events_of_network(name):
    mva = ANALYSIS.mva[name]
    classes = mva.classes.values()
    used = [sample for samples in classes for sample in samples if sample in SAMPLES]
    folder = "training_sets" if mva.objects else "columns"
    return expand(f"{RESULTS}/{folder}/{{sample}}.h5", sample=used)


def scored_inputs():
    """What scored events are made of, by name: a file, or results of the analysis."""
    events = CONFIGURATION.inputs.scored
    if ASKED is None or ASKED.region is None:
        return {"file": events.file} if events and events.file else {}
    inputs = {
        "columns": expand(f"{RESULTS}/columns/{{sample}}.h5", sample=SAMPLES),
        "networks": trained(FOLDS[-1:]),  # the last fold is what is unseen
    }
    if (ASKED.selection or ANALYSIS.categorised_selection) == "optimised":
        inputs["networks"] = climbed_networks("climb", FOLDS[-1:]) + given_logits(
            FOLDS[-1:]
        )
        (inputs["selection"],) = climbed("climb", FOLDS[-1:])
    return inputs


def scored_options():
    """The same as `python -m zenith scored` takes it."""
    inputs = scored_inputs()
    if "columns" not in inputs:
        return ""
    options = f"--input {' '.join(inputs['columns'])} --networks {RESULTS}/mva"
    if "selection" in inputs:
        options += f" --selection {inputs['selection']}"
    return options
