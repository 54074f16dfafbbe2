"""Hosts whose clock, language and time zone are not the controller's. All hosts of a lab share one kernel: what runs there is
started by small wrappers that know by the network namespace where they are."""

import os
import subprocess
from pathlib import Path

LOCALE, ZONE, HOUR = "de_DE.UTF-8", "Asia/Kathmandu", 3600

# What asks the C library for the time of day gets one that is CLOCK_AHEAD seconds off.
SHIM = r"""
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long ahead(void) {
  const char* text = getenv("CLOCK_AHEAD");
  return text ? atol(text) : 0;
}
int clock_gettime(clockid_t id, struct timespec* at) {
  int failed = (int)syscall(SYS_clock_gettime, id, at);
  if (!failed && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) at->tv_sec += ahead();
  return failed;
}
int gettimeofday(struct timeval* restrict at, void* restrict zone) {
  struct timespec now;
  (void)zone;
  clock_gettime(CLOCK_REALTIME, &now);
  at->tv_sec = now.tv_sec;
  at->tv_usec = now.tv_nsec / 1000;
  return 0;
}
time_t time(time_t* at) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (at) *at = now.tv_sec;
  return now.tv_sec;
}
"""


def make_locale(directory):
    """German, as `dpkg-reconfigure locales` would make it, in a directory of its own."""
    directory.mkdir(parents=True, exist_ok=True)
    target = directory / LOCALE
    if not target.exists():
        subprocess.run(["localedef", "-i", "de_DE", "-f", "UTF-8", target], check=True, capture_output=True, timeout=60)
    return directory


class OddHosts:
    """In `directory`, which the server's user must be able to enter: a `dugong` and a `bin` of PostgreSQL's programs."""

    def __init__(self, directory, program, postgres_bin):
        self.directory = Path(directory)
        self.directory.mkdir(mode=0o755)
        self.locales = make_locale(self.directory / "locale")
        self.shim = self.directory / "clock.so"
        source = self.directory / "clock.c"
        source.write_text(SHIM)
        subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", self.shim, source], check=True, timeout=60)
        self.bin = self.directory / "bin"
        self.bin.mkdir()
        self.program = self.wrap(self.directory / "dugong", program)
        for name in ("postgres", "initdb", "pg_ctl"):
            self.wrap(self.bin / name, f"{postgres_bin}/{name}")

    def wrap(self, path, program):
        path.write_text("#!/bin/sh\n"
                        f'here={self.directory}/env.$(stat -Lc %i /proc/self/ns/net)\n'
                        f'[ ! -f "$here" ] || . "$here"\nexec {program} "$@"\n')
        path.chmod(0o755)
        return path

    def set(self, host, **variables):
        """What is in the environment of dugong and PostgreSQL there; their own LC_ALL counts more for PostgreSQL's."""
        namespace = os.stat(f"/run/netns/{host.argv()[1].rsplit('/', 1)[1]}").st_ino
        lines = [f"export {name}='{value}'\n" for name, value in {"LOCPATH": self.locales, **variables}.items()]
        (self.directory / f"env.{namespace}").write_text("".join(lines))

    def clock_ahead(self, seconds):
        return {"LD_PRELOAD": self.shim, "CLOCK_AHEAD": seconds}
