rule mva:
    input:
        mva_columns,
    output:
        network=f"{RESULTS}/mva/{{mva}}/initial.safetensors",
        onnx=f"{RESULTS}/mva/{{mva}}/network.onnx",
        metrics=f"{RESULTS}/mva/{{mva}}/metrics.json",
        figures=report(
            directory(f"{RESULTS}/mva/{{mva}}/figures"),
            patterns=["{name}.png"],
            caption="../report/mva.rst",
            category="Networks",
            labels={"network": "{mva}", "figure": "{name}"},
        ),
    log:
        f"{RESULTS}/logs/mva/{{mva}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/mva/{{mva}}.tsv"
    wildcard_constraints:
        mva="|".join(ANALYSIS.mva) or "none",
    conda:
        "../../envs/zenith-gpu.yaml"
    threads: 1
    resources:
        gpu=1,
        mem_mb=4000,
        runtime=60,
    params:
        jax=JAX,
        analysis=CONFIG,
        folder=f"{RESULTS}/mva/{{mva}}",
        config=lambda wildcards: [
            step_config(ANALYSIS, step, wildcards.mva)
            for step in ("mva", "mva_figures")
        ],
        code=code_hash("zenith.cli.mva"),
    shell:
        "{params.jax} python -m zenith mva --config {params.analysis}"
        " --name {wildcards.mva} --input {input} --output {params.folder} > {log} 2>&1"
