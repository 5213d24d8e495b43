"""What several steps read: the efficient scores of an analysis."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zenith.config import Analysis
    from zenith.core.networks.network import Network
    from zenith.core.response.efficient_score import EfficientScore


def read_scores(
    analysis: "Analysis", paths: Sequence[str], bins: int | None = None
) -> "list[EfficientScore]":
    """The efficient scores of all folds, from their files in any order, with the summary's bins and
    cells, or as many bins as are given.

    Raises InputError for files of other folds, and one that its own fold taught.
    """
    from zenith.errors import InputError
    from zenith.events.folds import require_unseen
    from zenith.training.score_files import load_score

    summary = analysis.summary
    assert summary is not None
    number = (summary.bins, summary.number_of_cells) if bins is None else (bins, 1)
    of_fold = {}
    for path in paths:
        score, metadata = load_score(path, analysis.mva[summary.network], *number)
        fold = int(metadata.get("fold", -1))
        require_unseen(metadata, analysis.folds, fold, path, "efficient_score")
        of_fold[fold] = score
    if missing := [str(f) for f in range(analysis.folds.number) if f not in of_fold]:
        raise InputError(
            f"{', '.join(paths)}: no efficient score of fold {', '.join(missing)} among them: "
            f"give all {analysis.folds.number}"
        )
    return [of_fold[fold] for fold in range(analysis.folds.number)]


def summary_scores(analysis: "Analysis", paths: Sequence[str]) -> "list[dict[str, Network]]":
    """The same as the networks of every fold, by the name of the observable that they are."""
    from zenith.config.efficient_score import SCORE

    return [{SCORE: score} for score in read_scores(analysis, paths)]


def read_score(
    analysis: "Analysis", path: str | None, fold: int
) -> "tuple[EfficientScore, set[int]]":
    """The efficient score that reads a fold, and the folds that taught it.

    Raises InputError without a file, for one of another fold, and one that the fold itself taught.
    """
    from zenith.errors import InputError
    from zenith.events.folds import require_unseen
    from zenith.training.score_files import load_score

    assert analysis.summary is not None
    if path is None:
        raise InputError(
            "the climbed categories are of the efficient score: name the file of the fold with "
            f"--score, results/{analysis.name}/efficient_score/fold_{fold}/score.safetensors"
        )
    score, metadata = load_score(path, analysis.mva[analysis.summary.network])
    return score, {*require_unseen(metadata, analysis.folds, fold, path, "efficient_score")}


def read_climbed_scores(
    analysis: "Analysis", selections: Sequence[str], categories: int
) -> "list[EfficientScore]":
    """The efficient scores that climbs of categories have written, whose bins these are.

    Raises InputError for a selection that has none, and as `read_scores` does.
    """
    from zenith.artefacts.selection import SELECTION
    from zenith.config.efficient_score import SCORE
    from zenith.errors import InputError

    paths = []
    for selection in selections:
        networks = SELECTION.read(selection).get("networks", {})
        if SCORE not in networks:
            raise InputError(
                f"{selection}: it moves no {SCORE}, of which climbed_categories are: run `zenith "
                "optimise --climbed-categories` with this configuration"
            )
        paths.append(str(Path(selection).parent / networks[SCORE]))
    return read_scores(analysis, paths, categories)
