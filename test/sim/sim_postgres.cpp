// A server's life: what it refuses at its start, when it becomes ready, and how a standby follows its upstream.
#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "base/text.h"
#include "postgres/standby.h"
#include "postgres/wal.h"
#include "test/sim/parts.h"

namespace dugong::sim {
namespace {

using postgres::DbState;

void say(Server& server, const std::string& line) {
  if (server.log.empty() || server.log.back() != line) server.log.push_back(line);
}

Tree& own_tree(State& state, const Server& server) { return *tree_of(state, server); }

std::string identity(const Server& server) { return server.host + ":" + server.data; }

// postmaster.pid of a server that ran somewhere else came with a copy that was not cleaned.
void note_leftovers(State& state, const Server& server, const Tree& tree) {
  auto pid = tree.files.find(inner_join(server.inner, "postmaster.pid"));
  if (pid != tree.files.end() && pid->second.content.find(identity(server)) == std::string::npos)
    state.violate("inherited postmaster.pid: " + identity(server));
  for (const auto& slot : slots_of(tree, server.inner))
    if (slot.made_by != identity(server)) state.violate("inherited slots: " + identity(server) + ": " + slot.name);
}

std::string refusal_of_standby(const Server& server, const Cluster& cluster) {
  const auto mine = hot_standby_settings(server.settings);
  const auto gaps = postgres::hot_standby_gaps(cluster.control.primary_settings, mine);
  if (!gaps.empty())
    return fmt::format(
        "FATAL: recovery aborted because of insufficient parameter settings: {} = {} is a lower setting than on the "
        "primary server, where its value was {}.",
        gaps.front().setting, gaps.front().replica, gaps.front().primary);
  if (cluster.control.state == DbState::in_production && cluster.control.min_recovery.value != 0)
    return "PANIC: WAL contains references to invalid pages";
  return {};
}

// Why postgres ends right after its start; empty: it goes on.
std::string refusal_at_start(State& state, const Server& server, const Loaded& loaded, const Tree& tree) {
  auto cluster = tree.clusters.find(server.inner);
  if (cluster == tree.clusters.end())
    return "postgres: could not find the database system: could not open file \"global/pg_control\": No such file or "
           "directory";
  if (!loaded.errors.empty()) return "FATAL: configuration file contains errors: " + loaded.errors.front().text;
  if (!loaded.rejected.empty())
    return fmt::format("LOG: invalid value for parameter \"{}\" FATAL: configuration file contains errors",
                       loaded.rejected.front().name);
  const auto& root = tree.files.at(server.inner);
  if (root.uid != server.software.uid) return "FATAL: data directory has wrong ownership";
  if ((root.mode & 027U) != 0) return "FATAL: data directory has invalid permissions";
  for (auto& [name, other] : state.hosts.at(server.host).servers) {
    if (&other == &server || !other.running()) continue;
    if (server.kind == runtime::Kind::process && other.dataset == server.dataset && other.inner == server.inner)
      return "FATAL: lock file \"postmaster.pid\" already exists";
    if (value_of(other, "port") == value_of(server, "port") && other.phase != Phase::initdb)
      return fmt::format("FATAL: could not create any TCP/IP sockets: could not bind, port {}: Address already in use",
                         value_of(server, "port"));
  }
  if (static_cast<std::int64_t>(slots_of(tree, server.inner).size()) > number_of(server, "max_replication_slots"))
    return "FATAL: too many replication slots active before shutdown";
  const auto sockets = value_of(server, "unix_socket_directories");
  for (const auto& directory : split(sockets, ',')) {
    const auto on_host = to_host(server, trim(directory));
    if (server.kind == runtime::Kind::process && find(state.hosts.at(server.host), on_host) == nullptr)
      return fmt::format("FATAL: could not create lock file \"{}/.s.PGSQL.{}.lock\": No such file or directory",
                         on_host, value_of(server, "port"));
  }
  return server.in_recovery ? refusal_of_standby(server, cluster->second) : std::string{};
}

void write_pid(Server& server, Tree& tree) {
  Entry pid;
  pid.content = fmt::format("1\n{}\n", identity(server));
  pid.mode = 0600;
  pid.uid = server.software.uid;
  tree.files[inner_join(server.inner, "postmaster.pid")] = pid;
  // Of every start; here only what says something (postmaster.c: CreateOptsFile).
  Entry options = pid;
  options.content = "/usr/local/bin/postgres";
  for (const auto& word : server.command) options.content += " \"" + word + "\"";
  if (!server.command.empty()) tree.files[inner_join(server.inner, "postmaster.opts")] = options;
  if (server.command.empty()) tree.files.erase(inner_join(server.inner, "postmaster.opts"));
}

// ---- following

struct Upstream {
  Server* server = nullptr;
  std::string address;  // as the upstream sees the standby
  std::string refusal;  // why there is no streaming; empty: it streams
};

std::vector<std::string> passfile_fields(std::string_view line) {
  std::vector<std::string> fields{""};
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\' && i + 1 < line.size())
      fields.back() += line[++i];
    else if (line[i] == ':' && fields.size() < 5)
      fields.emplace_back();
    else
      fields.back() += line[i];
  }
  return fields;
}

// fe-connect.c: passwordFromFile; a file that others can read is ignored.
std::string password_from(State& state, const Server& server, const std::map<std::string, std::string>& conninfo) {
  auto inline_password = conninfo.find("password");
  if (inline_password != conninfo.end()) return inline_password->second;
  auto file = conninfo.find("passfile");
  if (file == conninfo.end()) return {};
  const auto path = to_host(server, file->second);
  const auto* entry = path.empty() ? nullptr : find(state.hosts.at(server.host), path);
  if (entry == nullptr || (entry->mode & 077U) != 0 || !readable_by(*entry, server.software.uid, server.software.gid))
    return {};
  const std::array<std::string, 4> wanted = {conninfo.contains("host") ? conninfo.at("host") : "localhost",
                                             conninfo.contains("port") ? conninfo.at("port") : "5432", "replication",
                                             conninfo.contains("user") ? conninfo.at("user") : "postgres"};
  for (auto line : lines(entry->content)) {
    if (line.starts_with('#')) continue;
    const auto fields = passfile_fields(line);
    if (fields.size() < 5) continue;
    bool fits = true;
    for (std::size_t i = 0; i < wanted.size(); ++i) fits = fits && (fields[i] == "*" || fields[i] == wanted[i]);
    if (fits) return fields[4];
  }
  return {};
}

std::string login_refusal(State& state, const Server& server, Server& upstream, const std::string& address,
                          const std::map<std::string, std::string>& conninfo) {
  const auto user = conninfo.contains("user") ? conninfo.at("user") : "postgres";
  std::string method;
  if (!hba_lets_in(upstream, user, address, &method))
    return fmt::format("FATAL: no pg_hba.conf entry for replication connection from host \"{}\", user \"{}\"", address,
                       user);
  auto& roles = cluster_of(state, upstream)->catalog.roles;
  auto role = roles.find(user);
  if (role == roles.end()) return fmt::format("FATAL: password authentication failed for user \"{}\"", user);
  if (method != "trust" && password_from(state, server, conninfo) != role->second.password)
    return fmt::format("FATAL: password authentication failed for user \"{}\"", user);
  if (!role->second.login || (!role->second.replication && !role->second.superuser))
    return "FATAL: must be superuser or replication role to start walsender";
  return {};
}

// walsender.c: StartReplication, and walreceiver.c: WalReceiverMain.
std::string wal_refusal(State& state, Server& upstream, const Cluster& mine, const std::string& slot) {
  const auto& theirs = *cluster_of(state, upstream);
  const auto start = Lsn{mine.insert.value - mine.insert.value % mine.control.wal_segment_size};
  if (theirs.control.system_identifier != mine.control.system_identifier)
    return "FATAL: database system identifier differs between the primary and standby";
  if (theirs.control.timeline < mine.control.timeline)
    return fmt::format("FATAL: highest timeline {} of the primary is behind recovery timeline {}",
                       theirs.control.timeline.value, mine.control.timeline.value);
  for (const auto& fork : theirs.forks)
    if (fork.timeline >= mine.control.timeline && mine.insert > fork.at)
      return fmt::format(
          "FATAL: new timeline forked off current database system timeline {} before current recovery point {}",
          mine.control.timeline.value, to_string(mine.insert));
  if (mine.insert > theirs.insert)
    return fmt::format("ERROR: requested starting point {} is ahead of the WAL flush position of this server {}",
                       to_string(start), to_string(theirs.insert));
  if (start < theirs.wal_begin)
    return fmt::format("ERROR: requested WAL segment {} has already been removed",
                       postgres::wal_segment_name(mine.control.timeline, start, mine.control.wal_segment_size));
  if (slot.empty()) return {};
  const auto slots = slots_of(own_tree(state, upstream), upstream.inner);
  if (std::ranges::find(slots, slot, &SlotRow::name) == slots.end())
    return fmt::format("ERROR: replication slot \"{}\" does not exist", slot);
  return {};
}

bool slot_is_taken(State& state, const Server& me, const Server& upstream, const std::string& slot) {
  for (const auto& [name, host] : state.hosts)
    for (const auto& [key, other] : host.servers)
      if (&other != &me && other.streaming && !slot.empty() && other.slot_name == slot &&
          other.upstream_host == upstream.host && other.upstream_server == upstream.name)
        return true;
  return false;
}

Upstream find_upstream(State& state, Server& server) {
  Upstream out;
  const auto conninfo = parse_conninfo(value_of(server, "primary_conninfo"));
  auto host_name = conninfo.find("host");
  if (host_name == conninfo.end()) return {nullptr, "", "no primary_conninfo"};
  auto& own = state.hosts.at(server.host);
  auto* host = host_with_address(state, own, host_name->second);
  const auto port = parse_u64(conninfo.contains("port") ? conninfo.at("port") : "5432");
  if (host == nullptr || !port || !state.linked(own.name, host->name))
    return {nullptr, "", "could not connect to the primary server: Connection timed out"};
  out.server = listening(*host, static_cast<std::uint16_t>(*port));
  if (out.server == &server || out.server == nullptr || !out.server->ready() || !hears(*out.server, host_name->second))
    return {nullptr, "", "could not connect to the primary server: Connection refused"};
  out.address = host_name->second == "127.0.0.1" ? "127.0.0.1" : own.address;
  out.refusal = login_refusal(state, server, *out.server, out.address, conninfo);
  const auto slot = value_of(server, "primary_slot_name");
  if (out.refusal.empty()) out.refusal = wal_refusal(state, *out.server, *cluster_of(state, server), slot);
  if (out.refusal.empty() && slot_is_taken(state, server, *out.server, slot))
    out.refusal = fmt::format("ERROR: replication slot \"{}\" is active", slot);
  return out;
}

void move_slot(State& state, Server& upstream, const std::string& name, Lsn to) {
  auto& tree = own_tree(state, upstream);
  for (auto slot : slots_of(tree, upstream.inner)) {
    if (slot.name != name || slot.restart_lsn >= to) continue;
    slot.restart_lsn = to;
    write_slot(tree, upstream.inner, slot, upstream.software.uid, upstream.software.gid);
  }
}

// All that the upstream has arrives at once; replay stops where the primary's settings became too large for this one.
void replay(State& state, Server& server, Server& upstream) {
  auto& mine = *cluster_of(state, server);
  const auto& theirs = *cluster_of(state, upstream);
  const auto gaps = postgres::hot_standby_gaps(theirs.control.primary_settings, hot_standby_settings(server.settings));
  server.replay_paused = !gaps.empty();
  if (server.replay_paused)
    return say(server,
               "LOG: recovery has paused: hot standby is not possible because of insufficient parameter settings");
  mine.control.primary_settings = theirs.control.primary_settings;
  mine.insert = theirs.insert;
  mine.forks = theirs.forks;
  mine.catalog = theirs.catalog;
  mine.control.timeline = theirs.control.timeline;
  mine.control.redo = std::max(mine.control.redo, theirs.control.redo);
  mine.control.checkpoint = mine.control.redo;
  mine.control.min_recovery = mine.insert;
  mine.control.min_recovery_timeline = mine.control.timeline;
  server.caught_up = state.now;
}

void follow(State& state, Server& server) {
  auto upstream = find_upstream(state, server);
  server.streaming = upstream.refusal.empty() && upstream.server != nullptr;
  if (!server.streaming) return say(server, upstream.refusal);
  server.upstream_host = upstream.server->host;
  server.upstream_server = upstream.server->name;
  server.sender_address = upstream.address;
  server.slot_name = value_of(server, "primary_slot_name");
  replay(state, server, *upstream.server);
  move_slot(state, *upstream.server, server.slot_name, cluster_of(state, server)->insert);
}

void become_ready(State& state, Server& server) {
  server.phase = Phase::ready;
  auto& control = cluster_of(state, server)->control;
  control.state = server.in_recovery ? DbState::in_archive_recovery : DbState::in_production;
  if (!server.in_recovery) {
    control.primary_settings = hot_standby_settings(server.settings);
    take_checkpoint(state, server);  // StartupXLOG ends with one
  }
  check_two_primaries(state);
}

void begin_temporary(State& state, Server& server) {
  auto& host = state.hosts.at(server.host);
  const auto* password = find(host, to_host(server, server.environment["POSTGRES_PASSWORD_FILE"]));
  const auto superuser =
      server.environment.contains("POSTGRES_USER") ? server.environment["POSTGRES_USER"] : "postgres";
  (void)init_data(state, host, server.data, server.software, superuser,
                  password == nullptr ? "" : std::string{trim(password->content)}, true);
  auto& tree = own_tree(state, server);
  server.settings = load_settings(server, tree).settings;
  server.settings["listen_addresses"] = {"", "command line", "", 0, false};
  server.phase = Phase::temporary;
  server.phase_ends = state.now + state.options.initdb_time;
}

void end_temporary(State& state, Server& server) {
  auto& catalog = cluster_of(state, server)->catalog;
  const auto database = server.environment.contains("POSTGRES_DB") ? server.environment["POSTGRES_DB"] : "postgres";
  catalog.databases[database]["timescaledb"] = "2.19.1";  // the image's own init script
  start_postgres(state, server);
}

void end_of_phase(State& state, Server& server) {
  switch (server.phase) {
    case Phase::initdb:
      return begin_temporary(state, server);
    case Phase::temporary:
      return end_temporary(state, server);
    case Phase::starting:
      return become_ready(state, server);
    case Phase::ready:
      return;
  }
}

}  // namespace

