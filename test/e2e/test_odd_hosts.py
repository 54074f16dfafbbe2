"""A cluster one of whose hosts is an hour ahead, all of which speak German, in a zone of +5:45: nothing that dugong decides
may come from a clock it has not compared, or from the words of a translation."""

import json
import re
import shutil
import time

import pytest

from conftest import BIN, RUNTIME
from odd_hosts import HOUR, LOCALE, ZONE, OddHosts
from processes import assert_nothing_left_over
from support import Cluster

pytestmark = pytest.mark.process_only

GERMAN = {"lc_messages": LOCALE, "lc_numeric": LOCALE, "lc_time": LOCALE, "lc_monetary": LOCALE, "timezone": ZONE,
          "log_timezone": ZONE, "DateStyle": "German, DMY", "IntervalStyle": "sql_standard", "bytea_output": "escape"}


def findings(cluster):
    done = cluster.run("check", "-o", "json")
    return {(one["node"], one["id"]): one for one in json.loads(done.stdout)["findings"]}


@pytest.fixture(scope="module")
def cluster(lab, tmp_path_factory):
    """b is an hour ahead, c an hour behind."""
    odd = OddHosts(lab["h1"].dir.parent.parent / "odd", BIN / "dugong", lab.facts()["postgres_bin"])
    made = Cluster(lab, tmp_path_factory.mktemp("odd"), RUNTIME, BIN)
    made.tree["postgres"]["bin_dir"] = str(odd.bin)
    made.tree["postgres"]["settings"].update(GERMAN)
    made.write()
    german = {"LANG": LOCALE, "LC_ALL": LOCALE, "LANGUAGE": "de", "TZ": ZONE}
    made.environment.update(DUGONG_REMOTE_PROGRAM=str(odd.program), LOCPATH=str(odd.locales), **german)
    configs = {host: host.node_config.read_text() for host in lab.hosts}
    made.allow = lambda host: host.node_config.write_text(configs[host] + f'bin_dirs = ["{odd.bin}"]\n')
    for host, ahead in zip(lab.hosts, (0, HOUR, -HOUR)):
        odd.set(host, **german, **odd.clock_ahead(ahead))
        made.allow(host)
    yield made
    made.destroy_all()
    for host, text in configs.items():
        host.node_config.write_text(text)
    shutil.rmtree(odd.directory)


def test_up_makes_it_and_finds_it_made(cluster):
    cluster.up()
    assert "nothing to do" in cluster.up().stdout
    assert_nothing_left_over(cluster)
    assert cluster.psql("a", "SELECT current_setting('lc_messages'), current_setting('timezone')") == f"{LOCALE}|{ZONE}"
    refused = cluster.psql("a", "SELECT 1/0", check=False)
    assert "Division durch Null" in refused.stderr, "the servers do not speak German: " + refused.stderr
    ahead, here = (float(cluster.psql(node, "SELECT extract(epoch FROM clock_timestamp())").replace(",", "."))
                   for node in "ba")
    assert abs(ahead - here - HOUR) < 60


def test_status_names_the_clocks_and_is_right_about_the_rest(cluster):
    """What a replica says of its lag is a sum of two clocks: of b's it would be an hour."""
    for _ in range(2):
        cluster.psql("a", "CREATE TABLE IF NOT EXISTS x(n int); INSERT INTO x SELECT generate_series(1, 1000)")
        time.sleep(1)
        seen = cluster.status()
        nodes = {node["name"]: node for node in seen["nodes"]}
        assert abs(nodes["a"]["clock_offset_seconds"]) < 5, nodes["a"]
        for name, off in (("b", HOUR), ("c", -HOUR)):
            node = nodes[name]
            assert abs(node["clock_offset_seconds"] - off) < 5, node
            assert any("clock" in reason for reason in node["reasons"]), node
            assert (node["lag_bytes"], node["lag_seconds"], node["lag_kind"]) == (0, 0, "exact"), node
            assert 0 <= node["base_age_seconds"] < 600, node
        assert nodes["a"]["health"] == "healthy", nodes["a"]
    text = cluster.run("status").stdout
    assert re.search(r"b: its clock is \+(3600|3599)\.", text) and re.search(r"c: its clock is -(3600|3599)\.", text), text


