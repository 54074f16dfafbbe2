// What a node's storage says about its future: how old its base is, what is kept for others, how long a slot lasts.
#include <algorithm>
#include <fmt/format.h>

#include "cluster/catalogue.h"
#include "cluster/layout.h"
#include "report/health_parts.h"
#include "zfs/marks.h"

namespace dugong::report {
namespace {

constexpr std::int64_t minute = 60;
constexpr std::int64_t hour = 60 * minute;
constexpr double pool_full = 0.8;  // above, ZFS searches long for free space and writes get slow

std::optional<std::int64_t> taken_at(const zfs::Dataset& snapshot) {
  if (const auto* mark = snapshot.mark(std::string{zfs::marks::taken_at}))
    if (const auto seconds = parse_u64(*mark)) return static_cast<std::int64_t>(*seconds);
  if (snapshot.creation > 0) return snapshot.creation;
  return std::nullopt;
}

bool is_kept_whole(const zfs::Dataset& dataset) {
  const auto* role = dataset.mark(std::string{zfs::marks::role});
  return role != nullptr && !dataset.is_snapshot && (*role == zfs::roles::anchor || *role == zfs::roles::aside);
}

// Blocks that the live clone still shares with its origin are charged to the anchor, but they are in use, not pinned.
// A refreservation inflates `used`, so then everything is taken as shared.
Bytes shared_with_origin(const zfs::Dataset& live) {
  const auto reserved = live.local.find("refreservation");
  const bool inflated = reserved != live.local.end() && reserved->second != "none" && reserved->second != "0";
  if (inflated || live.used >= live.referenced) return inflated ? live.referenced : 0;
  return live.referenced - live.used;
}

}  // namespace

std::optional<std::int64_t> base_age(const std::vector<zfs::Dataset>& storage, const zfs::Dataset& live,
                                     std::int64_t wall_seconds) {
  if (live.origin.empty()) return std::nullopt;
  const auto* origin = cluster::find_dataset(storage, live.origin);
  if (origin == nullptr) return std::nullopt;
  const auto taken = taken_at(*origin);
  if (!taken) return std::nullopt;
  return std::max<std::int64_t>(0, wall_seconds - *taken);
}

Bytes pinned_bytes(const std::vector<zfs::Dataset>& storage, const zfs::Dataset* live) {
  Bytes kept = 0;
  Bytes shared = 0;
  std::vector<std::string> counted;
  for (const auto& dataset : storage) {
    const bool inside = std::ranges::any_of(
        counted, [&](const auto& whole) { return zfs::is_below(zfs::dataset_of(dataset.name), whole); });
    if (inside) continue;
    if (is_kept_whole(dataset)) {
      counted.push_back(dataset.name);
      kept += dataset.used;
      if (live != nullptr && zfs::is_below(zfs::dataset_of(live->origin), dataset.name))
        shared = shared_with_origin(*live);
    } else if (dataset.is_snapshot) {
      kept += dataset.used;
    }
  }
  return kept - std::min(kept, shared);
}

std::optional<double> wal_rate(const LagHistory& history, const std::vector<zfs::Dataset>& storage, Lsn now_at,
                               std::int64_t wall_seconds) {
  if (const auto measured = history.wal_rate()) return measured;
  std::optional<double> rate;
  std::int64_t chosen_age = 0;
  for (const auto& dataset : storage) {
    if (!dataset.is_snapshot) continue;
    const auto entry = cluster::parse_entry(dataset);
    const auto taken = taken_at(dataset);
    if (!entry || !taken || entry->end.value == 0 || entry->end > now_at) continue;
    const auto age = wall_seconds - *taken;
    if (age < minute) continue;
    const bool better = chosen_age < hour ? age > chosen_age : age >= hour && age < chosen_age;
    if (!better) continue;
    chosen_age = age;
    rate = static_cast<double>(now_at.value - entry->end.value) / static_cast<double>(age);
  }
  return rate;
}

std::optional<double> hours_covered(const postgres::Slot& slot, const std::string& max_slot_wal_keep_size,
                                    std::optional<Bytes> room, std::optional<double> bytes_per_second) {
  if (!bytes_per_second || *bytes_per_second <= 0 || slot.wal_status == "lost") return std::nullopt;
  std::optional<double> bytes;
  if (slot.safe_wal_size) {
    bytes = static_cast<double>(std::max<std::int64_t>(0, *slot.safe_wal_size));
  } else if (max_slot_wal_keep_size.starts_with("-1") && room) {
    // Whatever is kept in pg_wal goes into the archive as well, which is in the same pool.
    bytes = static_cast<double>(*room) / 2;
  }
  if (!bytes) return std::nullopt;
  return *bytes / *bytes_per_second / static_cast<double>(hour);
}

std::vector<std::string> judge_pool(const zfs::Pool& pool) {
  std::vector<std::string> reasons;
  if (!pool.health.empty() && pool.health != "ONLINE")
    reasons.push_back(fmt::format("pool {} is {}: see `zpool status {}`", pool.name, pool.health, pool.name));
  const Bytes used = pool.size - std::min(pool.free, pool.size);
  if (pool.size > 0 && static_cast<double>(used) >= pool_full * static_cast<double>(pool.size))
    reasons.push_back(fmt::format("pool {} is {} % full: {} of {}", pool.name, used * 100 / pool.size,
                                  human_bytes(used), human_bytes(pool.size)));
  return reasons;
}

}  // namespace dugong::report
