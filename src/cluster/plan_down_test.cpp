#include <gtest/gtest.h>

#include "test/support/plans.h"

namespace dugong::cluster {
namespace {

TEST(Abandon, DropsTheSlotOfAReplicaThatHasNothing) {
  const auto spec = a_spec({"a", "b", "c"});
  auto seen = primary_only(spec);
  seen.nodes[0].sql.value->slots = {slot("b"), slot("c")};
  seen.nodes[2] = settled(spec).nodes[2];
  const auto plan = plan_abandon(spec, seen);
  ASSERT_EQ(plan.steps.size(), 1U);
  EXPECT_EQ(describe(plan.steps[0].action), "SQL: drop_slot dugong_b");
}

TEST(Down, StopsReplicasBeforeThePrimaryAndDestroysNothing) {
  const auto spec = a_spec();
  const auto plan = plan_down(spec, settled(spec), {});
  ASSERT_TRUE(plan);
  ASSERT_EQ(plan->steps.size(), 2U);
  EXPECT_EQ(plan->steps[0].node, "b");
  EXPECT_EQ(plan->steps[1].node, "a");
}

TEST(Down, AServerThatTakesClientsIsMarkedReadyBeforeItIsStopped) {
  const auto spec = a_spec({"a"});
  auto seen = settled(spec);
  for (auto& dataset : *seen.nodes[0].storage.value)
    if (dataset.mark("state") != nullptr) dataset.ours["state"] = "initializing";
  const auto plan = plan_down(spec, seen, {});
  ASSERT_TRUE(plan);
  EXPECT_LT(position(*plan, "dugong:state=ready"), position(*plan, "stop PostgreSQL"));
  ASSERT_EQ(plan->steps.size(), 2U);
  seen.nodes[0].sql.value->accepts_clients = false;
  EXPECT_EQ(plan_down(spec, seen, {})->steps.size(), 1U);
}

TEST(Down, DestroyTakesTheCloneBeforeItsAnchorAndLeavesForeignDatasets) {
  const auto spec = a_spec();
  auto seen = settled(spec);
  zfs::Dataset foreign;
  foreign.name = "tank/b/somebodys";
  seen.nodes[1].storage.value->push_back(foreign);
  const auto plan = plan_down(spec, seen, {.destroy = true});
  ASSERT_TRUE(plan);
  EXPECT_LT(position(*plan, "destroy dataset tank/b/live-0"), position(*plan, "destroy snapshot tank/b/anchor-0@"));
  EXPECT_LT(position(*plan, "destroy snapshot tank/b/anchor-0@"), position(*plan, "destroy dataset tank/b/anchor-0"));
  EXPECT_EQ(position(*plan, "tank/b/somebodys"), plan->steps.size());
  std::vector<std::string> destroyed;
  for (const auto& step : steps_of<zfs::Destroy>(*plan, "b")) destroyed.push_back(step.dataset);
  EXPECT_EQ(std::ranges::count(destroyed, "tank/b"), 0);
  ASSERT_EQ(plan->notes.size(), 1U);
}

TEST(Down, ADatasetWithSomebodysSnapshotStays) {
  const auto spec = a_spec();
  auto seen = settled(spec);
  auto foreign = test::a_snapshot(spec, spec.nodes[1], "tank/b/live-0@autosnap", Guid{9}, 90);
  foreign.ours.clear();
  seen.nodes[1].storage.value->push_back(foreign);
  const auto plan = plan_down(spec, seen, {.only = {"b"}, .destroy = true});
  ASSERT_TRUE(plan);
  for (const auto& text : texts(*plan)) EXPECT_EQ(text.find("tank/b/live-0"), std::string::npos) << text;
  EXPECT_EQ(steps_of<RemoveDirectory>(*plan, "b").size(), 0U);
  EXPECT_EQ(plan->notes.size(), 2U);  // live-0, and the parent
}

TEST(Down, OneReplicaGivesItsSlotBack) {
  const auto spec = a_spec();
  const auto plan = plan_down(spec, settled(spec), {.only = {"b"}, .destroy = true});
  ASSERT_TRUE(plan);
  EXPECT_LT(position(*plan, "drop_slot dugong_b"), plan->steps.size());
  EXPECT_TRUE(steps_of<runtime::StopServer>(*plan, "a").empty());
}

}  // namespace
}  // namespace dugong::cluster
