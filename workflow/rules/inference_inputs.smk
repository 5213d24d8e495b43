# What response surfaces, intervals and pseudo-experiments read, and their options.

from types import SimpleNamespace

OF_QUOTED = SimpleNamespace(selection=QUOTED)  # as wildcards have it
# The number of jobs that share truths.
PARTS = (
    min(ANALYSIS.coverage.jobs, ANALYSIS.coverage.number) if ANALYSIS.coverage else 1
)


def all_skims(wildcards):
    """Those of all simulated samples, whose events are shifted."""
    simulated = [sample for sample in READ if not ANALYSIS.is_data(sample)]
    return [
        f"{RESULTS}/skims/{sample}.{part}.root"
        for sample in simulated
        for part in range(len(FILES[sample]))
    ]


def events_option(wildcards):
    """What events of a selection are shifted, selected and scored with."""
    options = f"--skims {RESULTS}/skims --networks {RESULTS}/mva"
    if is_summarised(wildcards):
        return f"{options} --summarised {' '.join(SCORES)}"
    return f"{options} {selection_option(wildcards)}".rstrip()


def quoted_networks(wildcards):
    return networks_of(OF_QUOTED)


def quoted_selection(wildcards):
    return selection_files(OF_QUOTED)


def interval_options():
    """What intervals are asked for, of the selection that is quoted."""
    asked = ANALYSIS.interval
    options = [surface_option(OF_QUOTED)]
    options += ["--expected"] if ANALYSIS.blind else []
    options += [f"--parameter {name}" for name in asked.parameters] if asked else []
    options += [f"--level {level:.16g}" for level in asked.levels] if asked else []
    return " ".join(filter(None, options))


def experiments_options():
    """What pseudo-experiments read besides the workspace."""
    if not ANALYSIS.surfaces:
        return ""
    columns = expand(f"{RESULTS}/columns/{{sample}}.h5", sample=SAMPLES)
    inputs = f"{surface_option(OF_QUOTED)} --input {' '.join(columns)}"
    return f"{inputs} {events_option(OF_QUOTED)}"


def figures_options():
    """What the figures of intervals are of, besides the fit."""
    coverage = f"--coverage {RESULTS}/coverage.json" if ANALYSIS.coverage else ""
    return f"{surface_option(OF_QUOTED)} {coverage}".strip()
