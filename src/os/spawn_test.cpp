#include "os/spawn.h"

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "base/ids.h"
#include "base/text.h"
#include "os/clock.h"
#include "os/files.h"
#include "os/processes.h"
#include "os/tail.h"
#include "os/testing.h"

namespace dugong::os {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Command sh(const std::string& script) {
  Command command;
  command.argv = {"sh", "-c", script};
  return command;
}
Deadline soon() { return deadline_in(Millis{10'000}); }
Output output(const std::string& script, std::string_view input = {}) {
  return run(sh(script), soon(), {}, {}, input).value();
}

bool no_children() { return ::waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD; }

template <class Condition>
bool eventually(Condition condition) {
  for (int i = 0; i < 300; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(milliseconds{10});
  }
  return false;
}

TEST(Run, OutErrAndExit) {
  const auto result = output("echo one; echo two >&2; exit 3");
  EXPECT_EQ(result.out, "one\n");
  EXPECT_EQ(result.err, "two\n");
  EXPECT_EQ(result.exit, (Exit{3, 0}));
  EXPECT_FALSE(result.exit.ok());
  EXPECT_TRUE(no_children());
}

TEST(Run, ASignal) {
  EXPECT_EQ(output("kill -9 $$").exit, (Exit{0, 9}));
  EXPECT_EQ(to_string(Exit{0, 9}), "killed by signal 9 (Killed)");
  EXPECT_EQ(to_string(Exit{2, 0}), "exit 2");
}

TEST(Run, NotFound) {
  Command command;
  command.argv = {"no-such-program-at-all"};
  const auto error = run(command, soon()).error();
  EXPECT_EQ(error.kind, ErrorKind::failed);
  EXPECT_NE(error.what.find("no-such-program-at-all was not found in /"), std::string::npos) << error.what;
  command.argv = {"/no/such"};
  EXPECT_FALSE(run(command, soon()));
  command.argv = {};
  EXPECT_EQ(run(command, soon()).error().kind, ErrorKind::invalid);
}

TEST(Run, NotExecutableIsTheSystemsReason) {
  const TempDir dir;
  ASSERT_TRUE(write_file(dir.path("x"), "garbage", {.mode = 0755, .uid = {}, .gid = {}}));
  Command command;
  command.argv = {dir.path("x")};
  const auto error = run(command, soon()).error();
  EXPECT_NE(error.what.find("run it: Exec format error"), std::string::npos) << error.what;
  EXPECT_TRUE(no_children());
}

TEST(Run, Input) { EXPECT_EQ(output("cat", std::string(1 << 20, 'x')).out.size(), 1U << 20); }
TEST(Run, InputThatNobodyReads) { EXPECT_TRUE(output("exec <&-; sleep 0.1", std::string(1 << 20, 'x')).exit.ok()); }
TEST(Run, WithoutInputStdinIsEmpty) { EXPECT_EQ(output("cat").out, ""); }

TEST(Run, OutputIsBounded) {
  const Limits limits{.out = 1000, .err = 100};
  const auto result =
      run(sh("head -c 5000000 /dev/zero | tr '\\0' x; echo END; head -c 9000 /dev/zero >&2"), soon(), {}, limits)
          .value();
  EXPECT_TRUE(result.out_truncated);
  EXPECT_TRUE(result.err_truncated);
  EXPECT_TRUE(result.out.ends_with("xEND\n"));
  EXPECT_LT(result.out.size(), 1100U);
  EXPECT_LT(result.err.size(), 200U);
}

TEST(Run, TheDeadlineKillsTheWholeGroup) {
  const TempDir dir;
  const auto start = now();
  const auto error =
      run(sh("echo why >&2; sh -c 'echo $$ > " + dir.path("pid") + "; sleep 100' & wait"), deadline_in(Millis{300}))
          .error();
  EXPECT_EQ(error.kind, ErrorKind::timed_out);
  EXPECT_NE(error.what.find("it said: why"), std::string::npos) << error.what;
  EXPECT_LT(now() - start, seconds{5});
  const int grandchild = std::stoi(read_file(dir.path("pid"))->bytes);
  EXPECT_TRUE(eventually([&] { return !process_exists(grandchild); }));
  EXPECT_TRUE(no_children());
}

TEST(Run, OneThatIgnoresTermIsKilled) {
  EXPECT_EQ(run(sh("trap '' TERM; while :; do sleep 0.05; done"), deadline_in(Millis{100})).error().kind,
            ErrorKind::timed_out);
  EXPECT_TRUE(no_children());
}

TEST(Run, AStopEndsItAtOnce) {
  std::stop_source source;
  std::jthread later{[&] {
    std::this_thread::sleep_for(milliseconds{50});
    source.request_stop();
  }};
  const auto start = now();
  EXPECT_EQ(run(sh("sleep 100"), soon(), source.get_token()).error().kind, ErrorKind::interrupted);
  EXPECT_LT(now() - start, seconds{3});
}

TEST(Run, ADaemonThatKeepsThePipesDoesNotHoldUsUp) {
  const auto start = now();
  EXPECT_EQ(output("echo started; sleep 8 &").out, "started\n");
  EXPECT_LT(now() - start, seconds{5});
}

TEST(Run, TheEnvironmentIsGivenNotInherited) {
  ::setenv("DUGONG_TEST_SECRET", "s3cret", 1);
  ::setenv("DUGONG_TEST_KEPT", "kept", 1);
  Command command = sh("env");
  command.keep_env = {"DUGONG_TEST_KEPT", "DUGONG_TEST_ABSENT"};
  command.set_env = {{"GIVEN", "yes"}};
  const std::string all = "\n" + run(command, soon())->out;
  EXPECT_EQ(all.find("s3cret"), std::string::npos);
  EXPECT_EQ(all.find("ABSENT"), std::string::npos);
  for (const char* line : {"\nGIVEN=yes\n", "\nDUGONG_TEST_KEPT=kept\n", "\nLC_ALL=C\n", "\nPATH="}) {
    EXPECT_NE(all.find(line), std::string::npos) << line;
  }
}

TEST(Run, NoDescriptorButTheThree) {
  const int leaked = ::open("/dev/null", O_RDONLY);  // not close-on-exec, on purpose
  const std::string names = output("ls /proc/self/fd").out;
  ::close(leaked);
  EXPECT_EQ(names, "0\n1\n2\n3\n") << "3 is the directory that ls reads";
}

TEST(Run, SignalsAreReset) {
  std::signal(SIGPIPE, SIG_IGN);
  const auto status = output("cat /proc/self/status").out;
  EXPECT_NE(status.find("SigBlk:\t0000000000000000"), std::string::npos);
  EXPECT_NE(status.find("SigIgn:\t0000000000000000"), std::string::npos);
}

TEST(Run, DirectoryAndSession) {
  Command command = sh("pwd; cut -d' ' -f6 /proc/$$/stat; echo $$");
  command.directory = "/usr";
  const std::string text = run(command, soon())->out;
  const auto parts = lines(text);
  EXPECT_EQ(parts.at(0), "/usr");
  EXPECT_EQ(parts.at(1), parts.at(2)) << "its own session";
  command.directory = "/no/such";
  EXPECT_NE(run(command, soon()).error().what.find("enter its directory"), std::string::npos);
}

TEST(Run, AsAnotherUserWithoutGroups) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  Command command = sh("id -u; id -g; id -G");
  command.user = Credentials{65534, 65533};
  EXPECT_EQ(run(command, soon())->out, "65534\n65533\n65533\n");
}

TEST(Run, ManyAtOnce) {
  std::vector<std::jthread> threads;
  std::atomic<int> right{0};
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&right, i] {
      for (int j = 0; j < 5; ++j) {
        const auto result = output("echo " + std::to_string(i));
        if (result.out == std::to_string(i) + "\n") ++right;
      }
    });
  }
  threads.clear();
  EXPECT_EQ(right, 40);
  EXPECT_TRUE(no_children());
}