Host* host_with_address(State& state, Host& from, const std::string& address) {
  if (address == "127.0.0.1" || address == "localhost") return &from;
  for (auto& [name, host] : state.hosts)
    if (host.address == address || host.name == address) return &host;
  return nullptr;
}

// The mount that it started on, even when something else was put over the path since.
Tree* tree_of(State& state, const Server& server) {
  auto& host = state.hosts.at(server.host);
  Place place{&host, nullptr, server.inner};
  if (!server.dataset.empty()) {
    place.dataset = dataset_at(host, server.dataset);
    if (place.dataset == nullptr) return nullptr;
  }
  return &edit(place);
}

Cluster* cluster_of(State& state, const Server& server) {
  auto* tree = tree_of(state, server);
  if (tree == nullptr) return nullptr;
  auto it = tree->clusters.find(server.inner);
  return it == tree->clusters.end() ? nullptr : &it->second;
}

void start_postgres(State& state, Server& server) {
  auto& tree = own_tree(state, server);
  auto loaded = load_settings(server, tree);
  server.settings = loaded.settings;
  server.conf_errors = loaded.errors;
  server.in_recovery = tree.files.contains(inner_join(server.inner, "standby.signal"));
  server.phase = Phase::starting;
  server.phase_ends = state.now + state.options.start_time;
  auto refusal = refusal_at_start(state, server, loaded, tree);
  if (!refusal.empty()) return end_server(state, server, 1, refusal);
  note_leftovers(state, server, tree);
  write_pid(server, tree);
  reload(server, tree);
  server.conf_loaded = state.now;
  check_two_primaries(state);
}

