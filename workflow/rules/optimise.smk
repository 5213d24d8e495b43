rule optimise:
    input:
        columns=expand(f"{RESULTS}/columns/{{sample}}.h5", sample=SAMPLES),
        networks=trained_for_fold,
    output:
        selection=f"{RESULTS}/climb/fold_{{fold}}/selection.json",
        history=f"{RESULTS}/climb/fold_{{fold}}/history.h5",
        networks=climbed_networks("climb", ["{fold}"]),
    log:
        f"{RESULTS}/logs/optimise/climb/fold_{{fold}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/optimise/climb/fold_{{fold}}.tsv"
    priority: 70
    conda:
        "../../envs/zenith-gpu.yaml"
    # JAX takes what threads there are, but more than one only now and then.
    threads: 1
    resources:
        gpu=1,
        mem_mb=8000,
        runtime=120,
    params:
        configuration=resolved,
        jax=JAX,
        networks=lambda wildcards: f"{RESULTS}/mva",
        checkpoints=f"{RESULTS}/checkpoints/climb/fold_{{fold}}",
        options="",
        config=lambda wildcards: step_config(ANALYSIS, "optimise"),
        code=code_hash("zenith.cli.optimise", *NETWORKS, *KINDS),
    shell:
        "{params.jax} python -m zenith optimise --config {params.configuration}"
        " --fold {wildcards.fold} --input {input.columns} --networks {params.networks}"
        " --output {output.selection} --history {output.history}"
        " --checkpoints {params.checkpoints} {params.options} > {log} 2>&1"


# The same climb with the bin edges of the configuration: what moving them is worth.
if ANALYSIS.moving_edges:

    use rule optimise as optimise_fixed_edges with:
        output:
            selection=f"{RESULTS}/climb_fixed_edges/fold_{{fold}}/selection.json",
            history=f"{RESULTS}/climb_fixed_edges/fold_{{fold}}/history.h5",
            networks=climbed_networks("climb_fixed_edges", ["{fold}"]),
        log:
            f"{RESULTS}/logs/optimise/climb_fixed_edges/fold_{{fold}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/optimise/climb_fixed_edges/fold_{{fold}}.tsv"
        params:
            configuration=resolved,
            jax=JAX,
            networks=lambda wildcards: f"{RESULTS}/mva",
            checkpoints=f"{RESULTS}/checkpoints/climb_fixed_edges/fold_{{fold}}",
            options="--fixed-edges",
            config=lambda wildcards: step_config(ANALYSIS, "optimise"),
            code=code_hash("zenith.cli.optimise", *NETWORKS, *KINDS),


# The climb of categories of a network or of the efficient score, beside that of the regions.
if IN_CATEGORIES:

    use rule optimise as optimise_categories with:
        input:
            columns=expand(f"{RESULTS}/columns/{{sample}}.h5", sample=SAMPLES),
            networks=lambda wildcards: trained([wildcards.fold], IN_CATEGORIES),
            score=SCORE_OF_FOLD if IN_CATEGORIES.parts_by_score else [],
        output:
            selection=f"{RESULTS}/climb_categories/fold_{{fold}}/selection.json",
            history=f"{RESULTS}/climb_categories/fold_{{fold}}/history.h5",
            networks=climbed_networks("climb_categories", ["{fold}"], IN_CATEGORIES),
        log:
            f"{RESULTS}/logs/optimise/climb_categories/fold_{{fold}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/optimise/climb_categories/fold_{{fold}}.tsv"
        params:
            configuration=resolved,
            jax=JAX,
            networks=lambda wildcards: f"{RESULTS}/mva",
            checkpoints=f"{RESULTS}/checkpoints/climb_categories/fold_{{fold}}",
            options="--climbed-categories"
            + (f" --score {SCORE_OF_FOLD}" if IN_CATEGORIES.parts_by_score else ""),
            config=lambda wildcards: step_config(IN_CATEGORIES, "optimise"),
            code=code_hash("zenith.cli.optimise", *NETWORKS, *KINDS),


