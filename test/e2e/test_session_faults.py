"""Faults of the session between the controller and `dugong serve`: what the far end says in place of the protocol, a peer
that stands still or dies, a line that goes dead, and ssh's and sudo's own refusals. Each ends in time and in words, with
no process left anywhere, and the next run finishes the job."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from conftest import BIN, RUNTIME
from odd_hosts import LOCALE, ZONE, make_locale
from processes import assert_nothing_left_over, command_lines, serving
from support import Cluster
from waiting import eventually

pytestmark = pytest.mark.process_only

FALSE_PEER = Path(__file__).with_name("false_peer.py")
# Seconds that a greeting may take, and that a session and a stream may be without a sign of life (wire::Timing).
GREETING, SILENCE, STREAM_SILENCE = 15, 10, 20
SLACK = 6  # of a busy machine


def send_signal(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def servers(host):
    """The pids of `dugong serve` on the host."""
    return {pid for pid, words in serving(host).items() if "dugong serve" in words}


def resident_peak(process):
    """Waits for the process; MiB that it had in memory at most. (What wait4() tells counts what we had at the fork.)"""
    peak = 0
    while process.poll() is None:
        status = Path(f"/proc/{process.pid}/status").read_text()
        peak = max([peak, *(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))])
        time.sleep(0.002)
    assert peak > 0
    return peak / 1024


class OneNode(Cluster):
    """A cluster file with one node: for what needs no more than one session."""

    def __init__(self, lab, directory, host):
        super().__init__(lab, directory, RUNTIME, BIN, hosts=(host,))
        self.peer = lab[host].dir / FALSE_PEER.name
        shutil.copy(FALSE_PEER, self.peer)

    def through(self, remote_program, **more):
        """The environment of a run that starts this on the far host in place of `dugong`."""
        return {**self.environment, "DUGONG_REMOTE_PROGRAM": remote_program, **more}

    def with_peer(self, mode):
        return self.through(f"/usr/bin/python3 {self.peer} {mode}")

    def start_with(self, environment):
        return subprocess.Popen(self.argv("plan"), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                stdin=subprocess.DEVNULL, env=environment)

    def refused(self, **options):
        """`plan` that does not reach its node: its words. It ends at once unless the fault is silence."""
        started = time.monotonic()
        done = self.run("plan", timeout=60, **options)
        assert done.returncode == 3 and "where: a" in done.stderr, done.stderr
        assert time.monotonic() - started < SLACK, done.stderr
        assert_nothing_left_over(self)
        return done.stderr


@pytest.fixture(scope="module")
def cluster(lab, tmp_path_factory):
    """Node a on h1 and b on h2."""
    made = Cluster(lab, tmp_path_factory.mktemp("session"), RUNTIME, BIN, hosts=("h1", "h2"))
    made.up()
    yield made
    made.destroy_all()


@pytest.fixture
def one(cluster, lab, tmp_path):
    return OneNode(lab, tmp_path, "h1")


@pytest.fixture
def login_script(lab):
    """Writes what h1's shell reads at every login."""
    script = lab["h1"].dir / "home" / ".bashrc"
    yield script.write_text
    script.unlink(missing_ok=True)


# --- what the far end prints -----------------------------------------------------------------------------------------


def test_a_banner_before_the_greeting_is_skipped(one, login_script):
    login_script("cat /etc/os-release; echo 'Only for \033[31mauthorised\033[0m people'; printf 'no line'\n")
    done = one.run("status")
    assert done.returncode == 0 and "healthy" in done.stdout, done.stdout + done.stderr
    assert "authorised" not in done.stdout + done.stderr
    assert_nothing_left_over(one)


def test_a_login_that_ends_in_a_banner_is_reported_in_its_words(one, login_script):
    login_script("echo 'This account is closed until \033[31mMonday\033[0m.'; exit 1\n")
    said = one.refused()
    assert "This account is closed until" in said and "Monday" in said and "\033" not in said
    assert "try by hand: ssh root@" in said


def test_an_endless_banner_is_not_read_to_its_end(one, login_script):
    login_script("yes 'have a nice day'\n")
    said = one.refused()
    assert "64 KiB of other text" in said and "have a nice day" in said and len(said) < 4096


def test_garbage_in_place_of_an_answer(one):
    said = one.refused(env=one.with_peer("answers_garbage"))
    assert "garbage where a frame should start: 'Segmentation" in said
    assert "try by hand: ssh root@" in said, said
    seen = one.run("status", env=one.with_peer("answers_garbage"))
    assert seen.returncode == 1 and "a: cannot be reached: garbage" in seen.stdout, seen.stdout


