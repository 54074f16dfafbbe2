"""A database set up by hand, as the runbooks of this field do it: a ZFS dataset, and in it what `docker compose up` or
initdb and pg_ctl made, with settings on the command line and the WAL archive beside it."""

import os
import shutil
import subprocess
import time

OWNER = "postgres"
OPTIONS = {"max_connections": "60", "max_wal_size": "512MB", "wal_keep_size": "64MB", "full_page_writes": "off"}
PASSWORD = "oldPass1"


def run(*argv, **options):
    settings = dict(stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True, timeout=120)
    return subprocess.run(list(map(str, argv)), **{**settings, **options})


def must(*argv, **options):
    done = run(*argv, **options)
    assert done.returncode == 0, f"{argv}: {done.stdout}"
    return done.stdout


class Old:
    """On the host of node `node`; `cluster` says in which runtime."""

    def __init__(self, cluster, node):
        self.cluster, self.node, self.host = cluster, node, cluster.host(node)
        self.process = cluster.runtime == "process"
        self.dataset = f"{self.host.pool}/data"
        self.home = self.host.dir / "pg"
        self.data, self.archive = self.home / "data", self.home / "wal_archive"
        self.bin = cluster.facts.get("postgres_bin")
        self.name = f"timescaledb-{node}"
        self.compose_file = self.home / "docker-compose.yaml"

    def make_home(self):
        self.archive.mkdir(parents=True, exist_ok=True)
        for directory in (self.home, self.archive):
            os.chmod(directory, 0o755 if directory == self.home else 0o777)
        if not self.process:
            self.compose_file.write_text(self.compose_text())

    def make(self):
        self.make_home()
        must("zfs", "create", "-o", f"mountpoint={self.data}", self.dataset)
        if self.process:
            os.chmod(self.data, 0o700)
            shutil.chown(self.data, OWNER, OWNER)
            must(*self.tool("initdb", "-U", "postgres", "--auth-local=trust", "--auth-host=scram-sha-256"), cwd="/")
        self.start()
        self.sql(f"ALTER ROLE postgres PASSWORD '{PASSWORD}'")
        self.sql("CREATE DATABASE dex_ohlcv", check=False)  # the image has made it
        self.sql("CREATE TABLE candles(id int PRIMARY KEY, close numeric)", "dex_ohlcv")
        self.sql("INSERT INTO candles SELECT i, i * 1.5 FROM generate_series(1, 1000) i", "dex_ohlcv")

    def compose_text(self):
        command = "".join(f"      - -c{key}={value}\n" for key, value in OPTIONS.items())
        return (f"services:\n  {self.name}:\n    container_name: {self.name}\n"
                f"    image: {self.cluster.facts['image']}\n    network_mode: host\n    restart: unless-stopped\n"
                f"    command:\n      - postgres\n{command}"
                "      - -carchive_mode=on\n      - -carchive_command=cp %p /var/lib/postgresql/wal_archive/%f\n"
                f"    environment:\n      POSTGRES_USER: postgres\n      POSTGRES_DB: dex_ohlcv\n"
                f"      POSTGRES_PASSWORD: {PASSWORD}\n"
                f"    volumes:\n      - {self.data}:{self.cluster.facts.get('pgdata', '/var/lib/postgresql/data')}\n"
                f"      - {self.archive}:/var/lib/postgresql/wal_archive\n")

    def tool(self, name, *words):
        return self.host.argv("runuser", "-u", OWNER, "--", f"{self.bin}/{name}", "-D", str(self.data), *words)

    def compose(self, *words):
        program = ["docker-compose"] if shutil.which("docker-compose") else ["docker", "compose"]
        return self.host.run(*program, "-f", str(self.compose_file), *words, cwd=str(self.home))

    def try_start(self):
        """What its owner does out of habit."""
        if not self.process:
            return self.compose("up", "-d")
        options = " ".join(f"-c {key}={value}" for key, value in OPTIONS.items())
        return run(*self.tool("pg_ctl", "-w", "-t", "60", "-l", str(self.archive / "server.log"), "-o",
                              f"-c unix_socket_directories={self.archive} -c listen_addresses=* {options}", "start"), cwd="/")

    def start(self):
        done = self.try_start()
        assert done.returncode == 0, done.stdout
        deadline = time.monotonic() + 90
        while not self.is_open() or not self.runs():
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.3)

    def is_open(self):
        """The server that the image runs for its own scripts listens to nobody."""
        return self.process or self.host.run("docker", "exec", self.name, "pg_isready", "-q", "-h", "127.0.0.1").returncode == 0

    def stop(self):
        if self.process:
            must(*self.tool("pg_ctl", "-w", "-m", "fast", "stop"), cwd="/")
        else:
            assert self.host.run("docker", "stop", self.name).returncode == 0

    def log(self):
        if self.process:
            return (self.archive / "server.log").read_text()
        return self.host.run("docker", "logs", "--tail", "30", self.name).stdout

    def sql(self, text, database="postgres", check=True):
        """Through its own socket, where it trusts whoever comes."""
        words = ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", database, "-c", text]
        if self.process:
            done = run(*self.host.argv(*words[:1], "-h", str(self.archive), *words[1:]))
        else:
            done = self.host.run("docker", "exec", self.name, *words)
        assert not check or done.returncode == 0, done.stdout
        return done

    def runs(self):
        return self.sql("SELECT 1", check=False).returncode == 0

    def node_entry(self):
        return {**self.cluster.entry(self.node), "adopt": self.dataset, "data": str(self.data)}

    def remove(self):
        if not self.process:
            for name in (self.name, self.name + ".before-dugong"):
                self.host.run("docker", "rm", "-f", name)
        elif (self.data / "postmaster.pid").exists():
            run(*self.tool("pg_ctl", "-w", "-m", "immediate", "stop"), cwd="/")
        deadline = time.monotonic() + 30
        while run("zfs", "list", self.dataset).returncode == 0:
            for snapshot in run("zfs", "list", "-H", "-r", "-t", "snapshot", "-o", "name", self.dataset).stdout.split():
                run("zfs", "release", "dugong", snapshot)
            done = run("zfs", "destroy", "-r", self.dataset)
            assert time.monotonic() < deadline, done.stdout
            time.sleep(0.2)
        shutil.rmtree(self.home, ignore_errors=True)
