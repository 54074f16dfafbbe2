// Named queries that change something, and the door they come through: a socket, a password, a database.
#include <algorithm>
#include <fmt/format.h>

#include "base/text.h"
#include "postgres/query_tables.h"
#include "postgres/wal.h"
#include "test/sim/sim_sql.h"

namespace dugong::sim {
namespace {

using postgres::StatementResult;
using Results = std::vector<StatementResult>;

constexpr Bytes small_change = 0x200;

// ---- the door

struct Door {
  Server* server = nullptr;
  std::string sqlstate;
  std::string message;
};

bool has_socket(const Server& server, const std::string& directory) {
  const auto all = value_of(server, "unix_socket_directories");
  return std::ranges::any_of(split(all, ','),
                             [&](std::string_view one) { return to_host(server, trim(one)) == directory; });
}

// As the node's own door does it: the only socket of a directory is taken whatever its port.
Server* behind_socket(Host& host, const node::SqlTarget& target) {
  std::vector<Server*> all;
  for (auto& [name, server] : host.servers)
    if (server.running() && server.phase != Phase::initdb && has_socket(server, target.socket_dir))
      all.push_back(&server);
  if (all.size() == 1) return all.front();
  const auto it = std::ranges::find_if(all, [&](auto* server) { return number_of(*server, "port") == target.port; });
  return it == all.end() ? nullptr : *it;
}

Result<Door> open_door(State& state, Host& host, const node::SqlTarget& target) {
  const auto* password = find(host, target.password_file);
  if (password == nullptr) return fail(ErrorKind::failed, target.password_file + ": No such file or directory");
  auto* server = behind_socket(host, target);
  if (server == nullptr)
    return Door{nullptr, "08001",
                fmt::format("connection to server on socket \"{}/.s.PGSQL.{}\" failed: No such file or directory",
                            target.socket_dir, target.port)};
  if (server->phase == Phase::starting) return Door{nullptr, "57P03", "FATAL: the database system is starting up"};
  auto& catalog = cluster_of(state, *server)->catalog;
  auto role = catalog.roles.find(target.user);
  if (role == catalog.roles.end() || role->second.password != trim(password->content))
    return Door{nullptr, "28P01", fmt::format("FATAL: password authentication failed for user \"{}\"", target.user)};
  if (!role->second.login)
    return Door{nullptr, "28000", fmt::format("FATAL: role \"{}\" is not permitted to log in", target.user)};
  if (!catalog.databases.contains(target.database))
    return Door{nullptr, "3D000", fmt::format("FATAL: database \"{}\" does not exist", target.database)};
  return Door{server, "", ""};
}

Result<Server*> must_open(State& state, Host& host, const node::SqlTarget& target) {
  auto door = TRY(open_door(state, host, target));
  if (door.server == nullptr)
    return fail(ErrorKind::unreachable, fmt::format("PostgreSQL: {} ({})", door.message, door.sqlstate));
  return door.server;
}

Session session_of(State& state, Server& server, std::string database) {
  auto& tree = *tree_of(state, server);
  return {state, server, tree, tree.clusters.at(server.inner), std::move(database)};
}

// ---- changes

StatementResult refused_in_recovery(std::string_view command) {
  return failed("25006", fmt::format("cannot execute {} in a read-only transaction", command));
}

// A change that a client sees as done: on a second primary it is a write that nobody should have accepted.
void accept_write(Session& session) {
  write_wal(session.state, session.server, small_change);
  for (auto& [host_name, host] : session.state.hosts) {
    for (auto& [name, other] : host.servers) {
      if (&other == &session.server || !other.running() || other.in_recovery) continue;
      const auto* cluster = cluster_of(session.state, other);
      if (cluster != nullptr && cluster->control.system_identifier == session.cluster.control.system_identifier)
        session.state.violate("write accepted by replica: one of " + session.server.host + " and " + other.host);
    }
  }
}

StatementResult create_database(Session& session, const std::string& name) {
  if (session.server.in_recovery) return refused_in_recovery("CREATE DATABASE");
  auto& databases = session.cluster.catalog.databases;
  if (databases.contains(name)) return failed("42P04", fmt::format("database \"{}\" already exists", name));
  databases[name] = databases["template1"];
  accept_write(session);
  return {};
}

StatementResult create_extension(Session& session, const std::string& name) {
  if (session.server.in_recovery) return refused_in_recovery("CREATE EXTENSION");
  auto& installed = session.cluster.catalog.databases[session.database];
  if (installed.contains(name)) return {};
  const auto offered = session.state.options.extensions.find(name);
  if (offered == session.state.options.extensions.end())
    return failed("0A000", fmt::format("extension \"{}\" is not available", name));
  if (name == "timescaledb" && value_of(session.server, "shared_preload_libraries").find(name) == std::string::npos)
    return failed("58P01", "extension \"timescaledb\" must be preloaded");
  installed[name] = offered->second;
  accept_write(session);
  return {};
}

StatementResult create_role(Session& session, const std::string& name) {
  if (session.server.in_recovery) return refused_in_recovery("CREATE ROLE");
  RoleRow role;
  role.replication = true;
  if (!session.cluster.catalog.roles.try_emplace(name, role).second)
    return failed("42710", fmt::format("role \"{}\" already exists", name));
  accept_write(session);
  return {};
}

Results create_slot(Session& session, const std::string& name) {
  const auto existing = slots_of(session.tree, session.server.inner);
  auto made = table({"slot_name", "lsn"}, {});
  auto it = std::ranges::find(existing, name, &SlotRow::name);
  // slot.c: ReplicationSlotReserveWal
  SlotRow slot{name, redo_pointer(session.server, session.cluster), session.server.host + ":" + session.server.data};
  if (it != existing.end()) {
    slot = *it;
  } else if (static_cast<std::int64_t>(existing.size()) >= number_of(session.server, "max_replication_slots")) {
    made = failed("53400", "all replication slots are in use");
    return {made, table({"slot_name", "slot_type", "active", "restart_lsn", "wal_status"}, {})};
  } else {
    write_slot(session.tree, session.server.inner, slot, session.server.software.uid, session.server.software.gid);
    made.rows.push_back({name, to_string(slot.restart_lsn)});
  }
  auto row = slot_columns(session, slot);
  row.pop_back();
  return {made, table({"slot_name", "slot_type", "active", "restart_lsn", "wal_status"}, {row})};
}

StatementResult drop_slot(Session& session, const std::string& name) {
  auto out = table({"slot_name", "pg_drop_replication_slot"}, {});
  for (const auto& slot : slots_of(session.tree, session.server.inner)) {
    if (slot.name != name) continue;
    if (slot_columns(session, slot)[2] == "t")
      return failed("55006", fmt::format("replication slot \"{}\" is active for PID 4711", name));
    const auto path = inner_join(session.server.inner, "pg_replslot") + "/" + name;
    remove_below(session.tree, path);
    session.tree.files.erase(path);
    out.rows.push_back({name, ""});
  }
  return out;
}

Results switch_wal(Session& session) {
  if (session.server.in_recovery)
    return {failed("55000", "recovery is in progress"), failed("55000", "recovery is in progress")};
  accept_write(session);
  switch_segment(session.state, session.server);
  const auto& control = session.cluster.control;
  const Lsn last{session.cluster.insert.value - 1};
  return {table({"pg_logical_emit_message"}, {{to_string(last)}}),
          table({"finished"}, {{postgres::wal_segment_name(control.timeline, last, control.wal_segment_size)}})};
}

// ---- verify

Results verify_read_only(Session& session) {
  const bool standby = session.server.in_recovery;
  if (!standby) session.state.violate("verify_read_only asked of a primary: " + session.server.host);
  const auto refused = failed("25006", "cannot execute in a read-only transaction");
  Results out = {failed("0A000", "cannot set transaction read-write mode during recovery"), StatementResult{},
                 failed("0A000", "cannot set transaction read-write mode during recovery")};
  for (int i = 0; i < 7; ++i) out.push_back(refused);
  return standby ? out : Results(out.size());
}

Results verify_write(Session& session, const std::vector<std::string>& parameters) {
  if (session.server.in_recovery) return {refused_in_recovery("INSERT"), failed("55000", "recovery is in progress")};
  session.cluster.catalog.probes[parameters[0]] = parameters[1];
  accept_write(session);
  return {table({"token", "written_at"}, {{parameters[0], "1790000000.0"}}),
          table({"lsn"}, {{to_string(session.cluster.insert)}})};
}

StatementResult verify_read(Session& session, const std::string& token) {
  auto out = table({"token", "node", "written_at", "age_seconds"}, {});
  auto it = session.cluster.catalog.probes.find(token);
  if (it != session.cluster.catalog.probes.end()) out.rows.push_back({token, it->second, "1790000000.0", "0.5"});
  return out;
}

std::optional<Results> verifying(Session& session, const node::SqlCall& call) {
  if (call.query == "verify_read_only") return verify_read_only(session);
  if (call.query == "verify_write") return verify_write(session, call.parameters);
  if (call.query == "verify_read") return Results{verify_read(session, call.parameters[0])};
  if (call.query == "verify_hypertables") return Results{table({"hypertable_schema", "hypertable_name"}, {})};
  if (call.query == "verify_chunks")
    return Results{table({"hypertable_schema", "hypertable_name", "chunk_schema", "chunk_name", "bytes"}, {})};
  if (call.query == "verify_content")
    return Results{table({"set_config"}, {}), table({"rows", "sum", "xor"}, {{"0", "0", "0"}})};
  if (!call.query.starts_with("verify_prepare")) return std::nullopt;
  const auto* query = postgres::find_query(call.query);
  Results out(query->statements.size() - 3);  // without those that prepare the session
  if (session.server.in_recovery) std::ranges::fill(out, refused_in_recovery("CREATE SCHEMA"));
  if (!session.server.in_recovery) accept_write(session);
  return out;
}

// ---- one call

Results with_preludes(const postgres::NamedQuery& query, Results answers) {
  Results out;
  auto next = answers.begin();
  for (const auto& statement : query.statements) {
    if (statement == postgres::own_session) {
      out.push_back(table({"set_config", "set_config"}, {{"pg_catalog", "on"}}));
    } else if (statement == postgres::allow_writes || statement == postgres::flush_at_commit) {
      out.emplace_back();
    } else if (next != answers.end()) {
      out.push_back(std::move(*next++));
    }
  }
  return out;
}

Result<Results> run_call(Session& session, const node::SqlCall& call) {
  const auto* query = postgres::find_query(call.query);
  if (query == nullptr || query->asker == postgres::Asker::node) {
    session.state.violate("unknown query: " + call.query);
    return fail(ErrorKind::conflict, "this node does not know the query \"" + call.query + "\"");
  }
  if (query->parameters != call.parameters.size())
    return fail(ErrorKind::invalid, fmt::format("{} takes {} parameters", call.query, query->parameters));
  auto answers = observing(session, call.query);
  if (!answers) answers = changing(session, call);
  if (!answers) answers = verifying(session, call);
  if (!answers) {
    session.state.violate("query without a meaning in the simulated world: " + call.query);
    return fail(ErrorKind::failed, call.query + " is not simulated");
  }
  return with_preludes(*query, std::move(*answers));
}

}  // namespace

std::optional<Results> changing(Session& session, const node::SqlCall& call) {
  const auto& query = call.query;
  if (query == "checkpoint") {
    take_checkpoint(session.state, session.server);
    return Results{StatementResult{}};
  }
  if (query == "reload") {
    reload(session.server, session.tree);
    session.server.conf_loaded = session.state.now;
    return Results{table({"reloaded"}, {{"t"}})};
  }
  if (query == "create_slot") return create_slot(session, call.parameters[0]);
  if (query == "drop_slot") return Results{drop_slot(session, call.parameters[0])};
  if (query == "switch_wal") return switch_wal(session);
  if (query == "create_database") return Results{create_database(session, call.parameters[0])};
  if (query == "create_extension") return Results{create_extension(session, call.parameters[0])};
  if (query == "create_replication_role") return Results{create_role(session, call.parameters[0])};
  return std::nullopt;
}

Replied answer(State& state, Host& host, const node::RunSql& request) {
  node::RunSql::Answer out;
  auto door = TRY(open_door(state, host, request.target));
  out.sqlstate = door.sqlstate;
  out.message = door.message;
  if (door.server == nullptr) return out;
  out.connected = true;
  for (const auto& call : request.calls) {
    auto session = session_of(state, *door.server, request.target.database);
    out.calls.push_back(TRY(run_call(session, call)));
  }
  return out;
}

Replied answer(State& state, Host& host, const node::SetRolePassword& request) {
  auto* server = TRY(must_open(state, host, request.target));
  auto session = session_of(state, *server, request.target.database);
  if (request.password.bytes.empty()) return fail(ErrorKind::invalid, "the password of " + request.role + " is empty");
  auto& roles = session.cluster.catalog.roles;
  if (!roles.contains(request.role)) {
    if (!request.replication)
      return fail(ErrorKind::conflict, fmt::format("the role \"{}\" does not exist", request.role));
    auto made = create_role(session, request.role);
    if (!made.ok()) return fail(ErrorKind::failed, "create_replication_role: " + made.message);
  }
  if (server->in_recovery)
    return fail(ErrorKind::failed, "set_verifier: cannot execute ALTER ROLE in a read-only transaction (25006)");
  auto& role = roles.at(request.role);
  role.password = request.password.bytes;
  role.verifier = fmt::format("SCRAM-{:016x}", state.random());
  accept_write(session);
  return Done{};
}

Replied answer(State& state, Host& host, const node::RolePasswordMark& request) {
  auto* server = TRY(must_open(state, host, request.target));
  const auto& roles = cluster_of(state, *server)->catalog.roles;
  auto role = roles.find(request.role);
  node::RolePasswordMark::Answer out;
  if (role != roles.end() && !role->second.verifier.empty())
    out.mark = digest(role->second.verifier + "/" + request.password.bytes);
  return out;
}

Replied answer(State& state, Host& host, const node::ProbeLogin& request) {
  auto* other = host_with_address(state, host, request.to_address);
  const bool reaches = other != nullptr && state.linked(host.name, other->name);
  if (!reaches)
    return fail(ErrorKind::timed_out,
                fmt::format("connect to {}:{}: no answer in time", request.to_address, request.port));
  auto* server = reaches ? listening(*other, request.port) : nullptr;
  if (server == nullptr || !hears(*server, request.to_address))
    return fail(ErrorKind::unreachable,
                fmt::format("{} port {}: Connection refused", request.to_address, request.port));
  postgres::LoginAnswer out;
  std::string method;
  const auto from = request.from_address.empty() ? host.address : request.from_address;
  if (!server->ready()) {
    out.sqlstate = "57P03";
    out.message = "the database system is starting up";
  } else if (!hba_lets_in(*server, request.user, from, &method)) {
    out.sqlstate = "28000";
    out.message = fmt::format("no pg_hba.conf entry for replication connection from host \"{}\", user \"{}\"", from,
                              request.user);
  } else {
    out.asked_for_password = method != "trust";
  }
  return out;
}

// Without a password file this world has no way to know the password: who may come in, pg_hba.conf says alone.
Replied answer(State& state, Host& host, const node::AskPeer& request) {
  const auto login = answer(state, host, node::ProbeLogin{{}, request.address, request.port, request.user});
  if (!login) return postgres::PeerFacts{.why_not = login.error().what};
  const auto& said = std::get<postgres::LoginAnswer>(*login);
  if (!said.sqlstate.empty()) return postgres::PeerFacts{.why_not = said.message + " (" + said.sqlstate + ")"};
  auto* server = listening(*host_with_address(state, host, request.address), request.port);
  const auto& control = cluster_of(state, *server)->control;
  return postgres::PeerFacts{.answered = true,
                             .system_identifier = control.system_identifier,
                             .timeline = control.timeline,
                             .in_recovery = server->in_recovery};
}

}  // namespace dugong::sim
