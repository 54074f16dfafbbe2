"""What a lab looks like, for a person (a table) and for a program (JSON)."""

from . import faults, host as machine, net, pools
from .model import IMAGE, OTHER_IMAGE


def host_facts(lab, host):
    """Where everything of one host is: what a test needs to write a configuration."""
    return {
        "name": host.name, "address": host.address, "dir": str(host.dir), "netns": host.netns,
        "pool": host.pool, "pools": host.pools, "docker_host": f"unix://{host.docker_socket}",
        "run_dir": str(host.run_dir), "node_config": str(host.node_config),
    }


def facts(lab):
    return {
        "name": lab.name, "runtime": lab.runtime, "dir": str(lab.dir), "bin_dir": lab.bin_dir,
        "ssh_config": str(lab.ssh_config), "bridge_netns": lab.bridge_netns, "bridge_address": lab.bridge_address,
        "pools_shared": lab.pools_shared, "image": IMAGE, "other_image": OTHER_IMAGE,
        "postgres_bin": machine.postgres_bin(), "hosts": [host_facts(lab, host) for host in lab.hosts],
    }


def link_state(lab, host):
    if not net.exists(host.netns):
        return "absent"
    if faults.is_cut(lab, host):
        return "cut"
    deaf_to = faults.cut_from(host)
    words = ["cut from " + ",".join(deaf_to)] if deaf_to else []
    rate = faults.rate_of(lab, host)
    return "; ".join(words + ([rate] if rate else [])) or "open"


def row(lab, host):
    state = "up" if machine.is_up(lab, host) else "down"
    shown = [pool if pools.is_imported(pool) else f"({pool})" for pool in host.pools]
    count = len(machine.process_ids(lab, host)) if net.exists(host.netns) else 0
    return (host.name, host.address, state, link_state(lab, host), " ".join(shown), str(count))


def table(lab):
    rows = [("HOST", "ADDRESS", "STATE", "LINK", "POOLS", "PROCESSES")] + [row(lab, host) for host in lab.hosts]
    widths = [max(len(line[column]) for line in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in rows]
    return "\n".join([f"lab {lab.name}: {lab.runtime}, ssh -F {lab.ssh_config}"] + lines)
