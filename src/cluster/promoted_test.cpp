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

// The primary was shut down in order, its last record is at 0/5000028; b runs and has nobody to stream from.
Observed primary_shut_down(const spec::Spec& spec) {
  auto seen = settled(spec);
  auto& a = seen.nodes[0];
  a.server = test::sampled(runtime::ServerFacts{.state = runtime::ServerState::exited});
  a.sql.value.reset();
  a.data.value->control->state = postgres::DbState::shutdowned;
  a.data.value->control->checkpoint = a.data.value->control->redo = Lsn{0x5000028};
  for (std::size_t i = 1; i < seen.nodes.size(); ++i) {
    auto& sql = *seen.nodes[i].sql.value;
    sql.streaming = false;
    sql.lsn = sql.received = Lsn{0x50000A0};
    auto& control = *seen.nodes[i].data.value->control;
    control.state = postgres::DbState::in_archive_recovery;
    control.min_recovery = sql.lsn;
    control.min_recovery_timeline = {1};
  }
  return seen;
}

TEST(LostWalOfPrimary, WhoHasTheShutdownCheckpointIsNotAhead) {
  const auto spec = a_spec();
  auto seen = primary_shut_down(spec);
  EXPECT_EQ(refusal(spec, seen), "planned");
  EXPECT_EQ(steps_of<runtime::StartServer>(must_plan(spec, seen), "a").size(), 1U);
  seen.nodes[1].sql.value->received = Lsn{0x5000028 + 160};  // with the header of a page in the middle of the record
  EXPECT_EQ(refusal(spec, seen), "planned");
}

TEST(LostWalOfPrimary, AReplicaThatIsAheadKeepsItDown) {
  const auto spec = a_spec();
  const std::string says =
      "b: b has WAL up to 0/5008000 on timeline 1, but that of a ends at 0/5000028: a lost what b has";
  for (const auto position : {&postgres::ServerSql::lsn, &postgres::ServerSql::received}) {
    auto seen = primary_shut_down(spec);
    (*seen.nodes[1].sql.value).*position = Lsn{0x5008000};
    EXPECT_EQ(refusal(spec, seen), says);
    const auto plan = plan_up(spec, seen, {});
    ASSERT_FALSE(plan);
    EXPECT_EQ(plan.error().left, "nothing was started");
    EXPECT_NE(plan.error().next.find("b holds the newest data: keep a stopped"), std::string::npos);
    EXPECT_NE(plan.error().next.find("`dugong down b --destroy --confirm=dex`"), std::string::npos);
  }
  auto seen = primary_shut_down(spec);
  seen.nodes[1].server = test::sampled(runtime::ServerFacts{.state = runtime::ServerState::exited});
  seen.nodes[1].sql.value.reset();
  EXPECT_EQ(refusal(spec, seen), "planned");
  seen.nodes[1].data.value->control->min_recovery = Lsn{0x5008000};
  EXPECT_EQ(refusal(spec, seen), says);
}

TEST(LostWalOfPrimary, TheNewestIsNamedThoughItWasNotAskedFor) {
  const auto spec = a_spec({"a", "b", "c", "d"});
  auto seen = primary_shut_down(spec);
  seen.nodes[1].sql.value->received = Lsn{0x5008000};
  seen.nodes[2].sql.value->received = Lsn{0x5009000};
  const auto plan = plan_up(spec, seen, {.only = {"d"}});
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().where, "c");
  EXPECT_NE(plan.error().what.find("c has WAL up to 0/5009000, b has WAL up to 0/5008000 on timeline 1"),
            std::string::npos)
      << plan.error().what;
  EXPECT_NE(plan.error().next.find("`dugong down c b --destroy"), std::string::npos) << plan.error().next;
}

TEST(LostWalOfPrimary, WhatCannotBeComparedIsNoSign) {
  const auto spec = a_spec();
  const std::vector<std::function<void(Observed&)>> changes = {
      // It crashed: where its WAL ends shows only when it has replayed it.
      [](Observed& seen) { seen.nodes[0].data.value->control->state = postgres::DbState::in_production; },
      [](Observed& seen) { seen.nodes[0].data.value->control->timeline = {2}; },
  };
  for (const auto& change : changes) {
    auto seen = primary_shut_down(spec);
    seen.nodes[1].sql.value->received = Lsn{0x5008000};
    change(seen);
    EXPECT_EQ(refusal(spec, seen), "planned");
  }
}

}  // namespace
}  // namespace dugong::cluster
