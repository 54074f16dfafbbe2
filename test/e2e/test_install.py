"""`node install`, `upgrade` and `remove` through a real sshd, on a host whose /etc and /usr/local are its own; what a key
that may only serve can do; and controllers and nodes of different versions."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from conftest import BIN, RUNTIME
from processes import assert_nothing_left_over, command_lines
from raw_client import RawClient
from support import Cluster
from waiting import eventually

pytestmark = pytest.mark.process_only

KEEPER, PORT = "keeper", 2223
GREETING, SLACK = 20, 8
KEEPS = f'Defaults:{KEEPER} env_keep += "DUGONG_RUN_DIR"\n'
SH = f"{KEEPER} ALL=(root) NOPASSWD: /bin/sh -s, /usr/bin/sh -s\n"


def living_in(namespace):
    """The processes that see these mounts."""
    found = set()
    for pid in command_lines():
        try:
            if os.readlink(f"/proc/{pid}/ns/mnt") == namespace:
                found.add(pid)
        except OSError:
            continue
    return found


class BareHost:
    """A second sshd on h1 in a mount namespace of its own: /etc is a copy, /usr/local is empty, systemd does not run.
    Keys are read from h1's home as well; a login finds programs in the usual places only."""

    SCRIPT = """set -e; cd "$1"; cp -a /etc etc; cp passwd shadow sudoers etc/; chmod 440 etc/sudoers; rm -rf etc/dugong
mount --bind etc /etc; mount -t tmpfs -o mode=755,size=300m tmpfs /usr/local
if [ -d /run/systemd ]; then mount -t tmpfs tmpfs /run/systemd; fi
exec /usr/sbin/sshd -D -f config -E log"""
    REPLACED = ("ListenAddress", "Port", "PidFile", "SetEnv", "AuthorizedKeysFile")

    def __init__(self, host, directory):
        self.host, self.directory = host, directory
        self.home = host.dir / "home"
        (directory / "sudoers").write_text("root ALL=(ALL:ALL) ALL\n")
        for name, line in (("passwd", f"{KEEPER}:x:45679:45679::/nonexistent:/bin/bash\n"),
                           ("shadow", f"{KEEPER}:*:19000:0:99999:7:::\n")):
            (directory / name).write_text(Path("/etc", name).read_text() + line)
        old = (host.dir / "sshd" / "config").read_text().splitlines()
        keys = next(line.split()[1] for line in old if line.startswith("AuthorizedKeysFile"))
        environment = {"PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": self.home,
                       "DUGONG_RUN_DIR": host.run_dir}
        variables = " ".join(f'"{name}={value}"' for name, value in environment.items())
        (directory / "config").write_text("\n".join([
            f"ListenAddress {host.address}", f"Port {PORT}", f"PidFile {directory}/pid", f"SetEnv {variables}",
            f"AuthorizedKeysFile {keys} {self.home}/.ssh/authorized_keys",
            *[line for line in old if not line.startswith(self.REPLACED)], ""]))
        self.process = host.start("unshare", "--mount", "--propagation", "slave", "sh", "-c", self.SCRIPT, "bare", directory,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        eventually(lambda: (directory / "pid").exists() or self.process.poll() is not None)
        assert self.process.poll() is None, self.process.stderr.read()

    def path(self, name):
        """A path of that host as this process reaches it."""
        return Path(f"/proc/{self.process.pid}/root{name}")

    def inside(self, *command):
        subprocess.run(["nsenter", "-t", str(self.process.pid), "-m", *command], check=True, timeout=20)

    def allow(self, rules):
        sudoers = self.path("/etc/sudoers")
        sudoers.write_text("root ALL=(ALL:ALL) ALL\n" + rules)

    def files(self):
        """What an installation may touch: path → content, mode and when it was written."""
        found = {}
        for root in ("/usr/local", "/etc/dugong", "/etc/systemd/system"):
            for path in sorted(self.path(root).rglob("*")):
                status = path.lstat()
                written = (status.st_mtime_ns, status.st_size) if path.is_file() else None
                found[str(path).split("/root", 1)[1]] = (oct(status.st_mode), written)
        keys = self.home / ".ssh" / "authorized_keys"
        found["keys"] = keys.read_text() if keys.exists() else None
        return found

    def close(self):
        """Its namespace holds every mount of the lab: until it is gone, none can be taken away. A login that hangs is in
        it too."""
        inside = os.readlink(f"/proc/{self.process.pid}/ns/mnt")
        self.process.terminate()
        self.process.communicate(timeout=10)
        for pid in living_in(inside):
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.home / ".ssh", ignore_errors=True)
        eventually(lambda: not living_in(inside))


