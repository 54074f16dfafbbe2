#include "archive/push.h"

#include <gtest/gtest.h>

#include "archive/sandbox.h"

namespace dugong::archive {
namespace {

class PushTest : public Sandbox {
 protected:
  [[nodiscard]] Result<Pushed> push_it(const std::string& name = segment) const {
    return push({source(), archive(), name});
  }
  [[nodiscard]] std::string refusal(const std::string& name = segment) const {
    const auto pushed = push_it(name);
    return pushed ? "it was accepted" : pushed.error().where + ": " + pushed.error().what;
  }
};

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST_F(PushTest, stores_a_segment_byte_by_byte) {
  EXPECT_EQ(push_it().value_or(Pushed::already_there), Pushed::stored);
  EXPECT_EQ(read(archived()), read(source()));
  EXPECT_EQ(left_in_staging(), 0U);
}

TEST_F(PushTest, the_same_again_is_success) {
  ASSERT_TRUE(push_it());
  EXPECT_EQ(push_it().value_or(Pushed::stored), Pushed::already_there);
}

TEST_F(PushTest, another_content_is_refused_and_both_are_named) {
  ASSERT_TRUE(push_it());
  const auto first = read(archived());
  write(source(), SegmentBuilder{.filling = 'x'}.bytes());
  const auto why = refusal();
  EXPECT_TRUE(has(why, source())) << why;
  EXPECT_TRUE(has(why, archived())) << why;
  EXPECT_TRUE(has(why, "differs")) << why;
  EXPECT_EQ(read(archived()), first);
}

TEST_F(PushTest, a_shorter_file_under_the_name_is_another_content) {
  write(archived(), "w");
  EXPECT_TRUE(has(refusal(), "differs"));
  EXPECT_EQ(read(archived()), "w");
}

TEST_F(PushTest, a_symlink_under_the_name_is_not_followed) {
  write(root() + "/elsewhere", read(source()));
  std::filesystem::create_symlink(root() + "/elsewhere", archived());
  EXPECT_TRUE(has(refusal(), "differs"));
}

TEST_F(PushTest, history_files_are_stored) {
  write(source(), "1\t0/3000110\tno recovery target specified\n");
  EXPECT_TRUE(push_it("00000002.history"));
  EXPECT_EQ(read(archive() + "/00000002.history"), read(source()));
}

TEST_F(PushTest, without_identity_nothing_is_accepted) {
  std::filesystem::remove(archive() + "/.system_identifier");
  EXPECT_TRUE(has(refusal(), "not mounted"));
  EXPECT_FALSE(std::filesystem::exists(archived()));
}

TEST_F(PushTest, a_damaged_identity_accepts_nothing) {
  write(archive() + "/.system_identifier", "seven\n");
  EXPECT_TRUE(has(refusal(), "no system identifier"));
}

TEST_F(PushTest, identity_zero_accepts_nothing) {
  write(archive() + "/.system_identifier", "0\n");
  EXPECT_TRUE(has(refusal(), "no system identifier"));
}

TEST_F(PushTest, another_systems_wal_is_refused) {
  write(archive() + "/.system_identifier", "7000000000000000002\n");
  EXPECT_TRUE(has(refusal(), source()));
  EXPECT_FALSE(std::filesystem::exists(archived()));
}

TEST_F(PushTest, a_garbage_segment_is_refused) {
  write(source(), std::string(1 << 20, 'g'));
  EXPECT_FALSE(push_it());
  EXPECT_FALSE(std::filesystem::exists(archived()));
  EXPECT_EQ(left_in_staging(), 0U);
}

TEST_F(PushTest, a_wrong_name_is_refused) { EXPECT_FALSE(push_it("000000010000000000000031")); }
TEST_F(PushTest, a_wrong_timeline_is_refused) {
  write(source(), SegmentBuilder{.timeline = 2}.bytes());
  EXPECT_FALSE(push_it());
}
TEST_F(PushTest, a_name_cannot_leave_the_archive) { EXPECT_FALSE(push_it("../000000010000000000000030")); }
TEST_F(PushTest, other_names_are_invalid) {
  const auto pushed = push_it("postgresql.conf");
  ASSERT_FALSE(pushed);
  EXPECT_EQ(pushed.error().kind, ErrorKind::invalid);
}

TEST_F(PushTest, a_missing_source_is_named) {
  std::filesystem::remove(source());
  EXPECT_TRUE(has(refusal(), source() + " does not exist"));
}

TEST_F(PushTest, a_missing_archive_is_refused) {
  std::filesystem::remove_all(archive());
  EXPECT_FALSE(push_it());
  EXPECT_FALSE(std::filesystem::exists(archive()));
}

TEST_F(PushTest, what_a_killed_push_left_is_ignored_and_cleared) {
  std::filesystem::create_directories(archive() + "/.push");
  write(archive() + "/.push/" + segment + ".abc", "half");
  write(archive() + "/.push/.dugong-abc", "ha");
  ASSERT_TRUE(push_it());
  EXPECT_EQ(read(archived()), read(source()));
  EXPECT_EQ(left_in_staging(), 0U);
}

}  // namespace
}  // namespace dugong::archive
