"""Proves the lab on itself: what a test of the product leans on (ssh, pools, faults, power cuts, a clean
end) is shown here with real tools. Compose needs the image: DUGONG_LAB_COMPOSE=1."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

import labkit  # noqa: E402
from labkit import model, mounts, net, pools, processes, zfs_daemon  # noqa: E402

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a lab")
NAME = "selftest"


def leftovers(name):
    """Everything that carries the lab's name."""
    held = [target for source, target in mounts.table() if f"dugong-lab/{name}/" in target or source.startswith(f"dg{name}_")]
    imported = subprocess.run(["zpool", "list", "-H", "-o", "name"], stdout=subprocess.PIPE,
                              universal_newlines=True).stdout.split()
    return {
        "namespaces": net.namespaces_of(name), "mounts": held,
        "pools": [pool for pool in imported if pool.startswith(f"dg{name}")],
        "files": (model.labs_root() / name).exists(),
        "processes": processes.in_cgroup(f"/dugong-lab/{name}"),
    }


NOTHING = {"namespaces": [], "mounts": [], "pools": [], "files": False, "processes": set()}


@pytest.fixture(scope="module")
def lab():
    with labkit.bring_up_anew(NAME, hosts=2, pool_size="1G") as running:
        yield running
    assert leftovers(NAME) == NOTHING


def hears(here, there, seconds=1):
    """A TCP connection to the other host's sshd."""
    script = f"import socket; socket.create_connection(('{there.address}', 22), {seconds})"
    return here.run("/usr/bin/python3", "-c", script).returncode == 0


def seconds_for(action):
    start = time.monotonic()
    action()
    return time.monotonic() - start


def test_ssh_reaches_every_host_by_name_and_by_address(lab):
    for host in lab.hosts:
        assert host.ssh("echo $DUGONG_LAB_HOST").stdout == f"{host.name}\n"
        by_address = subprocess.run(["ssh", "-F", lab.ssh_config, f"root@{host.address}", "echo $DUGONG_LAB_HOST"],
                                    stdout=subprocess.PIPE, universal_newlines=True)
        assert by_address.stdout == f"{host.name}\n"


def test_a_login_finds_the_hosts_own_environment(lab):
    shown = lab["h1"].ssh("env").stdout.splitlines()
    assert f"DOCKER_HOST={lab['h1'].docker_host}" in shown
    assert f"DUGONG_NODE_CONFIG={lab['h1'].node_config}" in shown
    assert f"DUGONG_RUN_DIR={lab['h1'].run_dir}" in shown
    assert any(line.startswith(f"PATH={model.REPOSITORY}/build:/usr/sbin:") for line in shown)


