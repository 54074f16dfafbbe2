"""What real zfs, PostgreSQL and Docker refuse: one test per row of test/sim/refusals.h. The simulated world refuses the
same, so a scenario that passes there has met nothing that the real tools would have stopped."""

import os
import shutil
import subprocess

import labkit
import pytest
from conftest import RUNTIME
from refusal_rig import OWNER, Pair, Server, Zfs, must, run, words_of

pytestmark = [pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a lab"), pytest.mark.process_only]


@pytest.fixture(scope="module")
def lab():
    with labkit.bring_up_anew(f"refusals{RUNTIME[0]}", hosts=1, runtime="process", pool_size="2G") as running:
        yield running


@pytest.fixture
def zfs(lab, tmp_path):
    rig = Zfs(lab["h1"].pool, tmp_path)
    yield rig
    rig.remove()


@pytest.fixture(scope="module")
def space(tmp_path_factory):
    """A directory that the postgres user can reach: pytest's own are closed to others."""
    top = tmp_path_factory.mktemp("servers")
    for directory in (top, *top.parents):
        if str(directory).startswith("/tmp/pytest-"):
            directory.chmod(0o711)
    return top


@pytest.fixture(scope="module")
def template(lab, space):
    server = Server(lab["h1"], lab.facts()["postgres_bin"], space / "template", 6100)
    server.initdb()
    return server


@pytest.fixture
def server(lab, template, space, request):
    one = Server(lab["h1"], template.bin, space / request.node.name, 6103)
    must("cp", "-a", template.data, one.data)
    one.settings("port = 6103", f"unix_socket_directories = '{one.directory}'")
    yield one
    one.stop()
    shutil.rmtree(one.directory)


@pytest.fixture
def pair(lab, template, space, request):
    both = Pair(lab["h1"], template.bin, space / request.node.name, template)
    yield both
    both.stop()
    shutil.rmtree(space / request.node.name)


@pytest.fixture
def says(request):
    """The words of this test's own row, in an answer that is a failure."""
    words = words_of(request.node.name[len("test_"):])

    def check(answer):
        if not isinstance(answer, str):
            assert answer.returncode != 0, answer.stdout
            answer = answer.stdout
        assert any(one in answer for one in words), (words, answer)
    check.words = words
    return check


# --- ZFS -----------------------------------------------------------------------------------------------------------


def test_create_existing_dataset(zfs, says):
    says(zfs("create", zfs.create("x")))


def test_create_without_parent(zfs, says):
    says(zfs("create", zfs.name("x/y")))


def test_create_with_lz4_on_v23(zfs, says):
    if run("zfs", "version").returncode == 0:
        pytest.skip("OpenZFS knows lz4")
    says(zfs("create", "-o", "compression=lz4", zfs.name("x")))


def test_snapshot_existing(zfs, says):
    zfs.create("x")
    says(zfs("snapshot", zfs.snapshot("x@s")))


def test_snapshot_recursive_is_atomic(zfs, says):
    zfs.create("x")
    zfs.create("x/y")
    zfs.snapshot("x/y@s")
    says(zfs("snapshot", "-r", zfs.name("x@s")))
    assert zfs("list", zfs.name("x@s")).returncode != 0


def test_hold_twice(zfs, says):
    zfs.create("x")
    zfs.must("hold", "t", zfs.snapshot("x@s"))
    says(zfs("hold", "t", zfs.name("x@s")))


def test_release_missing_tag(zfs, says):
    zfs.create("x")
    says(zfs("release", "t", zfs.snapshot("x@s")))


def test_destroy_held_snapshot(zfs, says):
    zfs.create("x")
    zfs.must("hold", "t", zfs.snapshot("x@s"))
    says(zfs("destroy", zfs.name("x@s")))
    zfs.must("release", "t", zfs.name("x@s"))
    zfs.must("destroy", zfs.name("x@s"))


def test_destroy_cloned_snapshot(zfs, says):
    zfs.create("x")
    zfs.must("clone", zfs.snapshot("x@s"), zfs.name("y"))
    says(zfs("destroy", zfs.name("x@s")))


def test_rollback_with_newer(zfs, says):
    zfs.create("x")
    zfs.snapshot("x@s")
    zfs.snapshot("x@t")
    says(zfs("rollback", zfs.name("x@s")))
    zfs.must("destroy", zfs.name("x@t"))
    zfs.must("rollback", zfs.name("x@s"))


def test_destroy_with_children(zfs, says):
    zfs.create("x")
    zfs.create("x/y")
    says(zfs("destroy", zfs.name("x")))


def test_destroy_with_snapshots(zfs, says):
    zfs.create("x")
    zfs.snapshot("x@s")
    says(zfs("destroy", zfs.name("x")))


def test_destroy_missing(zfs, says):
    says(zfs("destroy", zfs.name("x")))


def test_clone_missing_snapshot(zfs, says):
    zfs.create("x")
    says(zfs("clone", zfs.name("x@s"), zfs.name("y")))


def test_mount_twice(zfs, says):
    zfs.mounted("x")
    says(zfs("mount", zfs.name("x")))


def test_mount_without_mountpoint(zfs, says):
    says(zfs("mount", zfs.create("x")))


def test_mount_over_files(zfs, says):
    at = zfs.mounted("x", canmount="noauto")
    at.mkdir(exist_ok=True)
    (at / "file").write_text("in the way")
    if run("zfs", "version").returncode == 0:
        zfs.must("set", "overlay=off", zfs.name("x"))
    says(zfs("mount", zfs.name("x")))


def test_unmount_not_mounted(zfs, says):
    says(zfs("unmount", zfs.create("x")))


def test_unmount_busy(zfs, says):
    user = subprocess.Popen(["sleep", "60"], cwd=zfs.mounted("x"))
    try:
        says(zfs("unmount", zfs.name("x")))
    finally:
        user.kill()
        user.wait()


def test_snapshot_native_property(zfs, says):
    zfs.create("x")
    says(zfs("set", "atime=off", zfs.snapshot("x@s")))


def test_write_to_readonly(zfs, says):
    at = zfs.mounted("x", readonly="on")
    says(run("sh", "-c", f"echo text > {at}/file"))


# --- copies --------------------------------------------------------------------------------------------------------


@pytest.fixture
def ends(zfs):
    zfs.create("x")
    zfs.snapshot("x@1")
    return zfs


def test_send_missing_snapshot(ends, says):
    says(ends.copy([ends.name("x@2")], ends.name("y")))


def test_receive_full_over_existing(ends, says):
    says(ends.copy([ends.name("x@1")], ends.create("y")))


def test_receive_without_parent(ends, says):
    says(ends.copy([ends.name("x@1")], ends.name("p/y")))


def test_receive_other_base(ends, says):
    ends.snapshot("x@2")
    ends.snapshot("x@3")
    assert ends.copy([ends.name("x@1")], ends.name("y")).returncode == 0
    says(ends.copy(["-i", ends.name("x@2"), ends.name("x@3")], ends.name("y")))


def test_receive_into_modified(ends, says):
    ends.snapshot("x@2")
    assert ends.copy([ends.name("x@1")], ends.name("y")).returncode == 0
    at = ends.directory / "y"
    ends.must("set", f"mountpoint={at}", ends.name("y"))
    (at / "file").write_text("new")
    ends.must("unmount", ends.name("y"))
    says(ends.copy(["-i", ends.name("x@1"), ends.name("x@2")], ends.name("y")))


def test_receive_out_of_space(zfs, says, lab):
    small = lab["h1"].add_pool("small", "80M")
    at = zfs.mounted("x")
    (at / "file").write_bytes(os.urandom(120 << 20))
    zfs.snapshot("x@1")
    says(zfs.copy([zfs.name("x@1")], f"{small}/y"))


# What render.cpp relies on, and no manual of zfs-fuse tells.
def test_a_mount_without_setuid_and_devices(zfs):
    at = zfs.mounted("x", canmount="noauto")
    zfs.must("mount", "-o", "nosuid,nodev", zfs.name("x"))
    (options,) = [line.split()[3] for line in open("/proc/self/mounts") if line.split()[1] == str(at)]
    assert {"nosuid", "nodev"} <= set(options.split(",")), options
    os.mknod(at / "null", 0o20666, os.makedev(1, 3))
    with pytest.raises(PermissionError):
        (at / "null").open()


def test_a_receive_that_mounts_nothing(ends):
    ends.mounted("p")
    ends.snapshot("x@2")
    one, two = ends.name("x@1"), ends.name("x@2")
    for words in ([one], ["-i", one, two]):
        stream = subprocess.run(["zfs", "send", *words], stdout=subprocess.PIPE, check=True).stdout
        subprocess.run(["zfs", "receive", "-u", ends.name("p/y")], input=stream, check=True)
        assert ends.must("get", "-H", "-o", "value", "mounted", ends.name("p/y")).strip() == "no"


# What is_at_base (cluster/lineage.cpp) and Rollback rely on.
def test_a_rollback_makes_way_for_an_increment(zfs):
    def send(words, target):
        base = ["-i"] if len(words) == 2 else []
        stream = subprocess.run(["zfs", "send", *base, *map(zfs.name, words)], stdout=subprocess.PIPE, check=True)
        return run("zfs", "receive", "-u", zfs.name(target), input=stream.stdout, universal_newlines=False)

    def used(name):
        return int(zfs.must("get", "-Hp", "-o", "value", "used", zfs.name(name)))

    at = zfs.mounted("x")
    for number in range(1, 4):
        (at / "file").write_bytes(os.urandom(1 << 20))
        zfs.snapshot(f"x@{number}")
    assert send(["x@1"], "y").returncode == 0
    zfs.must("clone", "-o", "canmount=noauto", zfs.name("y@1"), zfs.name("live"))
    assert used("y@1") == 0, "nothing came after it"
    assert send(["x@1", "x@2"], "y").returncode == 0
    assert used("y@1") > 0 and used("y@2") == 0
    zfs.must("destroy", zfs.name("y@2"))
    assert used("y@1") > 0, "what @2 had is still there"
    refused = send(["x@1", "x@3"], "y")
    assert refused.returncode != 0 and b"has been modified" in refused.stdout, refused.stdout
    for _ in range(2):
        zfs.must("rollback", zfs.name("y@1"))
        assert used("y@1") == 0
    assert zfs.must("get", "-H", "-o", "value", "origin", zfs.name("live")).strip() == zfs.name("y@1")
    assert zfs.must("get", "-H", "-o", "value", "mounted", zfs.name("y")).strip() == "no"
    assert send(["x@1", "x@3"], "y").returncode == 0


# --- servers -------------------------------------------------------------------------------------------------------


def test_initdb_not_empty(server, says):
    says(server.initdb(check=False))


def test_start_without_data(server, says):
    shutil.rmtree(server.data)
    server.data.mkdir()
    shutil.chown(server.data, OWNER, OWNER)
    says(server.start())


def test_start_port_taken(server, template, space, says):
    server.start()
    second = Server(server.host, server.bin, space / "second", 6103)
    must("cp", "-a", template.data, second.data)
    second.settings("port = 6103", f"unix_socket_directories = '{second.directory}'")
    try:
        says(second.start())
    finally:
        second.stop()
        shutil.rmtree(second.directory)


def test_start_wrong_mode(server, says):
    server.data.chmod(0o755)
    says(server.start())


def test_start_unknown_setting(server, says):
    server.settings("max_conections = 5")
    says(server.start())


def test_start_rejected_value(server, says):
    server.settings("wal_buffers = '64MiB'")
    says(server.start())


def test_start_cut_initdb(server, says):
    (server.data / "global/pg_control").unlink()
    says(server.start())


# --- standbys ------------------------------------------------------------------------------------------------------


def test_standby_lower_settings(pair, says):
    pair.standby.settings("max_connections = 50")
    says(pair.standby.start())


def test_standby_other_system(pair, template, space, says):
    stranger = Server(pair.primary.host, pair.primary.bin, space / "stranger", 6101)
    pair.primary.stop()
    stranger.initdb()
    stranger.hba("host all postgres 127.0.0.1/32 scram-sha-256", "host replication all 127.0.0.1/32 trust")
    stranger.start()
    try:
        stranger.must_sql("CREATE ROLE replicator LOGIN REPLICATION PASSWORD 'mirror'")
        pair.standby.start()
        pair.standby.log_says(says.words)
    finally:
        stranger.stop()
        shutil.rmtree(stranger.directory)


def test_standby_without_slot(pair, says):
    pair.standby.start()
    pair.standby.log_says(says.words)


def test_standby_without_hba(pair, says):
    pair.primary.hba("host all postgres 127.0.0.1/32 scram-sha-256")
    pair.primary.must_sql("SELECT pg_reload_conf()")
    pair.standby.start()
    pair.standby.log_says(says.words)


def test_standby_wrong_password(pair, says):
    pair.slot()
    pair.conninfo(password="wrong")
    pair.standby.start()
    pair.standby.log_says(says.words)


def test_standby_wal_removed(pair, says):
    pair.standby.settings("primary_slot_name = ''")
    for _ in range(3):
        pair.primary.must_sql("SELECT pg_logical_emit_message(false, 'x', 'y')")
        pair.primary.must_sql("SELECT pg_switch_wal()")
        pair.primary.must_sql("CHECKPOINT")
    pair.standby.start()
    pair.standby.log_says(says.words)


def test_write_on_standby(pair, says):
    pair.slot()
    pair.standby.start()
    pair.streaming()
    says(pair.standby.sql("CREATE DATABASE x"))


def test_drop_active_slot(pair, says):
    pair.slot()
    pair.standby.start()
    pair.streaming()
    says(pair.primary.sql("SELECT pg_drop_replication_slot('here')"))


def test_database_exists(server, says):
    server.start()
    says(server.sql("CREATE DATABASE postgres"))


def test_connect_unknown_database(server, says):
    server.start()
    says(server.sql("SELECT 1", database="nowhere"))


def test_connect_wrong_password(server, says):
    server.start()
    says(server.sql("SELECT 1", password="wrong"))


# --- containers ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def docker_lab():
    with labkit.bring_up_anew("refusalsd", hosts=1, runtime="compose", pool_size="1G") as running:
        yield running


def compose(lab, directory, source):
    """`up` of a container that only sleeps, with one directory of the host in it."""
    file = directory / "docker-compose.yaml"
    file.write_text(
        "services:\n  sleeper:\n    container_name: refusals-sleeper\n"
        f"    image: {lab.facts()['image']}\n    network_mode: host\n    entrypoint: [sleep, '600']\n    volumes:\n"
        f"      - type: bind\n        source: {source}\n        target: /srv\n")
    return lab["h1"].run("docker-compose", "-p", "refusals", "-f", file, "up", "-d")


@pytest.mark.compose_only
def test_compose_without_source(docker_lab, tmp_path, says):
    says(compose(docker_lab, tmp_path, tmp_path / "missing"))


@pytest.mark.compose_only
def test_remove_running_container(docker_lab, tmp_path, says):
    started = compose(docker_lab, tmp_path, tmp_path)
    assert started.returncode == 0, started.stdout
    try:
        says(docker_lab["h1"].run("docker", "rm", "refusals-sleeper"))
    finally:
        docker_lab["h1"].run("docker", "rm", "-f", "refusals-sleeper")


@pytest.mark.compose_only
def test_image_missing(docker_lab, says):
    says(docker_lab["h1"].run("docker", "image", "inspect", "postgres:99"))
