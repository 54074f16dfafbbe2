// What bases pin, how fast that grows, and what should be given up when it is too much.
#include <gtest/gtest.h>

#include "cluster/plan_up.h"
#include "cluster/space_world.h"
#include "test/support/observed.h"

namespace dugong::cluster {
namespace {

using testing::day;
using testing::G;
using testing::SpaceWorld;
using testing::wall;

void let(SpaceWorld& world, std::string_view name, spec::BaseBudget budget) {
  for (auto& node : world.spec.nodes)
    if (node.name == name) node.base_budget = budget;
}
spec::BaseBudget size(Bytes bytes) { return {.bytes = bytes, .percent = 0}; }

TEST(Bases, OfASenderWithWhomTheyServe) {
  const auto bases = SpaceWorld{}.space("a").bases;
  ASSERT_EQ(bases.size(), 1U);
  EXPECT_EQ(bases[0].snapshot, "tank/a/live-0@1");
  EXPECT_EQ(bases[0].serves, (std::vector<std::string>{"b", "c"}));
  EXPECT_EQ(bases[0].age_seconds, 10 * day);
  EXPECT_EQ(bases[0].alone, 10 * G);
}

TEST(Bases, OfAReplicaWhatItsDataWasClonedFrom) {
  const auto bases = SpaceWorld{}.space("b").bases;
  ASSERT_EQ(bases.size(), 1U);
  EXPECT_EQ(bases[0].snapshot, "tank/b/anchor-0@1");
  EXPECT_EQ(bases[0].alone, 25 * G);
}

TEST(Bases, WithoutAMarkTheCreationTellsTheAge) {
  SpaceWorld world;
  auto& base = world.at("a", "tank/a/live-0@1");
  base.creation = wall - 50;
  EXPECT_EQ(world.space("a").bases[0].age_seconds, 10 * day);
  base.ours["taken_at"] = "soon";
  EXPECT_EQ(world.space("a").bases[0].age_seconds, 50);
  base.creation = 0;
  EXPECT_EQ(world.space("a").bases[0].age_seconds, std::nullopt);
}

TEST(Bases, AnotherClockTellsNoAge) {
  SpaceWorld world;
  world.at("a", "tank/a/live-0@1").ours["taken_at"] = std::to_string(wall + 5);
  EXPECT_EQ(world.space("a").bases[0].age_seconds, std::nullopt);
  EXPECT_EQ(world.space("a").forecast, std::nullopt);
}

// ---- forecast

TEST(Forecast, FromWhatIsPinnedAndHowLongThatTook) {
  const auto space = SpaceWorld{}.space("a");  // 10 pinned and 5 grown in ten days; 650 free
  ASSERT_TRUE(space.forecast);
  EXPECT_NEAR(space.forecast->pinned_per_day, static_cast<double>(G), 1);
  EXPECT_NEAR(space.forecast->least_per_day, 1.5 * static_cast<double>(G), 1);
  EXPECT_NEAR(space.forecast->most_per_day, 1.5 * static_cast<double>(G), 1);
  EXPECT_NEAR(*space.forecast->soonest_days, 433.3, 0.1);
  EXPECT_EQ(
      forecast_words(space),
      "bases pin about 1 GiB more each day, and with what the live data takes the pool is full in about 14 months");
}

TEST(Forecast, WhatWasWrittenIsTheWorstThatCanCome) {
  SpaceWorld world;
  world.at("a", "tank/a/live-0").written = 60 * G;
  world.node("a").pool = testing::sampled(testing::pool_of(500 * G, 45 * G));
  const auto space = world.space("a");
  EXPECT_NEAR(*space.forecast->soonest_days, 7.5, 1e-6);
  EXPECT_NEAR(*space.forecast->latest_days, 30, 1e-6);
  EXPECT_EQ(forecast_words(space),
            "bases pin about 1 GiB more each day, and with what the live data takes the pool is full in about 8 to 30 "
            "days");
}

TEST(Forecast, WhatWasWrittenBetweenSnapshotsCounts) {
  SpaceWorld world;
  world.take_newer("");
  world.at("a", "tank/a/live-0").written = 20 * G;
  EXPECT_NEAR(world.space("a").forecast->most_per_day, 1.5 * static_cast<double>(G), 1) << "one of them does not tell";
  world.at("a", "tank/a/live-0@2").written = 30 * G;
  EXPECT_NEAR(world.space("a").forecast->most_per_day, 5.0 * static_cast<double>(G), 1);
  world.at("a", "tank/a/live-0@2").written = Bytes{0} - 1;
  EXPECT_NEAR(world.space("a").forecast->most_per_day, 1.5 * static_cast<double>(G), 1) << "absurd";
}

TEST(Forecast, NoneOfABaseThatIsTooYoung) {
  SpaceWorld world;
  world.at("a", "tank/a/live-0@1").ours["taken_at"] = std::to_string(wall - 299);
  EXPECT_EQ(world.space("a").forecast, std::nullopt);
  EXPECT_EQ(forecast_words(world.space("a")), "");
  world.at("a", "tank/a/live-0@1").ours["taken_at"] = std::to_string(wall - 300);
  EXPECT_TRUE(world.space("a").forecast);
}

TEST(Forecast, OfAPoolWhereNothingHappensNoEndIsTold) {
  SpaceWorld world;
  auto& live = world.at("a", "tank/a/live-0");
  live.used_by_snapshots = 0;
  live.referenced = 90 * G;  // it shrank
  world.at("a", "tank/a/live-0@1").used = 0;
  const auto space = world.space("a");
  EXPECT_EQ(space.forecast->soonest_days, std::nullopt);
  EXPECT_EQ(forecast_words(space), "what bases pin does not grow");
  live.written = 10 * G;
  EXPECT_EQ(forecast_words(world.space("a")),
            "what bases pin does not grow, and with what the live data takes the pool is not full for about 22 "
            "months");
}

TEST(Forecast, IsNeverMoreExactThanTheGuess) {
  const std::pair<Bytes, const char*> cases[] = {
      {0, "is full within the hour"},        {G / 12, "is full in about 1 hour"},
      {2 * G, "is full in about 32 hours"},  {3 * G, "is full in about 2 days"},
      {134 * G, "is full in about 89 days"}, {135 * G, "is full in about 3 months"}};
  for (const auto& [room, words] : cases) {
    SpaceWorld world;
    world.node("a").pool.value->available = room;
    EXPECT_TRUE(forecast_words(world.space("a")).ends_with(words)) << forecast_words(world.space("a"));
  }
  SpaceWorld range;
  range.node("a").pool = testing::sampled(testing::pool_of(500 * G, 6 * G));
  range.at("a", "tank/a/live-0").written = 80 * G;
  EXPECT_TRUE(forecast_words(range.space("a")).ends_with("is full in about 18 hours to 4 days"))
      << forecast_words(range.space("a"));
}

TEST(Forecast, APoolThatIsFullInTwoDaysIsAnAlarmOnceTheRateIsOne) {
  SpaceWorld world;
  auto& pool = *world.node("a").pool.value;
  pool.size = 4000 * G;  // most of it is kept for others
  pool.free = 2000 * G;
  pool.used = 2000 * G;
  pool.available = 2 * G;
  const auto reasons = judge_room_ahead(world.space("a"));
  ASSERT_EQ(reasons.size(), 1U);
  EXPECT_EQ(reasons[0], "pool tank is full in about 32 hours if it goes on as since tank/a/live-0@1 was taken");
  world.at("a", "tank/a/live-0@1").ours["taken_at"] = std::to_string(wall - 1800);
  EXPECT_TRUE(judge_room_ahead(world.space("a")).empty());
}

// ---- budget

TEST(Budget, AShareOfThePoolOrASize) {
  SpaceWorld world;
  EXPECT_EQ(world.space("a").pins.budget, 950 * G / 4);
  EXPECT_EQ(world.space("a").pins.words, "25 % of the pool");
  EXPECT_EQ(world.space("a").pins.verdict, std::nullopt);
  let(world, "a", size(10 * G));
  EXPECT_EQ(world.space("a").pins.verdict, std::nullopt) << "as much as it may";
  let(world, "a", size(10 * G - 1));
  EXPECT_TRUE(world.space("a").pins.verdict);
}

TEST(Budget, OfAPoolOfUnknownSizeAShareIsUnknown) {
  SpaceWorld world;
  world.node("a").pool.value = zfs::Pool{.name = "tank", .health = "FAULTED"};
  EXPECT_EQ(world.space("a").pins.budget, std::nullopt);
  EXPECT_EQ(world.space("a").pins.verdict, std::nullopt);
}

TEST(Budget, CloningAgainComesFirstWhereTheReplicaHasANewerSnapshot) {
  SpaceWorld world;
  world.take_newer("b");
  auto newer = world.storage("b").back();
  newer.name = "tank/c/anchor-0@2";
  world.storage("c").push_back(newer);
  world.at("c", "tank/c/live-0").origin = newer.name;
  world.at("a", "tank/a/live-0@1").used = 8 * G;
  let(world, "a", size(G));
  const auto space = world.space("a");
  ASSERT_TRUE(space.pins.verdict);
  EXPECT_EQ(space.pins.verdict->relief, Relief::reclone);
  EXPECT_EQ(space.pins.verdict->copies, 0U);
  EXPECT_EQ(
      budget_words(space),
      "bases pin 10 GiB, base_budget is 1 GiB: b should be cloned again from a newer snapshot (nothing is copied, "
      "and a restart each); that frees about 8 GiB");
}

TEST(Budget, ABaseThatNobodyHasGoesBeforeAnythingElse) {
  SpaceWorld world;
  world.take_newer("");
  let(world, "a", size(G));
  const auto space = world.space("a");
  EXPECT_EQ(space.pins.verdict->relief, Relief::drop);
  EXPECT_EQ(space.pins.verdict->base, "tank/a/live-0@2");
  EXPECT_EQ(budget_words(space),
            "bases pin 10 GiB, base_budget is 1 GiB: no replica has tank/a/live-0@2 as its base, and `dugong up` takes "
            "it away; that frees about 1 GiB");
}

TEST(Budget, CloningAgainWhereAnIncrementIsCheap) {
  SpaceWorld world;
  let(world, "a", size(G));
  // 256 MiB of WAL since the base: about twice that has changed, for each of the two.
  EXPECT_EQ(world.space("a").pins.verdict->relief, Relief::reclone);
  EXPECT_EQ(world.space("a").pins.verdict->copies, G);
  world.at("a", "tank/a/live-0").written = 25 * G;
  EXPECT_EQ(world.space("a").pins.verdict->relief, Relief::reclone);
  world.at("a", "tank/a/live-0").written = 25 * G + 1;
  EXPECT_EQ(world.space("a").pins.verdict->relief, Relief::bookmark);
}

TEST(Budget, CloningAgainNeedsRoomThere) {
  SpaceWorld world;
  let(world, "a", size(G));
  world.at("b", "tank/b/live-0").available = G / 2;  // as much as it takes
  EXPECT_EQ(world.space("a").pins.verdict->relief, Relief::reclone);
  world.at("b", "tank/b/live-0").available = G / 2 - 1;
  EXPECT_EQ(world.space("a").pins.verdict->relief, Relief::bookmark);
}

TEST(Budget, ABookmarkWhereARebuildWouldNotBeCheap) {
  SpaceWorld world;
  let(world, "a", size(G));
  world.at("a", "tank/a/live-0").written = 80 * G;
  const auto space = world.space("a");
  EXPECT_EQ(space.pins.verdict->relief, Relief::bookmark);
  EXPECT_EQ(budget_words(space),
            "bases pin 10 GiB, base_budget is 1 GiB: of tank/a/live-0@1, which is kept for b, c, a bookmark would do; "
            "that frees about 10 GiB");
}

TEST(Budget, WithoutBookmarksItIsGivenUpAndTheNextRebuildIsFull) {
  SpaceWorld world;
  let(world, "a", size(G));
  world.at("a", "tank/a/live-0").compress_percent = 200;
  world.node("a").pool.value->can_receive_unmounted = false;
  world.node("a").sql = testing::missing<postgres::ServerSql>(ErrorKind::failed, "down");
  const auto space = world.space("a");
  EXPECT_EQ(space.pins.verdict->relief, Relief::give_up);
  EXPECT_EQ(space.pins.verdict->copies, 200 * G);  // such a stream is not compressed
  EXPECT_EQ(
      budget_words(space),
      "bases pin 10 GiB, base_budget is 1 GiB: tank/a/live-0@1 should be given up, and the next rebuild of b, c is "
      "then a full copy of about 200 GiB; that frees about 10 GiB");
}

TEST(Budget, WhomNobodySeesMayNeedIt) {
  SpaceWorld world;
  let(world, "a", size(G));
  for (const auto* name : {"b", "c"})
    world.node(name).storage = testing::missing<std::vector<zfs::Dataset>>(ErrorKind::unreachable, "?");
  const auto space = world.space("a");
  EXPECT_EQ(space.pins.verdict->relief, Relief::bookmark);
  EXPECT_NE(budget_words(space).find("which is kept for nodes that cannot be seen"), std::string::npos);
}

TEST(Budget, OfAReplicaItIsTheLineageThatPins) {
  SpaceWorld world;
  let(world, "b", size(20 * G));
  const auto space = world.space("b");
  ASSERT_TRUE(space.pins.verdict);
  EXPECT_EQ(space.pins.pinned, 25 * G);
  EXPECT_EQ(space.pins.verdict->relief, Relief::reclone);
  EXPECT_EQ(space.pins.verdict->frees, 25 * G);
  EXPECT_EQ(world.space("c").pins.verdict, std::nullopt);
  world.at("a", "tank/a/live-0@1").guid = {8};  // the primary has it no more
  EXPECT_EQ(world.space("b").pins.verdict->relief, Relief::give_up);
  EXPECT_EQ(world.space("b").pins.verdict->copies, 100 * G);
}

TEST(Budget, FreeSpaceBeatsBasesThatAreWithinIt) {
  SpaceWorld world;
  world.node("a").pool.value->free = 200 * G;
  const auto space = world.space("a");
  ASSERT_TRUE(space.pins.verdict);
  EXPECT_EQ(space.pins.verdict->cause, Cause::pool_full);
  EXPECT_NE(budget_words(space).find("pool tank is nearly full and bases pin 10 GiB of it: "), std::string::npos);
  world.at("a", "tank/a/live-0").used_by_snapshots = G;  // not worth it
  world.at("a", "tank/a/live-0@1").used = G;
  EXPECT_EQ(world.space("a").pins.verdict, std::nullopt);
}

TEST(Budget, IsANoteInThePlan) {
  auto spec = test::a_spec();
  auto seen = test::all_running(spec);
  const auto before = plan_up(spec, seen, {});
  ASSERT_TRUE(before);
  for (auto& one : *seen.nodes[1].storage.value)
    if (one.name == "tank/b/anchor-0") one.used = Bytes{6} << 30;
  spec.nodes[1].base_budget = size(G);
  const auto plan = plan_up(spec, seen, {});
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->steps.size(), before->steps.size());
  ASSERT_EQ(plan->notes.size(), before->notes.size() + 1);
  EXPECT_TRUE(plan->notes.back().starts_with("b: bases pin 5 GiB, base_budget is 1 GiB: ")) << plan->notes.back();
}

}  // namespace
}  // namespace dugong::cluster
