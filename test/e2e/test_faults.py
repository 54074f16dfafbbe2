"""SIGKILL at random moments of `up`, of the controller and of a node's own side; then `up` again must end where an
undisturbed run ends, and leave no process behind. DUGONG_SEED repeats a run; DUGONG_SOAK makes it longer."""

import os
import random
import re
import signal
import time
from pathlib import Path

import pytest

from conftest import BIN, RUNTIME
from processes import assert_nothing_left_over, serving
from support import Cluster

KILLS = 50 if os.environ.get("DUGONG_SOAK") else {"process": 7, "compose": 3}[RUNTIME]
SEED = int(os.environ.get("DUGONG_SEED", "0")) or int(time.time())
SECONDS_TO_KILL_IN = {"controller": 1.1, "serve": 0.9}  # of an undisturbed run: also after its end

NORMAL = [(re.compile(r"@dugong-\d+-\d+-\d+"), "@dugong-SNAPSHOT"), (re.compile(r"\b\d{15,}\b"), "ID")]
VARIES = {"dugong:redo_lsn", "dugong:end_lsn", "dugong:min_recovery_lsn", "dugong:taken_at", "dugong:super_check",
          "dugong:repl_check", "dugong:archive_proved", "dugong:for"}


def normal(text):
    for pattern, word in NORMAL:
        text = pattern.sub(word, text)
    return text


def marks(cluster, entry):
    """name, property, value of everything set below the prefix."""
    text = cluster.zfs("get", "-Hp", "-r", "-s", "local,received", "-o", "name,property,value", "all", entry["prefix"])
    rows = [line.split("\t", 2) for line in normal(text).splitlines()]
    # A value that is there in one run must be there in the other, but these say something else each time.
    return ((name, key, "*" if key in VARIES else value) for name, key, value in rows
            if key != "dugong:copy_rate")  # only of a copy that was long enough, and not cut off


def files(entry):
    """Every file that configures the node, with its mode and owner."""
    root = Path(entry["directory"])
    wanted = [path for path in [*root.glob("*"), *(root / "secrets").glob("*"), *(root / "bin").glob("VERSION")]
              if path.is_file()]
    data = root / "data"
    wanted += [data / name for name in ("dugong.conf", "postgresql.conf", "postgresql.auto.conf", "pg_hba.conf",
                                        "standby.signal") if (data / name).exists()]
    result = {}
    for path in sorted(wanted):
        status = path.stat()
        result[str(path)] = (oct(status.st_mode), status.st_uid, normal(path.read_text(encoding="utf-8")))
    return result


def guids(cluster, node):
    """GUID → name of every snapshot of ours below the node's prefix."""
    rows = cluster.zfs("get", "-Hp", "-r", "-o", "value,name", "guid", cluster.entry(node)["prefix"]).splitlines()
    return {guid: name for guid, name in (row.split("\t") for row in rows) if "@dugong-" in name}


def assert_every_snapshot_is_a_base(cluster):
    """A replica whose node was lost while others went on is copied from a snapshot of its own: there may be as many on
    the primary as there are replicas, but none that no replica has."""
    wanted = guids(cluster, "b") | guids(cluster, "c")
    leaked = [name for guid, name in guids(cluster, "a").items() if guid not in wanted]
    assert not leaked, leaked


def unique(rows):
    return sorted(set(rows))


def state(cluster):
    """What an `up` leaves, without what is another one each time."""
    assert_every_snapshot_is_a_base(cluster)
    result = {}
    for entry in cluster.tree["node"]:
        name = entry["name"]
        result[name] = {"tree": unique((normal(dataset), holds) for dataset, holds in cluster.tree_of(name)),
                        "marks": unique(marks(cluster, entry)), "files": files(entry)}
    result["slots"] = cluster.psql("a", "SELECT slot_name, slot_type, active FROM pg_replication_slots ORDER BY 1")
    result["roles"] = cluster.psql("a", "SELECT rolname, rolreplication FROM pg_roles WHERE rolcanlogin ORDER BY 1")
    return result


def settle(cluster):
    """`up`, and what must be true after it."""
    again = cluster.run("up", "--yes", "--progress", "plain")
    assert again.returncode == 0, again.stdout + again.stderr
    seen = cluster.status()
    assert seen["verdict"] == "healthy", seen
    assert_nothing_left_over(cluster)
    return state(cluster)


@pytest.fixture(scope="module")
def cluster(lab, tmp_path_factory):
    made = Cluster(lab, tmp_path_factory.mktemp("faults"), RUNTIME, BIN)
    yield made
    made.destroy_all()


