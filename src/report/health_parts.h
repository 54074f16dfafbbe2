// The pieces of a verdict, each a question of its own with a small answer. judge_status() puts them together.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cluster/observed.h"
#include "postgres/facts.h"
#include "report/health.h"
#include "spec/spec.h"
#include "zfs/commands.h"

namespace dugong::report {

// What one replica's server and its primary's server showed; `primary` empty: nothing is known to compare with.
struct LagEvidence {
  bool streaming = false;
  Lsn replayed;
  std::optional<Lsn> primary;
  std::optional<double> replay_age_seconds;  // server's own: now() - pg_last_xact_replay_timestamp()
  Steady::time_point taken_at{};             // of the replica's sample
};
struct Lag {
  std::optional<Bytes> bytes;
  std::optional<double> seconds;
  LagKind kind = LagKind::unknown;
  friend bool operator==(const Lag&, const Lag&) = default;
};
// "Received equals replayed" says nothing about a standby that is cut off: it has replayed all it ever got and is still
// behind. So only the primary's position counts, and what does not stream is never at 0.
Lag judge_lag(const LagEvidence& seen, const LagHistory& history);

// Bytes of WAL per second: from the history; in one look the average since a snapshot of ours whose end LSN is in the
// catalogue (the newest that is at least an hour old, else the oldest that is at least a minute old).
std::optional<double> wal_rate(const LagHistory& history, const std::vector<zfs::Dataset>& storage, Lsn now_at,
                               std::int64_t wall_seconds);

// How long a disconnected replica can stay away before this slot loses WAL. `room`: free space of the upstream's data,
// which is the limit where max_slot_wal_keep_size is -1 (the server then shows no safe_wal_size).
std::optional<double> hours_covered(const postgres::Slot& slot, const std::string& max_slot_wal_keep_size,
                                    std::optional<Bytes> room, std::optional<double> bytes_per_second);

// Age of the snapshot that `live` was cloned from: its taken_at mark, else its creation time (which a receive keeps).
std::optional<std::int64_t> base_age(const std::vector<zfs::Dataset>& storage, const zfs::Dataset& live,
                                     std::int64_t wall_seconds);

// What would come free if snapshots, anchors and asides went and only the live data stayed; a lower bound, because
// space shared by two snapshots is charged to neither. `live` null: everything of ours counts.
Bytes pinned_bytes(const std::vector<zfs::Dataset>& storage, const zfs::Dataset* live);

// "9.8 GiB of 10 GiB are used" and the like; empty: nothing to look at.
std::vector<std::string> judge_pool(const zfs::Pool& pool);
// Settings that the server could not read, or that wait for a restart.
std::vector<std::string> judge_settings(const postgres::ServerSql& sql);
// Archiving that fails now, whatever file it is stuck on, or that is far behind without failing.
std::vector<std::string> judge_archive(const postgres::ServerSql& sql, std::uint64_t unarchived = 0);
std::vector<std::string> judge_clock(const cluster::Host& host);

}  // namespace dugong::report
