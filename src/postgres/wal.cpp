#include "postgres/wal.h"

#include <algorithm>
#include <fmt/format.h>

#include "base/text.h"

namespace dugong::postgres {
namespace {

constexpr std::uint16_t long_header_flag = 0x0002;  // XLP_LONG_HEADER: the first page of every segment has it

bool is_hex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'); });
}

std::uint32_t hex8(std::string_view digits) {
  std::uint32_t value = 0;
  for (char c : digits) value = value * 16 + static_cast<std::uint32_t>(c <= '9' ? c - '0' : c - 'A' + 10);
  return value;
}

template <class T>
T read(std::string_view bytes, std::size_t offset) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    value = static_cast<T>(value |
                           static_cast<T>(static_cast<T>(static_cast<unsigned char>(bytes[offset + i])) << (8 * i)));
  }
  return value;
}

std::uint64_t segments_per_log(std::uint64_t segment_size) { return (std::uint64_t{1} << 32) / segment_size; }

bool is_segment_size(std::uint64_t size) {  // xlog_internal.h: IsValidWalSegSize
  return size >= (1U << 20) && size <= (1U << 30) && (size & (size - 1)) == 0;
}

tl::unexpected<Error> bad_name(std::string_view name) {
  return fail(ErrorKind::invalid, fmt::format("\"{}\" is not the name of a WAL file", printable(shorten(name, 100))));
}

tl::unexpected<Error> bad_segment(std::string what) { return fail(ErrorKind::refused, std::move(what)); }

}  // namespace

Result<WalFileName> parse_wal_file_name(std::string_view name) {
  constexpr std::string_view history = ".history";
  constexpr std::string_view backup = ".backup";
  WalFileName parsed;
  if (name.size() == 8 + history.size() && name.ends_with(history) && is_hex(name.substr(0, 8))) {
    parsed.kind = WalFileKind::timeline_history;
    parsed.timeline = {hex8(name.substr(0, 8))};
    return parsed;
  }
  if (name.size() < 24 || !is_hex(name.substr(0, 24))) return bad_name(name);
  parsed.timeline = {hex8(name.substr(0, 8))};
  parsed.log = hex8(name.substr(8, 8));
  parsed.segment = hex8(name.substr(16, 8));
  auto rest = name.substr(24);
  if (rest.empty()) return parsed;
  if (rest == ".partial") {
    parsed.kind = WalFileKind::partial;
    return parsed;
  }
  if (rest.size() == 9 + backup.size() && rest[0] == '.' && is_hex(rest.substr(1, 8)) && rest.ends_with(backup)) {
    parsed.kind = WalFileKind::backup_history;
    return parsed;
  }
  return bad_name(name);
}

std::string wal_segment_name(TimelineId timeline, Lsn lsn, std::uint32_t segment_size) {
  auto number = lsn.value / segment_size;
  auto per_log = segments_per_log(segment_size);
  return fmt::format("{:08X}{:08X}{:08X}", timeline.value, number / per_log, number % per_log);
}

Lsn segment_start(const WalFileName& name, std::uint32_t segment_size) {
  return {(name.log << 32) + name.segment * segment_size};
}

Result<> check_segment(const WalFileName& name, std::string_view head, std::uint64_t file_size, SystemId expected) {
  if (name.kind != WalFileKind::segment && name.kind != WalFileKind::partial) {
    return bad_segment("the name is not that of a WAL segment");
  }
  if (head.size() < 40) return bad_segment(fmt::format("the segment has only {} bytes", head.size()));
  auto magic = read<std::uint16_t>(head, 0);
  if ((magic >> 8) != 0xD1) return bad_segment(fmt::format("no WAL page magic at its beginning ({:04X})", magic));
  if ((read<std::uint16_t>(head, 2) & long_header_flag) == 0) return bad_segment("its first page has no long header");
  auto segment_size = read<std::uint32_t>(head, 32);
  if (!is_segment_size(segment_size))
    return bad_segment(fmt::format("its header names a segment size of {}", segment_size));
  if (file_size != segment_size) {
    return bad_segment(fmt::format("it has {} bytes, a segment of this server has {}", file_size, segment_size));
  }
  // A promotion copies the old timeline's last segment into the new one's first (xlog.c: XLogInitNewTimeline), so the
  // first page may be of an older timeline than the name says, never of a newer one.
  auto timeline = read<std::uint32_t>(head, 4);
  if (timeline == 0 || timeline > name.timeline.value) {
    return bad_segment(
        fmt::format("its first page is of timeline {}, its name says {}", timeline, name.timeline.value));
  }
  auto address = read<std::uint64_t>(head, 8);
  auto start = segment_start(name, segment_size);
  if (name.segment >= segments_per_log(segment_size) || address != start.value) {
    return bad_segment(
        fmt::format("its first page is at {}, its name says {}", to_string(Lsn{address}), to_string(start)));
  }
  auto system = read<std::uint64_t>(head, 24);
  if (expected != SystemId{} && system != expected.value) {
    return bad_segment(fmt::format("it is from system {}, expected is {}", system, expected.value));
  }
  return {};
}

}  // namespace dugong::postgres
