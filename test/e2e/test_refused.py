"""What dugong must not touch: exit 3, the node, what to do about it, and every dataset, file, server and slot as before.
Why each of them is refused is proved beside src/cluster/judge_ground; here, that the real tools show it that way."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from conftest import BIN, RUNTIME
from servers import pg_ctl, tool
from support import Cluster
from waiting import eventually

UP = ("up", "--yes")
ADD_C = ("replica", "add", "c", "--yes")


@pytest.fixture(scope="module")
def pair(lab, tmp_path_factory):
    """A cluster of which a (primary) and b stream; its file also has c, of which nothing is there yet."""
    cluster = Cluster(lab, tmp_path_factory.mktemp("pair"), RUNTIME, BIN)
    cluster.write({**cluster.tree, "node": cluster.tree["node"][:2]})
    cluster.up()
    cluster.write()
    yield cluster
    cluster.destroy_all()


@pytest.fixture(scope="module")
def bare(lab, tmp_path_factory):
    """Another cluster's file for the same hosts, and nothing of it there: whatever it meets is not its own."""
    cluster = Cluster(lab, tmp_path_factory.mktemp("bare"), RUNTIME, BIN)
    cluster.tree["cluster"] = "bare"
    cluster.tree["postgres"]["port"] = 5499
    for entry in cluster.tree["node"]:
        entry["prefix"] += "-bare"
        entry["directory"] += "-bare"
    cluster.write()
    return cluster


@contextlib.contextmanager
def written(cluster, tree):
    """The cluster file says something else for a while."""
    cluster.write(tree)
    try:
        yield
    finally:
        cluster.write()


@contextlib.contextmanager
def dataset(cluster, name, **properties):
    options = [word for key, value in properties.items() for word in ("-o", f"{key.replace('__', ':')}={value}")]
    cluster.zfs("create", *options, name)
    try:
        yield name
    finally:
        eventually(lambda: subprocess.run(["zfs", "destroy", "-r", name], capture_output=True).returncode == 0)


@contextlib.contextmanager
def process(started):
    """Ends it with everything that it started."""
    try:
        yield started
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGKILL)
        started.communicate()


def told(done):
    """The parts of the one error that a run ends with."""
    text = re.search(r"(?ms)^dugong: (?!.*^dugong: ).*", done.stderr).group()
    parts = dict(re.findall(r"(?ms)^(?:  )?(dugong|where|left|next): +(.*?)(?=\n(?:  )?(?:where|left|next): |\Z)", text))
    return {key: " ".join(value.split()) for key, value in parts.items()}


def refused(cluster, *verb, where, says, then, within=20):
    """`verb` is refused: it names `where`, `says` why and what comes `then`, in time, and nothing has changed."""
    before = cluster.footprint()
    began = time.monotonic()
    done = cluster.run(*verb, timeout=60)
    took = time.monotonic() - began
    assert done.returncode == 3, (done.returncode, done.stdout, done.stderr)
    error = told(done)
    assert error["dugong"].startswith("refused: "), done.stderr
    assert error["where"] == where and error["left"] == "nothing was changed", done.stderr
    assert says in error["dugong"], (says, done.stderr)
    assert then in error["next"], (then, done.stderr)
    assert took < within, (took, done.stderr)
    after = cluster.footprint()
    assert after == before, {key: (before.get(key), after.get(key)) for key in {*before, *after}
                             if before.get(key) != after.get(key)}
    return done


# --- what is in the way on a host ------------------------------------------------------------------------------------


@pytest.mark.process_only
def test_a_port_in_use(bare):
    listen = "import socket; s = socket.create_server(('0.0.0.0', 5499)); print('listens', flush=True); s.accept()"
    with process(bare.host("b").start("/usr/bin/python3", "-c", listen, stdout=subprocess.PIPE,
                                      start_new_session=True)) as listener:
        assert listener.stdout.readline() == b"listens\n"
        refused(bare, *UP, where="b", says="port 5499 is in use on", then="ss -ltnp")


def with_two(cluster, **postgres):
    """The file without c, and with something else under [postgres]."""
    return {**cluster.tree, "postgres": {**cluster.tree["postgres"], **postgres}, "node": cluster.tree["node"][:2]}


