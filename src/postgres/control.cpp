// Offsets are those of struct ControlFileData on every platform with 8-byte alignment (pg_control.h). Version 1800 put
// wal_level into a hole of the checkpoint copy, so the two layouts differ only behind the checksum version.
#include "postgres/control.h"

#include <array>
#include <fmt/format.h>
#include <optional>

namespace dugong::postgres {
namespace {

constexpr std::size_t crc_offset_1300 = 288;  // the same in 1700
constexpr std::size_t crc_offset_1800 = 292;

template <class T>
T read(std::string_view bytes, std::size_t offset) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    value |= static_cast<T>(static_cast<T>(static_cast<unsigned char>(bytes[offset + i])) << (8 * i));
  }
  return value;
}
std::uint32_t u32(std::string_view bytes, std::size_t offset) { return read<std::uint32_t>(bytes, offset); }
std::uint64_t u64(std::string_view bytes, std::size_t offset) { return read<std::uint64_t>(bytes, offset); }
std::int64_t int_at(std::string_view bytes, std::size_t offset) {
  return static_cast<std::int32_t>(u32(bytes, offset));
}

constexpr std::array<std::uint32_t, 256> crc_table = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1U) != 0 ? 0x82F63B78U : 0U);
    table[i] = crc;
  }
  return table;
}();

std::optional<std::size_t> crc_offset(std::uint32_t version) {
  if (version == 1300 || version == 1700) return crc_offset_1300;
  if (version == 1800) return crc_offset_1800;
  return std::nullopt;
}

HotStandbySettings settings_of(std::string_view bytes) {
  HotStandbySettings settings;
  settings.max_connections = int_at(bytes, 180);
  settings.max_worker_processes = int_at(bytes, 184);
  settings.max_wal_senders = int_at(bytes, 188);
  settings.max_prepared_transactions = int_at(bytes, 192);
  settings.max_locks_per_transaction = int_at(bytes, 196);
  return settings;
}

tl::unexpected<Error> bad(std::string what) {
  return fail(ErrorKind::failed, "pg_control: " + std::move(what),
              "`pg_controldata` of the server's own version says more");
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  std::uint32_t crc = 0xFFFFFFFFU;
  for (char c : bytes) crc = (crc >> 8) ^ crc_table[(crc ^ static_cast<unsigned char>(c)) & 0xFFU];
  return ~crc;
}

std::string to_string(DbState state) {
  switch (state) {
    case DbState::startup:
      return "starting up";
    case DbState::shutdowned:
      return "shut down";
    case DbState::shutdowned_in_recovery:
      return "shut down in recovery";
    case DbState::shutdowning:
      return "shutting down";
    case DbState::in_crash_recovery:
      return "in crash recovery";
    case DbState::in_archive_recovery:
      return "in archive recovery";
    case DbState::in_production:
      return "in production";
  }
  return "unknown";
}

Result<ControlData> parse_control(std::string_view bytes) {
  if (bytes.size() < crc_offset_1800 + 4) return bad(fmt::format("too short: {} bytes", bytes.size()));
  ControlData control;
  control.control_version = u32(bytes, 8);
  auto crc_at = crc_offset(control.control_version);
  if (!crc_at) return bad(fmt::format("unknown version {}", control.control_version));
  if (crc32c(bytes.substr(0, *crc_at)) != u32(bytes, *crc_at)) return bad("wrong CRC");
  auto state = u32(bytes, 16);
  if (state > static_cast<std::uint32_t>(DbState::in_production)) return bad(fmt::format("unknown state {}", state));
  control.system_identifier = {u64(bytes, 0)};
  control.catalog_version = u32(bytes, 12);
  control.state = static_cast<DbState>(state);
  control.checkpoint = {u64(bytes, 32)};
  control.redo = {u64(bytes, 40)};
  control.timeline = {u32(bytes, 48)};
  control.full_page_writes = bytes[56] != 0;
  control.min_recovery = {u64(bytes, 136)};
  control.min_recovery_timeline = {u32(bytes, 144)};
  control.primary_settings = settings_of(bytes);
  control.wal_segment_size = u32(bytes, 228);
  control.data_checksums = u32(bytes, 252) != 0;
  return control;
}

Result<> judge_seedable(const ControlData& control) {
  if (control.state != DbState::in_production) {
    return fail(ErrorKind::refused,
                fmt::format("the data directory says \"{}\", not \"in production\": a snapshot of it is no seed",
                            to_string(control.state)),
                "start the primary and wait until it accepts writes");
  }
  if (control.min_recovery != Lsn{} || control.min_recovery_timeline != TimelineId{}) {
    return fail(ErrorKind::refused,
                fmt::format("the server was promoted and has not completed a checkpoint since (min recovery LSN {}): a "
                            "replica made from a snapshot taken now could open before it is consistent",
                            to_string(control.min_recovery)),
                "run CHECKPOINT on the primary and take the snapshot after it");
  }
  return {};
}

}  // namespace dugong::postgres
