"""`script/demo --down`: what the demo made is gone; what was there before, or belongs to another lab, is not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "lab"))

from labkit import net, processes, zfs_daemon  # noqa: E402

DEMO, NEIGHBOUR = "demotest", "neighbour"


# --- the node image's cache ------------------------------------------------------------------------------------------


class Cache:
    """A directory in the place of the cache, and what script/demo does to it."""

    def __init__(self, directory):
        self.directory, self.labs = directory / "cache", directory / "labs"

    def remember(self):
        self._call('remember_cache "$1"')

    def forget(self):
        return self._call('forget_cache "$1" "$2"')

    def _call(self, words):
        script = f"set -euo pipefail; . script/lib.sh; . script/demo_cache.sh; {words}"
        done = subprocess.run(["bash", "-c", script, "demo", self.directory, self.labs], cwd=ROOT,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def build(self, *names):
        for name in names:
            (self.directory / name / "diff").mkdir(parents=True)
            (self.directory / name / "diff" / "file").write_text(name)

    def holds(self):
        """Names, also of what ls does not show."""
        return sorted(os.listdir(self.directory)) if self.directory.exists() else None


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path)


def test_a_cache_that_the_demo_made_goes_whole(cache):
    cache.remember()
    cache.build("root-1", "engine-1", "work")
    cache.remember()  # the demo runs again
    cache.forget()
    assert cache.holds() is None


def test_what_was_in_the_cache_before_stays(cache):
    cache.build("root-1", "engine-1")
    cache.remember()
    cache.build("engine-11")
    cache.forget()
    assert cache.holds() == ["engine-1", "root-1"]
    assert cache.forget() == ""
    assert cache.holds() == ["engine-1", "root-1"]


def test_other_labs_keep_the_cache_and_that_is_said(cache):
    cache.remember()
    cache.build("engine-1")
    (cache.labs / NEIGHBOUR).mkdir(parents=True)
    assert "other labs may use it" in cache.forget()
    assert "engine-1" in cache.holds()
    (cache.labs / NEIGHBOUR).rmdir()
    assert cache.forget() == ""
    assert cache.holds() is None


def test_a_cache_that_others_made_is_not_the_demos(cache):
    assert cache.forget() == ""
    assert cache.holds() is None
    cache.build("engine-1")
    cache.forget()
    assert cache.holds() == ["engine-1"]


# --- its lab ---------------------------------------------------------------------------------------------------------


def seen_of(name, labs):
    """All that a lab has on this machine: files, namespaces with who runs in them, pools."""
    spaces = net.namespaces_of(name)
    return {"files": sorted(map(str, (labs / name).rglob("*"))), "pools": pools_of(name),
            "processes": {space: processes.in_netns(f"/run/netns/{space}") for space in spaces}}


def pools_of(name):
    return [pool for pool in zfs_daemon.pool_names() if pool.startswith(f"dg{name}_")]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a lab")
def test_down_ends_the_demos_lab_and_no_other(tmp_path):
    labs, cache = tmp_path / "labs", tmp_path / "cache"
    environment = {**os.environ, "DUGONG_LAB_DIR": str(labs), "DUGONG_LAB_CACHE": str(cache), "DUGONG_DEMO_LAB": DEMO}

    def run(*words):
        done = subprocess.run(words, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              stdin=subprocess.DEVNULL, timeout=120)
        assert done.returncode == 0, done.stdout
        return done.stdout

    try:
        for name in (DEMO, NEIGHBOUR):
            run("lab/lab", "up", "--name", name, "--hosts", "1", "--pool-size", "500M")
        before = seen_of(NEIGHBOUR, labs)
        assert before["pools"] and before["files"] and all(map(len, seen_of(DEMO, labs).values()))
        assert "the demo is gone" in run("script/demo", "--down")
        assert seen_of(DEMO, labs) == {"files": [], "pools": [], "processes": {}}
        assert seen_of(NEIGHBOUR, labs) == before
        run("script/demo", "--down")  # again: there is nothing to do
        assert seen_of(NEIGHBOUR, labs) == before
    finally:
        for name in (DEMO, NEIGHBOUR):
            run("lab/lab", "down", "--name", name)
    assert not labs.exists() and not cache.exists()
