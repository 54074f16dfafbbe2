// What would keep a node's server from starting, or its replicas from following, though nothing is wrong with the data:
// said before anything is stopped, while the server that would not come back still runs.
#include <algorithm>
#include <fmt/format.h>

#include "base/text.h"
#include "cluster/adopt.h"
#include "cluster/ground.h"
#include "postgres/identifiers.h"

namespace dugong::cluster {
namespace {

auto refuse(const spec::Node& node, std::string what, std::string next) {
  return fail(Error{ErrorKind::refused, std::move(what), node.name, "nothing was changed", std::move(next)});
}

// The port of a running server; without an answer of its own, what it wrote at its start (miscinit.c: CreateLockFile,
// the fourth line). 0: not known.
std::uint64_t port_in_force(const Ground& g) {
  std::string text;
  if (g.seen.sql) {
    const auto shown = g.seen.sql->settings.find("port");
    if (shown != g.seen.sql->settings.end()) text = shown->second.value;
  } else if (const auto file = g.seen.data->files.find("postmaster.pid"); file != g.seen.data->files.end()) {
    const auto parts = lines(file->second);
    if (parts.size() > 3) text = trim(parts[3]);
  }
  return parse_u64(text).value_or(0);
}

}  // namespace

// Another server's port is not free for this one, whether it is to be started or, with another port, restarted.
Result<> judge_port(const Ground& g, const Ground&) {
  const auto& listening = g.seen.host->listening;
  if (std::ranges::find(listening, g.node.port) == listening.end()) return {};
  const auto* incumbent = g.adopting() ? incumbent_of(*g.seen.server) : nullptr;
  const bool runs = g.running() || (incumbent != nullptr && incumbent->state == runtime::ServerState::running);
  const auto own = runs ? port_in_force(g) : 0;
  if (runs && (own == 0 || own == g.node.port)) return {};
  return refuse(g.node, fmt::format("port {} is in use on {}", g.node.port, g.seen.host->hostname),
                "stop what listens there (`ss -ltnp` shows it), or give the node another `port`");
}

// No server starts on data of another major version (miscinit.c: ValidatePgVersion). Data that an initdb was cut off in
// is made anew.
Result<> judge_version(const Ground& g, const Ground&) {
  const auto& data = g.seen.data->version;
  const auto software = std::to_string(g.seen.software->version_number / 10000);
  if (g.live == nullptr || g.live_mark("state") == "initializing" || data.empty() || data == software) return {};
  const bool compose = g.server.kind == runtime::Kind::compose;
  return refuse(g.node,
                fmt::format("{} is data of PostgreSQL {}, but {} is PostgreSQL {}", g.host.data, data,
                            compose ? "image " + g.spec.postgres.image : "bin_dir " + g.server.bin_dir, software),
                fmt::format("put back the `{0}` of PostgreSQL {1}: a major upgrade is not done by changing it, but by "
                            "pg_upgrade or, into another cluster, by dump and restore",
                            compose ? "image" : "bin_dir", data));
}

// A role that is there is somebody's: it gets the password of the cluster file, but no rights that it has not. Without
// them every replica would be turned away (postinit.c: InitPostgres; superusers need only the login).
Result<> judge_replicator(const Ground& primary, const Ground&) {
  if (!primary.seen.sql) return {};
  const auto& name = primary.spec.auth.replication_user;
  const auto it = primary.seen.sql->roles.find(name);
  if (it == primary.seen.sql->roles.end()) return {};
  const auto& role = it->second;
  const bool replicates = role.replication || role.superuser;
  if (role.can_login && replicates) return {};
  return refuse(primary.node,
                fmt::format("the role {} exists, but it is {}", name,
                            replicates       ? "NOLOGIN"
                            : role.can_login ? "NOREPLICATION"
                                             : "NOLOGIN and NOREPLICATION"),
                fmt::format("if replicas are to log in by it, run `ALTER ROLE {} LOGIN REPLICATION` on the primary; "
                            "else put another `replication_user` into the file",
                            postgres::quote_identifier(name)));
}

}  // namespace dugong::cluster
