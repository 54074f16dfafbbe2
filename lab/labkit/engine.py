"""A Docker engine per host, in the host's network namespace, with containers on the host's own address
(`network_mode: host`). Its images come from a template directory that was filled once: loading them
into every engine would take many seconds each."""

import os
import shutil

from . import mounts, processes
from .faults import in_netns
from .run import LabError, detach, run, tail, wait_until
from .sshd import bare_environment

LAYERS = "overlay2"


def data_root(host):
    return host.dir / "docker"


def exec_root(host):
    return host.dir / "docker-run"


def cgroup(lab, host):
    return f"/dugong-lab/{lab.name}/{host.name}"


def program(name):
    """Debian's packages, not whatever lies in /usr/local."""
    for directory in ("/usr/sbin", "/usr/bin"):
        if os.path.exists(f"{directory}/{name}"):
            return f"{directory}/{name}"
    raise LabError(f"{name} is not installed: run script/bootstrap --lab-compose")


def docker(socket, *argv, **options):
    """The client, told nothing by the caller's own Docker settings."""
    return run(program("docker"), "-H", f"unix://{socket}", *argv,
               env=dict(bare_environment(), DOCKER_BUILDKIT="0", DOCKER_CONFIG="/nonexistent"), **options)


def daemon_command(home, root, group):
    """An engine whose files all lie in `home`; the machine's own daemon.json says nothing about it."""
    (home / "docker.json").write_text("{}\n")
    return [program("dockerd"), "--data-root", root, "--exec-root", home / "docker-run",
            "-H", f"unix://{home}/docker.sock", "--pidfile", home / "docker.pid",
            "--config-file", home / "docker.json", "--bridge=none", "--iptables=false",
            "--ip-forward=false", "--exec-opt", "native.cgroupdriver=cgroupfs", "--cgroup-parent", group,
            "--log-level", "warn"]


def answers(socket):
    return os.path.exists(socket) and docker(socket, "version", check=False).returncode == 0


def is_running(host):
    return processes.read_pid(host.dir / "docker.pid") is not None and answers(host.docker_socket)


def clone_template(template, target):
    """A data-root of its own. The files of the layers are hard links: overlayfs never writes to them."""
    if target.exists():
        return
    partial = target.with_name(target.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    (partial / LAYERS).mkdir(parents=True)
    partial.chmod(0o711)
    for entry in sorted(template.iterdir()):
        if entry.name != LAYERS:
            run("cp", "-a", entry, partial)
    for layer in sorted((template / LAYERS).iterdir()):
        clone_layer(layer, partial / LAYERS / layer.name)
    partial.rename(target)


def clone_layer(layer, target):
    target.mkdir(mode=0o710)
    for entry in sorted(layer.iterdir()):
        same_disk = layer.stat().st_dev == target.stat().st_dev
        run("cp", "-al" if entry.name == "diff" and same_disk else "-a", entry, target)


def clear_runtime_state(host):
    """What a boot of the machine would have cleared: exec-root, socket, pid file."""
    mounts.detach(mounts.below(exec_root(host)) + mounts.below(data_root(host)))
    shutil.rmtree(exec_root(host), ignore_errors=True)
    for name in ("docker.sock", "docker.pid"):
        if (host.dir / name).exists():
            (host.dir / name).unlink()


def await_engine(process, socket, log):
    wait_until(lambda: answers(socket) or process.poll() is not None, 60, "dockerd answers", log)
    if process.poll() is not None:
        raise LabError(f"dockerd ended at once: {tail(log)}")


def start(lab, host):
    if is_running(host):
        return
    clear_runtime_state(host)
    log = host.dir / "docker.log"
    command = daemon_command(host.dir, data_root(host), cgroup(lab, host))
    process = detach(in_netns(host.netns, *command), log, env=bare_environment())
    await_engine(process, host.docker_socket, log)


def remove_shim_sockets(sockets):
    """Container shims put their sockets into a directory of the machine, outside of every exec-root."""
    for path in sockets:
        if os.path.exists(path):
            os.unlink(path)
