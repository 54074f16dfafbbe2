// A client and a server over a socket pair, and everything that can go wrong between them.
#include "wire/session.h"

#include <atomic>
#include <csignal>
#include <future>
#include <gtest/gtest.h>
#include <latch>
#include <optional>
#include <thread>
#include <unistd.h>

#include "wire/server.h"
#include "wire/testing.h"

namespace dugong::wire {
namespace {

using namespace testing_support;
using std::chrono::seconds;

const os::StopSignal never{{}};
Deadline soon() { return os::deadline_in(Millis{15'000}); }

Result<std::string> wait_for_stop(const std::stop_token& stop) {
  const auto slept = os::sleep_for(Millis{20'000}, stop);
  if (slept == os::Slept::stopped) return fail(ErrorKind::interrupted, "stopped");
  return fail(ErrorKind::failed, "nobody stopped it");
}

// Requests that every test may use.
Result<std::string> standard(const Ask& ask, const std::stop_token& stop, const ProgressSink& progress) {
  if (ask.name == "echo") return ask.body;
  if (ask.name == "size") return std::to_string(ask.body.size());
  if (ask.name == "big") return std::string(std::stoul(ask.body), 'x');
  if (ask.name == "sleep") return wait_for_stop(stop);
  if (ask.name == "throw") throw std::runtime_error("a library's \xff");
  if (ask.name == "remaining") return std::to_string(ask.deadline.remaining(os::now()).count());
  if (ask.name == "progress") {
    progress({5, 10, "half"});
    os::sleep_for(Millis{150}, stop);
    progress({10, 10, "all"});
    os::sleep_for(Millis{100}, stop);
    return "done";
  }
  return fail(Error{ErrorKind::conflict, "no such request", ask.name, "nothing was changed", "ask another"});
}

// A server on a thread, and a session with it.
class Pair {
 public:
  explicit Pair(Handler handler = standard, SessionOptions options = {.timing = calm_timing()},
                ServerOptions server_options = {.timing = calm_timing()}) {
    auto links = make_links();
    ended = std::async(std::launch::async,
                       [this, link = std::move(links.server), handler = std::move(handler), server_options]() mutable {
                         return serve(std::move(link), std::move(handler), stop_server.get_token(), server_options);
                       });
    session.emplace(std::move(links.client), options);
  }
  Result<std::string> call(std::string_view name, std::string_view body = {}) {
    return session->call(name, body, soon());
  }
  Result<void> end() {
    session.reset();
    return ended.get();
  }
  std::stop_source stop_server;
  std::future<Result<void>> ended;
  std::optional<Session> session;
};

TEST(Session, Answers) {
  Pair pair;
  EXPECT_EQ(pair.call("echo", "hello").value(), "hello");
  EXPECT_EQ(pair.call("echo").value(), "");
  EXPECT_EQ(pair.session->peer().hostname, "test");
  EXPECT_TRUE(pair.end()) << "a session that closes is no error";
}

TEST(Session, ErrorsComeOutAsTheyWere) {
  Pair pair;
  EXPECT_EQ(pair.call("nonsense").error(),
            (Error{ErrorKind::conflict, "no such request", "nonsense", "nothing was changed", "ask another"}));
  const auto thrown = pair.call("throw").error();
  EXPECT_EQ(thrown.kind, ErrorKind::failed);
  EXPECT_NE(thrown.what.find("a library's"), std::string::npos);
  EXPECT_EQ(pair.call("echo", "still").value(), "still");
}

TEST(Session, LargeBodiesTravelInPieces) {
  Pair pair;
  std::string body(5 * max_body + 17, '\0');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 7919 >> 8);
  EXPECT_EQ(pair.call("echo", body).value(), body);
  EXPECT_EQ(pair.call("big", std::to_string(2 * max_body))->size(), 2 * max_body);
}

TEST(Session, AnAnswerIsBounded) {
  Pair pair{standard, {.timing = calm_timing(), .max_answer = 1 << 20}};
  const auto error = pair.call("big", "200000000").error();
  EXPECT_EQ(error.kind, ErrorKind::failed);
  EXPECT_EQ(error.what, "an answer larger than 1 MiB");
  EXPECT_EQ(pair.call("big", "1000")->size(), 1000U) << "the session goes on";
}

TEST(Session, ARequestIsBounded) {
  Pair pair{standard, {.timing = calm_timing()}, {.timing = calm_timing(), .max_ask = 1 << 20}};
  EXPECT_FALSE(pair.call("size", std::string(3 << 20, 'x')));
  EXPECT_EQ(pair.end().error().kind, ErrorKind::unreachable);
}

TEST(Session, SixteenAtOnceAndTheSeventeenthWaits) {
  std::atomic<int> running{0};
  std::atomic<int> most{0};
  std::latch full{16};
  Pair pair{[&](const Ask& ask, const std::stop_token&, const ProgressSink&) -> Result<std::string> {
    const int now_running = ++running;
    if (now_running > most) most = now_running;
    if (ask.name == "first") full.arrive_and_wait();  // nobody ends before all sixteen have begun
    --running;
    return ask.body;
  }};
  std::atomic<int> right{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 16; ++i) {
      threads.emplace_back([&, i] { right += pair.call("first", std::to_string(i)) == std::to_string(i) ? 1 : 0; });
    }
    for (int i = 0; i < 24; ++i) {
      threads.emplace_back([&, i] { right += pair.call("then", std::to_string(i)) == std::to_string(i) ? 1 : 0; });
    }
  }
  EXPECT_EQ(right, 40);
  EXPECT_LE(most, 16);
}

TEST(Session, ADeadlineCancelsTheHandler) {
  std::promise<void> stopped;
  Pair pair{[&](const Ask&, const std::stop_token& stop, const ProgressSink&) {
    auto result = wait_for_stop(stop);
    stopped.set_value();
    return result;
  }};
  const auto start = os::now();
  EXPECT_EQ(pair.session->call("x", {}, os::deadline_in(Millis{100})).error().kind, ErrorKind::timed_out);
  EXPECT_EQ(stopped.get_future().wait_for(seconds{8}), std::future_status::ready);
  EXPECT_LT(os::now() - start, seconds{8});
}

TEST(Session, AStopCancelsTheHandler) {
  Pair pair;
  std::stop_source source;
  std::jthread later{[&] {
    os::sleep_for(Millis{50});
    source.request_stop();
  }};
  EXPECT_EQ(pair.session->call("sleep", {}, soon(), source.get_token()).error().kind, ErrorKind::interrupted);
  EXPECT_EQ(pair.call("echo", "on").value(), "on");
  const auto start = os::now();
  EXPECT_TRUE(pair.end());
  EXPECT_LT(os::now() - start, seconds{5}) << "the cancelled handler did not end";
}

TEST(Session, TheDeadlineTravels) {
  Pair pair;
  const auto remaining = std::stol(pair.session->call("remaining", {}, os::deadline_in(Millis{5000})).value());
  EXPECT_GT(remaining, 3000);
  EXPECT_LE(remaining, 5000);
}

TEST(Session, ProgressArrivesOnTheCallersThread) {
  Pair pair;
  std::vector<Progress> seen;
  const auto me = std::this_thread::get_id();
  const auto answer = pair.session->call("progress", {}, soon(), {}, [&](const Progress& progress) {
    EXPECT_EQ(std::this_thread::get_id(), me);
    seen.push_back(progress);
  });
  EXPECT_EQ(answer.value(), "done");
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen[0], (Progress{5, 10, "half"}));
}

TEST(Session, HeartbeatsKeepAQuietCallAlive) {
  Pair pair{[](const Ask&, const std::stop_token& stop, const ProgressSink&) -> Result<std::string> {
              os::sleep_for(Millis{2500}, stop);  // more than twice the silence that counts as lost
              return "late";
            },
            {.timing = short_timing()},
            {.timing = short_timing()}};
  EXPECT_EQ(pair.call("x").value(), "late");
}

TEST(Session, AServerThatStopsStillAnswers) {
  Pair pair;
  auto waiting = std::async(std::launch::async, [&] { return pair.call("sleep"); });
  os::sleep_for(Millis{50});
  pair.stop_server.request_stop();
  EXPECT_EQ(waiting.get().error().what, "stopped");
  EXPECT_EQ(pair.ended.get().error().kind, ErrorKind::interrupted);
}

// A session whose peer is the test itself.
struct Alone : testing::Test {
  Links links = make_links();
  std::optional<Session> session;
  void SetUp() override { session.emplace(std::move(links.client), SessionOptions{.timing = short_timing()}); }
  Error error_of_call(std::string_view body = {}) { return session->call("x", body, soon()).error(); }
  void say(std::string_view bytes) { ASSERT_TRUE(os::write_all(links.server.channel.out.get(), bytes, soon(), never)); }
  void close_peer() { links.server.channel = Channel{}; }
};

TEST_F(Alone, ASilentPeerIsLost) {
  const auto start = os::now();
  const auto error = error_of_call();
  EXPECT_EQ(error.kind, ErrorKind::unreachable);
  EXPECT_NE(error.what.find("no sign of life for"), std::string::npos) << error.what;
  EXPECT_EQ(error.where, "b");
  EXPECT_LT(os::now() - start, seconds{8});
  EXPECT_FALSE(session->alive());
  EXPECT_EQ(error_of_call().kind, ErrorKind::unreachable) << "later calls know it at once";
}

TEST_F(Alone, APeerThatCloses) {
  std::jthread later{[&] {
    os::sleep_for(Millis{50});
    close_peer();
  }};
  const auto error = error_of_call();
  EXPECT_EQ(error.kind, ErrorKind::unreachable);
  EXPECT_NE(error.what.find("the connection was closed"), std::string::npos) << error.what;
}

TEST_F(Alone, HalfAFrame) {
  say("dgf1");
  close_peer();
  EXPECT_EQ(error_of_call().kind, ErrorKind::unreachable);
}

TEST_F(Alone, Garbage) {
  say("sudo: a password is required\n");
  EXPECT_NE(error_of_call().what.find("garbage where a frame should start"), std::string::npos);
}

TEST_F(Alone, AnAbsurdLength) {
  say(std::string("dgf1\xff\xff\xff\xff\xff\xff\xff\xff", 12));
  EXPECT_NE(error_of_call().what.find("impossible size"), std::string::npos);
}

TEST_F(Alone, FramesNobodyAskedForAreIgnored) {
  Header answer;
  answer.kind = Kind::answer;
  answer.id = 99;
  say(encode_head(answer, 1) + "x");
  answer.kind = Kind::unknown;
  say(encode_head(answer, 1) + "x");
  answer.kind = Kind::answer;
  answer.id = 1;
  auto waiting = std::async(std::launch::async, [&] { return session->call("x", {}, soon()); });
  os::sleep_for(Millis{50});
  say(encode_head(answer, 4) + "mine");
  EXPECT_EQ(waiting.get().value(), "mine");
}

TEST_F(Alone, APeerThatReadsNothing) {
  // It shows life, so only the writer can notice; 8 MiB are more than any socket buffer here.
  std::jthread beats{[&](const std::stop_token& stop) {
    Header beat;
    beat.kind = Kind::beat;
    while (os::sleep_for(Millis{50}, stop) == os::Slept::whole) {
      if (!os::write_all(links.server.channel.out.get(), encode_head(beat, 0), soon(), never)) return;
    }
  }};
  const auto start = os::now();
  const auto error = error_of_call(std::string(8 << 20, 'x'));
  EXPECT_EQ(error.kind, ErrorKind::unreachable);
  EXPECT_NE(error.what.find("read nothing for"), std::string::npos) << error.what;
  EXPECT_LT(os::now() - start, seconds{10});
}

TEST(Stuck, ADeadlineHoldsWhileTheBodyIs) {
  Links links = make_links();
  Session session{std::move(links.client), {.timing = calm_timing()}};
  const std::string body(8 << 20, 'x');
  const auto start = os::now();
  EXPECT_EQ(session.call("x", body, os::deadline_in(Millis{100})).error().kind, ErrorKind::timed_out);
  EXPECT_LT(os::now() - start, seconds{3});
}

TEST(Session, OutlivesTheCallsInIt) {
  Pair pair;
  std::atomic<bool> shown = false;
  auto waiting = std::async(std::launch::async, [&session = *pair.session, &shown] {
    return session.call("progress", {}, soon(), {}, [&shown](const Progress&) {
      shown = true;
      os::sleep_for(Millis{200});
      shown = false;
    });
  });
  while (!shown) std::this_thread::yield();
  pair.session.reset();
  EXPECT_FALSE(shown) << "a call was still at work";
  EXPECT_EQ(waiting.get().error().kind, ErrorKind::interrupted);
}

TEST(Stuck, TheDestructorIsQuick) {
  Links links = make_links();
  std::optional<Session> session;
  session.emplace(std::move(links.client), SessionOptions{.timing = calm_timing()});
  EXPECT_FALSE(session->call("x", std::string(8 << 20, 'x'), os::deadline_in(Millis{50})));
  const auto start = os::now();
  session.reset();
  EXPECT_LT(os::now() - start, seconds{2});
}

TEST(SessionChild, AKilledPeer) {
  os::Command command;
  Header hello;
  hello.kind = Kind::hello;
  hello.hello = Hello{};
  // A peer of shell: greets, then sits there with its input open.
  command.argv = {"sh", "-c", "cat \"$0\"; echo last words >&2; exec sleep 100"};
  auto files = os::make_pipe().value();
  ASSERT_TRUE(os::write_all(files.write_end.get(), std::string{magic_line} + encode_head(hello, 0), soon(), never));
  files.write_end.close();
  command.argv.push_back("/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(files.read_end.get()));
  command.in = os::Stdio::pipe;
  auto child = os::spawn(command).value();
  const int pid = child.pid();
  auto link = greet(over(std::move(child)), identity("b"), calm_timing());
  ASSERT_TRUE(link) << link.error().what;
  Session session{std::move(*link), {.timing = short_timing()}};
  std::jthread killer{[&] {
    os::sleep_for(Millis{50});
    ::kill(pid, SIGKILL);
  }};
  const auto error = session.call("x", {}, soon()).error();
  EXPECT_EQ(error.kind, ErrorKind::unreachable);
  EXPECT_NE(error.what.find("killed by signal 9"), std::string::npos) << error.what;
  EXPECT_NE(error.what.find("it said: last words"), std::string::npos) << error.what;
}

// A server whose client is the test itself.
struct Served : testing::Test {
  Links links = make_links();
  std::promise<void> handler_stopped;
  std::atomic<bool> told{false};
  std::stop_source stop;
  std::future<Result<void>> ended;

  void start(Handler handler, Millis grace = Millis{10'000}, Timing timing = short_timing()) {
    const ServerOptions options{.timing = timing, .handlers_grace = grace};
    ended = std::async(std::launch::async,
                       [this, link = std::move(links.server), handler = std::move(handler), options]() mutable {
                         return serve(std::move(link), std::move(handler), stop.get_token(), options);
                       });
  }
  void start_one_that_waits() {
    start([this](const Ask&, const std::stop_token& stop_token, const ProgressSink&) {
      auto result = wait_for_stop(stop_token);
      if (!told.exchange(true)) handler_stopped.set_value();
      return result;
    });
    ask(1);
    os::sleep_for(Millis{50});
  }
  void ask(std::uint64_t id, std::optional<Millis> remaining = {}) {
    Header header;
    header.kind = Kind::ask;
    header.id = id;
    header.name = "x";
    header.remaining = remaining;
    say(encode_head(header, 0));
  }
  void say(std::string_view bytes) { ASSERT_TRUE(os::write_all(links.client.channel.out.get(), bytes, soon(), never)); }
  bool handler_was_stopped() { return handler_stopped.get_future().wait_for(seconds{8}) == std::future_status::ready; }
};

TEST_F(Served, ASilentClientStopsTheHandlers) {
  start_one_that_waits();
  EXPECT_TRUE(handler_was_stopped());
  EXPECT_NE(ended.get().error().what.find("no sign of life"), std::string::npos);
}

TEST_F(Served, AClosedClientStopsTheHandlers) {
  start_one_that_waits();
  links.client.channel = Channel{};
  EXPECT_TRUE(handler_was_stopped());
  EXPECT_TRUE(ended.get());
}

TEST_F(Served, GarbageStopsTheHandlers) {
  start_one_that_waits();
  say("garbage garbage");
  EXPECT_TRUE(handler_was_stopped());
  EXPECT_EQ(ended.get().error().kind, ErrorKind::unreachable);
}

TEST_F(Served, ItsOwnStopStopsTheHandlers) {
  start_one_that_waits();
  stop.request_stop();
  EXPECT_TRUE(handler_was_stopped());
  EXPECT_EQ(ended.get().error().kind, ErrorKind::interrupted);
}

TEST_F(Served, ADeadlineStopsTheHandlerEvenWhenNobodyCancels) {
  const auto handler = [this](const Ask&, const std::stop_token& stop_token, const ProgressSink&) {
    auto result = wait_for_stop(stop_token);
    if (!told.exchange(true)) handler_stopped.set_value();
    return result;
  };
  start(handler, Millis{10'000}, calm_timing());
  ask(1, Millis{50});
  EXPECT_TRUE(handler_was_stopped()) << "the silence would have come much later";
  stop.request_stop();
  EXPECT_FALSE(ended.get());
}

TEST_F(Served, AHandlerThatIgnoresItsStopDoesNotHoldTheServer) {
  auto release = std::make_shared<std::promise<void>>();
  start(
      [wait = release->get_future().share()](const Ask&, const std::stop_token&,
                                             const ProgressSink&) -> Result<std::string> {
        wait.wait();
        return "at last";
      },
      Millis{100});
  ask(1);
  os::sleep_for(Millis{50});
  links.client.channel = Channel{};
  const auto begin = os::now();
  const auto result = ended.get();
  EXPECT_EQ(result.error().kind, ErrorKind::timed_out);
  EXPECT_EQ(result.error().what, "requests that ignored their stop: x");
  EXPECT_LT(os::now() - begin, seconds{5});
  release->set_value();
  os::sleep_for(Millis{50});  // the thread ends on what it shares with nobody any more
}

TEST_F(Served, FloodsAreRefused) {
  start_one_that_waits();
  for (std::uint64_t id = 2; id < 100; ++id) {
    Header header;
    header.kind = Kind::ask;
    header.id = id;
    const auto sent = os::write_all(links.client.channel.out.get(), encode_head(header, 0), soon(), never);
    if (!sent) break;
  }
  EXPECT_NE(ended.get().error().what.find("too many requests"), std::string::npos);
}

}  // namespace
}  // namespace dugong::wire
