"""A Slurm cluster of one node on this machine, for as long as a `with` block lasts.

It needs Debian's packages slurm-wlm and munge, and root (slurmd starts jobs as other users). Its
configuration is in a folder of its own, named to the commands by SLURM_CONF; the one GPU is a
promise in that file, which is enough for Slurm to hand it out.
"""

import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAMS = ("slurmctld", "slurmd", "munged", "sbatch", "sinfo")

CONFIGURATION = """
ClusterName=zenith
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=batch_sched_delay=0,sched_interval=2
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
JobCompType=jobcomp/filetxt
JobCompLoc={folder}/jobs.txt
MpiDefault=none
GresTypes=gpu
ReturnToService=2
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} Gres=gpu:1 State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> str:
    """Why no cluster can be started here; empty if one can."""
    lacking = [program for program in PROGRAMS if shutil.which(program) is None]
    if lacking:
        return f"{', '.join(lacking)} not installed (Debian: slurm-wlm, munge)"
    return "" if os.geteuid() == 0 else "slurmd needs root"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _write_configuration(folder: Path) -> Path:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    for name in ("state", "spool"):
        (folder / name).mkdir()
    configuration = folder / "slurm.conf"
    configuration.write_text(
        CONFIGURATION.format(
            host=socket.gethostname().split(".")[0],
            folder=folder,
            controller_port=_free_port(),
            node_port=_free_port(),
            cpus=os.cpu_count(),
            memory=memory - 512,
        )
    )
    (folder / "gres.conf").write_text("Name=gpu File=/dev/null\n")
    return configuration


def _munge(folder: Path) -> list[str]:
    """The command of munged, as its own user, which must own its key and its folder."""
    user = pwd.getpwnam("munge")
    place = folder / "munge"
    place.mkdir(mode=0o755)
    key = place / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o400)
    for path in (place, key):
        os.chown(path, user.pw_uid, user.pw_gid)
    options = [f"--{name}={place}/munge.{name.split('-')[0]}" for name in ("socket", "key-file")]
    options += [f"--pid-file={place}/pid", f"--log-file={place}/log", f"--seed-file={place}/seed"]
    return ["runuser", "-u", "munge", "--", "munged", "--foreground", "--force", *options]


@contextmanager
def cluster(folder: Path, timeout: float = 60.0) -> Iterator[dict[str, str]]:
    """Start a cluster; gives the environment for its commands, and stops it at the end.

    `folder` is new, empty, and open to all users along its path. Raises RuntimeError with the
    end of the logs if the node does not come up within `timeout` seconds.
    """
    configuration = _write_configuration(folder)
    environment = {**os.environ, "SLURM_CONF": str(configuration)}
    commands = [_munge(folder), ["slurmctld", "-D"], ["slurmd", "-D"]]
    daemons: list[subprocess.Popen[bytes]] = []
    try:
        with (folder / "daemons.log").open("wb") as log:
            for command in commands:
                daemons.append(
                    subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
                )
                time.sleep(1.0)
        _wait_until_idle(folder, environment, timeout)
        yield environment
    finally:
        for daemon in reversed(daemons):
            daemon.terminate()
        for daemon in daemons:
            try:
                daemon.wait(timeout=10)
            except subprocess.TimeoutExpired:
                daemon.kill()


def _wait_until_idle(folder: Path, environment: dict[str, str], timeout: float) -> None:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        state = subprocess.run(
            ["sinfo", "--noheader", "--format=%t"], env=environment, capture_output=True, text=True
        )
        if state.stdout.strip() == "idle":
            return
        time.sleep(1.0)
    logs = [path.read_text(errors="replace")[-2000:] for path in folder.glob("*.log")]
    raise RuntimeError("the Slurm node did not come up:\n" + "\n".join(logs))
