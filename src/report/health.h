// Verdicts: is it healthy, how far behind is it, and why do we say so. Pure; the same for status, agent and planner.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cluster/fence.h"
#include "cluster/observed.h"
#include "cluster/space.h"
#include "spec/spec.h"

namespace dugong::report {

enum class Health { healthy, degraded, down, unknown };
enum class LagKind {
  exact,        // from history on one clock, or caught up at this moment
  upper_bound,  // one look only: since the commit that was replayed last
  unknown,
};
std::string to_string(Health health);
std::string to_string(LagKind kind);

struct SlotStatus {
  std::string name;
  bool active = false;
  std::string wal_status;
  std::optional<Bytes> retained;        // WAL kept for it
  std::optional<double> hours_covered;  // how long a disconnected replica can stay away at the present WAL rate
};

struct NodeStatus {
  std::string name;
  bool replica = false;
  Health health = Health::unknown;
  std::vector<std::string> reasons;
  std::string address;
  std::uint16_t port = 0;
  std::optional<TimelineId> timeline;
  std::optional<SystemId> system_identifier;
  std::optional<Lsn> lsn;
  std::optional<bool> streaming;      // replicas only
  std::optional<Bytes> lag_bytes;     // replicas only
  std::optional<double> lag_seconds;  // replicas only
  LagKind lag_kind = LagKind::unknown;
  std::optional<bool> read_only;  // in recovery: refuses every write
  std::string dataset;            // live; empty: none
  std::string follows;
  std::optional<SlotStatus> slot;                // on its upstream
  std::optional<std::int64_t> base_age_seconds;  // since the snapshot it was cloned from
  std::optional<Bytes> pinned_bytes;             // kept by our snapshots, anchors and clones' origins
  std::optional<cluster::BasePins> base_pins;    // nothing: its storage cannot be seen
  std::vector<cluster::Base> bases;
  std::optional<cluster::Forecast> forecast;
  std::optional<double> clock_offset_seconds;
  std::optional<cluster::Fence> fence;
};

struct ClusterStatus {
  std::string cluster;
  Health verdict = Health::unknown;  // healthy, degraded or down
  std::vector<std::string> reasons;
  std::vector<NodeStatus> nodes;
};

// Where the primary was when: lag in seconds = since the primary passed the replica's replayed LSN, on one clock.
class LagHistory {
 public:
  void add(Steady::time_point at, Lsn primary);
  // Seconds; 0 when the replica has all of the newest point; absent when the ring does not reach back so far.
  [[nodiscard]] std::optional<double> lag(Steady::time_point now, Lsn replayed) const;
  // Bytes per second between the oldest and the newest point.
  [[nodiscard]] std::optional<double> wal_rate() const;
  [[nodiscard]] std::size_t size() const { return points_.size(); }

 private:
  struct Point {
    Steady::time_point at{};
    Lsn lsn;
  };
  std::deque<Point> points_;
};

// `history` empty or too short: lag is an upper bound, or unknown. A replica that does not stream never shows 0.
ClusterStatus judge_status(const spec::Spec& spec, const cluster::Observed& seen, const LagHistory& history);

}  // namespace dugong::report
