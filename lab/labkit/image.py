"""The node image, built on this machine: the lab needs no registry. Two caches, both keyed by the
recipe: the root tree, slow to make and rarely changed, and the engine template, a Docker data-root that
holds the image and is cloned for every host."""

import hashlib
import os
import re
import signal

from . import mounts, processes
from .engine import LAYERS, await_engine, bare_environment, daemon_command, docker, program
from .model import IMAGE, OTHER_IMAGE, REPOSITORY, cache_root, lock
from .run import LabError, detach, output, run, tail

RECIPE = REPOSITORY / "lab" / "image"
ROOT_IMAGE = "dugong-lab/root:latest"
DOCKERFILE = f"""\
FROM {ROOT_IMAGE}
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/postgresql/17/bin
ENV LANG=C.UTF-8 PG_MAJOR=17 PGDATA=/var/lib/postgresql/data
VOLUME /var/lib/postgresql/data
EXPOSE 5432
STOPSIGNAL SIGINT
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["postgres"]
"""
OTHER_DOCKERFILE = f"FROM {IMAGE}\nLABEL dugong-lab.variant=other\n"


def hash_of(*parts):
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def root_dir():
    return cache_root() / f"root-{hash_of((RECIPE / 'build-root.sh').read_text())}"


def template_dir():
    """Changes with the recipe and with the engine, whose files the template holds."""
    files = sorted(path for path in RECIPE.rglob("*") if path.is_file())
    recipe = [f"{file.relative_to(RECIPE)}\n{file.read_text()}" for file in files]
    engine = output(program("dockerd"), "--version")
    return cache_root() / f"engine-{hash_of(*recipe, DOCKERFILE, OTHER_DOCKERFILE, engine)}"


def mirror():
    """The Debian mirror of this machine, from either form of apt's sources."""
    found = [line for path in apt_sources() for line in open(path, errors="replace")]
    for line in found:
        match = re.match(r"\s*URIs:\s*(\S+/debian)/?\s*$", line) or \
            re.match(r"\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+/debian)/?\s", line)
        if match:
            return match.group(1)
    raise LabError("no Debian mirror in /etc/apt/sources.list or /etc/apt/sources.list.d")


def apt_sources():
    listed = "/etc/apt/sources.list.d"
    more = sorted(os.listdir(listed)) if os.path.isdir(listed) else []
    paths = [f"{listed}/{name}" for name in more if name.endswith((".sources", ".list"))] + ["/etc/apt/sources.list"]
    return [path for path in paths if os.path.exists(path)]


def ensure_template(say=print):
    """The engine template, made now if no earlier lab made it."""
    template = template_dir()
    with lock("image"):
        if not template.exists():
            build_template(template, say)
    return template


def build_template(template, say):
    cache_root().mkdir(parents=True, exist_ok=True)
    remove_others("engine-*", template)  # engines that were cloned from them keep their files: hard links
    work = cache_root() / "work"
    remove_tree(work)
    work.mkdir()
    root = ensure_root(work, say)
    say("image: importing it into an engine")
    add_entrypoint(root)
    fill_engine(work, root)
    (work / "data").rename(template)
    remove_tree(work)


def remove_others(pattern, keep):
    for path in cache_root().glob(pattern):
        if path != keep:
            remove_tree(path)


def ensure_root(work, say):
    root = root_dir()
    if not root.exists():
        remove_others("root-*", root)
        say("image: building the root tree (about a minute, once)")
        log = work / "build.log"
        if detach([RECIPE / "build-root.sh", work / "root", mirror()], log).wait() != 0:
            raise LabError(f"the root tree could not be built: {tail(log, 30)}")
        (work / "root").rename(root)
    return root


def add_entrypoint(root):
    run("install", "-m", "755", RECIPE / "entrypoint.sh", root / "usr/local/bin/docker-entrypoint.sh")
    initdb = root / "docker-entrypoint-initdb.d"
    for old in initdb.iterdir():
        old.unlink()
    run("install", "-m", "644", "-t", initdb, *sorted((RECIPE / "initdb.d").iterdir()))


def fill_engine(work, root):
    """A nameless engine without any network, only to write a data-root."""
    socket, log = work / "docker.sock", work / "docker.log"
    command = daemon_command(work, work / "data", "/dugong-lab/image")
    process = detach(["unshare", "--net", *command, "--storage-driver", LAYERS], log, env=bare_environment())
    try:
        await_engine(process, socket, log)
        import_root(socket, root)
        docker(socket, "build", "-q", "-t", IMAGE, "-", text_in=DOCKERFILE)
        docker(socket, "build", "-q", "-t", OTHER_IMAGE, "-", text_in=OTHER_DOCKERFILE)
        docker(socket, "rmi", ROOT_IMAGE)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)
        processes.remove_cgroups("/dugong-lab/image")


def import_root(socket, root):
    client = f"env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin docker -H unix://{socket}"
    run("bash", "-o", "pipefail", "-c",
        f"tar -C '{root}' --numeric-owner -c . | {client} import - {ROOT_IMAGE}", timeout=300)


def remove_tree(path):
    if path.exists():
        mounts.detach(mounts.below(path))
        run("rm", "-rf", "--one-file-system", path)


def image_ids(socket):
    """Tag → id, of both variants, in one engine."""
    lines = docker(socket, "images", "--no-trunc", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}").stdout.split("\n")
    pairs = dict(line.split(" ") for line in lines if line)
    return {tag: pairs.get(tag) for tag in (IMAGE, OTHER_IMAGE)}
