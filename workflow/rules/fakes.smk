rule fakes:
    input:
        lambda wildcards: expand(
            f"{RESULTS}/columns/{{sample}}.h5",
            sample=ANALYSIS.sources_of(wildcards.sample),
        ),
    output:
        columns=f"{RESULTS}/columns/{{sample}}.h5",
        about=f"{RESULTS}/fakes/{{sample}}/fakes.json",
    log:
        f"{RESULTS}/logs/fakes/{{sample}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/fakes/{{sample}}.tsv"
    wildcard_constraints:
        sample="|".join(map(re.escape, ANALYSIS.from_data)) or "none",
    priority: 85
    conda:
        "../../envs/zenith.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        configuration=resolved,
        jax=JAX,
        config=lambda wildcards: step_config(ANALYSIS, "fakes", wildcards.sample),
        code=code_hash("zenith.cli.fakes"),
    shell:
        "{params.jax} python -m zenith fakes --config {params.configuration}"
        " --sample {wildcards.sample} --input {input} --output {output.columns}"
        " --about {output.about} > {log} 2>&1"


rule fakes_figures:
    input:
        f"{RESULTS}/fakes/{{sample}}/fakes.json",
    output:
        report(
            directory(f"{RESULTS}/fakes/{{sample}}/figures"),
            patterns=["{name}.png"],
            caption="../report/fakes.rst",
            category="Processes from data",
            labels={"process": "{sample}", "figure": "{name}"},
        ),
    log:
        f"{RESULTS}/logs/fakes_figures/{{sample}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/fakes_figures/{{sample}}.tsv"
    wildcard_constraints:
        sample="|".join(map(re.escape, ANALYSIS.from_data)) or "none",
    conda:
        "../../envs/zenith.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        configuration=resolved,
        config=lambda wildcards: step_config(
            ANALYSIS, "fakes_figures", wildcards.sample
        ),
        code=code_hash("zenith.cli.fakes_figures", *MODULES),
    shell:
        "python -m zenith fakes_figures --config {params.configuration}"
        " --about {input} --output {output} > {log} 2>&1"
