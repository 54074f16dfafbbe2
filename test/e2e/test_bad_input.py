"""A cluster file with a mistake in it: exit 2, the place as file:line:column, the words that help, and nothing done.
What src/spec refuses is proved beside it; here, that the program says it so and touches no host."""

import re
import subprocess

import pytest

from conftest import BIN
from support import Cluster

pytestmark = pytest.mark.process_only


@pytest.fixture(scope="module")
def cluster(lab, tmp_path_factory):
    return Cluster(lab, tmp_path_factory.mktemp("bad"), "process", BIN)


def datasets(cluster):
    return cluster.zfs("list", "-H", "-r", "-t", "all", "-o", "name", *[host.pool for host in cluster.lab.hosts])


def edit(old, new):
    """The text with one place changed; a mutation that changes nothing is a broken test."""
    def apply(text):
        assert text.count(old) >= 1, (old, text)
        return text.replace(old, new, 1)
    return apply


def last(old, new):
    def apply(text):
        head, found, tail = text.rpartition(old)
        assert found, (old, text)
        return head + new + tail
    return apply


def node_key(name, line):
    """A further line in the table of node `name`."""
    return edit(f'name = "{name}"\n', f'name = "{name}"\n{line}\n')


def of_node(name, key, value):
    """Another value for a key that node `name` has."""
    def apply(text):
        head, found, tail = text.partition(f'name = "{name}"\n')
        assert found, text
        changed, times = re.subn(rf"(?m)^{key} = .*$", lambda _: f"{key} = {value}", tail, count=1)
        assert times == 1, text
        return head + found + changed
    return apply


def both(*edits):
    def apply(text):
        for one in edits:
            text = one(text)
        return text
    return apply


def same_value(key, of, where):
    """Node `where` gets what node `of` has under `key`."""
    def apply(text):
        value = re.search(rf'(?ms)^name = "{of}"\n.*?^{key} = ([^\n]*)$', text).group(1)
        return of_node(where, key, value)(text)
    return apply


# name, change of the file, the text that the place must point at, words of the message
CASES = [
    ("unknown key", edit("[auth]\n", "[auth]\nsuperuser_pasword = 'x'\n"), "superuser_pasword",
     ["superuser_pasword", "did you mean superuser_password?"]),
    ("unknown table", edit("[ssh]\n", "[shh]\n"), "shh", ["did you mean ssh?"]),
    ("unknown node key", node_key("b", "adress = 'x'"), "adress", ["did you mean address?"]),
    ("duplicate key", edit("[postgres]\n", "[postgres]\nport = 5432\n"), None, ["cannot redefine"]),
    ("not TOML", edit("[auth]\n", "[auth\n"), None, ["not valid TOML"]),
    ("wrong type", edit("port = 5432", "port = true"), "true", ["a whole number"]),
    ("two nodes with one name", edit('name = "c"', 'name = "b"'), '"b"', ["two nodes are called b"]),
    ("one prefix twice", both(same_value("address", "a", "b"), same_value("ssh", "a", "b"), node_key("b", "port = 5433"),
                              same_value("prefix", "a", "b")), None, ["overlaps prefix", "node a"]),
    ("one address and port twice", same_value("address", "a", "b"), None, ["address and port of node a"]),
    ("two primaries", both(node_key("a", 'role = "primary"'), node_key("b", 'role = "primary"')), '"primary"',
     ["two nodes start as primary: a and b"]),
    ("no primary", node_key("a", 'role = "replica"'), '"replica"', ["no node starts as primary"]),
    ("follows in a circle", both(node_key("b", 'follows = "c"'), node_key("c", 'follows = "b"')), '"c"',
     ["b → c → b"]),
    ("follows itself", node_key("b", 'follows = "b"'), '"b"', ["follows itself"]),
    ("follows nobody", node_key("b", 'follows = "d"'), '"d"', ["nodes are: a, b, c"]),
    ("missing variable", edit('env = "POSTGRES_PASSWORD"', 'env = "NOT_SET_ANYWHERE"'), '"NOT_SET_ANYWHERE"',
     ["variable NOT_SET_ANYWHERE is not set", "export it"]),
    ("missing variable in a string", edit("${REPL_USER}", "${REPL_USR}"), '"${REPL_USR}"', ["REPL_USR is not set"]),
    ("missing secret file", edit("repl.pass", "no.pass"), None, ["no.pass cannot be read", "there is no file", "create it"]),
    ("cluster name", edit('"dex"', '"Dex!"'), '"Dex!"', ["does not begin with a letter a-z"]),
    ("node name", edit('name = "c"', 'name = "c_1"'), '"c_1"', ["slot names"]),
    ("database name", edit('"dex_ohlcv"', '"template0"'), '"template0"', ["template0"]),
    ("superuser name", edit("[auth]\n", "[auth]\nsuperuser = 'pg_root'\n"), "'pg_root'", ["belong to PostgreSQL"]),
    ("unknown setting", edit("max_connections = 40", "max_conections = 40"), "max_conections",
     ["did you mean max_connections?"]),
    ("setting that is ours", edit("max_connections = 40", "archive_command = 'cp %p /x/%f'"), "archive_command",
     ["dugong-wal"]),
    ("setting that loses data", edit("max_connections = 40", "fsync = false"), "false", ["loses the database"]),
    ("port out of range", edit("port = 5432", "port = 70000"), "70000", ["70000 is not a port"]),
    ("an option as ssh destination", of_node("c", "ssh", "'-oProxyCommand=x'"), "'-oProxyCommand=x'", ["option"]),
]


