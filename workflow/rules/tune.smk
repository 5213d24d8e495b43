# Settings of one network, where the configuration asks which are best; a fold is not judged by.


rule tune:
    input:
        tuned_events,
    output:
        best=f"{RESULTS}/tune/fold_{{fold}}/best.yaml",
        about=f"{RESULTS}/tune/fold_{{fold}}/tuned.json",
        figures=report(
            directory(f"{RESULTS}/tune/fold_{{fold}}/figures"),
            patterns=["{name}.png"],
            caption="../report/tune.rst",
            category="Settings of a network",
            labels={"fold": "{fold}", "figure": "{name}"},
        ),
    log:
        f"{RESULTS}/logs/tune/fold_{{fold}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/tune/fold_{{fold}}.tsv"
    conda:
        "../../envs/zenith-gpu.yaml"
    threads: 1
    resources:
        gpu=1,
        mem_mb=4000,
        runtime=600,
    params:
        configuration=resolved,
        jax=JAX,
        # The trials are no output: what a killed job has tried is there for the next one.
        folder=f"{RESULTS}/tune/fold_{{fold}}",
        base=f"{RESULTS}/config.yaml",
        config=lambda wildcards: step_config(ANALYSIS, "tune"),
        code=code_hash("zenith.cli.tune", *NETWORKS),
    shell:
        "{params.jax} python -m zenith tune --config {params.configuration}"
        " --fold {wildcards.fold} --input {input} --base {params.base}"
        " --output {params.folder} > {log} 2>&1"
