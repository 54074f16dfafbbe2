// Replicas that have their data and do not stream: which may go on, which must be seeded again, and which nobody may
// touch because they have more than their primary.
#include <gtest/gtest.h>

#include "test/support/plans.h"

namespace dugong::cluster {
namespace {

// b's slot was dropped long ago, and the checkpoints since then have taken the WAL that it asks for.
Observed without_its_wal(const spec::Spec& spec) {
  auto seen = settled(spec);
  auto& upstream = *seen.nodes[0].sql.value;
  std::erase_if(upstream.slots, [](const auto& one) { return one.name == "dugong_b"; });
  for (auto& other : upstream.slots) other.restart_lsn = Lsn{0x4000000};
  upstream.wal_segment_size = 16 << 20;
  upstream.last_restartpoint_redo = Lsn{0x4000000};
  seen.nodes[1].sql.value->streaming = false;
  seen.nodes[1].sql.value->lsn = seen.nodes[1].sql.value->received = Lsn{0x1000000};
  return seen;
}

TEST(PlanReplica, NoSlotIsMadeForOneWhoseWalIsGone) {
  const auto spec = a_spec();
  auto seen = without_its_wal(spec);
  EXPECT_EQ(refusal(spec, seen),
            ": b: a no longer has the WAL that b needs (there is no slot dugong_b, WAL is kept from 0/4000000 on, and "
            "it is at 0/1000000)");
  seen.nodes[0].sql.value->last_restartpoint_redo = Lsn{0x1000028};
  EXPECT_EQ(texts(must_plan(spec, seen)).front(), "a: SQL: create_slot dugong_b");
}

// Stopped in order: its control file tells of what it had replayed, and it may have received more than that.
TEST(PlanReplica, AStoppedOneShowsWhatItHasBeforeItIsGivenUp) {
  const auto spec = a_spec();
  auto seen = without_its_wal(spec);
  auto& b = seen.nodes[1];
  const auto running = b.sql;
  b.server = test::sampled(runtime::ServerFacts{.state = runtime::ServerState::exited});
  b.sql.value.reset();
  auto& control = *b.data.value->control;
  control.state = postgres::DbState::shutdowned_in_recovery;
  control.redo = control.min_recovery = Lsn{0x1000000};
  auto plan = must_plan(spec, seen);
  EXPECT_EQ(steps_of<runtime::StartServer>(plan, "b").size(), 1U);
  EXPECT_TRUE(steps_of<RunQuery>(plan, "a").empty());  // a slot made now might begin too late
  EXPECT_TRUE(plan.more);
  // It runs, and goes on where a has everything.
  b.server = test::sampled(runtime::ServerFacts{.state = runtime::ServerState::running, .image_id = "sha256:aa"});
  b.sql = running;
  b.sql.value->received = Lsn{0x4000000};
  plan = must_plan(spec, seen);
  EXPECT_EQ(texts(plan), std::vector<std::string>{"a: SQL: create_slot dugong_b"});
  EXPECT_TRUE(plan.more);
  // It runs, and is still replaying what lies there: it has not asked for anything yet.
  b.sql.value->received = Lsn{};
  EXPECT_EQ(texts(must_plan(spec, seen)).front(), "a: SQL: create_slot dugong_b");
  b.sql.value->received = Lsn{0x1000000};
  EXPECT_NE(refusal(spec, seen).find("a no longer has the WAL that b needs"), std::string::npos);
}

TEST(PlanReplica, OneThatIsAheadIsNeitherWaitedForNorSeededAgain) {
  const auto spec = a_spec({"a", "b", "c"});
  auto seen = settled(spec);
  auto& b = seen.nodes[1];
  b.sql.value->streaming = false;
  b.sql.value->lsn = b.sql.value->received = Lsn{0x5008000};  // a: 0/5000000
  const std::string says =
      "b: b has WAL up to 0/5008000 on timeline 1, but that of a ends at 0/5000000: a lost what b has";
  EXPECT_EQ(refusal(spec, seen), says);
  auto& slot = seen.nodes[0].sql.value->slots.front();
  slot.active = false;
  slot.wal_status = "lost";
  EXPECT_EQ(refusal(spec, seen), says);
  // Nothing is done for the others either: they would go on with the older history.
  seen.nodes[2].server = test::sampled(runtime::ServerFacts{.state = runtime::ServerState::exited});
  seen.nodes[2].sql.value.reset();
  EXPECT_EQ(refusal(spec, seen), says);
  b.sql.value->timeline = {2};
  EXPECT_EQ(refusal(spec, seen).find("a lost what b has"), std::string::npos);
}

TEST(PlanReplica, AStoppedOneThatIsAheadIsNotStarted) {
  const auto spec = a_spec();
  auto seen = settled(spec);
  auto& b = seen.nodes[1];
  b.server = test::sampled(runtime::ServerFacts{.state = runtime::ServerState::exited});
  b.sql.value.reset();
  auto& control = *b.data.value->control;
  control.state = postgres::DbState::shutdowned_in_recovery;
  control.min_recovery_timeline = {1};
  control.min_recovery = Lsn{0x5000000};
  EXPECT_EQ(refusal(spec, seen), "planned");
  control.min_recovery = Lsn{0x5000001};
  EXPECT_NE(refusal(spec, seen).find("a lost what b has"), std::string::npos);
  // One that runs may have replayed it after a was looked at.
  b.server = test::sampled(runtime::ServerFacts{.state = runtime::ServerState::running, .image_id = "sha256:aa"});
  EXPECT_EQ(refusal(spec, seen), "planned");
}

}  // namespace
}  // namespace dugong::cluster