@pytest.fixture(scope="module")
def undisturbed(cluster):
    """The state that an undisturbed run ends in, and the seconds that it takes."""
    started = time.monotonic()
    cluster.up()
    took = time.monotonic() - started
    return settle(cluster), took


def kill_controller(cluster, controller, _):
    controller.send_signal(signal.SIGKILL)


def kill_serve(cluster, controller, dice):
    """The node's side of one host, or of all: whoever is there at this moment."""
    hosts = [dice.choice(cluster.lab.hosts)] if dice.random() < 0.7 else cluster.lab.hosts
    for host in hosts:
        for pid, words in serving(host).items():
            if "dugong serve" in words:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass


VICTIMS = {"controller": kill_controller, "serve": kill_serve}


def disturb(cluster, victim, moment, dice):
    """An `up` that is hit after `moment` seconds; its exit code and words."""
    controller = cluster.start("up", "--yes", "--progress", "plain")
    try:
        time.sleep(moment)
        VICTIMS[victim](cluster, controller, dice)
        out, err = controller.communicate(timeout=120)
    finally:
        controller.kill()
        controller.wait()
    return controller.returncode, out + err


def difference(expected, found, path=""):
    if isinstance(expected, dict) and isinstance(found, dict):
        return [line for key in sorted(set(expected) | set(found))
                for line in difference(expected.get(key), found.get(key), f"{path}/{key}")]
    if isinstance(expected, list) and isinstance(found, list):
        return [f"{path}: - {row}" for row in expected if row not in found] + \
               [f"{path}: + {row}" for row in found if row not in expected]
    return [] if expected == found else [f"{path}: {expected!r}\n  became {found!r}"]


def assert_same(expected, found, words=""):
    """Tells only what differs: pytest's own words for two whole states are longer than a log keeps."""
    lines = difference(expected, found)
    if lines:
        pytest.fail("\n".join([*lines, words]), pytrace=False)


@pytest.mark.parametrize("turn", range(KILLS))
def test_killed_anywhere_up_ends_in_the_same_state(cluster, undisturbed, turn):
    expected, took = undisturbed
    dice = random.Random(f"{SEED}/{turn}")
    victim = "serve" if turn % 3 == 2 else "controller"
    moment = dice.uniform(0.05, SECONDS_TO_KILL_IN[victim] * took)
    if turn % 2 == 0:
        whom = "everything"
        cluster.must("down", "--destroy", "--confirm=dex", "--yes")
    else:
        whom = "the replicas"
        cluster.must("down", "b", "c", "--destroy", "--confirm=dex", "--yes")
        moment *= 0.6
    print(f"DUGONG_SEED={SEED} turn {turn}: SIGKILL of the {victim} {moment:.2f} s after `up` of {whom}")
    code, words = disturb(cluster, victim, moment, dice)
    if victim == "serve":
        assert code in (0, 1, 4), (code, words)
        assert code == 0 or "dugong: " in words, words
    assert_nothing_left_over(cluster)
    found = settle(cluster)
    assert_same(expected, found, words)


@pytest.mark.process_only
def test_interrupted_by_a_signal_it_says_so_and_goes_on(cluster, undisturbed):
    expected, took = undisturbed
    cluster.must("down", "b", "c", "--destroy", "--confirm=dex", "--yes")
    controller = cluster.start("up", "--yes", "--progress", "plain")
    time.sleep(0.3 * took)
    controller.send_signal(signal.SIGINT)
    out, err = controller.communicate(timeout=60)
    assert controller.returncode in (1, 4) and "interrupted" in err, (controller.returncode, out, err)
    assert_nothing_left_over(cluster)
    assert_same(expected, settle(cluster))


@pytest.mark.process_only
def test_a_second_dugong_is_told_who_is_at_work(cluster, undisturbed):
    cluster.must("down", "b", "c", "--destroy", "--confirm=dex", "--yes")
    first = cluster.start("up", "--yes", "--progress", "plain")
    try:
        deadline = time.monotonic() + 30
        second = cluster.run("up", "--yes", timeout=60)
        while second.returncode == 0 and first.poll() is None and time.monotonic() < deadline:
            second = cluster.run("up", "--yes", timeout=60)
        out, err = first.communicate(timeout=120)
    finally:
        first.kill()
        first.wait()
    codes = sorted([first.returncode, second.returncode])
    assert codes == [0, 3], (codes, out, err, second)
    loser = second.stderr if second.returncode == 3 else err
    assert "another dugong is at work here" in loser, loser
    settle(cluster)
