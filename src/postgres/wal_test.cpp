#include "postgres/wal.h"

#include <gtest/gtest.h>

namespace dugong::postgres {
namespace {

constexpr std::uint32_t mib16 = 16U << 20;

WalFileName name(std::string_view text) {
  auto parsed = parse_wal_file_name(text);
  EXPECT_TRUE(parsed) << text;
  return parsed ? *parsed : WalFileName{};
}
bool is_name(std::string_view text) { return parse_wal_file_name(text).has_value(); }

TEST(WalName, Kinds) {
  EXPECT_EQ(name("0000000100000002000000A3"), (WalFileName{WalFileKind::segment, {1}, 2, 0xA3}));
  EXPECT_EQ(name("0000000100000002000000A3.partial"), (WalFileName{WalFileKind::partial, {1}, 2, 0xA3}));
  EXPECT_EQ(name("0000000100000002000000A3.00000028.backup"), (WalFileName{WalFileKind::backup_history, {1}, 2, 0xA3}));
  EXPECT_EQ(name("0000000B.history"), (WalFileName{WalFileKind::timeline_history, {11}, 0, 0}));
}

TEST(WalName, NothingElse) {
  for (auto text : {"", "0000000100000002000000a3", "0000000100000002000000A", "0000000100000002000000A3.gz",
                    "0000000100000002000000A3.PARTIAL", "0000000100000002000000A3.0000028.backup",
                    "0000000100000002000000A3.0000002x.backup", "0000000100000002000000A3 ", "1.history",
                    "00000001.history.tmp", "../00000001.history", "0000000100000002/00000A3", "archive_status",
                    "0000000100000002000000A3.partial.partial", "0000000G00000002000000A3"}) {
    EXPECT_FALSE(is_name(text)) << text;
  }
  EXPECT_FALSE(is_name(std::string_view{"0000000100000002000000A3\0", 25}));
}

TEST(WalName, OfAPosition) {
  EXPECT_EQ(wal_segment_name({1}, {0x16B374D848}, mib16), "0000000100000016000000B3");
  EXPECT_EQ(wal_segment_name({2}, {0}, mib16), "000000020000000000000000");
  EXPECT_EQ(wal_segment_name({1}, {0x1C44A90}, 1U << 20), "00000001000000000000001C");
  EXPECT_EQ(wal_segment_name({1}, {0x140000000}, 1U << 30), "000000010000000100000001");
}

TEST(WalName, RoundTrip) {
  for (std::uint32_t size : {1U << 20, mib16, 64U << 20, 1U << 30}) {
    for (std::uint64_t lsn : {0ULL, 0xFFFFFFFFULL, 0x100000000ULL, 0x16B374D848ULL, 0xFFFFFFFF00000000ULL}) {
      auto start = segment_start(name(wal_segment_name({3}, {lsn}, size)), size);
      EXPECT_EQ(start.value, lsn - lsn % size);
    }
  }
}

// First page of 00000002000000000000001C right after a promotion of PostgreSQL 15: it still says timeline 1.
std::string real_head() {
  constexpr unsigned char bytes[] = {0x10, 0xd1, 0x06, 0x00, 0x01, 0, 0,    0, 0, 0,    0xc0, 0x01, 0,    0,
                                     0,    0,    0,    0,    0,    0, 0,    0, 0, 0,    0xb4, 0x50, 0xae, 0x17,
                                     0xe2, 0x5e, 0x03, 0x6b, 0,    0, 0x10, 0, 0, 0x20, 0,    0};
  return {reinterpret_cast<const char*>(bytes), sizeof bytes};
}
constexpr std::uint64_t mib = 1U << 20;
constexpr SystemId system_id{7711111312141340852U};

std::string refusal(std::string_view file, const std::string& head, std::uint64_t size = mib,
                    SystemId expected = system_id) {
  auto checked = check_segment(name(file), head, size, expected);
  if (checked) return "";
  EXPECT_EQ(checked.error().kind, ErrorKind::refused);
  return checked.error().what;
}
std::string with(std::size_t offset, char value) {
  auto head = real_head();
  head[offset] = value;
  return head;
}

TEST(Segment, RealOne) {
  EXPECT_EQ(refusal("00000001000000000000001C", real_head()), "");
  EXPECT_EQ(refusal("00000001000000000000001C", real_head(), mib, SystemId{}), "");
  EXPECT_EQ(refusal("00000001000000000000001C.partial", real_head()), "");
}

TEST(Segment, FirstOfANewTimelineBeginsWithAPageOfTheOldOne) {
  EXPECT_EQ(refusal("00000002000000000000001C", real_head()), "");
}

TEST(Segment, NewerPageThanItsName) {
  EXPECT_NE(refusal("00000001000000000000001C", with(4, 2)).find("timeline 2, its name says 1"), std::string::npos);
  EXPECT_NE(refusal("00000001000000000000001C", with(4, 0)), "");
}

TEST(Segment, EachDifferenceIsNamed) {
  auto file = "00000001000000000000001C";
  EXPECT_NE(refusal(file, real_head(), mib - 1).find("1048575 bytes"), std::string::npos);
  EXPECT_NE(refusal(file, real_head(), 16 * mib).find("a segment of this server has 1048576"), std::string::npos);
  EXPECT_NE(refusal(file, with(1, 0)).find("magic"), std::string::npos);
  EXPECT_NE(refusal(file, with(2, 0)).find("long header"), std::string::npos);
  EXPECT_NE(refusal(file, with(34, 0x11)).find("segment size"), std::string::npos);
  EXPECT_NE(refusal("00000001000000000000001D", real_head()).find("0/1C00000, its name says 0/1D00000"),
            std::string::npos);
  EXPECT_NE(refusal(file, real_head(), mib, {1}).find("system 7711111312141340852, expected is 1"), std::string::npos);
  EXPECT_NE(refusal(file, real_head().substr(0, 39)).find("only 39 bytes"), std::string::npos);
  EXPECT_NE(refusal(file, std::string(40, '\0')), "");
}

TEST(Segment, OnlySegmentsHaveHeaders) {
  EXPECT_NE(refusal("00000002.history", real_head()), "");
  EXPECT_NE(refusal("00000001000000000000001C.00000028.backup", real_head()), "");
}

}  // namespace
}  // namespace dugong::postgres
