"""Lines of others in the primary's pg_hba.conf, and what the file must be, byte by byte, with dugong's among them."""

import os
from pathlib import Path

ABOVE = b"""\
# Ours, kept by hand.\tA tab, and blanks at the end:  \t
# A line that came from elsewhere.\r
# dugong: begins nothing here

local   reports      "the boss"                                  peer  map=staff
"""
# The first that may decide about a replication login: what lets the replicas in must stand before it.
DECIDES = b"""\
host    replication  "somebody else",standby  192.0.2.7/32       reject
host \\
        replication \\
        backup       192.0.2.8  255.255.255.255                  reject  # one rule in three lines
"""
BELOW = b"""\
  host  all          +readers                 2001:db8::/32      scram-sha-256
# the end\t
"""
BEGIN, END = b"# dugong: begin\n", b"# dugong: end\n"


class ForeignLines:
    """Put around those that the file has, whose block of dugong's is taken out."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.file = Path(cluster.entry("a")["directory"]) / "data" / "pg_hba.conf"
        self.others = without_block(self.now())
        self.owned = self.ownership()
        with open(self.file, "wb") as writer:
            writer.write(ABOVE + DECIDES + self.others + BELOW)

    def now(self):
        return self.file.read_bytes()

    def ownership(self):
        status = os.stat(self.file)
        return oct(status.st_mode), status.st_uid, status.st_gid

    def expected(self, *replicas):
        user = self.cluster.environment["REPL_USER"]
        addresses = sorted(self.cluster.entry(name)["address"] for name in replicas)
        lines = "".join(f'host replication "{user}" {address}/32 scram-sha-256\n' for address in addresses)
        return ABOVE + BEGIN + lines.encode() + END + DECIDES + self.others + BELOW

    def assert_kept(self, *replicas):
        """Nothing but the block has come to the file, in its place, and the server reads all of it."""
        assert self.now() == self.expected(*replicas), self.now().decode(errors="replace")
        assert self.ownership() == self.owned
        read = ("SELECT array_to_string(user_name, ',') || '@' || address FROM pg_hba_file_rules "
                "WHERE type LIKE 'host%' AND database = '{replication}' ORDER BY line_number")
        user = self.cluster.environment["REPL_USER"]
        first = [f"{user}@{self.cluster.entry(name)['address']}" for name in sorted(replicas)]
        assert self.cluster.psql("a", read).splitlines()[:len(replicas)] == first
        assert self.cluster.psql("a", "SELECT * FROM pg_hba_file_rules WHERE error IS NOT NULL") == ""


def without_block(text):
    head, begin, rest = text.partition(BEGIN)
    return head + rest.partition(END)[2] if begin else text