rule search:
    input:
        columns=expand(f"{RESULTS}/columns/{{sample}}.h5", sample=SAMPLES),
        networks=trained_for_fold,
    output:
        searched(ANALYSIS.searches, ["{fold}"]),
    log:
        f"{RESULTS}/logs/search/fold_{{fold}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/search/fold_{{fold}}.tsv"
    priority: 70
    conda:
        "../../envs/zenith.yaml"
    threads: 1
    resources:
        mem_mb=8000,
        runtime=120,
    params:
        configuration=resolved,
        jax=JAX,
        networks=lambda wildcards: f"{RESULTS}/mva",
        methods=ANALYSIS.searches,
        config=lambda wildcards: step_config(ANALYSIS, "search"),
        code=code_hash("zenith.cli.search", *NETWORKS, *KINDS),
    shell:
        "{params.jax} python -m zenith search --config {params.configuration} --fold {wildcards.fold}"
        " --method {params.methods}"
        " --input {input.columns} --networks {params.networks} --output {output} > {log} 2>&1"


rule compare:
    input:
        columns=expand(f"{RESULTS}/columns/{{sample}}.h5", sample=SAMPLES),
        networks=[
            *trained(),
            *[n for stage in ["climb", *FIXED_EDGES] for n in climbed_networks(stage)],
            *(trained(analysis=IN_CATEGORIES) if IN_CATEGORIES else []),
            *[
                network
                for stage in CATEGORIES
                for network in climbed_networks(stage, analysis=IN_CATEGORIES)
            ],
        ],
        climb=climbed("climb"),
        fixed_edges=[file for stage in FIXED_EDGES for file in climbed(stage)],
        categories=[file for stage in CATEGORIES for file in climbed(stage)],
        search=searched(ANALYSIS.searches),
        scores=SCORES,
        timed=timed(),
    output:
        f"{RESULTS}/comparison.json",
    log:
        f"{RESULTS}/logs/compare.log",
    benchmark:
        f"{RESULTS}/benchmarks/compare/compare.tsv"
    priority: 60
    conda:
        "../../envs/zenith.yaml"
    threads: 1
    resources:
        mem_mb=8000,
        runtime=60,
    params:
        configuration=resolved,
        jax=JAX,
        networks=lambda wildcards: f"{RESULTS}/mva",
        config=lambda wildcards: step_config(ANALYSIS, "compare"),
        options=[
            *[f"--fixed-edges {' '.join(climbed(stage))}" for stage in FIXED_EDGES],
            *[f"--categories {' '.join(climbed(stage))}" for stage in CATEGORIES],
            *(["--scores", *SCORES] if SCORES else []),
        ],
        code=code_hash("zenith.cli.compare", *NETWORKS, *KINDS),
    shell:
        "{params.jax} python -m zenith compare --config {params.configuration} --input {input.columns}"
        " --networks {params.networks} --climb {input.climb}"
        " {params.options} --search {input.search} --output {output} > {log} 2>&1"


rule optimisation_figures:
    input:
        columns=expand(f"{RESULTS}/columns/{{sample}}.h5", sample=SAMPLES),
        networks=[*trained(), *climbed_networks("climb")],
        climb=climbed("climb"),
        history=expand(f"{RESULTS}/climb/fold_{{fold}}/history.h5", fold=FOLDS),
        search=searched(ANALYSIS.searches[:1]),
        comparison=f"{RESULTS}/comparison.json",
    output:
        report(
            directory(f"{RESULTS}/figures_optimisation"),
            patterns=["{name}.png"],
            caption="../report/optimisation.rst",
            category="Optimisation",
            labels={"figure": "{name}"},
        ),
    log:
        f"{RESULTS}/logs/optimisation_figures.log",
    benchmark:
        f"{RESULTS}/benchmarks/optimisation_figures/figures.tsv"
    priority: 60
    conda:
        "../../envs/zenith.yaml"
    threads: 1
    resources:
        mem_mb=8000,
        runtime=60,
    params:
        configuration=resolved,
        jax=JAX,
        networks=lambda wildcards: f"{RESULTS}/mva",
        config=lambda wildcards: step_config(ANALYSIS, "optimisation_figures"),
        code=code_hash("zenith.cli.optimisation_figures", *NETWORKS, *KINDS),
    shell:
        "{params.jax} python -m zenith optimisation_figures --config {params.configuration} --input {input.columns}"
        " --networks {params.networks} --climb {input.climb}"
        " --history {input.history} --search {input.search}"
        " --comparison {input.comparison} --output {output} > {log} 2>&1"