TEST(Child, StreamsThroughItsPipes) {
  Command command = sh("cat");
  command.in = Stdio::pipe;
  auto child = spawn(command).value();
  const StopSignal stop{{}};
  ASSERT_TRUE(write_all(child.in.get(), "hello", soon(), stop));
  std::string into(100, '\0');
  EXPECT_EQ(read_some(child.out.get(), into, soon(), stop).value(), 5U);
  child.in.close();
  EXPECT_EQ(read_some(child.out.get(), into, soon(), stop).value(), 0U);
  EXPECT_TRUE(child.wait(soon())->ok());
  EXPECT_TRUE(child.wait(soon())->ok()) << "asking twice gives the same";
  EXPECT_FALSE(child.err.get() == -1);
}

TEST(Child, WaitHasADeadlineAndAStop) {
  auto child = spawn(sh("sleep 100")).value();
  EXPECT_EQ(child.wait(deadline_in(Millis{20})).error().kind, ErrorKind::timed_out);
  std::stop_source source;
  source.request_stop();
  EXPECT_EQ(child.wait(soon(), source.get_token()).error().kind, ErrorKind::interrupted);
  EXPECT_EQ(child.terminate()->signal, SIGTERM);
}

// A filesystem whose daemon never says a word.
class SilentDisk {
 public:
  SilentDisk() {
    if (!fuse_.valid()) return;
    const auto options = "fd=" + std::to_string(fuse_.get()) + ",rootmode=40000,user_id=0,group_id=0";
    mounted_ = ::mount("silent", path().c_str(), "fuse", 0, options.c_str()) == 0;
  }
  ~SilentDisk() {
    if (mounted_) ::umount2(path().c_str(), MNT_DETACH);
  }
  SilentDisk(const SilentDisk&) = delete;
  SilentDisk& operator=(const SilentDisk&) = delete;
  [[nodiscard]] bool mounted() const { return mounted_; }
  [[nodiscard]] std::string path() const { return directory_.path(); }

