"""Waiting for what comes by itself, with a limit: a test that hangs tells nothing."""

import time


def eventually(condition, seconds=60):
    """What `condition` returns as soon as that is true of it."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s; the last answer was {found!r}"
        time.sleep(0.1)
    return found


def healthy(cluster, seconds=60):
    """Waits for a whole cluster; what is wrong with it is the failure."""
    deadline = time.monotonic() + seconds
    while (status := cluster.status())["verdict"] != "healthy":
        assert time.monotonic() < deadline, status["reasons"]
        time.sleep(0.2)
