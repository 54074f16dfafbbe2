"""What takes of a pool, as `space` tells it, against what zpool and zfs say; bases that pin, and a budget for them."""

import json
import subprocess

import pytest
from waiting import eventually, healthy

MIB = 1 << 20
CHURN = MIB // 4  # a rewrite of the catalogs leaves more than this behind, compressed
UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def space_of(cluster, *names, code=0):
    done = cluster.run("space", *names, "-o", "json")
    assert done.returncode == code, done.stderr + done.stdout
    return {node["name"]: node for node in json.loads(done.stdout)["nodes"]}


def part(node, name):
    return next(one["bytes"] for one in node["parts"] if one["part"] == name)


def value(cluster, dataset, name):
    return int(cluster.zfs("get", "-Hp", "-o", "value", name, dataset))


def zpool(pool, *names):
    """Human sizes: zfs-fuse knows no other."""
    done = subprocess.run(["zpool", "list", "-H", "-o", ",".join(names), pool], capture_output=True, text=True, check=True)
    return [float(text[:-1]) * UNITS[text[-1]] if text[-1] in UNITS else float(text) for text in done.stdout.split()]


def churn(cluster):
    """Rewrites the catalogs, so that what the base has of them is nobody's but its."""
    cluster.psql("a", "VACUUM FULL")
    cluster.psql("a", "CHECKPOINT")


def at_rest(cluster):
    """Two looks that show the same: pool and datasets are asked one after the other."""
    def parts(nodes):
        return [one["bytes"] for node in nodes.values() for one in node["parts"]]

    cluster.psql("a", "CHECKPOINT")
    seen = []

    def same():
        seen.append(space_of(cluster))
        return len(seen) > 1 and all(abs(now - before) < MIB / 4
                                     for now, before in zip(parts(seen[-1]), parts(seen[-2])))

    eventually(same)
    return seen[-1]


def destroyed_if_there(cluster, name):
    subprocess.run(["zfs", "destroy", name], capture_output=True, check=False)


def test_the_parts_of_every_pool_add_up(standing):
    for name, node in at_rest(standing).items():
        prefix = standing.entry(name)["prefix"]
        pool = prefix.split("/")[0]
        size, allocated = zpool(pool, "size", "allocated")
        near = pytest.approx
        assert node["reason"] is None and node["mismatch"] is None, node
        assert sum(one["bytes"] for one in node["parts"]) == node["size_bytes"], node
        assert node["size_bytes"] == near(value(standing, pool, "used") + value(standing, pool, "available"), rel=0.01)
        assert node["disks_bytes"] == near(size, rel=0.01)
        taken = node["size_bytes"] - part(node, "available") - part(node, "reserved")  # reserved is free on the disks
        assert taken == near(allocated, abs=0.01 * size), (node, allocated)
        live = f"{prefix}/live-0"
        assert part(node, "live") == near(value(standing, live, "referenced"), rel=0.01, abs=2 * MIB)
        assert part(node, "archive") == near(value(standing, f"{prefix}/archive", "used"), rel=0.01, abs=MIB)
        assert part(node, "reserved") == near(value(standing, live, "usedbyrefreservation"), rel=0.01, abs=2 * MIB)
        assert part(node, "unattributed") <= MIB, node
        if name == "a":
            assert part(node, "bases") == near(value(standing, live, "usedbysnapshots"), rel=0.01, abs=MIB)


@pytest.mark.process_only
def test_a_base_pins_what_the_live_data_has_no_more(standing):
    before = space_of(standing)["a"]
    assert [sorted(base["serves"]) for base in before["bases"] if base["needed"]] == [["b", "c"]], before["bases"]
    churn(standing)
    eventually(lambda: space_of(standing, "a")["a"]["base_budget"]["pinned_bytes"] >
               before["base_budget"]["pinned_bytes"] + CHURN)
    after = space_of(standing)
    assert after["a"]["bases"][0]["pinned_bytes"] > CHURN, after["a"]
    eventually(lambda: space_of(standing, "b")["b"]["base_budget"]["pinned_bytes"] > CHURN)  # its lineage has it too
    shown = standing.must("space").stdout
    assert after["a"]["bases"][0]["snapshot"] in shown and "could be freed" in shown, shown


@pytest.mark.process_only
def test_over_its_budget_is_in_status_plan_and_space(standing):
    churn(standing)
    eventually(lambda: space_of(standing, "a")["a"]["base_budget"]["pinned_bytes"] > CHURN)
    tree = standing.changed()
    tree["storage"] = {"base_budget": "64K"}
    try:
        standing.write(tree)
        done = standing.run("status", "-o", "json")
        assert done.returncode == 4, done.stderr
        status = json.loads(done.stdout)
        assert status["verdict"] == "degraded", status
        node = next(one for one in status["nodes"] if one["name"] == "a")
        verdict = node["base_budget"]["verdict"]
        assert verdict["cause"] == "over_budget" and sorted(verdict["serves"]) == ["b", "c"], node
        assert verdict["frees_bytes"] > CHURN, node
        words = "base_budget is 64 KiB"
        assert any(one.startswith("bases pin ") and words in one for one in node["reasons"]), node
        plan = json.loads(standing.must("plan", "-o", "json").stdout)
        notes = [note for note in plan["notes"] if note.startswith("a: bases pin ") and words in note]
        assert plan["steps"] == [] and len(notes) == 1, plan
        done = standing.up()
        assert "nothing to do" in done.stdout and words in done.stdout, done.stdout
        assert words in standing.must("space", "a").stdout
        assert space_of(standing)["a"]["base_budget"]["verdict"]["relief"] == verdict["relief"]
        # A node may have its own.
        next(entry for entry in tree["node"] if entry["name"] == "a")["base_budget"] = "90%"
        standing.write(tree)
        assert space_of(standing)["a"]["base_budget"]["verdict"] is None
    finally:
        standing.write()
    assert standing.status()["verdict"] == "healthy"


@pytest.mark.process_only
def test_what_could_be_freed_and_what_is_not_ours(standing):
    prefix = standing.entry("a")["prefix"]
    theirs, aside = f"{prefix}/live-0@theirs", f"{prefix}/aside-1"
    marks = [word for key, text in (("cluster", "dex"), ("node", "a"), ("role", "aside"))
             for word in ("-o", f"dugong:{key}={text}")]
    try:
        standing.zfs("create", *marks, aside)
        standing.zfs("snapshot", theirs)
        churn(standing)

        def found():
            return {one["name"]: one for one in space_of(standing, "a")["a"]["freeable"]}

        eventually(lambda: theirs in found())
        assert found()[theirs]["command"] is None
        assert found()[aside]["command"] == f"zfs destroy -r {aside}", found()
        assert part(space_of(standing, "a")["a"], "asides") > 0
        subprocess.run(found()[aside]["command"].split(), check=True)
        assert aside not in found()
        assert part(space_of(standing, "a")["a"], "asides") == 0
    finally:
        destroyed_if_there(standing, aside)
        destroyed_if_there(standing, theirs)


@pytest.mark.process_only
def test_a_node_that_cannot_be_reached_is_said_to_be(standing):
    standing.host("c").cut()
    try:
        nodes = space_of(standing, code=4)
        assert nodes["c"]["reason"].startswith("cannot be reached: ") and nodes["c"]["size_bytes"] is None
        assert nodes["a"]["reason"] is None and part(nodes["a"], "live") > 0
        assert standing.run("space", "a").returncode == 0
        assert standing.run("space", "nobody").returncode == 2
    finally:
        standing.host("c").heal()
    healthy(standing)