def test_the_machine_may_have_an_eth0_of_its_own():
    wires = model.Lab("wires", 250, "process", "", "1G", False, 1, {})
    connect = ("from labkit import model, net; "
               "wires = model.Lab('wires', 250, 'process', '', '1G', False, 1, {}); "
               "net.make_bridge(wires); net.connect(wires, wires.host('h1'))")
    try:
        done = subprocess.run(["unshare", "--net", "sh", "-c",
                               'ip link add eth0 type veth peer name other && exec "$0" -c "$1"', sys.executable, connect],
                              cwd=Path(__file__).parent, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert done.returncode == 0, done.stdout
        assert net.has_link(wires.host("h1").netns, net.UPLINK)
        assert net.has_link(wires.bridge_netns, "h1")
    finally:
        for name in net.namespaces_of("wires"):
            net.remove(name)


def test_a_mount_namespace_of_somebody_else_keeps_no_dataset_busy(lab):
    host, dataset = lab["h1"], f"{lab['h1'].pool}/copied"
    host.run("zfs", "create", "-o", f"mountpoint={host.dir}/copied", dataset)
    with subprocess.Popen(["unshare", "--mount", "--propagation", "slave", "sh", "-c", "echo there; exec sleep 60"],
                          stdout=subprocess.PIPE, text=True) as other:
        try:
            assert other.stdout.readline() == "there\n"
            host.run("zfs", "unmount", dataset)
            assert mounts.below(host.dir) == []
            pools.try_while_busy("zfs", "destroy", dataset, otherwise=("zfs", "destroy", dataset))
        finally:
            other.kill()


def test_ssh_from_host_to_host_uses_the_hosts_own_link(lab):
    said = lab["h1"].run("ssh", "-F", lab.ssh_config, "h2", "echo $SSH_CONNECTION").stdout
    assert said.startswith(lab["h1"].address + " ")


def test_up_again_changes_nothing(lab):
    before = processes.in_netns(lab.lab.hosts[0].netns_path)
    assert seconds_for(lambda: labkit.bring_up(NAME)) < 5
    assert processes.in_netns(lab.lab.hosts[0].netns_path) == before


def test_a_cut_host_is_heard_by_nobody_until_it_is_healed(lab):
    one, two = lab["h1"], lab["h2"]
    one.cut()
    try:
        assert not hears(two, one) and not hears(one, two)
        with pytest.raises(subprocess.TimeoutExpired):
            one.ssh("true", timeout=2)
    finally:
        one.heal()
    assert hears(two, one, 5) and hears(one, two, 5)


def test_a_pair_can_be_parted_while_the_controller_hears_both(lab):
    one, two = lab["h1"], lab["h2"]
    one.cut(two)
    try:
        assert not hears(one, two) and not hears(two, one)
        assert one.ssh("true").returncode == 0 and two.ssh("true").returncode == 0
    finally:
        one.heal()
    assert hears(one, two) and hears(two, one)


def test_limit_slows_both_directions(lab):
    host = lab["h1"]

    def copy_out():
        assert len(host.ssh("head -c 3000000 /dev/zero", universal_newlines=False).stdout) == 3000000

    def copy_in():
        assert host.ssh("wc -c", universal_newlines=False, input=bytes(3000000)).stdout == b"3000000\n"

    host.limit("20mbit")  # 3 MB: 1.2 s
    try:
        limited = [seconds_for(copy_out), seconds_for(copy_in)]
    finally:
        host.limit("off")
    assert all(0.9 < seconds < 6 for seconds in limited)
    assert all(seconds_for(copy) < 0.9 for copy in (copy_out, copy_in))


def test_a_power_cut_ends_every_process_and_boot_brings_the_pool_back(lab):
    host, directory = lab["h2"], lab["h2"].dir / "mounted"
    subprocess.run(["zfs", "create", "-o", f"mountpoint={directory}", f"{host.pool}/data"], check=True)
    (directory / "file").write_text("kept")
    sleeper = host.start("sleep", "1000")
    host.kill()
    assert sleeper.wait(5) != 0
    assert not host.is_up() and not pools.is_imported(host.pool) and not hears(lab["h1"], host)
    assert not (directory / "file").exists()
    host.boot()
    assert host.is_up() and hears(lab["h1"], host, 5)
    assert (directory / "file").read_text() == "kept"


def test_up_heals_a_killed_host(lab):
    lab["h1"].kill()
    labkit.bring_up(NAME)
    assert lab["h1"].is_up()


def test_a_small_extra_pool_survives_a_reboot(lab):
    name = lab["h1"].add_pool("small", "100M")
    fresh = labkit.open_lab(NAME)["h1"]
    fresh.reboot()
    assert pools.is_imported(name)


def test_the_command_line_runs_a_command_on_a_host(lab):
    done = subprocess.run([model.REPOSITORY / "lab" / "lab", "exec", "--name", NAME, "h2", "--", "sh", "-c",
                           "echo $DUGONG_LAB_HOST; exit 7"], stdout=subprocess.PIPE, universal_newlines=True)
    assert (done.returncode, done.stdout) == (7, "h2\n")


def test_a_blackout_loses_what_was_not_fsynced_and_nothing_else(lab):
    others = [pool for pool in zfs_daemon.pool_names() if not pool.startswith(f"dg{NAME}_")]
    if others or zfs_daemon.kernel_has_zfs():
        pytest.skip("others use the daemon, or the kernel holds the pools")
    directory = lab["h1"].dir / "blackout"
    subprocess.run(["zfs", "create", "-o", f"mountpoint={directory}", f"{lab['h1'].pool}/blackout"], check=True)
    subprocess.run(["dd", "if=/dev/zero", f"of={directory}/synced", "bs=8k", "count=1", "conv=fsync"], check=True)
    (directory / "cached").write_text("lost")
    lab.blackout()
    labkit.bring_up(NAME)
    assert [entry.name for entry in directory.iterdir()] == ["synced"]


def test_errors_name_what_is_missing():
    with pytest.raises(labkit.LabError, match="no lab 'nosuch'"):
        labkit.open_lab("nosuch")
    with pytest.raises(labkit.LabError, match="no lab name"):
        labkit.open_lab("../etc")


def test_hosts_can_share_one_pool_and_two_labs_do_not_clash(lab):
    with labkit.bring_up_anew("selftest2", hosts=2, pool_size="500M", pools_shared=True) as other:
        assert other["h1"].pool == other["h2"].pool == "dgselftest2"
        assert other["h1"].address != lab["h1"].address
        other["h1"].reboot()
        assert other["h1"].is_up() and other["h2"].is_up() and pools.is_imported("dgselftest2")
    assert leftovers("selftest2")["files"] is False
    assert lab["h1"].is_up()


def test_down_takes_a_half_made_lab_away():
    directory = model.labs_root() / "selftest3"
    (directory / "hosts" / "h1").mkdir(parents=True)
    net.add_netns("dgselftest3-h1")
    from labkit import life
    life.down("selftest3")
    assert leftovers("selftest3") == NOTHING


def test_what_a_run_left_that_was_cut_off_does_not_meet_the_next():
    left = labkit.bring_up("selftest4", hosts=1, pool_size="200M")
    left["h1"].run("zfs", "create", "-o", "canmount=off", f"{left['h1'].pool}/left")
    with labkit.bring_up_anew("selftest4", hosts=1, pool_size="200M") as running:
        assert f"{running['h1'].pool}/left" not in running["h1"].run("zfs", "list", "-H", "-o", "name").stdout
    assert leftovers("selftest4")["files"] is False


needs_compose = pytest.mark.skipif(os.environ.get("DUGONG_LAB_COMPOSE") != "1", reason="set DUGONG_LAB_COMPOSE=1")
COMPOSE_FILE = """\
version: "3.7"
services:
  db:
    image: {image}
    container_name: lab-db
    network_mode: host
    environment: {{POSTGRES_HOST_AUTH_METHOD: trust}}
    volumes: ["{directory}/pgdata:/var/lib/postgresql/data"]
"""


@pytest.fixture(scope="module")
def compose_lab():
    with labkit.bring_up_anew("selftestc", hosts=2, runtime="compose", pool_size="2G") as running:
        yield running
    assert leftovers("selftestc") == NOTHING


def serves(here, there, seconds=30):
    query = ["psql", "-h", there.address, "-U", "postgres", "-Atc",
             "select extname from pg_extension where extname = 'timescaledb'"]
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if here.run(*query).stdout == "timescaledb\n":
            return True
        time.sleep(0.2)
    return False


@needs_compose
def test_every_engine_has_both_images_under_the_same_ids(compose_lab):
    listing = ["docker", "images", "--no-trunc", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}"]
    one, two = [dict(line.split() for line in host.run(*listing).stdout.splitlines()) for host in compose_lab.hosts]
    assert one == two
    assert one[model.IMAGE] != one[model.OTHER_IMAGE]


def first_start(host, name, *options):
    """The image's first start with these options of `docker run`, until it takes logins or has ended: what it said."""
    started = host.run("docker", "run", "-d", "--name", name, "--network", "host", *options, model.IMAGE)
    assert started.returncode == 0, started.stdout
    ready = "done, starting PostgreSQL"
    for _ in range(150):
        state = host.run("docker", "inspect", "-f", "{{.State.Status}}", name).stdout.strip()
        said = host.run("docker", "logs", name).stdout  # after the state: of one that has ended, all that it said
        if state == "exited" or said.count("ready to accept connections") > 1 or ready in said:
            return state, said
        time.sleep(0.2)
    raise AssertionError(said)


@needs_compose
@pytest.mark.parametrize("options, says", [
    ((), "there is no superuser password"),
    (("-e", "POSTGRES_PASSWORD=a", "-e", "POSTGRES_PASSWORD_FILE=/etc/hostname"), "both POSTGRES_PASSWORD and"),
])
def test_a_first_start_without_one_password_makes_nothing(compose_lab, options, says):
    host = compose_lab.hosts[1]
    try:
        state, said = first_start(host, "lab-refused", *options)
        assert state == "exited" and says in said and "initdb" not in said, said
    finally:
        host.run("docker", "rm", "-f", "-v", "lab-refused")


@needs_compose
def test_a_first_start_takes_user_database_password_file_and_pgdata(compose_lab):
    host = compose_lab.hosts[1]
    secret = host.dir / "secret"
    secret.write_text("a b'c\n")
    try:
        first_start(host, "lab-first", "-e", "POSTGRES_USER=boss", "-e", "POSTGRES_DB=trades", "-e", "PGDATA=/data/here",
                    "-e", "POSTGRES_PASSWORD_FILE=/run/secret", "-v", f"{secret}:/run/secret:ro")
        ask = ["docker", "exec", "-e", "PGPASSWORD=a b'c", "lab-first", "psql", "-h", host.address, "-U", "boss", "-At",
               "-c", "SELECT current_user, current_database(), current_setting('data_directory')", "trades"]
        for _ in range(50):
            answer = host.run(*ask).stdout.strip()
            if answer == "boss|trades|/data/here":
                break
            time.sleep(0.2)
        assert answer == "boss|trades|/data/here"
        assert "authentication failed" in host.run(*[word.replace("a b'c", "no") for word in ask]).stdout
        owner = host.run("docker", "exec", "lab-first", "stat", "-c", "%U", "/data/here/PG_VERSION").stdout.strip()
        assert owner == "postgres" and host.run("docker", "exec", "lab-first", "id", "-u", "postgres").stdout != "0\n"
    finally:
        host.run("docker", "rm", "-f", "-v", "lab-first")


@needs_compose
def test_a_composed_server_is_reached_from_the_other_host_and_survives_a_power_cut(compose_lab):
    one, two = compose_lab.hosts
    (one.dir / "compose.yml").write_text(COMPOSE_FILE.format(image=model.IMAGE, directory=one.dir))
    started = one.ssh(f"docker-compose -f {one.dir}/compose.yml up -d")
    assert started.returncode == 0, started.stdout
    assert serves(two, one)
    one.reboot()
    assert "Exited" in one.run("docker", "ps", "-a", "--format", "{{.Names}} {{.Status}}").stdout
    assert one.run("docker", "start", "lab-db").returncode == 0
    assert serves(two, one)
