# How rules run their commands: with which Python, and where these find the configuration.

import os
import sys
from pathlib import Path

from snakemake.settings.types import DeploymentMethod

# `python` is the one that runs Snakemake, or that of a rule's conda environment, into which pip
# installs the Zenith that runs here.
if DeploymentMethod.CONDA in workflow.deployment_settings.deployment_method:
    checkout = Path(zenith.__file__).parents[2]
    of_checkout = (checkout / "pyproject.toml").exists()
    itself = f'-e "{checkout}"' if of_checkout else f"zenith-hep=={zenith.__version__}"
    os.environ.setdefault("ZENITH_SOURCE", itself)
else:
    programs = [str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
    os.environ.update(PATH=os.pathsep.join(programs))


def resolved_file(analysis):
    """The file of a configuration: all that was said in files and on the command line.

    The name is that of the content.
    """
    text = zenith.config.dump(analysis)
    path = f".snakemake/zenith/{data_hash(text)}.yaml"
    if not Path(path).exists():
        write_text(path, text)
    return path


RESOLVED, RESOLVED_OWN = resolved_file(ANALYSIS), resolved_file(CONFIGURATION)


def resolved(wildcards, input):
    """The file of the analysis of samples.

    As a function of the input it is not recorded, so that another configuration runs only those
    rules again whose other parameters it changes; as an input it would keep Snakemake from looking
    at these parameters at all, in the run that makes it anew.
    """
    return RESOLVED


def resolved_own(wildcards, input):
    """The file of the configuration itself, likewise; another one where it has no samples."""
    return RESOLVED_OWN
