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

RUNTIME = os.environ.get("DUGONG_E2E_RUNTIME", "process")
BIN = Path(os.environ.get("DUGONG_E2E_BIN", ROOT / "build" / "dev"))


def pytest_collection_modifyitems(items):
    for item in items:
        if item.get_closest_marker("process_only") and RUNTIME != "process":
            item.add_marker(pytest.mark.skip(reason="nothing in it depends on the runtime"))
        if item.get_closest_marker("compose_only") and RUNTIME != "compose":
            item.add_marker(pytest.mark.skip(reason="needs containers"))


def pytest_configure(config):
    config.addinivalue_line("markers", "process_only: once is enough, in the fast runtime")
    config.addinivalue_line("markers", "compose_only: about containers and images")


@pytest.fixture(scope="session")
def lab():
    name = os.environ.get("DUGONG_E2E_LAB", "e2e") + RUNTIME[0]
    with labkit.bring_up(name, hosts=3, runtime=RUNTIME, bin_dir=str(BIN), pool_size="12G") as running:
        yield running


@pytest.fixture
def fresh(lab, tmp_path):
    """A cluster file for hosts h1, h2, h3 with nothing on them yet; everything is taken away afterwards."""
    cluster = Cluster(lab, tmp_path, RUNTIME, BIN)
    yield cluster
    cluster.destroy_all()


@pytest.fixture(scope="module")
def standing(lab, tmp_path_factory):
    """A cluster a (primary), b and c that is up; tests that use it leave it healthy."""
    cluster = Cluster(lab, tmp_path_factory.mktemp("standing"), RUNTIME, BIN)
    with CommandLines() as seen:
        cluster.first_up = cluster.up("--progress", "json")
    cluster.command_lines = seen.lines
    yield cluster
    cluster.destroy_all()
