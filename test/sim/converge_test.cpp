// What the loop itself makes of a round: one without effect, one that was refused, one that found another world.
#include <gtest/gtest.h>

#include "cluster/layout.h"
#include "cluster/plan_up.h"
#include "engine/engine.h"
#include "engine/waits.h"
#include "test/sim/kit.h"

namespace dugong::sim {
namespace {

struct Loop {
  World world{{.seed = 1, .secrets = {"sup3r", "mirr0r"}}};
  spec::Spec spec = kit::one_node();
  std::unique_ptr<node::Fleet> fleet = world.new_controller();
  SimClock clock{world};
  engine::Context context{spec, *fleet, clock, [](const Event&) {}, {}, "test"};
  engine::Planner planner = [this](const cluster::Observed& seen) { return cluster::plan_up(spec, seen, {}); };
  // The same step in every round, as of a planner that does not see what came of it.
  Result<engine::Converged> repeat(const cluster::Action& action) {
    return engine::converge(context, [&](const cluster::Observed&) -> Result<cluster::Plan> {
      return cluster::Plan{.steps = {{.node = "a", .action = action}}};
    });
  }
};

TEST(Converge, StepsWithoutEffectEndWithTheNodeTheyWereFor) {
  Loop loop;
  ASSERT_TRUE(engine::lock_all(loop.context));
  const auto done = loop.repeat(cluster::MakeDirectory{"/srv/dugong/dex/a/run", 0755});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().where, "a");
  EXPECT_NE(done.error().what.find("without an effect:\na: "), std::string::npos) << done.error().what;
  EXPECT_NE(done.error().next.find("dugong status"), std::string::npos) << done.error().next;
}

TEST(Converge, WhatTheServerRefusesIsNotToBeRunAgainUnchanged) {
  Loop loop;
  ASSERT_TRUE(engine::lock_all(loop.context));
  ASSERT_TRUE(engine::converge(loop.context, loop.planner));
  const auto refused = loop.repeat(cluster::RunQuery{"create_extension", {"nosuch"}});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().next.find("mend what the server says"), std::string::npos) << refused.error().next;
}

TEST(Converge, WhatPassesByItselfIsToBeRunAgain) {
  Loop loop;
  ASSERT_TRUE(engine::lock_all(loop.context));
  ASSERT_TRUE(engine::converge(loop.context, loop.planner));
  loop.world.set_fault([](const std::string&, const node::Request& request) -> std::optional<Error> {
    if (!std::holds_alternative<node::MakeDirectory>(request)) return std::nullopt;
    return Error{ErrorKind::failed, "no space left on device", "a", {}, {}};
  });
  const auto failed = loop.repeat(cluster::MakeDirectory{"/srv/dugong/dex/a/run", 0755});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().next, "run the same command again: what is done stays done");
}

// Nothing of it exists yet: no mark keeps the second one away.
TEST(Lock, TwoFilesWithOneDatasetAreNotAtWorkAtOnce) {
  Loop first;
  first.context.holder = "dugong up, root@x, pid 7, since then";
  ASSERT_TRUE(engine::lock_all(first.context));
  auto theirs = first.spec;
  theirs.cluster = "ops";
  theirs.nodes[0].directory = "/srv/ops/a";
  auto fleet = first.world.controller_beside();
  engine::Context second{theirs, *fleet, first.clock, [](const Event&) {}, {}, "dugong up, root@y, pid 8, since now"};
  const auto refused = engine::lock_all(second);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::refused);
  EXPECT_EQ(refused.error().what,
            "another dugong is at work on the dataset tank/dex: dugong up, root@x, pid 7, since then");
  theirs.nodes[0].prefix = "tank/ops";
  EXPECT_TRUE(engine::lock_all(second));
}

TEST(WaitReady, AServerThatEndedInOrderIsToBeLookedAtAgain) {
  Loop loop;
  auto& [world, spec, fleet, clock, context, planner] = loop;
  ASSERT_TRUE(engine::lock_all(context));
  ASSERT_TRUE(engine::converge(context, planner));
  const auto server = cluster::server_of(spec, spec.primary());
  ASSERT_TRUE(node::ask(**fleet->node("a"), runtime::StopServer{server}, Deadline{}));
  const auto waited = engine::wait_ready(context, spec.primary());
  ASSERT_FALSE(waited);
  EXPECT_EQ(waited.error().kind, ErrorKind::conflict) << waited.error().what;
  EXPECT_TRUE(engine::converge(context, planner));
  EXPECT_TRUE(engine::wait_ready(context, spec.primary()));
}

}  // namespace
}  // namespace dugong::sim
