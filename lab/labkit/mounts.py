"""What is mounted, and how to take it off when nobody will ever release it."""

import os

from .run import run


def table():
    """Pairs (source, mount point), in mount order."""
    pairs = []
    with open("/proc/self/mounts") as file:
        for line in file:
            source, target = line.split(" ")[:2]
            pairs.append((source, target.encode().decode("unicode_escape")))
    return pairs


def below(directory):
    prefix = str(directory) + "/"
    return [target for _, target in table() if target.startswith(prefix)]


def of_pool(pool):
    return [target for source, target in table() if source == pool or source.startswith(pool + "/")]


def detach(targets):
    """Lazily and deepest first: the name is free at once, whoever still holds it."""
    for target in reversed(targets):
        run("umount", "-l", target, check=False)


def is_dead(target):
    """True for a mount whose daemon is gone."""
    try:
        os.statvfs(target)
        return False
    except OSError as error:
        return error.errno in (107, 103)  # ENOTCONN, ECONNABORTED
