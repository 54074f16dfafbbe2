#!/usr/bin/python3
"""Writes the demo's cluster file: the lab's facts come in as JSON, the file goes out."""

import json
import sys

HEAD = '''# The demo's cluster: three hosts of the lab on this machine.
cluster = "dex"

[postgres]
image    = "{image}"
database = "dex_ohlcv"
shm_size = "256m"

[postgres.settings]
shared_buffers = "128MB"
max_connections = 200
max_worker_processes = 32
max_parallel_workers = 8
"timescaledb.max_background_workers" = 16
max_wal_size = "1GB"
max_pred_locks_per_transaction = 256
statement_timeout = "180min"
idle_in_transaction_session_timeout = 3600000
full_page_writes = "off"              # safe here: every node stores its data on ZFS
synchronous_commit = "off"
wal_level = "replica"
max_wal_senders = 10
wal_keep_size = "256MB"

[postgres.replica_settings]
default_transaction_read_only = "on"

[auth]
superuser_password   = {{ file = "{directory}/secrets/superuser" }}
replication_user     = "repl_user"
replication_password = {{ file = "{directory}/secrets/replication" }}

[ssh]
config = "{ssh_config}"               # the lab's keys, and the way into its network
'''

NODE = '''
[[node]]
name    = "{name}"
address = "{address}"
ssh     = "root@{address}"
prefix  = "{pool}/dex"
directory = "{dir}/dex"
'''


def main():
    facts = json.load(sys.stdin)
    print(HEAD.format(directory=sys.argv[1], **facts), end="")
    for name, host in zip("abc", facts["hosts"]):
        print(NODE.format(**{**host, "name": name}), end="")


if __name__ == "__main__":
    main()
