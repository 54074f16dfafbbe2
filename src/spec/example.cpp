// The file that `dugong init` writes: the manual's first page, so every line says what changing it costs.
#include "base/text.h"
#include "spec/spec.h"

namespace dugong::spec {
namespace {

constexpr std::string_view example =
    R"(# The cluster @CLUSTER@, as it shall be. `dugong up` makes it so, and changes nothing where it already is.
#
# ${NAME} in any string is taken from the environment; $${ is a literal ${. Unknown keys and settings are refused.
cluster = "@CLUSTER@"                      # a-z, 0-9, -; part of dataset, container and slot names
# boot = "wait"                        # after a reboot, a primary that cannot ask the others stays down; or "start"

[postgres]
runtime  = "compose"                 # or "process": PostgreSQL from bin_dir = "/usr/lib/postgresql/17/bin" on the host
image    = "timescale/timescaledb:2.19.1-pg14"
database = "@CLUSTER@"                     # created on the first start, with the extensions
port     = 5432
shm_size = "1g"                      # /dev/shm of the container: parallel queries need it
# logs     = "/srv/@CLUSTER@/logs"         # left out: beside the data of each node
# extensions = ["timescaledb"]

# Both roles. Not here, because dugong sets them: port, archive_mode, archive_command, primary_conninfo,
# primary_slot_name, and where files are.
[postgres.settings]
shared_buffers       = "32GB"        # of the host's memory; ZFS's ARC wants its share as well
max_connections      = 3072          # this and the next two: raised on replicas first, dugong keeps the order
max_worker_processes = 256
max_wal_senders      = 10            # replicas, seeds and backups together
max_parallel_workers = 128
"timescaledb.max_background_workers" = 128
max_wal_size         = "4GB"         # larger: fewer checkpoints, longer crash recovery
wal_level            = "replica"
wal_keep_size        = "32GB"        # kept on the primary whatever the slots keep
# max_slot_wal_keep_size = "500GB"   # a replica that is down for long loses its slot instead of filling the primary
max_pred_locks_per_transaction = 4096
statement_timeout    = "180min"
idle_in_transaction_session_timeout = 3600000   # milliseconds: one hour
# Off is safe only where every node stores its data on ZFS with a recordsize of at least 8K, as here. It rules out
# pg_rewind and a base backup taken from a replica.
full_page_writes     = "off"
# Off gives up the last commits, up to about half a second of them, when the primary's host crashes. Never corrupts.
synchronous_commit   = "off"

# Replicas only: added to the settings above, or instead of them.
[postgres.replica_settings]
hot_standby = "on"
default_transaction_read_only = "on" # a hint for clients; a replica refuses writes with or without it

# Secrets come from the environment or from a file (one line; only you may read it). They are shown nowhere.
[auth]
superuser            = "postgres"
superuser_password   = { env = "POSTGRES_PASSWORD" }
replication_user     = "repl_user"
replication_password = { file = "/etc/dugong/replication.pass" }

# [ssh]
# config = "${HOME}/.ssh/config"     # left out: ssh's own defaults

[storage]
recordsize = "64K"                   # of the data; 8K to 128K
reserve    = "1G"                    # room in the pool that only the live data may use
# archive_quota = "500G"             # of the WAL archive
# What bases may pin, a size or a share of each node's pool; above it `status` and `dugong space` say what to give up.
# Larger: increments stay possible for longer, and the pool is full sooner. A [[node]] may have its own.
base_budget = "25%"

[seed]
# Above this size a replica is first copied, brought near by increments, and only then given a slot: the primary keeps
# minutes of WAL for it instead of hours.
slot_late_above = "64G"
# A copy goes slower while commits on the primary take longer than this, and three times as long as before it began.
commit_latency  = "8ms"              # "0": as fast as it goes

# The first node starts as primary, unless another one says role = "primary".
[[node]]
name    = "a"
address = "10.0.0.11"                # what the other nodes connect to: IPv4, IPv6 or a host name
ssh     = "root@10.0.0.11"           # left out: this machine
prefix  = "zpool/@CLUSTER@"                # parent of this node's datasets, never a whole pool; created when absent
# adopt   = "zpool/data"             # a dataset with an existing PGDATA, taken over in place: docs/adopt.md
# data    = "/srv/pg/data"           # where that PGDATA is; left out: "/zpool/data"
# directory = "/srv/dugong/@CLUSTER@/a"    # mounts, compose file and password files

[[node]]
name    = "b"
address = "10.0.0.12"
ssh     = "root@10.0.0.12"
prefix  = "zpool/@CLUSTER@"
follows = "a"                        # left out: the primary. A replica may follow another one
# port    = 5433
)";

}  // namespace

std::string example_file(std::string_view cluster) { return replace_all(std::string{example}, "@CLUSTER@", cluster); }

}  // namespace dugong::spec
