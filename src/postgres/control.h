// global/pg_control: what the data directory itself says about its server, readable while the server is down.
//
// Layout: src/include/catalog/pg_control.h, PG_CONTROL_VERSION 1300 (PostgreSQL 13 to 16), 1700 (17) and 1800 (18).
// The CRC-32C at the end covers everything before it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"

namespace dugong::postgres {

enum class DbState {  // DBState in pg_control.h, same order
  startup,
  shutdowned,
  shutdowned_in_recovery,
  shutdowning,
  in_crash_recovery,
  in_archive_recovery,
  in_production,
};
std::string to_string(DbState state);

struct HotStandbySettings {  // the five that a hot standby needs at least as large as its primary's
  std::int64_t max_connections = 0;
  std::int64_t max_worker_processes = 0;
  std::int64_t max_wal_senders = 0;
  std::int64_t max_prepared_transactions = 0;
  std::int64_t max_locks_per_transaction = 0;
  friend bool operator==(const HotStandbySettings&, const HotStandbySettings&) = default;
};

struct ControlData {
  std::uint32_t control_version = 0;
  std::uint32_t catalog_version = 0;
  SystemId system_identifier;
  DbState state = DbState::startup;
  Lsn checkpoint;       // where the last checkpoint record is
  Lsn redo;             // where replay would begin
  TimelineId timeline;  // of the last checkpoint
  bool full_page_writes = true;
  Lsn min_recovery;  // 0/0 unless in recovery, or promoted and no checkpoint since
  TimelineId min_recovery_timeline;
  HotStandbySettings primary_settings;  // as last seen in WAL (a standby) or in force (a primary)
  std::uint32_t wal_segment_size = 0;   // bytes
  bool data_checksums = false;
  friend bool operator==(const ControlData&, const ControlData&) = default;
};

// CRC-32C (Castagnoli), as in PostgreSQL's port/pg_crc32c.h.
std::uint32_t crc32c(std::string_view bytes);

// Errors: failed ("too short", "wrong CRC", "unknown version 1400").
Result<ControlData> parse_control(std::string_view bytes);

// A snapshot taken now of the server this belongs to may seed a replica: in production, and past the window after a
// promotion in which min recovery LSN is still set (StartupXLOG leaves it until the next checkpoint completes).
// Error: refused, with what to do (CHECKPOINT).
Result<> judge_seedable(const ControlData& control);

}  // namespace dugong::postgres
