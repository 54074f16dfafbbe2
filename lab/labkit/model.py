"""What a lab is, as data: which hosts, which addresses, where everything lies. No effects but reading
and writing the lab's own description, so that any later command finds the lab again."""

import dataclasses
import fcntl
import json
import os
import re
from contextlib import contextmanager
from pathlib import Path

from .run import LabError

REPOSITORY = Path(__file__).resolve().parents[2]
IMAGE = "dugong-lab/timescaledb:2.19-pg17"
OTHER_IMAGE = "dugong-lab/timescaledb:other"
RUNTIMES = ("process", "compose")
SUBNET = "10.77"  # the third number is the lab's slot
SHARED_RUN_DIR = Path("/run/dugong-lab")  # locks, and the daemon that all labs share
NAME_RULE = re.compile(r"[a-z][a-z0-9]{0,11}")


def labs_root():
    return Path(os.environ.get("DUGONG_LAB_DIR", "/var/lib/dugong-lab"))


def cache_root():
    return Path(os.environ.get("DUGONG_LAB_CACHE", "/var/cache/dugong-lab"))


@dataclasses.dataclass
class Host:
    """One machine of the lab. `pools` names its pools; the first one is the main one."""
    name: str
    address: str
    netns: str
    dir: Path
    pools: list

    @property
    def pool(self):
        return self.pools[0]

    @property
    def netns_path(self):
        return f"/run/netns/{self.netns}"

    @property
    def docker_socket(self):
        return self.dir / "docker.sock"

    @property
    def run_dir(self):
        return self.dir / "run"

    @property
    def state_dir(self):
        return self.dir / "state"

    @property
    def home(self):
        return self.dir / "home"

    @property
    def node_config(self):
        return self.dir / "node.toml"


@dataclasses.dataclass
class Lab:
    name: str
    slot: int
    runtime: str
    bin_dir: str
    pool_size: str
    pools_shared: bool
    host_count: int
    extra_pools: dict  # host name → names of further pools

    @property
    def dir(self):
        return labs_root() / self.name

    @property
    def bridge_netns(self):
        return f"dg{self.name}-br"

    @property
    def bridge_address(self):
        return f"{SUBNET}.{self.slot}.254"

    @property
    def ssh_config(self):
        return self.dir / "ssh_config"

    @property
    def hosts(self):
        return [self.host(f"h{number}") for number in range(1, self.host_count + 1)]

    def host(self, name):
        if not re.fullmatch(r"h[1-9][0-9]*", name) or int(name[1:]) > self.host_count:
            raise LabError(f"lab {self.name} has no host '{name}': h1 to h{self.host_count}")
        main_pool = f"dg{self.name}" if self.pools_shared else f"dg{self.name}_{name}"
        return Host(name=name, address=f"{SUBNET}.{self.slot}.{10 + int(name[1:])}",
                    netns=f"dg{self.name}-{name}", dir=self.dir / "hosts" / name,
                    pools=[main_pool] + self.extra_pools.get(name, []))

    def pool_dir(self, host, pool):
        """Where the pool's backing file lies; a shared pool belongs to no host."""
        return self.dir / "pools" if self.pools_shared and pool == host.pool else host.dir / "pools"

    def save(self):
        self.dir.mkdir(parents=True, exist_ok=True)
        text = json.dumps(dataclasses.asdict(self), indent=2)
        temporary = self.dir / ".lab.json"
        temporary.write_text(text + "\n")
        temporary.rename(self.dir / "lab.json")


def check_name(name):
    if not NAME_RULE.fullmatch(name):
        raise LabError(f"'{name}' is no lab name: a letter, then at most 11 letters and digits, lower case")


def load(name):
    check_name(name)
    try:
        return Lab(**json.loads((labs_root() / name / "lab.json").read_text()))
    except FileNotFoundError:
        raise LabError(f"there is no lab '{name}': lab/lab up --name {name}") from None


def find(name):
    """The lab, or None where none of that name is described."""
    check_name(name)
    return load(name) if (labs_root() / name / "lab.json").exists() else None


def all_names():
    root = labs_root()
    return sorted(entry.name for entry in root.iterdir() if NAME_RULE.fullmatch(entry.name)) if root.is_dir() else []


def free_slot():
    used = {lab.slot for lab in map(find, all_names()) if lab}
    return next(slot for slot in range(1, 255) if slot not in used)


@contextmanager
def lock(name):
    """One command at a time: per lab, or for what all labs share (the daemon, the slots, the image)."""
    SHARED_RUN_DIR.mkdir(exist_ok=True)
    with open(SHARED_RUN_DIR / name, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
