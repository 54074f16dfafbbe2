"""End-to-end: the real dugong over the lab, in the runtime that DUGONG_E2E_RUNTIME names (process or compose).
One lab serves all tests of a run; each test leaves the cluster it was given destroyed or healthy."""

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "lab"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import labkit  # noqa: E402
from leaks import CommandLines  # noqa: E402
from support import Cluster  # noqa: E402
from waiting import healthy  # noqa: E402

RUNTIME = os.environ.get("DUGONG_E2E_RUNTIME", "process")
BIN = Path(os.environ.get("DUGONG_E2E_BIN", ROOT / "build" / "dev"))


ONLY = {"process_only": ("process", "nothing in it depends on the runtime"),
        "compose_only": ("compose", "needs containers")}


FIRST = {"test_up.py": 0, "test_space.py": 1}  # of those with `standing`: they are about a cluster that is still new


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: ("standing" not in item.fixturenames, FIRST.get(item.path.name, len(FIRST))))
    for item in items:
        # What stands at a test says more than what stands at its file.
        marker = next((marker for marker in item.iter_markers() if marker.name in ONLY), None)
        if marker and RUNTIME != ONLY[marker.name][0]:
            item.add_marker(pytest.mark.skip(reason=ONLY[marker.name][1]))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    if "standing" not in item.fixturenames:
        Standing.end()


def pytest_configure(config):
    config.addinivalue_line("markers", "process_only: once is enough, in the fast runtime")
    config.addinivalue_line("markers", "compose_only: about containers and images")


@pytest.fixture(scope="session")
def lab():
    name = os.environ.get("DUGONG_E2E_LAB", "e2e") + RUNTIME[0]
    with labkit.bring_up_anew(name, hosts=3, runtime=RUNTIME, bin_dir=str(BIN), pool_size="12G") as running:
        yield running
        Standing.end()


@pytest.fixture
def fresh(lab, tmp_path):
    """A cluster file for hosts h1, h2, h3 with nothing on them yet; everything is taken away afterwards."""
    cluster = Cluster(lab, tmp_path, RUNTIME, BIN)
    yield cluster
    cluster.destroy_all()


class Standing:
    """The one cluster that all tests with `standing` share. They come first; then the hosts are free."""
    cluster = None

    @classmethod
    def begin(cls, lab, directory):
        cluster = Cluster(lab, directory, RUNTIME, BIN)
        with CommandLines() as seen:
            cluster.first_up = cluster.up("--progress", "json")
        cluster.command_lines = seen.lines
        cls.cluster = cluster

    @classmethod
    def end(cls):
        cluster, cls.cluster = cls.cluster, None
        if cluster:
            healthy(cluster)
            cluster.destroy_all()


@pytest.fixture
def standing(lab, tmp_path_factory):
    """A cluster a (primary), b and c that is up; tests that use it leave it healthy."""
    if Standing.cluster is None:
        Standing.begin(lab, tmp_path_factory.mktemp("standing"))
    return Standing.cluster
