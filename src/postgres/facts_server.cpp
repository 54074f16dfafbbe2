// Answers of "observe" and "observe_database" as values (queries_observe.cpp has the statements).
#include <fmt/format.h>

#include "postgres/facts.h"
#include "postgres/table.h"

namespace dugong::postgres {
namespace {

using Take = Result<> (*)(const Cells& row, ServerSql& into);

// Every row of the statement whose first column has this name.
Result<> each_row(const std::vector<StatementResult>& answers, std::string_view first_column, Take take,
                  ServerSql& into) {
  const auto* table = TRY(find_table(answers, first_column));
  for (const auto& row : table->rows) TRY(take(Cells{*table, row}, into));
  return {};
}

Result<> take_identity(const Cells& row, ServerSql& into) {
  into.in_recovery = TRY(row.boolean("in_recovery"));
  into.accepts_clients = TRY(row.boolean("accepts_clients"));
  into.version_number = TRY(row.integer("version_number"));
  // SQL has no unsigned 64-bit type: a large identifier comes as a negative number.
  into.system_identifier = {static_cast<std::uint64_t>(TRY(row.integer("system_identifier")))};
  into.timeline = {TRY(row.u32("timeline"))};
  into.postmaster_start = TRY(row.real("postmaster_start"));
  into.conf_loaded_ns = TRY(row.integer("conf_loaded_ns"));
  into.default_read_only = TRY(row.boolean("default_read_only"));
  into.wal_segment_size = TRY(row.integer("wal_segment_size"));
  into.max_slot_wal_keep_size = TRY(row.text("max_slot_wal_keep_size"));
  return {};
}

Result<> take_positions(const Cells& row, ServerSql& into) {
  into.lsn = TRY(row.lsn("lsn"));
  into.insert_lsn = TRY(row.lsn("insert_lsn"));
  into.received = TRY(row.lsn("received"));
  into.streaming = TRY(row.boolean("streaming"));
  into.sender_host = TRY(row.text("sender_host"));
  into.replay_paused = TRY(row.boolean("replay_paused"));
  into.replay_age_seconds = TRY(row.maybe_real("replay_age_seconds"));
  into.last_restartpoint_redo = TRY(row.lsn("last_restartpoint_redo"));
  return {};
}

Result<> take_server(const std::vector<StatementResult>& answers, ServerSql& into) {
  const auto* table = TRY(find_table(answers, "in_recovery"));
  if (table->rows.size() != 1) return fail(ErrorKind::failed, "the server did not describe itself in one row");
  Cells row{*table, table->rows[0]};
  TRY(take_identity(row, into));
  return take_positions(row, into);
}

Result<> take_sender(const Cells& row, ServerSql& into) {
  Sender sender;
  sender.application_name = TRY(row.text("sender_name"));
  sender.client_addr = TRY(row.text("client_addr"));
  sender.state = TRY(row.text("state"));
  sender.sent = TRY(row.lsn("sent_lsn"));
  sender.write = TRY(row.lsn("write_lsn"));
  sender.flush = TRY(row.lsn("flush_lsn"));
  sender.replay = TRY(row.lsn("replay_lsn"));
  into.senders.push_back(std::move(sender));
  return {};
}

Result<> take_slot(const Cells& row, ServerSql& into) {
  Slot slot;
  slot.name = TRY(row.text("slot_name"));
  slot.type = TRY(row.text("slot_type"));
  slot.active = TRY(row.boolean("active"));
  slot.restart_lsn = TRY(row.lsn("restart_lsn"));
  slot.wal_status = TRY(row.text("wal_status"));
  slot.safe_wal_size = TRY(row.maybe_integer("safe_wal_size"));
  into.slots.push_back(std::move(slot));
  return {};
}

Result<> take_setting(const Cells& row, ServerSql& into) {
  ShownSetting setting;
  setting.value = TRY(row.text("setting"));
  setting.source = TRY(row.text("source"));
  setting.source_file = TRY(row.text("sourcefile"));
  setting.source_line = TRY(row.u32("sourceline"));
  setting.pending_restart = TRY(row.boolean("pending_restart"));
  setting.at_start_only = TRY(row.boolean("at_start_only"));
  into.settings[TRY(row.text("setting_name"))] = std::move(setting);
  return {};
}

Result<> take_conf_error(const Cells& row, ServerSql& into) {
  auto place = TRY(row.text("sourcefile"));
  place += ":" + TRY(row.text("sourceline"));
  auto name = TRY(row.text("name"));
  auto text = TRY(row.text("conf_error"));
  into.conf_errors.push_back(name.empty() ? fmt::format("{}: {}", place, text)
                                          : fmt::format("{}: {}: {}", place, name, text));
  return {};
}

Result<> take_hba(const Cells& row, ServerSql& into) {
  HbaRule rule;
  rule.line = TRY(row.u32("hba_line"));
  rule.type = TRY(row.text("type"));
  rule.databases = TRY(row.array("database"));
  rule.users = TRY(row.array("user_name"));
  rule.address = TRY(row.text("address"));
  rule.netmask = TRY(row.text("netmask"));
  rule.method = TRY(row.text("auth_method"));
  rule.error = TRY(row.text("error"));
  into.hba.push_back(std::move(rule));
  return {};
}

Result<> take_role(const Cells& row, ServerSql& into) {
  Role role;
  role.can_login = TRY(row.boolean("rolcanlogin"));
  role.replication = TRY(row.boolean("rolreplication"));
  role.superuser = TRY(row.boolean("rolsuper"));
  role.has_password = TRY(row.boolean("has_password"));
  into.roles[TRY(row.text("role_name"))] = role;
  return {};
}

Result<> take_archiver(const Cells& row, ServerSql& into) {
  into.archived_count = TRY(row.integer("archived_count"));
  into.last_archived = TRY(row.text("last_archived_wal"));
  into.failed_count = TRY(row.integer("failed_count"));
  into.last_failed = TRY(row.text("last_failed_wal"));
  into.archiving_fails = TRY(row.boolean("archiving_fails"));
  return {};
}

Result<> take_database(const Cells& row, ServerSql& into) {
  into.databases.push_back(TRY(row.text("database_name")));
  return {};
}

Result<> take_tablespace(const Cells& row, ServerSql& into) {
  into.tablespaces.push_back(TRY(row.text("tablespace_location")));
  return {};
}

Result<> take_available(const Cells& row, ServerSql& into) {
  auto name = TRY(row.text("available_extension"));
  into.available_extensions[name].insert(TRY(row.text("version")));
  return {};
}

Result<> take_installed(const Cells& row, ServerSql& into) {
  auto name = TRY(row.text("installed_extension"));
  into.extensions[name] = TRY(row.text("extversion"));
  return {};
}

}  // namespace

Result<PeerFacts> parse_identify_system(const StatementResult& result) {
  if (!result.ok()) return PeerFacts{.why_not = result.message + " (" + result.sqlstate + ")"};
  if (result.rows.size() != 1 || result.rows[0].size() < 2 || !result.rows[0][0] || !result.rows[0][1])
    return fail(ErrorKind::failed, "IDENTIFY_SYSTEM gave no system identifier and timeline");
  const auto system = TRY(parse_u64(*result.rows[0][0]));
  const auto timeline = TRY(parse_u64(*result.rows[0][1]));
  if (timeline > UINT32_MAX) return fail(ErrorKind::failed, "IDENTIFY_SYSTEM gave timeline " + *result.rows[0][1]);
  return PeerFacts{.answered = true,
                   .system_identifier = SystemId{system},
                   .timeline = TimelineId{static_cast<std::uint32_t>(timeline)}};
}

Result<ServerSql> parse_server(const std::vector<StatementResult>& observe) {
  ServerSql server;
  TRY(take_server(observe, server));
  TRY(each_row(observe, "sender_name", take_sender, server));
  TRY(each_row(observe, "slot_name", take_slot, server));
  TRY(each_row(observe, "setting_name", take_setting, server));
  TRY(each_row(observe, "conf_error", take_conf_error, server));
  TRY(each_row(observe, "hba_line", take_hba, server));
  TRY(each_row(observe, "role_name", take_role, server));
  TRY(each_row(observe, "database_name", take_database, server));
  TRY(each_row(observe, "archived_count", take_archiver, server));
  TRY(each_row(observe, "tablespace_location", take_tablespace, server));
  TRY(each_row(observe, "available_extension", take_available, server));
  return server;
}

Result<> parse_database(const std::vector<StatementResult>& observe_database, ServerSql& into) {
  into.extensions.clear();
  return each_row(observe_database, "installed_extension", take_installed, into);
}

}  // namespace dugong::postgres