# PostgreSQL says the same of it as of a value that waits for a restart.
def test_a_value_that_the_server_does_not_take(pair):
    started = pair.psql("a", "SELECT pg_postmaster_start_time()")
    settings = pair.tree["postgres"]["settings"]
    try:
        # The second one takes the place of a good one; both would only be found out by a start.
        for changed in ({"wal_buffers": "-5"}, {"shared_buffers": "1kB"}):
            pair.write(with_two(pair, settings={**settings, **changed}))
            done = pair.run(*UP, timeout=60)
            assert done.returncode == 3, (done.stdout, done.stderr)
            error = told(done)
            assert f"{next(iter(changed))}: setting could not be applied" in error["dugong"], done.stderr
            assert error["left"] == "it goes on with what it had, but would not start again", done.stderr
            done = pair.run("verify", timeout=120)
            assert done.returncode != 0, done.stdout
            assert "the server would not start again with it" in done.stdout + done.stderr, (done.stdout, done.stderr)
        assert pair.psql("a", "SELECT pg_postmaster_start_time()") == started
    finally:
        pair.write(with_two(pair))
        pair.up()
        pair.write()
    assert pair.psql("a", "SELECT pg_postmaster_start_time()") == started


@pytest.mark.process_only
def test_a_role_that_may_not_replicate(pair):
    pair.psql("a", 'ALTER ROLE "repl user" NOREPLICATION')
    try:
        with written(pair, with_two(pair)):
            refused(pair, *UP, where="a", says="the role repl user exists, but it is NOREPLICATION",
                    then='ALTER ROLE "repl user" LOGIN REPLICATION')
    finally:
        pair.psql("a", 'ALTER ROLE "repl user" REPLICATION')


@pytest.mark.process_only
def test_a_new_port_in_use(pair):
    listen = "import socket; s = socket.create_server(('0.0.0.0', 5498)); print('listens', flush=True); s.accept()"
    with process(pair.host("a").start("/usr/bin/python3", "-c", listen, stdout=subprocess.PIPE,
                                      start_new_session=True)) as listener:
        assert listener.stdout.readline() == b"listens\n"
        with written(pair, with_two(pair, port=5498)):
            refused(pair, *UP, where="a", says="port 5498 is in use on", then="ss -ltnp")


@pytest.mark.process_only
@pytest.mark.parametrize("marks, says", [
    ({}, "carries no mark of dugong"),
    ({"dugong__cluster": "dex", "dugong__node": "b", "dugong__role": "parent"}, "node 'b' of cluster 'dex'"),
    ({"dugong__cluster": "bare", "dugong__node": "c", "dugong__role": "parent"}, "node 'c' of cluster 'bare'"),
], ids=["unmarked", "another cluster's", "another node's"])
def test_a_prefix_that_is_not_ours(bare, marks, says):
    with dataset(bare, bare.entry("b")["prefix"], mountpoint="none", **marks):
        refused(bare, *UP, where="b", says=says, then="choose another prefix for node 'b'")


@pytest.mark.process_only
def test_a_prefix_that_is_a_whole_pool(bare):
    tree = bare.changed()
    pool = bare.host("b").pool
    tree["node"][1]["prefix"] = pool
    with written(bare, tree):
        refused(bare, *UP, where="b", says=f"prefix {pool} is a whole pool", then=f'write prefix = "{pool}/bare"')


@pytest.mark.process_only
def test_a_mark_that_is_only_inherited_makes_nothing_ours(bare):
    prefix = bare.entry("b")["prefix"]
    with dataset(bare, prefix, mountpoint="none", dugong__cluster="bare", dugong__node="b", dugong__role="parent"):
        with dataset(bare, f"{prefix}/live-0"):
            refused(bare, *UP, where="b", says=f"{prefix}/live-0 exists but carries no mark", then="rename or destroy it")


