#include <gtest/gtest.h>

#include "archive/push.h"
#include "archive/segment_builder.h"

namespace dugong::archive {
namespace {

constexpr SystemId ours{7000000000000000001};

// "" when it may be archived, else the reason.
std::string verdict(std::string_view name, std::string_view content, SystemId expected = ours) {
  const auto parsed = postgres::parse_wal_file_name(name);
  if (!parsed) return "bad name in the test";
  const auto checked = check_content(*parsed, content, expected);
  return checked ? "" : checked.error().what;
}
bool refused(std::string_view name, std::string_view content, std::string_view word) {
  return verdict(name, content).find(word) != std::string::npos;
}

constexpr const char* segment = "000000010000000000000030";  // 0x3000000 with segments of 1 MiB

TEST(Content, a_segment) { EXPECT_EQ(verdict(segment, SegmentBuilder{}.bytes()), ""); }
TEST(Content, a_segment_of_another_server) { EXPECT_NE(verdict(segment, SegmentBuilder{.system = 1}.bytes()), ""); }
TEST(Content, a_segment_of_another_timeline) { EXPECT_NE(verdict(segment, SegmentBuilder{.timeline = 2}.bytes()), ""); }
TEST(Content, a_segment_under_its_neighbours_name) {
  EXPECT_NE(verdict("000000010000000000000031", SegmentBuilder{}.bytes()), "");
}
TEST(Content, a_segment_that_was_cut_off) { EXPECT_NE(verdict(segment, SegmentBuilder{}.bytes().substr(0, 8192)), ""); }
TEST(Content, a_segment_of_zeros) { EXPECT_NE(verdict(segment, std::string(1 << 20, '\0')), ""); }
TEST(Content, an_empty_segment) { EXPECT_NE(verdict(segment, ""), ""); }

TEST(Content, a_partial_segment) {
  EXPECT_EQ(verdict("000000010000000000000030.partial", SegmentBuilder{}.bytes()), "");
}
TEST(Content, a_partial_segment_of_another_server) {
  EXPECT_NE(verdict("000000010000000000000030.partial", SegmentBuilder{.system = 1}.bytes()), "");
}

constexpr const char* history = "00000003.history";

TEST(Content, a_timeline_history) {
  EXPECT_EQ(verdict(history, "1\t0/3000110\tno recovery target specified\n\n2\t0/5000000\tat restore point\n"), "");
}
TEST(Content, a_timeline_history_with_a_comment) { EXPECT_EQ(verdict(history, "# x\n2\t0/5000000\twhy\n"), ""); }
TEST(Content, a_timeline_history_without_reason) { EXPECT_EQ(verdict(history, "2\t0/5000000\n"), ""); }
TEST(Content, an_empty_timeline_history) { EXPECT_TRUE(refused(history, "", "without a parent")); }
TEST(Content, a_timeline_history_of_comments) { EXPECT_TRUE(refused(history, "# x\n", "without a parent")); }
TEST(Content, a_timeline_cannot_be_its_own_parent) {
  EXPECT_TRUE(refused(history, "3\t0/1\tx\n", "timeline 3 as a parent"));
}
TEST(Content, a_timeline_cannot_come_from_a_younger_one) { EXPECT_TRUE(refused(history, "4\t0/1\tx\n", "timeline 4")); }
TEST(Content, timeline_zero_does_not_exist) { EXPECT_TRUE(refused(history, "0\t0/1\tx\n", "not a timeline history")); }
TEST(Content, a_history_line_needs_a_position) { EXPECT_TRUE(refused(history, "1\tx\ty\n", "not a timeline history")); }
TEST(Content, a_history_line_needs_two_fields) { EXPECT_TRUE(refused(history, "1\n", "not a timeline history")); }
TEST(Content, garbage_is_no_history) { EXPECT_TRUE(refused(history, "\x01\xff", "not a timeline history")); }

constexpr const char* backup = "000000010000000000000030.00000028.backup";

TEST(Content, a_backup_history) {
  EXPECT_EQ(verdict(backup, "START WAL LOCATION: 0/3000028 (file 000000010000000000000030)\n"), "");
}
TEST(Content, garbage_is_no_backup_history) { EXPECT_TRUE(refused(backup, "x", "START WAL LOCATION")); }

}  // namespace
}  // namespace dugong::archive
