// One observer per subject, all nodes at once. What cannot be learned becomes a Sample with its reason.
#include <algorithm>
#include <iterator>
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
Result<cluster::Host> look_at_host_once(Context& context, const std::string& name, bool whole) {
  TRY(context.fleet.node(name));  // a session that has yet to be opened is no part of the round trip
  const auto before = context.clock.wall_ns();
  auto facts = TRY(ask(context, name, node::InspectHost{whole}, quick));
  const auto after = context.clock.wall_ns();
  const auto middle = before + (after - before) / 2;
  return cluster::Host{.hostname = facts.hostname,
                       .boot_id = facts.boot_id,
                       .dugong_version = facts.version,
                       .wal_client = facts.wal_client,
                       .listening = facts.listening,
                       .addresses = facts.addresses,
                       .memory = facts.memory,
                       .huge_page = facts.huge_page,
                       .huge_pages = facts.huge_pages,
                       .huge_pages_free = facts.huge_pages_free,
                       .registered = facts.registered,
                       .wall_ns = facts.wall_ns,
                       .clock_offset_seconds = static_cast<double>(facts.wall_ns - middle) / 1e9,
                       .clock_uncertainty_seconds = static_cast<double>(after - before) / 2e9};
}

// The shortest of three round trips tells most about the clock; one that was short is enough.
Result<cluster::Host> look_at_host(Context& context, const std::string& name, Depth depth) {
  constexpr double sure_enough = 0.025;
  auto host = TRY(look_at_host_once(context, name, depth == Depth::full));
  for (int again = 0; again < 2 && host.clock_uncertainty_seconds > sure_enough; ++again) {
    const auto other = TRY(look_at_host_once(context, name, false));
    if (other.clock_uncertainty_seconds >= host.clock_uncertainty_seconds) continue;
    host.wall_ns = other.wall_ns;
    host.clock_offset_seconds = other.clock_offset_seconds;
    host.clock_uncertainty_seconds = other.clock_uncertainty_seconds;
  }
  return host;
}

Result<postgres::ServerSql> look_at_sql(Context& context, const spec::Node& node, Depth depth) {
  auto sql = TRY(look_at_server(context, node.name));
  if (depth == Depth::status) return sql;
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

Result<std::vector<zfs::Dataset>> list_storage(Context& context, const spec::Node& node) {
  auto all = TRY(ask(context, node.name, zfs::ListTree{node.prefix}, quick));
  if (node.adopt.empty()) return all;
  auto adopted = TRY(ask(context, node.name, zfs::ListTree{node.adopt}, quick));
  std::ranges::move(adopted, std::back_inserter(all));
  return all;
}

void look_at_storage(Context& context, const spec::Node& node, ObservedNode& seen) {
  const std::jthread pool{[&] {
    seen.pool = sample(context, ask(context, node.name, zfs::InspectPool{zfs::pool_of(node.prefix)}, quick));
  }};
  seen.storage = sample(context, list_storage(context, node));
}

// For the line that the file lacks: PGDATA is the root of a dataset, or a directory in it.
void look_for_databases(Context& context, const spec::Node& node, ObservedNode& seen) {
  constexpr std::uint64_t names = 1 << 12;
  if (node.adopt.empty() || !seen.storage || !seen.data || !seen.data->version.empty()) return;
  const auto* dataset = cluster::find_dataset(*seen.storage, node.adopt);
  if (dataset == nullptr || !dataset->mounted || !dataset->mountpoint.starts_with('/')) return;
  const auto has_version = [&](const std::string& directory) {
    const auto file = ask(context, node.name, node::ReadFile{directory + "/PG_VERSION", 0}, quick);
    return file && file->exists && !file->is_directory;
  };
  if (has_version(dataset->mountpoint)) seen.databases_elsewhere.push_back(dataset->mountpoint);
  const auto root = ask(context, node.name, node::ReadFile{dataset->mountpoint, names}, quick);
  if (!root) return;
  for (const auto& entry : root->entries)
    if (has_version(dataset->mountpoint + "/" + entry))
      seen.databases_elsewhere.push_back(dataset->mountpoint + "/" + entry);
}

bool is_stopped(const ObservedNode& seen) { return seen.server && seen.server->state != runtime::ServerState::running; }

// Whether there is a server, and what it says, at the same time. One that is not running is not waited for: a paused
// one takes the connection and never answers.
void look_at_server_and_sql(Context& context, const spec::Node& node, Depth depth, ObservedNode& seen) {
  std::stop_source enough;
  const std::stop_callback forward{context.stop, [&] { enough.request_stop(); }};
  const std::jthread server{[&] {
    const runtime::InspectServer question{cluster::server_of(context.spec, node)};
    seen.server = sample(context, ask(context, node.name, question, quick));
    if (is_stopped(seen)) enough.request_stop();
  }};
  Context with_end = context;
  with_end.stop = enough.get_token();
  seen.sql = sample(context, look_at_sql(with_end, node, depth));
}

void look_at_postgres(Context& context, const spec::Node& node, Depth depth, ObservedNode& seen) {
  look_at_server_and_sql(context, node, depth, seen);
  if (is_stopped(seen)) {
    seen.sql.value.reset();
    seen.sql.error = Error{ErrorKind::failed, "PostgreSQL is not running", node.name, {}, {}};
    return;
  }
  // Nobody behind the socket says little while nobody can say whether there is a server.
  if (!seen.sql && !seen.server) seen.sql.error = seen.server.error;
  if (depth == Depth::full) look_at_passwords(context, node, seen);
}

void look_at_directories(Context& context, const spec::Node& node, Depth depth, ObservedNode& seen) {
  const auto server = cluster::server_of(context.spec, node);
  seen.data = sample(context, ask(context, node.name, node::InspectData{server.data}, quick));
  if (depth != Depth::full) return;
  const auto& postgres = context.spec.postgres;
  const runtime::InspectSoftware question{server.kind, postgres.image, postgres.bin_dir, postgres.os_user};
  seen.software = sample(context, ask(context, node.name, question, patient));
  look_at_files(context, node, seen);
}

// Most of a look is waiting for the node's tools: three kinds of questions are asked side by side.
ObservedNode look_at(Context& context, const spec::Node& node, Depth depth) {
  ObservedNode seen{.name = node.name};
  seen.host = sample(context, look_at_host(context, node.name, depth));
  if (!seen.reachable()) return seen;
  {
    const std::jthread storage{[&] { look_at_storage(context, node, seen); }};
    const std::jthread postgres{[&] { look_at_postgres(context, node, depth, seen); }};
    look_at_directories(context, node, depth, seen);
  }
  if (depth == Depth::full) look_for_databases(context, node, seen);
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
