rule histogram:
    input:
        columns=expand(f"{RESULTS}/columns/{{sample}}.h5", sample=SAMPLES),
    output:
        histograms=f"{RESULTS}/{{selection}}/histograms.root",
        plots=f"{RESULTS}/{{selection}}/plots.root",
        cutflow=f"{RESULTS}/{{selection}}/cutflow.json",
    log:
        f"{RESULTS}/logs/histogram/{{selection}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/histogram/{{selection}}.tsv"
    conda:
        "../../envs/zenith.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        config=lambda wildcards: step_config(ANALYSIS, "histogram"),
        code=code_hash("zenith.cli.histogram"),
    shell:
        "{ZENITH} histogram --config {CONFIG} --input {input.columns}"
        " --output {output.histograms} --plots {output.plots}"
        " --cutflow {output.cutflow} > {log} 2>&1"
