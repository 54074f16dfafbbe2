"""One machine's life: boot, power cut, and the environment in which anything on it runs."""

import os
import shutil
from glob import glob

from . import engine, mounts, net, pools, processes, sshd
from .run import LabError

BASE_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


def environment(lab, host):
    """What a login on the host finds, by ssh and by `lab exec` alike."""
    return {
        "PATH": f"{lab.bin_dir}:{BASE_PATH}",
        "DOCKER_HOST": f"unix://{host.docker_socket}",
        "DUGONG_LAB_HOST": host.name,
        "DUGONG_NODE_CONFIG": str(host.node_config),
        "DUGONG_RUN_DIR": str(host.run_dir),
        "DUGONG_STATE_DIR": str(host.state_dir),
        "HOME": str(host.home),  # its own: no login script of the machine's user gets in between
    }


def write_node_policy(host):
    """What dugong may do there: this host's pools and its directory. Written anew with every pool."""
    pools_listed = ", ".join(f'"{pool}"' for pool in host.pools)
    host.node_config.write_text(f'prefixes    = [{pools_listed}]\ndirectories = ["{host.dir}"]\n')


def postgres_bin():
    """Where Debian keeps the servers' programs, newest first; none of them is in anybody's PATH."""
    found = sorted(glob("/usr/lib/postgresql/*/bin/postgres"), key=lambda path: int(path.split("/")[4]), reverse=True)
    return os.path.dirname(found[0]) if found else None


def process_ids(lab, host):
    return processes.of(host.netns_path, engine.cgroup(lab, host))


def boot(lab, host, template):
    """Power on. Everything that runs already stays as it is."""
    net.connect(lab, host)
    host.run_dir.mkdir(parents=True, exist_ok=True)
    host.home.mkdir(exist_ok=True)
    if lab.runtime == "compose":
        engine.clone_template(template, engine.data_root(host))  # by hard links: before a mount lies between
    mounts.share(host.dir)
    boot_pools(lab, host)
    write_node_policy(host)
    if lab.runtime == "compose":
        engine.start(lab, host)
    sshd.start(lab, host, environment(lab, host))
    net.set_power(host, on=True)


def boot_pools(lab, host):
    for pool in host.pools:
        pools.ensure(lab.pool_dir(host, pool), pool, lab.pool_size)


def kill(lab, host):
    """A power cut: first the line goes silent, then every process is gone, then the disks."""
    if net.exists(host.netns):
        net.set_power(host, on=False)
        end_processes(lab, host)
    release_mounts(lab, host)
    shutil.rmtree(host.run_dir, ignore_errors=True)


def end_processes(lab, host):
    sockets = processes.unix_sockets(process_ids(lab, host), "/run/containerd/s/")
    processes.kill_all(lambda: process_ids(lab, host))
    engine.remove_shim_sockets(sockets)


def release_mounts(lab, host):
    """Unmounts what lies below the host's directory and exports the pools that are its alone."""
    mounts.detach(mounts.below(host.dir))
    engine.clear_runtime_state(host)
    for pool in host.pools:
        if not (lab.pools_shared and pool == host.pools[0]):
            pools.take_out(pool)


def is_up(lab, host):
    return net.exists(host.netns) and net.has_power(host) and sshd.is_running(host) \
        and (lab.runtime != "compose" or engine.is_running(host))


def execute(lab, host, argv):
    """Becomes the command, as if it were local on the host. Does not return."""
    if not net.exists(host.netns):
        raise LabError(f"{host.name} is not there: lab/lab up --name {lab.name}")
    os.execvpe("nsenter", ["nsenter", f"--net={host.netns_path}", "--", *argv],
               dict(os.environ, **environment(lab, host)))
