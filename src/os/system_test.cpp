// Clock, host, environment, locks, signals, network and processes: each asked of the running system.
#include <algorithm>
#include <arpa/inet.h>
#include <csignal>
#include <cstdlib>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <set>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

#include "os/clock.h"
#include "os/env.h"
#include "os/files.h"
#include "os/host.h"
#include "os/locks.h"
#include "os/mounts.h"
#include "os/net.h"
#include "os/processes.h"
#include "os/signals.h"
#include "os/spawn.h"
#include "os/testing.h"
#include "os/tty.h"

namespace dugong::os {
namespace {

Deadline soon() { return deadline_in(Millis{5'000}); }
const StopSignal never{{}};

TEST(Clock, SleepsAndStops) {
  const auto start = now();
  EXPECT_EQ(sleep_for(Millis{20}), Slept::whole);
  EXPECT_GE(now() - start, Millis{20});
  std::stop_source source;
  std::jthread later{[&] { source.request_stop(); }};
  EXPECT_EQ(sleep_for(Millis{60'000}, source.get_token()), Slept::stopped);
  EXPECT_LT(now() - start, std::chrono::seconds{10});
}

TEST(Clock, TokensDiffer) {
  std::set<std::string> tokens;
  for (int i = 0; i < 100; ++i) tokens.insert(random_token(8));
  EXPECT_EQ(tokens.size(), 100U);
  EXPECT_EQ(tokens.begin()->size(), 16U);
  EXPECT_EQ(tokens.begin()->find_first_not_of("0123456789abcdef"), std::string::npos);
}

TEST(Clock, WallTimeIsOfThisCentury) { EXPECT_GT(wall_ns(), 1'600'000'000'000'000'000); }

TEST(Processes, WorkIsSeen) {
  const auto before = work_of(::getpid());
  volatile std::uint64_t sum = 0;
  while (work_of(::getpid()).processor_ms < before.processor_ms + 20) sum = sum + 1;
  EXPECT_GT(work_of(::getpid()).bytes, before.bytes);  // what it read of /proc
  EXPECT_EQ(work_of(-1).processor_ms, 0U);
}

TEST(Env, GetAndAll) {
  ::setenv("DUGONG_TEST_X", "a=b", 1);
  EXPECT_EQ(env("DUGONG_TEST_X"), "a=b");
  EXPECT_EQ(environment().at("DUGONG_TEST_X"), "a=b");
  ::unsetenv("DUGONG_TEST_X");
  EXPECT_EQ(env("DUGONG_TEST_X"), std::nullopt);
}

TEST(Tty, AFileIsNone) {
  const auto pipe = make_pipe().value();
  EXPECT_FALSE(is_terminal(pipe.read_end.get()));
  EXPECT_EQ(terminal_width(pipe.read_end.get(), 77), 77U);
}

TEST(Host, Facts) {
  EXPECT_FALSE(hostname().empty());
  EXPECT_EQ(boot_id().size(), 36U);
  EXPECT_GT(memory(), Bytes{1} << 26);
  EXPECT_EQ(process_id(), ::getpid());
  const auto addresses = own_addresses();
  EXPECT_NE(std::find(addresses.begin(), addresses.end(), "127.0.0.1"), addresses.end());
}

TEST(Host, ParseListening) {
  constexpr auto table =
      "  sl  local_address rem_address   st tx_queue rx_queue\n"
      "   0: 0100007F:1538 00000000:0000 0A 00000000:00000000 00:00000000\n"
      "   1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000\n"
      "   2: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000\n"
      "   3: 0100007F:1539 0100007F:9999 01 00000000:00000000 00:00000000\n"
      "   4: garbage 00000000:0000 0A\n";
  EXPECT_EQ(parse_listening(table), (std::vector<std::uint16_t>{22, 5432}));
  EXPECT_TRUE(parse_listening("").empty());
}

TEST(Host, HugePages) {
  constexpr auto meminfo =
      "MemTotal:        8141164 kB\nHugePages_Total:     100\nHugePages_Free:       60\nHugePages_Rsvd:       20\n"
      "Hugepagesize:       2048 kB\n";
  const auto pages = parse_huge_pages(meminfo);
  EXPECT_EQ(pages.size, Bytes{2} << 20);
  EXPECT_EQ(pages.total, 100U);
  EXPECT_EQ(pages.available, 40U);
  EXPECT_EQ(parse_huge_pages("MemTotal: much\n").size, 0U);
}

// A TCP server on a port of its own that answers each connection with what the function says.
class Listener {
 public:
  Listener() : fd_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(fd_.get(), 8), 0);
    EXPECT_EQ(::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    port = ntohs(address.sin_port);
  }
  Fd accept() const { return Fd{::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC)}; }
  TcpTarget target() const { return {{}, "127.0.0.1", port}; }
  std::uint16_t port = 0;

 private:
  Fd fd_;
};

TEST(Net, ListeningPortsAreSeen) {
  const Listener listener;
  const auto ports = listening_ports().value();
  EXPECT_TRUE(std::binary_search(ports.begin(), ports.end(), listener.port));
}

TEST(Net, Exchange) {
  const Listener listener;
  std::jthread server{[&] {
    const Fd peer = listener.accept();
    std::string into(100, '\0');
    const auto count = read_some(peer.get(), into, soon(), never).value();
    EXPECT_TRUE(write_all(peer.get(), "you said " + into.substr(0, count), soon(), never));
  }};
  EXPECT_EQ(exchange(listener.target(), "hello", 100, nullptr, soon()).value(), "you said hello");
}

TEST(Net, ExchangeOverASocketOfThisMachine) {
  const std::string path = "/tmp/dugong-test-" + random_token(8);
  const Fd listening{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(listening.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(exchange_local(path, "hello", 100, soon()).error().kind, ErrorKind::unreachable);  // nobody listens yet
  ASSERT_EQ(::listen(listening.get(), 1), 0);
  std::jthread server{[&] {
    const Fd peer{::accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC)};
    std::string into(100, '\0');
    const auto count = read_some(peer.get(), into, soon(), never).value();
    EXPECT_TRUE(write_all(peer.get(), "you said " + into.substr(0, count), soon(), never));
  }};
  EXPECT_EQ(exchange_local(path, "hello", 100, soon()).value(), "you said hello");
  server.join();
  EXPECT_EQ(exchange_local(path, "hello", 100, deadline_in(Millis{50})).error().kind, ErrorKind::timed_out);
  ::unlink(path.c_str());
  EXPECT_EQ(exchange_local(path, "hello", 100, soon()).error().kind, ErrorKind::unreachable);
  EXPECT_FALSE(exchange_local("/" + std::string(200, 'x'), "", 100, soon()));
}

TEST(Net, AnAnswerEndsWhenItIsEnoughOrTooMuch) {
  const Listener listener;
  std::vector<Fd> open;
  std::jthread server{[&] {
    for (int i = 0; i < 3; ++i) {
      open.push_back(listener.accept());
      EXPECT_TRUE(write_all(open.back().get(), "RESTOFIT", soon(), never));
    }
  }};
  const auto start = now();
  EXPECT_EQ(exchange(
                listener.target(), "", 100, [](std::string_view a) { return a.starts_with("R"); }, soon())
                .value(),
            "RESTOFIT");
  EXPECT_EQ(exchange(listener.target(), "", 4, nullptr, soon()).value(), "REST");
  EXPECT_LT(now() - start, std::chrono::seconds{3});
  EXPECT_EQ(exchange(listener.target(), "", 100, nullptr, deadline_in(Millis{100})).value(), "RESTOFIT");
}

TEST(Net, NobodyThereNothingSaidNotAnAddress) {
  std::uint16_t port = 0;
  {
    const Listener gone;
    port = gone.port;
  }
  const auto refused = connect_tcp({{}, "127.0.0.1", port}, soon());
  EXPECT_EQ(refused.error().kind, ErrorKind::unreachable);
  EXPECT_NE(refused.error().what.find("Connection refused"), std::string::npos) << refused.error().what;
  const Listener silent;
  EXPECT_EQ(exchange(silent.target(), "x", 10, nullptr, deadline_in(Millis{50})).error().kind, ErrorKind::timed_out);
  EXPECT_FALSE(connect_tcp({{}, "no such host!", port}, soon()));
  // Its resolver is not waited for; it may be quicker than we are.
  const auto kind = connect_tcp({{}, "no such host!", port}, deadline_in(Millis{0})).error().kind;
  EXPECT_TRUE(kind == ErrorKind::timed_out || kind == ErrorKind::invalid) << static_cast<int>(kind);
  EXPECT_EQ(connect_tcp({"nonsense", "127.0.0.1", silent.port}, soon()).error().kind, ErrorKind::invalid);
  EXPECT_TRUE(connect_tcp({"127.0.0.1", "127.0.0.1", silent.port}, soon()));
}

struct Locks : testing::Test {
  TempDir dir;
  void SetUp() override { ::setenv("DUGONG_RUN_DIR", dir.path("run").c_str(), 1); }
  void TearDown() override { ::unsetenv("DUGONG_RUN_DIR"); }
};

TEST_F(Locks, OneHolderWhoIsNamed) {
  {
    const auto first = try_lock("dex.a", "up by root, pid 1").value();
    ASSERT_TRUE(std::holds_alternative<Lock>(first));
    const auto second = try_lock("dex.a", "somebody else").value();
    ASSERT_TRUE(std::holds_alternative<HeldBy>(second));
    EXPECT_EQ(std::get<HeldBy>(second).holder, "up by root, pid 1");
    EXPECT_TRUE(std::holds_alternative<Lock>(try_lock("dex.b", "me").value()));
  }
  EXPECT_TRUE(std::holds_alternative<Lock>(try_lock("dex.a", "next").value()));
}

TEST_F(Locks, AreNobodyElsesToOpen) {
  const auto mode = [&] { return stat_file(dir.path("run/dex.a.lock")).value().mode; };
  { ASSERT_TRUE(try_lock("dex.a", "me")); }
  EXPECT_EQ(mode(), 0600U);
  std::filesystem::permissions(dir.path("run/dex.a.lock"), std::filesystem::perms{0644});
  { ASSERT_TRUE(try_lock("dex.a", "me")); }
  EXPECT_EQ(mode(), 0600U) << "an older one";
}

TEST_F(Locks, Names) {
  for (const char* name : {"", "..", "a/b", ".hidden", "a b", "ä"}) {
    EXPECT_EQ(try_lock(name, "me").error().kind, ErrorKind::invalid) << name;
  }
}

TEST_F(Locks, TheDirectory) {
  EXPECT_EQ(run_directory(), dir.path("run"));
  ::unsetenv("DUGONG_RUN_DIR");
  EXPECT_EQ(run_directory(), "/run/dugong");
}

TEST(Mounts, Parse) {
  const auto mounts = parse_mountinfo(
      "22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n"
      "23 22 0:45 / /srv/a\\040b rw - zfs tank/x rw\n"
      "short line\n"
      "24 22 x:y / /bad rw - zfs tank/x rw\n");
  ASSERT_EQ(mounts.size(), 2U);
  EXPECT_EQ(mounts[1].point, "/srv/a b");
  EXPECT_EQ(mounts[1].source, "tank/x");
  EXPECT_EQ(parse_mountinfo("23 22 0:45 / /srv rw shared:1 master:2 - zfs tank/a\\040b rw\n").at(0).source, "tank/a b");
  EXPECT_EQ(parse_mountinfo("23 22 0:45 / /srv rw\n").at(0).source, "");
  EXPECT_EQ(mounts_at_or_below(mounts, "/srv"), (std::vector<std::string>{"/srv/a b"}));
  EXPECT_EQ(mounts_at_or_below(mounts, "/srv/a b"), (std::vector<std::string>{"/srv/a b"}));
  EXPECT_TRUE(mounts_at_or_below(mounts, "/srv/a").empty());
  EXPECT_EQ(mounts_at_or_below(mounts, "/").size(), 2U);
}

std::vector<std::string> uses(const std::string& directory, int pid) {
  std::vector<std::string> found;
  const auto all = processes_using(directory).value();
  for (const auto& process : all) {
    if (process.pid == pid) found.push_back(process.use);
  }
  return found;
}

TEST(Processes, WorkingDirectoryAndOpenFiles) {
  const TempDir dir;
  Command command;
  command.argv = {"sleep", "100"};
  command.directory = dir.path();
  const auto child = spawn(command).value();
  command.directory.clear();
  command.argv = {"sh", "-c", "exec 5>" + dir.path("file") + "; echo; exec sleep 100"};
  const auto writer = spawn(command).value();
  std::string line(10, '\0');
  ASSERT_TRUE(read_some(writer.out.get(), line, soon(), never));
  EXPECT_EQ(uses(dir.path(), child.pid()), (std::vector<std::string>{"working directory"}));
  EXPECT_EQ(uses(dir.path(), writer.pid()), (std::vector<std::string>{"open file"}));
  EXPECT_TRUE(uses("/usr", child.pid()).empty());
  EXPECT_FALSE(processes_using(dir.path("no")));
}

TEST(Processes, AreDescribed) {
  const TempDir dir;
  Command command;
  command.argv = {"sleep", "100"};
  command.directory = dir.path();
  const auto child = spawn(command).value();
  const auto found = processes_using(dir.path()).value();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].comm, "sleep");
  EXPECT_EQ(found[0].cmdline, "sleep 100");
  EXPECT_NE(found[0].net_namespace, 0U);
}

TEST(Processes, ThatHaveAMountOfTheirOwn) {
  const TempDir dir;
  const auto source = "dugong-test-" + std::to_string(process_id());
  EXPECT_TRUE(processes_mounting(source).empty());
  Command command;
  command.argv = {"unshare", "-m", "sh", "-c",
                  "mount -t tmpfs " + source + " " + dir.path() + " && echo ready && exec sleep 100"};
  const auto child = spawn(command);
  std::string line(10, '\0');
  if (!child || read_some(child->out.get(), line, soon(), never).value_or(0) == 0) GTEST_SKIP() << "cannot unshare";
  const auto found = processes_mounting(source);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].pid, child->pid());
}

TEST(Processes, AnotherMountNamespace) {
  const TempDir dir;
  Command command;
  command.argv = {"unshare", "-m", "sh", "-c",
                  "mount -t tmpfs none " + dir.path() + " && cd " + dir.path() + " && echo ready && exec sleep 100"};
  const auto child = spawn(command);
  std::string line(10, '\0');
  if (!child || read_some(child->out.get(), line, soon(), never).value_or(0) == 0) GTEST_SKIP() << "cannot unshare";
  const auto seen_through = "/proc/" + std::to_string(child->pid()) + "/cwd";
  EXPECT_EQ(uses(seen_through, child->pid()), (std::vector<std::string>{"working directory"}))
      << "the path inside means nothing to us; the inode does";
}

TEST(Signals, AProgramThatReplacesUsHasTheDefaultOnes) {
  Command command;
  command.argv = {"/proc/self/exe", "--gtest_filter=ReplacingChild.DISABLED_Run", "--gtest_also_run_disabled_tests"};
  const auto output = run(command, soon());
  ASSERT_TRUE(output) << output.error().what;
  EXPECT_NE(output->out.find("SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n"), std::string::npos)
      << output->out;
}
// Not a test of its own: becomes another program, with signals blocked and ignored as `serve` has them.
TEST(ReplacingChild, DISABLED_Run) {
  const Signals signals;
  std::signal(SIGCHLD, SIG_IGN);
  EXPECT_EQ(replace_process({"grep", "-E", "SigBlk|SigIgn", "/proc/self/status"}).what, "");
}
TEST(Signals, AnIgnoredSigchldDoesNotLoseAnExit) {
  Command command;
  command.argv = {"/proc/self/exe", "--gtest_filter=IgnoringChild.DISABLED_Run", "--gtest_also_run_disabled_tests"};
  const auto output = run(command, soon());
  ASSERT_TRUE(output) << output.error().what;
  EXPECT_TRUE(output->exit.ok()) << output->out;
}
// Not a test of its own: a program whose parent left SIGCHLD ignored, before its first child.
TEST(IgnoringChild, DISABLED_Run) {
  std::signal(SIGCHLD, SIG_IGN);
  Command command;
  command.argv = {"sh", "-c", "exit 7"};
  const auto output = run(command, soon());
  ASSERT_TRUE(output) << output.error().what;
  EXPECT_EQ(output->exit.code, 7);
}

TEST(ReadLine, TakesOneLineAndLeavesTheRest) {
  auto pipe = make_pipe().value();
  ASSERT_TRUE(write_all(pipe.write_end.get(), "yes\n\nrest", soon(), never));
  pipe.write_end.close();
  EXPECT_EQ(read_line(pipe.read_end.get(), {}), "yes");
  EXPECT_EQ(read_line(pipe.read_end.get(), {}), "");
  EXPECT_EQ(read_line(pipe.read_end.get(), {}), "rest");
  EXPECT_EQ(read_line(pipe.read_end.get(), {}), std::nullopt);
}
TEST(ReadLine, EndsWithTheStop) {
  const auto pipe = make_pipe().value();
  std::stop_source stop;
  std::jthread operator_leaves{[&] { stop.request_stop(); }};
  EXPECT_EQ(read_line(pipe.read_end.get(), stop.get_token()), std::nullopt);
}

TEST(Signals, BecomeAStop) {
  Signals signals;
  EXPECT_FALSE(signals.token().stop_requested());
  ::kill(::getpid(), SIGTERM);
  EXPECT_EQ(sleep_for(Millis{5'000}, signals.token()), Slept::stopped);
}

TEST(Signals, ASecondOneEndsTheProcess) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  EXPECT_EXIT(
      {
        Signals signals;
        ::kill(::getpid(), SIGINT);
        sleep_for(Millis{5'000}, signals.token());
        ::kill(::getpid(), SIGTERM);
        sleep_for(Millis{5'000});
      },
      testing::ExitedWithCode(128 + SIGTERM), "");
}

}  // namespace
}  // namespace dugong::os
