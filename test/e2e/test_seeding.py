"""Replicas in every shape: behind another replica, on the primary's own host and pool, seeded late, added one by one,
stopped, rebooted, given new passwords, cut off, and taken away again."""

import subprocess

import pytest

from conftest import BIN, RUNTIME
from foreign_hba import ForeignLines
from leaks import assert_no_password
from processes import environments
from servers import pg_ctl, run_tool
from support import PASSWORD, Cluster
from waiting import eventually


def streaming(cluster):
    return {node["name"]: node["streaming"] for node in cluster.status()["nodes"] if node["role"] == "replica"}


def log_of_statements(cluster):
    """The primary's; log_statement is on."""
    logs = (cluster.host("a").dir / "a" / "logs").glob("*")
    text = "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in logs)
    assert "statement:" in text or "execute " in text, "the log shows no statements"
    return text


def timed_commits(cluster):
    """What the primary's log has of the commits that a copy times."""
    return [line for line in log_of_statements(cluster).splitlines() if "pg_logical_emit_message(true" in line]


def waits_for_its_first_checkpoint(cluster, node):
    shown = run_tool(cluster, node, "pg_controldata")
    assert "in production" in shown, shown
    return "Minimum recovery ending location:     0/0" not in shown


def promote_by_hand(cluster, node):
    """It comes up as a standby with WAL to replay, so that the checkpoint after the promotion has much to write."""
    directory = cluster.entry(node)["directory"]
    cluster.psql(node, "CREATE TABLE much AS SELECT i, md5(i::text) FROM generate_series(1, 100000) AS i")
    pg_ctl(cluster, node, "-m", "immediate", "stop")
    touched = cluster.host(node).run("runuser", "-u", "postgres", "--", "touch", f"{directory}/data/standby.signal")
    assert touched.returncode == 0, touched.stdout
    pg_ctl(cluster, node, "-l", f"{directory}/logs/by-hand.log", "start")
    assert cluster.psql(node, "SELECT pg_promote()") == "t"


@pytest.mark.process_only
def test_a_primary_that_was_just_promoted_makes_a_checkpoint_before_it_is_copied(fresh):
    """Its control file still has the end of its recovery, and a copy of it would open before it is consistent."""
    tree = fresh.changed()
    tree["postgres"]["settings"]["checkpoint_timeout"] = "1h"  # spread over nearly as long
    fresh.write({**tree, "node": tree["node"][:1]})
    fresh.up()
    promote_by_hand(fresh, "a")
    assert waits_for_its_first_checkpoint(fresh, "a"), "or nothing is shown here"
    fresh.write({**tree, "node": tree["node"][:2]})
    done = fresh.up()
    told = done.stdout + done.stderr
    assert told.index("SQL: checkpoint") < told.index("held and catalogued"), told
    assert not waits_for_its_first_checkpoint(fresh, "a")
    assert [node["timeline"] for node in fresh.status()["nodes"]] == [2, 2] and streaming(fresh) == {"b": True}
    assert fresh.psql("b", "SELECT count(*) FROM much") == "100000"


@pytest.mark.process_only
def test_a_large_database_gets_its_slot_late_and_replicas_can_follow_replicas(fresh):
    tree = fresh.changed()
    tree["seed"] = {"slot_late_above": "1M"}
    tree["postgres"]["settings"]["log_statement"] = "all"
    tree["node"][2]["follows"] = "b"
    fresh.write(tree)
    done = fresh.up()
    told = done.stdout + done.stderr
    first_copy = told.index("receive all of")
    assert first_copy < told.index("create_slot dugong_b") < told.index("create_slot dugong_c"), told
    assert fresh.psql("b", "SELECT slot_name FROM pg_replication_slots", database="postgres") == "dugong_c"
    assert streaming(fresh) == {"b": True, "c": True}
    assert len([row for row in fresh.tree_of("b") if "@" in row[0]]) == 1, "rounds are tidied away"
    timed = timed_commits(fresh)
    assert len(timed) >= 5 and not [line for line in timed if "ERROR" in line], timed
    log = log_of_statements(fresh)
    assert "CREATE ROLE" in log and "SCRAM-SHA-256$" not in log, "a verifier opens the door as well"
    assert_no_password({"the primary's log": log})
    assert "nothing to do" in fresh.up().stdout


@pytest.mark.process_only
def test_a_standby_that_commits_wait_for_may_be_one_that_is_still_to_be_made(fresh):
    tree = fresh.changed()
    tree["postgres"]["settings"] |= {"synchronous_standby_names": "b", "log_statement": "all"}
    tree["seed"] = {"commit_latency": "0"}
    tree["node"] = tree["node"][:2]
    fresh.write(tree)
    fresh.up()
    assert fresh.psql("a", "SELECT application_name, sync_state FROM pg_stat_replication") == "b|sync"
    fresh.must("verify")
    assert timed_commits(fresh) == []


