"""What a job depends on: every key of a configuration against every step."""

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

import pytest
import yaml

from zenith.config import Analysis, parse
from zenith.config.analysis import SCORED
from zenith.config.base import Section
from zenith.config.dependencies import marks_of, step_config
from zenith.config.explanation import models_in
from zenith.config.from_data import FromData
from zenith.config.memberships import Categories
from zenith.config.networks.loss import Adversary, Decorrelation, Planing
from zenith.config.networks.objects import ObjectsRead
from zenith.config.networks.regression import Regression
from zenith.config.steps import STEPS

# Every kind of section, and a value at most keys.
ANALYSIS = """
name: every
title: A search
module: zprime
seed: 5
max_files: 2
only_samples: ["*"]
met: PuppiMET
eras:
  a:
    luminosity: 5.0
    golden_json: golden.json
    event_flags: [Flag_good]
    luminosity_uncertainties: {lumi: {size: 0.02}}
    corrections:
      pileup: {file: p.json, correction: pileup, inputs: [n, variation], clip: {n: [0, 9]}}
      id: {file: p.json, correction: id, object: muon, inputs: [pt, variation]}
  b:
    luminosity: 7.0
    corrections: {pileup: {file: p.json, correction: pileup, inputs: [variation]}}
processes:
  wjets: {role: background, label: W, colour: red}
  signal: {role: signal, label: Z}
  fakes: {role: background, label: Fakes}
  data: {role: data, label: Data}
samples:
  zprime:
    process: signal
    era: a
    cross_section: 1.0
    simulate: {process: zprime, events: 9, parts: 3}
  wjets:
    process: wjets
    era: a
    cross_section: 2.0
    k_factor: 1.5
    simulate: {process: wjets, events: 9}
  pseudodata:
    process: data
    era: a
    simulate:
      process: pseudodata
      backgrounds: [wjets]
      signal: zprime
      signal_strength: 1.0
      truth: {zprime: 2.0}
  collisions: {process: data, era: a, files: [one.root], veto: [HLT_Mu50]}
  catalogued: {process: wjets, era: b, cross_section: 2.0, dataset: {catalogue: c.json, entry: w}}
  recorded: {process: wjets, era: b, cross_section: 2.0, record: 12}
  fakes:
    process: fakes
    era: a
    from_data:
      tight: n_muon == 1
      loose: n_muon == 0
      prompt: [wjets]
      measurement: measured
      validation: tried
      bins: {met: [0, 50, 500]}
      learn: {features: [met, mtt]}
      maximum: 1.0
  tuned: {process: wjets, era: b, cross_section: 2.0, files: [two.root], alternative: true}
format:
  type: tree
  tree: analysis
  objects:
    Muon: {pt: mu_pt * 0.001, eta: mu_eta, phi: mu_phi, mass: 0.106, miniIso: mu_iso}
    Jet: {pt: [j1_pt, j2_pt], eta: [j1_eta, j2_eta], phi: [j1_phi, j2_phi], mass: 0}
    PuppiMET: {pt: met, phi: met_phi}
  fields: {HLT_Mu50: trigger, Flag_good: clean}
  simulation_fields: {n: mu}
  run: run_number
  luminosity_block: block
  sum_of_weights: {histogram: weights}
  missing: [-999]
skim:
  trigger: {any_of: [HLT_Mu50]}
  branches: {keep: [HLT_Mu50], simulation_only: [genWeight], ignore_missing: [HLT_Mu50]}
  cuts: [met > 30]
objects:
  muon: {collection: Muon, cuts: [pt > 55], aliases: {iso: miniIso}}
  jet: {collection: Jet, cuts: [abs(eta) < 2.4], away_from: {muon: 0.1}}
observables:
  met: {label: met, edges: [0, 100, 500]}
  mtt: {label: m, edges: [0, 100, 500], log: true}
  n_jet: {label: n, edges: [0, 5, 9]}
weights: {top_pt: {processes: [wjets]}}
regions:
  signal:
    label: SR
    cuts: [n_muon == 1, n_jet >= 2, {cut: met > 50, tune: [30, 250], width: 25, name: threshold}]
    fit: {observable: mtt, edges: [0, 100, 500], tune_edges: 50}
    plots: [mtt]
  control:
    label: CR
    cuts: [met <= threshold]
    fit: {observable: mtt, edges: [0, 100, 500]}
    in_fit: false
    categories: {score: met, edges: [70], tune: [50, 200], width: 5}
  measured:
    label: MR
    cuts: [n_muon == 1, n_jet < 1]
    fit: {observable: mtt, edges: [0, 100, 500]}
    in_fit: false
  tried:
    label: VR
    cuts: [n_muon == 1, n_jet >= 1, n_jet < 2]
    fit: {observable: mtt, edges: [0, 100, 500]}
    in_fit: false
systematics:
  pileup: {type: weight, correction: pileup, label: Pileup}
  ps: {type: weight, branches: {up: "PSWeight[0]", down: "PSWeight[1]"}, processes: [signal]}
  top_pt: {type: weight, weight: top_pt, variations: {up: up, down: down}}
  jes: {type: shape, kind: energy_scale, objects: [jet], size: 0.02, regions: [signal]}
  tune: {type: sample, up: {wjets: tuned}, correlated: false}
  tes: {type: shift, prior: {mean: 1, width: 0.01}}
  xsec: {type: normalisation, up: 0.2}
copies: {random: 9}
surfaces: {events: 50}
interval: {levels: [0.68]}
coverage: {fixed: [{mu: 1}]}
mva:
  net:
    classes: {wjets: [wjets], signal: [zprime]}
    features: [mtt, met]
    cuts: [n_muon == 1, n_jet >= 2]
    calibration: {type: isotonic, share: 0.4}
    sliced: [mtt]
tune: {network: net, space: {epochs: [10, 20]}}
summary: {network: net, learned_responses: {hidden: [3]}}
climbed_categories: {score: net, number: 3, tune: [0, 1], width: 0.1, optimise: {steps: 9}}
statistics:
  free_normalisations: {w_norm: [wjets]}
plotting: {observables: [mtt]}
categorise: {numbers: [2], region: signal, scores: [mtt]}
"""

