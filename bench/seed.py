"""Seeding a replica of a database that is being written: `dugong replica add`, the same by hand, and pg_basebackup.

Seconds until the new replica streams and has replayed an LSN taken after the copy; what the writer's transactions took
meanwhile; what it cost in CPU. All contenders copy the same database from host h1 to host h2, in turn."""

import argparse
import base64
import os
import shlex
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "lab"))

import labkit  # noqa: E402
from report import Samples  # noqa: E402

MB_PER_SCALE = 15  # of pgbench's tables and indexes
QUIET_SECONDS = 15
SETTLE_SECONDS = 5

CLUSTER_FILE = """\
cluster = "bench"

[postgres]
runtime = "process"
bin_dir = "{bin}"
extensions = []
database = "bench"

[postgres.settings]
shared_buffers = "256MB"
max_connections = 50
max_wal_size = "4GB"
wal_keep_size = "128MB"
full_page_writes = "off"

[auth]
superuser_password = {{ file = "{secret}" }}
replication_user = "repl_user"
replication_password = {{ file = "{secret}" }}

[ssh]
config = "{ssh_config}"

[[node]]
name = "a"
address = "{a.address}"
prefix = "{a.pool}/a"
directory = "{a.dir}/a"

[[node]]
name = "b"
address = "{b.address}"
ssh = "root@{b.address}"
prefix = "{b.pool}/b"
directory = "{b.dir}/b"
"""


def log(text):
    print(text, file=sys.stderr, flush=True)


def must(host, *command, **options):
    """Runs it on the host as root; its output, or the end of the benchmark."""
    done = host.run(*command, timeout=1800, **options)
    if done.returncode != 0:
        raise SystemExit(f"{host.name}: {' '.join(map(str, command))}: exit {done.returncode}\n{done.stdout}")
    return done.stdout.strip()


def destroy(host, *what):
    """zfs-fuse calls a dataset busy for some milliseconds after its last use."""
    for _ in range(50):
        done = host.run("zfs", "destroy", *what)
        if done.returncode == 0:
            return
        time.sleep(0.1)
    raise SystemExit(f"{host.name}: zfs destroy {' '.join(what)}: {done.stdout}")


def release(host, root):
    """Ends dugong's holds below `root`; returns the snapshots there."""
    snapshots = must(host, "zfs", "list", "-H", "-o", "name", "-t", "snapshot", "-r", root).splitlines()
    for snapshot in snapshots:
        must(host, "zfs", "release", "dugong", snapshot)
    return snapshots


def as_postgres(*command):
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", *map(str, command)]