@pytest.mark.process_only
def test_a_symlink_in_the_place_of_a_nodes_directory(bare, tmp_path):
    directory, loot = Path(bare.entry("b")["directory"]), tmp_path / "loot"
    loot.mkdir()
    directory.symlink_to(loot)
    try:
        refused(bare, *UP, where="b", says=f"look at {directory}/.dugong: a symbolic link is in the way",
                then=f"name it by its real path: readlink -m {directory}")
        assert not list(loot.iterdir())
    finally:
        directory.unlink()


@pytest.mark.process_only
def test_a_data_directory_with_something_in_it(bare):
    directory = bare.host("b").dir / "b-bare"
    (directory / "data").mkdir(parents=True)
    (directory / "data" / "PG_VERSION").write_text("15\n")
    try:
        refused(bare, *UP, where="b", says=f"{directory} is not empty and carries no mark of dugong: data is in it",
                then="move away what is in this one")
    finally:
        shutil.rmtree(directory)


@pytest.mark.process_only
def test_a_prefix_of_ours_that_is_mounted(pair, tmp_path):
    prefix = pair.entry("b")["prefix"]
    pair.zfs("set", f"mountpoint={tmp_path}/b", prefix)
    try:
        refused(pair, *UP, where="b", says=f"{prefix} must not be mounted", then=f"zfs set mountpoint=none {prefix}")
    finally:
        eventually(lambda: subprocess.run(["zfs", "set", "mountpoint=none", prefix], capture_output=True).returncode == 0)


@pytest.mark.process_only
def test_a_directory_that_was_changed_in_the_file(pair):
    tree = pair.changed()
    tree["node"][1]["directory"] += "2"
    with written(pair, tree):
        refused(pair, *UP, where="b", says="live-0 is to be mounted at", then="put the old `directory` back")


@pytest.mark.parametrize("rule, key, says", [
    ('prefixes = ["{pool}/other"]', "prefixes", "is not one this node lets dugong touch"),
    ('directories = ["/srv/other"]', "directories", "is not below a directory this node lets dugong use"),
    pytest.param('bin_dirs = ["/opt/other"]', "bin_dirs", "may not be run", marks=pytest.mark.process_only),
    pytest.param('os_users = ["other"]', "os_users", "nothing may be run as postgres", marks=pytest.mark.process_only),
    pytest.param('projects = ["other-*"]', "projects", "is not dugong's", marks=pytest.mark.compose_only),
])
def test_a_node_that_does_not_allow_it(bare, rule, key, says):
    config = bare.host("b").node_config
    allowed = config.read_text()
    kept = "".join(line + "\n" for line in allowed.splitlines() if not line.startswith(key))
    config.write_text(kept + rule.replace("{pool}", bare.host("b").pool) + "\n")
    try:
        refused(bare, *UP, where="b", says=says, then=f"to {key} in {config} on this node")
    finally:
        config.write_text(allowed)


@pytest.mark.process_only
def test_a_node_file_that_others_may_write(bare):
    config = bare.host("b").node_config
    mode = config.stat().st_mode
    config.chmod(0o666)
    try:
        done = refused(bare, *UP, where="b", says="it said: dugong: refused: others than its owner may write this file",
                       then="do on root@")
        assert f"chmod go-w {config}" in done.stderr
    finally:
        config.chmod(mode)


@pytest.mark.process_only
def test_a_host_on_which_nobody_listens(pair, tmp_path):
    tree, address = pair.changed(), pair.entry("c")["address"]
    config = tmp_path / "ssh_config"
    config.write_text(f"Host {address}\n  Port 1\n" + pair.lab.ssh_config.read_text())
    tree["ssh"]["config"] = str(config)
    with written(pair, tree):
        refused(pair, *UP, where="c", says="Connection refused", then=f"ssh root@{address}")


@pytest.mark.process_only
def test_a_host_whose_line_is_dead(pair):
    host = pair.host("c")
    host.cut()
    try:
        # What the controller's own machine remembers of the host decides which of its two words ssh finds.
        done = refused(pair, *ADD_C, where="c", says="; it said: ", then=f"ssh {pair.entry('c')['ssh']}", within=15)
        assert re.search("No route to host|timed out", done.stderr), done.stderr
    finally:
        host.heal()


# --- room ------------------------------------------------------------------------------------------------------------


