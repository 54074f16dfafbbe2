// Bases: which snapshots are kept so that an increment has something to start from, whom they serve, what they pin, and
// how fast that grows.
#include <algorithm>

#include "cluster/layout.h"
#include "cluster/space_parts.h"
#include "zfs/marks.h"

namespace dugong::cluster {
namespace {

constexpr std::int64_t young_seconds = 300;  // of a base that is younger no rate is told
constexpr double day_seconds = 86400;

std::optional<std::int64_t> age_of(const zfs::Dataset& snapshot, std::int64_t wall_seconds) {
  std::optional<std::int64_t> taken;
  if (snapshot.creation > 0) taken = snapshot.creation;
  if (const auto* mark = snapshot.mark(std::string{zfs::marks::taken_at}))
    if (const auto seconds = parse_u64(*mark)) taken = static_cast<std::int64_t>(*seconds);
  if (!taken || *taken > wall_seconds) return std::nullopt;  // another clock: nothing can be told from it
  return wall_seconds - *taken;
}

enum class Serves { yes, no, unknown };

// A node that has no data yet may get it from any; one that cannot be seen may have any.
Serves serves(const SpaceView& view, const spec::Node& node, Guid guid) {
  const auto* seen = view.seen.find(node.name);
  if (seen == nullptr || !seen->storage) return Serves::unknown;
  const auto& storage = *seen->storage;
  const auto live = live_of(storage, view.spec, node);
  const auto* parent = find_dataset(storage, node.prefix);
  if (!live || parent == nullptr || !is_ours(*parent, view.spec, node)) return Serves::unknown;
  if (*live == nullptr) {
    const auto holds = [&](const zfs::Dataset& one) { return one.is_snapshot && one.guid == guid; };
    return std::ranges::any_of(storage, holds) ? Serves::yes : Serves::unknown;
  }
  if ((*live)->origin.empty()) return Serves::unknown;  // its data came from elsewhere
  const auto* origin = find_dataset(storage, (*live)->origin);
  if (origin == nullptr) return Serves::unknown;
  return origin->guid == guid ? Serves::yes : Serves::no;
}

Base sent_base(const SpaceView& view, const zfs::Dataset& snapshot) {
  Base base{.snapshot = snapshot.name, .guid = snapshot.guid, .alone = snapshot.used, .needed = false};
  base.age_seconds = age_of(snapshot, view.seen.wall_seconds);
  if (is_absurd(view, snapshot.used)) base.alone.reset();
  for (const auto& other : view.spec.nodes) {
    if (other.name == view.node.name) continue;
    const auto answer = serves(view, other, snapshot.guid);
    if (answer == Serves::yes) base.serves.push_back(other.name);
    if (answer != Serves::no) base.needed = true;
  }
  return base;
}

}  // namespace

std::optional<Bytes> written_since(const std::vector<zfs::Dataset>& storage, const zfs::Dataset& live,
                                   const zfs::Dataset& base) {
  // More than it refers to cannot have been written.
  const auto known = [](const zfs::Dataset& one) { return one.written && *one.written <= one.referenced; };
  if (!known(live)) return std::nullopt;
  Bytes sum = *live.written;
  for (const auto* snapshot : snapshots_of(storage, live.name)) {
    if (snapshot->createtxg <= base.createtxg) continue;
    if (!known(*snapshot)) return std::nullopt;
    sum += *snapshot->written;
  }
  return sum;
}

Bytes pinned_by_lineage(const SpaceView& view, const std::vector<PoolPart>& parts) {
  const auto& anchors = *find_part(parts, Part::anchors);
  if (view.live == nullptr) return anchors.bytes.value_or(0);
  const auto* origin = view.received_base();
  if (origin == nullptr) return 0;
  const auto holder = std::ranges::find(anchors.holdings, zfs::dataset_of(origin->name), &Holding::name);
  return holder == anchors.holdings.end() ? 0 : holder->bytes.value_or(0);
}

std::vector<Base> bases_of(const SpaceView& view) {
  std::vector<Base> bases;
  if (view.live == nullptr) return bases;
  if (const auto* origin = view.received_base())
    bases.push_back({.snapshot = origin->name,
                     .guid = origin->guid,
                     .age_seconds = age_of(*origin, view.seen.wall_seconds),
                     .alone = std::nullopt,
                     .serves = {view.node.name},
                     .needed = true});
  for (const auto* snapshot : snapshots_of(view.storage, view.live->name))
    if (is_ours(*snapshot, view.spec, view.node)) bases.push_back(sent_base(view, *snapshot));
  return bases;
}

BasePins pins_of(const SpaceView& view, const std::vector<PoolPart>& parts) {
  BasePins pins;
  const auto& bases = *find_part(parts, Part::bases);
  Bytes sum = pinned_by_lineage(view, parts);
  if (bases.bytes) {
    sum += *bases.bytes;
  } else if (pins.at_least = true; view.live != nullptr) {
    for (const auto* snapshot : snapshots_of(view.storage, view.live->name))
      if (is_ours(*snapshot, view.spec, view.node) && !is_absurd(view, snapshot->used)) sum += snapshot->used;
  }
  pins.pinned = sum;
  return pins;
}

std::optional<Forecast> forecast_of(const SpaceView& view, const std::vector<Base>& bases, const BasePins& pins) {
  if (view.live == nullptr || bases.empty() || !pins.pinned) return std::nullopt;
  const auto* oldest = find_dataset(view.storage, bases.front().snapshot);
  const auto age = bases.front().age_seconds;
  if (oldest == nullptr || !age || *age < young_seconds) return std::nullopt;
  if (is_absurd(view, view.live->referenced) || is_absurd(view, oldest->referenced)) return std::nullopt;
  const auto days = static_cast<double>(*age) / day_seconds;
  const auto grown = view.live->referenced - std::min(view.live->referenced, oldest->referenced);
  Forecast forecast;
  forecast.pinned_per_day = static_cast<double>(*pins.pinned) / days;
  forecast.least_per_day = static_cast<double>(*pins.pinned + grown) / days;
  forecast.most_per_day = forecast.least_per_day;
  if (const auto written = written_since(view.storage, *view.live, *oldest))
    forecast.most_per_day = std::max(forecast.least_per_day, static_cast<double>(*written) / days);
  if (view.pool == nullptr || !view.pool->used) return forecast;
  const auto room = static_cast<double>(view.pool->available);
  if (forecast.most_per_day > 0) forecast.soonest_days = room / forecast.most_per_day;
  if (forecast.least_per_day > 0) forecast.latest_days = room / forecast.least_per_day;
  return forecast;
}

}  // namespace dugong::cluster
