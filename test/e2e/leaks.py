"""Where a password must not be: what to look for, and what every process of the machine was called with meanwhile."""

import os
import threading
import time

# Of PASSWORD in support.py: whatever quotes or encodes it (SQL, a shell, a conninfo, JSON) leaves one of them whole.
PARTS = ("s3 cr", "z%w#ü€")
YOUNG = 2  # seconds in which a new process has become what it is to be


def assert_no_password(places):
    """`places`: where → text. Tells the lines."""
    found = [f"{where}: {line[:300]}" for where, text in places.items() for line in text.splitlines()
             if any(part in line for part in PARTS)]
    assert not found, "\n".join(found)


class CommandLines:
    """The command lines of all processes while the body of `with` runs, as far as a look every few milliseconds sees
    them; users and namespaces do not matter."""

    def __init__(self):
        self.lines, self._over = set(), threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _look(self):
        met = {}
        while not self._over.wait(0.005):
            now = time.monotonic()
            met = {pid: met.get(pid, now) for pid in os.listdir("/proc") if pid.isdigit()}  # numbers are used again
            for pid, since in met.items():
                if now - since < YOUNG:
                    self.lines.add(command_line(pid))


def command_line(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""
