#include "base/ids.h"

#include <gtest/gtest.h>

namespace dugong {
namespace {

Lsn lsn(std::string_view text) { return parse_lsn(text).value(); }

TEST(Lsn, reads_both_halves) {
  EXPECT_EQ(lsn("16/B374D848").value, 0x16B374D848U);
  EXPECT_EQ(lsn("0/0").value, 0U);
  EXPECT_EQ(lsn("FFFFFFFF/FFFFFFFF").value, UINT64_MAX);
  EXPECT_EQ(lsn("0/00000001").value, 1U);
  EXPECT_EQ(lsn("a/b"), lsn("A/B"));
}

TEST(Lsn, is_compared_as_a_number) {
  EXPECT_LT(lsn("9/0"), lsn("10/0"));
  EXPECT_LT(lsn("0/9"), lsn("0/10"));
  EXPECT_GT(lsn("1/0"), lsn("0/FFFFFFFF"));
}

TEST(Lsn, refuses_everything_else) {
  for (auto text : {"", "/", "1/", "/1", "1", "1/2/3", "1/G", " 1/2", "1/2 ", "1/-2", "-1/2", "+1/2", "0x1/2",
                    "123456789/0", "0/123456789", "000000001/0"}) {
    auto read = parse_lsn(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().kind, ErrorKind::failed);
    EXPECT_NE(read.error().what.find(text), std::string::npos);
  }
}

TEST(Lsn, is_written_as_postgresql_writes_it) {
  EXPECT_EQ(to_string(Lsn{0x16B374D848U}), "16/B374D848");
  EXPECT_EQ(to_string(Lsn{}), "0/0");
  EXPECT_EQ(to_string(Lsn{0x100000001U}), "1/1");
  EXPECT_EQ(to_string(Lsn{UINT64_MAX}), "FFFFFFFF/FFFFFFFF");
}

TEST(Lsn, survives_a_round_trip) {
  for (std::uint64_t value = 1; value != 0; value <<= 1U) {
    EXPECT_EQ(lsn(to_string(Lsn{value})).value, value);
    EXPECT_EQ(lsn(to_string(Lsn{value - 1})).value, value - 1);
  }
}

TEST(Identifiers, are_decimal) {
  EXPECT_EQ(to_string(Guid{UINT64_MAX}), "18446744073709551615");
  EXPECT_EQ(to_string(SystemId{7412345678901234567U}), "7412345678901234567");
}

TEST(U64, reads_the_whole_range) {
  EXPECT_EQ(parse_u64("0").value(), 0U);
  EXPECT_EQ(parse_u64("007").value(), 7U);
  EXPECT_EQ(parse_u64("18446744073709551615").value(), UINT64_MAX);
}

TEST(U64, refuses_everything_else) {
  for (auto text : {"", "-", "-1", "+1", " 1", "1 ", "1.0", "0x10", "1e3", "18446744073709551616", "１"}) {
    ASSERT_FALSE(parse_u64(text)) << text;
  }
}

}  // namespace
}  // namespace dugong
