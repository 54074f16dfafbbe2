// Everything that forbids touching a node at all, said before the first step with what to do about it.
#include <algorithm>
#include <fmt/format.h>

#include "base/text.h"
#include "cluster/adopt.h"
#include "cluster/fence.h"
#include "cluster/ground.h"
#include "cluster/plan_up.h"
#include "cluster/rules.h"
#include "cluster/settings.h"
#include "postgres/standby.h"

namespace dugong::cluster {
namespace {

constexpr const char* unchanged = "nothing was changed";
constexpr const char* no_tablespace = "ALTER TABLE … SET TABLESPACE pg_default, then DROP TABLESPACE";

auto refuse(const spec::Node& node, std::string what, std::string next) {
  return fail(Error{ErrorKind::refused, std::move(what), node.name, unchanged, std::move(next)});
}

std::string way_to(const spec::Node& node, std::string advice) {
  if (advice.empty())
    advice = fmt::format("make `ssh {}` work without a password prompt, then run this again", node.ssh.value_or(""));
  if (node.is_primary()) return advice;
  return advice + fmt::format("; without {}: `dugong replica add` with the names of the others", node.name);
}

Result<> judge_reachable(const spec::Node& node, const ObservedNode& seen) {
  if (!seen.reachable()) {
    Error error = seen.host.error;
    error.kind = ErrorKind::refused;
    error.left = unchanged;
    if (seen.host.error.kind == ErrorKind::unreachable) error.next = way_to(node, error.next);
    return fail(std::move(error).at(node.name));
  }
  const Error* unread = seen.unread ? &*seen.unread : nullptr;
  for (const Error* error :
       {unread, seen.pool ? nullptr : &seen.pool.error, seen.storage ? nullptr : &seen.storage.error,
        seen.software ? nullptr : &seen.software.error, seen.data ? nullptr : &seen.data.error,
        seen.server ? nullptr : &seen.server.error}) {
    if (error == nullptr) continue;
    Error copy = *error;
    copy.kind = ErrorKind::refused;
    copy.left = unchanged;
    return fail(std::move(copy).at(node.name));
  }
  return {};
}

Result<> judge_parent(const Ground& g, const Ground&) {
  if (g.node.prefix == zfs::pool_of(g.node.prefix))
    return refuse(g.node, fmt::format("prefix {} is a whole pool: dugong never works on its root", g.node.prefix),
                  fmt::format("write prefix = \"{}/{}\"", g.node.prefix, g.spec.cluster));
  if (g.parent == nullptr) return {};
  if (!has_role(*g.parent, g.spec, g.node, "parent")) {
    const auto* cluster = g.parent->mark("cluster");
    const std::string whose =
        cluster == nullptr ? "it carries no mark of dugong"
                           : fmt::format("it is marked for node '{}' of cluster '{}'", g.parent_mark("node"), *cluster);
    return refuse(
        g.node,
        fmt::format("dataset {} exists and is not ours: {} ({} in it)", g.node.prefix, whose,
                    human_bytes(g.parent->used)),
        fmt::format("choose another prefix for node '{}', or destroy the dataset if nobody needs it", g.node.name));
  }
  if (g.parent->mounted || g.parent->mountpoint != "none")
    return refuse(g.node, fmt::format("{} must not be mounted, but is at {}", g.node.prefix, g.parent->mountpoint),
                  fmt::format("zfs set mountpoint=none {}", g.node.prefix));
  return {};
}

// A dataset of that name which we would have to create or receive, but which somebody else made.
Result<> judge_children(const Ground& g, const Ground&) {
  for (const auto& dataset : g.storage()) {
    if (dataset.is_snapshot || is_ours(dataset, g.spec, g.node)) continue;
    const auto name = dataset.name.substr(dataset.name.rfind('/') + 1);
    const bool wanted = name == "archive" || name == "live-0";
    if (wanted && zfs::parent_of(dataset.name) == g.node.prefix)
      return refuse(g.node, fmt::format("{} exists but carries no mark of dugong", dataset.name),
                    "rename or destroy it: dugong touches nothing that it did not make");
    if (g.live != nullptr && &dataset != g.live && zfs::is_below(dataset.name, g.live->name))
      return refuse(g.node,
                    fmt::format("{} lies inside the data directory: a snapshot of {} would not hold it", dataset.name,
                                g.live->name),
                    "move it out of the data directory: data and WAL must be in one dataset");
  }
  return {};
}

Result<> judge_data_place(const Ground& g, const Ground&) {
  if (g.live == nullptr) {
    if (!g.seen.data->exists || g.seen.data->empty) return {};
    return refuse(g.node, fmt::format("{} is not empty, and no dataset of dugong is mounted there", g.host.data),
                  "move what is in it away, or give the node another `directory`");
  }
  if (g.adopting()) return {};  // see judge_adoption
  if (!holds_data_of(g.node, g.host.data, g.live->mountpoint))
    return refuse(g.node,
                  fmt::format("{} is to be mounted at {}, not at {}", g.live->name, g.live->mountpoint, g.host.data),
                  fmt::format("zfs set mountpoint={} {}, or put the old `directory` back into the file", g.host.data,
                              g.live->name));
  return {};
}

Result<> judge_layout(const Ground& g, const Ground&) {
  if (g.live == nullptr) return {};
  for (const auto& [link, target] : g.seen.data->links) {
    if (target.starts_with(g.host.data + "/")) continue;
    return refuse(
        g.node, fmt::format("{}/{} points to {}: outside of what one atomic snapshot holds", g.host.data, link, target),
        link.starts_with("pg_tblspc/") ? no_tablespace : "stop the server and move it into the data directory");
  }
  if (g.seen.sql && !g.seen.sql->tablespaces.empty())
    return refuse(g.node,
                  fmt::format("a tablespace lies at {}: outside of what one atomic snapshot holds",
                              g.seen.sql->tablespaces.front()),
                  no_tablespace);
  return {};
}

// With sync=disabled a crash of the host takes back seconds of commits that clients and replicas were told of: a
// replica is ahead then, and goes on with a history that the primary no longer has.
Result<> judge_sync(const Ground& g, const Ground&) {
  if (g.live == nullptr || g.live->sync != "disabled") return {};
  return refuse(g.node,
                fmt::format("{} has sync=disabled: a power cut takes back commits that were promised", g.live->name),
                fmt::format("zfs set sync=standard {}; for speed, synchronous_commit = \"off\" loses only the last "
                            "half second and breaks no replica",
                            g.live->name));
}

// The server refuses data that is not its user's (miscinit.c: checkDataDir).
Result<> judge_owner(const Ground& g, const Ground&) {
  if (g.live == nullptr || !g.live->mounted || (g.live_mark("state") != "ready" && !g.adopting())) return {};
  if (g.seen.data->version.empty() || g.seen.data->uid == g.seen.software->uid) return {};
  return refuse(g.node,
                fmt::format("{} belongs to user {}, but PostgreSQL runs as {}", g.host.data, g.seen.data->uid,
                            g.seen.software->uid),
                fmt::format("with the server stopped, `usermod -u {0}` its user, or `chown -R {1}:{2} {3}`",
                            g.seen.data->uid, g.seen.software->uid, g.seen.software->gid, g.host.data));
}

Result<> judge_alone(const Ground& g, const Ground&) {
  const auto strangers = strangers_of(g.spec, g.node, g.seen);
  if (!strangers.empty())
    return refuse(g.node, fmt::format("{} is in use by {}", g.host.data, strangers.front()),
                  "stop it, and remove it if it is a container: two servers on one data directory destroy it");
  return {};
}

Result<> judge_socket(const Ground& g, const Ground&) {
  const auto socket = fmt::format("{}/.s.PGSQL.{}", g.host.run, g.node.port);
  constexpr std::size_t sun_path = 107;  // unix(7)
  if (socket.size() > sun_path)
    return refuse(g.node, fmt::format("the path of the server's socket is longer than {} bytes: {}", sun_path, socket),
                  "choose a shorter `directory` for the node");
  return {};
}

Result<> judge_same_software(const Ground& g, const Ground& primary) {
  const auto& mine = *g.seen.software;
  const auto& theirs = *primary.seen.software;
  // A copy keeps the owner of every file as a number.
  if (g.live_mark("state") != "ready" && (mine.uid != theirs.uid || mine.gid != theirs.gid))
    return refuse(g.node,
                  fmt::format("PostgreSQL's user is {}:{} here and {}:{} on {}: a copy would belong to somebody else",
                              mine.uid, mine.gid, theirs.uid, theirs.gid, primary.node.name),
                  fmt::format("give the user the same numbers on both, here with `groupmod -g {}` and `usermod -u {}`",
                              theirs.gid, theirs.uid));
  if (g.server.kind == runtime::Kind::process) {
    if (mine.version_number / 10000 == theirs.version_number / 10000) return {};
    return refuse(
        g.node,
        fmt::format("PostgreSQL {} here, {} on {}", mine.version_number, theirs.version_number, primary.node.name),
        "a physical replica needs the primary's major version");
  }
  const auto& running = primary.seen.server->image_id;
  const auto& want = running.empty() ? theirs.id : running;
  if (mine.id == want) return {};
  return refuse(
      g.node,
      fmt::format("image {} is {} here, but {} runs {}", g.spec.postgres.image, mine.id, primary.node.name, want),
      fmt::format("`docker save {0}` on {1} and `docker load` it here, or pull the same digest on both",
                  g.spec.postgres.image, primary.node.name));
}

Result<> judge_same_cluster(const Ground& g, const Ground& primary) {
  const auto& mine = g.seen.data->control;
  const auto& theirs = primary.seen.data->control;
  if (g.seen.sql && !g.seen.sql->in_recovery)
    return refuse(g.node, fmt::format("{} is a replica in the file, but it takes writes", g.node.name),
                  "two primaries: find out which one is right and stop the other");
  if (g.live == nullptr || !mine || !theirs || mine->system_identifier == theirs->system_identifier) return {};
  return refuse(g.node,
                fmt::format("{} holds another cluster: system identifier {}, not {}", g.live->name,
                            to_string(mine->system_identifier), to_string(theirs->system_identifier)),
                "give this node an empty prefix, or put the right primary into the file");
}

const Error& why_unseen(const ObservedNode& seen) {
  if (!seen.reachable()) return seen.host.error;
  return seen.pool ? seen.storage.error : seen.pool.error;
}

const zfs::Dataset* first_of(std::string_view role, const spec::Spec& spec, const spec::Node& node,
                             const ObservedNode& seen) {
  for (const auto& dataset : *seen.storage)
    if (!dataset.is_snapshot && has_role(dataset, spec, node, role)) return &dataset;
  return nullptr;
}

// Where this cluster's data lies on a node; nothing: it holds none.
const zfs::Dataset* copy_on(const spec::Spec& spec, const spec::Node& node, const ObservedNode& seen) {
  const auto* live = first_of("live", spec, node, seen);
  return live != nullptr ? live : first_of("anchor", spec, node, seen);
}

// It was a replica that had received everything, and was named the primary before that was made live.
Result<> judge_own_lineage(const Ground& primary) {
  const auto* anchor = first_of("anchor", primary.spec, primary.node, primary.seen);
  if (anchor == nullptr) return {};
  return refuse(primary.node,
                fmt::format("{} has no live data, but {}, received when it was a replica, may be the only copy of the "
                            "data: another database would be made beside it",
                            primary.node.name, anchor->name),
                fmt::format("look at {0} first; name another primary if one has the data, or make this live by hand "
                            "(dugong cannot do that yet); if nobody needs it, `zfs rename` it out of {1}",
                            anchor->name, primary.node.prefix));
}

// initdb would make another database beside what may be the only copy of this one. It is judged by what exists on every
// node of the file: an unmounted dataset shows nothing of its content.
Result<> judge_first_data(const Ground& primary, const Ground&) {
  if (primary.live != nullptr && primary.live_mark("state") != "initializing") return {};
  for (const auto& node : primary.spec.nodes) {
    if (node.is_primary()) continue;
    const auto& seen = *primary.all.find(node.name);
    if (!seen.pool || !seen.storage)
      return refuse(node,
                    fmt::format("{} has no data yet, and whether {} holds any cannot be seen: {}", primary.node.name,
                                node.name, why_unseen(seen).what),
                    fmt::format("make {0} reachable and import its pool; or, if nobody needs what it holds, take {0} "
                                "out of the file",
                                node.name));
    if (const auto* copy = copy_on(primary.spec, node, seen))
      return refuse(node,
                    fmt::format("{} holds data, but {} has none yet: it would be made as another database", copy->name,
                                primary.node.name),
                    fmt::format("put the right primary into the file; or, if nobody needs what {0} holds, `dugong "
                                "down {0} --destroy --confirm={1}`",
                                node.name, primary.spec.cluster));
  }
  return judge_own_lineage(primary);
}

// dugong-wal stores nothing into another cluster's archive; taking it over would mix two histories under one name.
Result<> judge_archive(const Ground& g, const Ground& primary) {
  const auto path = runtime::archive_identity(g.host);
  const std::string owner{trim(g.file(path).content)};
  if (owner.empty()) return {};
  const auto& source = g.live != nullptr ? g : primary;
  const bool none = source.live == nullptr || source.live_mark("state") == "initializing";
  if (!none && (!source.live->mounted || !source.seen.data->control)) return {};  // not to be seen yet
  const auto mine = none ? std::string{} : to_string(source.seen.data->control->system_identifier);
  if (owner == mine) return {};
  return refuse(g.node,
                fmt::format("{} is the archive of another cluster: {} names system {}, {}", g.host.archive, path,
                            printable(owner), none ? "and there is no data yet" : "the data is of " + mine),
                fmt::format("set that archive aside (move all that is in {}, {} too, to where it is kept), then run "
                            "`dugong up` again",
                            g.host.archive, path.substr(path.rfind('/') + 1)));
}

Result<> judge_hot_standby(const spec::Spec& spec) {
  const auto primary = TRY(wanted_hot_standby(spec, false));
  const auto replica = TRY(wanted_hot_standby(spec, true));
  for (const auto& gap : postgres::hot_standby_gaps(primary, replica))
    return fail(
        Error{ErrorKind::refused,
              fmt::format("{} is {} on replicas and {} on the primary: a hot standby must have at least as much",
                          gap.setting, gap.replica, gap.primary),
              spec.file, unchanged,
              fmt::format("take {} out of [postgres.replica_settings], or raise it there", gap.setting)});
  return {};
}

// What is in a directory that dugong did not make is somebody's: it is not written over, and not taken away later. That
// the datasets are ours says nothing about it: the file may name another directory now.
Result<> judge_directories(const Ground& g, const Ground&) {
  for (const auto& path : own_directories(g.spec, g.node)) {
    const auto& have = g.file(path);
    const auto& mark = g.file(ownership_file(path));
    if (mark.exists && mark.content != ownership_text(g.spec, g.node))
      return refuse(g.node, fmt::format("directory {} is another's: {}", path, printable(trim(mark.content))),
                    "give the node another `directory` (or `logs`)");
    const auto* foreign = foreign_entry(have);
    if (mark.exists || foreign == nullptr) continue;
    return refuse(
        g.node, fmt::format("directory {} is not empty and carries no mark of dugong: {} is in it", path, *foreign),
        fmt::format("give the node another `directory` (or `logs`), or move away what is in this one; only if all of "
                    "it is this node's, write the line \"{}\" into {}",
                    trim(ownership_text(g.spec, g.node)), ownership_file(path)));
  }
  return {};
}

Result<> judge_fence(const Ground& g, const Ground& /*primary*/) {
  const auto fence = g.parent == nullptr ? std::nullopt : fence_of(*g.parent);
  if (!fence) return {};
  return refuse(g.node, fmt::format("{} is fenced {}: its server must not run", g.node.name, describe(*fence)),
                fmt::format("find out why; then `dugong unfence {}`", g.node.name));
}

Result<> judge_all_rules(const Ground& g, const Ground& primary) {
  for (const auto& rule : rules())
    if (applies(rule, g.node)) TRY(rule.judge(g, primary));
  return {};
}

}  // namespace

const std::vector<Rule>& rules() {
  using Of = Rule::Of;
  static const std::vector<Rule> all{{"prefix", Of::every_node, judge_parent},
                                     {"fenced", Of::every_node, judge_fence},
                                     {"adopt-key", Of::every_node, judge_adopt_key},
                                     {"directory", Of::every_node, judge_directories},
                                     {"foreign-dataset", Of::every_node, judge_children},
                                     {"data-place", Of::every_node, judge_data_place},
                                     {"data-layout", Of::every_node, judge_layout},
                                     {"sync", Of::every_node, judge_sync},
                                     {"data-in-use", Of::every_node, judge_alone},
                                     {"data-owner", Of::every_node, judge_owner},
                                     {"socket-path", Of::every_node, judge_socket},
                                     {"same-software", Of::replica, judge_same_software},
                                     {"port", Of::every_node, judge_port},
                                     {"data-version", Of::every_node, judge_version},
                                     {"adoption", Of::every_node, judge_adoption},
                                     {"same-cluster", Of::replica, judge_same_cluster},
                                     {"replication-role", Of::primary, judge_replicator},
                                     {"first-data", Of::primary, judge_first_data},
                                     {"archive-owner", Of::every_node, judge_archive}};
  return all;
}

bool applies(const Rule& rule, const spec::Node& node) {
  switch (rule.of) {
    case Rule::Of::every_node:
      return true;
    case Rule::Of::primary:
      return node.is_primary();
    case Rule::Of::replica:
      return !node.is_primary();
  }
  return true;
}

Result<> judge_ground(const spec::Spec& spec, const Observed& seen, const UpOptions& options) {
  TRY(judge_hot_standby(spec));
  const auto selected = [&](const spec::Node& node) {
    return node.is_primary() || options.only.empty() || options.only.contains(node.name);
  };
  for (const auto& node : spec.nodes)
    if (selected(node)) TRY(judge_reachable(node, *seen.find(node.name)));
  const auto primary = TRY(ground_of(spec, seen, spec.primary()));
  TRY(judge_all_rules(primary, primary));
  std::vector<Ground> replicas;
  for (const auto& node : spec.nodes) {
    if (node.is_primary() || !selected(node)) continue;
    const auto g = TRY(ground_of(spec, seen, node));
    TRY(judge_all_rules(g, primary));
    replicas.push_back(g);
  }
  return judge_room(replicas, primary);
}

}  // namespace dugong::cluster
