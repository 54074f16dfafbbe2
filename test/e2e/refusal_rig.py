"""Real zfs, PostgreSQL and Docker, asked for what they refuse. The rows come from test/sim/refusals.h, so that the
simulated world and the real tools are held against the same words."""

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROW = re.compile(r'Refusal\{\s*"(\w+)",\s*"[^"]*",\s*"([^"]*)"\s*\}')
OWNER = "postgres"


def words_of(name):
    """Either of them is enough: versions differ."""
    text = (ROOT / "test/sim/refusals.h").read_text()
    return dict(ROW.findall(text))[name].split("|")


def run(*argv, **options):
    settings = dict(stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True, timeout=60)
    environment = dict(os.environ, LC_ALL="C", PGCONNECT_TIMEOUT="5", **options.pop("env", {}))
    return subprocess.run(list(map(str, argv)), env=environment, **{**settings, **options})


def must(*argv, **options):
    done = run(*argv, **options)
    assert done.returncode == 0, f"{argv}: {done.stdout}"
    return done.stdout


class Zfs:
    """One parent dataset, made for a test and taken away after it."""

    def __init__(self, pool, directory):
        self.root, self.directory = f"{pool}/refusals", directory
        must("zfs", "create", "-o", "mountpoint=none", self.root)

    def name(self, short):
        return f"{self.root}/{short}"

    def __call__(self, *words):
        return run("zfs", *words)

    def must(self, *words):
        return must("zfs", *words)

    def create(self, short, **properties):
        options = [word for key, value in properties.items() for word in ("-o", f"{key}={value}")]
        self.must("create", *options, self.name(short))
        return self.name(short)

    def mounted(self, short, **properties):
        """A dataset and the directory it is mounted at."""
        at = self.directory / short
        self.create(short, mountpoint=at, **properties)
        return at

    def snapshot(self, name):
        self.must("snapshot", self.name(name))
        return self.name(name)

    def copy(self, words, target):
        """send | receive, as the product wires them: both ends' words, and failed when either end failed."""
        sender = subprocess.Popen(["zfs", "send", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        receiver = subprocess.run(["zfs", "receive", target], stdin=sender.stdout, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT)
        sender.stdout.close()
        sent = sender.stderr.read()
        code = sender.wait() or receiver.returncode
        return subprocess.CompletedProcess(words, code, (sent + receiver.stdout).decode())

    def remove(self):
        """A FUSE mount is let go of a moment after its last user."""
        deadline = time.monotonic() + 20
        while run("zfs", "list", self.root).returncode == 0:
            for line in run("zfs", "list", "-H", "-r", "-o", "name", "-t", "snapshot", self.root).stdout.split():
                run("zfs", "release", "t", line)
            run("zfs", "destroy", "-R", self.root)
            assert time.monotonic() < deadline, run("zfs", "list", "-r", "-t", "all", self.root).stdout
            time.sleep(0.2)


class Server:
    """A PostgreSQL below `directory`, run by the postgres user, spoken to over 127.0.0.1."""

    def __init__(self, host, bin_dir, directory, port):
        self.host, self.bin, self.directory, self.port = host, Path(bin_dir), Path(directory), port
        self.data, self.log = self.directory / "data", self.directory / "log"
        self.directory.mkdir(parents=True)
        shutil.chown(self.directory, OWNER, OWNER)

    def tool(self, name, *words, **options):
        argv = ["runuser", "-u", OWNER, "--", str(self.bin / name), *map(str, words)]
        return run(*self.host.argv(*argv), cwd="/", **options)

    def initdb(self, check=True):
        password = self.directory / "password"
        password.write_text("secret\n")
        shutil.chown(password, OWNER, OWNER)
        done = self.tool("initdb", "-D", self.data, "-U", "postgres", f"--pwfile={password}", "--no-sync",
                         "--auth-host=scram-sha-256", "--auth-local=scram-sha-256")
        assert done.returncode == 0 or not check, done.stdout
        if check:
            self.settings("listen_addresses = '127.0.0.1'", f"port = {self.port}", "fsync = off",
                          f"unix_socket_directories = '{self.directory}'", "shared_buffers = 16MB")
        return done

    def settings(self, *lines):
        with open(self.data / "postgresql.conf", "a") as file:
            file.write("".join(line + "\n" for line in lines))

    def hba(self, *lines):
        (self.data / "pg_hba.conf").write_text("".join(line + "\n" for line in lines))

    def start(self, wait=True):
        done = self.tool("pg_ctl", "-D", self.data, "-l", self.log, "-w" if wait else "-W", "-t", "30", "start")
        return done.stdout + (self.log.read_text() if self.log.exists() else "")

    def stop(self):
        if (self.data / "postmaster.pid").exists():
            self.tool("pg_ctl", "-D", self.data, "-m", "immediate", "-w", "stop")

    def quiesce(self):
        self.tool("pg_ctl", "-D", self.data, "-m", "fast", "-w", "stop")

    def sql(self, text, database="postgres", user="postgres", password="secret"):
        return run(*self.host.argv("psql", "-XAtq", "-h", "127.0.0.1", "-p", str(self.port), "-U", user, "-d", database,
                                   "-c", text), env={"PGPASSWORD": password})

    def must_sql(self, text):
        done = self.sql(text)
        assert done.returncode == 0, done.stdout
        return done.stdout.strip()

    def copy_to(self, other):
        """A stopped server's directory under another server's name."""
        must("cp", "-a", self.data, other.data)
        pid = other.data / "postmaster.pid"
        if pid.exists():
            pid.unlink()

    def log_says(self, words, seconds=20):
        """Waits for the words: a standby tries again and again, and says so each time."""
        deadline = time.monotonic() + seconds
        while not any(one in self.log.read_text() for one in words):
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.1)


class Pair:
    """A primary that runs, and a standby that was copied from it and not yet started."""

    def __init__(self, host, bin_dir, directory, template, hba="host replication replicator 127.0.0.1/32 scram-sha-256"):
        self.primary = Server(host, bin_dir, directory / "primary", 6101)
        self.standby = Server(host, bin_dir, directory / "standby", 6102)
        must("cp", "-a", template.data, self.primary.data)
        self.primary.settings("port = 6101", f"unix_socket_directories = '{self.primary.directory}'", "wal_keep_size = 0")
        self.primary.hba("host all postgres 127.0.0.1/32 scram-sha-256", hba)
        self.primary.start()
        self.primary.must_sql("CREATE ROLE replicator LOGIN REPLICATION PASSWORD 'mirror'")
        self.primary.quiesce()
        self.primary.copy_to(self.standby)
        self.primary.start()
        (self.standby.data / "standby.signal").touch()
        shutil.chown(self.standby.data / "standby.signal", OWNER, OWNER)
        self.standby.settings("port = 6102", f"unix_socket_directories = '{self.standby.directory}'",
                              "primary_slot_name = 'here'", "wal_retrieve_retry_interval = '200ms'")
        self.conninfo()

    def conninfo(self, password="mirror"):
        self.standby.settings(f"primary_conninfo = 'host=127.0.0.1 port=6101 user=replicator password={password}'")

    def slot(self):
        self.primary.must_sql("SELECT pg_create_physical_replication_slot('here', true)")

    def streaming(self):
        deadline = time.monotonic() + 20
        while self.primary.must_sql("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'") != "1":
            assert time.monotonic() < deadline, self.standby.log.read_text()
            time.sleep(0.1)

    def stop(self):
        self.standby.stop()
        self.primary.stop()
