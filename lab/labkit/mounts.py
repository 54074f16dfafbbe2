"""What is mounted, and how to take it off when nobody will ever release it."""

import os
import re

from .run import run


def table(kind=None):
    """Pairs (source, mount point), in mount order; of one file system type or of all."""
    with open("/proc/self/mounts") as file:
        rows = [line.split(" ") for line in file]
    return [(row[0], unescape(row[1])) for row in rows if kind in (None, row[2])]


def unescape(path):
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match.group(1), 8)), path)


def below(directory):
    prefix = str(directory) + "/"
    return [target for _, target in table() if target.startswith(prefix)]


def of_pool(pool):
    return [target for source, target in table() if source == pool or source.startswith(pool + "/")]


def share(directory):
    """What is unmounted below it is unmounted in every mount namespace that began with a copy, as where systemd runs.
    Where it does not, `/` is private: any such namespace, of another lab too, would keep a dataset busy."""
    if str(directory) not in (target for _, target in table()):
        run("mount", "--bind", directory, directory)
        run("mount", "--make-shared", directory)


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