void stop_postgres(State& state, Server& server) {
  auto* cluster = cluster_of(state, server);
  if (cluster != nullptr && server.phase == Phase::ready) {
    if (!server.in_recovery) take_checkpoint(state, server);
    cluster->control.state = server.in_recovery ? DbState::shutdowned_in_recovery : DbState::shutdowned;
  }
  end_server(state, server, 0, "LOG: database system is shut down");
}

void promote(State& state, Server& server) {
  auto* tree = tree_of(state, server);
  auto& cluster = *cluster_of(state, server);
  cluster.forks.push_back({cluster.control.timeline, cluster.insert});
  ++cluster.control.timeline.value;
  cluster.control.state = DbState::in_production;
  cluster.control.min_recovery = cluster.insert;  // until the next checkpoint completes
  tree->files.erase(inner_join(server.inner, "standby.signal"));
  server.in_recovery = false;
  server.streaming = false;
  server.last_checkpoint = state.now;
  server.running_checkpoint.reset();
  cluster.control.primary_settings = hot_standby_settings(server.settings);
  check_two_primaries(state);
}

void check_two_primaries(State& state) {
  std::map<SystemId, std::string> seen;
  for (auto& [host_name, host] : state.hosts) {
    for (auto& [name, server] : host.servers) {
      if (!server.running() || server.in_recovery || server.phase == Phase::initdb) continue;
      const auto* cluster = cluster_of(state, server);
      if (cluster == nullptr) continue;
      auto [it, is_first] = seen.try_emplace(cluster->control.system_identifier, identity(server));
      if (!is_first) state.violate("two primaries: " + it->second + " and " + identity(server));
    }
  }
}

void tick_server(State& state, Server& server, Millis elapsed) {
  if (tree_of(state, server) == nullptr || (server.phase != Phase::initdb && cluster_of(state, server) == nullptr)) {
    state.violate("data directory taken from under a server: " + identity(server));
    return crash(server);
  }
  if (server.phase != Phase::ready) {
    if (state.now >= server.phase_ends) end_of_phase(state, server);
    return;
  }
  if (server.in_recovery) follow(state, server);
  if (!server.in_recovery && state.options.write_load != 0)
    write_wal(state, server, state.options.write_load * static_cast<Bytes>(elapsed.count()) / 1000);
  tick_wal(state, server);
}

}  // namespace dugong::sim
