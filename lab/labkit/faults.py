"""Faults of the network that an operator meets: a dead link, two hosts that do not see each other, a
slow line. Each can be undone, and each is silent: packets vanish, nobody is told."""

import re

from .net import UPLINK
from .run import LabError, output, run, succeeds

TABLE = "inet dugong_lab"
CUT_RULES = f"""\
add table {TABLE}
add set {TABLE} cut {{ type ipv4_addr; }}
add chain {TABLE} input {{ type filter hook input priority -300; }}
flush chain {TABLE} input
add rule {TABLE} input ip saddr @cut drop
"""


def in_netns(netns, *argv):
    return ("nsenter", f"--net=/run/netns/{netns}", *argv)


def port(lab, host, state):
    run("ip", "-n", lab.bridge_netns, "link", "set", host.name, state)


def cut(lab, host):
    """Unplugs the host at the bridge: nothing comes in or goes out, ssh neither."""
    port(lab, host, "down")


def cut_pair(host, peer):
    """The two hosts no longer hear each other; everybody else hears both."""
    for here, there in ((host, peer), (peer, host)):
        run(*in_netns(here.netns, "nft", "-f", "-"),
            text_in=CUT_RULES + f"add element {TABLE} cut {{ {there.address} }}\n")


def heal(lab, host):
    port(lab, host, "up")
    run(*in_netns(host.netns, "nft", "delete", "table", *TABLE.split()), check=False)
    for peer in lab.hosts:
        if peer.name != host.name:
            run(*in_netns(peer.netns, "nft", "delete", "element", *TABLE.split(), "cut", "{", host.address, "}"),
                check=False)


def is_cut(lab, host):
    return not succeeds("sh", "-c", f"ip -n {lab.bridge_netns} -o link show {host.name} up | grep -q .")


def cut_from(host):
    """Addresses that the host does not hear."""
    done = run(*in_netns(host.netns, "nft", "list", "set", *TABLE.split(), "cut"), check=False)
    return re.findall(r"\d+\.\d+\.\d+\.\d+", done.stdout) if done.returncode == 0 else []


def parse_rate(text):
    """'20mbit' → bits per second."""
    match = re.fullmatch(r"(\d+)(k|m|g)bit", text)
    if not match:
        raise LabError(f"'{text}' is no rate: a number with kbit, mbit or gbit, or off")
    return int(match.group(1)) * {"k": 10**3, "m": 10**6, "g": 10**9}[match.group(2)]


def line_ends(lab, host):
    """Both directions: what leaves the host, and what the bridge sends towards it."""
    return ((host.netns, UPLINK), (lab.bridge_netns, host.name))


def limit(lab, host, rate):
    for netns, link in line_ends(lab, host):
        if rate == "off":
            run("tc", "-n", netns, "qdisc", "del", "dev", link, "root", check=False)
        else:
            burst = max(64 * 1024, parse_rate(rate) // 8 // 100)  # a kernel tick's worth, or it is slower than asked
            run("tc", "-n", netns, "qdisc", "replace", "dev", link, "root", "tbf",
                "rate", rate, "burst", burst, "latency", "100ms")


def rate_of(lab, host):
    match = re.search(r"tbf .*?rate (\S+)", output("tc", "-n", host.netns, "qdisc", "show", "dev", UPLINK))
    return match.group(1) if match else None
