// The verdict of one look at the cluster: what each node is, whether it is healthy, and every reason why not, with
// numbers. A running server is not yet a healthy one, and what was not seen is unknown, never 0.
#include "report/health.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/text.h"
#include "cluster/layout.h"
#include "postgres/identifiers.h"
#include "postgres/wal.h"
#include "report/health_parts.h"

namespace dugong::report {
namespace {

constexpr double clock_limit_seconds = 0.5;
constexpr Bytes lag_limit_bytes = Bytes{1} << 30;
constexpr double lag_limit_seconds = 300;
constexpr std::uint64_t archive_limit_segments = 16;

struct View {
  const spec::Spec& spec;
  const cluster::Observed& seen;
  const LagHistory& history;

  [[nodiscard]] const postgres::ServerSql* sql(std::string_view node) const {
    const auto* observed = seen.find(node);
    return observed == nullptr || !observed->sql ? nullptr : &*observed->sql;
  }
};

bool takes_writes(const postgres::ServerSql* sql) {
  return sql != nullptr && !sql->in_recovery && sql->accepts_clients;
}

// The node that the others are measured against: the one the file names, or whoever took its place.
const cluster::ObservedNode* acting_primary(const View& view) {
  const auto* named = view.seen.find(view.spec.primary().name);
  if (named != nullptr && takes_writes(view.sql(named->name))) return named;
  for (const auto& node : view.seen.nodes)
    if (takes_writes(view.sql(node.name))) return &node;
  return nullptr;
}

Lsn position(const postgres::ServerSql& sql) { return std::max(sql.lsn, sql.insert_lsn); }

void append(std::vector<std::string>& all, std::vector<std::string> more) {
  for (auto& one : more) all.push_back(std::move(one));
}

std::string why_no_server(const cluster::ObservedNode& seen) {
  if (!seen.server) return "whether its server runs cannot be seen: " + printable(seen.sql.error.what);
  switch (seen.server->state) {
    case runtime::ServerState::absent:
      return "has no server: run `dugong up`";
    case runtime::ServerState::created:
      return "has a server that was never started: run `dugong up`";
    case runtime::ServerState::exited: {
      const auto& tail = seen.server->log_tail;
      return fmt::format("runs no server: it ended with exit code {}{}", seen.server->exit_code,
                         tail.empty() ? "" : "; its last words: " + printable(shorten(tail.back(), 200)));
    }
    case runtime::ServerState::running:
      return fmt::format("runs, but takes no clients: {}", seen.sql.error.what);
  }
  return {};
}

const zfs::Dataset* live_data(const View& view, const spec::Node& node, const cluster::ObservedNode& seen) {
  if (!seen.storage) return nullptr;
  const auto live = cluster::live_of(*seen.storage, view.spec, node);
  return live ? *live : nullptr;
}

void judge_storage(const View& view, const spec::Node& node, const cluster::ObservedNode& seen, NodeStatus& status) {
  if (seen.pool) append(status.reasons, judge_pool(*seen.pool));
  // First, since all else that is wrong then follows from it.
  if (!seen.pool || !seen.storage)
    status.reasons.insert(
        status.reasons.begin(),
        "its storage cannot be seen: " + printable(seen.pool ? seen.storage.error.what : seen.pool.error.what));
  if (!seen.storage) return;
  if (const auto* parent = cluster::find_dataset(*seen.storage, node.prefix)) status.fence = cluster::fence_of(*parent);
  if (status.fence)
    status.reasons.insert(status.reasons.begin(),
                          fmt::format("is fenced {}: `dugong unfence {}`", describe(*status.fence), node.name));
  const auto live = cluster::live_of(*seen.storage, view.spec, node);
  if (!live) {
    status.reasons.push_back(live.error().what);
    return;
  }
  status.pinned_bytes = pinned_bytes(*seen.storage, *live);
  if (seen.pool) {
    const auto space = cluster::judge_space(view.spec, view.seen, node);
    append(status.reasons, cluster::judge_room_ahead(space));
    status.base_pins = space.pins;
    status.bases = space.bases;
    status.forecast = space.forecast;
  }
  if (*live == nullptr) {
    if (seen.sql) status.reasons.push_back("no live dataset of this node is below " + node.prefix);
    return;
  }
  status.dataset = (*live)->name;
  status.base_age_seconds = base_age(*seen.storage, **live, view.seen.wall_seconds);
  if ((*live)->sync == "disabled")
    status.reasons.push_back(
        fmt::format("{} has sync=disabled: a power cut takes back commits that were promised", status.dataset));
  if (!(*live)->mounted) status.reasons.push_back(fmt::format("{} is not mounted", status.dataset));
}

std::optional<Bytes> room_of(const View& view, const spec::Node& node, const cluster::ObservedNode& seen) {
  if (const auto* live = live_data(view, node, seen)) return live->available;
  if (seen.pool) return seen.pool->free;
  return std::nullopt;
}

SlotStatus describe_slot(const View& view, const spec::Node& upstream, const cluster::ObservedNode& seen,
                         const postgres::Slot& slot) {
  const auto& sql = *seen.sql;
  SlotStatus status{.name = slot.name, .active = slot.active, .wal_status = slot.wal_status};
  if (slot.restart_lsn.value != 0 && sql.lsn >= slot.restart_lsn)
    status.retained = sql.lsn.value - slot.restart_lsn.value;
  const auto rate = wal_rate(view.history, seen.storage ? *seen.storage : std::vector<zfs::Dataset>{}, sql.lsn,
                             view.seen.wall_seconds);
  status.hours_covered = hours_covered(slot, sql.max_slot_wal_keep_size, room_of(view, upstream, seen), rate);
  return status;
}

std::string kept(const SlotStatus& slot) {
  return slot.retained ? fmt::format(" and keeps {} of WAL", human_bytes(*slot.retained)) : std::string{};
}

// The slot of `node` on its upstream, and what is wrong with it.
void judge_slot(const View& view, const spec::Node& node, bool streams, NodeStatus& status) {
  const auto* upstream = view.spec.find(node.follows);
  const auto* seen = view.seen.find(node.follows);
  if (upstream == nullptr || seen == nullptr || !seen->sql) return;
  const auto name = postgres::slot_name(node.name);
  const auto slot = std::ranges::find(seen->sql->slots, name, &postgres::Slot::name);
  if (slot == seen->sql->slots.end()) {
    status.reasons.push_back(
        fmt::format("slot {} is missing on {}: WAL that {} still needs may be removed", name, node.follows, node.name));
    return;
  }
  status.slot = describe_slot(view, *upstream, *seen, *slot);
  if (slot->wal_status == "lost")
    status.reasons.push_back(fmt::format("slot {} on {} is lost: WAL it needs was removed", name, node.follows));
  else if (slot->wal_status == "unreserved")
    status.reasons.push_back(fmt::format("slot {} on {} is about to be lost: it is past max_slot_wal_keep_size{}", name,
                                         node.follows, kept(*status.slot)));
  if (!slot->active)
    status.reasons.push_back(fmt::format("{} slot {} on {} is inactive{}",
                                         streams ? "streams without its slot:" : "its", name, node.follows,
                                         kept(*status.slot)));
}

bool belongs_to_a_follower(const spec::Spec& spec, const std::string& upstream, const std::string& slot) {
  return std::ranges::any_of(spec.nodes, [&](const spec::Node& node) {
    return node.follows == upstream && postgres::slot_name(node.name) == slot;
  });
}

// Slots that nobody reads fill the disk, whoever made them. A standby's logical slots are copies that its primary
// keeps in step (PostgreSQL 17, slotsync.c); they are never active there.
std::vector<std::string> judge_foreign_slots(const View& view, const spec::Node& node,
                                             const cluster::ObservedNode& seen) {
  std::vector<std::string> reasons;
  for (const auto& slot : seen.sql->slots) {
    if (slot.active || belongs_to_a_follower(view.spec, node.name, slot.name)) continue;
    if (seen.sql->in_recovery && slot.type != "physical") continue;
    reasons.push_back(fmt::format("slot {} is inactive{}; no node of {} uses it", slot.name,
                                  kept(describe_slot(view, node, seen, slot)), view.spec.file));
  }
  return reasons;
}

void judge_primary(const postgres::ServerSql& sql, NodeStatus& status) {
  if (sql.in_recovery)
    status.reasons.insert(status.reasons.begin(), "takes no writes: it is in recovery");
  else if (!sql.accepts_clients)
    status.reasons.insert(status.reasons.begin(), "takes no writes: it is still being initialized");
  else if (sql.default_read_only)
    status.reasons.push_back("refuses plain writes: default_transaction_read_only is on");
}

void judge_branch(const View& view, const spec::Node& node, const cluster::ObservedNode& primary,
                  const postgres::ServerSql& sql, NodeStatus& status) {
  const auto& truth = *primary.sql;
  if (sql.system_identifier != truth.system_identifier)
    status.reasons.push_back(fmt::format("is another database: its system identifier is {}, that of {} is {}",
                                         to_string(sql.system_identifier), primary.name,
                                         to_string(truth.system_identifier)));
  const auto* upstream = view.sql(node.follows);
  const auto& reference = upstream != nullptr ? *upstream : truth;
  const auto& name = upstream != nullptr ? node.follows : primary.name;
  if (sql.timeline != reference.timeline)
    status.reasons.push_back(
        fmt::format("is on timeline {}, {} is on {}", sql.timeline.value, name, reference.timeline.value));
  // While it streams, a position sampled a moment later is no sign; one that nothing moves any more is.
  const auto at = std::max(sql.lsn, sql.received);
  if (!sql.streaming && sql.timeline == truth.timeline && at > position(truth))
    status.reasons.insert(
        status.reasons.begin(),
        fmt::format("is ahead of {} by {} on timeline {}: {} lost WAL that {} has", primary.name,
                    human_bytes(at.value - position(truth).value), truth.timeline.value, primary.name, node.name));
}

void judge_sender(const View& view, const spec::Node& node, const postgres::ServerSql& sql, NodeStatus& status) {
  const auto* upstream = view.spec.find(node.follows);
  if (!sql.streaming) {
    status.reasons.push_back(fmt::format("does not stream from {}", node.follows));
    return;
  }
  if (upstream == nullptr || sql.sender_host.empty() || sql.sender_host == upstream->address) return;
  const auto* seen = view.seen.find(node.follows);
  if (seen != nullptr && seen->host && std::ranges::count(seen->host->addresses, sql.sender_host) > 0) return;
  status.reasons.push_back(
      fmt::format("streams from {}, not from {} ({})", sql.sender_host, node.follows, upstream->address));
}

void judge_distance(const Lag& lag, NodeStatus& status) {
  status.lag_bytes = lag.bytes;
  status.lag_seconds = lag.seconds;
  status.lag_kind = lag.kind;
  const bool far = lag.bytes && *lag.bytes >= lag_limit_bytes;
  const bool late = lag.kind == LagKind::exact && lag.seconds && *lag.seconds >= lag_limit_seconds;
  if (!far && !late) return;
  std::string text = "is behind by";
  if (lag.bytes) text += " " + human_bytes(*lag.bytes);
  if (late) text += (lag.bytes ? " and " : " ") + human_duration(std::chrono::duration<double>{*lag.seconds});
  status.reasons.push_back(std::move(text));
}

// The server takes its own clock's now and what the primary's clock said when it committed: how far the two are apart
// is no part of the age.
std::optional<double> replay_age(const cluster::ObservedNode& seen, const cluster::ObservedNode& primary) {
  const auto age = seen.sql->replay_age_seconds;
  if (!age || !seen.host || !primary.host) return age;
  return *age - (seen.host->clock_offset_seconds - primary.host->clock_offset_seconds) +
         seen.host->clock_uncertainty_seconds + primary.host->clock_uncertainty_seconds;
}

void judge_replica(const View& view, const spec::Node& node, const cluster::ObservedNode& seen, NodeStatus& status) {
  const auto& sql = *seen.sql;
  const auto* primary = acting_primary(view);
  status.streaming = sql.in_recovery && sql.streaming;
  if (!sql.in_recovery) {
    status.reasons.insert(status.reasons.begin(), "takes writes: it is not in recovery");
    if (primary != nullptr && primary->name != node.name) judge_branch(view, node, *primary, sql, status);
    return;
  }
  judge_sender(view, node, sql, status);
  if (sql.replay_paused) status.reasons.push_back("has its replay paused: what it serves gets old");
  LagEvidence evidence{.streaming = sql.streaming, .replayed = sql.lsn};
  evidence.taken_at = seen.sql.taken_at;
  if (primary != nullptr) {
    judge_branch(view, node, *primary, sql, status);
    evidence.primary = primary->sql->lsn;
    evidence.replay_age_seconds = replay_age(seen, *primary);
    evidence.streaming = sql.streaming && sql.timeline == primary->sql->timeline;
  }
  judge_distance(judge_lag(evidence, view.history), status);
}

void judge_server(const View& view, const spec::Node& node, const cluster::ObservedNode& seen, NodeStatus& status) {
  if (seen.server)
    for (const auto& stranger : seen.server->strangers)
      status.reasons.push_back("its data directory is used by a stranger: " + printable(stranger));
  if (!seen.sql) {
    status.reasons.insert(status.reasons.begin(), why_no_server(seen));
    return;
  }
  if (!seen.server)
    status.reasons.push_back("answers, but what runs it cannot be asked: " + printable(seen.server.error.what));
  const auto& sql = *seen.sql;
  status.timeline = sql.timeline;
  status.system_identifier = sql.system_identifier;
  status.lsn = sql.lsn;
  status.read_only = sql.in_recovery;
  if (node.is_primary())
    judge_primary(sql, status);
  else
    judge_replica(view, node, seen, status);
  append(status.reasons, judge_foreign_slots(view, node, seen));
  append(status.reasons, judge_settings(sql));
  append(status.reasons, judge_archive(sql, seen.data ? seen.data->unarchived : 0));
}

Health overall(const spec::Node& node, const cluster::ObservedNode& seen, const NodeStatus& status) {
  // Neither the socket nor whoever runs the server told anything: it may well be up.
  if (!seen.sql) return seen.server ? Health::down : Health::unknown;
  if (node.is_primary() && !takes_writes(&*seen.sql)) return Health::down;
  return status.reasons.empty() ? Health::healthy : Health::degraded;
}

NodeStatus judge_node(const View& view, const spec::Node& node) {
  NodeStatus status{.name = node.name, .replica = !node.is_primary()};
  status.address = node.address;
  status.port = node.port;
  status.follows = node.follows;
  const auto* seen = view.seen.find(node.name);
  const bool reached = seen != nullptr && seen->reachable();
  if (reached) {
    status.clock_offset_seconds = seen->host->clock_offset_seconds;
    judge_server(view, node, *seen, status);
    judge_storage(view, node, *seen, status);
    append(status.reasons, judge_clock(*seen->host));
  } else {
    const auto why = seen == nullptr ? std::string{"it was not looked at"} : seen->host.error.what;
    status.reasons.push_back("cannot be reached: " + printable(why));
  }
  if (!node.is_primary()) judge_slot(view, node, status.streaming.value_or(false), status);
  status.health = reached ? overall(node, *seen, status) : Health::unknown;
  return status;
}

std::vector<std::string> writers(const View& view) {
  std::vector<std::string> names;
  for (const auto& node : view.spec.nodes)
    if (takes_writes(view.sql(node.name))) names.push_back(node.name);
  return names;
}

}  // namespace

std::string to_string(Health health) {
  switch (health) {
    case Health::healthy:
      return "healthy";
    case Health::degraded:
      return "degraded";
    case Health::down:
      return "down";
    case Health::unknown:
      return "unknown";
  }
  return {};
}

std::string to_string(LagKind kind) {
  switch (kind) {
    case LagKind::exact:
      return "exact";
    case LagKind::upper_bound:
      return "upper_bound";
    case LagKind::unknown:
      return "unknown";
  }
  return {};
}

std::vector<std::string> judge_settings(const postgres::ServerSql& sql) {
  std::vector<std::string> reasons;
  for (const auto& error : sql.conf_errors) reasons.push_back("has a setting it cannot use: " + printable(error));
  std::vector<std::string> waiting;
  for (const auto& [name, setting] : sql.settings)
    if (setting.pending_restart) waiting.push_back(name);
  if (!waiting.empty()) reasons.push_back("must be restarted before these count: " + join(waiting, ", "));
  return reasons;
}

// A command that hangs fails never: then only the distance tells.
std::optional<std::uint64_t> segments_behind(const postgres::ServerSql& sql) {
  const auto mode = sql.settings.find("archive_mode");
  const bool archives = mode != sql.settings.end() && mode->second.value != "off" && !sql.in_recovery;
  const auto last = postgres::parse_wal_file_name(sql.last_archived);
  if (!archives || sql.wal_segment_size <= 0 || !last || last->timeline != sql.timeline) return std::nullopt;
  if (last->kind != postgres::WalFileKind::segment) return std::nullopt;
  const auto size = static_cast<std::uint64_t>(sql.wal_segment_size);
  const auto start = postgres::segment_start(*last, static_cast<std::uint32_t>(size)).value;
  const auto now = sql.lsn.value / size;
  return now > start / size ? now - start / size - 1 : 0;  // the current segment is not finished
}

std::vector<std::string> judge_archive(const postgres::ServerSql& sql, std::uint64_t unarchived) {
  if (!sql.archiving_fails) {
    // After a crash or a promotion the statistics know of no segment: then what waits in pg_wal tells.
    const auto behind = std::max(segments_behind(sql).value_or(0), sql.in_recovery ? 0 : unarchived);
    if (behind <= archive_limit_segments) return {};
    return {fmt::format("is behind with archiving WAL: {} finished segments ({}) after {} are not in the archive",
                        behind, human_bytes(behind * static_cast<std::uint64_t>(sql.wal_segment_size)),
                        sql.last_archived.empty() ? "its start" : sql.last_archived)};
  }
  return {fmt::format("cannot archive WAL: {} failed ({} failures so far), the last one archived is {}",
                      sql.last_failed, sql.failed_count, sql.last_archived.empty() ? "none" : sql.last_archived)};
}

std::vector<std::string> judge_clock(const cluster::Host& host) {
  if (std::abs(host.clock_offset_seconds) - host.clock_uncertainty_seconds <= clock_limit_seconds) return {};
  return {fmt::format("its clock is {:+.3f} s off ours (± {:.3f} s)", host.clock_offset_seconds,
                      host.clock_uncertainty_seconds)};
}

ClusterStatus judge_status(const spec::Spec& spec, const cluster::Observed& seen, const LagHistory& history) {
  const View view{spec, seen, history};
  ClusterStatus status{.cluster = spec.cluster};
  const auto names = writers(view);
  if (names.empty()) status.reasons.push_back("no node is seen to take writes");
  if (names.size() > 1)
    status.reasons.push_back(fmt::format("more than one node takes writes: {}", fmt::join(names, ", ")));
  for (const auto& node : spec.nodes) {
    status.nodes.push_back(judge_node(view, node));
    for (const auto& reason : status.nodes.back().reasons) status.reasons.push_back(node.name + ": " + reason);
  }
  const bool all_well = std::ranges::all_of(
      status.nodes, [](const NodeStatus& node) { return node.health == Health::healthy && node.reasons.empty(); });
  status.verdict = names.empty() ? Health::down : all_well && names.size() == 1 ? Health::healthy : Health::degraded;
  return status;
}

}  // namespace dugong::report