CATEGORISATION = """
name: every
inputs: {scored: {toy: one_score, labels: {1: one}, score_labels: [s]}}
categorise:
  numbers: [2, 3]
  combination: weighted
  signal_weights: [1]
  window: [1, 2]
  sideband: [0, 3]
"""

SAMPLES = ("zprime", "wjets", "pseudodata", "collisions")
CATEGORY_STEPS = ("scored", "categorise", "category_scan", "category_figures", "summary")
JOBS = [
    *(("simulate", sample) for sample in ("zprime", "wjets", "pseudodata")),
    *((step, sample) for step in ("skim", "columns", "training_set") for sample in SAMPLES),
    ("fakes", "fakes"),
    ("fakes_figures", "fakes"),
    ("mva", "net"),
    ("mva_figures", "net"),
    ("logits", "net"),
    ("tune", ""),
    *((step, "") for step in STEPS[STEPS.index("response") :]),
]

OBJECTIVE = "optimise search optimisation_figures"
SELECTION = f"{OBJECTIVE} compare"
FITTED = f"{SELECTION} fit figures scored"
MODEL = f"{FITTED} efficient_score"
SURFACES = "surface pseudo_experiments"
REGIONS = f"{FITTED} histogram efficient_score_figures {SURFACES}"
LEARNED = "response efficient_score"
TEMPLATES = f"{REGIONS} {LEARNED}"
NETWORK = (
    f"mva mva_figures logits {LEARNED} efficient_score_figures {SELECTION} histogram scored "
    f"{SURFACES}"
)
SUMMARISED = f"efficient_score efficient_score_figures compare histogram fit figures {SURFACES}"
OF_PROCESS = f"{TEMPLATES} inference_figures category_figures"
NAMED = "efficient_score_figures figures inference_figures summary"
OTHERS = "efficient_score_figures optimisation_figures figures inference_figures category_figures"
OF_NETWORK = f"mva_figures {OTHERS}"
DRAWN = f"fakes_figures {OF_NETWORK}"
FAKES = "fakes fakes_figures"
SIMULATED = "columns:zprime columns:wjets"
OBSERVED = " ".join(
    f"{step}:{sample}"
    for step in ("skim", "columns", "training_set")
    for sample in ("pseudodata", "collisions")
)
MADE = f"{SIMULATED} training_set:zprime training_set:wjets"  # of skims
SHIFTED = f"skim:zprime skim:wjets {MADE}"
OF_SAMPLE = "skim:{1} columns:{1} training_set:{1}"
OF_ZPRIME, OF_WJETS, OF_COLLISIONS = (
    OF_SAMPLE.replace("{1}", sample) for sample in ("zprime", "wjets", "collisions")
)

