rule fit:
    input:
        histograms=f"{RESULTS}/{{selection}}/histograms.root",
        selection=selection_files,
        surface=surface_file,
    output:
        workspace=f"{RESULTS}/{{selection}}/workspace.json",
        fit=f"{RESULTS}/{{selection}}/fit.json",
    log:
        f"{RESULTS}/logs/fit/{{selection}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/fit/{{selection}}.tsv"
    priority: 30
    conda:
        "../../envs/zenith.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        configuration=resolved,
        jax=JAX_UNOPTIMISED,
        selection=selection_option,
        surface=surface_option,
        config=lambda wildcards: step_config(ANALYSIS, "fit"),
        code=code_hash("zenith.cli.fit", *KINDS),
    shell:
        "{params.jax} python -m zenith fit --config {params.configuration} --input {input.histograms}"
        " {params.selection} {params.surface} --workspace {output.workspace} --output {output.fit} > {log} 2>&1"
