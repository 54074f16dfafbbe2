// Named queries: who may connect, and what a server answers about itself in the columns of queries_observe.cpp.
#include "test/sim/sim_sql.h"

#include <algorithm>
#include <fmt/format.h>
#include <set>

#include "base/text.h"
#include "postgres/hba.h"
#include "postgres/query_tables.h"
#include "test/sim/parts.h"

namespace dugong::sim {
namespace {

using postgres::Row;
using postgres::StatementResult;

constexpr double epoch = 1'790'000'000;

std::string boolean(bool value) { return value ? "t" : "f"; }
std::string seconds(Millis at) { return fmt::format("{:.3f}", epoch + static_cast<double>(at.count()) / 1000); }

std::string array_of(const std::vector<std::string>& items) {
  std::string out = "{";
  for (const auto& item : items) out += (out.size() > 1 ? "," : "") + ("\"" + item + "\"");
  return out + "}";
}

std::optional<std::string> maybe(std::string text) {
  return text.empty() ? std::nullopt : std::optional{std::move(text)};
}

StatementResult described(Session& session) {
  const auto& server = session.server;
  const auto& control = session.cluster.control;
  const bool standby = server.in_recovery;
  const auto insert = to_string(session.cluster.insert);
  const auto age = static_cast<double>((session.state.now - server.caught_up).count()) / 1000;
  const bool has_received = standby && !server.upstream_host.empty();
  // Set to the beginning of a segment when a standby first asks, whatever the answer is (walreceiverfuncs.c:
  // RequestXLogStreaming).
  const auto start = session.cluster.insert.value - session.cluster.insert.value % control.wal_segment_size;
  const auto received = has_received ? insert : to_string(Lsn{start});
  return table(
      {"in_recovery", "accepts_clients", "version_number", "system_identifier", "timeline", "lsn", "insert_lsn",
       "received", "streaming", "sender_host", "replay_paused", "replay_age_seconds", "postmaster_start",
       "conf_loaded_ns", "default_read_only", "wal_segment_size", "max_slot_wal_keep_size", "last_restartpoint_redo"},
      {{boolean(standby), boolean(!value_of(server, "listen_addresses").empty()),
        std::to_string(server.software.version_number),
        std::to_string(static_cast<std::int64_t>(control.system_identifier.value)),
        std::to_string(control.timeline.value), insert, standby ? std::nullopt : std::optional{insert},
        standby ? std::optional{received} : std::nullopt, boolean(server.streaming),
        server.streaming ? maybe(upstream_host_text(server)) : std::nullopt, boolean(server.replay_paused),
        has_received ? std::optional{fmt::format("{:.3f}", age)} : std::nullopt, seconds(server.started),
        std::to_string(std::chrono::nanoseconds{server.conf_loaded}.count()),
        boolean(value_of(server, "default_transaction_read_only") == "on"), std::to_string(control.wal_segment_size),
        value_of(server, "max_slot_wal_keep_size"), to_string(control.redo)}});
}

StatementResult senders(Session& session) {
  std::vector<Row> rows;
  for (const auto& [host_name, host] : session.state.hosts) {
    for (const auto& [name, other] : host.servers) {
      if (!other.ready() || !other.streaming || other.upstream_host != session.server.host ||
          other.upstream_server != session.server.name)
        continue;
      const auto lsn = to_string(session.cluster.insert);
      const auto replayed = other.replay_paused ? "0/0" : lsn;
      rows.push_back({application_name(other), other.sender_address, "streaming", lsn, lsn, lsn, replayed});
    }
  }
  return table({"sender_name", "client_addr", "state", "sent_lsn", "write_lsn", "flush_lsn", "replay_lsn"}, rows);
}

StatementResult slots(Session& session) {
  std::vector<Row> rows;
  for (const auto& slot : slots_of(session.tree, session.server.inner)) rows.push_back(slot_columns(session, slot));
  return table({"slot_name", "slot_type", "active", "restart_lsn", "wal_status", "safe_wal_size"}, rows);
}

// The same choice of rows as the statement makes: what was never set is not shown, whatever waits for a restart.
StatementResult settings(Session& session) {
  static const std::set<std::string, std::less<>> always = {"max_connections",
                                                            "max_worker_processes",
                                                            "max_wal_senders",
                                                            "max_prepared_transactions",
                                                            "max_locks_per_transaction",
                                                            "wal_level",
                                                            "wal_log_hints",
                                                            "wal_keep_size",
                                                            "archive_mode",
                                                            "archive_command",
                                                            "full_page_writes",
                                                            "fsync",
                                                            "synchronous_commit",
                                                            "synchronous_standby_names",
                                                            "hot_standby",
                                                            "data_directory",
                                                            "config_file",
                                                            "hba_file",
                                                            "ident_file",
                                                            "shared_preload_libraries",
                                                            "primary_conninfo",
                                                            "primary_slot_name",
                                                            "restore_command"};
  static const bool shows_pending = find_in_query("observe", "OR pending_restart");
  std::vector<Row> rows;
  for (const auto& [name, shown] : session.server.settings) {
    const bool set = shown.source != "default" && shown.source != "override";
    const bool shown_anyway = always.contains(name) || needs_restart(name);
    if (!set && !shown_anyway && !(shows_pending && shown.pending_restart)) continue;
    const bool file = !shown.source_file.empty();
    rows.push_back({name, shown.value, shown.source, maybe(shown.source_file),
                    file ? std::optional{std::to_string(shown.source_line)} : std::nullopt,
                    boolean(shown.pending_restart), boolean(needs_restart(name))});
  }
  return table({"setting_name", "setting", "source", "sourcefile", "sourceline", "pending_restart", "at_start_only"},
               rows);
}

// pg_file_settings reads the files anew. What only a restart can change or take out is left out by the query: it knows
// that by the mark of the setting, or takes every error of such a setting for that.
StatementResult conf_errors(Session& session) {
  static const bool asks_for_mark = find_in_query("observe", "s.pending_restart");
  const auto loaded = load_settings(session.server, session.tree);
  auto errors = loaded.errors;
  if (errors.empty()) errors = loaded.rejected;
  std::erase_if(errors, [&](const ConfError& error) {
    const auto shown = session.server.settings.find(error.name);
    const bool waits = shown != session.server.settings.end() && shown->second.pending_restart;
    return needs_restart(error.name) && (waits || !asks_for_mark);
  });
  std::vector<Row> rows;
  for (const auto& error : errors)
    rows.push_back({error.text, maybe(error.file),
                    error.line == 0 ? std::nullopt : std::optional{std::to_string(error.line)}, maybe(error.name)});
  return table({"conf_error", "sourcefile", "sourceline", "name"}, rows);
}

StatementResult hba(Session& session) {
  std::vector<Row> rows;
  auto file = session.tree.files.find(inner_join(session.server.inner, "pg_hba.conf"));
  auto rules = postgres::parse_hba(file == session.tree.files.end() ? "" : file->second.content);
  if (!rules) return failed("F0000", rules.error().what);
  for (const auto& rule : *rules)
    rows.push_back({std::to_string(rule.line), rule.type, array_of(rule.databases), array_of(rule.users),
                    maybe(rule.address), maybe(rule.netmask), rule.method, maybe(rule.error)});
  return table({"hba_line", "type", "database", "user_name", "address", "netmask", "auth_method", "error"}, rows);
}

StatementResult roles(Session& session) {
  std::vector<Row> rows;
  for (const auto& [name, role] : session.cluster.catalog.roles)
    rows.push_back({name, boolean(role.login), boolean(role.replication), boolean(role.superuser),
                    boolean(!role.verifier.empty())});
  return table({"role_name", "rolcanlogin", "rolreplication", "rolsuper", "has_password"}, rows);
}

StatementResult databases(Session& session) {
  std::vector<Row> rows;
  for (const auto& [name, extensions] : session.cluster.catalog.databases)
    if (!name.starts_with("template")) rows.push_back({name});
  return table({"database_name"}, rows);
}

StatementResult archiver(Session& session) {
  const auto& server = session.server;
  return table({"archived_count", "last_archived_wal", "failed_count", "last_failed_wal", "archiving_fails"},
               {{std::to_string(server.archived_count), maybe(server.last_archived),
                 std::to_string(server.failed_count), maybe(server.last_failed), boolean(server.archiving_fails)}});
}

StatementResult available(Session& session) {
  std::vector<Row> rows;
  for (const auto& [name, version] : session.state.options.extensions) rows.push_back({name, version});
  return table({"available_extension", "version"}, rows);
}

StatementResult installed(Session& session) {
  std::vector<Row> rows;
  for (const auto& [name, version] : session.cluster.catalog.databases[session.database])
    rows.push_back({name, version});
  return table({"installed_extension", "extversion"}, rows);
}

StatementResult hot_standby(Session& session) {
  std::vector<Row> rows;
  for (const auto* name : {"max_connections", "max_locks_per_transaction", "max_prepared_transactions",
                           "max_wal_senders", "max_worker_processes"})
    rows.push_back({name, value_of(session.server, name)});
  return table({"name", "setting"}, rows);
}

StatementResult positions(Session& session, const std::vector<std::string>& columns, bool on_standby) {
  if (session.server.in_recovery != on_standby && !on_standby) return failed("55000", "recovery is in progress");
  const auto lsn = to_string(session.cluster.insert);
  Row row;
  for (std::size_t i = 0; i < columns.size(); ++i)
    row.push_back(session.server.in_recovery == on_standby ? std::optional{lsn} : std::nullopt);
  return table(columns, {row});
}

}  // namespace

StatementResult table(std::vector<std::string> columns, std::vector<Row> rows) {
  StatementResult out;
  out.columns = std::move(columns);
  out.rows = std::move(rows);
  return out;
}

StatementResult failed(std::string sqlstate, std::string message) {
  StatementResult out;
  out.sqlstate = std::move(sqlstate);
  out.message = std::move(message);
  return out;
}

bool find_in_query(std::string_view query, std::string_view text) {
  const auto* named = postgres::find_query(query);
  return named != nullptr && std::ranges::any_of(named->statements, [&](std::string_view statement) {
           return statement.find(text) != std::string_view::npos;
         });
}

std::string upstream_host_text(const Server& server) {
  const auto conninfo = parse_conninfo(value_of(server, "primary_conninfo"));
  return conninfo.contains("host") ? conninfo.at("host") : "";
}

std::string application_name(const Server& server) {
  const auto conninfo = parse_conninfo(value_of(server, "primary_conninfo"));
  return conninfo.contains("application_name") ? conninfo.at("application_name") : "walreceiver";
}

Row slot_columns(Session& session, const SlotRow& slot) {
  const bool lost = slot.restart_lsn.value != 0 && slot.restart_lsn < session.cluster.wal_begin;
  const bool reserved = slot.restart_lsn.value != 0;
  bool active = false;
  for (const auto& [host_name, host] : session.state.hosts)
    for (const auto& [name, other] : host.servers)
      active = active || (other.ready() && other.streaming && other.slot_name == slot.name &&
                          other.upstream_host == session.server.host && other.upstream_server == session.server.name);
  return {slot.name,
          "physical",
          boolean(active),
          reserved && !lost ? std::optional{to_string(slot.restart_lsn)} : std::nullopt,
          reserved ? std::optional<std::string>{lost ? "lost" : "reserved"} : std::nullopt,
          std::nullopt};
}

std::optional<std::vector<StatementResult>> observing(Session& session, const std::string& query) {
  using Results = std::vector<StatementResult>;
  if (query == "observe")
    return Results{described(session),   senders(session),
                   slots(session),       settings(session),
                   conf_errors(session), hba(session),
                   roles(session),       databases(session),
                   archiver(session),    table({"tablespace_location", "spcname"}, {}),
                   available(session)};
  if (query == "observe_database") return Results{installed(session)};
  if (query == "hot_standby_settings") return Results{hot_standby(session)};
  if (query == "clock") return Results{table({"epoch"}, {{seconds(session.state.now)}})};
  if (query == "insert_lsn") return Results{positions(session, {"insert_lsn"}, false)};
  if (query == "wal_lsn") return Results{positions(session, {"write_lsn", "flush_lsn"}, false)};
  if (query == "replay_lsn") return Results{positions(session, {"replay_lsn", "receive_lsn"}, true)};
  return std::nullopt;
}

}  // namespace dugong::sim
