"""Two clusters on the same hosts, which must not see each other, and several controllers for one, of which one at a time
may change something and the others are told who that is."""

import contextlib
import json
import os
import re
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from conftest import BIN, RUNTIME
from processes import assert_nothing_left_over
from support import Cluster
from waiting import eventually

HOLDER = r"dugong {}, [^,@]+@\S+, pid {}, since \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d UTC"


class Second(Cluster):
    """Another cluster's file for hosts of the lab: its name, port, datasets and directories are its own."""

    def __init__(self, lab, directory, name, port, hosts):
        super().__init__(lab, directory, RUNTIME, BIN, hosts=hosts)
        self.tree["cluster"] = name
        self.tree["postgres"]["port"] = port
        for entry in self.tree["node"]:
            entry["prefix"] += f"-{name}"
            entry["directory"] += f"-{name}"
        self.write()

    def destroy(self):
        self.must("down", "--destroy", f"--confirm={self.tree['cluster']}", "--yes")


def together(*actions):
    with ThreadPoolExecutor(max_workers=len(actions)) as workers:
        return [one.result() for one in [workers.submit(action) for action in actions]]


@pytest.fixture(scope="module")
def two(lab, tmp_path_factory):
    """dex on h1, h2, h3, and ops on h1 and h2 with the same names of nodes; both were made at the same time."""
    dex = Cluster(lab, tmp_path_factory.mktemp("dex"), RUNTIME, BIN)
    ops = Second(lab, tmp_path_factory.mktemp("ops"), "ops", 5499, ("h1", "h2"))
    together(dex.up, ops.up)
    yield dex, ops
    together(dex.destroy_all, ops.destroy)


def said_of(cluster, *words):
    done = cluster.run(*words)
    assert done.returncode in (0, 3), (words, done.stdout, done.stderr)  # 3: a finding of verify or check
    return done.stdout + done.stderr


def test_neither_sees_the_other(two):
    dex, ops = two
    for cluster, other in (two, reversed(two)):
        nodes = [entry["name"] for entry in cluster.tree["node"]]
        status = cluster.status()
        assert status["verdict"] == "healthy" and [node["name"] for node in status["nodes"]] == nodes, status
        assert "nothing to do" in cluster.must("plan").stdout
        theirs = [str(other.tree["postgres"]["port"])]
        if cluster is dex:  # names of its own are beginnings of the other's
            theirs += [entry[key] for entry in other.tree["node"] for key in ("prefix", "directory")]
        else:
            theirs += [f"{entry[key]}{end}" for entry in other.tree["node"] for key in ("prefix", "directory")
                       for end in ("/", " ", "\"", "\n")]
        verbs = (["plan"], ["status", "-o", "json"], ["check", "-o", "json"], ["space", "-o", "json"],
                 ["verify", "-o", "json"], ["down", "--dry-run"])
        for words, said in zip(verbs, together(*[lambda words=words: said_of(cluster, *words) for words in verbs])):
            assert not [word for word in theirs if word in said], (words, said)
            assert f"dugong-{other.tree['cluster']}-" not in said, (words, said)
    assert [row.split("|") for row in dex.psql("a", "SELECT slot_name, active FROM pg_replication_slots ORDER BY 1").split()] \
        == [["dugong_b", "t"], ["dugong_c", "t"]]
    assert ops.psql("a", "SELECT slot_name FROM pg_replication_slots") == "dugong_b"


@pytest.mark.process_only
def test_the_room_of_the_one_is_others_to_the_other(two):
    dex, ops = two
    used = int(dex.zfs("get", "-Hp", "-o", "value", "used", ops.entry("a")["prefix"]))
    node = next(one for one in json.loads(dex.must("space", "-o", "json").stdout)["nodes"] if one["name"] == "a")
    others = next(one["bytes"] for one in node["parts"] if one["part"] == "others")
    assert others == pytest.approx(used, abs=16 << 20), node


@pytest.mark.process_only
def test_a_node_of_the_one_is_stopped_fenced_and_started_alone(two):
    dex, ops = two
    ops.must("fence", "b", "--yes")
    assert dex.status()["verdict"] == "healthy" and dex.psql("b", "SELECT 1") == "1"
    done = ops.host("b").run(ops.program, "node", "start")
    assert done.returncode == 3 and "dex.b: running" in done.stdout and "ops.b is fenced" in done.stdout, done.stdout
    ops.must("unfence", "b", "--yes")
    dex.must("down", "b", "--yes")
    assert ops.host("b").run(ops.program, "node", "start", "ops.b").returncode == 0
    assert dex.psql("b", "SELECT 1", check=False).returncode != 0, "it was taken out of the register"
    together(dex.up, ops.up)
    eventually(lambda: {one.status()["verdict"] for one in two} == {"healthy"})


# --- several controllers ---------------------------------------------------------------------------------------------


@contextlib.contextmanager
def standing_still(cluster, *words):
    """A controller that has its locks and is stopped: well within the time after which its nodes would miss it."""
    controller = cluster.start(*words)
    hosts = [cluster.host(entry["name"]).run_dir for entry in cluster.tree["node"]]  # one node each

    def holds(run_dir):
        return sum(f", pid {controller.pid}, " in path.read_text() for path in run_dir.glob("*.lock"))
    try:
        # Of each node three: its own, on its dataset, and in its directory.
        eventually(lambda: all(holds(run_dir) >= 3 for run_dir in hosts) or controller.poll() is not None)
        controller.send_signal(signal.SIGSTOP)
        assert controller.poll() is None, controller.communicate()
        yield controller
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(controller.pid, signal.SIGCONT)
        out, err = controller.communicate(timeout=120)
    assert controller.returncode == 0, (controller.returncode, out, err)


