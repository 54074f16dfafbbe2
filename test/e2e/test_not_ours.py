"""What lies among a node's own things without being dugong's: it carries the marks only as inherited ones, or leads elsewhere."""

import subprocess
from pathlib import Path

import pytest

from test_refused import UP, dataset, move, refused

pytestmark = pytest.mark.process_only


def test_what_somebody_else_snapshots_and_makes_below_ours_is_left_alone(standing):
    """sanoid's snapshots and an operator's child carry all our marks too, as inherited ones."""
    prefix, theirs = standing.entry("b")["prefix"], "autosnap_2026-11-23_00:00:09_hourly"
    standing.zfs("snapshot", "-r", f"{prefix}@{theirs}")
    with dataset(standing, f"{prefix}/archive/old", mountpoint="none") as child:
        for name in (child, f"{prefix}/live-0@{theirs}"):
            mark = standing.zfs("get", "-H", "-o", "value,source", "dugong:cluster", name)
            assert mark.startswith("dex\tinherited from "), (name, mark)
        before = standing.tree_of("b")
        for words in (("plan",), ("up", "--yes")):
            assert "nothing to do" in standing.must(*words).stdout
        assert standing.status()["verdict"] == "healthy" and standing.tree_of("b") == before
        done = standing.must("down", "b", "--destroy", "--confirm=dex", "--yes")
        for name in ("live-0", "anchor-0", "archive"):
            assert f"{prefix}/{name} stays: {prefix}/{name}@{theirs} is not ours" in done.stdout, done.stdout
        left = [name for name, _ in standing.tree_of("b")]
        assert {name for name, _ in before if theirs in name or name == child} < set(left), left
        assert (Path(standing.entry("b")["directory"]) / "data" / "PG_VERSION").exists()
        for name in (name for name, _ in before if theirs in name):
            standing.zfs("destroy", name)
        done = standing.must("down", "b", "--destroy", "--confirm=dex", "--yes")
        assert f"{prefix}/archive stays: {child} is not ours" in done.stdout, done.stdout
        assert {name for name, _ in standing.tree_of("b")} == {prefix, f"{prefix}/archive", child}
    standing.must("down", "b", "--destroy", "--confirm=dex", "--yes")
    assert subprocess.run(["zfs", "list", prefix], capture_output=True).returncode != 0
    standing.up()


def test_a_symlink_that_was_planted_in_a_nodes_directory(standing, tmp_path):
    secrets, loot = Path(standing.entry("b")["directory"]) / "secrets", tmp_path / "loot"
    move(secrets, loot)
    secrets.symlink_to(loot)
    held = {path.name: path.read_bytes() for path in loot.iterdir()}
    try:
        refused(standing, *UP, where="b", says="symbolic link", then="")
        assert {path.name: path.read_bytes() for path in loot.iterdir()} == held
    finally:
        secrets.unlink()
        move(loot, secrets)
