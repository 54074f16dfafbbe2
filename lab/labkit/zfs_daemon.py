"""Where the kernel has no ZFS, one zfs-fuse daemon serves the pools of all labs. It dies with whoever
started it unless it has a session of its own, and a dead one leaves mounts that answer "Transport
endpoint is not connected": both are healed here, so that a lab found in that state works again."""

import os
import signal

from . import mounts, processes
from .model import SHARED_RUN_DIR, all_names, lock
from .run import LabError, detach, output, run, succeeds, tail, wait_until

PID_FILE = SHARED_RUN_DIR / "zfs-fuse.pid"
LOG_FILE = SHARED_RUN_DIR / "zfs-fuse.log"


def kernel_has_zfs():
    return os.path.isdir("/sys/module/zfs") or succeeds("sh", "-c", "modprobe -q zfs 2>/dev/null")


def answers():
    return succeeds("zpool", "list", timeout=20)


def dead_mounts():
    """Pairs (dataset, directory) whose daemon is gone."""
    return [(source, target) for source, target in mounts.table("fuse.zfs") if mounts.is_dead(target)]


def mount_again(pairs):
    """A new daemon imports its pools by itself; mounting is ours, also of what has canmount=noauto."""
    for dataset, _ in pairs:
        run("zfs", "mount", dataset, check=False)


def ensure():
    """Makes zfs and zpool answer. Safe to call at any time, from several labs at once."""
    if kernel_has_zfs():
        return
    with lock("zfs-daemon"):
        if not answers():
            start()


def start():
    dead = dead_mounts()
    mounts.detach([target for _, target in dead])
    daemon = detach(["zfs-fuse", "--no-daemon", "--no-kstat-mount"], LOG_FILE)
    PID_FILE.write_text(f"{daemon.pid}\n")
    wait_until(lambda: answers() or daemon.poll() is not None, 20, "zfs-fuse answers", LOG_FILE)
    if daemon.poll() is not None:
        raise LabError(f"zfs-fuse ended at once: {tail(LOG_FILE)}")
    mount_again(dead)


def pool_names():
    return output("zpool", "list", "-H", "-o", "name").replace("no pools available", "").split()


def crash():
    """The daemon dies as in a power cut: its cache is lost, what was fsynced is not. All mounts are dead."""
    with lock("zfs-daemon"):
        pid = processes.read_pid(PID_FILE)
        if pid is None or not is_zfs_fuse(pid):
            raise LabError("zfs-fuse was not started by the lab: it is left alone")
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: processes.read_pid(PID_FILE) is None, 10, "zfs-fuse is dead")
        mounts.detach([target for _, target in dead_mounts()])


def stop_if_idle():
    """The daemon goes with the last lab: if the lab started it and nobody else has a pool in it."""
    with lock("zfs-daemon"):
        pid = processes.read_pid(PID_FILE)
        if pid is None or not is_zfs_fuse(pid) or all_names() or not answers() or pool_names():
            return
        os.kill(pid, signal.SIGKILL)  # without a pool it has nothing to lose, and SIGTERM takes seconds
        wait_until(lambda: processes.read_pid(PID_FILE) is None, 10, "zfs-fuse stops")
        for file in (PID_FILE, LOG_FILE):
            if file.exists():
                file.unlink()


def is_zfs_fuse(pid):
    try:
        return os.path.basename(os.readlink(f"/proc/{pid}/exe")) == "zfs-fuse"
    except OSError:
        return False