def test_a_frame_of_a_gigabyte_is_not_waited_for(one):
    process = one.start_with(one.with_peer("announces_a_gigabyte"))
    peak = resident_peak(process)
    said = process.stderr.read()
    assert process.returncode == 3 and "impossible size" in said and "1073741824" in said, said
    assert peak < 64, f"{peak} MiB"
    assert_nothing_left_over(one)


def test_an_answer_of_a_gigabyte_is_cut_off_and_the_session_goes_on(one):
    process = one.start_with(one.with_peer("sends_a_gigabyte"))
    peak = resident_peak(process)
    said = process.stderr.read()
    assert process.returncode == 3 and "an answer larger than 64 MiB" in said, said
    assert "password" not in said, said
    assert peak < 160, f"{peak} MiB"
    assert_nothing_left_over(one)


# --- another version, or none ----------------------------------------------------------------------------------------


def test_an_older_dugong_there_is_to_be_upgraded(one):
    said = one.refused(env=one.with_peer("is_of_another_version 0"))
    assert "dugong 9.9.9 on a speaks protocol 0–0" in said
    assert "dugong node upgrade a" in said, said


def test_a_newer_dugong_there_asks_for_an_upgrade_here(one):
    said = one.refused(env=one.with_peer("is_of_another_version 9"))
    assert "dugong 9.9.9 on a speaks protocol 9–9" in said and "upgrade dugong here" in said, said
    assert "scp " in said and f" root@{one.entry('a')['address']}:" in said, said
    assert f"/dugong-wal {Path(one.program).resolve().parent}/" in said, said


def test_the_far_end_too_refuses_another_version_in_words(one):
    said = one.refused(env=one.with_peer("hears_another_version 9"))
    assert "it said: dugong: refused: dugong 9.9.9 on the controller speaks protocol 9–9" in said, said


@pytest.mark.parametrize("program", ["dugong-not-installed", "/opt/nowhere/dugong"])
def test_no_dugong_there(one, program):
    said = one.refused(env=one.through(program))
    assert "exit 127" in said and program in said
    assert f"install dugong on root@{one.entry('a')['address']}" in said and "DUGONG_REMOTE_PROGRAM" in said, said


# --- ssh refuses -----------------------------------------------------------------------------------------------------


@pytest.fixture
def ssh_config(one):
    """Adds lines to the front of the ssh configuration, where they win, and uses that."""
    def use(*lines):
        config = one.directory / "ssh_config"
        config.write_text("\n".join(["Host *", *lines, ""]) + one.lab.ssh_config.read_text())
        tree = one.changed()
        tree["ssh"]["config"] = str(config)
        one.write(tree)
    return use


def test_a_changed_host_key(one, ssh_config, lab):
    hosts = one.directory / "known_hosts"
    other = (lab["h2"].dir / "sshd" / "host_key.pub").read_text().split()
    hosts.write_text(f"{lab['h1'].address} {other[0]} {other[1]}\n")
    ssh_config(f"UserKnownHostsFile {hosts}")
    said = one.refused()
    assert "Host key verification failed" in said and "find out why the host key changed" in said, said


def test_an_unknown_host_key(one, ssh_config):
    ssh_config("UserKnownHostsFile /dev/null")
    said = one.refused()
    assert "Host key verification failed" in said and "compare the key: ssh root@" in said, said


def test_a_user_that_is_not_there(one):
    tree = one.changed()
    tree["node"][0]["ssh"] = f"nobody-of-this-name@{one.entry('a')['address']}"
    one.write(tree)
    said = one.refused()
    assert "Permission denied (publickey)" in said, said
    assert "make this work without a password: ssh nobody-of-this-name@" in said, said


# --- a user who is not root ------------------------------------------------------------------------------------------

KEEPER, PORT = "keeper", 2222
KEEPS = f'Defaults:{KEEPER} env_keep += "DUGONG_NODE_CONFIG DUGONG_RUN_DIR DOCKER_HOST"\n'


def namespaces_of_mounts():
    found = set()
    for pid in command_lines():
        try:
            found.add(os.readlink(f"/proc/{pid}/ns/mnt"))
        except OSError:
            continue
    return found


