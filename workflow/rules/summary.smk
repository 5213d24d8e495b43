rule figures:
    input:
        histograms=varied_histograms,
        plots=f"{RESULTS}/{{selection}}/plots.root",
        cutflow=f"{RESULTS}/{{selection}}/cutflow.json",
        fit=f"{RESULTS}/{{selection}}/fit.json",
        selection=selection_files,
    output:
        *[
            report(
                directory(f"{RESULTS}/{{selection}}/figures/{folder}"),
                patterns=["{name}.png"],
                caption=f"../report/{folder}.rst",
                category=category,
                labels={"selection": "{selection}", "figure": "{name}"},
            )
            for folder, category in FIGURES.items()
        ],
    log:
        f"{RESULTS}/logs/figures/{{selection}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/figures/{{selection}}.tsv"
    priority: 20  # the longest of the last jobs
    conda:
        "../../envs/zenith.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        configuration=resolved,
        folder=f"{RESULTS}/{{selection}}/figures",
        histograms=varied_option,
        selection=selection_option,
        config=lambda wildcards: step_config(ANALYSIS, "figures"),
        code=code_hash("zenith.cli.figures"),
    shell:
        "python -m zenith figures --config {params.configuration} {params.histograms}"
        " --plots {input.plots} --cutflow {input.cutflow} --fit {input.fit} {params.selection}"
        " --output {params.folder} > {log} 2>&1"


# Which selections of the configuration are fitted: none, where it has no samples.
FITTED = SELECTIONS if OF_SAMPLES else []
CLIMBED = MOVES and OF_SAMPLES
INFERRED = ANALYSIS.surfaces or ANALYSIS.interval or ANALYSIS.coverage


rule summary:
    input:
        fits=expand(f"{OWN}/{{selection}}/fit.json", selection=FITTED),
        # the last step, so that the timing is complete
        figures=expand(
            f"{OWN}/{{selection}}/figures/{{folder}}",
            selection=FITTED,
            folder=FIGURES,
        ),
        optimisation=[f"{OWN}/figures_optimisation"] if CLIMBED else [],
        efficient_score=(
            [f"{OWN}/figures_efficient_score"] if SCORES and OF_SAMPLES else []
        ),
        comparison=[f"{OWN}/comparison.json"] if CLIMBED else [],
        interval=[f"{OWN}/interval.json"] if ANALYSIS.interval and OF_SAMPLES else [],
        coverage=[f"{OWN}/coverage.json"] if ANALYSIS.coverage and OF_SAMPLES else [],
        inference=[f"{OWN}/figures_inference"] if INFERRED and OF_SAMPLES else [],
        categories=[f"{OWN}/categories.json"] if CONFIGURATION.categorise else [],
        category_figures=[f"{OWN}/figures"] if CONFIGURATION.categorise else [],
    output:
        summary=f"{OWN}/summary.json",
        page=f"{OWN}/summary.md",
        # opens the report: report/workflow.rst holds it
        web_page=report(
            f"{OWN}/summary.html",
            caption="../report/summary.rst",
            category="Summary",
        ),
    log:
        f"{OWN}/logs/summary.log",
    localrule: True
    conda:
        "../../envs/zenith.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        configuration=resolved_own,
        folder=lambda wildcards: OWN,
        config=lambda wildcards: step_config(CONFIGURATION, "summary"),
        code=code_hash("zenith.cli.summary"),
    shell:
        "python -m zenith summary --config {params.configuration} --results {params.folder}"
        " --output {output.summary} --page {output.page} --web-page {output.web_page}"
        " > {log} 2>&1"