# Key (glob) → the jobs it concerns: `step`, all of a step, or `step:name`. The first row that fits.
EXPECTED = {
    "name": " ".join(step for step, _ in JOBS),
    "title": "summary",
    "module": f"skim columns training_set histogram {DRAWN} summary",
    "seed": f"simulate {SHIFTED} fakes mva mva_figures {LEARNED} efficient_score_figures optimise "
    f"search categorise category_scan {SURFACES}",
    "max_files": "columns training_set",
    "files": "",  # those of samples
    "tune.*": "tune",
    "only_samples": TEMPLATES,
    "met": "skim columns training_set",
    "eras.a.luminosity": f"simulate:pseudodata columns training_set {DRAWN} summary",
    "eras.b.luminosity": f"{DRAWN} summary",
    "eras.a.luminosity_uncertainties.*.label": NAMED,
    "eras.*.luminosity_uncertainties*": TEMPLATES,
    "eras.a.golden_json": "simulate:pseudodata skim:pseudodata skim:collisions",
    "eras.a.event_flags": "skim",
    "eras.a.corrections*": MADE,
    "eras.b.*": "",  # no job of this test is for its samples
    "processes.data.role": f"simulate:pseudodata {OBSERVED} training_set {FAKES} {TEMPLATES}",
    "processes.fakes.role": TEMPLATES,  # of no class of the network
    "processes.*.role": f"mva_figures {TEMPLATES}",
    "processes.fakes.label": f"fakes_figures {OTHERS} summary",
    "processes.fakes.colour": f"fakes_figures {OTHERS}",
    "processes.data.label": f"{OTHERS} summary",
    "processes.data.*": OTHERS,
    "processes.*.label": f"{OF_NETWORK} summary",
    "processes.*": OF_NETWORK,
    # samples: what is made, how much is expected of it, what it is part of
    "samples.pseudodata.simulate*": "simulate:pseudodata",
    "samples.zprime.simulate.events": "simulate:zprime",
    "samples.zprime.simulate.parts": "simulate:zprime",
    "samples.zprime.simulate.detector*": "simulate:zprime",
    "samples.zprime.simulate.shower_variations": "simulate:zprime",
    "samples.zprime.simulate.*": "simulate:zprime simulate:pseudodata",
    "samples.wjets.simulate.events": "simulate:wjets",
    "samples.wjets.simulate.parts": "simulate:wjets",
    "samples.wjets.simulate.detector*": "simulate:wjets",
    "samples.wjets.simulate.shower_variations": "simulate:wjets",
    "samples.wjets.simulate.pt_hat_bias": "simulate:wjets",
    "samples.wjets.simulate.*": "simulate:wjets simulate:pseudodata",
    "samples.collisions.simulate": OF_SAMPLE,  # simulated files are NanoAOD
    "samples.*.simulate": "",  # none: read from files
    "samples.*.files": "",
    "samples.*.dataset*": "",
    "samples.*.record": "",
    "samples.wjets.cross_section": "simulate:pseudodata columns:wjets training_set:wjets",
    "samples.wjets.k_factor": "simulate:pseudodata columns:wjets training_set:wjets",
    # skims have the means of the weights that vary a process
    "samples.zprime.process": f"{OF_ZPRIME} {OF_PROCESS} mva_figures",
    "samples.wjets.process": f"{OF_WJETS} {OF_PROCESS} mva_figures {FAKES}",
    # that of another process is no data, and labels number the others
    "samples.pseudodata.process": f"simulate:{{1}} {OF_SAMPLE} training_set {FAKES} {OF_PROCESS}",
    "samples.collisions.process": f"{OF_SAMPLE} training_set {FAKES} {OF_PROCESS}",
    # of the signal, to which systematic uncertainties then do not apply
    "samples.fakes.process": f"columns:zprime training_set:zprime {FAKES} {OF_PROCESS}",
    "samples.*.process": OF_PROCESS,
    "samples.pseudodata.era": f"simulate:{{1}} {OF_SAMPLE} {FAKES} {TEMPLATES}",
    "samples.collisions.era": f"{OF_SAMPLE} {FAKES} {TEMPLATES}",
    "samples.wjets.era": f"{OF_SAMPLE} fakes {TEMPLATES}",
    "samples.fakes.era": f"{FAKES} {TEMPLATES}",
    "samples.*.era": f"{OF_SAMPLE} {TEMPLATES}",
    "samples.*.alternative": TEMPLATES,
    "samples.fakes.from_data.prompt": FAKES,
    "samples.fakes.from_data.measurement": FAKES,
    "samples.fakes.from_data.validation": f"{FAKES} {TEMPLATES}",
    "samples.fakes.from_data.components": f"fakes {TEMPLATES}",
    "samples.fakes.from_data.*": "fakes",
    # to a process of another sample that comes from data, systematic uncertainties do not apply
    "samples.zprime.from_data": f"columns:zprime training_set {TEMPLATES}",
    "samples.wjets.from_data": f"columns:wjets training_set fakes {TEMPLATES}",
    "samples.pseudodata.from_data": f"fakes {TEMPLATES}",
    "samples.collisions.from_data": f"fakes {TEMPLATES}",
    "samples.*.from_data": f"columns:wjets training_set {TEMPLATES}",
    "samples.*.format": OF_SAMPLE,
    "samples.*.select": "skim:{1}",
    "samples.*.sum_of_weights": "columns:{1} training_set:{1}",
    "samples.*.cross_section": "columns:{1} training_set:{1}",
    "samples.*.k_factor": "columns:{1} training_set:{1}",
    "samples.*.normalise_by_file": "skim:{1}",
    "samples.*.check_event_count": "skim:{1}",
    "samples.*.veto": "skim:{1}",
    "format.type": OF_COLLISIONS,  # of the other jobs' samples: NanoAOD
    "format.missing": OF_COLLISIONS,
    "format.*": "skim:collisions",
    "skim.cuts": "skim columns",  # another observable
    "skim.*": "skim",
    "objects.*": "skim columns training_set",
    "observables.n_jet.edges*": "efficient_score_figures histogram",  # no feature of the network
    "observables.n_jet.label": f"{OTHERS} summary",
    "observables.n_jet.*": OTHERS,
    "observables.met.label": f"{DRAWN} summary",
    "observables.met.log": DRAWN,
    "observables.*.label": f"{OF_NETWORK} summary",
    "observables.*.log": OF_NETWORK,
    "observables.*.edges*": "histogram mva_figures efficient_score_figures",
    "regions.measured.label": "fakes_figures optimisation_figures figures summary",
    "regions.tried.label": "fakes_figures optimisation_figures figures summary",
    "regions.*.label": "optimisation_figures figures summary",
    "regions.measured.cuts.*.cut": f"fakes {REGIONS}",
    "regions.tried.cuts.*.cut": f"fakes {REGIONS}",
    "regions.*.cuts.*.cut": REGIONS,
    "regions.*.cuts.*.name": REGIONS,
    "regions.*.cuts.*": OBJECTIVE,
    "regions.*.fit.tune_edges": SELECTION,
    "regions.*.fit.observable": f"columns {REGIONS}",  # another observable
    "regions.*.fit.*": REGIONS,
    "regions.*.categories.score": f"columns {REGIONS}",  # another observable
    "regions.*.categories.tune": SELECTION,
    "regions.*.categories.width": SELECTION,
    "regions.*.categories*": REGIONS,
    "regions.*.in_fit": REGIONS,
    "regions.*.blind": "histogram fit figures",
    "regions.*.plots": "columns histogram",  # another observable
    "weights.top_pt.processes": f"{MADE} {TEMPLATES}",
    "systematics.*.label": NAMED,
    "systematics.*.group": f"fit {NAMED}",
    "systematics.jes.kind": SHIFTED,
    "systematics.jes.objects": SHIFTED,
    "systematics.jes.size*": SHIFTED,
    "systematics.jes.sides": f"{SHIFTED} {TEMPLATES}",
    "systematics.jes.type": f"{SHIFTED} {TEMPLATES}",
    "systematics.tes.shift": SHIFTED,
    "systematics.tes.prior*": f"{SHIFTED} {TEMPLATES}",
    "systematics.tes.sides": f"{SHIFTED} {TEMPLATES}",
    "systematics.tes.type": f"{SHIFTED} {TEMPLATES}",
    "systematics.tes.processes": f"columns:zprime training_set:zprime {TEMPLATES}",
    "surfaces.random": "surface",
    "surfaces.unseen": "surface",
    "surfaces.reach": "surface skim:zprime skim:wjets",
    "surfaces.systematics": f"{SURFACES} skim:zprime skim:wjets",
    "surfaces.*": SURFACES,
    "interval.*": "interval",
    "coverage.jobs": "coverage",
    "coverage.truths": "pseudo_experiments inference_figures",
    "coverage.*": "pseudo_experiments",
    "copies.*": f"skim:zprime skim:wjets {SIMULATED} {LEARNED} efficient_score_figures",
    "systematics.pileup.correction": SIMULATED,
    "systematics.pileup.branches": SIMULATED,
    "systematics.pileup.sides": f"{SIMULATED} {TEMPLATES}",
    "systematics.pileup.type": f"{SIMULATED} {TEMPLATES}",
    "systematics.pileup.variations": SIMULATED,
    "systematics.pileup.where": SIMULATED,
    "systematics.top_pt.where": "columns:wjets",
    "systematics.ps.where": "columns:zprime",
    "systematics.pileup.weight": f"{SIMULATED} {TEMPLATES}",
    "systematics.top_pt.correction": "columns:wjets",
    "systematics.top_pt.variations*": "columns:wjets",
    "systematics.top_pt.branches": "columns:wjets",
    "systematics.top_pt.normalise": "columns:wjets",
    "systematics.top_pt.weight": f"{SIMULATED} {TEMPLATES}",  # another one, of all processes
    "systematics.top_pt.sides": f"columns:wjets {TEMPLATES}",
    "systematics.top_pt.type": f"columns:wjets {TEMPLATES}",
    "systematics.top_pt.processes": f"columns:wjets {TEMPLATES}",
    "systematics.ps.variations": "columns:zprime",
    "systematics.ps.weight": f"skim:zprime columns:zprime {TEMPLATES}",  # none of its process
    "systematics.ps.correction": "columns:zprime",
    "systematics.ps.branches*": "columns:zprime",
    "systematics.ps.normalise": "columns:zprime",
    "systematics.*.normalise": SIMULATED,
    "systematics.ps.sides": f"columns:zprime {TEMPLATES}",
    "systematics.ps.type": f"columns:zprime {TEMPLATES}",
    "systematics.ps.processes": f"skim:zprime skim:wjets {SIMULATED} {TEMPLATES}",
    "systematics.pileup.processes": f"columns:zprime {TEMPLATES}",
    "systematics.jes.processes": f"columns:zprime training_set:zprime {TEMPLATES}",
    "systematics.*.smooth": MODEL,
    "systematics.tes.bounds": f"skim:zprime skim:wjets {SIMULATED} response {MODEL} {SURFACES} "
    "efficient_score_figures",
    "systematics.*.bounds": MODEL,
    "systematics.*": TEMPLATES,
    "folds.*": f"training_set mva mva_figures {TEMPLATES}",
    "mva.net.classes*": f"{NETWORK} figures",
    "mva.net.features": f"columns training_set {NETWORK}",
    "mva.net.objects*": f"training_set {NETWORK}",
    "mva.net.type": NETWORK,
    "mva.net.hidden": NETWORK,
    "mva.net.activation": NETWORK,
    "mva.net.transforms*": NETWORK,
    "mva.net.ensemble": NETWORK,
    "mva.net.calibration*": NETWORK,
    "mva.net.sliced": "columns training_set mva mva_figures",
    "mva.net.cuts": f"columns training_set mva mva_figures response {SUMMARISED}",
    "mva.net.fine_tune": f"{SELECTION} logits",
    "mva.net.balance": "mva mva_figures",
    "mva.net.memory": "mva mva_figures",
    **dict.fromkeys(
        [f"mva.net.loss.{key}" for key in ("planing", "distance_correlation", "adversary")],
        "columns training_set mva mva_figures",
    ),
    "mva.net.regressions*": f"columns training_set {NETWORK}",
    "mva.net.loss*": "mva mva_figures",
    "mva.net.*": "mva",
    "summary.type": f"response {SUMMARISED}",
    "summary.network": f"response {SUMMARISED}",
    "summary.label": NAMED,
    "summary.tuning*": "efficient_score",
    "summary.cells": f"{SUMMARISED} optimisation_figures",
    "summary.rival.region": "compare efficient_score_figures optimisation_figures",
    "summary.rival.*": "compare",
    "summary.responses.significance": "response efficient_score_figures",
    "summary.responses.*": "response",
    "summary.learned_responses.*": f"{LEARNED} efficient_score_figures",
    "summary.*": SUMMARISED,
    # the jobs of their climb have them in place of the regions
    "climbed_categories.optimise.*": "",
    "climbed_categories.*": "compare",
    "optimise.objective": f"{SELECTION} efficient_score",
    "optimise.nuisances": f"{SELECTION} efficient_score histogram scored",
    "optimise.steps": "optimise search",
    "optimise.starts": "optimise search",
    "optimise.checkpoint_every": "",
    "optimise.*": "optimise",
    "search.methods": "compare optimisation_figures",
    "search.trials": "search",
    "statistics.ranking": "fit",
    "statistics.scan_points": "fit",
    "statistics.upper_limit": "fit",
    "statistics.bootstrap": "compare",
    "statistics.blind": "histogram fit figures inference_figures",
    "statistics.least_error": "summary inference_figures",
    "statistics.free_normalisations.*.label": NAMED,
    "statistics.free_normalisations*": f"{MODEL} efficient_score_figures",
    "statistics.signal_strengths*": f"{MODEL} efficient_score_figures",
    "statistics.signal_strength": f"{MODEL} efficient_score_figures inference_figures",
    "statistics.*": MODEL,
    "plotting.observables": "columns histogram",
    "plotting.signal_scale": "figures",
    "plotting.energy": f"{DRAWN} summary",
    "plotting.*": DRAWN,
}
CATEGORISED = {
    "categorise.region": "scored",
    "categorise.selection": "scored",
    "categorise.numbers": "category_scan category_figures",
    "categorise.method": "categorise category_scan",
    "categorise.objective": "categorise category_scan category_figures",
    "categorise.combination": "categorise category_figures",
    "categorise.tolerance": "category_scan",
    "categorise.bootstrap": "category_scan",
    "categorise.*": "categorise",
}
EXPECTED |= {"categorise.scores": "columns scored category_figures"}
EXPECTED |= CATEGORISED
EXPECTED_OF_CATEGORIES = {
    "categorise.scores": "scored category_figures",
    **CATEGORISED,
    "name": " ".join(CATEGORY_STEPS),
    "seed": "scored categorise category_scan",
    "inputs.scored.labels*": "category_figures summary",
    "inputs.scored.score_labels": "category_figures",
    "inputs.scored.luminosity": "category_figures",
    "inputs.scored.energy": "category_figures",
    "inputs.scored.*": "scored",
    "plotting.observables": "",
    "plotting.signal_scale": "",
    "plotting.energy": "category_figures summary",
    "plotting.*": "category_figures",
}
# What a key is changed to, where its type does not say it.
CHANGED = {
    "search.methods": ("cma_es",),
    "samples.fakes.from_data.learn.features": ("met",),
    "samples.fakes.from_data.prompt": ("zprime",),
    "samples.*.from_data": FromData.model_validate(
        {
            "tight": "n_jet == 1",
            "loose": "n_jet == 0",
            "prompt": [],
            "measurement": "measured",
            "bins": {"met": [0, 50]},
            "maximum": 1,
        }
    ),
    "samples.fakes.from_data.measurement": "tried",
    "samples.fakes.from_data.validation": "measured",
    "samples.fakes.from_data.tight": "n_muon == 2",
    "samples.fakes.from_data.loose": "n_muon == 3",
    "only_samples": ("*", "another"),
    "samples.zprime.process": "wjets",
    "samples.*.process": "signal",
    "samples.catalogued.era": "a",
    "samples.recorded.era": "a",
    "samples.tuned.era": "a",
    "samples.*.era": "b",
    "samples.pseudodata.simulate.signal": "wjets",
    "samples.pseudodata.simulate.backgrounds": ("wjets", "zprime"),
    "skim.cuts": ("met > 30", "st > 100"),
    "regions.*.cuts.*.cut": "met > 60",
    "regions.*.plots": ("mtt", "st"),
    "regions.*.blind": True,
    "regions.*.categories": Categories(score="met", number=2),
    "regions.*.categories.edges": (80.0,),
    "regions.*.categories.number": 3,
    "plotting.observables": ("mtt", "st"),
    "mva.net.classes.signal": ("zprime", "tuned"),
    "mva.net.classes.wjets": ("wjets", "tuned"),
    "mva.net.features": ("mtt", "st"),
    "mva.net.cuts": ("st > 100",),
    "mva.net.loss.planing": Planing(observable="another"),
    "mva.net.loss.distance_correlation": Decorrelation(observable="another", strength=1.0),
    "mva.net.loss.adversary": Adversary(observable="another", strength=1.0),
    "mva.net.regressions": {"mass": Regression(target="another")},
    "mva.net.objects": {"jet": ObjectsRead(fields=("pt",), leading=4)},
    "weights.top_pt.processes": ("wjets", "signal"),
    "systematics.top_pt.weight": lambda _: None,
    "systematics.pileup.weight": "top_pt",
    "systematics.ps.weight": "top_pt",
    "systematics.top_pt.processes": ("signal",),
    "systematics.pileup.branches": {"up": "w[0]", "down": "w[1]"},
    "systematics.top_pt.branches": {"up": "w[0]", "down": "w[1]"},
    "systematics.ps.branches.*": "PSWeight[2]",
    "systematics.tune.sides": "two",
    "systematics.*.sides": "up",
    "systematics.*.processes": ("wjets",),
}


