"""What each job depends on: the part of a configuration whose change runs the job again.

It follows from the marks on the fields (`zenith.config.marks`) and from what the job is for: that
of one sample depends on the keys of this sample and of its era, not on those of others.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic.fields import FieldInfo

from zenith.config.analysis import Analysis
from zenith.config.base import Section
from zenith.config.loading import load
from zenith.config.marks import Mark, derived_marks
from zenith.config.simulation import PseudodataCard
from zenith.config.steps import SKIMMED, STEPS

_NOTHING: Any = object()


@dataclass(frozen=True)
class _Job:
    """One job of a step.

    Attributes
    ----------
    kinds
        What it is for, in the words of `of` in a mark.
    only
        Section → its entries that concern the job, each with its kind. Other sections concern it
        with all their entries.
    without
        Keys in whose place the job takes others.
    """

    step: str
    kinds: frozenset[str] = frozenset()
    only: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    without: frozenset[str] = frozenset()


def step_config(analysis: Analysis, step: str, name: str = "") -> str:
    """The part of a configuration that a job depends on, as one canonical text (JSON).

    Parameters
    ----------
    analysis
        The analysis. Where its events are those of another, the part of the other is in it.
    step
        Name of the step.
    name
        The sample (simulate, skim, columns, training_set, fakes, fakes_figures) or the network
        (mva, mva_figures, logits) that the job is for.

    Raises ValueError if there is no such step.
    """
    if step not in STEPS:
        raise ValueError(f"no step is called {step!r}")
    job = _job(analysis, step, name)
    part = _part(analysis, (), job, job.kinds, "")
    content = {} if part is _NOTHING else part
    if step == "tune" and analysis.tune is not None:  # trains the network again and again
        content["mva"] = json.loads(step_config(analysis, "mva", analysis.tune.network))
    for method, mark in derived_marks(type(analysis)).items():
        if step in mark.steps:
            content[method] = getattr(analysis, method)(*([name] if mark.of else []))
    scored = analysis.inputs.scored
    if scored is not None and scored.analysis is not None:
        content["analysis"] = json.loads(step_config(load(scored.analysis), step))
    content["job"] = {"kinds": sorted(job.kinds), "samples": sorted(job.only.get("samples", ()))}
    return json.dumps(content, sort_keys=True)


def marks_of(info: FieldInfo) -> tuple[Mark, ...]:
    """The marks of a field itself."""
    return tuple(found for found in info.metadata if isinstance(found, Mark))


def _part(value: Any, marks: Sequence[Mark], job: _Job, kinds: frozenset[str], path: str) -> Any:
    """What of a value concerns a job, as JSON can say it; `_NOTHING` if nothing does."""
    if isinstance(value, Section):
        parts = {}
        for key, info in type(value).model_fields.items():
            name = info.alias or key
            below = f"{path}.{name}" if path else name
            if below not in job.without:
                own = marks_of(info) or marks
                parts[name] = _part(getattr(value, key), own, job, kinds, below)
        return _some(parts)
    if isinstance(value, Mapping):
        only = job.only.get(path, dict.fromkeys(value, ""))
        parts = {
            str(key): _part(inner, marks, job, kinds | {only[key]}, f"{path}.{key}")
            for key, inner in value.items()
            if key in only
        }
        if parts and any(_concerns(mark, job, kinds) and mark.order for mark in marks):
            parts["order of keys"] = list(parts)
        if value:
            return _some(parts)
    if isinstance(value, tuple) and any(isinstance(inner, Section) for inner in value):
        items = [_part(inner, marks, job, kinds, path) for inner in value]
        if all(item is _NOTHING for item in items):
            return _NOTHING
        return [None if item is _NOTHING else item for item in items]
    if not marks or any(_concerns(mark, job, kinds) for mark in marks):
        return value
    return _NOTHING


def _some(parts: Mapping[str, Any]) -> Any:
    found = {name: part for name, part in parts.items() if part is not _NOTHING}
    return found or _NOTHING


def _concerns(mark: Mark, job: _Job, kinds: frozenset[str]) -> bool:
    return job.step in mark.steps and (not mark.of or mark.of in kinds)


def _job(analysis: Analysis, step: str, name: str) -> _Job:
    if step in ("simulate", "skim", *SKIMMED):
        return _sample_job(analysis, step, name)
    if step in ("fakes", "fakes_figures"):
        return _fakes_job(analysis, step, name)
    if step in ("mva", "mva_figures", "logits"):
        return _network_job(analysis, step, name)
    scored = analysis.inputs.scored
    kinds = frozenset({"toy"} if scored is not None and scored.toy else ())
    # the jobs of climbed categories are those of an analysis with them in place of its regions
    return _Job(step, kinds, without=frozenset(() if step == "compare" else {"climbed_categories"}))


def _sample_job(analysis: Analysis, step: str, name: str) -> _Job:
    """A job for a sample; pseudo-data are simulated from the cards of other samples."""
    sample = analysis.samples[name]
    kinds = {"data" if analysis.is_data(name) else "simulation"}
    samples, without = {name: "own"}, set[str]()
    if isinstance(card := sample.simulate, PseudodataCard):
        kinds.add("pseudodata")
        if step == "simulate":
            samples |= dict.fromkeys((*card.backgrounds, *filter(None, [card.signal])), "source")
            without |= {
                f"samples.{s}.{k}" for s in card.truth for k in ("cross_section", "k_factor")
            }
    if analysis.format_of(name) is not analysis.format:
        without.add("format")
    only = {"samples": samples, "eras": {sample.era: ""}, "processes": {sample.process: ""}}
    if step in SKIMMED:
        only["weights"] = _any(
            key for key, weight in analysis.weights.items() if weight.acts_on(sample.process)
        )
        only["systematics"] = _any(
            key
            for key, systematic in analysis.systematics.items()
            if systematic.varies(analysis, sample.process)
        )
    return _Job(step, frozenset(kinds), only, frozenset(without))


def _fakes_job(analysis: Analysis, step: str, name: str) -> _Job:
    """A job for a sample that comes from data: its sources, the regions that teach it."""
    settings, entry = analysis.from_data[name], analysis.samples[name]
    samples = [name, *analysis.sources_of(name)]
    only = {
        "samples": _any(samples),
        "processes": _any([entry.process]),
        "regions": _any(filter(None, [settings.measurement, settings.validation])),
        "observables": _any(settings.bins),
    }
    return _Job(step, only=only)


def _network_job(analysis: Analysis, step: str, name: str) -> _Job:
    """A job for a network: the samples of its classes, the axes of its features and scores."""
    mva = analysis.mva[name]
    learnt = {sample for samples in mva.classes.values() for sample in samples}
    samples = [sample for sample in analysis.used_samples if sample in learnt]
    only = {
        "mva": _any([name]),
        "samples": _any(samples),
        "processes": _any(analysis.samples[sample].process for sample in samples),
        "observables": _any(
            [*mva.features, *(s for s, of in analysis.scores.items() if of == name)]
        ),
    }
    return _Job(step, only=only)


def _any(names: Iterable[str]) -> dict[str, str]:
    """Entries of no special kind."""
    return dict.fromkeys(names, "")
