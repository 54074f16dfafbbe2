// What `up` takes away in the end: of nodes that were not named too, and never what somebody still reads.
#include <gtest/gtest.h>

#include "test/support/plans.h"

namespace dugong::cluster {
namespace {

using Texts = std::vector<std::string>;

// A snapshot from which c was to be seeded lies on the primary; b was cloned from another one.
Observed with_old_snapshot(const spec::Spec& spec) {
  auto seen = settled(spec);
  seen.nodes[0].storage.value->push_back(
      test::a_snapshot(spec, spec.nodes[0], "tank/a/live-0@dugong-old", Guid{12}, 3));
  return seen;
}

const Texts old_goes = {"a: release tank/a/live-0@dugong-old", "a: destroy snapshot tank/a/live-0@dugong-old"};

TEST(PlanTidy, BasesOfNodesThatWereNotNamedAreKnown) {
  const auto spec = a_spec({"a", "b", "c"});
  auto seen = with_old_snapshot(spec);
  EXPECT_EQ(texts(must_plan(spec, seen, {.only = {"c"}})), old_goes);
  auto& b = *seen.nodes[1].storage.value;
  for (auto& one : b)
    if (one.is_snapshot) one.guid = Guid{12};
  EXPECT_EQ(texts(must_plan(spec, seen, {.only = {"c"}})), Texts{});
}

TEST(PlanTidy, AnAnchorWithoutLiveDataKeepsItsBases) {
  const auto spec = a_spec({"a", "b", "c"});
  auto seen = with_old_snapshot(spec);
  auto& b = *seen.nodes[1].storage.value;
  std::erase_if(b, [](const auto& one) { return one.name == "tank/b/live-0"; });
  EXPECT_EQ(texts(must_plan(spec, seen, {.only = {"c"}})), old_goes);
  for (auto& one : b)
    if (one.is_snapshot) one.guid = Guid{12};
  EXPECT_EQ(texts(must_plan(spec, seen, {.only = {"c"}})), Texts{});
}

TEST(PlanTidy, WhatOneThatDidNotAnswerHasIsNotKnown) {
  const auto spec = a_spec({"a", "b", "c"});
  const std::vector<std::function<void(ObservedNode&)>> changes = {
      [](ObservedNode& b) { b = ObservedNode{.name = "b"}; },
      [](ObservedNode& b) { b.storage.value.reset(); },
      [](ObservedNode& b) { b.storage.value->clear(); },  // another pool of that name, or another prefix in the file
      [](ObservedNode& b) {
        for (auto& one : *b.storage.value) one.origin.clear();
      },
  };
  for (const auto& change : changes) {
    auto seen = with_old_snapshot(spec);
    change(seen.nodes[1]);
    EXPECT_EQ(texts(must_plan(spec, seen, {.only = {"c"}})), Texts{});
  }
}

// c followed a before, and streams from b now.
Observed moved(const spec::Spec& spec) {
  auto seen = settled(spec);
  seen.nodes[0].sql.value->slots.push_back(slot("c"));
  return seen;
}

spec::Spec cascade() {
  auto spec = a_spec({"a", "b", "c"});
  spec.nodes[2].follows = "b";
  return spec;
}

TEST(PlanTidy, TheSlotOfAReplicaThatWasMovedIsDropped) {
  const auto spec = cascade();
  auto seen = moved(spec);
  EXPECT_EQ(texts(must_plan(spec, seen)), Texts{"a: SQL: drop_slot dugong_c"});
  EXPECT_TRUE(must_plan(spec, seen).steps.front().may_fail);  // somebody may come to use it
  seen.nodes[0].sql.value->slots.back().type = "logical";
  EXPECT_EQ(texts(must_plan(spec, seen)), Texts{});
}

TEST(PlanTidy, AnOldSlotOnAnotherReplicaIsDroppedByWhoMayWorkThere) {
  const auto spec = a_spec({"a", "b", "c"});
  auto seen = settled(spec);
  seen.nodes[1].sql.value->slots.push_back(slot("c"));
  EXPECT_EQ(texts(must_plan(spec, seen)), Texts{"b: SQL: drop_slot dugong_c"});
  const auto plan = must_plan(spec, seen, {.only = {"c"}});
  EXPECT_EQ(texts(plan), Texts{});
  EXPECT_EQ(plan.notes, Texts{"b: slot dugong_c keeps WAL although c follows a now: `dugong up` drops it"});
}

TEST(PlanTidy, AnOldSlotThatIsInUseIsOnlyTold) {
  const auto spec = cascade();
  auto seen = moved(spec);
  seen.nodes[0].sql.value->slots.back().active = true;
  const auto plan = must_plan(spec, seen);
  EXPECT_EQ(texts(plan), Texts{});
  EXPECT_EQ(plan.notes, Texts{"a: slot dugong_c stays although c follows b now: somebody uses it"});
}

// b and c were looked at after a: there c was still seen at its old slot.
TEST(PlanTidy, AnOldSlotThatItsReplicaWasSeenAtIsTried) {
  const auto spec = cascade();
  auto seen = moved(spec);
  seen.nodes[0].sql.value->slots.back().active = true;
  seen.nodes[0].sql.value->senders.push_back({.application_name = "c", .state = "streaming"});
  const auto plan = must_plan(spec, seen);
  EXPECT_EQ(texts(plan), Texts{"a: SQL: drop_slot dugong_c"});
  EXPECT_TRUE(plan.steps.front().may_fail);
}

TEST(PlanTidy, BeforeItStreamsThroughTheNewSlotTheOldOneStays) {
  const auto spec = cascade();
  auto seen = moved(spec);
  seen.nodes[1].sql.value->slots.front().active = false;  // it may still be connected to a
  const auto plan = must_plan(spec, seen);
  EXPECT_EQ(position(plan, "drop_slot"), plan.steps.size());
  EXPECT_EQ(steps_of<WaitStreaming>(plan, "c").size(), 1U);
}

}  // namespace
}  // namespace dugong::cluster
