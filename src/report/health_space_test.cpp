// What bases pin and how full a pool is, as the status says it; the reckoning itself is tested beside cluster/space.
#include <gtest/gtest.h>

#include "cluster/space_world.h"
#include "report/health.h"

namespace dugong::report {
namespace {

using cluster::testing::G;
using cluster::testing::SpaceWorld;

TEST(SpaceInStatus, ABudgetThatIsExceededIsAReason) {
  SpaceWorld world;
  EXPECT_EQ(judge_status(world.spec, world.seen, {}).verdict, Health::healthy);
  world.spec.nodes[0].base_budget = {.bytes = G, .percent = 0};
  const auto status = judge_status(world.spec, world.seen, {});
  EXPECT_EQ(status.verdict, Health::degraded);
  ASSERT_EQ(status.reasons.size(), 1U);
  EXPECT_EQ(status.reasons[0], "a: " + budget_words(world.space("a")));
  EXPECT_TRUE(status.nodes[0].base_pins->verdict);
}

TEST(SpaceInStatus, TheFullPoolIsAlarmedFirst) {
  SpaceWorld world;
  world.node("a").pool.value->free = 200 * G;
  const auto status = judge_status(world.spec, world.seen, {});
  ASSERT_EQ(status.reasons.size(), 2U);
  EXPECT_EQ(status.reasons[0], "a: pool tank is 80 % full: 800 GiB of 1000 GiB");
}

}  // namespace
}  // namespace dugong::report
