"""The first promise: one file and one command give a primary and its replicas, streaming, proved."""

import contextlib
import json
import re
import subprocess
import time
from pathlib import Path

import pytest

from foreign_hba import ForeignLines
from leaks import assert_no_password
from processes import environments
from support import EXTENSIONS, Cluster

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


def left_on_the_host(cluster, name):
    """place → text: all that an `up` leaves of a node, save what lies in secrets/."""
    host, entry = cluster.host(name), cluster.entry(name)
    directory = Path(entry["directory"])
    files = [path for pattern in ("*", "data/*.conf", "logs/*") for path in directory.glob(pattern) if path.is_file()]
    found = {str(path): path.read_text(encoding="utf-8", errors="replace") for path in files}
    found[f"properties of {entry['prefix']}"] = marks = cluster.zfs(
        "get", "-Hp", "-r", "-s", "local,received", "-o", "name,property,value", "all", entry["prefix"])
    logs = "".join(text for path, text in found.items() if path.startswith(f"{directory}/logs/"))
    if cluster.runtime == "compose":
        for words in ("inspect", "logs"):
            done = host.run("docker", words, cluster.container(name), encoding="utf-8", errors="replace")
            assert done.returncode == 0, done.stdout
            found[f"docker {words} on {name}"] = done.stdout
        assert "POSTGRES_PASSWORD" not in found[f"docker inspect on {name}"], "only a first start is to know it"
        logs += found[f"docker logs on {name}"]
    given = environments(host)
    found.update({f"environment of {pid} on {name}": text for pid, text in given.items()})
    # It did read them.
    assert "dugong:node" in marks and "ready to accept" in logs and given[cluster.postmaster(name)], found.keys()
    assert "primary_conninfo" in found[f"{directory}/data/postgresql.auto.conf"] or name == "a"
    return found


def test_no_secret_is_anywhere_it_does_not_belong(standing):
    first = standing.first_up
    told = {json.loads(line)["event"] for line in first.stderr.splitlines()}
    assert {"step_started", "step_done"} <= told <= {"step_started", "step_done", "transfer", "wait", "note", "warning"}
    ran = "\n".join(standing.command_lines)
    unseen = [words for words in ("dugong serve", "zfs receive") if words not in ran]
    assert not unseen, unseen  # it did look
    places = {"what up said": first.stdout + first.stderr, "a command line during up": ran}
    for words in (("plan",), ("status",), ("up", "--yes", "-o", "json")):
        done = standing.must(*words)
        places[" ".join(words)] = done.stdout + done.stderr
    for name in "abc":
        places.update(left_on_the_host(standing, name))
    assert_no_password(places)


def test_status_tells_slot_base_and_pinned_space_in_numbers(standing):
    """The hours that a slot covers are a number where the rate of WAL is known: see test_refused.py's watch."""
    a, *replicas = standing.status()["nodes"]
    assert (a["slot"], a["base_age_seconds"], a["lag_kind"]) == (None, None, None), a
    for node in replicas:
        slot = node["slot"]
        assert (slot["name"], slot["active"]) == (f"dugong_{node['name']}", True), slot
        assert slot["wal_status"] in ("reserved", "extended"), slot
        assert_whole(slot["retained_bytes"], below=1 << 30)
        assert slot["hours_covered"] is None or slot["hours_covered"] > 0, slot
        assert_whole(node["base_age_seconds"], below=time.time() - standing.began + 1)
    for node in (a, *replicas):
        assert_whole(node["pinned_bytes"], below=1 << 30)


def assert_whole(value, below):
    assert type(value) is int and 0 <= value < below, (value, below)


def test_up_twice_is_a_no_op_that_says_so(standing):
    assert "nothing to do" in standing.up().stdout
    before = {name: standing.tree_of(name) for name in "abc"}
    standing.up()
    assert {name: standing.tree_of(name) for name in "abc"} == before


PROVED_OF = {
    "abc": ("answers", "settings-in-force", "clock"),
    "a": ("hba-lines", "login-refused", "archive"),
    "bc": ("streaming", "in-recovery", "refuses-writes", "row-arrives", "extensions", "image", "hot-standby-settings",
           "content"),  # content: of the table that was named
}
READINGS = """CREATE TABLE IF NOT EXISTS readings AS SELECT timestamptz '2021-03-01 00:00:00+00' + i * interval '1 hour' AS at, i AS value
FROM generate_series(0, 71) AS i"""
HYPERTABLE = """ALTER TABLE readings ALTER at SET NOT NULL;
SELECT create_hypertable('readings', 'at', chunk_time_interval => interval '1 day', migrate_data => true, if_not_exists => true)"""


