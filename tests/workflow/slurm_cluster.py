"""A Slurm cluster of one node on this machine, for as long as a command or a `with` block lasts.

It needs Debian's packages slurm-wlm and munge. All of it is in a temporary folder, which SLURM_CONF
names to Slurm's commands; nothing in /etc is read or written. The memory and the one GPU of the
node are promises in its configuration, which is enough for Slurm to hand them out.

    python tests/workflow/slurm_cluster.py -- snakemake --profile profiles/slurm ...
"""

import argparse
import getpass
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scontrol", "scancel")

CONFIGURATION = """
ClusterName=zenith
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=batch_sched_delay=0,sched_interval=2
SlurmdParameters=config_overrides
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MinJobAge=86400
ReturnToService=2
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=65536 Gres=gpu:1
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""

# Snakemake's job steps start srun without SLURM_CONF, which only a site's default file replaces.
SRUN = '#!/bin/sh\nSLURM_CONF={configuration} exec {srun} "$@"\n'


def missing() -> str:
    """Why no cluster can be started here; empty if one can."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    lacking = [program for program in PROGRAMS if shutil.which(program, path=path) is None]
    return f"{', '.join(lacking)} not installed (Debian: slurm-wlm, munge)" if lacking else ""


def _free_ports(number: int) -> list[int]:
    probes = [socket.socket() for _ in range(number)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def _write_configuration(folder: Path) -> dict[str, str]:
    """The files of the cluster in `folder`; gives the environment of its daemons and commands."""
    for name in ("state", "spool", "bin"):
        (folder / name).mkdir()
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o400)
    controller_port, node_port = _free_ports(2)
    configuration = folder / "slurm.conf"
    configuration.write_text(
        CONFIGURATION.format(
            host=socket.gethostname().split(".")[0],
            user=getpass.getuser(),
            folder=folder,
            controller_port=controller_port,
            node_port=node_port,
            cpus=os.cpu_count(),
        )
    )
    (folder / "gres.conf").write_text("Name=gpu File=/dev/null\n")
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    srun = folder / "bin" / "srun"
    srun.write_text(SRUN.format(configuration=configuration, srun=shutil.which("srun", path=path)))
    srun.chmod(0o755)
    return {**os.environ, "SLURM_CONF": str(configuration), "PATH": f"{folder}/bin:{path}"}


@contextmanager
def cluster(timeout: float = 300.0) -> Iterator[dict[str, str]]:
    """Start a cluster; gives the environment for its commands, and stops it at the end.

    Raises RuntimeError with the end of the logs if it does not come up within `timeout` seconds.
    """
    with tempfile.TemporaryDirectory(prefix="slurm-") as name:
        folder = Path(name)
        environment = _write_configuration(folder)
        daemons: list[subprocess.Popen[bytes]] = []

        def start(*command: str) -> None:
            with (folder / f"{command[0]}.log").open("wb") as log:
                daemons.append(
                    subprocess.Popen(
                        command, env=environment, stdout=log, stderr=subprocess.STDOUT, cwd=folder
                    )
                )

        def wait(condition: Callable[[], bool]) -> None:
            deadline = time.monotonic() + timeout
            while not condition():
                if time.monotonic() > deadline or any(daemon.poll() for daemon in daemons):
                    logs = [
                        path.read_text(errors="replace")[-2000:] for path in folder.glob("*.log")
                    ]
                    raise RuntimeError("the Slurm cluster did not start:\n" + "\n".join(logs))
                time.sleep(0.2)

        def output(*command: str) -> str:
            return subprocess.run(
                command, env=environment, capture_output=True, text=True
            ).stdout.strip()

        munge = {"socket": "socket", "key-file": "key", "pid-file": "pid", "seed-file": "seed"}
        files = [f"--{option}={folder}/munge.{end}" for option, end in munge.items()]
        try:
            start("munged", "--foreground", "--force", f"--log-file={folder}/munged.log", *files)
            wait((folder / "munge.socket").exists)
            start("slurmctld", "-D")
            start("slurmd", "-D")
            wait(lambda: output("sinfo", "--noheader", "--format=%t") == "idle")
            yield environment
        finally:
            output("scancel", f"--user={getpass.getuser()}")
            deadline = time.monotonic() + 10.0
            while time.monotonic() < deadline and output("squeue", "--noheader"):
                time.sleep(0.2)
            for daemon in reversed(daemons):
                daemon.terminate()
                try:
                    daemon.wait(timeout=10)
                except subprocess.TimeoutExpired:
                    daemon.kill()


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Run a command inside a temporary Slurm cluster of one node with one GPU.",
        epilog="Example: %(prog)s -- sbatch --wait --wrap hostname",
    )
    parser.add_argument("command", nargs="+", help="the command, after --")
    command = parser.parse_args().command
    if reason := missing():
        parser.error(reason)
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    with cluster() as environment:
        print(f"Slurm runs; its commands: SLURM_CONF={environment['SLURM_CONF']}", file=sys.stderr)
        print(f"+ {shlex.join(command)}", file=sys.stderr)
        return subprocess.run(command, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