@pytest.mark.process_only
def test_a_pool_that_is_too_small(pair):
    tree = pair.changed()
    pool = pair.host("c").add_pool("small", "400M")
    tree["node"][2]["prefix"] = f"{pool}/c"
    with written(pair, tree):
        refused(pair, *ADD_C, where="c", says=f"pool {pool} has room for", then="choose another pool")


@pytest.mark.process_only
def test_a_pool_whose_room_belongs_to_others(pair):
    pool = pair.host("c").pool
    with dataset(pair, f"{pool}/others", mountpoint="none", reservation="11G"):
        refused(pair, *ADD_C, where="c", says=f"pool {pool} has room for", then="choose another pool")


# --- what would be no replica ----------------------------------------------------------------------------------------


@pytest.mark.process_only
def test_a_replica_with_less_than_a_hot_standby_needs(pair):
    tree = pair.changed()
    tree["postgres"]["replica_settings"]["max_connections"] = 39
    with written(pair, tree):
        refused(pair, *UP, where=str(pair.file), says="max_connections is 39 on replicas and 40 on the primary",
                then="take max_connections out of [postgres.replica_settings]")


@pytest.mark.compose_only
def test_another_image_under_the_same_name(pair):
    host, image = pair.host("c"), pair.facts["image"]
    right = host.run("docker", "image", "inspect", "-f", "{{.Id}}", image).stdout.strip()
    assert host.run("docker", "tag", image.split(":")[0] + ":other", image).returncode == 0
    try:
        refused(pair, *ADD_C, where="c", says=f"but a runs {right}", then=f"`docker save {image}` on a")
    finally:
        host.run("docker", "tag", right, image)


@pytest.mark.process_only
def test_a_replica_that_belongs_to_another_primary(pair):
    """Somebody took the file of one cluster for the next, and changed in it only what was in the primary's way."""
    tree = pair.changed()
    tree["node"] = tree["node"][:2]
    tree["node"][0].update(prefix=f"{pair.host('a').pool}/a2", directory=f"{pair.host('a').dir}/a2", port=5444)
    with written(pair, tree):
        refused(pair, *UP, where="b", says="live-0 holds data, but a has none yet", then="put the right primary into")
    with written(pair, {**tree, "node": tree["node"][:1]}):
        pair.up()
        try:
            with written(pair, tree):
                refused(pair, *UP, where="b", says="live-0 holds another cluster: system identifier", then="empty prefix")
        finally:
            pair.write({**tree, "node": tree["node"][:1]})
            pair.must("down", "--destroy", "--confirm=dex")


# --- servers ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def b_is_down(pair):
    pair.write({**pair.tree, "node": pair.tree["node"][:2]})
    pair.up()  # so that nothing is left to do on the other one
    pair.must("down", "b", "--yes")
    yield
    pair.write({**pair.tree, "node": pair.tree["node"][:2]})
    pair.up()
    pair.write()


@pytest.mark.process_only
def test_a_server_that_was_started_by_hand_on_another_port(pair, b_is_down):
    pair.write({**pair.tree, "node": pair.tree["node"][:2]})
    pg_ctl(pair, "b", "-o", "-p 5777", "-l", f"{pair.entry('b')['directory']}/logs/by-hand.log", "start")
    try:
        refused(pair, *UP, where="b", says="the server takes it from command line", then="take it from the command line")
    finally:
        pg_ctl(pair, "b", "-m", "fast", "stop")


@pytest.mark.process_only
def test_a_server_in_a_container_of_somebody_on_the_data(pair, b_is_down):
    """It has a number of its own for itself, so that postmaster.pid says nothing to anybody outside."""
    argv = pair.host("b").argv("unshare", "--pid", "--fork", "--kill-child", *tool(pair, "b", "postgres", "-p", "5777"))
    with process(subprocess.Popen(argv, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                  start_new_session=True)):
        eventually(lambda: "ready" in pid_file(pair, "b"))
        refused(pair, *UP, where="b", says="/b/data is in use by process", then="two servers on one data directory")
        refused(pair, "down", "b", "--yes", where="b", says="/b/data is in use by process", then="stop it")
        assert any("stranger" in reason for reason in pair.node_status("b")["reasons"])


