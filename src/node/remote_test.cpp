#include "node/remote.h"

#include <future>
#include <gtest/gtest.h>

#include "node/effect.h"
#include "node/session_kit_test.h"

namespace dugong::node {
namespace {

using testkit::FakeNode;
using testkit::Host;
using testkit::remote_to;
using testkit::soon;

template <class Question>
std::string outcome(Node& node, Question question) {
  auto answer = ask(node, std::move(question), soon());
  return answer ? "ok" : answer.error().what;
}
template <class Question>
ErrorKind kind(Node& node, Question question) {
  auto answer = ask(node, std::move(question), soon());
  return answer ? ErrorKind::partial : answer.error().kind;
}

TEST(Remote, AnAnswerComesOverTheWire) {
  Host host{std::make_shared<FakeNode>([](const Request&, const std::stop_token&) {
    return Result<Answer>{HostFacts{.hostname = "there", .listening = {22, 5432}}};
  })};
  auto node = remote_to(host);
  auto facts = ask(*node, InspectHost{}, soon());
  ASSERT_TRUE(facts.has_value()) << facts.error().what;
  EXPECT_EQ(facts->hostname, "there");
  EXPECT_EQ(facts->listening, (std::vector<std::uint16_t>{22, 5432}));
}
TEST(Remote, ARequestArrivesAsItWas) {
  std::promise<std::string> seen;
  Host host{std::make_shared<FakeNode>([&](const Request& request, const std::stop_token&) {
    seen.set_value(std::get<WriteFile>(request).content.bytes);
    return Result<Answer>{Done{}};
  })};
  auto node = remote_to(host);
  const std::string bytes{"\0\xff\n", 3};
  EXPECT_EQ(outcome(*node, WriteFile{"/srv/x/y", {bytes}}), "ok");
  EXPECT_EQ(seen.get_future().get(), bytes);
}
TEST(Remote, TheNodesErrorComesBackWhole) {
  const Error error{ErrorKind::partial, "what", "where", "left", "next"};
  Host host{std::make_shared<FakeNode>(
      [&](const Request&, const std::stop_token&) -> Result<Answer> { return fail(error); })};
  auto node = remote_to(host);
  auto answer = ask(*node, InspectHost{}, soon());
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error(), error);
}
TEST(Remote, ThePolicyIsAskedFirst) {
  auto fake = std::make_shared<FakeNode>();
  Host host{fake};
  auto node = remote_to(host);
  EXPECT_EQ(kind(*node, WriteFile{"/etc/passwd", {"x"}}), ErrorKind::refused);
  EXPECT_EQ(kind(*node, zfs::Destroy{"tank"}), ErrorKind::refused);
  EXPECT_EQ(fake->calls, 0);
}
TEST(Remote, ManyCallsShareASession) {
  auto fake = std::make_shared<FakeNode>();
  Host host{fake};
  auto node = remote_to(host);
  std::vector<std::jthread> threads;
  for (int i = 0; i < 24; ++i) threads.emplace_back([&] { EXPECT_EQ(outcome(*node, zfs::Mount{"tank/a"}), "ok"); });
  threads.clear();
  EXPECT_EQ(fake->calls, 24);
  EXPECT_EQ(host.connections, 1);
}
TEST(Remote, AStopReachesTheNode) {
  std::atomic<bool> stopped = false;
  Host host{std::make_shared<FakeNode>([&](const Request&, const std::stop_token& stop) -> Result<Answer> {
    stopped = os::sleep_for(Millis{15'000}, stop) == os::Slept::stopped;
    return fail(ErrorKind::interrupted, "stopped");
  })};
  auto node = remote_to(host);
  auto answer = ask(*node, InspectHost{}, os::deadline_in(Millis{300}));
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().kind, ErrorKind::timed_out);
  host.drop();
  EXPECT_TRUE(stopped);
}

TEST(LostSession, AQuestionIsAskedAgain) {
  Host host{
      std::make_shared<FakeNode>([](const Request&, const std::stop_token&) -> Result<Answer> { return HostFacts{}; })};
  auto node = remote_to(host);
  EXPECT_EQ(outcome(*node, InspectHost{}), "ok");
  host.drop();
  EXPECT_EQ(outcome(*node, InspectHost{}), "ok");
  EXPECT_EQ(host.connections, 2);
}
TEST(LostSession, AQuestionUnderWayIsAskedAgain) {
  std::atomic<int> asked = 0;
  Host host{std::make_shared<FakeNode>([&](const Request&, const std::stop_token& stop) -> Result<Answer> {
    if (++asked == 1) os::sleep_for(Millis{15'000}, stop);
    return HostFacts{};
  })};
  auto node = remote_to(host);
  std::jthread killer{[&](const std::stop_token& over) {
    while (asked == 0 && !over.stop_requested()) os::sleep_for(Millis{5});
    host.drop();
  }};
  EXPECT_EQ(outcome(*node, InspectHost{}), "ok");
  EXPECT_EQ(asked, 2);
}
TEST(LostSession, AChangeUnderWayIsNotRepeated) {
  std::atomic<int> asked = 0;
  Host host{std::make_shared<FakeNode>([&](const Request&, const std::stop_token& stop) -> Result<Answer> {
    ++asked;
    os::sleep_for(Millis{15'000}, stop);
    return fail(ErrorKind::interrupted, "stopped");
  })};
  auto node = remote_to(host);
  std::jthread killer{[&](const std::stop_token& over) {
    while (asked == 0 && !over.stop_requested()) os::sleep_for(Millis{5});
    host.drop();
  }};
  auto answer = ask(*node, zfs::Create{"tank/a", {{"canmount", "noauto"}}}, soon());
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().kind, ErrorKind::unreachable);
  EXPECT_EQ(answer.error().left, "unknown whether zfs.create was done there");
  EXPECT_EQ(asked, 1);
}
TEST(LostSession, TheLockIsLostWithIt) {
  Host host{std::make_shared<FakeNode>([](const Request& request, const std::stop_token&) -> Result<Answer> {
    if (std::holds_alternative<AcquireLock>(request)) return AcquireLock::Answer{true, {}};
    if (std::holds_alternative<InspectHost>(request)) return HostFacts{};
    return Done{};
  })};
  auto node = remote_to(host);
  EXPECT_EQ(outcome(*node, AcquireLock{"c.b", "me"}), "ok");
  EXPECT_EQ(outcome(*node, zfs::Mount{"tank/a"}), "ok");
  host.drop();
  EXPECT_EQ(outcome(*node, InspectHost{}), "ok");
  EXPECT_EQ(kind(*node, zfs::Mount{"tank/a"}), ErrorKind::unreachable);
  EXPECT_EQ(kind(*node, zfs::Mount{"tank/a"}), ErrorKind::unreachable);
  EXPECT_EQ(outcome(*node, AcquireLock{"c.b", "me"}), "ok");
  EXPECT_EQ(outcome(*node, zfs::Mount{"tank/a"}), "ok");
}
TEST(LostSession, WithoutALockAChangeAfterwardsIsFine) {
  Host host{std::make_shared<FakeNode>()};
  auto node = remote_to(host);
  EXPECT_EQ(outcome(*node, zfs::Mount{"tank/a"}), "ok");
  host.drop();
  EXPECT_EQ(outcome(*node, zfs::Mount{"tank/a"}), "ok");
}
TEST(LostSession, UnreachableSaidByTheNodeIsNoLoss) {
  Host host{std::make_shared<FakeNode>([](const Request&, const std::stop_token&) -> Result<Answer> {
    return fail(ErrorKind::unreachable, "the server is down");
  })};
  auto node = remote_to(host);
  auto answer = ask(*node, SetRolePassword{{.socket_dir = "/srv/a"}, "r", {"p"}}, soon());
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().what, "the server is down");
  EXPECT_EQ(answer.error().left, "");
  EXPECT_EQ(host.connections, 1);
}

// What ssh would be: a child whose last words are the reason.
std::unique_ptr<RemoteNode> behind(const std::string& script, Millis retry_after = Millis{0}, int* tries = nullptr) {
  RemoteOptions options;
  options.name = "b";
  options.ssh = {"root@b", "", "dugong"};
  options.timing = testkit::quick();
  options.retry_after = retry_after;
  options.connect = [script, tries](wire::Purpose) -> Result<wire::Channel> {
    if (tries != nullptr) ++*tries;
    os::Command command;
    command.argv = {"/bin/sh", "-c", script};
    command.in = os::Stdio::pipe;
    return wire::over(TRY(os::spawn(command)));
  };
  return std::make_unique<RemoteNode>(std::move(options));
}
TEST(Unreachable, HasSshsOwnWordsAndAdvice) {
  auto node = behind("echo 'root@b: Permission denied (publickey).' >&2; exit 255");
  auto connected = node->connect({});
  ASSERT_FALSE(connected.has_value());
  EXPECT_EQ(connected.error().kind, ErrorKind::unreachable);
  EXPECT_NE(connected.error().what.find("Permission denied (publickey)"), std::string::npos) << connected.error().what;
  EXPECT_EQ(connected.error().next, "make this work without a password: ssh root@b true");
}
TEST(Unreachable, MissingProgramSaysInstall) {
  auto node = behind("echo 'bash: line 1: dugong: command not found' >&2; exit 127");
  auto connected = node->connect({});
  ASSERT_FALSE(connected.has_value());
  EXPECT_TRUE(connected.error().next.starts_with("install dugong on ")) << connected.error().next;
}
TEST(Unreachable, AnotherVersionSaysWhatUpgradesIt) {
  auto node = behind(R"(printf 'DUGONG/1\ndgf1\000\000\000\107\000\000\000\000')"
                     R"(; printf '{"kind":"hello","hello":{"min":0,"max":0,"version":"0.0.1","host":"b"}}'; sleep 5)");
  auto connected = node->connect({});
  ASSERT_FALSE(connected.has_value());
  EXPECT_EQ(connected.error().kind, ErrorKind::refused) << connected.error().what;
  EXPECT_TRUE(connected.error().next.ends_with(": dugong node upgrade b")) << connected.error().next;
}
TEST(Unreachable, IsRememberedForAMoment) {
  int tries = 0;
  auto node = behind("exit 255", Millis{60'000}, &tries);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(kind(*node, InspectHost{}), ErrorKind::unreachable);
  EXPECT_EQ(tries, 1);
}

// A connection that an earlier command left: a name that is there, and what comes of asking it.
class Kept : public testing::Test {
 protected:
  Kept() : socket_{testing::TempDir() + "dugong-kept-" + std::to_string(::getpid())} { std::ofstream{socket_} << ""; }
  ~Kept() override { std::filesystem::remove(socket_); }

  std::unique_ptr<RemoteNode> node(const std::string& first) {
    RemoteOptions options;
    options.name = "b";
    options.ssh.target = "root@b";
    options.ssh.share = {socket_, 60};
    options.timing = testkit::quick();
    options.connect = [this, first](wire::Purpose) -> Result<wire::Channel> {
      if (tries_++ > 0) return host_.connect();
      os::Command command;
      command.argv = {"sh", "-c", first};
      command.in = os::Stdio::pipe;
      return wire::over(TRY(os::spawn(command)));
    };
    return std::make_unique<RemoteNode>(std::move(options));
  }
  std::string socket_;
  Host host_{std::make_shared<FakeNode>()};
  int tries_ = 0;
};

TEST_F(Kept, OneThatHangsOrDiedIsPutOutOfTheWay) {
  for (const char* first : {"exec sleep 60", "exit 255"}) {
    tries_ = 0;
    std::ofstream{socket_} << "";
    const auto connected = node(first)->connect({});
    EXPECT_TRUE(connected) << connected.error().what;
    EXPECT_EQ(tries_, 2);
    EXPECT_FALSE(std::filesystem::exists(socket_)) << first;
  }
}
TEST_F(Kept, WithoutOneThereIsNoSecondAttempt) {
  std::filesystem::remove(socket_);
  EXPECT_EQ(node("exit 255")->connect({}).error().kind, ErrorKind::unreachable);
  EXPECT_EQ(tries_, 1);
}
TEST_F(Kept, ARefusalIsAnAnswer) {
  auto refusing =
      node(R"(printf 'DUGONG/1\ndgf1\000\000\000\107\000\000\000\000')"
           R"(; printf '{"kind":"hello","hello":{"min":0,"max":0,"version":"0.0.1","host":"b"}}'; sleep 5)");
  EXPECT_EQ(refusing->connect({}).error().kind, ErrorKind::refused);
  EXPECT_EQ(tries_, 1);
  EXPECT_TRUE(std::filesystem::exists(socket_));
}

TEST(Effect, EveryObservingQueryExists) {
  for (auto name : observing_queries()) EXPECT_NE(postgres::find_query(name), nullptr) << name;
}
TEST(Effect, SqlIsJudgedByItsQueries) {
  EXPECT_EQ(effect_of(RunSql{{}, {{"observe", {}}, {"clock", {}}}}), Effect::observes);
  EXPECT_EQ(effect_of(RunSql{{}, {{"observe", {}}, {"checkpoint", {}}}}), Effect::changes);
  EXPECT_EQ(effect_of(RunSql{{}, {{"unheard_of", {}}}}), Effect::changes);
  EXPECT_EQ(effect_of(AcquireLock{}), Effect::changes);
  EXPECT_EQ(effect_of(zfs::ListTree{}), Effect::observes);
}

}  // namespace
}  // namespace dugong::node
