"""Connections of ssh that are kept for the next command: what stays behind and for how long, and that one which hangs or
died costs a moment and no more."""

import os
import signal
import subprocess
import time

import pytest

from conftest import BIN, RUNTIME
from processes import assert_nothing_left_over, command_lines
from support import Cluster
from waiting import eventually

pytestmark = pytest.mark.process_only

KEPT = 8  # seconds


class Keeping(Cluster):
    """Three nodes without anything on them: what is asked of them is answered all the same."""

    def __init__(self, lab, directory):
        super().__init__(lab, directory, RUNTIME, BIN)
        self.run_dir = directory / "r"
        self.run_dir.mkdir()
        self.environment.update(DUGONG_SSH_PERSIST=str(KEPT), DUGONG_RUN_DIR=str(self.run_dir))

    def masters(self):
        return {pid for pid, words in command_lines().items() if words.startswith(f"ssh: {self.run_dir}/ssh/")}

    def look(self):
        """Its seconds. Every node has to answer."""
        began = time.monotonic()
        done = self.run("status", "-o", "json", timeout=60)
        assert "cannot be reached" not in done.stdout, done.stdout
        return time.monotonic() - began


@pytest.fixture
def keeping(lab, tmp_path_factory):
    made = Keeping(lab, tmp_path_factory.mktemp("k"))
    yield made
    for pid in made.masters():
        os.kill(pid, signal.SIGKILL)


def test_the_second_look_needs_no_handshake(keeping):
    cold = keeping.look()
    assert len(keeping.masters()) == 3
    assert (keeping.run_dir / "ssh").stat().st_mode & 0o777 == 0o700
    warm = min(keeping.look() for _ in range(3))
    assert len(keeping.masters()) == 3
    assert warm < cold, (warm, cold)
    assert_nothing_left_over(keeping)  # of serve and of ssh itself
    eventually(lambda: not keeping.masters(), KEPT + 10)


def test_they_hold_nothing_of_ours(keeping):
    process = keeping.start("status")
    process.communicate(timeout=60)  # ends at once: nobody else has its pipes
    for pid in keeping.masters():
        assert os.getsid(pid) != os.getsid(0)
        assert {os.readlink(f"/proc/{pid}/fd/{number}") for number in (0, 1, 2)} == {"/dev/null"}


def test_off_means_that_none_stays(keeping):
    keeping.environment["DUGONG_SSH_PERSIST"] = "0"
    keeping.look()
    assert not keeping.masters()


def test_one_that_hangs_is_put_out_of_the_way(keeping):
    keeping.look()
    stopped = keeping.masters()
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    assert keeping.look() < 5 + 10  # the kept one is given 5 s
    assert len(keeping.masters() - stopped) == 3
    assert keeping.look() < 5


def test_one_that_died_is_replaced(keeping):
    keeping.look()
    for pid in keeping.masters():
        os.kill(pid, signal.SIGKILL)
    assert keeping.look() < 10
    assert len(keeping.masters()) == 3


def test_a_killed_controller_leaves_its_connections_and_nothing_else(keeping):
    process = subprocess.Popen(keeping.argv("status", "--watch", "1"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               env=keeping.environment)
    eventually(lambda: len(keeping.masters()) == 3)
    process.kill()
    process.wait()
    assert_nothing_left_over(keeping)
    eventually(lambda: not keeping.masters(), KEPT + 10)