def test_lag_of_a_replica_that_is_cut_off_is_of_no_wrong_clock(cluster):
    try:
        for name in "bc":
            cluster.host(name).cut(cluster.host("a"))
        cluster.psql("a", "INSERT INTO x SELECT generate_series(1, 100000)")
        time.sleep(1)
        for name in "bc":
            node = cluster.node_status(name)
            assert node["lag_bytes"] > 100_000, node
            assert node["lag_seconds"] is None or node["lag_seconds"] < 300, node
    finally:
        for name in "bc":
            cluster.host(name).heal()


def test_check_and_verify_tell_the_clocks_and_nothing_else_of_it(cluster):
    found = findings(cluster)
    assert found["b", "clock"]["severity"] == "warning" and re.search(r"\+3(600|599)\.", found["b", "clock"]["evidence"])
    assert found["a", "clock"]["severity"] == "ok", found["a", "clock"]
    verified = cluster.run("verify", "-o", "json")
    failed = {(check["id"], check["node"]): check["evidence"] for check in json.loads(verified.stdout)["checks"]
              if check["outcome"] == "failed"}
    # The kernel dates the files, and its clock is right: to c's server they are of the future, as they may be anywhere.
    assert "dated in the future" in failed.pop(("settings-in-force", "c"), "dated in the future"), failed
    assert set(failed) == {("clock", "b"), ("clock", "c")}, failed


def test_what_the_server_says_is_not_read_as_english(cluster):
    """A change that waits for a restart, and a value that is not taken: PostgreSQL has one text for both."""
    settings = cluster.tree["postgres"]["settings"]
    started = cluster.psql("a", "SELECT pg_postmaster_start_time()")
    try:
        cluster.tree["postgres"]["settings"] = {**settings, "wal_buffers": "-5"}
        cluster.write()
        done = cluster.run("up", "--yes", timeout=60)
        assert done.returncode == 3 and "wal_buffers: setting could not be applied" in " ".join(done.stderr.split()), done
        assert cluster.psql("a", "SELECT pg_postmaster_start_time()") == started
        cluster.tree["postgres"]["settings"] = {**settings, "max_connections": 50}
        cluster.write()
        cluster.up()
        assert cluster.psql("a", "SHOW max_connections") == cluster.psql("b", "SHOW max_connections") == "50"
    finally:
        cluster.tree["postgres"]["settings"] = settings
        cluster.write()
        cluster.up()
    assert "nothing to do" in cluster.up().stdout


def test_a_wrong_password_is_told_whatever_the_language(cluster):
    cluster.psql("a", "ALTER ROLE postgres PASSWORD 'another'")
    try:
        done = cluster.run("up", "--yes", timeout=60)
        assert done.returncode == 3 and "SQLSTATE 28P01" in done.stderr, done
    finally:
        cluster.psql("a", f"ALTER ROLE postgres PASSWORD $q${cluster.environment['POSTGRES_PASSWORD']}$q$",
                     password="another")
    cluster.up()


def test_a_replica_is_made_anew_and_boots_there(cluster):
    cluster.must("down", "b", "--destroy", "--confirm=dex", "--yes")
    cluster.must("replica", "add", "b", "--yes")
    cluster.host("b").reboot()
    cluster.allow(cluster.host("b"))
    deadline = time.monotonic() + 60
    argv = [cluster.environment["DUGONG_REMOTE_PROGRAM"], "node", "start"]
    while (done := cluster.host("b").run(*argv)).returncode == 5 and time.monotonic() < deadline:
        time.sleep(1)
    assert done.returncode == 0, done.stdout
    assert "nothing to do" in cluster.up().stdout
