"""The first promise: one file and one command give a primary and its replicas, streaming, proved."""

import json
import re
import time
from pathlib import Path

from support import Cluster

SETTINGS_OF_THE_RUNBOOK = {
    "max_parallel_workers": "16", "max_worker_processes": "24", "max_pred_locks_per_transaction": "256",
    "statement_timeout": "180min", "idle_in_transaction_session_timeout": "3600000", "full_page_writes": "off",
    "synchronous_commit": "off", "wal_level": "replica", "max_wal_senders": "10", "wal_keep_size": "64MB",
}
# PostgreSQL spells the first two otherwise; dugong's own connection has the other two from itself.
SEEN_BY_A_CLIENT = {"search_path": "public", "client_encoding": "UTF8"}
SETTINGS_SHOWN_OTHERWISE = {"timezone": "UTC", "datestyle": "ISO, DMY", **SEEN_BY_A_CLIENT}


def test_up_builds_streaming_replicas(standing):
    status = standing.status()
    assert (status["schema_version"], status["cluster"], status["verdict"]) == (1, "dex", "healthy"), status
    by_name = {node["name"]: node for node in status["nodes"]}
    assert [by_name[name]["role"] for name in "abc"] == ["primary", "replica", "replica"]
    for name in "bc":
        assert by_name[name]["streaming"] and by_name[name]["read_only"]
    assert len({node["system_identifier"] for node in status["nodes"]}) == 1
    assert all(isinstance(node["system_identifier"], str) and isinstance(node["lsn"], str) for node in status["nodes"])


def test_up_twice_is_a_no_op_that_says_so(standing):
    assert "nothing to do" in standing.up().stdout
    before = {name: standing.tree_of(name) for name in "abc"}
    standing.up()
    assert {name: standing.tree_of(name) for name in "abc"} == before


def test_verify_proves_every_line(standing):
    done = standing.must("verify")
    assert "failed" not in done.stdout.lower().split("0 failed")[0] or "0 failed" in done.stdout, done.stdout
    report = json.loads(standing.must("verify", "-o", "json").stdout)
    assert {check["outcome"] for check in report["checks"]} <= {"ok", "skipped"}, report


def test_a_row_written_on_the_primary_is_read_on_every_replica(standing):
    standing.psql("a", "CREATE TABLE IF NOT EXISTS t(x int); INSERT INTO t VALUES (42)")
    lsn = standing.psql("a", "SELECT pg_current_wal_lsn()")
    for name in "bc":
        for _ in range(100):
            if standing.psql(name, f"SELECT pg_last_wal_replay_lsn() >= '{lsn}'") == "t":
                break
            time.sleep(0.1)
        assert standing.psql(name, "SELECT count(*) > 0 FROM t WHERE x = 42") == "t"
        refused = standing.psql(name, "SET default_transaction_read_only = off; BEGIN READ WRITE", check=False)
        assert "cannot set transaction read-write mode during recovery" in refused.stderr


def test_every_setting_of_the_file_is_in_force_from_dugong_conf(standing):
    tree = standing.changed()
    tree["postgres"]["settings"].update(SETTINGS_OF_THE_RUNBOOK)
    tree["postgres"]["settings"].update(SETTINGS_SHOWN_OTHERWISE)
    standing.write(tree)
    plan = standing.must("plan")
    assert re.search(r"\+ synchronous_commit = 'off'", plan.stdout), plan.stdout
    standing.up()
    names = ", ".join(f"'{name}'" for name in tree["postgres"]["settings"] if name not in SEEN_BY_A_CLIENT)
    for name in "abc":
        rows = standing.psql(name, f"SELECT name, source, sourcefile, pending_restart FROM pg_settings "
                             f"WHERE lower(name) IN ({names})")
        assert len(rows.splitlines()) == names.count(",") + 1, rows
        for row in rows.splitlines():
            setting, source, file, pending = row.split("|")
            assert source == "configuration file" and file.endswith("/dugong.conf") and pending == "f", (name, row)
    assert standing.psql("b", "SHOW max_worker_processes") == "24"
    assert "nothing to do" in standing.up().stdout
    standing.tree = tree


def test_hot_standby_settings_are_raised_and_lowered_in_the_right_order(standing):
    for value in ("60", "50"):
        tree = standing.changed()
        tree["postgres"]["settings"]["max_connections"] = int(value)
        standing.write(tree)
        standing.up()
        assert [standing.psql(name, "SHOW max_connections") for name in "abc"] == [value] * 3
        assert standing.psql("b", "SELECT pg_is_wal_replay_paused()") == "f"
        standing.tree = tree


def test_no_secret_is_anywhere_it_does_not_belong(standing):
    password, replication = standing.environment["POSTGRES_PASSWORD"], standing.environment["POSTGRES_PASSWORD"] + "2"
    shown = standing.must("plan").stdout + standing.must("status").stdout
    for name in "abc":
        host, entry = standing.host(name), standing.entry(name)
        files = host.run("sh", "-c", f"cat {entry['directory']}/*.yaml {entry['directory']}/data/*.conf "
                         "/proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '", errors="replace").stdout
        assert "primary_conninfo" in files or name == "a"  # it did read them
        shown += files
    assert password not in shown and replication not in shown


def test_the_snapshot_that_seeded_both_is_one_and_held(standing):
    snapshots = [row for row in standing.tree_of("a") if "@" in row[0]]
    assert len(snapshots) == 1 and snapshots[0][1] == "1", snapshots


def test_down_destroy_takes_away_what_dugong_made_and_nothing_else(lab, standing, tmp_path):
    """Beside the standing cluster another one of a single node, in a directory that somebody uses too."""
    other = Cluster(lab, tmp_path, standing.runtime, standing.binaries)
    other.tree["cluster"] = "guest"
    other.tree["postgres"]["port"] = 5477
    other.tree["node"] = other.tree["node"][:1]
    entry = other.tree["node"][0]
    entry["prefix"] += "-guest"
    entry["directory"] += "-guest"
    other.write()
    directory = Path(entry["directory"])
    directory.mkdir()
    theirs = directory / "docker-compose.yaml"
    theirs.write_text("services: {}\n", encoding="utf-8")
    try:
        refused = other.run("up", "--yes")
        assert refused.returncode == 3 and "carries no mark of dugong" in refused.stderr, refused.stderr
        assert theirs.read_text(encoding="utf-8") == "services: {}\n"
        theirs.unlink()
        other.up()
        (directory / "notes.txt").write_text("theirs", encoding="utf-8")
        done = other.must("down", "--destroy", "--confirm=guest", "--yes")
        assert "notes.txt" in done.stdout, done.stdout
        assert [path.name for path in directory.iterdir()] == ["notes.txt"]
        assert entry["prefix"] not in other.zfs("list", "-H", "-o", "name").split()
        (directory / "notes.txt").unlink()
        directory.rmdir()
        other.up()
    finally:
        other.must("down", "--destroy", "--confirm=guest", "--yes")
        assert not directory.exists()
