"""Options that many steps share: the configuration file, and overrides of its keys."""

import argparse
import logging
from pathlib import Path
from typing import TypeVar

from zenith.cli.files import Folder, Input, check
from zenith.config import Analysis, load
from zenith.config.base import Section
from zenith.config.categories import Categorise
from zenith.config.efficient_score import EfficientScoreSettings
from zenith.config.memberships import ClimbedCategories
from zenith.config.tuning import Tune
from zenith.config.variants import in_climbed_categories, summarised
from zenith.errors import ConfigError

DEFAULT = "config/zprime.yaml"
S = TypeVar("S", bound=Section)


def add_config(parser: argparse.ArgumentParser, default: str | None = DEFAULT) -> None:
    """Add `--config FILE` and `--set key=value`."""
    parser.add_argument(
        "--config",
        type=Input,
        default=default,
        metavar="FILE",
        help=f"YAML configuration [{default or 'none'}]",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="overrides",
        help="override one key, for example samples.wjets.k_factor=1.2; may be repeated",
    )


def _check_default(args: argparse.Namespace) -> None:
    if args.config == DEFAULT and not Path(DEFAULT).exists():
        raise ConfigError(
            f"{DEFAULT}: the default configuration is not in this folder; name one with --config, "
            "`zenith new NAME` makes one"
        )


def configuration(args: argparse.Namespace) -> Analysis:
    """The configuration that the options name, whatever its inputs are."""
    _check_default(args)
    return load(args.config, args.overrides)


def analysis(args: argparse.Namespace) -> Analysis:
    """The same of an analysis of samples. Raises ConfigError for one of other inputs."""
    found = configuration(args)
    if not found.of_samples:
        kind = "scored events" if found.inputs.scored is not None else "training sets"
        raise ConfigError(
            f"{args.config}: samples: missing: the inputs are {kind}, and this step is of an "
            "analysis of samples"
        )
    if getattr(args, "summarised", None):
        summary(args, found)
        return summarised(found)
    if getattr(args, "climbed_categories", False):
        climbed_categories(args, found)
        return in_climbed_categories(found)
    return found


def categorised(args: argparse.Namespace) -> tuple[Analysis, Categorise]:
    """The same with categories, and what is asked of them. Raises ConfigError without them."""
    found = configuration(args)
    return found, section(args, "categorise", found.categorise)


def analysis_of_files(args: argparse.Namespace) -> Analysis:
    """The same, at the luminosity of the data that the files in use hold."""
    from zenith.events.datasets import at_luminosity_of_files

    return at_luminosity_of_files(analysis(args))[0]


def section(args: argparse.Namespace, key: str, found: S | None) -> S:
    """What the configuration asks for under a key. Raises ConfigError if it asks for nothing."""
    if found is None:
        about = Analysis.model_fields[key].description
        raise ConfigError(f"{args.config}: {key}: missing ({about})")
    return found


def tuned(args: argparse.Namespace) -> tuple[Analysis, Tune]:
    """The configuration, and the search of settings in it. Raises ConfigError without one."""
    found = configuration(args)
    return found, section(args, "tune", found.tune)


def summary(args: argparse.Namespace, analysis: Analysis) -> EfficientScoreSettings:
    """The summary that the configuration asks for. Raises ConfigError if it asks for none."""
    return section(args, "summary", analysis.summary)


def add_skims(parser: argparse.ArgumentParser) -> None:
    """Add `--sample NAME` and `--input SKIM …`."""
    parser.add_argument("--sample", required=True, help="name of the sample in the configuration")
    add_inputs(parser, "all skims of the sample, or all tables of it", metavar="SKIM")


