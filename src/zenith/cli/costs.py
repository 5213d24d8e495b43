"""What the selections of a comparison took: CPU time of networks, of scores and of searches."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zenith.artefacts.selection import Cost


def cpu_seconds(
    read: Mapping[str, Sequence[str]],
    networks: str | None,
    folds: Sequence[int],
    scores: Sequence[str],
    cost: "Mapping[str, Cost]",
    of_scores: Collection[str] = ("efficient_score",),
) -> dict[str, float]:
    """CPU seconds of all folds, by selection, without those of which something was not timed.

    `read` has the networks that each selection reads; their metrics.json are in the folder
    `networks`, beside the networks of the folds. What describes the efficient scores, score.json,
    is beside their files; selections `of_scores` read them.
    """
    import numpy as np

    from zenith.artefacts.efficient_score import EFFICIENT_SCORE
    from zenith.artefacts.metrics import METRICS

    def of_network(name: str) -> float | None:
        paths = [Path(networks or "") / name / f"fold_{fold}/metrics.json" for fold in folds]
        if not all(path.exists() for path in paths):
            return None
        times = [METRICS.read(path).get("cpu_seconds", float("nan")) for path in paths]
        return None if np.isnan(times).any() else sum(times)

    def of_score(path: Path) -> float | None:
        if not path.exists():
            return None
        about = EFFICIENT_SCORE.read(path)
        learned = about.get("cpu_seconds_of_responses")
        return None if learned is None else about["cpu_seconds"] + learned

    trained = {name: of_network(name) for names in read.values() for name in names}
    found = {}
    for row, names in read.items():
        times = [trained[name] for name in names]
        if row in cost:
            times.append(cost[row]["cpu_seconds"])
        if row in of_scores:
            times += [of_score(Path(score).with_suffix(".json")) for score in scores]
        known = [time for time in times if time is not None]
        if len(known) == len(times):
            found[row] = sum(known)
    return found