def busy_cpu_seconds():
    """Of the whole machine since its start; idle and iowait are not busy."""
    fields = [int(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")


class Stage:
    """The lab with a primary on h1 that is written to, and the means to look at it."""

    def __init__(self, lab, options):
        self.lab, self.options = lab, options
        self.a, self.b = lab["h1"], lab["h2"]
        self.bin = lab.facts()["postgres_bin"]
        directory = Path(lab.facts()["dir"])
        self.secret, self.file, self.writer_log = directory / "secret", directory / "dugong.toml", directory / "writer"
        self.writer = None

    def prepare(self):
        self.password = base64.b16encode(os.urandom(12)).decode()
        self.secret.write_text(self.password)
        self.secret.chmod(0o600)
        self.file.write_text(CLUSTER_FILE.format(bin=self.bin, secret=self.secret, ssh_config=self.lab.ssh_config,
                                                 a=self.a, b=self.b))
        self.dugong("up")  # replica b too, while there is nothing to copy: pg_hba.conf then suits every contender
        forget_replica_b(self)
        self.live = f"{self.a.pool}/a/live-0"
        alike = [word for name in ("recordsize", "compression", "atime")
                 for word in ("-o", f"{name}={must(self.a, 'zfs', 'get', '-H', '-o', 'value', name, self.live)}")]
        must(self.b, "zfs", "create", "-o", "mountpoint=none", *alike, f"{self.b.pool}/peers")
        scale = max(1, self.options.size_mb // MB_PER_SCALE)
        log(f"loading {scale * MB_PER_SCALE} MB")
        self.client("pgbench", "-i", "-q", "-s", str(scale), "bench")
        self.size_gb = int(self.sql(self.a, "SELECT sum(pg_database_size(oid)) FROM pg_database")) / 1e9

    def dugong(self, *words):
        """The controller, on the primary's host."""
        must(self.a, "dugong", *words, "--yes", "--progress", "plain", "--file", self.file)

    def environment(self, host):
        return {**host.environment(), "PGPASSWORD": self.password, "PGCONNECT_TIMEOUT": "5"}

    def client(self, *command):
        done = subprocess.run(self.a.argv(f"{self.bin}/{command[0]}", "-h", "127.0.0.1", "-U", "postgres", *command[1:]),
                              env=self.environment(self.a), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(command)}: {done.stdout}")

    def sql(self, host, text, check=True):
        done = subprocess.run(host.argv(f"{self.bin}/psql", "-XAtq", "-h", "127.0.0.1", "-U", "postgres", "-d", "bench",
                                        "-c", text),
                              env=self.environment(host), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if check and done.returncode != 0:
            raise SystemExit(f"{host.name}: {text}: {done.stderr}")
        return done.stdout.strip()

    def start_writer(self):
        command = [f"{self.bin}/pgbench", "-n", "-M", "prepared", "-R", str(self.options.tps), "-c", "4", "-T", "86400",
                   "-l", f"--log-prefix={self.writer_log}", "-h", "127.0.0.1", "-U", "postgres", "bench"]
        self.writer = subprocess.Popen(self.a.argv(*command), env=self.environment(self.a),
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def stop_writer(self):
        time.sleep(2)  # its log is written in blocks
        if self.writer.poll() is not None:
            raise SystemExit("the writer ended by itself")
        self.writer.terminate()
        self.writer.wait()

    def latencies(self):
        """(when a transaction ended, its milliseconds from the moment it was due), in the order of time."""
        found = []
        for path in self.writer_log.parent.glob(f"{self.writer_log.name}.*"):
            for line in path.read_text().splitlines():
                fields = line.split()
                if len(fields) == 7:
                    found.append((int(fields[4]) + int(fields[5]) / 1e6, int(fields[2]) / 1e3))
        return sorted(found)

    def wait_until_replica_has(self, lsn):
        question = (f"SELECT pg_last_wal_replay_lsn() >= '{lsn}' AND "
                    "EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming')")
        deadline = time.monotonic() + 600
        while self.sql(self.b, question, check=False) != "t":
            if time.monotonic() > deadline:
                raise SystemExit("the new replica does not stream")
            time.sleep(0.02)

    def start_peer(self, data):
        """A server on a copy of the primary's directory: what names the primary's own host is overridden."""
        settings = f"-c unix_socket_directories={data.parent} -c archive_mode=off -c log_directory={data.parent}"
        must(self.b, *as_postgres(f"{self.bin}/pg_ctl", "-D", data, "-s", "-w", "-l", data.parent / "server.log",
                                  "-o", settings, "start"))

    def peer_directory(self, name):
        directory = self.b.dir / name
        must(self.b, "install", "-d", "-o", "postgres", directory)
        return directory / "data"


# --- contenders: each leaves a server on h2 that will stream, and knows how to take it away again ----------------------


def add_replica_b(stage):
    stage.dugong("replica", "add", "b")


def forget_replica_b(stage):
    stop_server(stage, stage.b.dir / "b" / "data")
    release(stage.b, f"{stage.b.pool}/b")
    destroy(stage.b, "-R", f"{stage.b.pool}/b")
    must(stage.b, "rm", "-rf", stage.b.dir / "b")
    for _ in range(100):
        stage.sql(stage.a, "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE NOT active")
        if stage.sql(stage.a, "SELECT count(*) FROM pg_replication_slots") == "0":
            break
        time.sleep(0.1)
    for snapshot in release(stage.a, f"{stage.a.pool}/a"):
        destroy(stage.a, snapshot)


def by_hand(stage):
    data = stage.peer_directory("hand")
    snapshot, target = f"{stage.live}@by-hand", f"{stage.b.pool}/peers/hand"
    must(stage.a, "zfs", "snapshot", snapshot)
    receive = f"ssh -F {stage.lab.ssh_config} {stage.b.name} zfs receive -u {target}"
    must(stage.a, "bash", "-c", f"set -o pipefail; zfs send {shlex.quote(snapshot)} | {receive}")
    must(stage.b, "zfs", "set", f"mountpoint={data}", target)
    if not os.path.ismount(data):
        must(stage.b, "zfs", "mount", target)
    conninfo = f"host={stage.a.address} port=5432 user=repl_user password={stage.password}"
    (data / "postgresql.auto.conf").write_text(f"primary_conninfo = '{conninfo}'\n")
    (data / "postmaster.pid").unlink(missing_ok=True)
    (data / "standby.signal").touch()
    must(stage.b, "chown", "postgres:", data / "standby.signal")
    stage.start_peer(data)


def undo_by_hand(stage):
    stop_server(stage, stage.b.dir / "hand" / "data")
    destroy(stage.b, "-r", f"{stage.b.pool}/peers/hand")
    destroy(stage.a, f"{stage.live}@by-hand")


def base_backup(stage):
    data = stage.peer_directory("base")
    must(stage.b, "zfs", "create", "-o", f"mountpoint={data}", f"{stage.b.pool}/peers/base")
    must(stage.b, "chown", "postgres:", data)
    must(stage.b, "chmod", "700", data)
    conninfo = f"host={stage.a.address} port=5432 user=repl_user password={stage.password}"
    must(stage.b, *as_postgres(f"{stage.bin}/pg_basebackup", "-d", conninfo, "-D", data, "-X", "stream", "-R", "-c", "fast"))
    stage.start_peer(data)


def undo_base_backup(stage):
    stop_server(stage, stage.b.dir / "base" / "data")
    destroy(stage.b, "-r", f"{stage.b.pool}/peers/base")


def stop_server(stage, data):
    must(stage.b, *as_postgres(f"{stage.bin}/pg_ctl", "-D", data, "-s", "-w", "-m", "immediate", "stop"))


CONTENDERS = {
    "dugong replica add": (add_replica_b, forget_replica_b),
    "by hand": (by_hand, undo_by_hand),
    "pg_basebackup": (base_backup, undo_base_backup),
}


# --- measuring -------------------------------------------------------------------------------------------------------


class Window:
    """A stretch of time, with the machine's CPU seconds in it."""

    def __enter__(self):
        self.began, self.cpu = time.time(), busy_cpu_seconds()
        return self

    def __exit__(self, *_):
        self.ended, self.cpu = time.time(), busy_cpu_seconds() - self.cpu

    @property
    def seconds(self):
        return self.ended - self.began


def measure(stage, seed, undo):
    stage.sql(stage.a, "CHECKPOINT")
    time.sleep(SETTLE_SECONDS)
    with Window() as window:
        seed(stage)
        stage.wait_until_replica_has(stage.sql(stage.a, "SELECT pg_current_wal_lsn()"))
    undo(stage)
    return window


def in_turn(names, shift):
    names = list(names)
    return names[shift % len(names):] + names[:shift % len(names)]


def run_all(stage):
    """Contenders take turns, and a different one begins each round."""
    with Window() as quiet:
        time.sleep(QUIET_SECONDS)
    windows = [("no copy", quiet)]
    for run in range(stage.options.runs):
        for name in in_turn(CONTENDERS, run):
            window = measure(stage, *CONTENDERS[name])
            windows.append((name, window))
            log(f"run {run + 1}: {name}: {window.seconds:.2f} s (load {os.getloadavg()[0]:.1f})")
    return windows


def evaluate(stage, windows):
    samples, latencies = Samples("seed"), stage.latencies()
    quiet = windows[0][1]
    idle = quiet.cpu / quiet.seconds
    for name, window in windows:
        taken = [milliseconds for ended, milliseconds in latencies if window.began <= ended <= window.ended]
        if name != "no copy":
            samples.add(name, "seconds", "s", window.seconds)
        samples.add(name, "writer_latency_ms", "ms", statistics.median(taken))
        samples.add(name, "writer_latency_p99_ms", "ms", sorted(taken)[int(len(taken) * 0.99)])
        samples.add(name, "writer_latency_max_ms", "ms", max(taken))
        if name != "no copy":
            samples.add(name, "cpu_seconds_per_gb", "s/GB", (window.cpu - idle * window.seconds) / stage.size_gb)
    return samples


def main():
    parser = argparse.ArgumentParser(prog="script/bench seed", description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", choices=("table", "json"), default="table")
    parser.add_argument("--size-mb", type=int, default=2000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--tps", type=int, default=200)
    parser.add_argument("--bin", default=str(ROOT / "build"), help="where dugong is (default: the release build)")
    options = parser.parse_args()
    log(f"load before: {os.getloadavg()[0]:.1f}")
    pool = f"{max(6, options.size_mb * 5 // 1000)}G"
    with labkit.bring_up_anew("bench", hosts=2, runtime="process", bin_dir=options.bin, pool_size=pool) as lab:
        stage = Stage(lab, options)
        stage.prepare()
        log(f"database: {stage.size_gb:.2f} GB; writer: {options.tps} transactions a second")
        stage.start_writer()
        time.sleep(SETTLE_SECONDS)
        try:
            windows = run_all(stage)
            stage.stop_writer()
        finally:
            stage.writer.kill()
        samples = evaluate(stage, windows)
    print(samples.as_json() if options.output == "json" else samples.as_table())


if __name__ == "__main__":
    main()
