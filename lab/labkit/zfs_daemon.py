"""Where the kernel has no ZFS, one zfs-fuse daemon serves the pools of all labs. It dies with whoever
started it unless it has a session of its own, and a dead one leaves mounts that answer "Transport
endpoint is not connected": both are healed here, so that a lab found in that state works again."""

import os
import re

from . import mounts, processes
from .model import labs_root, lock
from .run import detach, run, succeeds, wait_until


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
    if kernel_has_zfs() or answers():
        return
    with lock("zfs-daemon"):
        if answers():
            return
        dead = dead_mounts()
        mounts.detach([target for _, target in dead])
        labs_root().mkdir(parents=True, exist_ok=True)
        log = labs_root() / "zfs-fuse.log"
        detach(["zfs-fuse", "--no-daemon", "--no-kstat-mount"], log)
        wait_until(answers, 20, "zfs-fuse answers", log)
        mount_again(dead)


def pids():
    """The daemon of this mount namespace; one in another namespace has pools of its own."""
    here = processes.identity("/proc/self/ns/mnt")

    def is_daemon(pid):
        try:
            return os.path.basename(os.readlink(f"/proc/{pid}/exe")) == "zfs-fuse" \
                and processes.identity(f"/proc/{pid}/ns/mnt") == here
        except OSError:
            return False
    return [pid for pid in processes.all_pids() if is_daemon(pid)]


def stop_if_idle():
    """The daemon goes when it has no pool left; SIGTERM lets it export what it has."""
    if kernel_has_zfs():
        return
    with lock("zfs-daemon"):
        done = run("zpool", "list", "-H", "-o", "name", check=False)
        if done.returncode != 0 or re.search(r"\S", done.stdout.replace("no pools available", "")):
            return
        for pid in pids():
            os.kill(pid, 15)
        wait_until(lambda: not pids(), 10, "zfs-fuse stops")
        log = labs_root() / "zfs-fuse.log"
        if log.exists():
            log.unlink()
