"""A database that was set up by hand becomes a cluster where it is: its rows are there, nobody starts it twice, and
whoever gives up half-way starts it as before."""

import json
import random
import shutil
import time

import pytest

from old_servers import OPTIONS, Old, must, run
from waiting import eventually, healthy

REFUSED = 3


@pytest.fixture
def old(fresh):
    """The primary-to-be, running; the file adopts it and seeds a replica from it."""
    server = Old(fresh, "a")
    server.make()
    fresh.tree = adopting(fresh, [server.node_entry(), fresh.entry("b")])
    fresh.write()
    yield server
    fresh.write()
    fresh.must("down", "--destroy", "--confirm=dex", "--yes")
    server.remove()


def adopting(cluster, nodes):
    tree = cluster.changed()
    tree["node"] = nodes
    tree["postgres"]["settings"] = {"shared_buffers": "64MB", **{key: value for key, value in OPTIONS.items()}}
    if cluster.runtime == "process":
        tree["postgres"]["extensions"] = []
    return tree


def count(cluster, node):
    return cluster.psql(node, "SELECT count(*), sum(close) FROM candles")


def system_identifier(cluster, node):
    return cluster.psql(node, "SELECT system_identifier FROM pg_control_system()")


def guid(dataset):
    return must("zfs", "get", "-Hp", "-o", "value", "guid", dataset).strip()


def test_a_running_server_is_taken_over_with_its_rows(fresh, old):
    before = guid(old.dataset)
    unagreed = fresh.run("up", "--yes")
    assert unagreed.returncode == REFUSED and "nobody has agreed" in unagreed.stderr, unagreed.stderr
    assert "up --yes --adopt" in unagreed.stderr, unagreed.stderr
    assert "max_wal_size: 512MB -> 512MB  [command line]" in unagreed.stdout, unagreed.stdout
    assert old.runs(), "nobody agreed, and nothing was done"
    plan = json.loads(fresh.must("plan", "-o", "json").stdout)
    assert plan["adoptions"][0]["running"] and plan["restarts"][0]["node"] == "a", plan
    fresh.up("--adopt")
    assert count(fresh, "a") == "1000|750750.0"
    healthy(fresh)
    assert count(fresh, "b") == "1000|750750.0"
    assert guid(old.dataset) == before and old.data.joinpath("PG_VERSION").exists()
    assert fresh.psql("a", "SHOW wal_keep_size") == "64MB"
    assert "nothing to do" in fresh.must("up", "--yes").stdout
    assert json.loads(fresh.must("plan", "-o", "json").stdout)["adoptions"] == []
    if fresh.runtime == "compose":
        assert not old.compose_file.exists()
        assert old.try_start().returncode != 0, "its Compose file is set aside"
        assert old.host.run("docker", "start", old.name).returncode != 0
        assert fresh.status()["verdict"] == "healthy"
    old.host.reboot()
    eventually(lambda: old.host.run(fresh.program, "node", "start").returncode == 0)
    eventually(lambda: fresh.psql("a", "SELECT 1", check=False).returncode == 0)
    assert count(fresh, "a") == "1000|750750.0"


@pytest.mark.process_only
def test_a_host_must_allow_what_is_adopted(fresh, old):
    config = old.host.dir / "node.toml"
    text = config.read_text()
    try:
        config.write_text(f'prefixes = ["{fresh.entry("a")["prefix"]}"]\ndirectories = ["{old.host.dir}"]\n')
        done = fresh.run("up", "--yes", "--adopt")
        assert done.returncode == REFUSED, done.stderr
        assert f'add "{old.dataset}" to prefixes in {config}' in done.stderr, done.stderr
    finally:
        config.write_text(text)
    checked = json.loads(fresh.run("check", "-o", "json").stdout)["findings"]
    adoption = next(one for one in checked if one["id"] == "adoption" and one["node"] == "a")
    assert adoption["severity"] == "ok" and "is to be adopted" in adoption["evidence"], adoption
    assert old.runs()


@pytest.mark.process_only
def test_what_is_not_fit_to_be_taken_over_is_left_alone(fresh, old):
    def refused(words):
        done = fresh.run("up", "--yes", "--adopt")
        assert done.returncode == REFUSED and words in done.stderr, done.stderr

    for number in range(12):
        old.sql(f"SELECT pg_create_physical_replication_slot('theirs_{number}')", check=number < 10)
    refused("10 replication slots, with those of the file's replicas 11")
    for number in range(10):
        old.sql(f"SELECT pg_drop_replication_slot('theirs_{number}')")
    run(*old.tool("pg_ctl", "-w", "-m", "immediate", "stop"), cwd="/")
    refused("the last one was not shut down")
    old.start()
    old.stop()
    (old.data / "pg_wal").rename(old.data / "wal_aside")
    (old.data / "pg_wal").symlink_to(old.archive)
    refused("outside of what one atomic snapshot holds")
    (old.data / "pg_wal").unlink()
    (old.data / "wal_aside").rename(old.data / "pg_wal")
    version = (old.data / "PG_VERSION").read_text()
    (old.data / "PG_VERSION").write_text("9.6\n")
    refused("is data of PostgreSQL 9.6")
    (old.data / "PG_VERSION").write_text(version)
    hba = (old.data / "pg_hba.conf").read_text()
    (old.data / "pg_hba.conf").write_text("local all all peer\n" + hba)
    refused("'peer' (line 1)")
    (old.data / "pg_hba.conf").write_text(hba)
    old.start()
    assert old.sql("SELECT count(*) FROM candles", "dex_ohlcv").stdout.strip() == "1000"


