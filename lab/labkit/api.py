"""The lab for Python tests: handles that do what the command line does, without its processes."""

import os
import subprocess

from . import faults, host as machine, life, model, report


def bring_up(name, **options):
    """Makes or heals the lab; the options are those of life.up."""
    return RunningLab(life.up(name, say=lambda line: None, **options))


def bring_up_anew(name, **options):
    """As bring_up, without what a run that was cut off may have left of a lab of this name."""
    life.down(name)
    return bring_up(name, **options)


def open_lab(name):
    return RunningLab(model.load(name))


class RunningLab:
    """A lab that was brought up. As a context manager it goes down at the end."""

    def __init__(self, lab):
        self.lab = lab
        self.ssh_config = lab.ssh_config
        self.hosts = [RunningHost(lab, host) for host in lab.hosts]

    def __getitem__(self, name):
        return next(host for host in self.hosts if host.name == name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.down()

    def facts(self):
        return report.facts(self.lab)

    def status(self):
        return report.table(self.lab)

    def blackout(self):
        life.blackout(self.lab.name)

    def down(self):
        life.down(self.lab.name)


class RunningHost:
    """One host: run() as if local on it, ssh() from outside, and what can befall it."""

    def __init__(self, lab, host):
        self._lab, self._host = lab, host
        self.name, self.address, self.dir = host.name, host.address, host.dir
        self.pool, self.docker_host = host.pool, f"unix://{host.docker_socket}"
        self.node_config, self.run_dir = host.node_config, host.run_dir

    def argv(self, *command):
        return ["nsenter", f"--net={self._host.netns_path}", "--", *map(str, command)]

    def environment(self):
        return dict(os.environ, **machine.environment(self._lab, self._host))

    def run(self, *command, **options):
        """subprocess.run on the host, output as text."""
        settings = dict(stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True, timeout=120)
        return subprocess.run(self.argv(*command), env=self.environment(), **{**settings, **options})

    def start(self, *command, **options):
        """subprocess.Popen on the host."""
        return subprocess.Popen(self.argv(*command), env=self.environment(), **options)

    def ssh(self, command, **options):
        """subprocess.run of ssh to the host, from the machine."""
        settings = dict(stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True, timeout=60)
        return subprocess.run(["ssh", "-F", str(self._lab.ssh_config), self.name, command], **{**settings, **options})

    def cut(self, peer=None):
        if peer is None:
            faults.cut(self._lab, self._host)
        else:
            faults.cut_pair(self._host, peer._host)

    def heal(self):
        faults.heal(self._lab, self._host)

    def limit(self, rate):
        faults.limit(self._lab, self._host, rate)

    def kill(self):
        life.kill(self._lab.name, self.name)

    def boot(self):
        life.boot(self._lab.name, self.name)

    def reboot(self):
        self.kill()
        self.boot()

    def add_pool(self, name, size):
        return life.add_pool(self._lab.name, self.name, name, size)

    def is_up(self):
        return machine.is_up(self._lab, self._host)
