#include "base/units.h"

#include <gtest/gtest.h>
#include <limits>

namespace dugong {
namespace {

constexpr Bytes KiB = 1024;
constexpr Bytes GiB = KiB * KiB * KiB;
constexpr Bytes TiB = KiB * GiB;

TEST(HumanBytes, has_three_digits) {
  EXPECT_EQ(human_bytes(0), "0 B");
  EXPECT_EQ(human_bytes(1), "1 B");
  EXPECT_EQ(human_bytes(1023), "1023 B");
  EXPECT_EQ(human_bytes(1024), "1 KiB");
  EXPECT_EQ(human_bytes(1536), "1.5 KiB");
  EXPECT_EQ(human_bytes(1290), "1.26 KiB");
  EXPECT_EQ(human_bytes(12 * KiB + 300), "12.3 KiB");
  EXPECT_EQ(human_bytes(123 * KiB + 600), "124 KiB");
  EXPECT_EQ(human_bytes(1000 * KiB), "1000 KiB");
  EXPECT_EQ(human_bytes(4 * TiB), "4 TiB");
  EXPECT_EQ(human_bytes(UINT64_MAX), "16 EiB");
}

TEST(HumanBytes, never_shows_1024_of_a_unit) {
  EXPECT_EQ(human_bytes(1024 * KiB - 1), "1 MiB");
  EXPECT_EQ(human_bytes(GiB - 1), "1 GiB");
  EXPECT_EQ(human_bytes(1023 * KiB), "1023 KiB");
  EXPECT_EQ(human_bytes(10 * KiB - 1), "10 KiB");
  EXPECT_EQ(human_bytes(100 * KiB - 1), "100 KiB");
}

TEST(ParseBytes, knows_the_units) {
  struct Case {
    std::string_view text;
    Bytes bytes;
  };
  for (auto [text, bytes] : {Case{"0", 0},
                             {"8", 8},
                             {"8B", 8},
                             {"8k", 8 * KiB},
                             {"8kB", 8 * KiB},
                             {"8K", 8 * KiB},
                             {"8KiB", 8 * KiB},
                             {"512MiB", 512 * KiB * KiB},
                             {"8G", 8 * GiB},
                             {"8Gi", 8 * GiB},
                             {"32GB", 32 * GiB},
                             {"64 g", 64 * GiB},
                             {"1.5 TB", TiB + TiB / 2},
                             {"0.1k", 102},
                             {"0.5G", GiB / 2},
                             {"1.0", 1},
                             {"16777215T", 16777215 * TiB},
                             {"18446744073709551615", UINT64_MAX}}) {
    auto read = parse_bytes(text);
    ASSERT_TRUE(read) << text;
    EXPECT_EQ(*read, bytes) << text;
  }
}

TEST(ParseBytes, refuses_everything_else) {
  for (auto text : {"",
                    "G",
                    "-1",
                    "+1",
                    " 1",
                    "1 ",
                    "1  G",
                    "1.G",
                    ".5G",
                    "1X",
                    "1GG",
                    "1GiBs",
                    "1Bi",
                    "1BB",
                    "1e3",
                    "1,5G",
                    "16777216T",
                    "18446744073709551616",
                    "99999999999999999999T",
                    "0x10"}) {
    auto read = parse_bytes(text);
    ASSERT_FALSE(read) << text << " was read as " << *read;
    EXPECT_EQ(read.error().kind, ErrorKind::invalid);
    EXPECT_FALSE(read.error().next.empty());
  }
}

TEST(ParseBytes, reads_what_human_bytes_writes) {
  for (auto text : {"1.5 KiB", "12.3 KiB", "1000 KiB", "4 TiB", "1023 B"}) {
    EXPECT_EQ(human_bytes(parse_bytes(text).value()), text);
  }
}

std::string human(double seconds) { return human_duration(std::chrono::duration<double>{seconds}); }

TEST(HumanDuration, uses_two_units_at_most) {
  EXPECT_EQ(human(0), "0 s");
  EXPECT_EQ(human(0.0034), "3.4 ms");
  EXPECT_EQ(human(0.57), "570 ms");
  EXPECT_EQ(human(0.9999), "1 s");
  EXPECT_EQ(human(5.3), "5.3 s");
  EXPECT_EQ(human(59.94), "59.9 s");
  EXPECT_EQ(human(59.96), "1 min 00 s");
  EXPECT_EQ(human(65), "1 min 05 s");
  EXPECT_EQ(human(3599.6), "1 h 00 min");
  EXPECT_EQ(human(3723), "1 h 02 min");
  EXPECT_EQ(human(86399), "23 h 59 min");
  EXPECT_EQ(human(86400 * 3 + 3600 * 4), "3 d 04 h");
}

TEST(HumanDuration, stands_what_a_division_may_yield) {
  EXPECT_EQ(human(-1), "0 s");
  EXPECT_EQ(human(std::numeric_limits<double>::infinity()), "unknown");
  EXPECT_EQ(human(std::numeric_limits<double>::quiet_NaN()), "unknown");
  EXPECT_EQ(human(1e300), "unknown");
}

TEST(HumanDuration, takes_milliseconds) { EXPECT_EQ(human_duration(Millis{1500}), "1.5 s"); }

TEST(Deadline, counts_down_to_zero) {
  Steady::time_point start{};
  auto deadline = Deadline::after(start, Millis{500});
  EXPECT_EQ(deadline.remaining(start), Millis{500});
  EXPECT_EQ(deadline.remaining(start + Millis{499}), Millis{1});
  EXPECT_FALSE(deadline.passed(start + Millis{499}));
  EXPECT_EQ(deadline.remaining(start + Millis{700}), Millis{0});
  EXPECT_TRUE(deadline.passed(start + Millis{500}));
  EXPECT_FALSE(Deadline{}.passed(start + std::chrono::hours{24 * 365}));
}

TEST(ParseDuration, TakesWhatPostgresTakes) {
  EXPECT_EQ(parse_duration("10ms"), Millis{10});
  EXPECT_EQ(parse_duration("2.5 s"), Millis{2500});
  EXPECT_EQ(parse_duration("5min"), Millis{300'000});
  EXPECT_EQ(parse_duration("1h"), Millis{3'600'000});
  EXPECT_EQ(parse_duration("0"), Millis{0});
  EXPECT_EQ(parse_duration("0ms"), Millis{0});
  EXPECT_EQ(parse_duration("10000h"), Millis{36'000'000'000});
}

TEST(ParseDuration, RefusesTheRest) {
  for (const auto* text : {"", "ms", "-1ms", "+1ms", "1", "1.5", "1 d", "1 MS", "10  ms", "ms10", "0.4ms", "nan s",
                           "1e3s", "10001h", "99999999999999999999h", "1ms ", "."})
    EXPECT_FALSE(parse_duration(text)) << text;
}

}  // namespace
}  // namespace dugong