def leaves(value: Any, path: str = "") -> Iterator[str]:
    """Every key of a configuration down to where there are no sections, dotted."""
    inner: Iterator[tuple[str, Any]] = iter(())
    if isinstance(value, Section):
        inner = (
            (i.alias or key, getattr(value, key)) for key, i in type(value).model_fields.items()
        )
    elif isinstance(value, Mapping):
        inner = ((str(key), item) for key, item in value.items())
    elif isinstance(value, tuple) and any(isinstance(item, Section) for item in value):
        inner = ((str(key), item) for key, item in enumerate(value))
    found = False
    for key, item in inner:
        found = True
        yield from leaves(item, f"{path}.{key}" if path else key)
    if not found:
        yield path


def changed(value: Any, path: str, to: Any) -> Any:
    """A configuration with one leaf changed, not validated again."""
    key, _, rest = path.partition(".")
    if not key:
        return to(value) if callable(to) else to
    if isinstance(value, Section):
        field = next(k for k, i in type(value).model_fields.items() if key == (i.alias or k))
        return value.model_copy(update={field: changed(getattr(value, field), rest, to)})
    if isinstance(value, Mapping):
        return {k: changed(v, rest, to) if str(k) == key else v for k, v in value.items()}
    return tuple(changed(v, rest, to) if k == int(key) else v for k, v in enumerate(value))


