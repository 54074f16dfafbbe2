// Numbers that must not be mixed up: log positions, timelines, snapshot and system identifiers.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace dugong {

// A position in the write-ahead log, in bytes. Text form "16/B374D848" (PostgreSQL's pg_lsn_in/pg_lsn_out).
// Compared as a number: as text "9/0" would come after "10/0".
struct Lsn {
  std::uint64_t value = 0;  // 0 is PostgreSQL's InvalidXLogRecPtr
  friend auto operator<=>(const Lsn&, const Lsn&) = default;
};
Result<Lsn> parse_lsn(std::string_view text);  // Errors: failed
std::string to_string(Lsn lsn);

struct TimelineId {
  std::uint32_t value = 0;  // 0: unknown; PostgreSQL starts at 1
  friend auto operator<=>(const TimelineId&, const TimelineId&) = default;
};

// The identity of a ZFS snapshot or dataset: survives rename and send/receive.
struct Guid {
  std::uint64_t value = 0;
  friend auto operator<=>(const Guid&, const Guid&) = default;
};
std::string to_string(Guid guid);

// pg_control's system_identifier: made by initdb, equal on all nodes of a cluster.
struct SystemId {
  std::uint64_t value = 0;
  friend auto operator<=>(const SystemId&, const SystemId&) = default;
};
std::string to_string(SystemId id);

// Decimal digits only, the whole text, in range. Errors: failed.
Result<std::uint64_t> parse_u64(std::string_view text);

}  // namespace dugong