def of_skims(args: argparse.Namespace) -> tuple[Analysis, str]:
    """The analysis, simulation at the luminosity of the data in the files in use, and the sample.

    Raises InputError if an output is a file of the corrections.
    """
    from zenith.events.datasets import at_luminosity_of_files

    found = analysis(args)
    name = sample(args, found)
    corrections = found.eras[found.samples[name].era].corrections
    check(args, {"corrections": [correction.file for correction in corrections.values()]})
    if not found.is_data(name):
        found, notes = at_luminosity_of_files(found)
        for note in notes:
            logging.warning(note)
    return found, name


def climbed_categories(args: argparse.Namespace, analysis: Analysis) -> ClimbedCategories:
    """The categories that the configuration has climbed. Raises ConfigError without them."""
    return section(args, "climbed_categories", analysis.climbed_categories)


def add_inputs(
    parser: argparse.ArgumentParser, about: str, *, metavar: str = "H5", required: bool = True
) -> None:
    """Add `--input H5 …`."""
    parser.add_argument(
        "--input",
        type=Input,
        required=required,
        nargs="+",
        default=[],
        metavar=metavar,
        help=about,
    )


def add_columns(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Add `--input H5 …` of an analysis."""
    add_inputs(parser, "columns of all samples", required=required)


def add_events(parser: argparse.ArgumentParser) -> None:
    """Add `--input H5 …` of a network."""
    add_inputs(
        parser,
        "columns of the samples of its classes, or their training sets if it reads objects",
    )


def add_networks(parser: argparse.ArgumentParser) -> None:
    """Add `--networks DIR`."""
    parser.add_argument("--networks", metavar="DIR", help="folder of the trained networks")


def add_network_output(parser: argparse.ArgumentParser) -> None:
    """Add `--output DIR` of a training."""
    parser.add_argument(
        "--output",
        type=Folder,
        required=True,
        metavar="DIR",
        help="folder of initial.safetensors, network.onnx and metrics.json",
    )


def add_summarised(parser: argparse.ArgumentParser) -> None:
    """Add `--summarised`: the step is then of the summary in place of the regions."""
    parser.add_argument(
        "--summarised",
        action="store_true",
        help="the summary of the configuration, in place of its regions",
    )


def add_summary_scores(parser: argparse.ArgumentParser) -> None:
    """Add `--summarised FILE …`, of a step that computes the summary of its events."""
    parser.add_argument(
        "--summarised",
        type=Input,
        nargs="+",
        default=[],
        metavar="FILE",
        help="efficient scores of all folds: the step is of the summary in place of the regions",
    )


def add_climbed_categories(parser: argparse.ArgumentParser) -> None:
    """Add `--climbed-categories`: the step is then of them in place of the regions."""
    parser.add_argument(
        "--climbed-categories",
        action="store_true",
        help="the climbed categories of the configuration, in place of its regions",
    )


def add_fold(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Add `--fold F`."""
    parser.add_argument(
        "--fold",
        type=int,
        required=required,
        help="fold that is read with it, from 0: it learns from the others",
    )


def fold(args: argparse.Namespace, analysis: Analysis) -> int:
    """The fold that the option `--fold` names; `ConfigError` if there is none."""
    if not 0 <= args.fold < analysis.folds.number:
        last = analysis.folds.number - 1
        raise ConfigError(
            f"{args.config}: folds.number is {analysis.folds.number}: --fold can be 0 to {last}, "
            f"not {args.fold}"
        )
    return int(args.fold)


def add_selections(parser: argparse.ArgumentParser, what: str) -> None:
    """Add `--selection JSON …`, one file for each fold."""
    parser.add_argument(
        "--selection",
        type=Input,
        nargs="+",
        default=[],
        metavar="JSON",
        help=f"{what}: the file of every fold, or one for all",
    )


def sample(args: argparse.Namespace, analysis: Analysis) -> str:
    """The sample that the option `--sample` names; `ConfigError` if there is none."""
    if args.sample not in analysis.samples:
        known = ", ".join(analysis.samples)
        raise ConfigError(f"{args.config}: samples: no sample {args.sample!r}; there is {known}")
    return str(args.sample)
