# Scored events to categories: those of a toy or a file, or of a region of the analysis.

ASKED = CONFIGURATION.categorise
NUMBERS = ASKED.numbers if ASKED else []


wildcard_constraints:
    categories=r"\d+",


rule scored:
    input:
        **scored_inputs(),
    output:
        train=f"{OWN}/events/train.h5",
        unseen=f"{OWN}/events/unseen.h5",
    log:
        f"{OWN}/logs/scored.log",
    benchmark:
        f"{OWN}/benchmarks/scored/scored.tsv"
    conda:
        "../../envs/zenith.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        configuration=resolved_own,
        jax=JAX,
        options=scored_options(),
        config=lambda wildcards: step_config(CONFIGURATION, "scored"),
        code=code_hash("zenith.cli.scored", *NETWORKS, *KINDS),
    shell:
        "{params.jax} python -m zenith scored --config {params.configuration} {params.options}"
        " --train {output.train} --unseen {output.unseen} > {log} 2>&1"


rule categorise:
    input:
        f"{OWN}/events/train.h5",
    output:
        categories=f"{OWN}/categories/{{categories}}.json",
        history=f"{OWN}/categories/{{categories}}.h5",
    log:
        f"{OWN}/logs/categorise/{{categories}}.log",
    benchmark:
        f"{OWN}/benchmarks/categorise/{{categories}}.tsv"
    conda:
        "../../envs/zenith-gpu.yaml"
    threads: 1
    resources:
        gpu=1,
        mem_mb=4000,
        runtime=60,
    params:
        configuration=resolved_own,
        jax=JAX,
        config=lambda wildcards: step_config(CONFIGURATION, "categorise"),
        code=code_hash("zenith.cli.categorise"),
    shell:
        "{params.jax} python -m zenith categorise {input} --config {params.configuration}"
        " --categories {wildcards.categories}"
        " --output {output.categories} --history {output.history} > {log} 2>&1"


rule category_scan:
    input:
        categories=expand(f"{OWN}/categories/{{number}}.json", number=NUMBERS),
        train=f"{OWN}/events/train.h5",
        unseen=f"{OWN}/events/unseen.h5",
    output:
        f"{OWN}/categories.json",
    log:
        f"{OWN}/logs/category_scan.log",
    benchmark:
        f"{OWN}/benchmarks/category_scan/scan.tsv"
    conda:
        "../../envs/zenith.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        configuration=resolved_own,
        jax=JAX,
        config=lambda wildcards: step_config(CONFIGURATION, "category_scan"),
        code=code_hash("zenith.cli.category_scan"),
    shell:
        "{params.jax} python -m zenith category_scan --config {params.configuration}"
        " --input {input.categories} --train {input.train} --unseen {input.unseen}"
        " --output {output} > {log} 2>&1"


rule category_figures:
    input:
        categories=f"{OWN}/categories.json",
        histories=expand(f"{OWN}/categories/{{number}}.h5", number=NUMBERS),
        unseen=f"{OWN}/events/unseen.h5",
    output:
        report(
            directory(f"{OWN}/figures"),
            patterns=["{name}.png"],
            caption="../report/categories.rst",
            category="Categories",
            labels={"figure": "{name}"},
        ),
    log:
        f"{OWN}/logs/category_figures.log",
    benchmark:
        f"{OWN}/benchmarks/category_figures/figures.tsv"
    conda:
        "../../envs/zenith.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        configuration=resolved_own,
        jax=JAX,
        config=lambda wildcards: step_config(CONFIGURATION, "category_figures"),
        code=code_hash("zenith.cli.category_figures"),
    shell:
        "{params.jax} python -m zenith category_figures --config {params.configuration}"
        " --categories {input.categories} --histories {input.histories}"
        " --unseen {input.unseen} --output {output} > {log} 2>&1"
