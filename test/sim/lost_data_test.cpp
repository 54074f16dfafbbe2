// A primary that was taken back to an earlier state (a rollback, a restore, a pool that came up without its last
// seconds) while a replica has what it lost: `up` goes on with nobody, and destroys nothing that may be the last copy.
#include <gtest/gtest.h>

#include "cluster/layout.h"
#include "cluster/plan_up.h"
#include "engine/door.h"
#include "engine/engine.h"
#include "test/sim/kit.h"

namespace dugong::sim {
namespace {

const std::string live = "tank/dex/live-0";

struct Stage {
  World world{{.seed = 1, .secrets = {"sup3r", "mirr0r"}}};
  spec::Spec spec;

  explicit Stage(spec::Spec cluster) : spec{std::move(cluster)} {}

  Result<> run(const std::set<std::string>& only = {}) {
    auto fleet = world.new_controller();
    SimClock clock{world};
    engine::Context context{spec, *fleet, clock, [](const Event&) {}, {}, "test"};
    TRY(engine::lock_all(context, only));
    TRY(engine::converge(context,
                         [&](const cluster::Observed& seen) { return cluster::plan_up(spec, seen, {.only = only}); }));
    return {};
  }
  Error error(const std::set<std::string>& only = {}) {
    const auto done = run(only);
    return done ? Error{} : done.error();
  }
  std::string up() { return error().what; }