def test_replicas_are_added_one_by_one_and_leave_nothing_when_they_go(fresh):
    everything = fresh.changed()
    fresh.write({**everything, "node": everything["node"][:1]})
    fresh.up()
    fresh.psql("a", "ALTER SYSTEM SET log_min_duration_statement = '1234ms'")
    fresh.write()
    lines = ForeignLines(fresh)
    fresh.must("replica", "add", "c", "--yes")
    lines.assert_kept("b", "c")
    assert fresh.tree_of("b") == []
    assert streaming(fresh).get("c") is True
    assert fresh.psql("c", "SELECT count(*) FROM pg_file_settings WHERE name = 'log_min_duration_statement' "
                           "AND setting = '1234ms' AND sourcefile LIKE '%postgresql.auto.conf'") == "1"
    fresh.must("down", "c", "--destroy", "--confirm=dex")
    assert fresh.tree_of("c") == []
    assert fresh.psql("a", "SELECT count(*) FROM pg_replication_slots") == "0"
    fresh.must("down", "--destroy", "--confirm=dex")
    for name in "abc":
        assert fresh.tree_of(name) == []
        assert not (fresh.host(name).dir / name).exists()


@pytest.mark.process_only
def test_a_replica_on_the_primarys_host_and_pool_with_the_controller_there(lab, tmp_path):
    cluster = Cluster(lab, tmp_path, RUNTIME, BIN, hosts=("h1", "h1", "h2"))
    for entry, port in zip(cluster.tree["node"], (5432, 5433, 5432)):
        entry["port"] = port
        if entry["name"] in "ab":
            del entry["ssh"]
    cluster.write()
    host = lab["h1"]

    def local(*words):
        environment = {**host.environment(), **{key: cluster.environment[key] for key in ("POSTGRES_PASSWORD", "REPL_USER")}}
        return subprocess.run(host.argv(*cluster.argv(*words)), env=environment, capture_output=True, text=True,
                              timeout=300, stdin=subprocess.DEVNULL)

    try:
        done = local("up", "--yes")
        assert done.returncode == 0, done.stderr
        assert local("status").returncode == 0
        assert local("verify").returncode == 0
        given = environments(host)
        assert all(given[cluster.postmaster(name)] for name in "ab")
        assert_no_password({f"environment of {pid}": text for pid, text in given.items()})
    finally:
        assert local("down", "--destroy", "--confirm=dex").returncode == 0


def test_new_passwords_reach_everybody(standing):
    tree = standing.changed()
    secret = standing.directory / "repl.pass"
    old = secret.read_text(encoding="utf-8")
    secret.write_text("another one: \\ 'é'", encoding="utf-8")
    standing.environment["POSTGRES_PASSWORD"] = "new " + PASSWORD
    try:
        standing.up()
        assert standing.psql("a", "SELECT 1", password="new " + PASSWORD) == "1"
        assert "nothing to do" in standing.up().stdout
        # The old connections still stand; only a new one shows that the passfile is right.
        standing.psql("a", "SELECT pg_terminate_backend(pid) FROM pg_stat_replication", password="new " + PASSWORD)
        eventually(lambda: streaming(standing) == {"b": True, "c": True})
    finally:
        secret.write_text(old, encoding="utf-8")
        standing.environment["POSTGRES_PASSWORD"] = PASSWORD
        standing.up()
    assert standing.tree == tree


def test_stopped_and_started_again(standing):
    standing.must("down", "--yes")
    assert standing.run("status").returncode == 1
    standing.up()
    assert standing.status()["verdict"] == "healthy"


def test_a_host_that_lost_its_power_comes_back_with_up(standing):
    standing.host("b").reboot()
    assert standing.node_status("b")["health"] == "down"
    standing.up()
    assert standing.status()["verdict"] == "healthy"


@pytest.mark.process_only
def test_a_replica_that_is_cut_off_never_shows_a_lag_of_zero(standing):
    standing.psql("a", "CREATE TABLE IF NOT EXISTS t(x int)")
    standing.host("b").cut(standing.host("a"))
    try:
        standing.psql("a", "INSERT INTO t SELECT generate_series(1, 10000)")
        eventually(lambda: not standing.node_status("b")["streaming"], seconds=90)
        status = standing.node_status("b")
        assert status["health"] != "healthy" and status["reasons"], status
        assert status["lag_seconds"] != 0 and status["lag_bytes"] != 0, status
        assert status["lag_kind"] != "exact", status
        assert standing.status()["verdict"] == "degraded"
    finally:
        standing.host("b").heal()
    # "streaming" alone would be too early: a receiver says so before it is let in (walreceiver.c: WalReceiverMain).
    standing.psql("a", "INSERT INTO t VALUES (-1)")
    eventually(lambda: standing.psql("b", "SELECT count(*) FROM t WHERE x = -1") == "1")
