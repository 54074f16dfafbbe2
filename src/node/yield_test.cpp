// A sender whose commits take what the test says.
#include "node/yield.h"

#include <atomic>
#include <gtest/gtest.h>

#include "os/clock.h"

namespace dugong::node {
namespace {

class Server final : public Node {
 public:
  std::atomic<double> seconds = 0.001;
  std::atomic<bool> there = true;
  std::atomic<bool> hangs = false;
  std::atomic<int> asked = 0;

  Result<Answer> call(const Request& request, Deadline, std::stop_token) override {
    ++asked;
    if (hangs) return fail(ErrorKind::timed_out, "no answer");
    RunSql::Answer answer;
    answer.connected = there;
    answer.message = "too many connections";
    for (const auto& call : std::get<RunSql>(request).calls) {
      postgres::StatementResult result;
      result.seconds = call.query == "commit" ? seconds.load() : 5;  // what prepares is no commit
      if (there) answer.calls.push_back({result});
    }
    return Answer{answer};
  }
};

double seconds_for_two(transfer::Pace& pace) {
  const auto began = os::now();
  for (int i = 0; i < 2; ++i) pace.let_through(800'000, {});
  return std::chrono::duration<double>(os::now() - began).count();
}
bool wait_until(const std::function<bool()>& holds) {
  const auto deadline = os::deadline_in(Millis{20'000});
  while (!deadline.passed(os::now())) {
    if (holds()) return true;
    os::sleep_for(Millis{5});
  }
  return false;
}

TEST(Yielding, SlowCommitsMakeItSlow) {
  Server server;
  transfer::Pace pace;
  const Yielding yielding{server, {{}, Millis{10}}, pace, {}};
  ASSERT_TRUE(wait_until([&] { return server.asked > 1; }));
  server.seconds = 0.5;
  EXPECT_TRUE(wait_until([&] { return seconds_for_two(pace) > 0.08; }));
  server.seconds = 0.001;
  EXPECT_TRUE(wait_until([&] { return seconds_for_two(pace) < 0.02; }));
}

TEST(Yielding, AServerThatDoesNotAnswerIsTheSlowestOfAll) {
  Server server;
  transfer::Pace pace;
  const Yielding yielding{server, {{}, Millis{10}}, pace, {}};
  server.hangs = true;
  const int before = server.asked;
  EXPECT_TRUE(wait_until([&] { return seconds_for_two(pace) > 0.02; }));  // slower than it began
  EXPECT_LT(server.asked - before, 20);
}

TEST(Yielding, KnowsTheServerBeforeTheCopyBegins) {
  Server server;
  server.seconds = 0.05;  // always: not the copy's fault
  transfer::Pace pace;
  const Yielding yielding{server, {{}, Millis{10}}, pace, {}};
  EXPECT_EQ(server.asked, 1);
  ASSERT_TRUE(wait_until([&] { return seconds_for_two(pace) < 0.02 && server.asked > 8; }));
}

TEST(Yielding, AServerThatCannotBeAskedHoldsNothingUp) {
  Server server;
  server.there = false;
  transfer::Pace pace;
  const Yielding yielding{server, {{}, Millis{10}}, pace, {}};
  ASSERT_TRUE(wait_until([&] { return server.asked > 4; }));
  pace.let_through(Bytes{1} << 40, {});
  pace.let_through(1, {});
  EXPECT_LT(pace.count().held.count(), 1);
}

TEST(Yielding, EndsAtOnce) {
  Server server;
  transfer::Pace pace;
  const auto began = os::now();
  { const Yielding yielding{server, {{}, Millis{10}}, pace, {}}; }
  EXPECT_LT(os::now() - began, Millis{5'000});
}

}  // namespace
}  // namespace dugong::node
