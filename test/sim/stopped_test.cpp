// A shutdown that was slower than whoever asked for it: the server ends in order while the next run waits for it.
#include <gtest/gtest.h>

#include "cluster/layout.h"
#include "cluster/plan_up.h"
#include "engine/engine.h"
#include "engine/waits.h"
#include "test/sim/kit.h"

namespace dugong::sim {
namespace {

TEST(WaitReady, AServerThatEndedInOrderIsToBeLookedAtAgain) {
  World world{{.seed = 1, .secrets = {"sup3r", "mirr0r"}}};
  const auto spec = kit::one_node();
  auto fleet = world.new_controller();
  SimClock clock{world};
  engine::Context context{spec, *fleet, clock, [](const Event&) {}, {}, "test"};
  ASSERT_TRUE(engine::lock_all(context));
  const auto planner = [&](const cluster::Observed& seen) { return cluster::plan_up(spec, seen, {}); };
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
