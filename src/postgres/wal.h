// WAL segments: their names and the header of their first page (src/include/access/xlog_internal.h).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"

namespace dugong::postgres {

enum class WalFileKind { segment, partial, backup_history, timeline_history };

struct WalFileName {
  WalFileKind kind = WalFileKind::segment;
  TimelineId timeline;
  std::uint64_t log = 0;      // the middle eight digits
  std::uint64_t segment = 0;  // the last eight digits
  friend bool operator==(const WalFileName&, const WalFileName&) = default;
};

// 24 hex digits, + ".partial", + ".XXXXXXXX.backup", or 8 hex digits + ".history"; upper case only, nothing else.
// Errors: invalid.
Result<WalFileName> parse_wal_file_name(std::string_view name);

// "0000000100000001000000A2" for the segment that holds `lsn`.
std::string wal_segment_name(TimelineId timeline, Lsn lsn, std::uint32_t segment_size);
// Where a segment begins.
Lsn segment_start(const WalFileName& name, std::uint32_t segment_size);

// A finished segment: its size is the segment size, the header carries a page magic, and page address, timeline (not
// newer: the first segment after a promotion begins with a page of the old one), system identifier and segment size fit
// the name. `head` is at least the first 40 bytes. Errors: refused, saying which of them differs. `expected` empty (0):
// any system identifier.
Result<> check_segment(const WalFileName& name, std::string_view head, std::uint64_t file_size, SystemId expected);

}  // namespace dugong::postgres
