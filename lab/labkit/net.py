"""The wires: one network namespace per host and one for the bridge between them, so that the machine's
own routes and interfaces never see the lab."""

import os

from .run import run, succeeds

UPLINK = "eth0"  # the host's only interface; its other end is a bridge port with the host's name


def exists(netns):
    return os.path.exists(f"/run/netns/{netns}")


def add_netns(netns):
    if not exists(netns):
        run("ip", "netns", "add", netns)
        run("ip", "-n", netns, "link", "set", "lo", "up")


def has_link(netns, link):
    return succeeds("ip", "-n", netns, "link", "show", link)


def make_bridge(lab):
    netns = lab.bridge_netns
    add_netns(netns)
    if not has_link(netns, "br0"):
        run("ip", "-n", netns, "-batch", "-", text_in=f"""\
link add br0 type bridge
addr add {lab.bridge_address}/24 dev br0
link set br0 up
""")


def connect(lab, host):
    """Gives the host its namespace and plugs it into the bridge; what is there already stays."""
    add_netns(host.netns)
    if has_link(host.netns, UPLINK):
        return
    # From inside the bridge's namespace: a new link's name must be free where it is asked for (the kernel's
    # rtnl_newlink looks there, whatever namespace is named), and the machine may have an eth0 of its own.
    run("ip", "-n", lab.bridge_netns, "-batch", "-", text_in=f"""\
link add {host.name} type veth peer name {UPLINK} netns {host.netns}
link set {host.name} master br0 up
""")
    run("ip", "-n", host.netns, "-batch", "-", text_in=f"""\
addr add {host.address}/24 dev {UPLINK}
link set {UPLINK} up
route add default via {lab.bridge_address}
""")


def set_power(host, on):
    """The host's own end of its link: down while the host is without power."""
    run("ip", "-n", host.netns, "link", "set", UPLINK, "up" if on else "down")
    if on:
        run("ip", "-n", host.netns, "route", "replace", "default", "via", host.address.rsplit(".", 1)[0] + ".254")


def has_power(host):
    return succeeds("sh", "-c", f"ip -n {host.netns} -o link show {UPLINK} up | grep -q .")


def remove(netns):
    if exists(netns):
        run("ip", "netns", "delete", netns)


def namespaces_of(name):
    """All namespaces that carry the lab's prefix, also those of a lab that was only half made."""
    prefix = f"dg{name}-"
    return sorted(entry for entry in os.listdir("/run/netns") if entry.startswith(prefix)) \
        if os.path.isdir("/run/netns") else []