@pytest.fixture
def bare(lab, tmp_path):
    directory = tmp_path / "bare"
    directory.mkdir()
    made = BareHost(lab["h1"], directory)
    yield made
    made.close()


class Installed(Cluster):
    """A cluster file with node a, on the bare host."""

    def __init__(self, lab, directory, bare):
        super().__init__(lab, directory, RUNTIME, BIN, hosts=("h1",))
        self.bare, self.address = bare, lab["h1"].address
        self.ssh_config_is()

    def ssh_config_is(self, *lines, key=None):
        text = self.lab.ssh_config.read_text()
        if key:
            line = next(line for line in text.splitlines() if "IdentityFile" in line)
            text = text.replace(line, f"  IdentityFile {key}")
        config = self.directory / "ssh_config"
        config.write_text("\n".join(["Host *", *lines, f"Port {PORT}", f"HostKeyAlias {self.address}", ""]) + text)
        self.tree["ssh"]["config"] = str(config)
        self.write()
        return config

    def as_keeper(self):
        self.tree["node"][0]["ssh"] = f"{KEEPER}@{self.address}"
        self.write()

    def host_verb(self, verb, *words, program="dugong", **options):
        argv = [str(self.binaries / program), "node", verb, "a", *words, "--file", str(self.file)]
        return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120,
                              stdin=subprocess.DEVNULL, env=self.environment, **options)

    def refused(self, verb, *words, code=3, **options):
        """Its words, after nothing was changed there and nothing was left running."""
        before, started = self.bare.files(), time.monotonic()
        done = self.host_verb(verb, *words, "--yes", **options)
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        assert time.monotonic() - started < GREETING + SLACK
        assert self.bare.files() == before
        assert_nothing_left_over(self)
        return done.stderr


@pytest.fixture
def one(lab, tmp_path, bare):
    return Installed(lab, tmp_path, bare)


def ok(done):
    assert done.returncode == 0, (done.returncode, done.stdout, done.stderr)
    return done.stdout


# --- the way there and back ------------------------------------------------------------------------------------------


def test_from_nothing_and_again(one, bare):
    shown = ok(one.host_verb("install", "--dry-run"))
    assert "put /usr/local/bin/dugong (dugong" in shown and not bare.path("/usr/local/bin").exists(), shown
    asked = one.host_verb("install")
    assert asked.returncode == 2 and "--yes" in asked.stderr and not bare.path("/usr/local/bin").exists(), asked
    said = ok(one.host_verb("install", "--yes"))
    assert "systemd does not run there" in said and "a: done" in said, said
    assert bare.path("/usr/local/bin/dugong").read_bytes() == (BIN / "dugong").read_bytes()
    assert "ExecStart=/usr/local/bin/dugong node start" in bare.path("/etc/systemd/system/dugong-boot.service").read_text()
    entry = one.entry("a")
    assert f'prefixes = ["{entry["prefix"]}"]' in bare.path("/etc/dugong/node.toml").read_text()
    tls = bare.path("/etc/dugong/tls/dex")
    assert (tls / "a.pem").stat().st_mode & 0o777 == 0o600
    checked = subprocess.run(["openssl", "verify", "-CAfile", tls / "ca.crt", tls / "a.pem"], stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True)
    assert checked.returncode == 0, checked.stdout
    assert (one.directory / "dex-ca.pem").stat().st_mode & 0o777 == 0o600
    assert "PRIVATE KEY" not in (tls / "ca.crt").read_text()
    before = bare.files()
    assert "a: nothing to do" in ok(one.host_verb("install", "--yes"))
    assert bare.files() == before
    assert_nothing_left_over(one)
    planned = one.run("plan", timeout=60)  # the installed program, judged by the installed node.toml
    assert planned.returncode == 0 and "create dataset" in planned.stdout, planned


