#include "node/fleet.h"

#include <array>
#include <gtest/gtest.h>
#include <mutex>
#include <vector>

#include "node/session_kit_test.h"
#include "os/spawn.h"

namespace dugong::node {
namespace {

using testkit::FakeNode;
using testkit::FakeZfs;
using testkit::Host;
using testkit::soon;

// Not a test of its own: the process that the SIGKILL tests run in place of `ssh … dugong serve`. GoogleTest's lines
// before the greeting are a login shell's banner to the other side.
TEST(ServeChild, DISABLED_Run) {
  auto channel = wire::over_standard_streams();
  ASSERT_TRUE(channel.has_value());
  const ServeOptions options{{}, testkit::quick()};
  EXPECT_TRUE(serve(std::move(*channel), std::make_shared<FakeNode>(), options).has_value());
}
os::Command serve_child() {
  os::Command command;
  command.argv = {"/proc/self/exe", "--gtest_filter=ServeChild.DISABLED_Run", "--gtest_also_run_disabled_tests"};
  command.in = os::Stdio::pipe;
  return command;
}

enum class Where { here, there };
struct Placement {
  Where from = Where::here;
  Where to = Where::here;
};
class Copy : public testing::TestWithParam<Placement> {
 protected:
  Copy() {
    add("a", GetParam().from);
    add("b", GetParam().to);
  }
  void add(const std::string& name, Where where) {
    if (where == Where::here) {
      fleet_.add_local(name, std::make_unique<FakeNode>());
    } else {
      fleet_.add_remote(name, testkit::remote_to(host_, name));
    }
  }
  Result<CopyResult> copy(const std::string& snapshot, const std::string& dataset, const std::stop_token& stop = {},
                          const CopyProgress& progress = {}, Deadline deadline = soon()) {
    return fleet_.copy({"a", {"tank/a@" + snapshot, ""}, "b", {"tank/" + dataset}}, progress, deadline, stop);
  }
  std::string failure(const std::string& snapshot, const std::string& dataset) {
    auto copied = copy(snapshot, dataset);
    return copied ? "" : copied.error().what;
  }
  void TearDown() override { EXPECT_TRUE(zfs_.all_end_within(Millis{15'000})); }

  FakeZfs zfs_;
  Host host_{std::make_shared<FakeNode>()};
  RealFleet fleet_{testkit::quick()};
};
bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST_P(Copy, TakesEveryByte) {
  std::string payload;
  for (unsigned i = 0; payload.size() < 3'000'000; ++i) payload += static_cast<char>((i * 2654435761U) >> 24U);
  std::ofstream{zfs_.directory + "/payload", std::ios::binary} << payload;
  Bytes told = 0;
  auto copied = copy("payload", "to", {}, [&](Bytes done) { told = done; });
  ASSERT_TRUE(copied.has_value()) << copied.error().what;
  EXPECT_EQ(copied->bytes, payload.size());
  EXPECT_EQ(told, payload.size());
  EXPECT_EQ(zfs_.read("received"), payload);
  EXPECT_EQ(zfs_.read("ended"), "done\n");  // success came after zfs receive had ended, not before
}
TEST_P(Copy, TakesNothingToo) {
  std::ofstream{zfs_.directory + "/payload"} << "";
  auto copied = copy("payload", "to");
  ASSERT_TRUE(copied.has_value()) << copied.error().what;
  EXPECT_EQ(copied->bytes, 0U);
}
TEST_P(Copy, SaysWhyTheSenderFailed) { EXPECT_PRED2(has, failure("missing", "to"), "dataset does not exist"); }
TEST_P(Copy, SaysWhyTheSenderFailedLate) { EXPECT_PRED2(has, failure("late", "to"), "I/O error"); }
TEST_P(Copy, SaysWhyTheReceiverFailed) { EXPECT_PRED2(has, failure("forever", "modified"), "has been modified"); }
TEST_P(Copy, SaysWhyTheReceiverFailedAtTheEnd) {
  std::ofstream{zfs_.directory + "/payload"} << "some bytes";
  EXPECT_PRED2(has, failure("payload", "sour"), "checksum mismatch");
}
TEST_P(Copy, TheReceiversWordsComeFirst) {
  const auto words = failure("forever", "modified");
  EXPECT_LT(words.find("has been modified"), words.find("the sender"));
}
TEST_P(Copy, EndsWhenStopped) {
  for (const auto& [snapshot, dataset] :
       {std::pair{"forever", "to"}, std::pair{"forever", "lazy"}, std::pair{"silent", "to"}}) {
    std::stop_source stop;
    std::jthread stopper{[&] {
      os::sleep_for(Millis{300});
      stop.request_stop();
    }};
    const auto started = os::now();
    auto copied = copy(snapshot, dataset, stop.get_token());
    ASSERT_FALSE(copied.has_value());
    EXPECT_EQ(copied.error().kind, ErrorKind::interrupted) << copied.error().what;
    EXPECT_LT(os::now() - started, std::chrono::seconds{12});
  }
}
TEST_P(Copy, EndsAtItsDeadline) {
  auto copied = copy("silent", "lazy", {}, {}, os::deadline_in(Millis{400}));
  ASSERT_FALSE(copied.has_value());
  EXPECT_EQ(copied.error().kind, ErrorKind::timed_out) << copied.error().what;
}
TEST_P(Copy, SaysBetweenWhom) {
  auto copied = copy("missing", "to");
  ASSERT_FALSE(copied.has_value());
  EXPECT_TRUE(copied.error().where.starts_with("a → b")) << copied.error().where;
}
INSTANTIATE_TEST_SUITE_P(Fleet, Copy,
                         testing::Values(Placement{Where::here, Where::here}, Placement{Where::here, Where::there},
                                         Placement{Where::there, Where::here}, Placement{Where::there, Where::there}),
                         [](const auto& placed) {
                           return std::string{placed.param.from == Where::here ? "Local" : "Remote"} + "To" +
                                  (placed.param.to == Where::here ? "Local" : "Remote");
                         });

TEST(Fleet, TheNodesOwnPolicyHoldsForStreamsToo) {
  FakeZfs zfs;
  Host host{std::make_shared<FakeNode>()};
  RealFleet fleet{testkit::quick()};
  fleet.add_local("a", std::make_unique<FakeNode>());
  fleet.add_remote("b", testkit::remote_to(host));
  auto copied = fleet.copy({"a", {"tank/a@forever", ""}, "b", {"tank"}}, {}, soon(), {});
  ASSERT_FALSE(copied.has_value());
  EXPECT_EQ(copied.error().kind, ErrorKind::refused) << copied.error().what;
  EXPECT_TRUE(zfs.all_end_within(Millis{10'000}));
}
TEST(Fleet, UnknownNames) {
  RealFleet fleet{testkit::quick()};
  auto node = fleet.node("z");
  ASSERT_FALSE(node.has_value());
  EXPECT_EQ(node.error().kind, ErrorKind::invalid);
}
TEST(Fleet, TellsWhyANodeCannotBeReached) {
  Host host{std::make_shared<FakeNode>()};
  RealFleet fleet{testkit::quick()};
  fleet.add_remote("b", testkit::remote_to(host));
  RemoteOptions dead;
  dead.connect = [](wire::Purpose) -> Result<wire::Channel> { return fail(ErrorKind::unreachable, "no route"); };
  fleet.add_remote("c", std::make_unique<RemoteNode>(dead));
  const auto error = fleet.node("c");
  ASSERT_FALSE(error.has_value());
  EXPECT_EQ(error.error().what, "no route");
  EXPECT_TRUE(fleet.node("b").has_value());
}
TEST(Fleet, AnAttemptToConnectEndsWithTheStop) {
  std::stop_source stop;
  stop.request_stop();
  FleetOptions options{.local = {}, .timing = testkit::quick(), .stop = stop.get_token()};
  RealFleet fleet{std::vector<FleetMember>{}, options};
  auto silent = os::make_socketpair();
  ASSERT_TRUE(silent);
  RemoteOptions remote;
  remote.timing.hello = Millis{60'000};
  remote.connect = [&](wire::Purpose) -> Result<wire::Channel> {
    wire::Channel ours;
    ours.out = TRY(os::duplicate(silent->write_end.get()));
    ours.in = TRY(os::duplicate(silent->write_end.get()));
    return ours;
  };
  fleet.add_remote("b", std::make_unique<RemoteNode>(std::move(remote)));
  const auto node = fleet.node("b");
  ASSERT_FALSE(node.has_value());
  EXPECT_EQ(node.error().kind, ErrorKind::interrupted) << node.error().what;
}
TEST(Fleet, NothingIsReceivedThatCarriesProperties) {
  FakeZfs zfs;
  std::string package(8, '\0');
  package += std::string{"\xac\xcb\xba\xf5\x02\0\0\0\x02\0\0\0\0\0\0\0", 16};
  std::ofstream{zfs.directory + "/payload", std::ios::binary} << package << std::string(5'000, 'x');
  RealFleet fleet{testkit::quick()};
  for (const char* name : {"a", "b"}) fleet.add_local(name, std::make_unique<FakeNode>());
  const auto copied = fleet.copy({"a", {"tank/a@payload", ""}, "b", {"tank/to"}}, {}, soon(), {});
  ASSERT_FALSE(copied.has_value());
  EXPECT_EQ(copied.error().kind, ErrorKind::refused) << copied.error().what;
  EXPECT_EQ(zfs.read("received"), "");
}
TEST(Fleet, StreamsOfUnmarkedDatasetsNeedAPrefix) {
  FakeZfs zfs;
  std::ofstream{zfs.directory + "/UNMARKED"} << "";
  Host host{std::make_shared<FakeNode>()};
  RealFleet fleet{testkit::quick()};
  fleet.add_local("a", std::make_unique<FakeNode>());
  fleet.add_remote("b", testkit::remote_to(host));
  const auto copied = fleet.copy({"a", {"tank/a@forever", ""}, "b", {"tank/to"}}, {}, soon(), {});
  ASSERT_FALSE(copied.has_value());
  EXPECT_EQ(copied.error().kind, ErrorKind::refused) << copied.error().what;
  EXPECT_TRUE(copied.error().what.find("does not carry dugong's mark") != std::string::npos) << copied.error().what;
  EXPECT_TRUE(zfs.all_end_within(Millis{10'000}));
}

// ---- either process killed; what they had started must not outlive them

class Killed : public testing::Test {
 protected:
  // A node whose every session is a child of its own; the pids come in order.
  std::unique_ptr<RemoteNode> node(const std::string& name) {
    RemoteOptions options;
    options.name = name;
    options.timing = testkit::quick();
    options.retry_after = Millis{0};
    options.connect = [this](wire::Purpose) -> Result<wire::Channel> {
      auto child = TRY(os::spawn(serve_child()));
      started(child.pid());
      return wire::over(std::move(child));
    };
    return std::make_unique<RemoteNode>(std::move(options));
  }
  Error copy_and_kill(Where from) {
    RealFleet fleet{testkit::quick()};
    const bool source_is_there = from == Where::there;
    fleet.add_local("here", std::make_unique<FakeNode>());
    fleet.add_remote("there", node("there"));
    std::jthread killer{[&] {
      while (zfs_.running() < 2) os::sleep_for(Millis{10});
      os::sleep_for(Millis{200});
      ::kill(control_session(), SIGKILL);
    }};
    auto copied = fleet.copy(
        {source_is_there ? "there" : "here", {"tank/a@forever", ""}, source_is_there ? "here" : "there", {"tank/to"}},
        {}, soon(), {});
    killer.join();
    EXPECT_FALSE(copied.has_value());
    return copied ? Error{} : copied.error();
  }
  void started(pid_t pid) {
    const std::lock_guard guard{mutex_};
    pids_.push_back(pid);
  }
  // The first one of a node.
  pid_t control_session() {
    const std::lock_guard guard{mutex_};
    return pids_.at(0);
  }
  std::size_t sessions() {
    const std::lock_guard guard{mutex_};
    return pids_.size();
  }
  FakeZfs zfs_;

 private:
  std::mutex mutex_;  // connecting and killing are done by two threads
  std::vector<pid_t> pids_;
};
TEST_F(Killed, TheSendingServe) {
  EXPECT_EQ(copy_and_kill(Where::there).kind, ErrorKind::unreachable);
  EXPECT_TRUE(zfs_.all_end_within(Millis{10'000}));
}
TEST_F(Killed, TheReceivingServe) {
  EXPECT_EQ(copy_and_kill(Where::here).kind, ErrorKind::unreachable);
  EXPECT_TRUE(zfs_.all_end_within(Millis{10'000}));
}
TEST_F(Killed, TheControlSession) {
  auto remote = node("there");
  EXPECT_TRUE(ask(*remote, zfs::Mount{"tank/a"}, soon()).has_value());
  ::kill(control_session(), SIGKILL);
  EXPECT_TRUE(ask(*remote, zfs::InspectPool{"tank"}, soon()).has_value());
  EXPECT_EQ(sessions(), 2U);
}
// The lock went with the control session; the data session alone would go on for hours.
TEST_F(Killed, TheControlSessionOfACopy) {
  RealFleet fleet{testkit::quick()};
  fleet.add_local("here", std::make_unique<FakeNode>());
  fleet.add_remote("there", node("there"));
  const auto control = fleet.node("there");
  ASSERT_TRUE(control.has_value());
  ASSERT_TRUE(ask(**control, AcquireLock{"dex.a", "a test"}, soon()).has_value());
  std::jthread killer{[&] {
    while (zfs_.running() < 2) os::sleep_for(Millis{10});
    ::kill(control_session(), SIGKILL);
  }};
  const CopyRequest request{"here", {"tank/a@forever", ""}, "there", {"tank/to"}};
  const auto copied = fleet.copy(request, {}, soon(), {});
  killer.join();
  ASSERT_FALSE(copied.has_value());
  EXPECT_EQ(copied.error().kind, ErrorKind::unreachable) << copied.error().what;
  EXPECT_TRUE(zfs_.all_end_within(Millis{10'000}));
  const auto again = fleet.copy(request, {}, soon(), {});
  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.error().kind, ErrorKind::unreachable) << again.error().what;
}
TEST_F(Killed, TheReceivingServeOfASilentSender) {
  RealFleet fleet{testkit::quick()};
  fleet.add_local("here", std::make_unique<FakeNode>());
  fleet.add_remote("there", node("there"));
  std::jthread killer{[&] {
    while (zfs_.running() < 2) os::sleep_for(Millis{10});
    ::kill(control_session(), SIGKILL);
  }};
  auto copied = fleet.copy({"here", {"tank/a@silent", ""}, "there", {"tank/to"}}, {}, soon(), {});
  ASSERT_FALSE(copied.has_value());
  EXPECT_EQ(copied.error().kind, ErrorKind::unreachable) << copied.error().what;
  EXPECT_TRUE(zfs_.all_end_within(Millis{2'000}));
}
// As on a host whose line is dead: nothing ends, and nothing is said.
TEST_F(Killed, AReceivingServeThatStandsStillIsMissed) {
  RealFleet fleet{testkit::quick()};
  fleet.add_local("here", std::make_unique<FakeNode>());
  fleet.add_remote("there", node("there"));
  std::jthread stopper{[&] {
    while (zfs_.running() < 2) os::sleep_for(Millis{10});
    ::kill(control_session(), SIGSTOP);
  }};
  auto copied = fleet.copy({"here", {"tank/a@silent", ""}, "there", {"tank/to"}}, {}, soon(), {});
  ASSERT_FALSE(copied.has_value());
  EXPECT_EQ(copied.error().kind, ErrorKind::unreachable);
  EXPECT_NE(copied.error().what.find("no sign of life for 2 s"), std::string::npos) << copied.error().what;
  EXPECT_TRUE(zfs_.all_end_within(Millis{5'000}));
}
// The controller's end vanishes without a word, as it does when it is killed: its descriptors close.
TEST_F(Killed, TheController) {
  {
    auto remote = node("there");
    auto link = remote->open_stream(zfs::Send{"tank/a@forever", ""}, soon(), {});
    ASSERT_TRUE(link.has_value()) << link.error().what;
    while (zfs_.running() < 1) os::sleep_for(Millis{10});
    link->channel.in.close();
    link->channel.out.close();
    EXPECT_TRUE(zfs_.all_end_within(Millis{10'000}));
  }
}

}  // namespace
}  // namespace dugong::node