@pytest.mark.process_only
def test_whoever_comes_second_is_told_who_is_at_work_and_only_changes_wait(two):
    dex, ops = two
    dex.must("down", "c", "--destroy", "--confirm=dex", "--yes")
    before = dex.footprint
    with standing_still(dex, "up", "--yes") as first:
        seen = before()
        holder = HOLDER.format("up", first.pid)
        refused = together(*[lambda words=words: dex.run(*words, timeout=30) for words in (
            ("up", "--yes"), ("replica", "add", "c", "--yes"), ("down", "b", "--yes"), ("fence", "b", "--yes"))])
        looked = together(*[lambda words=words: dex.run(*words, timeout=30) for words in (
            ("status",), ("plan",), ("space",))], lambda: ops.run("up", "--yes", timeout=60))
        assert before() == seen
        for done in refused:
            assert done.returncode == 3, (done.stdout, done.stderr)
            said = " ".join(done.stderr.split())
            assert re.search(f"another dugong is at work here: {holder}", said), said
            assert "nothing was changed" in said and "wait until it has ended" in said, said
        assert [done.returncode for done in looked] == [looked[0].returncode, 0, 0, 0], looked
        assert "at work" not in looked[0].stderr + looked[0].stdout
    assert dex.status()["verdict"] == "healthy"
    assert_nothing_left_over(dex)


@pytest.mark.process_only
def test_two_files_with_one_dataset_and_two_with_one_directory(lab, two, tmp_path):
    first, second, third = (Second(lab, path, name, port, ("h3",)) for path, name, port in (
        (tmp_path / "1", "one", 5601), (tmp_path / "2", "two", 5602), (tmp_path / "3", "three", 5603))
        if path.mkdir() is None)
    second.tree["node"][0]["prefix"] = first.entry("a")["prefix"]
    third.tree["node"][0]["directory"] = first.entry("a")["directory"]
    for cluster in (second, third):
        cluster.write()
    try:
        with standing_still(first, "up", "--yes") as controller:
            holder = HOLDER.format("up", controller.pid)
            prefix, directory = (re.escape(first.entry("a")[key]) for key in ("prefix", "directory"))
            for cluster, place, mark in (
                    (second, f"on the dataset {prefix}",
                     f"dataset {prefix} exists and is not ours: it is marked for node 'a' of cluster 'one'"),
                    (third, f"in {directory}",
                     f"directory {directory} is another's: Made by dugong for node a of cluster one;")):
                done = cluster.run("up", "--yes", timeout=60)
                said = " ".join(done.stderr.split())
                assert done.returncode == 3 and "nothing was changed" in said, (done.stdout, done.stderr)
                # How far the first one came decides who tells: its lock, or already its mark.
                assert re.search(f"dugong: refused: (another dugong is at work {place}: {holder}|{mark})", said), said
        assert first.psql("a", "SELECT 1") == "1"
        for cluster in (second, third):
            assert cluster.run("up", "--yes", timeout=60).returncode == 3
        assert not os.path.exists(second.entry("a")["directory"])
        assert subprocess.run(["zfs", "list", third.entry("a")["prefix"]], capture_output=True).returncode != 0
        assert "nothing to do" in first.up().stdout
    finally:
        first.destroy()


def test_the_end_of_the_one_leaves_the_other_serving(two):
    """Last: it takes ops away."""
    dex, ops = two
    dex.psql("a", "CREATE TABLE beats(at timestamptz DEFAULT clock_timestamp())")
    seen, started = dex.footprint(), dex.psql("a", "SELECT pg_postmaster_start_time()")
    beating = dex.host("a").start("/bin/sh", "-c", 'export PGPASSWORD="$1"; while psql -XAtq -h 127.0.0.1 -U postgres '
                                  "-d dex_ohlcv -c 'INSERT INTO beats DEFAULT VALUES'; do sleep 0.02; done", "beating",
                                  dex.environment["POSTGRES_PASSWORD"], start_new_session=True, text=True,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        ops.destroy()
        assert beating.poll() is None, beating.communicate()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(beating.pid, signal.SIGKILL)
        beating.communicate()
    for entry in ops.tree["node"]:
        assert not os.path.exists(entry["directory"])
        assert subprocess.run(["zfs", "list", entry["prefix"]], capture_output=True).returncode != 0
    assert dex.psql("a", "SELECT count(*) > 10 FROM beats") == "t"
    assert dex.psql("a", "SELECT pg_postmaster_start_time()") == started
    after = dex.footprint()
    mine = {key for key in seen if key.startswith(tuple(entry["directory"] + "/" for entry in dex.tree["node"]))}
    assert mine and {key: seen[key] for key in mine} == {key: after.get(key) for key in mine}
    assert dex.status()["verdict"] == "healthy"
    assert "nothing to do" in dex.must("plan").stdout
    assert dex.run("verify").returncode == 0