@pytest.mark.parametrize("change, place, words", [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_mistake_is_told_with_its_place(cluster, change, place, words):
    cluster.write()
    text = change(cluster.file.read_text(encoding="utf-8"))
    cluster.file.write_text(text, encoding="utf-8")
    before = datasets(cluster)
    done = cluster.run("plan", timeout=20)
    assert done.returncode == 2, (done.returncode, done.stdout, done.stderr)
    assert done.stdout == ""
    where = re.search(re.escape(str(cluster.file)) + r":(\d+):(\d+)", done.stderr)
    assert where, done.stderr
    line, column = map(int, where.groups())
    if place is not None:
        assert text.splitlines()[line - 1].encode()[column - 1:].decode().startswith(place), (where.group(), done.stderr)
    said = " ".join(done.stderr.split())
    for word in words:
        assert word in said, (word, done.stderr)
    assert cluster.environment["POSTGRES_PASSWORD"] not in done.stderr
    assert datasets(cluster) == before


def test_every_verb_refuses_the_same_file(cluster):
    cluster.write()
    cluster.file.write_text(edit("port = 5432", "prot = 5432")(cluster.file.read_text(encoding="utf-8")), encoding="utf-8")
    for words in (["plan"], ["up", "--yes"], ["status"], ["verify"], ["replica", "add", "b", "--yes"], ["down", "--yes"]):
        done = cluster.run(*words, timeout=20)
        assert done.returncode == 2 and "did you mean port?" in done.stderr, (words, done)


def test_no_file_and_no_consent(cluster, tmp_path):
    missing = cluster.run("plan", "--file", str(tmp_path / "nowhere.toml"), timeout=20)
    assert missing.returncode == 2, missing
    cluster.write()
    before = datasets(cluster)
    asked = cluster.run("up", timeout=60)
    assert asked.returncode == 2 and "--yes" in asked.stderr, asked
    assert datasets(cluster) == before


def test_from_a_directory_that_is_gone(tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    done = subprocess.run(["sh", "-c", 'rmdir "$PWD"; exec "$@"', "sh", str(BIN / "dugong"), "plan", "--file", "x.toml"],
                          cwd=gone, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=20, text=True)
    assert done.returncode == 2 and "it cannot be told where x.toml is" in done.stderr, done


def test_a_replica_that_is_not_in_the_file(cluster):
    cluster.write()
    done = cluster.run("replica", "add", "nobody", "--yes", timeout=20)
    assert done.returncode == 2 and "nobody" in done.stderr and "b" in done.stderr, done
