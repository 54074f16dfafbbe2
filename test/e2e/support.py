"""A cluster under test: its file, the program run on it, and SQL on its nodes as a client would speak it."""

import copy
import json
import os
import subprocess
import time
from pathlib import Path

PASSWORD = "s3 cr'e\"t$x\\y:z%w#ü€"  # every character that ever broke a quoting
NODE_NAMES = "abc"
EXTENSIONS = {"process": "pgcrypto", "compose": "timescaledb"}  # Debian's postgresql has the first


def toml_string(text):
    """A TOML basic string; ${NAME} in it is the environment's."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def toml_value(value):
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml_value(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return toml_string(value) if isinstance(value, str) else str(value)


def toml_document(tree, path=()):
    """Tables of scalars, tables of tables and arrays of tables: what a cluster file needs."""
    lines = []
    tables = {key: item for key, item in tree.items() if isinstance(item, dict) and not is_secret(item)}
    arrays = {key: item for key, item in tree.items() if isinstance(item, list) and item and isinstance(item[0], dict)}
    for key, item in tree.items():
        if key not in tables and key not in arrays:
            lines.append(f"{quoted_key(key)} = {toml_value(item)}")
    for key, item in tables.items():
        lines += ["", f"[{'.'.join(path + (quoted_key(key),))}]", *toml_document(item, path + (quoted_key(key),))]
    for key, items in arrays.items():
        for item in items:
            lines += ["", f"[[{quoted_key(key)}]]", *toml_document(item)]
    return lines


def quoted_key(key):
    return f'"{key}"' if "." in key else key


def is_secret(item):
    return set(item) <= {"env", "file"} and len(item) == 1


class Cluster:
    def __init__(self, lab, directory, runtime, binaries, hosts=("h1", "h2", "h3")):
        self.lab, self.directory, self.runtime, self.binaries = lab, Path(directory), runtime, Path(binaries)
        self.program = str(self.binaries / "dugong")
        self.began = time.time()
        self.first_up, self.command_lines = None, set()  # of `standing`: what `up` said, and every process meanwhile
        self.file = self.directory / "dugong.toml"
        self.facts = lab.facts()
        # Every run makes its own connections: a fault of ssh must meet the run that it is made for.
        self.environment = {**os.environ, "POSTGRES_PASSWORD": PASSWORD, "REPL_USER": "repl user", "DUGONG_SSH_PERSIST": "0"}
        secret = self.directory / "repl.pass"
        secret.write_text(PASSWORD + "2\n", encoding="utf-8")
        self.tree = {
            "cluster": "dex",
            "postgres": {**self._runtime_keys(), "database": "dex_ohlcv", "port": 5432,
                         "settings": {"shared_buffers": "64MB", "max_connections": 40, "max_wal_size": "256MB",
                                      "wal_receiver_timeout": "15s"},
                         "replica_settings": {"default_transaction_read_only": "on"}},
            "auth": {"superuser_password": {"env": "POSTGRES_PASSWORD"}, "replication_user": "${REPL_USER}",
                     "replication_password": {"file": str(secret)}},
            "ssh": {"config": str(lab.ssh_config)},
            "node": [self.node(name, host) for name, host in zip(NODE_NAMES, hosts)],
        }
        self.write()

    def _runtime_keys(self):
        if self.runtime == "compose":
            return {"runtime": "compose", "image": self.facts["image"], "shm_size": "128m"}  # timescaledb by default
        return {"runtime": "process", "bin_dir": str(self.facts["postgres_bin"]), "extensions": [EXTENSIONS["process"]]}

    def node(self, name, host, **more):
        at = self.lab[host]
        return {"name": name, "address": at.address, "ssh": f"root@{at.address}", "prefix": f"{at.pool}/{name}",
                "directory": f"{at.dir}/{name}", **more}

    def write(self, tree=None):
        self.file.write_text("\n".join(toml_document(tree or self.tree)) + "\n", encoding="utf-8")

    def changed(self):
        """A copy of the file's tree to change and write()."""
        return copy.deepcopy(self.tree)

    def host(self, node):
        for entry in self.tree["node"]:
            if entry["name"] == node:
                return next(host for host in self.lab.hosts if host.address == entry["address"])
        raise KeyError(node)

    def entry(self, node):
        return next(entry for entry in self.tree["node"] if entry["name"] == node)

    # --- the program ---------------------------------------------------------------------------------------------

    def argv(self, *words):
        return [self.program, *words, "--file", str(self.file)]

    def run(self, *words, timeout=300, **options):
        options.setdefault("env", self.environment)
        return subprocess.run(self.argv(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=timeout, stdin=subprocess.DEVNULL, **options)

    def must(self, *words, **options):
        done = self.run(*words, **options)
        assert done.returncode == 0, f"{words}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def up(self, *words, **options):
        return self.must("up", "--yes", *words, **options)

    def start(self, *words, **options):
        return subprocess.Popen(self.argv(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                stdin=subprocess.DEVNULL, env=self.environment, **options)

    def status(self):
        done = self.run("status", "-o", "json")
        return json.loads(done.stdout)

    def node_status(self, name):
        return next(node for node in self.status()["nodes"] if node["name"] == name)

    def destroy_all(self):
        self.write()
        for host in self.lab.hosts:
            if not host.is_up():
                host.boot()
            host.heal()
        self.must("down", "--destroy", "--confirm=dex", "--yes")

    # --- SQL, as a client ------------------------------------------------------------------------------------------

    def psql(self, node, sql, database=None, user="postgres", password=PASSWORD, check=True, via=None):
        """Runs psql on the node's own host against 127.0.0.1, which initdb admits; or on `via`'s against the address."""
        entry = self.entry(node)
        port = entry.get("port", self.tree["postgres"]["port"])
        host = self.host(via or node)
        environment = {**host.environment(), "PGPASSWORD": password, "PGCONNECT_TIMEOUT": "10"}
        where = ["-h", entry["address"] if via else "127.0.0.1", "-p", str(port)]
        argv = host.argv("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", *where, "-U", user,
                         "-d", database or self.tree["postgres"]["database"], "-c", sql)
        done = subprocess.run(argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
        if check:
            assert done.returncode == 0, done.stderr
            return done.stdout.strip()
        return done

    def postmaster(self, name):
        """Its number as the machine sees it."""
        if self.runtime == "compose":
            return int(self.host(name).run("docker", "inspect", "-f", "{{.State.Pid}}", self.container(name)).stdout)
        return int((Path(self.entry(name)["directory"]) / "data" / "postmaster.pid").read_text().split()[0])

    def container(self, name):
        return f"dugong-{self.tree['cluster']}-{name}"

    # --- what is on a host -----------------------------------------------------------------------------------------

    def zfs(self, *words):
        return subprocess.run(["zfs", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=True).stdout

    def tree_of(self, node):
        """Every dataset and snapshot below the node's prefix, with holds."""
        entry = self.entry(node)
        done = subprocess.run(["zfs", "get", "-Hp", "-r", "-o", "name,value", "userrefs", entry["prefix"]],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        return sorted(tuple(line.split("\t")) for line in done.stdout.splitlines())

    def footprint(self):
        """What a run that is refused must leave alone: datasets with all that was set on them, files, servers, slots."""
        seen = {"slots": self.psql("a", "SELECT slot_name, active FROM pg_replication_slots ORDER BY 1", check=False).stdout}
        for host in self.lab.hosts:
            seen[host.name] = sorted(path.name for path in host.dir.iterdir())
            for pool in self.zfs("list", "-H", "-d", "0", "-o", "name").split():
                if pool.startswith(host.pool):
                    seen[pool] = self.zfs("list", "-H", "-r", "-t", "all", "-o", "name,mounted,origin", pool)
                    seen[f"{pool} set"] = self.zfs("get", "-H", "-r", "-s", "local,received", "-o", "name,property,value",
                                                   "all", pool)
            if self.runtime == "compose":
                seen[f"{host.name} containers"] = host.run("docker", "ps", "-a", "--format",
                                                           "{{.ID}} {{.Names}} {{.State}}").stdout
        for entry in self.tree["node"]:
            seen.update(files_below(Path(entry["directory"])))
        return seen


LIVELY = {"logs", "run", "archive"}  # below a node's directory: written by a server as it runs
CONFIGURATION = {"dugong.conf", "postgresql.conf", "postgresql.auto.conf", "pg_hba.conf", "standby.signal", "PG_VERSION",
                 "postmaster.pid"}


def files_below(root):
    """path → mode, owner and content; of a data directory the names, and the content of what configures it."""
    found = {}
    for path in sorted([root, *root.glob("*"), *root.glob("secrets/*"), *root.glob("bin/*"), *root.glob("data/*")]):
        if not path.exists() or path.name in LIVELY:
            continue
        status = path.lstat()
        wanted = path.is_file() and (path.parent.name != "data" or path.name in CONFIGURATION)
        found[str(path)] = (oct(status.st_mode), status.st_uid, path.read_bytes() if wanted else None)
    return found
