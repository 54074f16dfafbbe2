// dugong-wal as PostgreSQL meets it: a process with a working directory, an exit code and a line on stderr.
#include <algorithm>
#include <csignal>
#include <gtest/gtest.h>

#include "archive/sandbox.h"
#include "os/files.h"
#include "os/host.h"
#include "os/spawn.h"

namespace dugong::archive {
namespace {

std::string program() {
  const auto own = os::own_executable().value_or("");
  return own.substr(0, own.rfind('/')) + "/dugong-wal";
}

os::Output run(os::Command command) {
  auto output = os::run(std::move(command), os::deadline_in(Millis{60'000}));
  if (output) return *output;
  return {{-1, 0}, {}, output.error().what, false, false};
}

class WalProcess : public Sandbox {
 protected:
  [[nodiscard]] os::Command push_command() const {
    os::Command command;
    command.argv = {program(), "push", segment, archive(), segment};  // the source as %p gives it: relative
    command.directory = root();
    return command;
  }
  // A filesystem of one megabyte in place of the archive; false: not allowed here.
  [[nodiscard]] bool mount_small_archive() {
    os::Command mount;
    mount.argv = {"mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", archive()};
    mounted_ = run(mount).exit.ok();
    return mounted_;
  }
  void TearDown() override {
    if (!mounted_) return;
    os::Command unmount;
    unmount.argv = {"umount", archive()};
    EXPECT_TRUE(run(unmount).exit.ok());
  }

 private:
  bool mounted_ = false;
};

bool is_one_line(const std::string& text) { return std::ranges::count(text, '\n') == 1 && text.ends_with('\n'); }

TEST_F(WalProcess, stores_and_says_nothing) {
  const auto output = run(push_command());
  EXPECT_EQ(output.exit, (os::Exit{0, 0})) << output.err;
  EXPECT_EQ(output.out + output.err, "");
  EXPECT_EQ(read(archived()), read(source()));
}

TEST_F(WalProcess, a_failure_is_one_line_and_exit_1) {
  write(source(), "garbage");
  const auto output = run(push_command());
  EXPECT_EQ(output.exit, (os::Exit{1, 0}));
  EXPECT_TRUE(output.err.starts_with("dugong-wal: ")) << output.err;
  EXPECT_TRUE(is_one_line(output.err)) << output.err;
}

TEST_F(WalProcess, a_log_that_nobody_reads_is_no_signal) {
  write(source(), "garbage");
  auto command = push_command();
  command.argv.insert(command.argv.begin(), {"sh", "-c", "read line; exec \"$@\"", "sh"});  // until we have gone
  command.in = os::Stdio::pipe;
  auto child = os::spawn(command);
  ASSERT_TRUE(child);
  child->err.close();
  child->in.close();
  const auto exit = child->wait(os::deadline_in(Millis{10'000}));
  ASSERT_TRUE(exit);
  EXPECT_EQ(*exit, (os::Exit{1, 0})) << os::to_string(*exit);
}

TEST_F(WalProcess, a_full_disk_is_named) {
  if (!mount_small_archive()) GTEST_SKIP() << "mounting is not allowed here";
  write(archive() + "/.system_identifier", "7000000000000000001\n");
  write(source(), SegmentBuilder{.address = 0x30 * 2097152UL, .size = 2 << 20}.bytes());
  const auto output = run(push_command());
  EXPECT_EQ(output.exit, (os::Exit{1, 0}));
  EXPECT_NE(output.err.find("No space left on device"), std::string::npos) << output.err;
  EXPECT_FALSE(std::filesystem::exists(archived()));
  EXPECT_EQ(left_in_staging(), 0U);
}

TEST_F(WalProcess, an_archive_that_cannot_be_written_is_named) {
  std::filesystem::permissions(archive(), std::filesystem::perms{0555});
  auto command = push_command();
  if (os::user_id() == 0) command.user = os::Credentials{65534, 65534};
  const auto output = run(command);
  EXPECT_EQ(output.exit, (os::Exit{1, 0}));
  EXPECT_NE(output.err.find("Permission denied"), std::string::npos) << output.err;
  EXPECT_NE(output.err.find(archive()), std::string::npos) << output.err;
}

TEST_F(WalProcess, wrong_arguments_are_exit_2) {
  auto command = push_command();
  command.argv.pop_back();
  EXPECT_EQ(run(command).exit, (os::Exit{2, 0}));
  command.argv = {program()};
  EXPECT_EQ(run(command).exit, (os::Exit{2, 0}));
}

TEST_F(WalProcess, says_its_version) {
  os::Command command;
  command.argv = {program(), "version"};
  EXPECT_EQ(run(command).out, std::string{DUGONG_VERSION} + "\n");
}

// Killed at many points: the name is either absent or holds the whole segment, and the next push finishes the work.
TEST_F(WalProcess, killed_anywhere_it_leaves_nothing_half_done) {
  write(source(), SegmentBuilder{.address = 0x30 * 16777216UL, .size = 16 << 20}.bytes());
  const auto whole = read(source());
  for (int round = 0; round < 24; ++round) {
    std::filesystem::remove(archived());
    auto child = os::spawn(push_command());
    ASSERT_TRUE(child);
    (void)os::sleep_for(Millis{round});
    child->signal(SIGKILL);
    ASSERT_TRUE(child->wait(os::deadline_in(Millis{10'000})));
    ASSERT_TRUE(!std::filesystem::exists(archived()) || read(archived()) == whole) << "round " << round;
    ASSERT_TRUE(run(push_command()).exit.ok()) << "round " << round;
    ASSERT_TRUE(read(archived()) == whole) << "round " << round;
    ASSERT_EQ(left_in_staging(), 0U) << "round " << round;
  }
}

}  // namespace
}  // namespace dugong::archive
