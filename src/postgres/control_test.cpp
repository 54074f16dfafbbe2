// Control files of real servers, PostgreSQL 15 (version 1300) and 17 (1700), and the 1800 layout made from one of them.
#include "postgres/control.h"

#include <gtest/gtest.h>

namespace dugong::postgres {
namespace {

// initdb --wal-segsize=1 -k; max_connections=37, max_worker_processes=11, max_wal_senders=7,
// max_prepared_transactions=3, max_locks_per_transaction=99; pg_controldata agreed with every value below.
constexpr std::string_view primary =
    "b450ae17e25e036b1405000025770d0c0600000000000000e25e036b000000006000f000000000002800f00000000000010000000100000001"
    "00"
    "000000000000d502000000000000006000000100000000000000cc02000001000000010000000100000000000000e25e036b00000000000000"
    "00"
    "00000000d502000000000000e80300000000000000000000000000000000000000000000000000000000000000000000000000000000000001"
    "000000"
    "00000000250000000b00000007000000030000006300000000000000080000000000000087d632410020000000000200002000000000100040"
    "000000"
    "20000000cc0700000008000001000000010000004a22f8f5b359066eb13576ac042a1aa6f4d0b128fc26258dc58b9b9d50e546bae20e072c00"
    "000000";
// Its standby while it streams.
constexpr std::string_view standby =
    "b450ae17e25e036b1405000025770d0c0500000000000000e35e036b000000006000f000000000002800f00000000000010000000100000001"
    "00"
    "000000000000d502000000000000006000000100000000000000cc02000001000000010000000100000000000000e25e036b00000000000000"
    "00"
    "00000000d502000000000000e8030000000000000001f000000000000100000000000000000000000000000000000000000000000000000001"
    "00"
    "000000000000250000000b00000007000000030000006300000000000000080000000000000087d63241002000000000020000200000000010"
    "004000"
    "000020000000cc0700000008000001000000010000004a22f8f5b359066eb13576ac042a1aa6f4d0b128fc26258dc58b9b9d50e546bad1d042"
    "f8"
    "00000000";
// A standby the moment after pg_promote: in production, the end-of-recovery checkpoint not yet done.
constexpr std::string_view promoted =
    "b450ae17e25e036b1405000025770d0c0600000000000000f462036b000000009800b001000000002800b00100000000010000000100000001"
    "00"
    "000000000000fb02000000000000006000000100000000000000cc02000001000000010000000100000000000000eb62036b00000000000000"
    "00"
    "00000000f102000000000000e803000000000000904ac401000000000200000000000000000000000000000000000000000000000000000001"
    "00"
    "000000000000370000000b00000007000000030000006300000000000000080000000000000087d63241002000000000020000200000000010"
    "004000"
    "000020000000cc0700000008000001000000010000004a22f8f5b359066eb13576ac042a1aa6f4d0b128fc26258dc58b9b9d50e546bad5cadf"
    "ab"
    "00000000";

// A PostgreSQL 17 with TimescaleDB and full_page_writes off; pg_controldata agreed with every value below.
constexpr std::string_view primary_of_17 =
    "1d0052092d71036ba40600008979100c06000000000000003471036b00000000303ff70100000000303ff7010000000001000000010000"
    "000000000001000000e802000000000000e14500000100000000000000db020000010000000100000001000000000000003371036b0000"
    "000000000000000000000000000000000000e8030000000000000000000000000000000000000000000000000000000000000000000000"
    "000000000000000100000000000000c8000000200000000a000000000000004000000000000000080000000000000087d6324100200000"
    "0000020000200000000000014000000020000000cc070000000800000100000001000000c995895a977e06621897308a0211710a87c5d1"
    "06f32ed9120ffcc3465f560dd1036a2c2b00000000";

std::string from_hex(std::string_view hex) {
  auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes += static_cast<char>(digit(hex[i]) * 16 + digit(hex[i + 1]));
  return bytes;
}

void put(std::string& bytes, std::size_t offset, std::uint32_t value) {
  for (std::size_t i = 0; i < 4; ++i) bytes[offset + i] = static_cast<char>((value >> (8 * i)) & 0xFFU);
}
std::string sealed(std::string bytes, std::size_t crc_at) {
  put(bytes, crc_at, crc32c(bytes.substr(0, crc_at)));
  return bytes;
}
std::string version_18() {
  auto bytes = from_hex(primary);
  put(bytes, 8, 1800);
  put(bytes, 60, 1);  // wal_level in the checkpoint copy
  bytes.insert(256, 1, '\1');
  bytes.resize(296);
  return sealed(bytes, 292);
}

ControlData parsed(const std::string& bytes) {
  auto control = parse_control(bytes);
  EXPECT_TRUE(control) << (control ? "" : control.error().what);
  return control ? *control : ControlData{};
}
std::string error_of(const std::string& bytes) {
  auto control = parse_control(bytes);
  return control ? "" : control.error().what;
}

TEST(Crc32c, CheckValue) {
  EXPECT_EQ(crc32c("123456789"), 0xE3069283U);
  EXPECT_EQ(crc32c(""), 0U);
}

TEST(Control, Primary) {
  auto c = parsed(from_hex(primary));
  EXPECT_EQ(c.control_version, 1300U);
  EXPECT_EQ(c.catalog_version, 202209061U);
  EXPECT_EQ(to_string(c.system_identifier), "7711111312141340852");
  EXPECT_EQ(c.state, DbState::in_production);
  EXPECT_EQ(to_string(c.checkpoint), "0/F00060");
  EXPECT_EQ(to_string(c.redo), "0/F00028");
  EXPECT_EQ(c.timeline.value, 1U);
  EXPECT_TRUE(c.full_page_writes);
  EXPECT_EQ(c.min_recovery, Lsn{});
  EXPECT_EQ(c.min_recovery_timeline, TimelineId{});
  EXPECT_EQ(c.primary_settings, (HotStandbySettings{37, 11, 7, 3, 99}));
  EXPECT_EQ(c.wal_segment_size, 1U << 20);
  EXPECT_TRUE(c.data_checksums);
}

TEST(Control, PrimaryOf17) {
  auto c = parsed(from_hex(primary_of_17));
  EXPECT_EQ(c.control_version, 1700U);
  EXPECT_EQ(c.catalog_version, 202406281U);
  EXPECT_EQ(to_string(c.system_identifier), "7711131425232257053");
  EXPECT_EQ(c.state, DbState::in_production);
  EXPECT_EQ(to_string(c.checkpoint), "0/1F73F30");
  EXPECT_EQ(to_string(c.redo), "0/1F73F30");
  EXPECT_FALSE(c.full_page_writes);
  EXPECT_EQ(c.primary_settings, (HotStandbySettings{200, 32, 10, 0, 64}));
  EXPECT_EQ(c.wal_segment_size, 16U << 20);
  EXPECT_TRUE(c.data_checksums);
}

TEST(Control, Standby) {
  auto c = parsed(from_hex(standby));
  EXPECT_EQ(c.state, DbState::in_archive_recovery);
  EXPECT_EQ(to_string(c.min_recovery), "0/F00100");
  EXPECT_EQ(c.min_recovery_timeline.value, 1U);
}

TEST(Control, PromotedAndNoCheckpointSince) {
  auto c = parsed(from_hex(promoted));
  EXPECT_EQ(c.state, DbState::in_production);
  EXPECT_EQ(c.timeline.value, 1U);
  EXPECT_EQ(to_string(c.min_recovery), "0/1C44A90");
  EXPECT_EQ(c.min_recovery_timeline.value, 2U);
  EXPECT_EQ(c.primary_settings.max_connections, 55);
}

TEST(Control, WholeFileIs8192Bytes) {
  auto bytes = from_hex(primary);
  bytes.resize(8192);
  EXPECT_EQ(parsed(bytes), parsed(from_hex(primary)));
}

TEST(Control, Version18HasItsCrcElsewhere) {
  auto c = parsed(version_18());
  EXPECT_EQ(c.control_version, 1800U);
  auto expected = parsed(from_hex(primary));
  expected.control_version = 1800;
  EXPECT_EQ(c, expected);
}

TEST(Control, FlagsAreRead) {
  auto bytes = from_hex(primary);
  bytes[56] = '\0';
  put(bytes, 252, 0);
  auto c = parsed(sealed(bytes, 288));
  EXPECT_FALSE(c.full_page_writes);
  EXPECT_FALSE(c.data_checksums);
}

TEST(Control, EveryFlippedByteBeforeTheCrcIsSeen) {
  for (std::size_t i = 0; i < 292; ++i) {
    auto bytes = from_hex(primary);
    bytes[i] = static_cast<char>(bytes[i] ^ 1);
    EXPECT_NE(error_of(bytes), "") << i;
  }
}

TEST(Control, Errors) {
  EXPECT_NE(error_of("").find("too short: 0 bytes"), std::string::npos);
  EXPECT_NE(error_of(from_hex(primary).substr(0, 288)).find("too short"), std::string::npos);
  auto bytes = from_hex(primary);
  bytes[20] = 'x';
  EXPECT_NE(error_of(bytes).find("wrong CRC"), std::string::npos);
  bytes = from_hex(primary);
  put(bytes, 8, 1400);
  EXPECT_NE(error_of(bytes).find("unknown version 1400"), std::string::npos);
  bytes = from_hex(primary);
  put(bytes, 16, 7);
  EXPECT_NE(error_of(sealed(bytes, 288)).find("unknown state 7"), std::string::npos);
}

TEST(Seedable, OnlyInProductionAndPastThePromotion) {
  EXPECT_TRUE(judge_seedable(parsed(from_hex(primary))).has_value());
  auto recovering = judge_seedable(parsed(from_hex(standby)));
  ASSERT_FALSE(recovering);
  EXPECT_EQ(recovering.error().kind, ErrorKind::refused);
  EXPECT_NE(recovering.error().what.find("in archive recovery"), std::string::npos);
  auto too_early = judge_seedable(parsed(from_hex(promoted)));
  ASSERT_FALSE(too_early);
  EXPECT_EQ(too_early.error().kind, ErrorKind::refused);
  EXPECT_NE(too_early.error().what.find("0/1C44A90"), std::string::npos);
  EXPECT_NE(too_early.error().next.find("CHECKPOINT"), std::string::npos);
}

TEST(Seedable, EveryOtherStateIsRefused) {
  auto control = parsed(from_hex(primary));
  for (auto state : {DbState::startup, DbState::shutdowned, DbState::shutdowned_in_recovery, DbState::shutdowning,
                     DbState::in_crash_recovery, DbState::in_archive_recovery}) {
    control.state = state;
    EXPECT_FALSE(judge_seedable(control)) << to_string(state);
  }
}

}  // namespace
}  // namespace dugong::postgres
