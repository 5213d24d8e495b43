# For each fold, where a summary is asked for: how events respond to nuisance parameters, and the summary that follows.

# Responses that networks learn have a file that says what they are worth.
LEARNED_RESPONSES = bool(ANALYSIS.summary and ANALYSIS.summary.learned_responses)
ABOUT_RESPONSE = f"{RESULTS}/response/fold_{{fold}}.json"


rule response:
    input:
        columns=expand(f"{RESULTS}/columns/{{sample}}.h5", sample=SAMPLES),
    output:
        responses=f"{RESULTS}/response/fold_{{fold}}.safetensors",
        about=[ABOUT_RESPONSE] if LEARNED_RESPONSES else [],
    log:
        f"{RESULTS}/logs/response/fold_{{fold}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/response/fold_{{fold}}.tsv"
    priority: 75
    conda:
        "../../envs/zenith-gpu.yaml"
    threads: 1
    resources:
        gpu=1,
        mem_mb=4000,
        runtime=60,
    params:
        configuration=resolved,
        jax=JAX,
        about=f"--about {ABOUT_RESPONSE}" if LEARNED_RESPONSES else "",
        config=lambda wildcards: step_config(ANALYSIS, "response"),
        code=code_hash("zenith.cli.response", *NETWORKS, *KINDS),
    shell:
        "{params.jax} python -m zenith response --config {params.configuration}"
        " --fold {wildcards.fold} --input {input.columns} --output {output.responses}"
        " {params.about} > {log} 2>&1"


rule efficient_score:
    input:
        columns=expand(f"{RESULTS}/columns/{{sample}}.h5", sample=SAMPLES),
        network=network_of_summary,
        responses=f"{RESULTS}/response/fold_{{fold}}.safetensors",
    output:
        score=f"{RESULTS}/efficient_score/fold_{{fold}}/score.safetensors",
        onnx=f"{RESULTS}/efficient_score/fold_{{fold}}/score.onnx",
        about=f"{RESULTS}/efficient_score/fold_{{fold}}/score.json",
    log:
        f"{RESULTS}/logs/efficient_score/fold_{{fold}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/efficient_score/fold_{{fold}}.tsv"
    priority: 75
    conda:
        "../../envs/zenith.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        configuration=resolved,
        jax=JAX,
        networks=lambda wildcards: f"{RESULTS}/mva",
        folder=f"{RESULTS}/efficient_score/fold_{{fold}}",
        config=lambda wildcards: step_config(ANALYSIS, "efficient_score"),
        code=code_hash("zenith.cli.efficient_score", *NETWORKS, *KINDS),
    shell:
        "{params.jax} python -m zenith efficient_score --config {params.configuration}"
        " --fold {wildcards.fold} --input {input.columns} --networks {params.networks}"
        " --responses {input.responses} --output {params.folder} > {log} 2>&1"


rule efficient_score_figures:
    input:
        columns=expand(f"{RESULTS}/columns/{{sample}}.h5", sample=SAMPLES),
        scores=SCORES,
        about=expand(f"{RESULTS}/efficient_score/fold_{{fold}}/score.json", fold=FOLDS),
    output:
        report(
            directory(f"{RESULTS}/figures_efficient_score"),
            patterns=["{name}.png"],
            caption="../report/efficient_score.rst",
            category="Efficient score",
            labels={"figure": "{name}"},
        ),
    log:
        f"{RESULTS}/logs/efficient_score_figures.log",
    benchmark:
        f"{RESULTS}/benchmarks/efficient_score_figures/figures.tsv"
    conda:
        "../../envs/zenith.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        configuration=resolved,
        jax=JAX,
        config=lambda wildcards: step_config(ANALYSIS, "efficient_score_figures"),
        code=code_hash("zenith.cli.efficient_score_figures", *NETWORKS, *KINDS),
    shell:
        "{params.jax} python -m zenith efficient_score_figures --config {params.configuration}"
        " --input {input.columns} --scores {input.scores} --about {input.about}"
        " --output {output} > {log} 2>&1"
