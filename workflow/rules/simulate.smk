rule simulate:
    input:
        golden=golden_json,  # pseudo-data hold the luminosity in its sections
    output:
        f"{RESULTS}/simulated/{{sample}}.{{part}}.{SIMULATED_SUFFIX}",
    log:
        f"{RESULTS}/logs/simulate/{{sample}}.{{part}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/simulate/{{sample}}.{{part}}.tsv"
    priority: longest_first
    conda:
        "../../envs/zenith.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        configuration=resolved,
        config=lambda wildcards: step_config(ANALYSIS, "simulate", wildcards.sample),
        code=code_hash("zenith.cli.simulate"),
    shell:
        "python -m zenith simulate --config {params.configuration} --sample {wildcards.sample}"
        " --part {wildcards.part} --output {output} > {log} 2>&1"
