# Response surfaces of every selection, where they are asked for; intervals of the selection that is
# quoted, and pseudo-experiments of truths that jobs share.


rule surface:
    input:
        columns=expand(f"{RESULTS}/columns/{{sample}}.h5", sample=SAMPLES),
        skims=all_skims,
        networks=networks_of,
        selection=selection_files,
    output:
        f"{RESULTS}/{{selection}}/surface.h5",
    log:
        f"{RESULTS}/logs/surface/{{selection}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/surface/{{selection}}.tsv"
    priority: 35
    conda:
        "../../envs/zenith.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        configuration=resolved,
        jax=JAX,
        events=events_option,
        config=lambda wildcards: step_config(ANALYSIS, "surface"),
        code=code_hash("zenith.cli.surface", *MODULES, *NETWORKS, *KINDS),
    shell:
        "{params.jax} python -m zenith surface --config {params.configuration}"
        " --input {input.columns} {params.events} --output {output} > {log} 2>&1"


rule interval:
    input:
        workspace=f"{RESULTS}/{QUOTED}/workspace.json",
        surface=f"{RESULTS}/{QUOTED}/surface.h5" if ANALYSIS.surfaces else [],
    output:
        f"{RESULTS}/interval.json",
    log:
        f"{RESULTS}/logs/interval.log",
    benchmark:
        f"{RESULTS}/benchmarks/interval/interval.tsv"
    priority: 29  # compiles what the pseudo-experiments find in the cache
    conda:
        "../../envs/zenith.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        jax=JAX,
        options=lambda wildcards: interval_options(),
        config=lambda wildcards: step_config(ANALYSIS, "interval"),
        code=code_hash("zenith.cli.interval"),
    shell:
        "{params.jax} python -m zenith interval {input.workspace} {params.options}"
        " --output {output} > {log} 2>&1"


rule pseudo_experiments:
    input:
        workspace=f"{RESULTS}/{QUOTED}/workspace.json",
        surface=f"{RESULTS}/{QUOTED}/surface.h5" if ANALYSIS.surfaces else [],
        columns=(
            expand(f"{RESULTS}/columns/{{sample}}.h5", sample=SAMPLES)
            if ANALYSIS.surfaces
            else []
        ),
        skims=all_skims if ANALYSIS.surfaces else [],
        networks=quoted_networks if ANALYSIS.surfaces else [],
        selection=quoted_selection,
    output:
        f"{RESULTS}/coverage/part_{{truths}}.json",
    log:
        f"{RESULTS}/logs/pseudo_experiments/part_{{truths}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/pseudo_experiments/part_{{truths}}.tsv"
    wildcard_constraints:
        truths=r"\d+",
    priority: 27
    conda:
        "../../envs/zenith.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        configuration=resolved,
        jax=JAX,
        events=lambda wildcards: experiments_options(),
        parts=lambda wildcards: PARTS,
        config=lambda wildcards: step_config(ANALYSIS, "pseudo_experiments"),
        code=code_hash("zenith.cli.pseudo_experiments", *MODULES, *NETWORKS, *KINDS),
    shell:
        "{params.jax} python -m zenith pseudo_experiments --config {params.configuration}"
        " {input.workspace} {params.events} --part {wildcards.truths}/{params.parts}"
        " --output {output} > {log} 2>&1"


rule coverage:
    input:
        expand(f"{RESULTS}/coverage/part_{{truths}}.json", truths=range(1, PARTS + 1)),
    output:
        f"{RESULTS}/coverage.json",
    log:
        f"{RESULTS}/logs/coverage.log",
    benchmark:
        f"{RESULTS}/benchmarks/coverage/coverage.tsv"
    priority: 25
    conda:
        "../../envs/zenith.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        jax=JAX,
        config=lambda wildcards: step_config(ANALYSIS, "coverage"),
        code=code_hash("zenith.cli.coverage"),
    shell:
        "{params.jax} python -m zenith coverage --merge {input} --output {output} > {log} 2>&1"


rule inference_figures:
    input:
        workspace=f"{RESULTS}/{QUOTED}/workspace.json",
        surface=f"{RESULTS}/{QUOTED}/surface.h5" if ANALYSIS.surfaces else [],
        fits=expand(f"{RESULTS}/{{selection}}/fit.json", selection=SELECTIONS),
        coverage=f"{RESULTS}/coverage.json" if ANALYSIS.coverage else [],
    output:
        report(
            directory(f"{RESULTS}/figures_inference"),
            patterns=["{name}.png"],
            caption="../report/inference.rst",
            category="Intervals and coverage",
            labels={"figure": "{name}"},
        ),
    log:
        f"{RESULTS}/logs/inference_figures.log",
    benchmark:
        f"{RESULTS}/benchmarks/inference_figures/figures.tsv"
    conda:
        "../../envs/zenith.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        configuration=resolved,
        jax=JAX_UNOPTIMISED,
        options=lambda wildcards: figures_options(),
        config=lambda wildcards: step_config(ANALYSIS, "inference_figures"),
        code=code_hash("zenith.cli.inference_figures"),
    shell:
        "{params.jax} python -m zenith inference_figures --config {params.configuration}"
        " {input.workspace} --fits {input.fits} {params.options} --output {output} > {log} 2>&1"