@pytest.fixture
def readings(standing):
    """A table of three days long past, a hypertable where there are any; what verify says that it has compared."""
    standing.psql("a", READINGS)
    if standing.runtime == "process":
        return r"public\.readings: 72 rows"
    standing.psql("a", HYPERTABLE)
    return r"public\.readings, chunk _timescaledb_internal\.\S+: 24 rows"  # of the newest, which is closed


def test_verify_proves_every_line(standing, readings):
    report = json.loads(standing.must("verify", "-o", "json", "--table", "public.readings").stdout)
    assert (report["schema_version"], report["cluster"], report["passed"]) == (1, "dex", True), report
    wanted = [(check, node) for nodes, checks in PROVED_OF.items() for node in nodes for check in checks]
    left = [("content", "a", "skipped")]  # verify's own table is a hypertable
    if standing.runtime == "compose":
        wanted, left = wanted + [("content", "b"), ("content", "c")], []
    proved = [(check["id"], check["node"]) for check in report["checks"] if check["outcome"] == "ok"]
    others = [(check["id"], check["node"], check["outcome"]) for check in report["checks"] if check["outcome"] != "ok"]
    assert (sorted(proved), others) == (sorted(wanted), left), report
    compared = [check["node"] for check in report["checks"]
                if check["id"] == "content" and re.match(readings + ", sum -?[0-9]+, equal$", check["evidence"])]
    assert compared == ["b", "c"], report
    extensions = [check["evidence"] for check in report["checks"] if check["id"] == "extensions"]
    assert all(EXTENSIONS[standing.runtime] in evidence for evidence in extensions), extensions


def test_verify_shows_what_it_counts(standing, readings):
    done = standing.must("verify", "--table", "public.readings")
    rows = re.findall(r"(?m)^(ok|failed|skipped) +([abc]) +(\S+) +(.*)$", done.stdout)
    outcomes = [outcome for outcome, *_ in rows]
    counted = ", ".join(f"{outcomes.count(outcome)} {outcome}" for outcome in ("ok", "failed", "skipped"))
    assert done.stdout.splitlines()[-1] == counted and "failed" not in outcomes, done.stdout
    shown = [(outcome, node, check) for outcome, node, check, evidence in rows if re.match(readings + ", ", evidence)]
    assert shown == [("ok", "b", "content"), ("ok", "c", "content")], done.stdout


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
    del tree["postgres"]["settings"]["full_page_writes"]  # not for a dataset that a later test gives small records
    standing.tree = tree
    standing.write()
    standing.up()


def test_hot_standby_settings_are_raised_and_lowered_in_the_right_order(standing):
    for value in ("60", "50"):
        tree = standing.changed()
        tree["postgres"]["settings"]["max_connections"] = int(value)
        standing.write(tree)
        standing.up()
        assert [standing.psql(name, "SHOW max_connections") for name in "abc"] == [value] * 3
        assert standing.psql("b", "SELECT pg_is_wal_replay_paused()") == "f"
        standing.tree = tree


def test_the_other_lines_of_pg_hba_conf_stay_as_they_are(standing):
    lines = ForeignLines(standing)
    standing.up()
    lines.assert_kept("b", "c")
    assert "nothing to do" in standing.up().stdout
    lines.assert_kept("b", "c")


def test_the_snapshot_that_seeded_both_is_one_and_held(standing):
    snapshots = [row for row in standing.tree_of("a") if "@" in row[0]]
    assert len(snapshots) == 1 and snapshots[0][1] == "1", snapshots


@contextlib.contextmanager
def mounts_of_its_own(directory):
    """A service that hears of no unmount; of this machine's datasets it keeps only those below the directory."""
    script = """awk -v keep="$1/" '$3 ~ /zfs/ && index($2, keep) != 1 {print $2}' /proc/mounts | tac | xargs -rn1 umount -l
echo there; exec sleep 600"""
    service = subprocess.Popen(["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "service", directory],
                               stdout=subprocess.PIPE, text=True)
    try:
        assert service.stdout.readline() == "there\n"
        yield service
    finally:
        service.kill()
        service.communicate()


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
        with mounts_of_its_own(directory) as holder:
            refused = other.run("down", "--destroy", "--confirm=guest", "--yes")
            assert refused.returncode == 3 and "is busy" in refused.stderr, refused.stderr
            assert f"still mounted for process {holder.pid} (sleep 600)" in refused.stderr, refused.stderr
    finally:
        other.must("down", "--destroy", "--confirm=guest", "--yes")
        assert not directory.exists()