def test_by_way_of_another_host(one, lab):
    (one.directory / "ssh_config").write_text(
        f"Host {one.address}\n  ProxyJump h2\n  Port {PORT}\n  HostKeyAlias {one.address}\n\n" + lab.ssh_config.read_text())
    log = lab["h2"].dir / "sshd" / "log"

    def logins():
        return log.read_text(errors="replace").count("Accepted publickey")
    before = logins()
    assert "a: done" in ok(one.host_verb("install", "--yes"))
    installed = logins()
    planned = one.run("plan", timeout=60)
    assert planned.returncode == 0 and "create dataset" in planned.stdout, planned
    assert before < installed < logins()


def test_what_is_there_already_is_left_or_kept(one, bare):
    ok(one.host_verb("install", "--yes"))
    config = bare.path("/etc/dugong/node.toml")
    config.write_text('prefixes = ["elsewhere"]\n')
    shown = ok(one.host_verb("install", "--yes"))
    assert f'by hand: add "{one.entry("a")["prefix"]}" to prefixes' in shown, shown
    assert config.read_text() == 'prefixes = ["elsewhere"]\n'
    ok(one.host_verb("install", "--yes", "--force-config"))
    assert one.entry("a")["prefix"] in config.read_text()
    assert bare.path("/etc/dugong/node.toml.before").read_text() == 'prefixes = ["elsewhere"]\n'


def test_upgrade_and_the_versions_that_work_together(one, bare):
    ok(one.host_verb("install", "--yes"))
    first = bare.path("/usr/local/bin/dugong").read_bytes()
    ok(one.host_verb("upgrade", "--yes", program="dugong-next"))
    assert bare.path("/usr/local/bin/dugong").read_bytes() == (BIN / "dugong-next").read_bytes()
    assert bare.path("/usr/local/bin/dugong.previous").read_bytes() == first
    near = one.run("plan", timeout=60)
    assert near.returncode == 0 and "create dataset" in near.stdout, near  # one ahead
    ok(one.host_verb("upgrade", "--yes", program="dugong-after-next"))
    far = one.run("plan", timeout=60)
    assert far.returncode == 3 and "dugong 0.3.0 on a speaks protocol 2–3" in far.stderr, far.stderr
    assert "upgrade dugong here to 0.3.0" in far.stderr, far.stderr
    ok(one.host_verb("upgrade", "--yes"))
    argv = [str(BIN / "dugong-after-next"), "plan", "--file", str(one.file)]
    ahead = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=one.environment, timeout=60)
    assert ahead.returncode == 3 and "dugong node upgrade a" in ahead.stderr, ahead.stderr
    argv[0] = str(BIN / "dugong-next")
    behind = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=one.environment, timeout=60)
    assert behind.returncode == 0 and "create dataset" in behind.stdout, behind