@pytest.mark.process_only
def test_down_where_the_file_puts_the_data_elsewhere(pair):
    """Its server goes on in the old directory; in the new one somebody has what has the names of ours."""
    tree = pair.changed()
    old = tree["node"][1]["directory"]
    directory = tree["node"][1]["directory"] = f"{old}-app"
    (Path(directory) / "bin").mkdir(parents=True)
    try:
        with written(pair, tree):
            for words in (("down", "b", "--yes"), ("down", "b", "--destroy", "--confirm=dex", "--yes")):
                refused(pair, *words, where="b", says=f"is mounted at {old}/data, but the file puts the data of b at "
                        f"{directory}/data", then="put the old `directory` back")
        assert (Path(directory) / "bin").is_dir()
    finally:
        shutil.rmtree(directory)


def pid_file(cluster, node):
    done = cluster.host(node).run("cat", f"{cluster.entry(node)['directory']}/data/postmaster.pid")
    return done.stdout


@pytest.mark.compose_only
def test_somebodys_container_on_the_data(pair):
    host, data = pair.host("b"), f"{pair.entry('b')['directory']}/data"
    made = host.run("docker", "create", "--name", "old-db", "--network", "host", "-v", f"{data}:/var/lib/postgresql/data",
                    pair.facts["image"])
    assert made.returncode == 0, made.stdout
    try:
        refused(pair, *UP, where="b", says=f"{data} is in use by container old-db (created", then="stop it")
    finally:
        host.run("docker", "rm", "-f", "old-db")


def move(source, target):
    subprocess.run(["mv", source, target], check=True)  # with its owner, also to another file system


@pytest.mark.process_only
def test_wal_outside_of_the_snapshot(pair):
    data, outside = f"{pair.entry('a')['directory']}/data", f"{pair.host('a').dir}/fast-wal"
    pg_ctl(pair, "a", "-m", "fast", "stop")
    move(f"{data}/pg_wal", outside)
    os.symlink(outside, f"{data}/pg_wal")
    log = ("-l", f"{pair.entry('a')['directory']}/logs/by-hand.log")
    try:
        pg_ctl(pair, "a", *log, "start")
        refused(pair, *ADD_C, where="a", says=f"pg_wal points to {outside}", then="move it into the data directory")
    finally:
        pg_ctl(pair, "a", "-m", "fast", "stop")
        os.unlink(f"{data}/pg_wal")
        move(outside, f"{data}/pg_wal")
        pg_ctl(pair, "a", *log, "start")
        eventually(lambda: pair.psql("a", "SELECT active FROM pg_replication_slots") == "t")


@pytest.mark.process_only
def test_a_tablespace_outside_of_the_snapshot(pair):
    outside = pair.host("a").dir / "fast-disk"
    outside.mkdir()
    shutil.chown(outside, "postgres", "postgres")
    pair.psql("a", f"CREATE TABLESPACE fast LOCATION '{outside}'")
    try:
        refused(pair, *ADD_C, where="a", says=str(outside), then="DROP TABLESPACE")
    finally:
        pair.psql("a", "DROP TABLESPACE fast")
        replayed(pair, "b")
        shutil.rmtree(outside)


def replayed(cluster, node):
    lsn = cluster.psql("a", "SELECT pg_current_wal_lsn()")
    eventually(lambda: cluster.psql(node, f"SELECT pg_last_wal_replay_lsn() >= '{lsn}'") == "t")


