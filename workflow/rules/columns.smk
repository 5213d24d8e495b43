rule columns:
    input:
        skims=skims,
        corrections=correction_files,
    output:
        f"{RESULTS}/columns/{{sample}}.h5",
    log:
        f"{RESULTS}/logs/columns/{{sample}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/columns/{{sample}}.tsv"
    wildcard_constraints:
        sample="|".join(map(re.escape, READ)) or "none",
    priority: 95
    conda:
        "../../envs/zenith.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        configuration=resolved,
        luminosity=luminosity,
        config=lambda wildcards: step_config(ANALYSIS, "columns", wildcards.sample),
        code=code_hash("zenith.cli.columns", *MODULES, *kinds("weight", "shape")),
    shell:
        "python -m zenith columns --config {params.configuration} --sample {wildcards.sample}"
        " --input {input.skims} --output {output} > {log} 2>&1"
