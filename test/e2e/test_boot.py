"""A machine that comes back, and a node that must not: `dugong node start` as systemd runs it, and the fence against
everybody who starts a server by habit."""

import json
import time

import pytest
from conftest import RUNTIME
from servers import pg_ctl, tool
from waiting import eventually, healthy

REFUSED, NOT_YET = 3, 5


def node_start(cluster, node, *words):
    return cluster.host(node).run(cluster.program, "node", "start", *words)


def comes_back(cluster, node):
    """As systemd has it started: again and again while it may come yet. What the last said."""
    deadline = time.monotonic() + 60
    while (done := node_start(cluster, node)).returncode == NOT_YET and time.monotonic() < deadline:
        time.sleep(1)
    assert done.returncode == 0, done.stdout
    return done.stdout


def metrics(cluster, node):
    return (cluster.host(node).dir / "state" / "metrics" / f"boot-dex.{node}.prom").read_text()


def dataset(cluster, node):
    return cluster.entry(node)["prefix"] + "/live-0"


def data(cluster, node):
    return cluster.host(node).dir / node / "data"


def is_mounted(cluster, node):
    return cluster.zfs("get", "-Hp", "-o", "value", "mounted", dataset(cluster, node)).strip() == "yes"


def answers(cluster, node):
    return cluster.psql(node, "SELECT 1", database="postgres", check=False).returncode == 0


@pytest.mark.process_only
def test_an_old_primary_stays_down_while_another_leads(fresh):
    fresh.up()
    fresh.host("a").kill()
    assert fresh.psql("b", "SELECT pg_promote()") == "t"
    fresh.host("a").boot()
    done = node_start(fresh, "a")
    assert done.returncode == REFUSED, done.stdout
    assert "would be a second primary" in done.stdout and "takes writes" in done.stdout, done.stdout
    assert 'outcome="another-leads"} 1' in metrics(fresh, "a")
    assert not answers(fresh, "a")
    # Nor does it come back by way of a fence that is taken away.
    fresh.must("fence", "a", "--yes")
    refused = fresh.run("unfence", "a", "--yes")
    assert refused.returncode == REFUSED and "b leads now" in refused.stderr, refused.stderr


@pytest.mark.process_only
def test_a_primary_without_an_answer_waits_or_starts_as_the_file_says(fresh):
    fresh.up()
    a, b, c = (fresh.host(node) for node in "abc")
    a.reboot()
    for other in (b, c):
        a.cut(other)
    try:
        done = node_start(fresh, "a")
        assert done.returncode == NOT_YET and "whether another took over is not known" in done.stdout, done.stdout
        assert 'outcome="peers-silent"} 1' in metrics(fresh, "a") and not answers(fresh, "a")
        a.heal()
        a.cut(b)
        one = node_start(fresh, "a")
        assert one.returncode == NOT_YET and "c (" not in one.stdout, "c answered: " + one.stdout
        eventually(lambda: node_start(fresh, "a", "--without=b").returncode == 0)
    finally:
        a.heal()
    fresh.write({**fresh.tree, "boot": "start"})
    fresh.up()
    a.reboot()
    for other in (b, c):
        a.cut(other)
    try:
        assert 'as boot = "start" says' in comes_back(fresh, "a")
        eventually(lambda: answers(fresh, "a"))
    finally:
        a.heal()


@pytest.mark.process_only
def test_a_fenced_primary_that_is_started_after_all_takes_no_writes(fresh):
    fresh.write({**fresh.tree, "node": fresh.tree["node"][:1]})
    fresh.up()
    fresh.must("fence", "a", "--yes")
    name = dataset(fresh, "a")
    fresh.zfs("set", "canmount=noauto", name)
    fresh.zfs("mount", name)
    pg_ctl(fresh, "a", "-l", str(fresh.host("a").dir / "a/logs/by-hand.log"), "start")
    assert fresh.psql("a", "SELECT pg_is_in_recovery()") == "t"
    done = fresh.psql("a", "CREATE TABLE t()", check=False)
    assert done.returncode != 0 and "read-only" in done.stderr, done.stderr
    fresh.must("fence", "a", "--yes")
    assert not answers(fresh, "a") and not is_mounted(fresh, "a")
    fresh.must("unfence", "a", "--yes")
    fresh.up()
    assert fresh.psql("a", "SELECT pg_is_in_recovery()") == "f"


def test_hosts_that_lost_their_power_come_back_without_a_controller(standing):
    for node in "ab":
        standing.host(node).reboot()
        assert not answers(standing, node), "Docker must start nothing"
        assert f"dex.{node}: started" in comes_back(standing, node)
        assert 'outcome="started"} 1' in metrics(standing, node)
        again = node_start(standing, node)
        assert again.returncode == 0 and f"dex.{node}: running" in again.stdout, again.stdout
    healthy(standing)
    assert "nothing to do" in standing.must("up", "--yes").stdout


