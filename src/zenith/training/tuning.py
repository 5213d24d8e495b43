"""The search of a network's settings, by Optuna: trials one after the other, that can be resumed.

The study that proposes is kept in memory; what is stored is the record of its trials. Proposals
follow from the seed and the results so far, so that a search that is resumed asks for all its
trials again and gives them the recorded results: it is then where it was, its random numbers
included, and goes on as one that was never interrupted.
"""

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState, create_trial

from zenith.artefacts.tuning import State, TriedSettings
from zenith.config.networks.settings import Mva
from zenith.config.tuning import Range, Tune, counted, refusal, with_settings
from zenith.errors import FitError, InputError
from zenith.training.evaluate import areas
from zenith.training.examples import Examples
from zenith.training.parts import Parts
from zenith.training.train import train
from zenith.training.trained import Trained

WARM_UP = 3  # epochs before the median judges, and trials
FIRST_RUNG = 4  # epochs after which successive halving judges first
SEED = "seed"
SECONDS, EPOCH, REASON = "seconds", "epoch", "reason"  # what is recorded of a trial besides
STATES: dict[TrialState, State] = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "fail",
}
DIRECTIONS: dict[str, Literal["minimize", "maximize"]] = {"loss": "minimize", "auc": "maximize"}

Read = Callable[[Mva], Parts]
"""What gives the parts `train`, `validate`, and `calibrate` if there is one, to a network."""


@dataclass(frozen=True)
class Judge:
    """Trains a network with the settings of a trial, and says what they are worth."""

    name: str
    mva: Mva
    objective: str
    seed: int
    read: Read

    def __call__(self, trial: optuna.Trial, settings: Mapping[str, Any]) -> tuple[float, int]:
        """The value of the settings, and the epoch that is kept; `TrialPruned` ends it early."""

        def progress(epoch: int, training: float, validation: float) -> None:
            # what a pruner compares is the loss, in the direction of the study
            trial.report(validation if self.objective == "loss" else -validation, epoch)
            if trial.should_prune():
                raise optuna.TrialPruned

        mva = with_settings(self.mva, settings)
        parts = self.read(mva)
        taught = parts["train"], parts["validate"]
        calibrating = parts.get("calibrate")
        trained = train(
            self.name, mva, *taught, self.seed, progress, calibrating, stream=parts.stream
        )
        return self._value(mva, trained, parts["validate"]), trained.best_epoch

    def _value(self, mva: Mva, trained: Trained, events: Examples) -> float:
        if self.objective == "loss":
            return trained.lowest
        return float(np.mean(list(areas(trained.network, mva, events).values())))


