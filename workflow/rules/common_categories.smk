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


def scored_config():
    """What scored events depend on, in the configuration and in that of an analysis."""
    parts = [step_config(CATEGORISATION, "scored")]
    if wanted := CATEGORISATION.events.analysis:
        analysis = zenith.config.load(wanted.configuration)
        parts.append(step_config(analysis, "scored"))
    return parts


def scored_networks():
    """The modules of the networks of an analysis whose scores are read."""
    wanted = CATEGORISATION.events.analysis
    return zenith.config.load(wanted.configuration).network_modules if wanted else []


def scored_inputs():
    """What scored events are made of, by name: a file, or results of an analysis."""
    wanted = CATEGORISATION.events.analysis
    if wanted is None:
        file = CATEGORISATION.events.file
        return {"file": file} if file else {}
    analysis = zenith.config.load(wanted.configuration)
    folder = f"results/{analysis.name}"
    inputs = {
        "columns": expand(f"{folder}/columns/{{s}}.h5", s=analysis.used_samples),
    }
    networks = f"{folder}/mva/{{n}}/initial.safetensors"
    if wanted.selection == "optimised":
        networks = f"{folder}/optimised_networks/{{n}}.safetensors"
        inputs["selection"] = f"{folder}/optimised.json"
    return inputs | {"networks": expand(networks, n=analysis.mva)}


def scored_options():
    """The same as `python -m zenith scored` takes it."""
    inputs = scored_inputs()
    if "columns" not in inputs:
        return ""
    folder = Path(inputs["columns"][0]).parent.parent
    options = f"--input {' '.join(inputs['columns'])} --networks {folder}/mva"
    if "selection" in inputs:
        options += f" --selection {inputs['selection']}"
    return options
