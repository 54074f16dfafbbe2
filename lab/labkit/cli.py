"""The command line: one table of commands, each a few lines on the rooms that do the work."""

import argparse
import json
import os
import sys

from . import faults, host as machine, image, life, model, report, zfs_daemon
from .run import LabError


def up(options):
    lab = life.up(options.name, options.hosts, options.runtime, options.bin, options.pool_size,
                  True if options.pools_shared else None)
    print(report.table(lab))


def down(options):
    if options.all:
        life.down_all()
    else:
        life.down(options.name)


def status(options):
    names = [options.name] if options.name else model.all_names()
    print("\n".join(report.table(model.load(name)) for name in names) or "no lab")


def info(options):
    print(json.dumps(report.facts(model.load(options.name)), indent=2))


def execute(options):
    argv = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not argv:
        raise LabError("nothing to run: lab/lab exec --name NAME HOST -- COMMAND…")
    lab = model.load(options.name)
    machine.execute(lab, lab.host(options.host), argv)


def cut(options):
    lab = model.load(options.name)
    if options.peer:
        faults.cut_pair(lab.host(options.host), lab.host(options.peer))
    else:
        faults.cut(lab, lab.host(options.host))


def heal(options):
    lab = model.load(options.name)
    faults.heal(lab, lab.host(options.host))


def limit(options):
    lab = model.load(options.name)
    faults.limit(lab, lab.host(options.host), options.rate)


def kill(options):
    life.kill(options.name, options.host)


def boot(options):
    life.boot(options.name, options.host)


def reboot(options):
    kill(options)
    boot(options)


def blackout(options):
    life.blackout(options.name)


def pool(options):
    print(life.add_pool(options.name, options.host, options.pool, options.size))


def build_image(options):
    image.ensure_template()
    print(model.OTHER_IMAGE if options.other else model.IMAGE)


def heal_zfs(_options):
    zfs_daemon.ensure()


NAME = (("--name",), {"required": True, "help": "the lab's name"})
HOST = (("host",), {"help": "h1, h2…"})
COMMANDS = {
    "up": (up, "make the lab, or heal what is there", [
        NAME, (("--hosts",), {"type": int}), (("--runtime",), {"choices": model.RUNTIMES}),
        (("--bin",), {"metavar": "DIR", "help": "first in every host's PATH (default: the repository's build)"}),
        (("--pool-size",), {"help": f"sparse (default {life.DEFAULT_POOL_SIZE})"}),
        (("--pools-shared",), {"action": "store_true", "help": "one pool for all hosts"})]),
    "down": (down, "remove the lab, and nothing else", [
        (("--name",), {}), (("--all",), {"action": "store_true"})]),
    "status": (status, "a table of one lab or of all", [(("--name",), {})]),
    "info": (info, "where everything is, as JSON", [NAME]),
    "exec": (execute, "run a command as if local on the host", [
        NAME, HOST, (("command",), {"nargs": argparse.REMAINDER})]),
    "cut": (cut, "unplug a host, or part it from one peer", [NAME, HOST, (("peer",), {"nargs": "?"})]),
    "heal": (heal, "undo every cut of the host", [NAME, HOST]),
    "limit": (limit, "limit the host's line in both directions", [
        NAME, HOST, (("rate",), {"help": "20mbit, or off"})]),
    "kill": (kill, "cut the host's power", [NAME, HOST]),
    "boot": (boot, "power it on", [NAME, HOST]),
    "reboot": (reboot, "kill, then boot", [NAME, HOST]),
    "blackout": (blackout, "cut every host's power and lose what was not fsynced; then boot, or up", [NAME]),
    "pool": (pool, "a further pool on a host; prints its full name", [
        NAME, HOST, (("pool",), {}), (("size",), {"help": "300M"})]),
    "image": (build_image, "build the node image if it is not cached; prints its name", [
        (("--other",), {"action": "store_true", "help": "the same content under another id"})]),
    "zfs": (heal_zfs, "make zfs and zpool answer, whatever happened to the daemon", []),
}


def parser():
    top = argparse.ArgumentParser(prog="lab/lab", description="Several hosts on one machine, for tests on real tools.")
    verbs = top.add_subparsers(dest="verb", required=True)
    for verb, (action, text, arguments) in COMMANDS.items():
        one = verbs.add_parser(verb, help=text, description=text)
        one.set_defaults(action=action)
        for names, settings in arguments:
            one.add_argument(*names, **settings)
    return top


def main():
    options = parser().parse_args()
    if options.verb == "down" and bool(options.name) == options.all:
        parser().error("down takes either --name or --all")
    if os.geteuid() != 0:
        sys.exit("lab: only root can make network namespaces and pools")
    try:
        options.action(options)
    except LabError as error:
        sys.exit(f"lab: {error}")
