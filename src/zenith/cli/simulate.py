"""Simulate a part of a sample, or of pseudo-data: a NanoAOD file, or the challenge's table."""

import argparse
import logging

from zenith.cli import options
from zenith.cli.files import Output
from zenith.cli.progress import progress
from zenith.config import Analysis
from zenith.config.simulation import (
    HardCard,
    LeptonTauCard,
    ProcessCard,
    PseudodataCard,
    SummaryToyCard,
)
from zenith.errors import ConfigError

HELP = "simulated events (config) to a NanoAOD file, or a table of the HiggsML challenge"

log = logging.getLogger(__name__)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of this step."""
    options.add_config(parser)
    parser.add_argument("--sample", required=True, help="sample with a `simulate` block")
    parser.add_argument("--part", type=int, default=0, help="which part of the sample [0]")
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument(
        "--output",
        type=Output,
        metavar="FILE",
        help="file to write: .root, or .parquet of the HiggsML challenge",
    )
    target.add_argument(
        "--cross-section",
        action="store_true",
        help="write no file: print the leading-order cross-section of the card in pb",
    )


def run(args: argparse.Namespace) -> None:
    """Write the file, or print the cross-section."""
    analysis = options.analysis(args)
    sample = analysis.samples.get(args.sample)
    if sample is None or sample.simulate is None:
        simulated = [name for name, s in analysis.samples.items() if s.simulate]
        raise ConfigError(
            f"{args.config}: samples.{args.sample} has no simulate block; "
            f"these have one: {', '.join(simulated) or 'none'}"
        )
    card = sample.simulate
    if not 0 <= args.part < card.parts:
        raise ConfigError(
            f"{args.config}: samples.{args.sample}.simulate.parts is {card.parts}: "
            f"--part can be 0 to {card.parts - 1}, not {args.part}"
        )
    if isinstance(card, PseudodataCard):
        _pseudodata(analysis, card, args)
    elif isinstance(card, SummaryToyCard):
        _summary_toy(analysis, card, args)
    elif isinstance(card, LeptonTauCard):
        _challenge(analysis, card, args)
    elif args.cross_section:
        _print_cross_section(card, args)
    else:
        _simulation(analysis, card, args)


def _simulation(analysis: Analysis, card: ProcessCard, args: argparse.Namespace) -> None:
    from zenith.simulation.simulate import events_of_part, simulate

    with progress(f"simulate {args.sample}") as advance:
        sigma, error = simulate(
            card,
            events=events_of_part(card, args.part),
            seed=analysis.seed,
            part=args.part,
            output=args.output,
            sample=args.sample,
            progress=advance,
        )
    # The normalisation of a slice follows from its card; that of a signal is anyone's choice.
    given = analysis.samples[args.sample].cross_section or 0.0
    if isinstance(card, HardCard) and abs(given - sigma) > max(5 * error, 0.03 * sigma):
        log.warning(
            "%s: samples.%s.cross_section is %.4g pb, but its card gives %.4g ± %.2g pb; "
            "`zenith simulate --sample %s --cross-section` is more precise",
            args.config, args.sample, given, sigma, error, args.sample,
        )  # fmt: skip


def _challenge(analysis: Analysis, card: LeptonTauCard, args: argparse.Namespace) -> None:
    from zenith.simulation.challenge import cross_section, simulate_challenge

    if args.cross_section:
        _print(args.sample, *cross_section(card))
        return
    if not str(args.output).endswith(".parquet"):
        raise ConfigError(
            f"{args.output}: events of a {card.process} card are a table: name it .parquet"
        )
    with progress(f"simulate {args.sample}") as advance:
        simulate_challenge(
            card,
            seed=analysis.seed,
            part=args.part,
            output=args.output,
            sample=args.sample,
            progress=advance,
        )


def _summary_toy(analysis: Analysis, card: SummaryToyCard, args: argparse.Namespace) -> None:
    from zenith.simulation.simulate import events_of_part
    from zenith.simulation.summary_toy_events import simulate_summary_toy

    if args.cross_section:
        raise ConfigError(f"{args.config}: samples.{args.sample} is of a toy: its yields are known")
    simulate_summary_toy(
        card,
        events=events_of_part(card, args.part),
        seed=analysis.seed,
        part=args.part,
        output=args.output,
        sample=args.sample,
    )


def _pseudodata(analysis: Analysis, card: PseudodataCard, args: argparse.Namespace) -> None:
    from zenith.simulation.simulate import Source, certified_share, simulate_pseudodata

    if args.cross_section:
        raise ConfigError(f"{args.config}: samples.{args.sample} is pseudo-data: it has no card")
    strength = dict.fromkeys(card.backgrounds, 1.0)
    if card.signal is not None:
        strength[card.signal] = card.signal_strength
    sources = []
    for name, factor in strength.items():
        sample = analysis.samples[name]
        if not isinstance(sample.simulate, ProcessCard) or sample.cross_section is None:
            raise ConfigError(
                f"{args.config}: samples.{args.sample}.simulate: {name} is not a simulated process"
            )
        sigma = card.truth.get(name, sample.cross_section * sample.k_factor)
        expected = factor * sigma
        sources.append(Source(name, sample.simulate, expected))
    era = analysis.eras[analysis.samples[args.sample].era]
    with progress(f"simulate {args.sample}") as advance:
        simulate_pseudodata(
            sources,
            luminosity=era.luminosity,
            certified=certified_share(era.golden_json),
            detector=card.detector,
            seed=analysis.seed,
            part=args.part,
            parts=card.parts,
            output=args.output,
            sample=args.sample,
            progress=advance,
        )


def _print_cross_section(card: ProcessCard, args: argparse.Namespace) -> None:
    from zenith.simulation.generator import cross_section

    _print(args.sample, *cross_section(card))


def _print(sample: str, sigma: float, error: float) -> None:
    print(f"{sample}: {sigma:.5g} ± {error:.2g} pb (leading order)")
