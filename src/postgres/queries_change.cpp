// What dugong changes on a server. Each is safe to run again.
#include "postgres/query_tables.h"

namespace dugong::postgres {
namespace {

// The subquery is a one-time filter above the function: with the slot there already the function is not called.
constexpr std::string_view create_slot = R"(
SELECT slot_name, lsn FROM pg_create_physical_replication_slot($1, true)
WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = $1))";
constexpr std::string_view slot_row = R"(
SELECT slot_name, slot_type, active, restart_lsn, wal_status FROM pg_replication_slots WHERE slot_name = $1)";
constexpr std::string_view drop_slot = R"(
SELECT slot_name, pg_drop_replication_slot(slot_name) FROM pg_replication_slots
WHERE slot_name = $1 AND slot_type = 'physical')";

// A record first, because a switch at the very beginning of a segment does nothing. The byte before the end of the
// switch is in the finished segment on every version: pg_walfile_name of a boundary changed in PostgreSQL 17.
constexpr std::string_view some_wal = "SELECT pg_logical_emit_message(false, 'dugong', 'switch_wal')";
constexpr std::string_view switch_wal = "SELECT pg_walfile_name(pg_switch_wal() - 1) AS finished";

// The least that makes a commit flush WAL: a transaction with a record of its own (xact.c, RecordTransactionCommit).
constexpr std::string_view commit = "SELECT pg_catalog.pg_logical_emit_message(true, 'dugong', '')";

// A verifier is no password, but it opens the door to whoever can use it: no log gets the statement's text.
constexpr std::string_view no_statement_log = R"(
SELECT set_config('log_statement', 'none', false), set_config('log_min_duration_statement', '-1', false),
       set_config('log_min_duration_sample', '-1', false), set_config('log_min_error_statement', 'panic', false),
       set_config('log_transaction_sample_rate', '0', false), set_config('track_activities', 'off', false),
       set_config('pg_stat_statements.track_utility', 'off', false), set_config('pgaudit.log', 'none', false))";

}  // namespace

// Before its commit the other one's row shows only as a unique index that refuses ours (23505, unique_violation); later
// by its name (42P04, duplicate_database; 42710, duplicate_object).
bool was_made_meanwhile(std::string_view query, std::string_view sqlstate) {
  const bool creates = query == "create_database" || query == "create_extension" || query == "create_replication_role";
  return creates && (sqlstate == "23505" || sqlstate == "42P04" || sqlstate == "42710");
}

std::vector<NamedQuery> change_queries() {
  return {
      {"checkpoint", {"CHECKPOINT"}},
      {"reload", {"SELECT pg_catalog.pg_reload_conf() AS reloaded"}},
      {"create_slot", {own_session, create_slot, slot_row}, 1},
      {"drop_slot", {own_session, drop_slot}, 1},
      {"switch_wal", {own_session, some_wal, switch_wal}},
      {"prepare_commit", {flush_at_commit}},
      {"commit", {commit}},
      {"create_database", {allow_writes, flush_at_commit, "CREATE DATABASE %1I"}, 1},
      {"create_extension", {allow_writes, flush_at_commit, "CREATE EXTENSION IF NOT EXISTS %1I"}, 1},
      {"create_replication_role", {allow_writes, flush_at_commit, "CREATE ROLE %1I LOGIN REPLICATION"}, 1},
      {"set_verifier",
       {own_session, allow_writes, flush_at_commit, no_statement_log, "ALTER ROLE %1I PASSWORD %2L"},
       2,
       Asker::node},
  };
}

}  // namespace dugong::postgres
