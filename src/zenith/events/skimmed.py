"""Tables as what is made of skims reads them: skimmed on the way."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from zenith.config import Analysis
from zenith.errors import InputError
from zenith.events.skim import skim


@contextmanager
def skimmed(paths: Sequence[str | Path], analysis: Analysis, sample: str) -> Iterator[list[str]]:
    """The skims of a sample; a file that its format recognises is skimmed first, for a while.

    Tables are so read in one step, with the events, cuts and sums of weights that a skim of its own
    would have given. Raises as `zenith.events.skim.skim` does; errors name the table.
    """
    format_ = analysis.format_of(sample)
    with TemporaryDirectory(prefix="zenith-") as folder:
        made: dict[str, str] = {}
        for number, path in enumerate(map(str, paths)):
            if format_.recognises(path):
                made[path] = f"{folder}/{number}.root"
                skim(path, made[path], analysis, sample)
        try:
            yield [made.get(str(path), str(path)) for path in paths]
        except InputError as error:
            text = str(error)
            for path, temporary in made.items():
                text = text.replace(temporary, path)
            raise InputError(text) from error
