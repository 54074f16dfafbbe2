#include "cluster/boot.h"

#include <fmt/format.h>

#include "base/text.h"
#include "cluster/fence.h"

namespace dugong::cluster {
namespace {

constexpr const char* not_started = "nothing was started";

BootRefusal refuse(BootRefusal::Lasts lasts, std::string code, std::string what, std::string next) {
  return {lasts, std::move(code), Error{ErrorKind::refused, std::move(what), {}, not_started, std::move(next)}};
}
BootRefusal for_good(std::string code, std::string what, std::string next) {
  return refuse(BootRefusal::Lasts::for_good, std::move(code), std::move(what), std::move(next));
}
BootRefusal for_now(std::string code, std::string what, std::string next) {
  return refuse(BootRefusal::Lasts::for_now, std::move(code), std::move(what), std::move(next));
}
// What the node itself advises against a refusal of its own (node.toml) is more to the point.
BootRefusal unseen(std::string code, const Error& why, std::string next) {
  if (why.kind == ErrorKind::refused && !why.next.empty()) next = why.next + "; it is tried again";
  auto refusal = for_now(std::move(code), why.what, std::move(next));
  refusal.error.where = why.where;
  return refusal;
}

bool is_of(const zfs::Dataset& dataset, const BootRecord& record, std::string_view role) {
  const auto is = [&](const char* key, std::string_view value) {
    const auto* mark = dataset.mark(key);
    return mark != nullptr && *mark == value;
  };
  return !dataset.is_snapshot && is("cluster", record.cluster) && is("node", record.node) && is("role", role);
}

using Found = std::variant<const zfs::Dataset*, BootRefusal>;

Found find_parent(const BootRecord& record, const BootSeen& seen) {
  const auto pool = zfs::pool_of(record.prefix);
  if (!seen.pool)
    return unseen("pool-missing", seen.pool.error, fmt::format("`zpool import {}`; it is tried again", pool));
  if (!seen.storage) return unseen("storage-unseen", seen.storage.error, "`zfs list`; it is tried again");
  const auto* parent = find_dataset(*seen.storage, record.prefix);
  if (parent == nullptr)
    return for_good("dataset-missing", fmt::format("there is no dataset {} in pool {}", record.prefix, pool),
                    "look whether this is the right pool; then `dugong up` from the controller");
  if (!is_of(*parent, record, "parent"))
    return for_good("not-ours", fmt::format("{} does not carry the mark of {}", record.prefix, record.name()),
                    "look whose it is; then `dugong up` from the controller");
  if (const auto fence = fence_of(*parent))
    return for_good("fenced", fmt::format("{} is fenced {}", record.name(), describe(*fence)),
                    fmt::format("find out why; then `dugong unfence {}` from the controller", record.node));
  return parent;
}

Found find_live(const BootRecord& record, const BootSeen& seen) {
  const zfs::Dataset* live = nullptr;
  for (const auto& dataset : *seen.storage) {
    if (!is_of(dataset, record, "live")) continue;
    if (live != nullptr)
      return for_good("two-live", fmt::format("{} and {} are both marked as the live data", live->name, dataset.name),
                      "decide which one it is, and run `zfs set dugong:role=aside` on the other");
    live = &dataset;
  }
  if (live == nullptr)
    return for_good("no-data", fmt::format("no dataset below {} is marked as the live data", record.prefix),
                    "`dugong up` from the controller");
  const auto* state = live->mark("state");
  if (state == nullptr || *state != "ready")
    return for_good("unfinished",
                    fmt::format("{} is marked '{}': `up` did not finish it", live->name, state ? *state : ""),
                    "`dugong up` from the controller");
  const auto& data = record.server.data;
  const bool inside = live->name == record.adopted && data.starts_with(live->mountpoint + "/");
  if (live->mountpoint != data && !inside)
    return for_good("elsewhere",
                    fmt::format("{} is to be mounted at {}, but the data belongs at {}", live->name, live->mountpoint,
                                record.server.data),
                    fmt::format("`zfs set mountpoint={} {}`", record.server.data, live->name));
  return live;
}

// An empty directory under an unmounted dataset, or somebody's database in its place, is never started.
std::optional<BootRefusal> judge_data(const BootRecord& record, const BootSeen& seen) {
  const auto& path = record.server.data;
  if (!seen.data) return unseen("data-unreadable", seen.data.error, fmt::format("`ls -l {}`; it is tried again", path));
  const auto& data = *seen.data;
  if (data.version.empty())
    return for_good("no-data", fmt::format("{} is mounted and holds no PG_VERSION: it is no data directory", path),
                    "`dugong status` from the controller; initdb is run by `dugong up` alone");
  if (!data.control)
    return for_good("control-unreadable", fmt::format("the control file in {}: {}", path, data.control_error),
                    "do not start it by hand: have it seeded again, or roll it back to a snapshot");
  if (data.control->system_identifier != record.system_identifier)
    return for_good(
        "wrong-system",
        fmt::format("{} holds system {}, but {} is system {}", path, to_string(data.control->system_identifier),
                    record.name(), to_string(record.system_identifier)),
        "find out what is mounted there; `dugong up` from the controller, if it is right");
  return std::nullopt;
}

// "": it does not. A standby that has gone over to a new timeline shows that one (walsender.c: IdentifySystem).
std::string objection(const postgres::PeerFacts& peer, const postgres::ControlData& mine) {
  if (peer.in_recovery && !*peer.in_recovery) return "takes writes";
  if (peer.timeline > mine.timeline)
    return fmt::format("is on timeline {}, this node on {}", peer.timeline.value, mine.timeline.value);
  return {};
}

std::string why_silent(const BootRecord& record, const postgres::PeerFacts& peer) {
  if (!peer.answered) return peer.why_not;
  return fmt::format("it is system {}, not {}", to_string(peer.system_identifier), to_string(record.system_identifier));
}

// One that was a primary may have been replaced while it was down.
BootVerdict judge_peers(const BootRecord& record, const BootSeen& seen) {
  if (record.peers.empty()) return BootStart{};
  if (!seen.peers) return BootAsk{};
  std::vector<std::string> silent;
  for (const auto& peer : record.peers) {
    const auto it = seen.peers->find(peer.name);
    const auto facts = it == seen.peers->end() ? postgres::PeerFacts{.why_not = "it was not asked"} : it->second;
    if (!facts.answered || facts.system_identifier != record.system_identifier) {
      silent.push_back(
          fmt::format("{} ({} port {}): {}", peer.name, peer.address, peer.port, printable(why_silent(record, facts))));
      continue;
    }
    if (const auto why = objection(facts, *seen.data->control); !why.empty())
      return for_good("another-leads",
                      fmt::format("{} ({} port {}) {}: this node would be a second primary", peer.name, peer.address,
                                  peer.port, why),
                      fmt::format("leave it down; name {} as the primary in the cluster file, and have this node "
                                  "seeded again",
                                  peer.name));
  }
  const auto names = join(silent, "; ");
  if (silent.empty()) return BootStart{};
  if (record.policy == spec::BootPolicy::start)
    return BootStart{
        {fmt::format("started although it was the primary and whether another took over is not known, as "
                     "boot = \"start\" says: {}",
                     names)}};
  return for_now("peers-silent",
                 fmt::format("it was the primary, and whether another took over is not known: {}", names),
                 "it is tried again; `dugong node start --without=NAME` starts it without asking that one, when it is "
                 "known not to lead");
}

BootVerdict judge_server(const BootRecord& record, const BootSeen& seen) {
  if (!seen.server)
    return unseen("runtime-unseen", seen.server.error, "look at the container engine; it is tried again");
  if (!seen.server->strangers.empty())
    return for_good("in-use",
                    fmt::format("{} is in use by {}, which dugong did not start", record.server.data,
                                join(seen.server->strangers, ", ")),
                    "stop it, and remove it if it is a container; then `dugong node start`");
  if (seen.server->state == runtime::ServerState::running) return BootRunning{};
  if (auto refusal = judge_data(record, seen)) return *std::move(refusal);
  const bool standby = seen.data->has("standby.signal");
  return standby ? BootVerdict{BootStart{}} : judge_peers(record, seen);
}

}  // namespace

BootVerdict judge_boot(const BootRecord& record, const BootSeen& seen) {
  const auto parent = find_parent(record, seen);
  if (const auto* refusal = std::get_if<BootRefusal>(&parent)) return *refusal;
  const auto found = find_live(record, seen);
  if (const auto* refusal = std::get_if<BootRefusal>(&found)) return *refusal;
  const auto& live = *std::get<const zfs::Dataset*>(found);
  // A server without its archive would archive into the directory below, if at all.
  for (const auto& dataset : *seen.storage)
    if (is_of(dataset, record, "archive") && !dataset.mounted) return BootMount{dataset.name};
  if (live.mounted) return judge_server(record, seen);
  if (live.canmount == "off")
    return for_good("not-mountable", fmt::format("{} has canmount=off, and nobody says why", live.name),
                    fmt::format("find out why; then `zfs set canmount=noauto {}`", live.name));
  return BootMount{live.name};
}

std::string boot_metrics(const BootRecord& record, std::string_view code, std::int64_t wall_seconds) {
  const auto labels = fmt::format("cluster=\"{}\",node=\"{}\"", record.cluster, record.node);
  return fmt::format(
      "# HELP dugong_boot_outcome What the last `dugong node start` did with this node, or why it did nothing.\n"
      "# TYPE dugong_boot_outcome gauge\n"
      "dugong_boot_outcome{{{0},outcome=\"{1}\"}} 1\n"
      "# HELP dugong_boot_last_attempt_timestamp_seconds When that was.\n"
      "# TYPE dugong_boot_last_attempt_timestamp_seconds gauge\n"
      "dugong_boot_last_attempt_timestamp_seconds{{{0}}} {2}\n",
      labels, code, wall_seconds);
}

}  // namespace dugong::cluster