 private:
  TempDir directory_;
  Fd fuse_{::open("/dev/fuse", O_RDWR | O_CLOEXEC)};
  bool mounted_ = false;
};

TEST(Spawn, ADiskThatHangsIsNotWaitedFor) {
  const SilentDisk disk;
  if (!disk.mounted()) GTEST_SKIP() << "mounting is not allowed here";
  auto command = sh("true");
  command.directory = disk.path() + "/x";
  command.start_within = Millis{50};
  const auto child = spawn(command);
  ASSERT_FALSE(child);
  EXPECT_EQ(child.error().kind, ErrorKind::timed_out);
  EXPECT_NE(child.error().what.find("sh could not be started in 50"), std::string::npos) << child.error().what;
  EXPECT_TRUE(run(sh("true"), soon())) << "others go on";
  EXPECT_TRUE(eventually(no_children));
}

TEST(Child, TerminateLeavesNothingOfTheGroup) {
  const TempDir dir;
  const auto file = dir.path("pid");
  auto child = spawn(sh("sh -c 'trap \"\" TERM; echo $$ >" + file + ".new; mv " + file + ".new " + file +
                        "; exec sleep 100' & wait"))
                   .value();
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(file); }));
  const auto deaf = static_cast<int>(parse_u64(trim(read_file(file)->bytes)).value_or(0));
  ASSERT_TRUE(process_exists(deaf));
  EXPECT_EQ(child.terminate()->signal, SIGTERM);
  EXPECT_TRUE(eventually([&] { return !process_exists(deaf); }));
}

