rule histogram:
    input:
        columns=expand(f"{RESULTS}/columns/{{sample}}.h5", sample=SAMPLES),
        networks=networks_of,
        selection=selection_files,
    output:
        histograms=f"{RESULTS}/{{selection}}/histograms.root",
        plots=f"{RESULTS}/{{selection}}/plots.root",
        cutflow=f"{RESULTS}/{{selection}}/cutflow.json",
    log:
        f"{RESULTS}/logs/histogram/{{selection}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/histogram/{{selection}}.tsv"
    priority: 30
    conda:
        "../../envs/zenith.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        configuration=resolved,
        jax=JAX,
        networks=lambda wildcards: f"{RESULTS}/mva",
        selection=lambda wildcards: (
            f"--summarised {' '.join(SCORES)}"
            if is_summarised(wildcards)
            else selection_option(wildcards)
        ),
        config=lambda wildcards: step_config(ANALYSIS, "histogram"),
        code=code_hash("zenith.cli.histogram", *NETWORKS, *KINDS),
    shell:
        "{params.jax} python -m zenith histogram --config {params.configuration} --input {input.columns}"
        " {params.selection} --networks {params.networks}"
        " --output {output.histograms} --plots {output.plots}"
        " --cutflow {output.cutflow} > {log} 2>&1"