class SecondDoor:
    """A second sshd on h1 that knows an ordinary user and asks for passwords. Its users and its sudo rules are the test's
    own files, mounted over the machine's in a namespace that ends with it."""

    SCRIPT = """set -e; cd "$1"; for name in passwd shadow sudoers; do mount --bind "$name" "/etc/$name"; done
mount --bind locale /usr/lib/locale
mount -t tmpfs -o mode=755 tmpfs "${3%/*}"; cp "$2" "$3"
exec /usr/sbin/sshd -D -f config -E log"""
    REPLACED = ("ListenAddress", "Port", "PidFile", "PasswordAuthentication")

    PROGRAM = "/usr/local/bin/dugong"  # the build may lie where only root can look

    def __init__(self, host, directory, program):
        self.sudoers = directory / "sudoers"
        for name, line in (("passwd", f"{KEEPER}:x:45678:45678::/nonexistent:/bin/bash\n"),
                           ("shadow", f"{KEEPER}:*:19000:0:99999:7:::\n")):
            (directory / name).write_text(Path("/etc", name).read_text() + line)
        make_locale(directory / "locale")  # sudo heeds no LOCPATH
        self.allow("")
        kept = [line for line in (host.dir / "sshd" / "config").read_text().splitlines()
                if not line.startswith(self.REPLACED)]
        (directory / "config").write_text("\n".join([
            f"ListenAddress {host.address}", f"Port {PORT}", f"PidFile {directory}/pid", "PasswordAuthentication yes",
            *kept, ""]))
        self.process = host.start("unshare", "--mount", "--propagation", "slave", "sh", "-c", self.SCRIPT, "door", directory,
                                  program, self.PROGRAM,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        eventually(lambda: (directory / "pid").exists() or self.process.poll() is not None)
        assert self.process.poll() is None, self.process.stderr.read()

    def allow(self, rules):
        """In place: it is mounted."""
        self.sudoers.write_text("root ALL=(ALL:ALL) ALL\n" + rules)
        self.sudoers.chmod(0o440)

    def close(self):
        """Its namespace holds every mount of the lab: until it is gone, none can be taken away."""
        inside = os.readlink(f"/proc/{self.process.pid}/ns/mnt")
        self.process.terminate()
        self.process.communicate(timeout=10)
        eventually(lambda: inside not in namespaces_of_mounts())


@pytest.fixture
def door(lab, tmp_path):
    directory = tmp_path / "door"
    directory.mkdir()
    made = SecondDoor(lab["h1"], directory, BIN / "dugong")
    yield made
    made.close()


@pytest.fixture
def keeper(one, ssh_config, lab, door):
    """Node a through the second door, as an ordinary user."""
    door.allow("")
    ssh_config(f"Port {PORT}", f"HostKeyAlias {lab['h1'].address}")
    one.tree = one.changed()
    one.tree["ssh"]["config"] = str(one.directory / "ssh_config")
    one.tree["node"][0]["ssh"] = f"{KEEPER}@{lab['h1'].address}"
    one.write()
    one.environment["DUGONG_REMOTE_PROGRAM"] = door.PROGRAM
    yield one
    del one.environment["DUGONG_REMOTE_PROGRAM"]


def test_a_user_with_a_sudo_rule_serves_as_root(keeper, door):
    door.allow(f"{KEEPS}{KEEPER} ALL=(root) NOPASSWD: {door.PROGRAM} serve\n")
    done = keeper.run("status")
    assert done.returncode == 0 and "healthy" in done.stdout, done.stdout + done.stderr
    assert_nothing_left_over(keeper)


def test_a_user_whom_sudo_asks_for_a_password_is_told_what_to_allow(keeper, door):
    for rules in ("", f"{KEEPER} ALL=(root) ALL\n"):
        door.allow(rules)
        said = keeper.refused()
        assert "sudo: a password is required" in said, said
        rule = f"{KEEPER} ALL=(root) NOPASSWD: {door.PROGRAM} serve"
        assert rule in said and "/etc/sudoers.d/dugong" in said, said


def test_a_sudo_that_speaks_german_is_understood(keeper, door, login_script):
    login_script(f"export LANG={LOCALE} LANGUAGE=de TZ={ZONE}\n")
    check = subprocess.run(["ssh", "-F", keeper.tree["ssh"]["config"], keeper.tree["node"][0]["ssh"], "sudo -n true"],
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=20)
    assert "Passwort" in check.stdout, "it does not speak German: " + check.stdout
    said = keeper.refused()
    rule = f"{KEEPER} ALL=(root) NOPASSWD: {door.PROGRAM} serve"
    assert rule in said and "/etc/sudoers.d/dugong" in said, said
    door.allow(f"{KEEPS}{rule}\n")
    done = keeper.run("status")
    assert done.returncode == 0 and "healthy" in done.stdout, done.stdout + done.stderr
    assert_nothing_left_over(keeper)


def test_ssh_never_asks_for_a_password(keeper, ssh_config, lab):
    ssh_config("IdentityFile /dev/null", "IdentitiesOnly yes", f"Port {PORT}", f"HostKeyAlias {lab['h1'].address}",
               "BatchMode no", "PasswordAuthentication yes")
    config = Path(keeper.tree["ssh"]["config"])
    config.write_text(config.read_text().replace(f"  IdentityFile {lab['h1'].dir.parent.parent}", "  # "))
    # With a terminal at hand: without BatchMode, ssh would ask there and wait.
    words = shlex.join(keeper.argv("plan"))
    done = subprocess.run(["script", "-qec", words, "/dev/null"], env=keeper.environment, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=SLACK)
    assert "Permission denied (publickey,password)" in done.stdout and "'s password:" not in done.stdout, done.stdout
    assert f"make this work without a password: ssh {KEEPER}@" in done.stdout, done.stdout
    assert_nothing_left_over(keeper)


# --- a peer that stands still: on a host of its own, while the other tests run ---------------------------------------


def waits_for_a_greeting(one):
    """Its seconds, and what it said."""
    started = time.monotonic()
    process = one.start_with(one.with_peer("stands_still"))
    _, said = process.communicate(timeout=60)
    took = time.monotonic() - started
    stopped = serving(one.host("a"))
    send_signal(stopped, signal.SIGCONT)
    assert len(stopped) == 1, stopped
    assert_nothing_left_over(one)
    return process.returncode, took, said


def hangs_after_login(one):
    """ssh is let in, and the far shell never comes to what it was asked to run: its seconds, and what it said."""
    script = one.host("a").dir / "home" / ".bashrc"
    script.write_text("echo 'One moment, please'; exec sleep 611\n")
    try:
        started = time.monotonic()
        process = one.start_with(one.environment)
        _, said = process.communicate(timeout=60)
        took = time.monotonic() - started
    finally:
        script.unlink()
        # Without a terminal, sshd leaves what a login script started to itself.
        send_signal([pid for pid, words in command_lines().items() if words.strip() == "sleep 611"], signal.SIGKILL)
    assert_nothing_left_over(one)
    return process.returncode, took, said


def watches(one):
    """Seconds until `status --watch` had a new session in place of one whose other end stands still."""
    watching = one.start("status", "--watch", "0.2", "-o", "json")
    host = one.host("a")

    def health():
        return json.loads(watching.stdout.readline())["nodes"][0]["health"]

    try:
        assert health() == "down", "reached, and without a server"
        stopped = servers(host)
        send_signal(stopped, signal.SIGSTOP)
        started = time.monotonic()
        eventually(lambda: servers(host) - stopped, 60)
        eventually(lambda: health() == "down")
        took = time.monotonic() - started
        watching.send_signal(signal.SIGINT)
        _, said = watching.communicate(timeout=SLACK)
        assert watching.returncode == 0, said
        eventually(lambda: servers(host) == stopped)
        send_signal(stopped, signal.SIGCONT)
        assert_nothing_left_over(one)
        return took
    finally:
        watching.kill()
        watching.wait()


@pytest.fixture(scope="module", autouse=True)
def meanwhile(lab, tmp_path_factory):
    one = OneNode(lab, tmp_path_factory.mktemp("still"), "h3")
    with ThreadPoolExecutor(max_workers=1) as worker:
        yield {action: worker.submit(action, one)
               for action in (waits_for_a_greeting, hangs_after_login, watches)}


def test_a_peer_that_never_greets(meanwhile):
    code, took, said = meanwhile[waits_for_a_greeting].result()
    assert code == 3 and f"dugong did not answer within {GREETING} s" in said and "where: a" in said, said
    assert GREETING <= took < GREETING + SLACK


def test_a_login_that_hangs(meanwhile):
    code, took, said = meanwhile[hangs_after_login].result()
    assert code == 3 and f"dugong did not answer within {GREETING} s" in said and "where: a" in said, said
    assert "One moment, please" in said and "try by hand: ssh root@" in said, said
    assert GREETING <= took < GREETING + SLACK


def test_a_peer_that_stands_still_while_status_watches(meanwhile):
    assert SILENCE - 2 <= meanwhile[watches].result() < SILENCE + SLACK, "the last beat may be two seconds old"


# --- faults while a snapshot is copied -------------------------------------------------------------------------------

SLOW = "6mbit"  # the copy of an empty cluster takes about 20 s then


class Copying:
    """An `up` that is in the middle of copying to b, begun or, after another fault, gone on with."""

    def __init__(self, cluster):
        self.cluster, self.host = cluster, cluster.host("b")
        if cluster.status()["verdict"] == "healthy":
            cluster.must("down", "b", "--destroy", "--confirm=dex", "--yes")
        self.host.limit(SLOW)
        self.controller = cluster.start("up", "--yes", "--progress", "plain")
        eventually(self.under_way)

    def under_way(self):
        assert self.controller.poll() is None, self.controller.communicate()
        return self.receivers() and any(read_bytes(pid) > 1_000_000 for pid in self.data_servers())

    def receivers(self):
        return {pid for pid, words in serving(self.host).items() if words.startswith("zfs receive")}

    def data_servers(self):
        """Those whose child is a zfs receive."""
        return {parent_of(pid) for pid in self.receivers()}

    def data_ssh(self):
        """The ssh of the controller that carries the copy."""
        return {pid for pid, words in command_lines().items()
                if words.startswith("ssh ") and parent_of(pid) == self.controller.pid and "aes128-gcm" in words
                and f"root@{self.host.address}" in words}

    def ends_within(self, seconds):
        """What it said."""
        started = time.monotonic()
        out, said = self.controller.communicate(timeout=seconds)
        # Something may have been done before, in this run; nothing when it goes on with the copy at once.
        assert self.controller.returncode in (1, 4), (self.controller.returncode, out, said)
        print(f"{time.monotonic() - started:.1f} s: {said[said.rindex('dugong:'):]}")
        return said[said.rindex("dugong:"):]

    def clean_up(self):
        self.controller.kill()
        self.controller.communicate()
        self.host.heal()
        self.host.limit("off")


def read_bytes(pid):
    try:
        return int(Path(f"/proc/{pid}/io").read_text().split()[1])
    except OSError:
        return 0


def parent_of(pid):
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def alive():
    """Pids; a zombie has no command line."""
    return {pid for pid, words in command_lines().items() if words}


@pytest.fixture
def copying(cluster):
    made = Copying(cluster)
    yield made
    made.clean_up()


def test_serve_is_killed_while_it_receives(copying):
    send_signal(copying.data_servers(), signal.SIGKILL)
    said = copying.ends_within(SLACK)
    assert "where: a → b" in said and "the reader closed the stream" in said, said
    assert_nothing_left_over(copying.cluster)


def test_ssh_is_killed_while_it_carries_a_copy(copying):
    carriers = copying.data_ssh()
    assert len(carriers) == 1, carriers
    send_signal(carriers, signal.SIGKILL)
    said = copying.ends_within(SLACK)
    assert "where: a → b" in said and "killed by signal 9" in said, said
    assert_nothing_left_over(copying.cluster)


def test_the_controller_is_killed_while_a_copy_runs(copying):
    children = {pid for pid in command_lines() if parent_of(pid) == copying.controller.pid}
    assert len(children) >= 4, "two sessions for questions, two for the copy"
    copying.controller.kill()
    copying.controller.wait()
    eventually(lambda: not children & alive(), SLACK)
    assert_nothing_left_over(copying.cluster, patience=SLACK)


def test_everybody_on_a_host_stands_still_while_a_copy_runs(copying):
    stopped = servers(copying.host)
    assert len(stopped) == 2, stopped
    send_signal(stopped, signal.SIGSTOP)
    try:
        said = copying.ends_within(STREAM_SILENCE + SLACK)
    finally:
        send_signal(stopped, signal.SIGCONT)
    # The questions' session is missed before the copy's own, and the lock goes with it.
    assert "where: a → b" in said and "this cluster's lock on the node" in said, said
    assert_nothing_left_over(copying.cluster)


def test_the_line_goes_dead_while_a_copy_runs(copying):
    copying.host.cut()
    # At the end it looks once more what must be taken back, and waits for a greeting.
    said = copying.ends_within(STREAM_SILENCE + GREETING + SLACK)
    assert "where: a → b" in said, said
    # The far end is told nothing, and has noticed by itself.
    assert_nothing_left_over(copying.cluster, patience=SLACK)


def test_after_every_fault_up_finishes_the_job(cluster):
    cluster.up()
    assert cluster.status()["verdict"] == "healthy"
    assert "nothing to do" in cluster.up().stdout
    assert_nothing_left_over(cluster)
