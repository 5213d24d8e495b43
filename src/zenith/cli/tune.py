"""Search the settings of a network: trials by Optuna, judged on the validation part."""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zenith.cli import options
from zenith.cli.files import Folder

if TYPE_CHECKING:
    from zenith.config import Analysis
    from zenith.config.networks.settings import Mva
    from zenith.training.parts import Parts

HELP = "columns, or training sets, to the best settings of a network"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    options.add_config(parser)
    options.add_fold(parser, required=False)
    options.add_events(parser)
    parser.add_argument(
        "--base", metavar="YAML", help="configuration that best.yaml is based on [that of --config]"
    )
    parser.add_argument(
        "--output",
        type=Folder,
        required=True,
        metavar="DIR",
        help="folder of best.yaml, tuned.json, figures and the trials, which are continued",
    )


def run(args: argparse.Namespace) -> None:
    """Read what trials there are, go on with them, write the best settings."""
    import logging
    import time

    import optuna

    from zenith.artefacts import data_hash, file_hash
    from zenith.artefacts.tuning import TUNED
    from zenith.cli.inputs import settings_of_network
    from zenith.cli.progress import progress
    from zenith.config.dependencies import step_config
    from zenith.errors import InputError
    from zenith.figures import style
    from zenith.figures.tuning import figures, importances
    from zenith.training import tuning
    from zenith.training.study_files import REMEDY, StudyFile

    worked = time.process_time()
    analysis, tune = options.tuned(args)
    seed = analysis.seed
    folder = Path(args.output)
    mva = settings_of_network(analysis, tune.network, args.config)
    judge = tuning.Judge(tune.network, mva, tune.objective, seed, _reader(args, analysis))
    parts = [tune.model_dump(exclude={"trials", "seconds", "storage"}), mva.model_dump(), seed]
    inputs = [args.fold, *(file_hash(path) for path in args.input)]
    search = f"{analysis.name}.{tune.network}.{data_hash([*parts, *inputs])}"
    stored = StudyFile(folder / tune.storage, search, tuning.DIRECTIONS[tune.objective])
    try:
        study = tuning.resumed(tune, seed, stored.trials)
    except InputError as error:
        raise InputError(f"{folder / tune.storage}: {error}; {REMEDY}") from None
    if study.trials:
        logging.info("%s: %d trials are there", folder / tune.storage, len(study.trials))

    with progress("tune") as advance:

        def record(trial: optuna.trial.FrozenTrial) -> None:
            stored.add(trial)
            one, done = tuning.tried(tune, study.trials[-1]), len(study.trials)
            value = one["state"] if one["value"] is None else f"{tune.objective} {one['value']:.5g}"
            settings = ", ".join(f"{key}: {text}" for key, text in one["settings"].items())
            logging.info("trial %d: %s; %s", one["trial"], value, settings)
            advance(done, tune.most or done)

        tuning.search_settings(study, tune, judge, record)

    best = study.best_trial
    content = [tuning.tried(tune, trial) for trial in study.trials]
    what = "validation loss" if tune.objective == "loss" else "area under the curve (validation)"
    for name, figure in figures(study, what):
        style.save(figure, folder / "figures" / name, ["png"])
    TUNED.write(
        folder / "tuned.json",
        {
            "network": tune.network,
            "objective": tune.objective,
            "sampler": tune.sampler,
            "pruner": tune.pruner,
            "seed": seed,
            "best": content[best.number],
            "epoch": best.user_attrs[tuning.EPOCH],
            "tried": content,
            "importances": importances(study),
            "seconds": sum(one["seconds"] for one in content),
            "cpu_seconds": time.process_time() - worked,
        },
        inputs=args.input,
        config=step_config(analysis, "tune"),
    )
    _write_best(args, tune.network, tuning.settings_of(tune, best), folder / "best.yaml")
    logging.info("%s: trial %d, %s %.5g", folder / "best.yaml", best.number, what, best.value)


def _write_best(
    args: argparse.Namespace, network: str, settings: Mapping[str, Any], path: Path
) -> None:
    """The configuration with the best settings, which searches no more."""
    import yaml

    from zenith.artefacts import write_text
    from zenith.config.loading import parse_overrides
    from zenith.config.merging import merge, nested

    found = merge(parse_overrides(args.overrides), {"mva": {network: nested(settings)}})
    data = {"base": str(args.base or args.config), **found, "tune": None}
    write_text(path, yaml.safe_dump(data, sort_keys=False, allow_unicode=True))


def _reader(args: argparse.Namespace, analysis: "Analysis") -> "Callable[[Mva], Parts]":
    """Reads all parts but `test` as a network reads them; the last ones are kept."""
    from zenith.cli.learning import events_by_fold, events_of_sets
    from zenith.errors import ConfigError

    assert analysis.tune is not None
    name = analysis.tune.network
    if args.fold is None and analysis.of_samples:
        raise ConfigError("--fold: missing: it says which fold judges nothing, 0 for example")
    fold = None if args.fold is None else options.fold(args, analysis)
    kept: dict[str, Parts] = {}

    def parts(mva: "Mva") -> "Parts":
        read = {"features", "cuts", "missing", "objects", "loss", "memory"}
        key = mva.model_dump_json(include=read)
        if key not in kept:
            if fold is not None and analysis.of_samples:
                found = events_by_fold(name, mva, args.input, analysis.folds)[0](fold)
            else:
                found = events_of_sets(name, mva, args.input, analysis, fold)
            kept.clear()
            kept[key] = found.without("test")
        return kept[key]

    return parts
