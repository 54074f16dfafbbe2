#!/usr/bin/env python3
"""What keeps the tree readable: no function over 60 lines, no file over 600, and every file opens with why it exists
(a .cpp with a header of the same name may leave that to the header). Leans on clang-format: a function at namespace
level begins and ends in the first column."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LONGEST_FUNCTION, LONGEST_FILE = 60, 600
KINDS = {".h": "//", ".cpp": "//", ".py": '"""', "": "#"}
FOLDERS = ("src", "test", "lab", "script", "bench")


def files():
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and path.suffix in KINDS and not {"__pycache__", ".pytest_cache"} & set(path.parts) and "_seeds" not in path.parent.name:
                yield path


def functions(lines):
    """(first line, length) of every body that opens in a line without indentation and closes with '}'."""
    start = None
    for number, line in enumerate(lines, 1):
        opens = line.endswith("{") and not line.startswith((" ", "}", "#")) and not line.startswith(
            ("namespace", "struct", "class", "enum", "union", "extern"))
        if opens and "= {" not in line:
            start = number
        elif line.rstrip(";") == "}" and start is not None:
            yield start, number - start + 1
            start = None


def says_why(path, lines):
    if path.suffix == ".cpp" and (path.with_suffix(".h").exists() or path.name.endswith(("_test.cpp", "_fuzz.cpp"))):
        return True
    opening = [line for line in lines[:4] if not line.startswith("#!")]
    return any(line.startswith((KINDS[path.suffix], '"""')) for line in opening)


def complaints():
    for path in files():
        try:
            lines = path.read_text().splitlines()
        except UnicodeDecodeError:
            continue
        name = path.relative_to(ROOT)
        if len(lines) > LONGEST_FILE:
            yield f"{name}: {len(lines)} lines; split it by meaning"
        if path.suffix in {".h", ".cpp"}:
            for start, length in functions(lines):
                if length > LONGEST_FUNCTION and not re.match(r"TEST|INSTANTIATE", lines[start - 1]):
                    yield f"{name}:{start}: a function of {length} lines"
        if lines and not says_why(path, lines):
            yield f"{name}: does not open with why it exists"


def main():
    found = list(complaints())
    print("\n".join(found) if found else "sizes: every function and file can be read at once")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