TEST(Child, InASessionOfItsOwnWhatItStartedIsSpared) {
  const TempDir dir;
  const auto file = dir.path("pid");
  auto command = sh("sleep 100 & echo $! >" + file + ".new; mv " + file + ".new " + file + "; wait");
  command.group = Group::own_session_alone;
  auto child = spawn(command).value();
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(file); }));
  const auto spared = static_cast<int>(parse_u64(trim(read_file(file)->bytes)).value_or(0));
  EXPECT_EQ(child.terminate()->signal, SIGTERM);
  EXPECT_TRUE(process_exists(spared));
  EXPECT_EQ(::kill(spared, SIGKILL), 0);
}

TEST(Child, DiesWithItsOwnerAndLeavesNoZombie) {
  int pid = 0;
  {
    const auto child = spawn(sh("sleep 100")).value();
    pid = child.pid();
    EXPECT_TRUE(process_exists(pid));
  }
  EXPECT_FALSE(process_exists(pid));
  EXPECT_TRUE(no_children());
}

TEST(Child, MovingKeepsItAlive) {
  auto first = spawn(sh("sleep 100")).value();
  Child second = std::move(first);
  EXPECT_FALSE(first.valid());  // NOLINT(bugprone-use-after-move): what is left behind is promised
  EXPECT_TRUE(process_exists(second.pid()));
  second = Child{};
  EXPECT_TRUE(no_children());
}

TEST(Child, SurvivesTheThreadThatAskedForIt) {
  Child child;
  std::thread{[&] { child = spawn(sh("sleep 100")).value(); }}.join();
  EXPECT_EQ(child.wait(deadline_in(Millis{200})).error().kind, ErrorKind::timed_out)
      << "the death signal came with the end of a thread";
}

// Run by the next test in a process of its own.
TEST(Child, DISABLED_Parent) {
  const auto child = spawn(sh("sleep 100")).value();
  ASSERT_TRUE(write_file(::getenv("DUGONG_TEST_PID_FILE"), std::to_string(child.pid())));
  sleep_for(Millis{60'000});
}

TEST(Child, DiesWhenItsParentIsKilled) {
  const TempDir dir;
  Command command;
  command.argv = {own_executable().value(), "--gtest_also_run_disabled_tests", "--gtest_filter=Child.DISABLED_Parent"};
  command.set_env = {{"DUGONG_TEST_PID_FILE", dir.path("pid")}};
  command.out = Stdio::null;
  auto parent = spawn(command).value();
  ASSERT_TRUE(eventually([&] { return read_file(dir.path("pid"))->stat.size > 0; }));
  const int grandchild = std::stoi(read_file(dir.path("pid"))->bytes);
  EXPECT_TRUE(process_exists(grandchild));
  parent.signal(SIGKILL);
  ASSERT_TRUE(parent.wait(soon()));
  EXPECT_TRUE(eventually([&] { return read_file("/proc/" + std::to_string(grandchild) + "/cmdline")->bytes.empty(); }));
}

TEST(Program, LookUp) {
  EXPECT_TRUE(find_program("sh"));
  EXPECT_FALSE(find_program(""));
  EXPECT_FALSE(find_program("no-such-program-at-all"));
  EXPECT_EQ(find_program("/bin/sh"), "/bin/sh");
  EXPECT_NE(program_path().find("/usr/sbin"), std::string::npos);
}

std::string kept(std::size_t limit, const std::vector<std::string>& parts) {
  HeadAndTail text{limit};
  for (const auto& part : parts) text.add(part);
  return text.text();
}

TEST(HeadAndTail, KeepsBothEnds) {
  EXPECT_EQ(kept(10, {}), "");
  EXPECT_EQ(kept(10, {"0123456789"}), "0123456789");
  EXPECT_EQ(kept(10, {"01234", "56789"}), "0123456789");
  EXPECT_EQ(kept(4, {"012345"}), "01\n… 2 bytes left out …\n45");
  EXPECT_EQ(kept(4, {"0", "1", "2", "3", "4", "5", "6", "7", "8"}), "01\n… 5 bytes left out …\n78");
  EXPECT_EQ(kept(0, {"abc"}), "\n… 3 bytes left out …\n");
}

}  // namespace
}  // namespace dugong::os
