#include "cluster/kept_wal.h"

#include <algorithm>

#include "base/ids.h"

namespace dugong::cluster {
namespace {

bool restores_from_elsewhere(const postgres::ServerSql& sql) {
  const auto command = sql.settings.find("restore_command");
  return command != sql.settings.end() && !command->second.value.empty();
}

// Replay of what is there locally comes before the question for more. While it is paused it says nothing of that.
std::optional<Lsn> goes_on_at(const ObservedNode& replica) {
  if (replica.sql) {
    const auto& sql = *replica.sql;
    if (!sql.in_recovery || sql.streaming || sql.replay_paused || restores_from_elsewhere(sql)) return std::nullopt;
    return std::max(sql.lsn, sql.received);
  }
  if (!replica.data || !replica.data->control) return std::nullopt;
  const auto& control = *replica.data->control;
  if (control.state != postgres::DbState::shutdowned_in_recovery) return std::nullopt;
  return std::max(control.redo, control.min_recovery);
}

// Megabytes, as pg_settings shows it.
Lsn kept_by_size(const postgres::ServerSql& upstream) {
  const auto shown = upstream.settings.find("wal_keep_size");
  if (shown == upstream.settings.end()) return upstream.lsn;
  const auto megabytes = parse_u64(shown->second.value);
  if (!megabytes || *megabytes >= upstream.lsn.value >> 20U) return Lsn{};
  return Lsn{upstream.lsn.value - (*megabytes << 20U)};
}

// What the last checkpoint, wal_keep_size and the other slots keep; there may be more that nobody has removed yet.
Lsn kept_from(const postgres::ServerSql& upstream) {
  auto from = std::min(upstream.last_restartpoint_redo, kept_by_size(upstream));
  for (const auto& slot : upstream.slots) {
    const bool keeps = slot.restart_lsn.value != 0 && slot.wal_status != "lost" && slot.wal_status != "unreserved";
    if (keeps) from = std::min(from, slot.restart_lsn);
  }
  return from;
}

// WAL is kept, and asked for, in whole segments.
bool is_before(Lsn wanted, Lsn kept, const postgres::ServerSql& upstream) {
  if (wanted.value == 0 || upstream.wal_segment_size <= 0) return false;
  return wanted.value < kept.value - kept.value % static_cast<std::uint64_t>(upstream.wal_segment_size);
}

}  // namespace

std::optional<WalGap> wal_gap(const ObservedNode& replica, const postgres::ServerSql& upstream) {
  const auto wanted = goes_on_at(replica);
  const auto kept = kept_from(upstream);
  if (!wanted || !is_before(*wanted, kept, upstream)) return std::nullopt;
  return WalGap{*wanted, kept};
}

bool begins_too_late(const postgres::Slot& slot, const ObservedNode& replica, const postgres::ServerSql& upstream) {
  const auto wanted = goes_on_at(replica);
  return wanted && is_before(*wanted, slot.restart_lsn, upstream);
}

}  // namespace dugong::cluster
