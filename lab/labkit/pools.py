"""Pools on sparse files: real ZFS without a disk. A pool's life is create, import, export, destroy."""

import time

from . import mounts
from .run import LabError, run, succeeds


def is_imported(pool):
    return succeeds("zpool", "list", "-H", pool)


def backing_file(directory, pool):
    return directory / f"{pool}.img"


def ensure(directory, pool, size):
    """Creates the pool, or imports it where its file is there already. Its root is not mounted."""
    if is_imported(pool):
        return
    file = backing_file(directory, pool)
    if file.exists():
        bring_in(directory, pool)
        return
    directory.mkdir(parents=True, exist_ok=True)
    run("truncate", "-s", size, file)
    run("zpool", "create", "-f", "-m", "none", pool, file)


def bring_in(directory, pool):
    """Imports; ZFS mounts what has canmount=on."""
    if not is_imported(pool):
        run("zpool", "import", "-f", "-d", directory, pool)


def take_out(pool):
    """Exports for a host without power; whoever holds a mount of it is dead already."""
    mounts.detach(mounts.of_pool(pool))
    if is_imported(pool):
        try_while_busy("zpool", "export", pool, otherwise=("zpool", "export", "-f", pool))


def destroy(pool, directory):
    mounts.detach(mounts.of_pool(pool))
    if is_imported(pool):
        try_while_busy("zpool", "destroy", pool, otherwise=("zpool", "destroy", "-f", pool))
    file = backing_file(directory, pool)
    if file.exists():
        file.unlink()


def try_while_busy(*command, otherwise, seconds=5):
    """FUSE lets go of an unmounted dataset a moment later than umount returns."""
    deadline = time.monotonic() + seconds
    while True:
        done = run(*command, check=False)
        if done.returncode == 0:
            return
        if "busy" not in done.stdout or time.monotonic() > deadline:
            break
        time.sleep(0.05)
    last = run(*otherwise, check=False)
    if last.returncode != 0:
        raise LabError(f"{' '.join(command)}: {done.stdout.strip()}; forced: {last.stdout.strip()}")
