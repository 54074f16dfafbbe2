// What a server is asked about itself. Every statement has a first column that no other one has: that is how
// parse_server finds it. Works on PostgreSQL 14 to 18, primary and replica alike.
#include "postgres/query_tables.h"

namespace dugong::postgres {
namespace {

// pg_walfile_name and the current positions fail during recovery; CASE keeps them from being called there. The timeline
// of a replica is that of the WAL receiver; before it has connected, that of the last restartpoint.
constexpr std::string_view server = R"(
SELECT pg_is_in_recovery() AS in_recovery,
       current_setting('listen_addresses') <> '' AS accepts_clients,
       current_setting('server_version_num') AS version_number,
       (SELECT system_identifier FROM pg_control_system()) AS system_identifier,
       CASE WHEN pg_is_in_recovery()
            THEN coalesce((SELECT received_tli FROM pg_stat_get_wal_receiver() WHERE pid IS NOT NULL),
                          (SELECT timeline_id FROM pg_control_checkpoint()))::int8
            ELSE ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int8 END AS timeline,
       CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END AS lsn,
       CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_insert_lsn() END AS insert_lsn,
       CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() END AS received,
       coalesce((SELECT status = 'streaming' FROM pg_stat_get_wal_receiver()), false) AS streaming,
       (SELECT sender_host FROM pg_stat_get_wal_receiver()) AS sender_host,
       CASE WHEN pg_is_in_recovery() THEN pg_is_wal_replay_paused() ELSE false END AS replay_paused,
       CASE WHEN pg_is_in_recovery()
            THEN extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) END AS replay_age_seconds,
       extract(epoch FROM pg_postmaster_start_time()) AS postmaster_start,
       (extract(epoch FROM pg_conf_load_time()) * 1000000000)::int8 AS conf_loaded_ns,
       current_setting('default_transaction_read_only') = 'on' AS default_read_only,
       (SELECT bytes_per_wal_segment FROM pg_control_init()) AS wal_segment_size,
       current_setting('max_slot_wal_keep_size') AS max_slot_wal_keep_size,
       (SELECT redo_lsn FROM pg_control_checkpoint()) AS last_restartpoint_redo)";

constexpr std::string_view senders = R"(
SELECT application_name AS sender_name, host(client_addr) AS client_addr, state, sent_lsn, write_lsn, flush_lsn,
       replay_lsn
FROM pg_stat_replication ORDER BY 1, 2)";

constexpr std::string_view slots = R"(
SELECT slot_name, slot_type, active, restart_lsn, wal_status, safe_wal_size
FROM pg_replication_slots ORDER BY 1)";

// A conninfo or a command may hold a password: it stays on the server.
constexpr std::string_view settings = R"(
SELECT name AS setting_name,
       regexp_replace(
         regexp_replace(setting, '(password\s*=\s*)(''(?:[^''\\]|\\.)*''|(?:\\.|[^\s\\''])+)', '\1***', 'gi'),
         '(://[^:/@\s]*):[^@/\s]*@', '\1:***@', 'g') AS setting,
       source, sourcefile, sourceline, pending_restart, context = 'postmaster' AS at_start_only
FROM pg_settings
WHERE source NOT IN ('default', 'override') OR pending_restart OR context = 'postmaster'
   OR name IN ('max_connections', 'max_worker_processes', 'max_wal_senders', 'max_prepared_transactions',
               'max_locks_per_transaction', 'wal_level', 'wal_log_hints', 'wal_keep_size', 'archive_mode',
               'archive_command', 'full_page_writes', 'fsync', 'synchronous_commit', 'synchronous_standby_names',
               'hot_standby', 'data_checksums', 'data_directory', 'config_file', 'hba_file', 'server_version',
               'shared_preload_libraries', 'primary_conninfo', 'primary_slot_name', 'restore_command')
ORDER BY 1)";

// Settings that wait for a restart are listed as errors too, changed ones and ones taken out of the file (guc-file.l:
// ProcessConfigFileInternal); they are none. The text is the same for a value that the server would not start with, but
// only what it can use is marked as pending (guc.c: set_config_option). Reading the files marks it in this session too:
// a subquery looks at the marks after that, a join might look before.
constexpr std::string_view conf_errors = R"(
SELECT f.error AS conf_error, f.sourcefile, f.sourceline, f.name
FROM pg_file_settings f
WHERE f.error IS NOT NULL
  AND NOT (f.error = 'setting could not be applied'
           AND coalesce((SELECT s.context = 'postmaster' AND s.pending_restart FROM pg_settings s
                         WHERE lower(s.name) = lower(f.name)), false))
  AND NOT (f.name IS NULL AND f.error LIKE 'parameter "%" cannot be changed without restarting the server')
ORDER BY f.seqno)";

constexpr std::string_view hba = R"(
SELECT line_number AS hba_line, type, database, user_name, address, netmask, auth_method, error
FROM pg_hba_file_rules ORDER BY 1)";

constexpr std::string_view roles = R"(
SELECT rolname AS role_name, rolcanlogin, rolreplication, rolsuper, rolpassword IS NOT NULL AS has_password
FROM pg_authid WHERE rolname !~ '^pg_' ORDER BY 1)";

constexpr std::string_view databases =
    "SELECT datname AS database_name FROM pg_database WHERE datallowconn AND NOT datistemplate ORDER BY 1";

// Names do not tell which came last: a history file, which goes first, sorts beside no segment.
constexpr std::string_view archiver = R"(
SELECT archived_count, last_archived_wal, failed_count, last_failed_wal,
       coalesce(last_failed_time > last_archived_time, last_failed_time IS NOT NULL) AS archiving_fails
FROM pg_stat_archiver)";

constexpr std::string_view tablespaces = R"(
SELECT pg_tablespace_location(oid) AS tablespace_location, spcname
FROM pg_tablespace WHERE spcname NOT IN ('pg_default', 'pg_global') ORDER BY 2)";

constexpr std::string_view available_extensions =
    "SELECT name AS available_extension, version FROM pg_available_extension_versions ORDER BY 1, 2";

constexpr std::string_view installed_extensions =
    "SELECT extname AS installed_extension, extversion FROM pg_extension ORDER BY 1";

constexpr std::string_view hot_standby_settings = R"(
SELECT name, setting FROM pg_settings
WHERE name IN ('max_connections', 'max_worker_processes', 'max_wal_senders', 'max_prepared_transactions',
               'max_locks_per_transaction')
ORDER BY 1)";

}  // namespace

std::vector<NamedQuery> observe_queries() {
  return {
      {"observe",
       {own_session, server, senders, slots, settings, conf_errors, hba, roles, databases, archiver, tablespaces,
        available_extensions}},
      {"observe_database", {own_session, installed_extensions}},
      {"hot_standby_settings", {own_session, hot_standby_settings}},
      {"clock", {own_session, "SELECT extract(epoch FROM clock_timestamp()) AS epoch"}},
      {"insert_lsn", {"SELECT pg_catalog.pg_current_wal_insert_lsn() AS insert_lsn"}},
      {"wal_lsn",
       {"SELECT pg_catalog.pg_current_wal_lsn() AS write_lsn, pg_catalog.pg_current_wal_flush_lsn() AS flush_lsn"}},
      {"replay_lsn",
       {"SELECT pg_catalog.pg_last_wal_replay_lsn() AS replay_lsn, pg_catalog.pg_last_wal_receive_lsn() AS "
        "receive_lsn"}},
      {"role_verifier", {own_session, "SELECT rolpassword FROM pg_authid WHERE rolname = $1"}, 1, Asker::node},
  };
}

}  // namespace dugong::postgres
