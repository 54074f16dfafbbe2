// How far behind, on one clock. The trap this avoids: a standby that is cut off has replayed everything it received, so
// any sum that looks at the standby alone says "0 seconds" for as long as it stays cut off.
#include <algorithm>

#include "report/health_parts.h"

namespace dugong::report {
namespace {

constexpr std::size_t max_points = 4096;

double seconds_between(Steady::time_point from, Steady::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

}  // namespace

void LagHistory::add(Steady::time_point at, Lsn primary) {
  if (!points_.empty()) {
    if (at <= points_.back().at) return;
    // The WAL went back: another server, or another branch. What the old points say is about something else.
    if (primary < points_.back().lsn) points_.clear();
  }
  const auto count = points_.size();
  const bool idle = count >= 2 && points_[count - 1].lsn == primary && points_[count - 2].lsn == primary;
  if (idle) {  // first and last moment of a plateau are enough
    points_.back().at = at;
    return;
  }
  points_.push_back({at, primary});
  if (points_.size() <= max_points) return;
  // Far back a coarser picture will do; forgetting it would turn a long absence into "unknown".
  std::deque<Point> kept;
  for (std::size_t i = 0; i < points_.size(); ++i)
    if (i >= max_points / 2 || i % 2 == 0) kept.push_back(points_[i]);
  points_.swap(kept);
}

std::optional<double> LagHistory::lag(Steady::time_point now, Lsn replayed) const {
  if (points_.empty()) return std::nullopt;
  if (replayed >= points_.back().lsn) return 0.0;
  const auto after = std::upper_bound(points_.begin(), points_.end(), replayed,
                                      [](Lsn lsn, const Point& point) { return lsn < point.lsn; });
  if (after == points_.begin()) return std::nullopt;
  const auto before = std::prev(after);
  const auto span = static_cast<double>(after->lsn.value - before->lsn.value);
  const auto part = static_cast<double>(replayed.value - before->lsn.value) / span;
  const double since_before = seconds_between(before->at, now);
  return std::max(0.0, since_before - part * seconds_between(before->at, after->at));
}

std::optional<double> LagHistory::wal_rate() const {
  if (points_.size() < 2) return std::nullopt;
  const double seconds = seconds_between(points_.front().at, points_.back().at);
  if (seconds <= 0) return std::nullopt;
  return static_cast<double>(points_.back().lsn.value - points_.front().lsn.value) / seconds;
}

namespace {

std::optional<Bytes> lag_bytes(const LagEvidence& seen) {
  if (!seen.primary) return std::nullopt;
  const Bytes behind = *seen.primary > seen.replayed ? seen.primary->value - seen.replayed.value : 0;
  if (behind == 0 && !seen.streaming) return std::nullopt;
  return behind;
}

// An age of zero or less (the clocks differ) bounds nothing.
Lag bounded(Lag lag, const LagEvidence& seen) {
  if (!seen.replay_age_seconds || *seen.replay_age_seconds <= 0) return lag;
  lag.seconds = seen.replay_age_seconds;
  lag.kind = LagKind::upper_bound;
  return lag;
}

}  // namespace

Lag judge_lag(const LagEvidence& seen, const LagHistory& history) {
  Lag lag{.bytes = lag_bytes(seen), .seconds = std::nullopt, .kind = LagKind::unknown};
  if (!seen.primary) return lag;  // nobody to be behind of: nothing, never 0
  if (seen.streaming && seen.replayed >= *seen.primary) return {lag.bytes, 0.0, LagKind::exact};
  const auto exact = history.lag(seen.taken_at, seen.replayed);
  if (!exact || *exact <= 0) return bounded(lag, seen);
  return {lag.bytes, exact, LagKind::exact};
}

}  // namespace dugong::report
