// What a data directory and a running server showed, as values; made from raw answers by parse_* here.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "postgres/control.h"
#include "postgres/hba.h"
#include "postgres/queries.h"

namespace dugong::postgres {

// A data directory, looked at from outside; the server may be down.
struct DataFacts {
  bool exists = false;
  bool empty = true;                   // no entry at all
  std::string version;                 // PG_VERSION, trimmed; empty: not a data directory
  std::optional<ControlData> control;  // absent: unreadable, see control_error
  std::string control_error;
  std::vector<std::string> entries;  // names directly below, sorted
  std::vector<std::string> slots;    // names below pg_replslot
  std::uint64_t archive_status_entries = 0;
  std::uint64_t unarchived = 0;              // of these, WAL files that archive_command has not taken yet (*.ready)
  std::map<std::string, std::string> links;  // symlinks: pg_wal, pg_tblspc/* → target
  std::map<std::string, std::string> files;  // contents of the small files named in `watched_files()`, when they exist
  std::uint32_t uid = 0;                     // owner of the directory
  std::uint32_t gid = 0;
  std::int64_t conf_modified_ns = 0;  // newest of the configuration files, nanoseconds since 1970, node's clock
  [[nodiscard]] bool has(std::string_view entry) const;
};
// postgresql.conf, postgresql.auto.conf, dugong.conf, pg_hba.conf, standby.signal, recovery.signal, postmaster.pid,
// postmaster.opts, backup_label
const std::vector<std::string>& watched_files();
// Of these, the ones that dugong writes and a running server must load again. Not postgresql.auto.conf: an ALTER SYSTEM
// that nobody has loaded yet is its author's to load.
bool is_reloaded(std::string_view watched_file);

// What a received copy must lose before it may start as another server (paths relative to the data directory).
struct Cleanup {
  std::vector<std::string> files;         // removed
  std::vector<std::string> emptied_dirs;  // their contents are removed
  friend bool operator==(const Cleanup&, const Cleanup&) = default;
};
// Error refused: a backup_label of an unfinished base backup is in it (removed, it would corrupt silently), or
// pg_wal / a tablespace is a symlink that leaves the copy.
Result<Cleanup> cleanup_for_standby(const DataFacts& data);

struct Sender {  // a row of pg_stat_replication
  std::string application_name;
  std::string client_addr;
  std::string state;
  Lsn sent, write, flush, replay;
};
struct Slot {  // a row of pg_replication_slots
  std::string name;
  std::string type;  // physical, logical
  bool active = false;
  Lsn restart_lsn;  // 0/0: none reserved
  std::string wal_status;
  std::optional<std::int64_t> safe_wal_size;  // bytes
};
struct ShownSetting {  // a row of pg_settings
  std::string value;
  std::string source;       // "configuration file", "command line", "default" …
  std::string source_file;  // path as the server sees it
  std::uint32_t source_line = 0;
  bool pending_restart = false;
  bool at_start_only = false;  // context "postmaster": a change waits for a restart
};
struct Role {
  bool can_login = false;
  bool replication = false;
  bool superuser = false;
  bool has_password = false;
};

// What a server says of itself to a replication connection (walsender.c: IdentifySystem).
struct PeerFacts {
  bool answered = false;
  std::string why_not;  // it did not answer
  SystemId system_identifier;
  TimelineId timeline;                // a standby: of the WAL that it has received
  std::optional<bool> in_recovery{};  // absent: older than PostgreSQL 14, which does not say (guc.c: in_hot_standby)
  friend bool operator==(const PeerFacts&, const PeerFacts&) = default;
};
// The row of IDENTIFY_SYSTEM. Errors: failed.
Result<PeerFacts> parse_identify_system(const StatementResult& result);

struct ServerSql {
  bool in_recovery = false;
  bool accepts_clients = true;  // false: the image's temporary server during initdb (listen_addresses is empty)
  std::int64_t version_number = 0;
  SystemId system_identifier;
  TimelineId timeline;      // primary: of the current WAL file; replica: of the WAL receiver, else of the control file
  Lsn lsn;                  // primary: current write; replica: replayed
  Lsn insert_lsn;           // primary only
  Lsn received;             // replica only
  bool streaming = false;   // replica: the WAL receiver's status
  std::string sender_host;  // replica: whom it streams from
  bool replay_paused = false;
  std::optional<double> replay_age_seconds;  // replica: since the last replayed commit's own time
  double postmaster_start = 0;               // seconds since 1970, server's clock
  std::int64_t conf_loaded_ns = 0;           // pg_conf_load_time(), nanoseconds since 1970, node's clock
  bool default_read_only = false;
  std::int64_t wal_segment_size = 0;
  std::string max_slot_wal_keep_size;
  std::vector<Sender> senders;
  std::vector<Slot> slots;
  std::map<std::string, ShownSetting> settings;
  std::vector<std::string> conf_errors;  // pg_file_settings.error, with file and line
  std::vector<HbaRule> hba;
  std::map<std::string, Role> roles;
  std::vector<std::string> databases;
  std::map<std::string, std::string> extensions;                      // of the cluster's database: name → version
  std::map<std::string, std::set<std::string>> available_extensions;  // name → versions whose files are there
  std::string last_archived;
  std::int64_t archived_count = 0;
  std::string last_failed;
  std::int64_t failed_count = 0;
  bool archiving_fails = false;          // the newest attempt did
  std::vector<std::string> tablespaces;  // locations
  Lsn last_restartpoint_redo;            // pg_control_checkpoint
};

// The queries "observe" (connected to "postgres") and "observe_database" (to the cluster's database) answered these.
Result<ServerSql> parse_server(const std::vector<StatementResult>& observe);
Result<> parse_database(const std::vector<StatementResult>& observe_database, ServerSql& into);

}  // namespace dugong::postgres
