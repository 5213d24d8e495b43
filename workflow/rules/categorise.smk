# Scored events to categories, for a configuration with `events`.


rule scored:
    input:
        **scored_inputs(),
    output:
        train=f"{RESULTS}/events/train.h5",
        unseen=f"{RESULTS}/events/unseen.h5",
    log:
        f"{RESULTS}/logs/scored.log",
    benchmark:
        f"{RESULTS}/benchmarks/scored/scored.tsv"
    conda:
        "../../envs/zenith.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        configuration=resolved,
        jax=JAX,
        options=scored_options(),
        config=lambda wildcards: scored_config(),
        code=code_hash("zenith.cli.scored", *scored_networks()),
    shell:
        "{params.jax} python -m zenith scored --config {params.configuration} {params.options}"
        " --train {output.train} --unseen {output.unseen} > {log} 2>&1"


rule categorise:
    input:
        f"{RESULTS}/events/train.h5",
    output:
        categories=f"{RESULTS}/categories/{{categories}}.json",
        history=f"{RESULTS}/categories/{{categories}}.h5",
    log:
        f"{RESULTS}/logs/categorise/{{categories}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/categorise/{{categories}}.tsv"
    conda:
        "../../envs/zenith-gpu.yaml"
    threads: 1
    resources:
        gpu=1,
        mem_mb=4000,
        runtime=60,
    params:
        configuration=resolved,
        jax=JAX,
        config=lambda wildcards: step_config(CATEGORISATION, "categorise"),
        code=code_hash("zenith.cli.categorise"),
    shell:
        "{params.jax} python -m zenith categorise {input} --config {params.configuration}"
        " --categories {wildcards.categories}"
        " --output {output.categories} --history {output.history} > {log} 2>&1"


rule category_scan:
    input:
        categories=expand(f"{RESULTS}/categories/{{number}}.json", number=NUMBERS),
        train=f"{RESULTS}/events/train.h5",
        unseen=f"{RESULTS}/events/unseen.h5",
    output:
        f"{RESULTS}/categories.json",
    log:
        f"{RESULTS}/logs/category_scan.log",
    benchmark:
        f"{RESULTS}/benchmarks/category_scan/scan.tsv"
    conda:
        "../../envs/zenith.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        configuration=resolved,
        jax=JAX,
        config=lambda wildcards: step_config(CATEGORISATION, "category_scan"),
        code=code_hash("zenith.cli.category_scan"),
    shell:
        "{params.jax} python -m zenith category_scan --config {params.configuration}"
        " --input {input.categories} --train {input.train} --unseen {input.unseen}"
        " --output {output} > {log} 2>&1"


rule category_figures:
    input:
        categories=f"{RESULTS}/categories.json",
        histories=expand(f"{RESULTS}/categories/{{number}}.h5", number=NUMBERS),
        unseen=f"{RESULTS}/events/unseen.h5",
    output:
        report(
            directory(f"{RESULTS}/figures"),
            patterns=["{name}.png"],
            caption="../report/categories.rst",
            category="Categories",
            labels={"figure": "{name}"},
        ),
    log:
        f"{RESULTS}/logs/category_figures.log",
    benchmark:
        f"{RESULTS}/benchmarks/category_figures/figures.tsv"
    conda:
        "../../envs/zenith.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        configuration=resolved,
        jax=JAX,
        config=lambda wildcards: step_config(CATEGORISATION, "category_figures"),
        code=code_hash("zenith.cli.category_figures"),
    shell:
        "{params.jax} python -m zenith category_figures --config {params.configuration}"
        " --categories {input.categories} --histories {input.histories}"
        " --unseen {input.unseen} --output {output} > {log} 2>&1"


rule category_summary:
    input:
        categories=f"{RESULTS}/categories.json",
        # the last step, so that the timing is complete
        figures=f"{RESULTS}/figures",
    output:
        summary=f"{RESULTS}/summary.json",
        page=report(
            f"{RESULTS}/summary.md",
            caption="../report/category_summary.rst",
            category="Summary",
        ),
    log:
        f"{RESULTS}/logs/category_summary.log",
    localrule: True
    conda:
        "../../envs/zenith.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        configuration=resolved,
        benchmarks=f"{RESULTS}/benchmarks",
        config=lambda wildcards: step_config(CATEGORISATION, "category_summary"),
        code=code_hash("zenith.cli.category_summary"),
    shell:
        "python -m zenith category_summary --config {params.configuration}"
        " --categories {input.categories} --benchmarks {params.benchmarks}"
        " --output {output.summary} --page {output.page} > {log} 2>&1"