@pytest.mark.process_only
def test_what_is_not_there_or_not_right_is_not_started_and_nothing_is_initialised(standing):
    b = standing.host("b")
    b.kill()
    b.boot()
    if is_mounted(standing, "b"):
        standing.zfs("unmount", dataset(standing, "b"))
    before = sorted(path.name for path in data(standing, "b").iterdir()) if data(standing, "b").exists() else []
    prefix = standing.entry("b")["prefix"]
    cases = [
        ({"dugong:state": "received"}, dataset(standing, "b"), "unfinished", REFUSED),
        ({"dugong:node": "c"}, prefix, "not-ours", REFUSED),
        ({"canmount": "off"}, dataset(standing, "b"), "not-mountable", REFUSED),
        ({"mountpoint": str(b.dir / "elsewhere")}, dataset(standing, "b"), "elsewhere", REFUSED),
    ]
    for changes, name, code, exit_code in cases:
        for key, value in changes.items():
            was = standing.zfs("get", "-Hp", "-o", "value", key, name).strip()
            standing.zfs("set", f"{key}={value}", name)
            try:
                done = node_start(standing, "b")
                assert done.returncode == exit_code, (code, done.stdout)
                assert f'outcome="{code}"}} 1' in metrics(standing, "b"), (code, done.stdout)
                assert "left:  nothing was started" in done.stdout and "next:  " in done.stdout, done.stdout
            finally:
                standing.zfs("set", f"{key}={was}", name)
    now = sorted(path.name for path in data(standing, "b").iterdir()) if data(standing, "b").exists() else []
    assert now == before and "PG_VERSION" not in now, "the mount point is as it was"
    record = b.dir / "b" / "boot.json"
    text = record.read_text()
    record.write_text(text.replace(json.loads(text)["system_identifier"], "4711"))
    done = node_start(standing, "b")
    assert done.returncode == REFUSED and "is system 4711" in done.stdout, done.stdout
    record.write_text("{")
    assert "cannot be used: it is not JSON" in node_start(standing, "b").stdout
    record.unlink()
    assert node_start(standing, "b").returncode == NOT_YET
    record.write_text(text)
    comes_back(standing, "b")
    healthy(standing)


@pytest.mark.process_only
def test_a_node_that_was_stopped_by_hand_stays_so(standing):
    standing.must("down", "c", "--yes")
    standing.host("c").reboot()
    done = node_start(standing, "c")
    assert done.returncode == 0 and "no node is to be started here" in done.stdout, done.stdout
    assert node_start(standing, "c", "dex.c").returncode == 2
    standing.up()
    healthy(standing)


def starts_by_habit(cluster, node):
    """Everything that somebody at a keyboard would try; what it printed."""
    host, directory = cluster.host(node), cluster.host(node).dir / node
    if RUNTIME == "process":
        return [host.run(*tool(cluster, node, "pg_ctl", "-w", "-t", "5", "start"), cwd="/")]
    compose = ["docker-compose"] if host.run("which", "docker-compose").returncode == 0 else ["docker", "compose"]
    return [host.run("docker", "start", cluster.container(node)),
            host.run(*compose, "-f", str(directory / "docker-compose.yaml"), "up", "-d"),
            host.run(*compose, "-f", str(directory / "docker-compose.yaml"), "start")]


@pytest.mark.parametrize("node", ["a", "b"])
def test_a_fence_holds_against_everybody(standing, node):
    shown = standing.must("fence", node, "--dry-run").stdout
    assert "stop PostgreSQL" in shown and "unmount" in shown, shown
    assert answers(standing, node), "a dry run does nothing"
    standing.must("fence", node, "--yes")
    for _ in range(2 if node == "a" else 1):  # as it is, and after a reboot
        assert not answers(standing, node) and not is_mounted(standing, node)
        assert not data(standing, node).exists() or not list(data(standing, node).iterdir())
        for attempt in starts_by_habit(standing, node):
            print(attempt.returncode, attempt.stdout)
        time.sleep(2)
        assert not answers(standing, node)
        if RUNTIME == "compose":
            assert standing.container(node) not in standing.host(node).run("docker", "ps", "--format", "{{.Names}}").stdout
        done = node_start(standing, node)
        assert done.returncode == REFUSED and f"dex.{node} is fenced since " in done.stdout, done.stdout
        refused = standing.run("up", "--yes")
        assert refused.returncode == REFUSED and f"`dugong unfence {node}`" in refused.stderr, refused.stderr
        assert 'outcome="fenced"} 1' in metrics(standing, node)
        standing.host(node).reboot()
    shown = standing.node_status(node)
    assert shown["health"] == "down" and shown["fenced"]["was_primary"] is (node == "a"), shown
    assert shown["reasons"][0].startswith("is fenced since "), shown
    assert "nothing to do" in standing.must("fence", node, "--yes").stdout
    standing.must("unfence", node, "--yes")
    assert not answers(standing, node), "it stays stopped"
    if node == "b":
        assert f"dex.{node}: started" in comes_back(standing, node), "a boot needs no `up` before it"
    standing.up()
    healthy(standing)
    if RUNTIME == "process" and node == "b":
        assert (data(standing, "b") / "standby.signal").exists()
