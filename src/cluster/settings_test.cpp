#include <gtest/gtest.h>

#include "test/support/plans.h"

namespace dugong::cluster {
namespace {

void raise_to(spec::Spec& spec, const std::string& value) {
  spec.postgres.settings.push_back({"max_connections", value, {}});
}

TEST(HotStandby, RaisedOnReplicasFirst) {
  auto spec = a_spec();
  auto seen = settled(spec);
  raise_to(spec, "300");
  EXPECT_EQ(allowed_hot_standby(spec, seen, spec.nodes[0])->max_connections, 100);
  EXPECT_EQ(allowed_hot_standby(spec, seen, spec.nodes[1])->max_connections, 300);
  seen.nodes[1].sql.value->settings["max_connections"].value = "300";
  EXPECT_EQ(allowed_hot_standby(spec, seen, spec.nodes[0])->max_connections, 300);
}

TEST(HotStandby, LoweredOnThePrimaryFirstAndOnReplicasOnceReplayed) {
  auto spec = a_spec();
  raise_to(spec, "300");
  auto seen = settled(spec);
  seen.nodes[1].data.value->control->primary_settings.max_connections = 300;
  spec.postgres.settings.back().value = "200";
  EXPECT_EQ(allowed_hot_standby(spec, seen, spec.nodes[0])->max_connections, 200);
  EXPECT_EQ(allowed_hot_standby(spec, seen, spec.nodes[1])->max_connections, 300);
  seen.nodes[0].sql.value->settings["max_connections"].value = "200";
  EXPECT_EQ(allowed_hot_standby(spec, seen, spec.nodes[1])->max_connections, 300);
  seen.nodes[1].data.value->control->primary_settings.max_connections = 200;
  EXPECT_EQ(allowed_hot_standby(spec, seen, spec.nodes[1])->max_connections, 200);
}

TEST(HotStandby, AReplicaThatHasNotReplayedTheLowerValueIsWaitedFor) {
  auto high = a_spec();
  raise_to(high, "300");
  auto low = a_spec();
  raise_to(low, "200");
  auto seen = settled(low);
  seen.nodes[1] = settled(high).nodes[1];
  auto& replayed = seen.nodes[1].data.value->control->primary_settings.max_connections;
  replayed = 300;
  auto plan = must_plan(low, seen);
  EXPECT_EQ(steps_of<WaitStreaming>(plan, "b").size(), 1U);
  EXPECT_TRUE(steps_of<WriteFile>(plan, "b").empty());
  EXPECT_TRUE(plan.more);
  replayed = 200;
  plan = must_plan(low, seen);
  EXPECT_TRUE(steps_of<WaitStreaming>(plan, "b").empty());
  EXPECT_EQ(steps_of<WriteFile>(plan, "b").size(), 1U);
}

}  // namespace
}  // namespace dugong::cluster
