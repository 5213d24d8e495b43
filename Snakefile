# The workflow is in workflow/Snakefile; this file lets `snakemake` find it from the root.


include: "workflow/Snakefile"


if workflow.modifier.is_main_snakefile():  # not as a module of another workflow
    workflow.default_target = "all"
