#include "cluster/ahead.h"

#include <algorithm>
#include <fmt/format.h>

namespace dugong::cluster {
namespace {

// The record of a shutdown checkpoint is the last one (xlog.c: CreateCheckPoint panics if any came in between; the
// switch to a new segment for the archiver comes before it, ShutdownXLOG), and a replica that was connected has it too.
// It takes 120 bytes (xlogrecord.h: SizeOfXLogRecord, 2 for its data's header, pg_control.h: CheckPoint) and the header
// of a page (xlog_internal.h: at most 40) where it crosses into one.
constexpr Bytes shutdown_record = 512;

bool is_stopped(const ObservedNode& node) { return node.server && node.server->state != runtime::ServerState::running; }

}  // namespace

Tip tip_of(const postgres::ServerSql& running) {
  return {.system_identifier = running.system_identifier,
          .timeline = running.timeline,
          .end = std::max(running.lsn, running.insert_lsn),
          .moves = true};
}

std::optional<Tip> tip_of(const postgres::ControlData& stopped) {
  if (stopped.state != postgres::DbState::shutdowned) return std::nullopt;
  return Tip{.system_identifier = stopped.system_identifier,
             .timeline = stopped.timeline,
             .end = stopped.checkpoint,
             .slack = shutdown_record};
}

std::optional<Lead> lead_over(const Tip& tip, const spec::Node& node, const ObservedNode& replica) {
  Lsn reach;
  if (replica.sql) {
    const auto& sql = *replica.sql;
    if (tip.moves && sql.streaming) return std::nullopt;
    if (sql.system_identifier == tip.system_identifier && sql.timeline == tip.timeline)
      reach = std::max(sql.lsn, sql.received);
  }
  // What a running one wrote there may have come after the primary was looked at.
  if ((!tip.moves || is_stopped(replica)) && replica.data && replica.data->control) {
    const auto& control = *replica.data->control;
    if (control.system_identifier == tip.system_identifier && control.min_recovery_timeline == tip.timeline)
      reach = std::max(reach, control.min_recovery);
  }
  if (reach.value <= tip.end.value + tip.slack) return std::nullopt;
  return Lead{&node, reach};
}

Error refuse_loss(const spec::Spec& spec, const Tip& tip, std::vector<Lead> leads, std::string left) {
  std::ranges::sort(leads, [](const Lead& a, const Lead& b) { return a.lsn > b.lsn; });
  const auto& primary = spec.primary().name;
  const auto& newest = leads.front().node->name;
  std::string positions;
  std::string names;
  for (const auto& lead : leads) {
    positions +=
        fmt::format("{}{} has WAL up to {}", positions.empty() ? "" : ", ", lead.node->name, to_string(lead.lsn));
    names += " " + lead.node->name;
  }
  return {
      ErrorKind::refused,
      fmt::format("{} on timeline {}, but that of {} ends at {}: {} lost what {} has", positions, tip.timeline.value,
                  primary, to_string(tip.end), primary, newest),
      newest, std::move(left),
      fmt::format("{1} holds the newest data: keep {0} stopped, leave {1} as it is, and find out what took {0} back. "
                  "To go on with {1}: promote it by hand (`SELECT pg_promote()`; dugong cannot do it yet) and name "
                  "it as the primary in the cluster file. To give up what {0} lost: `dugong down{2} --destroy "
                  "--confirm={3}`, then `dugong up`",
                  primary, newest, names, spec.cluster)};
}

}  // namespace dugong::cluster