def another(value: Any) -> Any:
    """A value that is not the given one."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, tuple):
        return (*value, "another")
    return {"another": 1} if value == {} else f"{value}_"


def row(table: Mapping[str, Any], key: str) -> Any:
    """The value of the first pattern that a key fits."""
    return next((value for glob, value in table.items() if fnmatchcase(key, glob)), None)


CONFIGURATION = Analysis.model_validate(yaml.safe_load(ANALYSIS))  # no module has its weight
CATEGORIES = parse(yaml.safe_load(CATEGORISATION))


OTHER_INPUTS = ("inputs.scored.analysis", "inputs.training_set")
CATEGORY_JOBS = [(step, "") for step in CATEGORY_STEPS]
BEFORE = {job: step_config(CONFIGURATION, *job) for job in JOBS}
CATEGORIES_BEFORE = {job: step_config(CATEGORIES, *job) for job in CATEGORY_JOBS}


def concerned(before: Mapping[tuple[str, str], str], other: Section) -> set[str]:
    """The jobs of which another configuration asks something else, as `step:name`."""
    return {f"{s}:{n}" for (s, n), part in before.items() if step_config(other, s, n) != part}


def expected(text: str, key: str, jobs: list[tuple[str, str]]) -> set[str]:
    wanted = text.replace("{1}", key.split(".")[1] if "." in key else "").split()
    if "mva" in wanted:
        wanted.append("tune")  # which trains the network again and again
    return {f"{s}:{n}" for s, n in jobs if s in wanted or f"{s}:{n}" in wanted}


@pytest.mark.parametrize(
    "key",
    # there is one network alone
    [k for k in leaves(CONFIGURATION) if not k.startswith("inputs.") and k != "tune.network"],
)
def test_each_key_of_an_analysis_concerns_the_jobs_that_read_it(key: str) -> None:
    other = changed(CONFIGURATION, key, row(CHANGED, key) or another)
    assert concerned(BEFORE, other) == expected(row(EXPECTED, key), key, JOBS)


@pytest.mark.parametrize(
    "key",
    # of the others there are none beside scored events; a file of an analysis is no leaf
    [k for k in leaves(CATEGORIES) if k.split(".")[0] in SCORED and k not in OTHER_INPUTS],
)
def test_each_key_of_a_categorisation_concerns_the_steps_that_read_it(key: str) -> None:
    other = changed(CATEGORIES, key, another)
    wanted = expected(row(EXPECTED_OF_CATEGORIES, key), key, CATEGORY_JOBS)
    assert concerned(CATEGORIES_BEFORE, other) == wanted


def test_every_key_has_a_mark() -> None:
    """One without, like `name`, concerns every step: mark it (`zenith.config.marks`)."""
    waiting: list[tuple[type[Any], str]] = [(Analysis, "")]
    unmarked = set()
    while waiting:
        model, path = waiting.pop()
        for key, info in model.model_fields.items():
            if not marks_of(info):
                inner = [(section, f"{path}{key}.") for section in models_in(info.annotation)]
                waiting += inner
                unmarked |= set() if inner else {f"{path}{key}"}
    assert unmarked == {"name"}


def test_the_order_matters_where_it_is_seen() -> None:
    """Processes are stacked in their order; of two classes, the last is scored 1."""

    def reversed_at(key: str) -> set[str]:
        other = changed(CONFIGURATION, key, lambda value: dict(reversed(value.items())))
        return concerned(BEFORE, other)

    assert reversed_at("processes") == {"optimisation_figures:", "figures:"}
    assert reversed_at("mva.net.classes") == expected(EXPECTED["mva.net.classes*"], "", JOBS)
    labels = {f"training_set:{sample}" for sample in SAMPLES}  # which number the samples
    assert reversed_at("samples") == labels


def test_a_step_that_there_is_not() -> None:
    with pytest.raises(ValueError, match="no step is called 'skimming'"):
        step_config(CONFIGURATION, "skimming")


def test_a_skim_has_the_means_of_other_branches() -> None:
    other = changed(CONFIGURATION, "systematics.ps.branches.up", "LHEScaleWeight[0]")
    assert concerned(BEFORE, other) == {"skim:zprime", "columns:zprime"}
