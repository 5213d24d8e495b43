"""Options that many steps share: the configuration file, and overrides of its keys."""

import argparse
from pathlib import Path

from zenith.cli.files import Input
from zenith.config import (
    Analysis,
    Categorisation,
    is_categorisation,
    load,
    load_categorisation,
)
from zenith.config.yaml_text import read_yaml
from zenith.errors import ConfigError

DEFAULT = "config/zprime.yaml"


def add_config(parser: argparse.ArgumentParser) -> None:
    """Add `--config FILE` and `--set key=value`."""
    parser.add_argument(
        "--config",
        type=Input,
        default=DEFAULT,
        metavar="FILE",
        help=f"YAML configuration [{DEFAULT}]",
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


def analysis(args: argparse.Namespace) -> Analysis:
    """The configuration that the options name."""
    _check_default(args)
    return load(args.config, args.overrides)


def analysis_of_files(args: argparse.Namespace) -> Analysis:
    """The same, at the luminosity of the data that the files in use hold."""
    from zenith.events.datasets import at_luminosity_of_files

    return at_luminosity_of_files(analysis(args))[0]


def categorisation(args: argparse.Namespace) -> Categorisation:
    """The configuration of scored events and categories that the options name."""
    _check_default(args)
    return load_categorisation(args.config, args.overrides)


def either(args: argparse.Namespace) -> Analysis | Categorisation:
    """The configuration that the options name, of an analysis or a categorisation."""
    _check_default(args)
    data = read_yaml(args.config)
    return (categorisation if is_categorisation(data, args.config) else analysis)(args)


def sample(args: argparse.Namespace, analysis: Analysis) -> str:
    """The sample that the option `--sample` names; `ConfigError` if there is none."""
    if args.sample not in analysis.samples:
        known = ", ".join(analysis.samples)
        raise ConfigError(f"{args.config}: samples: no sample {args.sample!r}; there is {known}")
    return str(args.sample)
