"""Which processes are a host's: those in its network namespace, their descendants (a container may have
a namespace of its own) and those in its control groups. Nothing is ever looked up by its name."""

import glob
import os
import signal
import time

from .run import LabError


def all_pids():
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]


def identity(path):
    try:
        status = os.stat(path)
        return status.st_dev, status.st_ino
    except OSError:
        return None


def parent_of(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return int(file.read().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def is_zombie(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def in_netns(netns_path):
    wanted = identity(netns_path)
    return {pid for pid in all_pids() if wanted and identity(f"/proc/{pid}/ns/net") == wanted}


def in_cgroup(group):
    def is_member(pid):
        try:
            with open(f"/proc/{pid}/cgroup") as file:
                return f":{group}/" in file.read().replace("\n", "/\n")
        except OSError:
            return False
    return {pid for pid in all_pids() if is_member(pid) and not is_zombie(pid)}


def with_descendants(pids):
    found, parents = set(pids), {pid: parent_of(pid) for pid in all_pids()}
    while True:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        if not more:
            return found
        found |= more


def ours_and_above():
    """This process and its ancestors: they command the lab and are never a part of it."""
    chain, pid = set(), os.getpid()
    while pid > 1:
        chain.add(pid)
        pid = parent_of(pid)
    return chain


def of(netns_path, group):
    members = with_descendants(in_netns(netns_path)) | in_cgroup(group)
    return {pid for pid in members if not is_zombie(pid)} - ours_and_above()


def kill_all(find, seconds=15):
    """SIGKILL until find() comes back empty: what forks meanwhile is found in the next round."""
    deadline = time.monotonic() + seconds
    pids = find()
    while pids:
        if time.monotonic() > deadline:
            raise LabError(f"still alive after SIGKILL for {seconds} s: {sorted(pids)}")
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.01)
        pids = find()


def read_pid(path):
    """The process that a pid file names, if it lives."""
    try:
        with open(path) as file:
            pid = int(file.read())
        return None if is_zombie(pid) else pid
    except (OSError, ValueError):
        return None


def remove_cgroups(group):
    """The empty directories that containers leave in every hierarchy, deepest first."""
    for top in glob.glob(f"/sys/fs/cgroup{group}") + glob.glob(f"/sys/fs/cgroup/*{group}"):
        for directory in [path for path, _, _ in os.walk(top, topdown=False)] + [os.path.dirname(top)]:
            try:
                os.rmdir(directory)
            except OSError:
                pass  # another lab's, or of a process that its parent has not yet buried


def unix_sockets(pids, prefix):
    """Paths of the sockets bound in the namespaces of these processes."""
    found = set()
    for pid in pids:
        try:
            with open(f"/proc/{pid}/net/unix") as file:
                found |= {path for path in (line.rstrip("\n").split(" ")[-1] for line in file) if path.startswith(prefix)}
        except OSError:
            pass
    return found