def resumed(tune: Tune, seed: int, recorded: Sequence[FrozenTrial] = ()) -> optuna.Study:
    """The search after the recorded trials, or at its begin.

    Raises `InputError` for trials that it would not have proposed.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        direction=DIRECTIONS[tune.objective], sampler=_sampler(tune, seed), pruner=_pruner(tune)
    )
    study.set_user_attr(SEED, seed)
    for trial in recorded:
        _repeat(study, tune, trial)
    return study


def search_settings(
    study: optuna.Study, tune: Tune, judge: Judge, record: Callable[[FrozenTrial], None]
) -> None:
    """Try settings until trials or time are used up, those of recorded trials too.

    `record` is given each trial when it has ended. One whose training diverges, or whose settings
    the network refuses together, has failed and is no reason to stop.

    Raises `FitError` where no trial has a value, and `InputError` as `train`.
    """
    spent = sum(trial.user_attrs[SECONDS] for trial in study.trials)
    began = time.perf_counter()
    while _goes_on(tune, len(study.trials), spent + time.perf_counter() - began):
        _try(study, tune, judge)
        record(_record(study.trials[-1]))
    if not any(trial.state == TrialState.COMPLETE for trial in study.trials):
        reasons = [trial.user_attrs.get(REASON, "ended early") for trial in study.trials]
        raise FitError(
            f"tune: none of {len(study.trials)} trials has a value (the last: {reasons[-1]}); "
            "narrow the space"
        )


def settings_of(tune: Tune, trial: FrozenTrial) -> dict[str, Any]:
    """The settings of a trial, by dotted keys in the order of the space."""
    return {key: _value(of, trial.params[key]) for key, of in tune.space.items()}


def tried(tune: Tune, trial: FrozenTrial) -> TriedSettings:
    """A trial as the file of results has it."""
    known = trial.state == TrialState.COMPLETE
    found: TriedSettings = {
        "trial": trial.number,
        "state": STATES[trial.state],
        "value": trial.value if known else None,
        "settings": {key: json.dumps(v) for key, v in settings_of(tune, trial).items()},
        "epochs": max(trial.intermediate_values, default=0),
        "seconds": trial.user_attrs[SECONDS],
    }
    if REASON in trial.user_attrs:
        found["reason"] = trial.user_attrs[REASON]
    return found


def _goes_on(tune: Tune, trials: int, seconds: float) -> bool:
    more = tune.most is None or trials < tune.most
    return more and (tune.seconds is None or seconds < tune.seconds)


def _try(study: optuna.Study, tune: Tune, judge: Judge) -> None:
    began = time.perf_counter()
    trial = _asked(study, tune)
    settings = _proposed(tune, trial)
    try:
        if (reason := refusal(judge.mva, settings, "refused")) is not None:
            raise FitError(reason)
        value, epoch = judge(trial, settings)
        ends: dict[str, Any] = {"values": value}
        trial.set_user_attr(EPOCH, epoch)
    except optuna.TrialPruned:
        ends = {"state": TrialState.PRUNED}
    except FitError as error:
        ends = {"state": TrialState.FAIL}
        trial.set_user_attr(REASON, str(error))
    trial.set_user_attr(SECONDS, time.perf_counter() - began)
    study.tell(trial, **ends)


def _record(trial: FrozenTrial) -> FrozenTrial:
    """A trial without what samplers and pruners note in it, which follows from the others."""
    return create_trial(
        state=trial.state,
        value=trial.value,
        params=trial.params,
        distributions=trial.distributions,
        user_attrs=trial.user_attrs,
        intermediate_values=trial.intermediate_values,
    )


def _repeat(study: optuna.Study, tune: Tune, old: FrozenTrial) -> None:
    """A recorded trial once more, for all that samplers and pruners make of it."""
    trial = _asked(study, tune)
    if _proposed(tune, trial) != settings_of(tune, old):
        raise InputError(
            f"trial {trial.number} has other settings than this search proposes: it is of another "
            "version of Optuna or of Zenith"
        )
    for epoch, value in sorted(old.intermediate_values.items()):
        trial.report(value, epoch)
        trial.should_prune()
    for name, value in old.user_attrs.items():
        trial.set_user_attr(name, value)
    complete = old.state == TrialState.COMPLETE
    study.tell(trial, values=old.value if complete else None, state=old.state)


def _asked(study: optuna.Study, tune: Tune) -> optuna.Trial:
    """The next trial; of a grid one of its points, in an order drawn from the seed."""
    if tune.sampler == "grid":
        grid = {key: counted(of) or [] for key, of in tune.space.items()}
        sizes = [len(values) for values in grid.values()]
        order = np.random.default_rng(study.user_attrs[SEED]).permutation(math.prod(sizes))
        place = np.unravel_index(order[len(study.trials)], sizes)
        point = {key: _known(grid[key][k]) for key, k in zip(grid, place, strict=True)}
        study.enqueue_trial(point)
    return study.ask()


def _proposed(tune: Tune, trial: optuna.Trial) -> dict[str, Any]:
    return {key: _suggested(trial, key, values) for key, values in tune.space.items()}


def _suggested(trial: optuna.Trial, key: str, values: tuple[Any, ...] | Range) -> Any:
    if not isinstance(values, Range):
        return _value(values, trial.suggest_categorical(key, [_known(v) for v in values]))
    if values.whole:
        ends = int(values.low), int(values.high)
        return trial.suggest_int(key, *ends, step=int(values.step or 1), log=values.log)
    return trial.suggest_float(key, values.low, values.high, step=values.step, log=values.log)


def _known(choice: Any) -> Any:
    """A choice as Optuna can have it: lists and mappings as text."""
    plain = choice is None or isinstance(choice, bool | int | float | str)
    return choice if plain else json.dumps(choice)


def _value(values: tuple[Any, ...] | Range, found: Any) -> Any:
    if isinstance(values, Range):
        return found
    return next(v for v in values if _known(v) == found and type(_known(v)) is type(found))


def _sampler(tune: Tune, seed: int) -> optuna.samplers.BaseSampler:
    seed %= 2**32
    if tune.sampler in ("random", "grid"):
        return optuna.samplers.RandomSampler(seed=seed)
    if tune.sampler == "cma_es":
        chance = optuna.samplers.RandomSampler(seed=seed)  # of choices
        return optuna.samplers.CmaEsSampler(
            seed=seed, independent_sampler=chance, warn_independent_sampling=False
        )
    return optuna.samplers.TPESampler(seed=seed)


def _pruner(tune: Tune) -> optuna.pruners.BasePruner:
    if tune.pruner == "median":
        return optuna.pruners.MedianPruner(n_startup_trials=WARM_UP, n_warmup_steps=WARM_UP)
    if tune.pruner == "successive_halving":
        return optuna.pruners.SuccessiveHalvingPruner(min_resource=FIRST_RUNG)
    return optuna.pruners.NopPruner()