  void stop(const std::string& node) {
    auto fleet = world.new_controller();
    const auto stopped =
        node::ask(**fleet->node(node), runtime::StopServer{cluster::server_of(spec, *spec.find(node))}, Deadline{});
    EXPECT_TRUE(stopped) << stopped.error().what;
  }
  void write(Bytes bytes) {
    world.set_write_load(bytes / 10);
    world.sleep(Millis{10'000});
    world.set_write_load(0);
    world.sleep(Millis{1000});
  }
  Pool& pool(const std::string& node) { return world.host(node).pools.at("tank"); }
  // What a snapshot would hold, as one of another dugong or of somebody.
  [[nodiscard]] std::shared_ptr<Tree> state_of(const std::string& node) {
    return std::make_shared<Tree>(*pool(node).datasets.at(live).tree);
  }
  void take_back(const std::string& node, const Tree& to) {
    pool(node).datasets.at(live).tree = std::make_shared<Tree>(to);
  }
  [[nodiscard]] Lsn end_of(const std::string& node) {
    return pool(node).datasets.at(live).tree->clusters.begin()->second.insert;
  }
  [[nodiscard]] bool runs(const std::string& node) {
    const auto* server = world.server_on(node);
    return server != nullptr && server->running();
  }
};

TEST(LostData, AStoppedPrimaryThatWasRolledBackIsNotStarted) {
  Stage stage{kit::processes({{'a'}, {'b'}, {'c'}})};
  ASSERT_EQ(stage.up(), "");
  stage.stop("a");
  const auto earlier = stage.state_of("a");
  EXPECT_EQ(stage.up(), "");  // an ordinary stop is no loss
  stage.write(Bytes{1} << 20);
  stage.stop("a");
  const auto newest = stage.end_of("b");
  stage.take_back("a", *earlier);
  for (int again = 0; again < 2; ++again) {
    const auto error = stage.error();
    EXPECT_EQ(error.kind, ErrorKind::refused);
    EXPECT_NE(error.what.find("b has WAL up to " + to_string(newest)), std::string::npos) << error.what;
    EXPECT_EQ(error.left, "nothing was started");
    EXPECT_FALSE(stage.runs("a"));
    EXPECT_EQ(stage.end_of("b"), newest);
    stage.stop("b");  // and the same when only its control file tells
    stage.stop("c");
  }
}

TEST(LostData, WhatTheOthersHaveHoldsForOneThatIsAddedToo) {
  Stage stage{kit::processes({{'a'}, {'b'}})};
  ASSERT_EQ(stage.up(), "");
  stage.stop("a");
  const auto earlier = stage.state_of("a");
  EXPECT_EQ(stage.up(), "");
  stage.write(Bytes{1} << 20);
  stage.stop("a");
  stage.take_back("a", *earlier);
  stage.spec = kit::processes({{'a'}, {'b'}, {'c'}});
  EXPECT_NE(stage.error({"c"}).what.find("a lost what b has"), std::string::npos);
  EXPECT_FALSE(stage.runs("a"));
}

// How far a crashed primary's WAL reaches shows only when it has been started.
TEST(LostData, AReplicaThatIsAheadOfARunningPrimaryIsNotWaitedFor) {
  Stage stage{kit::processes({{'a'}, {'b'}, {'c'}})};
  ASSERT_EQ(stage.up(), "");
  const auto earlier = stage.state_of("a");
  stage.write(Bytes{1} << 20);
  stage.world.crash_server("a", stage.world.server_on("a")->data);
  stage.stop("c");
  const auto newest = stage.end_of("b");
  stage.take_back("a", *earlier);
  const auto began = stage.world.now();
  for (int again = 0; again < 2; ++again) {
    const auto error = stage.error();
    EXPECT_EQ(error.kind, ErrorKind::refused);
    EXPECT_NE(error.what.find("a lost what b has"), std::string::npos) << error.what;
    EXPECT_EQ(error.left, "the replicas were left as they are");
    EXPECT_EQ(stage.end_of("b"), newest);
    EXPECT_FALSE(stage.runs("c"));
  }
  EXPECT_LT(stage.world.now() - began, std::chrono::minutes{5});
}

// The rounds of a late slot brought several snapshots to b, and nothing more: the first that a took, and how a was
// then.
struct Rounds : Stage {
  std::shared_ptr<Tree> earlier;
  std::string newest;  // on b

  Rounds() : Stage{kit::processes({{'a'}, {'b'}}, "[seed]\nslot_late_above = \"1K\"\n")} {
    world.set_fault([this](const std::string& node, const node::Request& request) -> std::optional<Error> {
      if (node == "a" && !earlier && !of("a").empty()) {
        earlier = state_of("a");
        world.set_write_load(Bytes{16} << 20);
      }
      if (node != "b" || !std::holds_alternative<zfs::Clone>(request)) return std::nullopt;
      return Error{ErrorKind::failed, "killed", {}, {}, {}};
    });
    EXPECT_NE(up(), "");
    world.set_fault({});
    world.set_write_load(0);
    newest = std::ranges::max_element(of("b"), {}, [](const auto& one) { return one.second.createtxg; })->first;
  }
  std::map<std::string, SnapshotRow>& of(const std::string& node) { return pool(node).snapshots; }
  void forget_all_but_the_first() {
    const auto by_age = [](const auto& one) { return one.second.createtxg; };
    const auto first = std::ranges::min_element(of("a"), {}, by_age)->first;
    std::erase_if(of("a"), [&](const auto& one) { return one.first != first; });
  }
  [[nodiscard]] bool streams() {
    const auto* server = world.server_on("b");
    return server != nullptr && server->streaming;
  }
};

// Then the primary went back to the first.
TEST(LostData, WhatWasReceivedAfterThatIsNotDestroyed) {
  Rounds stage;
  ASSERT_GE(stage.of("b").size(), 2U);
  ASSERT_TRUE(stage.of("b").at(stage.newest).local.contains("dugong:end_lsn"));
  stage.world.crash_server("a", stage.world.server_on("a")->data);
  stage.take_back("a", *stage.earlier);
  stage.forget_all_but_the_first();
  const auto error = stage.error();
  EXPECT_EQ(error.kind, ErrorKind::refused);
  EXPECT_NE(error.what.find(stage.newest + " is newer than the last snapshot that b shares"), std::string::npos)
      << error.what;
  EXPECT_NE(error.next.find("it may hold the only copy of what a has lost"), std::string::npos) << error.next;
  EXPECT_TRUE(stage.of("b").contains(stage.newest));
}

// The primary lost only the snapshots: what they held is in it, and more.
struct StaleRounds : Rounds {
  StaleRounds() {
    forget_all_but_the_first();
    drop_slot();  // as a run that fails does; it would cover the first
    write(Bytes{1} << 20);
  }
  void drop_slot() {
    auto fleet = world.new_controller();
    SimClock clock{world};
    engine::Context context{spec, *fleet, clock, [](const Event&) {}, {}, "test"};
    EXPECT_TRUE(engine::query(context, "a", "postgres", {"drop_slot", {"dugong_b"}}, Millis{1000}));
  }
  // An `up` that ends after so many steps. Whether there were more.
  bool cut_after(std::size_t left) {
    bool cut = false;
    auto fleet = world.new_controller();
    SimClock clock{world};
    engine::Context context{spec, *fleet, clock, [](const Event&) {}, {}, "test"};
    EXPECT_TRUE(engine::lock_all(context, {}));
    (void)engine::converge(context, [&](const cluster::Observed& seen) -> Result<cluster::Plan> {
      if (cut) return fail(ErrorKind::interrupted, "cut");
      auto plan = TRY(cluster::plan_up(spec, seen, {}));
      cut = plan.steps.size() > left;
      if (cut) plan.steps.resize(left);
      plan.more = plan.more || cut;
      left -= plan.steps.size();
      return plan;
    });
    return cut;
  }
  // Whether b ended with an increment into the anchor that it had.
  void expect_done(const std::string& where) {
    ASSERT_EQ(up(), "") << where;
    EXPECT_TRUE(streams()) << where;
    EXPECT_FALSE(of("b").contains(newest)) << where;
    EXPECT_TRUE(pool("b").datasets.at(live).origin.starts_with(zfs::dataset_of(newest) + "@")) << where;
    EXPECT_TRUE(world.violations().empty()) << where << ": " << world.violations().front();
  }
  void on_rollback(const std::function<std::optional<Error>()>& then) {
    world.set_fault([then](const std::string&, const node::Request& request) {
      return std::holds_alternative<zfs::Rollback>(request) ? then() : std::nullopt;
    });
  }
};

TEST(LostData, WhatThePrimaryHasNoSnapshotOfGivesWayToTheIncrement) {
  StaleRounds stage;
  ASSERT_GE(stage.of("b").size(), 2U);
  std::size_t rolled_back = 0;
  stage.on_rollback([&]() -> std::optional<Error> {
    EXPECT_FALSE(stage.of("b").contains(stage.newest));
    ++rolled_back;
    return std::nullopt;
  });
  stage.expect_done("undisturbed");
  EXPECT_EQ(rolled_back, 1U);
}

TEST(LostData, AsItDoesWhenTheRunBeforeWasKilledBeforeTheRollback) {
  StaleRounds stage;
  stage.on_rollback([] { return Error{ErrorKind::failed, "killed", {}, {}, {}}; });
  EXPECT_EQ(stage.up(), "killed");
  EXPECT_FALSE(stage.of("b").contains(stage.newest));
  stage.world.set_fault({});
  stage.expect_done("killed before the rollback");
}

TEST(LostData, AsItDoesWhenTheRunBeforeEndedAfterAnyStep) {
  std::size_t steps = 0;
  for (bool cut = true; cut && !::testing::Test::HasFailure(); ++steps) {
    StaleRounds stage;
    cut = stage.cut_after(steps);
    stage.expect_done("cut after step " + std::to_string(steps));
  }
  EXPECT_GT(steps, 10U);
}

TEST(LostData, AsItDoesWhenTheRunBeforeWasKilled) {
  constexpr std::uint64_t stride = 13;  // every call would take a minute
  std::uint64_t kill_at = 1;
  for (bool killed = true; killed && !::testing::Test::HasFailure(); kill_at += stride) {
    StaleRounds stage;
    stage.world.kill_after(kill_at);
    (void)stage.up();
    killed = stage.world.killed();
    const auto where = "killed at call " + std::to_string(kill_at) + ": " + stage.world.killed_at();
    stage.world.kill_after(0);
    stage.expect_done(where);
  }
  EXPECT_GT(kill_at, 100U);
}

}  // namespace
}  // namespace dugong::sim
