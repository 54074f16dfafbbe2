"""What runs on the hosts of a lab and belongs to dugong."""

import os
import re
import time
from pathlib import Path

PATIENCE = 15
# What a run of ours has on a host while it works, and nothing else may have.
WORKERS = re.compile(r"dugong serve|false_peer\.py|\bzfs (send|receive|recv)\b|\bdugong-wal (?!archive)")


def command_lines(namespace=None):
    """pid → words of every process, or of those in one network namespace."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if namespace is None or os.stat(entry / "ns/net").st_ino == namespace:
                found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
    return found


def on(host):
    """pid → words of every process on a host."""
    return command_lines(os.stat(f"/run/netns/{host.argv()[1].rsplit('/', 1)[1]}").st_ino)


def serving(host):
    """The processes of ours on a host: who serves, sends, receives."""
    return {pid: words for pid, words in on(host).items() if WORKERS.search(words)}


def environments(host):
    """pid → environment, as it was given, of every process on a host."""
    found = {}
    for pid in on(host):
        try:
            found[pid] = Path(f"/proc/{pid}/environ").read_bytes().replace(b"\0", b"\n").decode(errors="replace")
        except OSError:
            continue
    return found


def left_over(cluster):
    """On the hosts of the cluster's nodes, and the ssh that leads to them."""
    found, config = {}, cluster.tree["ssh"]["config"]
    for entry in cluster.tree["node"]:
        found.update(serving(cluster.host(entry["name"])))
        found.update({pid: words for pid, words in command_lines().items()
                      if words.startswith("ssh ") and config in words and entry["address"] in words})
    return found


def assert_nothing_left_over(cluster, patience=PATIENCE):
    deadline = time.monotonic() + patience
    while found := left_over(cluster):
        assert time.monotonic() < deadline, found
        time.sleep(0.2)
