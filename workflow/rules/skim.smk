# The step itself waits for servers that fail for a while; what is wrong stays wrong: no retries.
rule skim:
    input:
        file=local_source,
        golden=golden_json,
    output:
        skim=f"{RESULTS}/skims/{{sample}}.{{part}}.root",
        cutflow=f"{RESULTS}/skims/{{sample}}.{{part}}.cutflow.json",
    log:
        f"{RESULTS}/logs/skim/{{sample}}.{{part}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/skim/{{sample}}.{{part}}.tsv"
    priority: 95
    conda:
        "../../envs/zenith.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=120,
    params:
        configuration=resolved,
        source=lambda wildcards: source(wildcards.sample, wildcards.part).path,
        events=lambda wildcards: expected_events(wildcards.sample, wildcards.part),
        config=lambda wildcards: step_config(ANALYSIS, "skim", wildcards.sample),
        code=lambda wildcards: SKIM_CODE[READERS[wildcards.sample]],
    shell:
        "python -m zenith skim --config {params.configuration} --sample {wildcards.sample}"
        " --input {params.source:q} {params.events} --output {output.skim}"
        " --cutflow {output.cutflow} > {log} 2>&1"
