rule optimise:
    input:
        columns=expand(f"{RESULTS}/columns/{{sample}}.h5", sample=SAMPLES),
        networks=TRAINED,
    output:
        selection=f"{RESULTS}/optimised.json",
        history=f"{RESULTS}/history.h5",
        networks=climbed_networks("optimised"),
    log:
        f"{RESULTS}/logs/optimise.log",
    benchmark:
        f"{RESULTS}/benchmarks/optimise/climb.tsv"
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
        checkpoints=f"{RESULTS}/checkpoints",
        options="",
        config=lambda wildcards: step_config(ANALYSIS, "optimise"),
        code=code_hash("zenith.cli.optimise", *NETWORKS, *KINDS),
    shell:
        "{params.jax} python -m zenith optimise --config {params.configuration}"
        " --input {input.columns} --networks {params.networks}"
        " --output {output.selection} --history {output.history}"
        " --checkpoints {params.checkpoints} {params.options} > {log} 2>&1"


# The same climb with the bin edges of the configuration: what moving them is worth.
if ANALYSIS.moving_edges:

    use rule optimise as optimise_fixed_edges with:
        output:
            selection=f"{RESULTS}/fixed_edges.json",
            history=f"{RESULTS}/fixed_edges.h5",
            networks=climbed_networks("fixed_edges"),
        log:
            f"{RESULTS}/logs/optimise_fixed_edges.log",
        benchmark:
            f"{RESULTS}/benchmarks/optimise/fixed_edges.tsv"
        params:
            configuration=resolved,
            jax=JAX,
            networks=lambda wildcards: f"{RESULTS}/mva",
            checkpoints=f"{RESULTS}/checkpoints_fixed_edges",
            options="--fixed-edges",
            config=lambda wildcards: step_config(ANALYSIS, "optimise"),
            code=code_hash("zenith.cli.optimise", *NETWORKS, *KINDS),


rule search:
    input:
        columns=expand(f"{RESULTS}/columns/{{sample}}.h5", sample=SAMPLES),
        networks=TRAINED,
    output:
        f"{RESULTS}/search.json",
    log:
        f"{RESULTS}/logs/search.log",
    benchmark:
        f"{RESULTS}/benchmarks/search/search.tsv"
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
        config=lambda wildcards: step_config(ANALYSIS, "search"),
        code=code_hash("zenith.cli.search", *NETWORKS, *KINDS),
    shell:
        "{params.jax} python -m zenith search --config {params.configuration} --input {input.columns}"
        " --networks {params.networks} --output {output} > {log} 2>&1"


rule compare:
    input:
        columns=expand(f"{RESULTS}/columns/{{sample}}.h5", sample=SAMPLES),
        networks=[
            *TRAINED,
            *[n for s in ["optimised", *FIXED_EDGES] for n in climbed_networks(s)],
        ],
        optimised=f"{RESULTS}/optimised.json",
        fixed_edges=[f"{RESULTS}/{stage}.json" for stage in FIXED_EDGES],
        search=f"{RESULTS}/search.json",
    output:
        f"{RESULTS}/comparison.json",
    log:
        f"{RESULTS}/logs/compare.log",
    benchmark:
        f"{RESULTS}/benchmarks/compare/compare.tsv"
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
        options=[f"--fixed-edges {RESULTS}/{stage}.json" for stage in FIXED_EDGES],
        code=code_hash("zenith.cli.compare", *NETWORKS, *KINDS),
    shell:
        "{params.jax} python -m zenith compare --config {params.configuration} --input {input.columns}"
        " --networks {params.networks} --optimised {input.optimised}"
        " {params.options} --search {input.search} --output {output} > {log} 2>&1"


rule optimisation_figures:
    input:
        columns=expand(f"{RESULTS}/columns/{{sample}}.h5", sample=SAMPLES),
        networks=[*TRAINED, *climbed_networks("optimised")],
        optimised=f"{RESULTS}/optimised.json",
        history=f"{RESULTS}/history.h5",
        search=f"{RESULTS}/search.json",
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
        " --networks {params.networks} --optimised {input.optimised}"
        " --history {input.history} --search {input.search}"
        " --comparison {input.comparison} --output {output} > {log} 2>&1"
