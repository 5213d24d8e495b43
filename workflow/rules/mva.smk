rule mva:
    input:
        mva_events,
    output:
        network=f"{RESULTS}/mva/{{mva}}/fold_{{fold}}/initial.safetensors",
        onnx=f"{RESULTS}/mva/{{mva}}/fold_{{fold}}/network.onnx",
        metrics=f"{RESULTS}/mva/{{mva}}/fold_{{fold}}/metrics.json",
    log:
        f"{RESULTS}/logs/mva/{{mva}}/fold_{{fold}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/mva/{{mva}}/fold_{{fold}}.tsv"
    wildcard_constraints:
        mva="|".join(ANALYSIS.mva) or "none",
    priority: 80
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
        folder=f"{RESULTS}/mva/{{mva}}/fold_{{fold}}",
        config=lambda wildcards: step_config(ANALYSIS, "mva", wildcards.mva),
        code=code_hash("zenith.cli.mva", *NETWORKS),
    shell:
        "{params.jax} python -m zenith mva --config {params.configuration}"
        " --name {wildcards.mva} --fold {wildcards.fold} --input {input}"
        " --output {params.folder} > {log} 2>&1"


# What networks that read objects make of all events, which the steps that read columns know so.
rule logits:
    input:
        sets=expand(f"{RESULTS}/training_sets/{{sample}}.h5", sample=READ),
        network=f"{RESULTS}/mva/{{mva}}/fold_{{fold}}/initial.safetensors",
    output:
        f"{RESULTS}/mva/{{mva}}/fold_{{fold}}/logits.h5",
    log:
        f"{RESULTS}/logs/logits/{{mva}}/fold_{{fold}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/logits/{{mva}}/fold_{{fold}}.tsv"
    wildcard_constraints:
        mva="|".join(name for name, mva in ANALYSIS.mva.items() if mva.objects)
        or "none",
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
        config=lambda wildcards: step_config(ANALYSIS, "logits", wildcards.mva),
        code=code_hash("zenith.cli.logits", *NETWORKS),
    shell:
        "{params.jax} python -m zenith logits --config {params.configuration}"
        " --name {wildcards.mva} --input {input.sets} --network {input.network}"
        " --output {output} > {log} 2>&1"


rule mva_figures:
    input:
        events=mva_events,
        networks=expand(
            f"{RESULTS}/mva/{{{{mva}}}}/fold_{{fold}}/initial.safetensors", fold=FOLDS
        ),
        metrics=expand(
            f"{RESULTS}/mva/{{{{mva}}}}/fold_{{fold}}/metrics.json", fold=FOLDS
        ),
    output:
        report(
            directory(f"{RESULTS}/mva/{{mva}}/figures"),
            patterns=["{name}.png"],
            caption="../report/mva.rst",
            category="Networks",
            labels={"network": "{mva}", "figure": "{name}"},
        ),
    log:
        f"{RESULTS}/logs/mva_figures/{{mva}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/mva_figures/{{mva}}.tsv"
    wildcard_constraints:
        mva="|".join(ANALYSIS.mva) or "none",
    priority: 28  # longer than any of the last jobs
    conda:
        "../../envs/zenith.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        configuration=resolved,
        jax=JAX,
        config=lambda wildcards: step_config(ANALYSIS, "mva_figures", wildcards.mva),
        code=code_hash("zenith.cli.mva_figures", *NETWORKS),
    shell:
        "{params.jax} python -m zenith mva_figures --config {params.configuration} --name {wildcards.mva}"
        " --input {input.events} --network {input.networks} --metrics {input.metrics}"
        " --output {output} > {log} 2>&1"