@pytest.mark.compose_only
def test_a_strangers_container_on_the_data_is_in_the_way(fresh, old, tmp_path):
    """Stopped, and whichever way the directory was given to it."""
    made = old.host.run("docker", "volume", "create", "-o", "type=none", "-o", "o=bind", "-o", f"device={old.home}", "way")
    assert made.returncode == 0, made.stdout
    (tmp_path / "way").symlink_to(old.home)
    try:
        for source in (old.home, "way", tmp_path / "way"):
            made = old.host.run("docker", "create", "--name", "backup", "-v", f"{source}:/all", fresh.facts["image"])
            assert made.returncode == 0, made.stdout
            done = fresh.run("up", "--yes", "--adopt")
            assert done.returncode == REFUSED and "in use by container backup" in done.stderr, (source, done.stderr)
            assert old.runs()
            old.host.run("docker", "rm", "backup")
    finally:
        old.host.run("docker", "rm", "backup")
        old.host.run("docker", "volume", "rm", "way")


def test_given_back_it_starts_as_before(fresh, old):
    fresh.up("--adopt")
    done = fresh.must("down", "--destroy", "--confirm=dex", "--yes")
    assert f"{old.dataset} stays" in done.stdout, done.stdout
    marks = must("zfs", "get", "-H", "-s", "local", "-o", "property", "all", old.dataset)
    assert "dugong:" not in marks, marks
    old.start()
    assert old.sql("SELECT count(*) FROM candles", "dex_ohlcv").stdout.strip() == "1000"
    assert old.sql("SHOW max_wal_size").stdout.strip() == "512MB"


@pytest.mark.process_only
def test_a_setting_that_the_file_lacks_is_not_lost(fresh, old):
    tree = fresh.changed()
    del tree["postgres"]["settings"]["wal_keep_size"]
    fresh.write(tree)
    done = fresh.run("up", "--yes", "--adopt")
    assert done.returncode == REFUSED and 'wal_keep_size = "64MB"' in done.stderr, done.stderr
    assert old.runs()
    fresh.write()


def test_killed_half_way_it_is_given_back(fresh, old):
    for moment in sorted(random.Random(4711).uniform(0.5, 9) for _ in range(4)):
        running = fresh.start("up", "--yes", "--adopt")
        time.sleep(moment)
        running.kill()
        running.communicate()
        time.sleep(2)  # a node's side ends by itself
        fresh.must("down", "--destroy", "--confirm=dex", "--yes")
        if not old.runs():
            old.start()
        assert old.sql("SELECT count(*) FROM candles", "dex_ohlcv").stdout.strip() == "1000", moment


def test_a_replica_made_by_hand_is_adopted_without_a_copy(fresh, old):
    b = Old(fresh, "b")
    try:
        make_replica(fresh, old, b)
        fresh.tree = adopting(fresh, [old.node_entry(), b.node_entry()])
        fresh.write()
        fresh.up("--adopt")
        healthy(fresh)
        fresh.psql("a", "INSERT INTO candles VALUES (1001, 1)")
        eventually(lambda: count(fresh, "b").startswith("1001|"))
        assert "anchor" not in must("zfs", "list", "-H", "-r", "-o", "name", fresh.entry("b")["prefix"]), "nothing was copied"
        fresh.must("down", "--destroy", "--confirm=dex", "--yes")
    finally:
        fresh.write(adopting(fresh, [old.node_entry()]))
        fresh.tree = adopting(fresh, [old.node_entry()])
        b.remove()


def make_replica(cluster, primary, b):
    """The runbook's way: a snapshot, sent and received into a dataset that is then PGDATA."""
    address = cluster.entry("a")["address"]
    primary.sql("CREATE ROLE repl_user REPLICATION LOGIN PASSWORD 'repl'")
    with open(primary.data / "pg_hba.conf", "a") as file:
        file.write(f"host replication repl_user {cluster.entry('b')['address']}/32 scram-sha-256\n")
    primary.sql("SELECT pg_reload_conf()")
    must("zfs", "snapshot", f"{primary.dataset}@replica-init")
    b.make_home()
    must("sh", "-c", f"zfs send {primary.dataset}@replica-init | zfs receive {b.dataset}")
    must("zfs", "set", f"mountpoint={b.data}", b.dataset)
    if run("zfs", "get", "-H", "-o", "value", "mounted", b.dataset).stdout.strip() != "yes":
        must("zfs", "mount", b.dataset)
    (b.data / "postmaster.pid").unlink(missing_ok=True)
    (b.data / "standby.signal").touch()
    with open(b.data / "postgresql.auto.conf", "a") as file:
        file.write(f"primary_conninfo = 'host={address} port=5432 user=repl_user password=repl'\n")
    owner = (b.data / "PG_VERSION").stat()
    shutil.chown(b.data / "standby.signal", owner.st_uid, owner.st_gid)
    b.start()