@pytest.mark.parametrize("line, words", [
    ("host replication all 10.0.0.0/8 scram-sha-256", "may replicate from further addresses"),
    ("host all all 192.0.2.0/24 trust", "is let in without a password"),
], ids=["broad", "trust"])
def test_a_line_before_ours_that_lets_others_in(pair, line, words):
    """It is the operator's to judge: told with every plan, and verify fails on it."""
    pair.write({**pair.tree, "node": pair.tree["node"][:2]})
    file = f"{pair.entry('a')['directory']}/data/pg_hba.conf"
    with open(file, encoding="utf-8") as reader:
        before = reader.read()
    try:
        with open(file, "w", encoding="utf-8") as writer:
            writer.write(f"{line}\n{before}")
        pair.psql("a", "SELECT pg_reload_conf()")
        eventually(lambda: pair.psql("a", "SELECT line_number FROM pg_hba_file_rules ORDER BY 1 LIMIT 1") == "1")
        # Ours move before a line that would decide about the replicas; the line itself stays, and is told every time.
        for done in (pair.up(), pair.must("plan")):
            assert re.search(rf"note: a: pg_hba.conf line \d+: .*{words}", done.stdout), done.stdout
        assert "nothing to do" in done.stdout, done.stdout
        verified = pair.run("verify", "-o", "json")
        assert verified.returncode == 3, (verified.returncode, verified.stdout, verified.stderr)
        failed = [check for check in json.loads(verified.stdout)["checks"] if check["outcome"] == "failed"]
        assert [(check["id"], check["node"]) for check in failed] == [("hba-lines", "a")], failed
        assert line.split("/")[0] in failed[0]["evidence"] and words in failed[0]["evidence"], failed
    finally:
        with open(file, "w", encoding="utf-8") as writer:
            writer.write(before)
        pair.psql("a", "SELECT pg_reload_conf()")
        pair.write()


# --- lag of a replica that is cut off --------------------------------------------------------------------------------


def as_number(lsn):
    high, low = lsn.split("/")
    return (int(high, 16) << 32) + int(low, 16)


class Watch:
    """`status --watch -o json`, read line by line."""

    def __init__(self, cluster):
        self.process = cluster.start("status", "--watch", "0.3", "-o", "json", start_new_session=True)

    def look(self):
        """The next line's primary and replica."""
        line = self.process.stdout.readline()
        assert line, self.process.communicate()
        nodes = {node["name"]: node for node in json.loads(line)["nodes"]}
        return nodes["a"], nodes["b"]

    def until(self, condition, seconds=30):
        deadline = time.monotonic() + seconds
        while True:
            a, b = self.look()
            if condition(a, b):
                return a, b
            assert time.monotonic() < deadline, (a, b)


def caught_up(_, b):
    return (b["lag_bytes"], b["lag_seconds"], b["lag_kind"]) == (0, 0, "exact")


def test_a_replica_that_is_cut_off_is_watched_falling_behind(pair):
    pair.write({**pair.tree, "node": pair.tree["node"][:2]})
    pair.psql("a", "CREATE TABLE IF NOT EXISTS load(x int)")
    watch = Watch(pair)
    try:
        with process(watch.process):
            watch.until(caught_up)
            pair.host("b").cut(pair.host("a"))
            pair.psql("a", "INSERT INTO load SELECT generate_series(1, 20000)")
            written_up_to = as_number(pair.psql("a", "SELECT pg_current_wal_lsn()"))
            a, b = watch.until(lambda a, _: as_number(a["lsn"]) >= written_up_to)
            # Some MB within a few seconds, in a pool of 12 GB.
            assert b["slot"]["retained_bytes"] > 1_000_000 and 0.01 < b["slot"]["hours_covered"] < 1000, b
            looks, began = [b], time.monotonic()
            while time.monotonic() < began + 3:
                looks.append(watch.look()[1])
            for earlier, later in zip(looks, looks[1:]):
                assert later["lag_kind"] == "exact" and later["lag_seconds"] > earlier["lag_seconds"] > 0, (earlier, later)
                assert later["lag_bytes"] >= earlier["lag_bytes"] > 1_000_000, (earlier, later)
            grown = looks[-1]["lag_seconds"] - looks[0]["lag_seconds"]
            assert 2 < grown < 6, looks
            once = pair.node_status("b")
            assert once["lag_kind"] == "upper_bound" and once["lag_seconds"] >= 2 and once["lag_bytes"] > 1_000_000, once
            pair.host("b").heal()
            watch.until(caught_up)
            watch.process.send_signal(signal.SIGINT)
            assert watch.process.wait(timeout=20) == 0
    finally:
        pair.host("b").heal()
        pair.write()
