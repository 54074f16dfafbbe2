"""The node image, built on this machine because no registry can be reached. Two caches, both keyed by the
recipe: the engine template (a Docker data-root that holds the image, cloned for every host) is what labs
use; the root tree is gone once it is imported."""

import hashlib
import os
import re
import shutil
import signal

from . import mounts
from .engine import LAYERS, await_engine, bare_environment, daemon_command, docker
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


def recipe_key():
    """Changes with the recipe and with the engine, whose files the template holds."""
    digest = hashlib.sha256((DOCKERFILE + OTHER_DOCKERFILE).encode())
    digest.update(output("/usr/sbin/dockerd", "--version").encode())
    for file in sorted(path for path in RECIPE.rglob("*") if path.is_file()):
        digest.update(f"{file.relative_to(RECIPE)} {file.stat().st_mode & 0o111}\n".encode() + file.read_bytes())
    return digest.hexdigest()[:12]


def template_dir():
    return cache_root() / f"engine-{recipe_key()}"


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
            remove_old_templates()
            build_template(template, say)
    return template


def remove_old_templates():
    """Of another recipe: engines that were cloned from them keep their files (hard links)."""
    for old in cache_root().glob("engine-*") if cache_root().is_dir() else ():
        shutil.rmtree(old)


def build_template(template, say):
    cache_root().mkdir(parents=True, exist_ok=True)
    work = cache_root() / "work"
    remove_work(work)
    work.mkdir()
    say("image: building the root tree (about a minute, once)")
    build_root(work)
    say("image: importing it into an engine")
    fill_engine(work)
    (work / "data").rename(template)
    remove_work(work)


def build_root(work):
    with open(work / "build.log", "w") as log:
        code = detach([RECIPE / "build-root.sh", work / "root", mirror()], log.name).wait()
    if code != 0:
        raise LabError(f"the root tree could not be built: {tail(log.name, 30)}")


def fill_engine(work):
    """A nameless engine without any network, only to write a data-root."""
    socket, log = work / "docker.sock", work / "docker.log"
    command = daemon_command(work, work / "data", "/dugong-lab/image")
    process = detach(["unshare", "--net", *command, "--storage-driver", LAYERS], log, env=bare_environment())
    try:
        await_engine(process, socket, log)
        import_root(socket, work / "root")
        docker(socket, "build", "-q", "-t", IMAGE, "-", text_in=DOCKERFILE)
        docker(socket, "build", "-q", "-t", OTHER_IMAGE, "-", text_in=OTHER_DOCKERFILE)
        docker(socket, "rmi", ROOT_IMAGE)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def import_root(socket, root):
    client = f"env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin docker -H unix://{socket}"
    run("bash", "-o", "pipefail", "-c",
        f"tar -C '{root}' --numeric-owner -c . | {client} import - {ROOT_IMAGE}", timeout=300)


def remove_work(work):
    if work.exists():
        mounts.detach(mounts.below(work))
        run("rm", "-rf", "--one-file-system", work)


def image_ids(socket):
    """Tag → id, of both variants, in one engine."""
    lines = docker(socket, "images", "--no-trunc", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}").stdout.split("\n")
    pairs = dict(line.split(" ") for line in lines if line)
    return {tag: pairs.get(tag) for tag in (IMAGE, OTHER_IMAGE)}
