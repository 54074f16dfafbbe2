#!/usr/bin/env python3
"""The arrows between rooms, held. An include may only follow DEPENDS in CMakeLists.txt (docs/architecture.md draws
them); a pure room includes no header of the operating system and reads no clock; a library stays behind its door."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PURE = {"base", "spec", "zfs", "postgres", "runtime", "cluster", "report"}
OS_HEADERS = re.compile(r"<(sys/|net/|netinet/|arpa/|linux/|unistd\.h|fcntl\.h|poll\.h|signal\.h|csignal|pthread|fstream|"
                        r"filesystem|thread|mutex|condition_variable|cstdlib|stdlib\.h|random|spawn\.h|libpq-fe\.h|openssl/)")
CLOCKS = re.compile(r"(steady_clock|system_clock|Steady)::now\(|std::time\(|\bgetenv\(")
LIBRARIES = {  # header prefix → rooms that may include it
    "CLI/": {"cli"}, "toml++/": {"spec", "node"}, "nlohmann/": {"runtime", "cluster", "wire", "node", "cli", "engine"},
    "libpq-fe.h": {"node"}, "openssl/": {"node", "os"}, "xxhash.h": {"wire", "transfer", "os", "node"},
}


def rooms():
    """Room → every room it may include, from the dugong_room() lines."""
    direct = {}
    for name, rest in re.findall(r"dugong_room\((\w+)([^)]*)\)", (ROOT / "CMakeLists.txt").read_text()):
        depends = re.search(r"DEPENDS([a-z ]+)", rest)
        direct[name] = set(depends.group(1).split()) if depends else set()

    def reach(room):
        return {room}.union(*(reach(below) for below in direct[room]))

    return {room: reach(room) for room in direct}


def complaints(allowed):
    for path in sorted((ROOT / "src").rglob("*")):
        if path.suffix not in {".h", ".cpp"} or path.parent == ROOT / "src":
            continue
        room, test = path.relative_to(ROOT / "src").parts[0], path.name.endswith("_test.cpp")
        if room not in allowed:
            yield f"{path.relative_to(ROOT)}: the room '{room}' is not in CMakeLists.txt"
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            where = f"{path.relative_to(ROOT)}:{number}"
            include = re.match(r'#include\s+["<]([^">]+)[">]', line)
            target = include.group(1).split("/")[0] if include and '"' in line and "/" in include.group(1) else None
            if target and target not in allowed[room] and target != "test":
                yield f"{where}: {room} must not include {include.group(1)}: no arrow leads there"
            if include and "<" in line:
                for prefix, users in LIBRARIES.items():
                    if include.group(1).startswith(prefix) and room not in users and not test:
                        yield f"{where}: <{include.group(1)}> belongs behind the door of {', '.join(sorted(users))}"
            if room in PURE and not test and (OS_HEADERS.search(line) if include else CLOCKS.search(line)):
                yield f"{where}: a pure room neither includes this nor asks the system: {line.strip()}"


def main():
    found = list(complaints(rooms()))
    print("\n".join(found) if found else "arrows: every include follows the table")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
