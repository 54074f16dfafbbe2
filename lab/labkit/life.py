"""A lab's life: up makes it or heals it, down removes all that carries its name and nothing else."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from . import engine, host as machine, image, model, mounts, net, pools, processes, sshd, zfs_daemon
from .run import LabError, run

DEFAULT_POOL_SIZE = "8G"


def describe(name, hosts, runtime, bin_dir, pool_size, pools_shared):
    """The lab as it is to be: what exists keeps its slot, its pools and, where nothing else is said, its options."""
    if runtime not in (None, *model.RUNTIMES):
        raise LabError(f"'{runtime}' is no runtime: {' or '.join(model.RUNTIMES)}")
    old = model.find(name)
    if old is None:
        return model.Lab(name=name, slot=model.free_slot(), runtime=runtime or "process",
                         bin_dir=str(bin_dir or model.REPOSITORY / "build"), pool_size=pool_size or DEFAULT_POOL_SIZE,
                         pools_shared=bool(pools_shared), host_count=hosts or 2, extra_pools={})
    if pools_shared is not None and pools_shared != old.pools_shared:
        raise LabError(f"lab {name} exists with{'' if old.pools_shared else 'out'} a shared pool: down first")
    old.runtime, old.bin_dir = runtime or old.runtime, str(bin_dir or old.bin_dir)
    old.host_count, old.pool_size = max(hosts or 0, old.host_count), pool_size or old.pool_size
    return old


def up(name, hosts=None, runtime=None, bin_dir=None, pool_size=None, pools_shared=None, say=print):
    model.check_name(name)
    with model.lock(f"lab-{name}"):
        with model.lock("slots"):
            lab = describe(name, hosts, runtime, bin_dir, pool_size, pools_shared)
            lab.save()
        zfs_daemon.ensure()
        template = image.ensure_template(say) if lab.runtime == "compose" else None
        net.make_bridge(lab)
        sshd.generate_key(sshd.client_key(lab))
        if lab.pools_shared:
            machine.boot_pools(lab, lab.hosts[0])
        each(lab.hosts, lambda host: machine.boot(lab, host, template))
        sshd.write_client_files(lab)
        return lab


def each(hosts, action):
    """In parallel; all are finished before the first error is raised."""
    with ThreadPoolExecutor(max_workers=len(hosts)) as workers:
        results = [workers.submit(action, host) for host in hosts]
    for result in results:
        result.result()


@contextmanager
def locked(name):
    """The lab as it is described now, not as the caller knew it."""
    with model.lock(f"lab-{name}"):
        yield model.load(name)


def kill(name, host_name):
    with locked(name) as lab:
        machine.kill(lab, lab.host(host_name))


def boot(name, host_name):
    with locked(name) as lab:
        zfs_daemon.ensure()
        machine.boot(lab, lab.host(host_name), image.ensure_template() if lab.runtime == "compose" else None)


def blackout(name):
    """All hosts at once, disks included: what was not fsynced in the last half minute is lost. Then boot."""
    with locked(name) as lab:
        refuse_blackout_of_others(lab)
        for host in lab.hosts:
            net.set_power(host, on=False)
            machine.end_processes(lab, host)
        zfs_daemon.crash()
        zfs_daemon.ensure()
        each(lab.hosts, lambda host: machine.kill(lab, host))


def refuse_blackout_of_others(lab):
    own = {pool for host in lab.hosts for pool in host.pools}
    others = sorted(set(zfs_daemon.pool_names()) - own)
    if others or zfs_daemon.kernel_has_zfs():
        raise LabError(f"a blackout would hit others: {', '.join(others) or 'the kernel holds the pools'}")


def add_pool(name, host_name, short_name, size):
    """A further pool on one host, for tests of full disks and of two pools."""
    with locked(name) as lab:
        host = lab.host(host_name)
        pool = f"dg{name}_{host_name}_{short_name}"
        zfs_daemon.ensure()
        pools.ensure(host.dir / "pools", pool, size)
        if pool not in host.pools:
            lab.extra_pools.setdefault(host_name, []).append(pool)
            lab.save()
            machine.write_node_policy(lab.host(host_name))
        return pool


def down(name):
    """Works on what is found, not on what is described: also on a lab that was half made."""
    model.check_name(name)
    with model.lock(f"lab-{name}"):
        directory = model.labs_root() / name
        end_everything(name)
        mounts.detach(mounts.below(directory))
        destroy_pools(name, directory)
        for netns in net.namespaces_of(name):
            net.remove(netns)
        processes.remove_cgroups(f"/dugong-lab/{name}")
        run("rm", "-rf", "--one-file-system", directory)
    zfs_daemon.stop_if_idle()
    remove_empty(model.labs_root())


def end_everything(name):
    def find():
        found = set()
        for netns in net.namespaces_of(name):
            found |= processes.of(f"/run/netns/{netns}", f"/dugong-lab/{name}")
        return found
    sockets = processes.unix_sockets(find(), "/run/containerd/s/")
    processes.kill_all(find)
    engine.remove_shim_sockets(sockets)


def destroy_pools(name, directory):
    """Those with the lab's prefix that live in its directory; names of other labs never match."""
    files = list(directory.glob("pools/*.img")) + list(directory.glob("hosts/*/pools/*.img"))
    if files:
        zfs_daemon.ensure()
    for file in files:
        pools.destroy(file.stem, file.parent)


def remove_empty(directory):
    if directory.is_dir() and not any(directory.iterdir()):
        directory.rmdir()


def down_all():
    for name in model.all_names():
        down(name)
