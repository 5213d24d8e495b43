# Events and their objects, for networks that read these, here and elsewhere.


rule training_set:
    input:
        skims=skims,
        corrections=correction_files,
    output:
        f"{RESULTS}/training_sets/{{sample}}.h5",
    log:
        f"{RESULTS}/logs/training_set/{{sample}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/training_set/{{sample}}.tsv"
    wildcard_constraints:
        sample="|".join(map(re.escape, READ)) or "none",
    conda:
        "../../envs/zenith.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        configuration=resolved,
        luminosity=luminosity,
        config=lambda wildcards: step_config(ANALYSIS, "training_set", wildcards.sample),
        code=code_hash("zenith.cli.training_set", *MODULES, *SHIFTS),
    shell:
        "python -m zenith training_set --config {params.configuration}"
        " --sample {wildcards.sample} --input {input.skims} --output {output} > {log} 2>&1"
