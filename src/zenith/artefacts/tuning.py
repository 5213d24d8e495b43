"""What a search of a network's settings has tried, and what was best."""

from typing import Annotated, Literal, NotRequired

from typing_extensions import TypedDict

from zenith.artefacts.codec import Lines
from zenith.artefacts.json_codec import JsonCodec
from zenith.tables import pairs, table

State = Literal["complete", "pruned", "fail"]


class TriedSettings(TypedDict):
    """One trial of settings."""

    trial: Annotated[int, "number of the trial, from 0"]
    state: Annotated[State, "`complete`, `pruned` (ended early), or `fail`"]
    value: Annotated[float | None, "objective on the validation part; null without one"]
    settings: Annotated[dict[str, str], "by dotted keys below the network, each as JSON"]
    epochs: Annotated[int, "number of rounds that were trained"]
    seconds: Annotated[float, "wall time"]
    reason: NotRequired[Annotated[str, "why it failed"]]


class Tuned(TypedDict):
    """What `zenith tune` writes."""

    network: Annotated[str, "whose settings were searched"]
    objective: Annotated[str, "`loss` or `auc`, on the validation part"]
    sampler: Annotated[str, "what proposed settings"]
    pruner: Annotated[str, "what ended trials early"]
    seed: Annotated[int, "of the proposals, and of every training"]
    best: Annotated[TriedSettings, "the trial with the best value"]
    epoch: Annotated[int, "that the best trial keeps, from 1"]
    tried: Annotated[list[TriedSettings], "all trials, in order"]
    importances: Annotated[
        dict[str, float], "of settings for the value, by PED-ANOVA; of few trials there are none"
    ]
    seconds: Annotated[float, "wall time of all trials, those before an interruption too"]
    cpu_seconds: Annotated[float, "CPU time since the last start"]


def _describe(content: Tuned) -> Lines:
    shown = ("network", "objective", "sampler", "pruner", "seed", "seconds", "cpu_seconds")
    yield pairs({key: content[key] for key in shown})  # type: ignore[literal-required]
    best = content["best"]
    yield pairs({f"best, trial {best['trial']}": best["value"], **best["settings"]})
    keys = list(best["settings"])
    rows = [
        (*(one["trial"], one["state"], one["value"], one["epochs"]), *one["settings"].values())
        for one in content["tried"]
    ]
    yield table(["trial", "state", "value", "epochs", *keys], rows, left=2)


TUNED = JsonCodec[Tuned](
    "search of settings",
    Tuned,
    "tune",
    lambda top: {"tried", "sampler"} <= top.keys(),
    _describe,
)