def test_remove_takes_what_install_put(one, bare, tmp_path):
    key = new_key(tmp_path)
    keys = bare.home / ".ssh" / "authorized_keys"
    keys.parent.mkdir(mode=0o700)
    keys.write_text("# a line of somebody's\n")
    before = bare.files()
    ok(one.host_verb("install", "--yes", "--key", f"{key}.pub"))
    assert 'command="/usr/local/bin/dugong serve",restrict ssh-ed25519' in keys.read_text()
    lock = bare.host.run_dir / "dex.lock"
    with open(lock, "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        held.write("dugong up, somebody@elsewhere, pid 7\n")
        held.flush()
        assert "dugong up, somebody@elsewhere, pid 7" in one.refused("remove")
    lock.unlink()
    shown = ok(one.host_verb("remove", "--yes"))
    assert "/etc/dugong/node.toml stays" in shown and "datasets, directories and servers are left alone" in shown, shown
    after = bare.files()
    for path in ("/usr/local/bin/dugong", "/usr/local/bin/dugong-wal", "/etc/systemd/system/dugong-boot.service",
                 "/etc/dugong/tls/dex/a.pem", "/etc/dugong/tls/dex"):
        assert path not in after, path
    assert "/etc/dugong/node.toml" in after
    assert after["keys"] == before["keys"]
    assert "a: nothing to do" in ok(one.host_verb("remove", "--yes"))


# --- hosts that do not want ------------------------------------------------------------------------------------------


def test_a_read_only_etc(one, bare):
    bare.inside("mount", "-o", "remount,bind,ro", "/etc")
    said = one.refused("install", code=1)
    assert "Read-only file system" in said and "could not be put there" in said and "nothing was changed there" in said, said


def test_a_full_disk(one, bare):
    bare.inside("mount", "-o", "remount,size=2m", "/usr/local")
    said = one.refused("install", code=1)
    assert "No space left on device" in said and "nothing was changed there" in said, said


def test_a_changed_and_an_unknown_host_key(one, lab):
    other = (lab["h2"].dir / "sshd" / "host_key.pub").read_text().split()
    hosts = one.directory / "known_hosts"
    hosts.write_text(f"{one.address} {other[0]} {other[1]}\n")
    one.ssh_config_is(f"UserKnownHostsFile {hosts}")
    said = one.refused("install", code=1)
    assert "find out why the host key changed" in said and "nothing was changed there" in said, said
    one.ssh_config_is("UserKnownHostsFile /dev/null")
    said = one.refused("install", code=1)
    assert "compare the key: ssh root@" in said and "nothing was changed there" in said, said


def test_a_login_that_hangs_and_one_that_talks(one, bare):
    script = bare.home / ".bashrc"
    try:
        script.write_text("echo 'One moment, please'; sleep 600\n")
        said = one.refused("install", code=1)
        assert "did not lead to a shell within 20" in said and "One moment, please" in said, said
        script.write_text("echo 'Only for authorised people'; printf 'no newline'\n")
        assert "a: done" in ok(one.host_verb("install", "--yes"))
    finally:
        script.unlink(missing_ok=True)


def test_a_user_with_sudo(one, bare):
    one.as_keeper()
    for rules in ("", f"{KEEPER} ALL=(root) ALL\n"):
        bare.allow(rules)
        said = one.refused("install")
        assert f"{KEEPER} ALL=(root) NOPASSWD: /bin/sh -s, /usr/bin/sh -s" in said and "as good as root" in said, said
    bare.allow(KEEPS + SH)
    assert "a: done" in ok(one.host_verb("install", "--yes"))
    assert bare.path("/usr/local/bin/dugong").stat().st_uid == 0


# --- a key that may only serve ---------------------------------------------------------------------------------------


def new_key(directory):
    path = directory / "restricted"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    return path


def test_a_restricted_key_can_only_serve(one, bare, lab, tmp_path):
    key = new_key(tmp_path)
    ok(one.host_verb("install", "--yes", "--key", f"{key}.pub"))
    assert "a: nothing to do" in ok(one.host_verb("install", "--yes", "--key", f"{key}.pub"))
    config = one.ssh_config_is(key=key)

    def through(*words, program="ssh"):
        return subprocess.run([program, "-F", str(config), *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=60)
    shell = through(f"root@{one.address}", "id; touch /usr/local/by-hand")
    assert b"uid=" not in shell.stdout and shell.stdout.startswith(b"DUGONG/1"), shell
    forward = through("-W", f"{lab['h2'].address}:22", f"root@{one.address}")
    assert forward.returncode != 0 and b"SSH-2.0" not in forward.stdout, forward
    back = through("-o", "ExitOnForwardFailure=yes", "-R", "0:127.0.0.1:22", f"root@{one.address}", "x")
    assert back.returncode != 0 and b"remote port forwarding failed" in back.stderr, back
    loot = tmp_path / "loot"
    copied = through("-P", str(PORT), f"root@{one.address}:/etc/shadow", str(loot), program="scp")
    assert copied.returncode != 0 and not loot.exists(), copied
    brought = through("-O", "-P", str(PORT), str(one.file), f"root@{one.address}:/usr/local/by-hand", program="scp")
    assert brought.returncode != 0, brought
    assert not bare.path("/usr/local/by-hand").exists()
    planned = one.run("plan", timeout=60)
    assert planned.returncode == 0 and "create dataset" in planned.stdout, planned
    said = one.refused("install")
    assert "may only run `dugong serve`" in said, said
    tree = one.changed()
    tree["node"][0]["prefix"] = f"{lab['h1'].pool}/elsewhere"
    one.write(tree)
    foreign = one.run("plan", timeout=60)
    assert foreign.returncode == 3 and "to prefixes in /etc/dugong/node.toml" in foreign.stderr, foreign.stderr


@pytest.fixture
def foreign(bare):
    """A dataset in the pool of the host that is nobody's of dugong's, though it carries its marks, and a snapshot of it."""
    name = f"{bare.host.pool}/elsewhere"
    subprocess.run(["zfs", "create", "-o", "mountpoint=none", "-o", "dugong:cluster=dex", "-o", "dugong:node=a",
                    "-o", "dugong:role=live", name], check=True)
    subprocess.run(["zfs", "snapshot", f"{name}@theirs"], check=True)
    yield name
    eventually(lambda: subprocess.run(["zfs", "destroy", "-r", name], capture_output=True).returncode == 0)


def tree_of(pool):
    return [subprocess.run(["zfs", "get", "-Hp", "-r", "-s", "local", "-o", "name,property,value", "all", pool],
                           capture_output=True, text=True, check=True).stdout,
            subprocess.run(["zfs", "list", "-H", "-r", "-t", "all", "-o", "name,mounted", pool],
                           capture_output=True, text=True, check=True).stdout]


def test_what_a_restricted_key_asks_for_by_hand(one, bare, foreign, tmp_path, request):
    """Not through dugong: the protocol itself, which whoever has the key can speak."""
    key = new_key(tmp_path)
    ok(one.host_verb("install", "--yes", "--key", f"{key}.pub"))
    argv = ["ssh", "-T", "-F", str(one.ssh_config_is(key=key)), f"root@{one.address}", "anything"]
    entry, pool = one.entry("a"), bare.host.pool
    directory = Path(entry["directory"])
    directory.mkdir()
    request.addfinalizer(lambda: shutil.rmtree(directory))
    loot, shadow = tmp_path / "loot", directory / "shadow"
    loot.mkdir()
    (loot / "theirs").write_text("theirs")
    (directory / "way").symlink_to(loot)
    shadow.symlink_to("/etc/shadow")
    server = {"kind": "process", "project": "dugong-dex-a", "bin_dir": one.facts["postgres_bin"], "os_user": "postgres",
              "data": f"{directory}/data", "log_file": f"{directory}/logs/server.log", "port": 5432}
    target = {"socket_dir": f"{directory}/run", "port": 5432, "user": "postgres", "database": "postgres",
              "password_file": str(shadow)}
    text = {"content": "eA==", "mode": 0o644}
    before = tree_of(pool), bare.files(), sorted(loot.iterdir()), sorted(directory.iterdir())
    asked = [
        ("zfs.list_tree", {"root": foreign}, "prefixes"),
        ("zfs.list_tree", {"root": pool}, "prefixes"),
        ("zfs.snapshot", {"snapshot": f"{foreign}@mine", "recursive": False}, "prefixes"),
        ("zfs.destroy", {"dataset": foreign}, "prefixes"),
        ("zfs.destroy", {"dataset": pool}, "prefixes"),
        ("zfs.destroy_snapshot", {"snapshot": f"{foreign}@theirs"}, "prefixes"),
        ("zfs.rollback", {"snapshot": f"{foreign}@theirs"}, "prefixes"),
        ("zfs.clone", {"snapshot": f"{foreign}@theirs", "dataset": f"{entry['prefix']}/mine"}, "prefixes"),
        ("zfs.set_properties", {"name": foreign, "properties": [["canmount", "off"]]}, "prefixes"),
        ("zfs.mount", {"dataset": foreign}, "prefixes"),
        ("zfs.create", {"dataset": f"{foreign}/mine"}, "prefixes"),
        ("zfs.create", {"dataset": entry["prefix"], "properties": [["mountpoint", str(directory)]]}, "mounted afterwards"),
        ("zfs.create", {"dataset": entry["prefix"], "properties": [["canmount", "noauto"], ["mountpoint", "/etc"]]},
         "directories"),
        ("file.write", {"path": "/etc/cron.d/mine", **text}, "directories"),
        ("file.write", {"path": f"{directory}/../mine", **text}, ".."),
        ("file.write", {"path": f"{directory}/way/mine", **text}, "symbolic link is in the way"),
        ("file.write", {"path": f"{directory}/mine", **text, "mode": 0o4755}, "mode"),
        ("file.read", {"path": "/etc/shadow"}, "directories"),
        ("file.read", {"path": f"{directory}/way/theirs"}, "symbolic link is in the way"),
        ("file.digest", {"path": f"{directory}/way/theirs"}, "symbolic link is in the way"),
        ("directory.make", {"path": f"{directory}/way/mine", "mode": 0o755}, "symbolic link is in the way"),
        ("directory.remove", {"path": f"{directory}/way", "contents": ["theirs"]}, ""),
        ("paths.remove", {"root": f"{directory}/way", "files": ["theirs"]}, ""),
        ("paths.remove", {"root": str(directory), "files": ["way/theirs"]}, ""),
        ("wal_client.install", {"directory": f"{directory}/way"}, ""),
        ("data.inspect", {"data": f"{directory}/way"}, ""),
        ("runtime.start_server", {"server": {**server, "os_user": "root"}}, "does not run as root"),
        ("runtime.start_server", {"server": {**server, "os_user": "daemon"}}, "os_users"),
        ("runtime.start_server", {"server": {**server, "bin_dir": str(loot)}}, "bin_dirs"),
        ("runtime.stop_server", {"server": {**server, "kind": "compose", "project": "theirs"}}, "projects"),
        ("sql.run", {"target": target, "calls": [{"query": "SELECT pg_sleep(0)", "parameters": []}]}, "does not know the query"),
        ("sql.run", {"target": target, "calls": [{"query": "role_verifier", "parameters": ["postgres"]}]},
         "is not for controllers"),
        ("sql.run", {"target": target, "calls": [{"query": "observe", "parameters": []}]}, ""),
        ("lock.acquire", {"name": "../mine", "holder": "me"}, "no name for a lock"),
        ("node.register", {"name": "../mine", "directory": str(directory)}, "no name"),
        ("shell.run", {"command": "id"}, "does not know \"shell.run\""),
    ]
    with RawClient(argv) as client:
        for name, body, words in asked:
            error = client.ask(name, **body)
            assert error["kind"] in ("refused", "invalid", "conflict", "failed") and "what" in error, (name, body, error)
            assert words in error["what"] + error["next"], (name, body, error)
        linked = client.ask("file.read", path=str(shadow))
        assert b"root:" not in linked["body"] and json.loads(linked["body"])["body"]["content"] == "", linked
        assert client.ask("host.inspect")["kind"] == "answer", "the session lives"
    for name, body in (("stream.send", {"snapshot": f"{foreign}@theirs"}), ("stream.receive", {"dataset": f"{foreign}/mine"})):
        with RawClient(argv, purpose="stream") as client:
            error = client.open_stream(name, **body)
            assert error["kind"] == "refused" and "prefixes" in error["next"], (name, error)
    assert (tree_of(pool), bare.files(), sorted(loot.iterdir()), sorted(directory.iterdir())) == before
    assert not Path("/etc/cron.d/mine").exists() and not bare.path("/etc/cron.d/mine").exists()


def test_nothing_secret_is_in_a_command_line(one):
    argv = [str(BIN / "dugong"), "node", "install", "a", "--yes", "--file", str(one.file)]
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=one.environment)
    seen = set()
    while process.poll() is None:
        seen |= set(command_lines().values())
    assert process.returncode == 0
    assert any(words.endswith("sh -s ") for words in seen), "ssh was not seen"
    assert not [words for words in seen if "PRIVATE" in words or "BEGIN" in words]
