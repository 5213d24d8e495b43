"""Ask the CERN Open Data portal for the files of every sample that is a record."""

import argparse

from zenith.cli import options
from zenith.cli.files import Output

HELP = "list the files of CERN Open Data records"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this step."""
    from zenith.events.datasets import RECORDS
    from zenith.events.opendata import SERVER

    options.add_config(parser)
    parser.add_argument(
        "--output",
        type=Output,
        default=RECORDS,
        metavar="FILE",
        help=f"catalogue of the records [{RECORDS}]",
    )
    parser.add_argument("--server", default=SERVER, metavar="URL", help=f"portal [{SERVER}]")


def run(args: argparse.Namespace) -> None:
    """Query every record of the configuration and write the catalogue."""
    from zenith.artefacts import write_json
    from zenith.errors import ConfigError
    from zenith.events.opendata import query

    analysis = options.analysis(args)
    records = {s.record for s in analysis.samples.values() if s.record is not None}
    if not records:
        raise ConfigError(f"{args.config}: no sample has a record; nothing to ask for")
    catalogue = {str(record): query(record, args.server) for record in sorted(records)}
    write_json(args.output, catalogue)
    for record, entry in catalogue.items():
        print(f"record {record}: {len(entry['nominal']['files'])} files")
