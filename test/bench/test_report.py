"""What a benchmark prints with `-o json`: one object a line, with these eight keys and no other."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))

from report import Samples  # noqa: E402

KEYS = ["bench", "contender", "metric", "unit", "median", "min", "max", "runs"]


def samples():
    made = Samples("seed")
    for contender, values in (("dugong", (3, 1.2344, 2)), ("by hand", (4.0, 6.0))):
        for value in values:
            made.add(contender, "seconds", "s", value)
    made.add("dugong", "cpu", "s/GB", 0.5)
    return made


def test_a_line_of_json_has_eight_keys():
    lines = [json.loads(line) for line in samples().as_json().splitlines()]
    assert [list(line) for line in lines] == [KEYS] * 3
    assert [list(line.values()) for line in lines] == [
        ["seed", "dugong", "seconds", "s", 2, 1.234, 3, 3],
        ["seed", "by hand", "seconds", "s", 5.0, 4.0, 6.0, 2],
        ["seed", "dugong", "cpu", "s/GB", 0.5, 0.5, 0.5, 1],
    ]


def test_the_table_says_the_same_and_leaves_no_hole():
    head, dugong, by_hand = samples().as_table().splitlines()
    assert head.split() == ["seed", "seconds", "[s]", "cpu", "[s/GB]"]
    assert dugong.split() == ["dugong", "2.00", "(1.23–3.00)", "0.50", "(0.50–0.50)"]
    assert by_hand.split() == ["by", "hand", "5.00", "(4.00–6.00)", "-"]


def test_nothing_measured_is_nothing_said():
    assert Samples("seed").as_json() == ""
