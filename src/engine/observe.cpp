// One observer per subject, all nodes at once. What cannot be learned becomes a Sample with its reason.
#include <algorithm>
#include <thread>

#include "engine/door.h"
#include "engine/engine.h"

namespace dugong::engine {
namespace {

using cluster::Observed;
using cluster::ObservedNode;
using cluster::Sample;

template <class T>
Sample<T> sample(Context& context, Result<T> result) {
  Sample<T> made;
  made.taken_at = context.clock.now();
  if (result)
    made.value = std::move(*result);
  else
    made.error = std::move(result).error();
  return made;
}

// The node's wall clock is read somewhere within the round trip: half of it is the uncertainty.
Result<cluster::Host> look_at_host_once(Context& context, const std::string& name) {
  const auto before = context.clock.wall_ns();
  auto facts = TRY(ask(context, name, node::InspectHost{}, quick));
  const auto after = context.clock.wall_ns();
  const auto middle = before + (after - before) / 2;
  return cluster::Host{.hostname = facts.hostname,
                       .boot_id = facts.boot_id,
                       .dugong_version = facts.version,
                       .wal_client = facts.wal_client,
                       .listening = facts.listening,
                       .addresses = facts.addresses,
                       .memory = facts.memory,
                       .wall_ns = facts.wall_ns,
                       .clock_offset_seconds = static_cast<double>(facts.wall_ns - middle) / 1e9,
                       .clock_uncertainty_seconds = static_cast<double>(after - before) / 2e9};
}

// The first question may have had to open the session; the shortest of three round trips tells most about the clock.
Result<cluster::Host> look_at_host(Context& context, const std::string& name) {
  auto best = TRY(look_at_host_once(context, name));
  for (int again = 0; again < 2; ++again) {
    auto other = TRY(look_at_host_once(context, name));
    if (other.clock_uncertainty_seconds < best.clock_uncertainty_seconds) best = std::move(other);
  }
  return best;
}

Result<postgres::ServerSql> look_at_sql(Context& context, const spec::Node& node) {
  auto sql = TRY(look_at_server(context, node.name));
  const auto& database = context.spec.postgres.database;
  if (std::ranges::find(sql.databases, database) == sql.databases.end()) return sql;
  const auto target = sql_target(context.spec, node, database);
  auto answer = TRY(ask(context, node.name, node::RunSql{target, {{"observe_database", {}}}}, quick));
  if (!answer.connected) return fail(Error{ErrorKind::unreachable, answer.message, node.name, {}, {}});
  TRY(postgres::parse_database(answer.calls.front(), sql));
  return sql;
}

void look_at_files(Context& context, const spec::Node& node, ObservedNode& seen) {
  auto paths = cluster::wanted_files(context.spec, node);
  for (const auto& path : paths) {
    const std::uint64_t limit = cluster::may_hold_much(context.spec, node, path) ? 0 : 1 << 20;
    auto facts = ask(context, node.name, node::ReadFile{path, limit}, quick);
    if (!facts) {
      seen.unread = std::move(facts).error();
      continue;
    }
    seen.files[path] = {.exists = facts->exists,
                        .is_directory = facts->is_directory,
                        .mode = facts->mode,
                        .uid = facts->uid,
                        .gid = facts->gid,
                        .content = facts->content.bytes,
                        .entries = std::move(facts->entries)};
  }
}

void look_at_passwords(Context& context, const spec::Node& node, ObservedNode& seen) {
  if (!seen.sql || seen.sql->in_recovery) return;
  const auto target = sql_target(context.spec, node, "postgres");
  const auto& auth = context.spec.auth;
  const std::pair<std::string, const Secret*> roles[] = {{auth.superuser, &auth.superuser_password},
                                                         {auth.replication_user, &auth.replication_password}};
  for (const auto& [role, password] : roles) {
    if (!seen.sql->roles.contains(role)) continue;
    auto mark = ask(context, node.name, node::RolePasswordMark{target, role, {password->reveal()}}, quick);
    if (mark) seen.password_marks[role] = mark->mark;
  }
}

void look_at_storage(Context& context, const spec::Node& node, ObservedNode& seen) {
  seen.pool = sample(context, ask(context, node.name, zfs::InspectPool{zfs::pool_of(node.prefix)}, quick));
  seen.storage = sample(context, ask(context, node.name, zfs::ListTree{node.prefix}, quick));
}

void look_at_postgres(Context& context, const spec::Node& node, Depth depth, ObservedNode& seen) {
  const runtime::InspectServer question{cluster::server_of(context.spec, node)};
  seen.server = sample(context, ask(context, node.name, question, quick));
  if (seen.server && seen.server->state != runtime::ServerState::running) {
    seen.sql.error = Error{ErrorKind::failed, "PostgreSQL is not running", node.name, {}, {}};
    return;
  }
  seen.sql = sample(context, look_at_sql(context, node));
  // Nobody behind the socket says little while nobody can say whether there is a server.
  if (!seen.sql && !seen.server) seen.sql.error = seen.server.error;
  if (depth == Depth::full) look_at_passwords(context, node, seen);
}

void look_at_directories(Context& context, const spec::Node& node, Depth depth, ObservedNode& seen) {
  const auto server = cluster::server_of(context.spec, node);
  seen.data = sample(context, ask(context, node.name, node::InspectData{server.data}, quick));
  if (depth == Depth::status) return;
  const auto& postgres = context.spec.postgres;
  const runtime::InspectSoftware question{server.kind, postgres.image, postgres.bin_dir, postgres.os_user};
  seen.software = sample(context, ask(context, node.name, question, patient));
  look_at_files(context, node, seen);
}

// Most of a look is waiting for the node's tools: three kinds of questions are asked side by side.
ObservedNode look_at(Context& context, const spec::Node& node, Depth depth) {
  ObservedNode seen{.name = node.name};
  seen.host = sample(context, look_at_host(context, node.name));
  if (!seen.reachable()) return seen;
  {
    const std::jthread storage{[&] { look_at_storage(context, node, seen); }};
    const std::jthread postgres{[&] { look_at_postgres(context, node, depth, seen); }};
    look_at_directories(context, node, depth, seen);
  }
  return seen;
}

}  // namespace

cluster::Observed observe(Context& context, Depth depth) {
  Observed seen;
  seen.nodes.resize(context.spec.nodes.size());
  {
    std::vector<std::jthread> lookers;
    for (std::size_t i = 0; i < context.spec.nodes.size(); ++i)
      lookers.emplace_back([&, i] { seen.nodes[i] = look_at(context, context.spec.nodes[i], depth); });
  }
  seen.taken_at = context.clock.now();
  seen.wall_seconds = context.clock.wall_seconds();
  return seen;
}

}  // namespace dugong::engine
