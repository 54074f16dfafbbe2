// Waiting against a scripted server: who works is waited for, who stands still or turns us away is not.
#include "engine/waits.h"

#include <gtest/gtest.h>

#include "cluster/running_world.h"

namespace dugong::engine {
namespace {

class TestClock final : public Clock {
 public:
  Steady::time_point now() override { return time_; }
  std::int64_t wall_seconds() override { return 0; }
  std::int64_t wall_ns() override { return 0; }
  bool sleep(Millis duration, std::stop_token stop) override {
    time_ += duration;
    return !stop.stop_requested();
  }
  Millis passed() const { return std::chrono::duration_cast<Millis>(time_ - Steady::time_point{}); }

 private:
  Steady::time_point time_{};
};

// A server that has not taken clients yet.
struct Starting final : node::Fleet, node::Node {
  explicit Starting(TestClock& with) : clock{with} {}
  Result<node::Node*> node(const std::string&) override { return this; }
  Result<node::CopyResult> copy(const node::CopyRequest&, const node::CopyProgress&, Deadline,
                                std::stop_token) override {
    return fail(ErrorKind::failed, "no copies here");
  }
  Result<node::Answer> call(const node::Request& request, Deadline, std::stop_token) override {
    if (std::holds_alternative<node::RunSql>(request)) {
      const bool ready = clock.passed() >= ready_after;
      if (ready) return fail(ErrorKind::interrupted, "it would be asked for all it has");
      const bool refuses = clock.passed() >= refuses_from;
      return node::Answer{node::RunSql::Answer{false, refuses ? refusal : "57P03", "the words of libpq", {}}};
    }
    if (std::holds_alternative<runtime::InspectServer>(request)) {
      const auto worked = std::min(clock.passed(), works_until).count();
      return node::Answer{runtime::ServerFacts{.state = runtime::ServerState::running,
                                               .work = static_cast<std::uint64_t>(worked) * work_per_hour / 3'600'000}};
    }
    return node::Answer{postgres::DataFacts{}};
  }
  TestClock& clock;
  std::string refusal = "28P01";
  Millis ready_after = Millis::max();
  Millis refuses_from = Millis::max();
  Millis works_until{0};
  std::uint64_t work_per_hour = 3600;
};

struct Wait {
  TestClock clock;
  Starting server{clock};
  Error error;

  void run() {
    const auto spec = cluster::testing::three_nodes();
    Context context{spec, server, clock, [](const Event&) {}, {}, "test"};
    auto done = wait_ready(context, spec.nodes[0]);
    ASSERT_FALSE(done);
    error = std::move(done).error();
  }
};

TEST(WaitReady, AStandstillIsTenMinutes) {
  Wait wait;
  wait.run();
  EXPECT_EQ(wait.error.kind, ErrorKind::timed_out);
  EXPECT_NE(wait.error.next.find("/logs on a: what it waits for"), std::string::npos) << wait.error.next;
  EXPECT_NEAR(static_cast<double>(wait.clock.passed().count()), 600'000, 1000);
}

TEST(WaitReady, AServerThatWorksIsWaitedFor) {
  Wait wait;
  wait.server.works_until = Millis{7'200'000};  // two hours in which the control file says nothing new
  wait.run();
  EXPECT_EQ(wait.error.kind, ErrorKind::timed_out);
  EXPECT_GE(wait.clock.passed(), Millis{7'200'000 + 570'000});
}

TEST(WaitReady, WakingUpIsNotWork) {
  Wait wait;
  wait.server.works_until = Millis{7'200'000};
  wait.server.work_per_hour = 60;
  wait.run();
  EXPECT_LT(wait.clock.passed(), Millis{601'000});
}

TEST(WaitReady, ARefusedPasswordIsToldAtOnce) {
  Wait wait;
  wait.server.refuses_from = Millis{5'000};
  wait.run();
  EXPECT_EQ(wait.error.kind, ErrorKind::refused);
  EXPECT_LT(wait.clock.passed(), Millis{20'000});
  EXPECT_NE(wait.error.what.find("SQLSTATE 28P01"), std::string::npos) << wait.error.what;
  EXPECT_NE(wait.error.next.find("superuser_password"), std::string::npos) << wait.error.next;
}

TEST(WaitReady, ARefusalOfTheTemporaryServerPasses) {
  Wait wait;
  wait.server.refuses_from = Millis{0};
  wait.server.ready_after = Millis{3'000};
  wait.run();
  EXPECT_EQ(wait.error.kind, ErrorKind::timed_out);
}

}  // namespace
}  // namespace dugong::engine
