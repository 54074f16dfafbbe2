// The old primary does not come up beside a replica that took over, even when that one does not answer.
#include <gtest/gtest.h>

#include "test/support/plans.h"

namespace dugong::cluster {
namespace {

// As after a failover: the primary is down, and b's server does not answer.
Observed primary_down(const spec::Spec& spec) {
  auto seen = settled(spec);
  for (std::size_t i = 0; i < 2; ++i) {
    seen.nodes[i].server = test::sampled(runtime::ServerFacts{.state = runtime::ServerState::exited});
    seen.nodes[i].sql.value.reset();
  }
  return seen;
}

TEST(Promoted, AStoppedReplicaKeepsThePrimaryDown) {
  const auto spec = a_spec();
  auto seen = primary_down(spec);
  EXPECT_EQ(refusal(spec, seen), "planned");
  auto& data = *seen.nodes[1].data.value;
  const auto as_replica = data;
  std::erase(data.entries, "standby.signal");
  EXPECT_EQ(refusal(spec, seen),
            "b: b was promoted, as it seems: its data has no standby.signal; a would be a second primary");
  data = as_replica;
  data.control->timeline = {2};
  EXPECT_NE(refusal(spec, seen).find("it is on timeline 2, a on 1"), std::string::npos) << refusal(spec, seen);
  data = as_replica;
  data.control->min_recovery = Lsn{0x4000000};
  EXPECT_NE(refusal(spec, seen).find("left recovery"), std::string::npos) << refusal(spec, seen);
  data.control->state = postgres::DbState::in_archive_recovery;
  EXPECT_EQ(refusal(spec, seen), "planned");
}

TEST(Promoted, WhatIsNotMountedIsMountedAndLookedIntoFirst) {
  const auto spec = a_spec({"a", "b", "c"});
  auto seen = primary_down(spec);
  for (auto& dataset : *seen.nodes[1].storage.value) dataset.mounted = dataset.name == "tank/b/archive";
  seen.nodes[1].data = test::sampled(postgres::DataFacts{.exists = true});
  const auto plan = must_plan(spec, seen);
  EXPECT_EQ(texts(plan), std::vector<std::string>{"b: mount tank/b/live-0"});
  EXPECT_TRUE(plan.more);
  const auto others = plan_up(spec, seen, {.only = {"c"}});
  ASSERT_FALSE(others);
  EXPECT_NE(others.error().what.find("tank/b/live-0 is not mounted"), std::string::npos) << others.error().what;
}

// After a reboot of its host: nothing mounts live-0 but dugong.
Observed primary_unmounted(const spec::Spec& spec) {
  auto seen = primary_down(spec);
  for (auto& dataset : *seen.nodes[0].storage.value)
    if (dataset.name == "tank/a/live-0") dataset.mounted = false;
  seen.nodes[0].data = test::sampled(postgres::DataFacts{.exists = true});
  return seen;
}

TEST(Promoted, WhatCannotBeSeenIsToldBeforeAnybodyAgrees) {
  const auto spec = a_spec({"a", "b", "c"});
  auto seen = primary_unmounted(spec);
  seen.nodes[1] = ObservedNode{.name = "b"};
  seen.nodes[1].host.error = {ErrorKind::unreachable, "No route to host", "b", "", ""};
  const auto plan = must_plan(spec, seen, {.only = {"c"}});
  EXPECT_EQ(texts(plan), std::vector<std::string>{"a: mount tank/a/live-0"});
  ASSERT_EQ(plan.notes.size(), 1U);
  EXPECT_NE(plan.notes[0].find("b: whether it was promoted cannot be seen (No route to host)"), std::string::npos);
}

TEST(Promoted, AnUnmountedPrimaryIsNoReasonNotToLook) {
  const auto spec = a_spec();
  auto seen = primary_unmounted(spec);
  seen.nodes[1].data.value->control->timeline = {2};  // nothing to compare it with yet
  EXPECT_EQ(refusal(spec, seen), "planned");
  std::erase(seen.nodes[1].data.value->entries, "standby.signal");
  EXPECT_NE(refusal(spec, seen).find("b was promoted, as it seems"), std::string::npos) << refusal(spec, seen);
}

TEST(Promoted, ADeadReplicaDoesNotKeepThePrimaryDown) {
  const auto spec = a_spec({"a", "b", "c"});
  auto seen = primary_down(spec);
  seen.nodes[1] = ObservedNode{.name = "b"};
  seen.nodes[1].host.error = {ErrorKind::unreachable, "No route to host", "b", "", ""};
  const auto plan = must_plan(spec, seen, {.only = {"c"}});
  EXPECT_EQ(steps_of<runtime::StartServer>(plan, "a").size(), 1U);
  ASSERT_EQ(plan.notes.size(), 1U);
  EXPECT_NE(plan.notes[0].find("b: whether it was promoted cannot be seen (No route to host)"), std::string::npos);
}

TEST(Promoted, ANodeThatWasNotNamedIsLookedAtToo) {
  const auto spec = a_spec({"a", "b", "c"});
  auto seen = primary_down(spec);
  std::erase(seen.nodes[1].data.value->entries, "standby.signal");
  const auto plan = plan_up(spec, seen, {.only = {"c"}});
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().kind, ErrorKind::refused);
}

}  // namespace
}  // namespace dugong::cluster
