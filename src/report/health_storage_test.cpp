// What storage says: bases, pinned bytes, and how long a slot lasts.
#include <gtest/gtest.h>

#include "cluster/running_world.h"
#include "report/health_parts.h"

namespace dugong::report {
namespace {

using cluster::testing::dataset;
using cluster::testing::wall;

zfs::Dataset sized(std::string name, Bytes used, Bytes referenced, zfs::Properties ours = {}) {
  auto one = dataset(std::move(name), std::move(ours));
  one.used = used;
  one.referenced = referenced;
  return one;
}

zfs::Dataset clone_of(std::string origin, Bytes used, Bytes referenced) {
  auto live = sized("tank/b/live-0", used, referenced);
  live.origin = std::move(origin);
  return live;
}

const zfs::Properties anchor{{"role", "anchor"}};

TEST(BaseAge, FromTheMarkElseFromCreation) {
  const auto live = clone_of("tank/b/anchor-0@s", 1, 10);
  auto origin = dataset("tank/b/anchor-0@s", {{"taken_at", std::to_string(wall - 90)}});
  origin.creation = wall - 500;
  EXPECT_EQ(base_age({origin, live}, live, wall), 90);
  origin.ours["taken_at"] = "soon";
  EXPECT_EQ(base_age({origin, live}, live, wall), 500);
  origin.creation = 0;
  EXPECT_EQ(base_age({origin, live}, live, wall), std::nullopt);
  origin.creation = wall + 5;  // another clock
  EXPECT_EQ(base_age({origin, live}, live, wall), 0);
}

TEST(BaseAge, NoneWithoutAnOrigin) {
  EXPECT_EQ(base_age({}, sized("tank/a/live-0", 1, 1), wall), std::nullopt);
  EXPECT_EQ(base_age({}, clone_of("tank/b/anchor-0@s", 1, 1), wall), std::nullopt);
}

TEST(PinnedBytes, NothingKept) { EXPECT_EQ(pinned_bytes({sized("tank/a/live-0", 100, 100)}, nullptr), 0U); }

TEST(PinnedBytes, SnapshotsOfThePrimary) {
  const auto live = sized("tank/a/live-0", 100, 100);
  EXPECT_EQ(pinned_bytes({live, sized("tank/a/live-0@1", 5, 90), sized("tank/a/live-0@2", 7, 95)}, &live), 12U);
}

TEST(PinnedBytes, AFreshCloneSharesAllOfItsAnchor) {
  const auto live = clone_of("tank/b/anchor-0@s", 0, 100);
  EXPECT_EQ(pinned_bytes({sized("tank/b/anchor-0", 100, 100, anchor), sized("tank/b/anchor-0@s", 0, 100), live}, &live),
            0U);
}

TEST(PinnedBytes, WhatTheCloneRewroteIsPinnedInTheAnchor) {
  const auto live = clone_of("tank/b/anchor-0@s", 30, 100);
  EXPECT_EQ(pinned_bytes({sized("tank/b/anchor-0", 100, 100, anchor), sized("tank/b/anchor-0@s", 0, 100), live}, &live),
            30U);
}

TEST(PinnedBytes, AnAnchorNobodyIsClonedFromCountsWhole) {
  const auto live = sized("tank/b/live-0", 100, 100);
  EXPECT_EQ(pinned_bytes({sized("tank/b/anchor-0", 60, 50, anchor), sized("tank/b/anchor-0@s", 10, 50), live}, &live),
            60U);
}

TEST(PinnedBytes, AReservationHidesHowMuchIsSharedSoAllIs) {
  auto live = clone_of("tank/b/anchor-0@s", 500, 100);
  live.local["refreservation"] = "500";
  EXPECT_EQ(pinned_bytes({sized("tank/b/anchor-0", 120, 100, anchor), live}, &live), 20U);
}

TEST(PinnedBytes, AsidesCount) {
  EXPECT_EQ(pinned_bytes({sized("tank/a/aside-1", 40, 40, {{"role", "aside"}})}, nullptr), 40U);
}

postgres::Slot slot_with(std::optional<std::int64_t> safe, std::string status = "reserved") {
  auto slot = cluster::testing::slot("dugong_b");
  slot.safe_wal_size = safe;
  slot.wal_status = std::move(status);
  return slot;
}

TEST(HoursCovered, SafeSizeOverRate) {
  EXPECT_NEAR(hours_covered(slot_with(7200), "8GB", Bytes{1} << 40, 1.0).value(), 2, 1e-9);
}
TEST(HoursCovered, WithoutALimitTheDiskIsTheLimit) {
  EXPECT_NEAR(hours_covered(slot_with(std::nullopt), "-1", Bytes{72000}, 10.0).value(), 1, 1e-9);
  EXPECT_EQ(hours_covered(slot_with(std::nullopt), "-1", std::nullopt, 10.0), std::nullopt);
}
TEST(HoursCovered, ALimitWithoutASafeSizeIsUnknown) {
  EXPECT_EQ(hours_covered(slot_with(std::nullopt), "8GB", Bytes{36000}, 10.0), std::nullopt);
}
TEST(HoursCovered, UnknownRateIsUnknownNotInfinite) {
  EXPECT_EQ(hours_covered(slot_with(7200), "8GB", std::nullopt, std::nullopt), std::nullopt);
  EXPECT_EQ(hours_covered(slot_with(7200), "8GB", std::nullopt, 0.0), std::nullopt);
}
TEST(HoursCovered, PastTheLimitIsZeroAndLostIsUnknown) {
  EXPECT_EQ(hours_covered(slot_with(-5, "unreserved"), "8GB", std::nullopt, 1.0), 0.0);
  EXPECT_EQ(hours_covered(slot_with(7200, "lost"), "8GB", std::nullopt, 1.0), std::nullopt);
}

zfs::Dataset entry(std::int64_t age, const char* end) {
  return dataset("tank/a/live-0@" + std::to_string(age), {{"system_id", "1"},
                                                          {"timeline", "1"},
                                                          {"redo_lsn", "0/10"},
                                                          {"end_lsn", end},
                                                          {"why", "seed"},
                                                          {"taken_at", std::to_string(wall - age)}});
}

TEST(WalRate, HistoryFirst) {
  LagHistory history;
  history.add(cluster::testing::at(0), {0});
  history.add(cluster::testing::at(10), {50});
  EXPECT_NEAR(wal_rate(history, {entry(7200, "0/0064")}, {1000}, wall).value(), 5, 1e-9);
}

struct RateCase {
  const char* name;
  std::vector<zfs::Dataset> storage;
  std::optional<double> rate;  // the primary is at 0/3E8 = 1000
};

TEST(WalRate, OneLook) {
  const RateCase cases[] = {
      {"no snapshot", {}, std::nullopt},
      {"one", {entry(100, "0/2BC")}, 3.0},
      {"too fresh", {entry(59, "0/2BC")}, std::nullopt},
      {"below an hour: the oldest", {entry(100, "0/2BC"), entry(200, "0/190")}, 3.0},
      {"the newest of at least an hour", {entry(36000, "0/1"), entry(4000, "0/190"), entry(100, "0/384")}, 0.15},
      {"order does not matter", {entry(100, "0/384"), entry(4000, "0/190"), entry(36000, "0/1")}, 0.15},
      {"unfinished", {entry(100, "0/0")}, std::nullopt},
      {"of another branch, ahead of us", {entry(100, "0/FFFF")}, std::nullopt},
  };
  for (const auto& c : cases) {
    const auto rate = wal_rate({}, c.storage, {1000}, wall);
    ASSERT_EQ(rate.has_value(), c.rate.has_value()) << c.name;
    EXPECT_NEAR(rate.value_or(-1), c.rate.value_or(-1), 1e-9) << c.name;
  }
}

zfs::Pool pool(Bytes free, std::string health) {
  zfs::Pool one;
  one.name = "tank";
  one.size = 1000;
  one.free = free;
  one.health = std::move(health);
  return one;
}

TEST(JudgePool, FullOrFaulted) {
  EXPECT_TRUE(judge_pool(pool(201, "ONLINE")).empty());
  EXPECT_EQ(judge_pool(pool(200, "ONLINE")).front(), "pool tank is 80 % full: 800 B of 1000 B");
  EXPECT_EQ(judge_pool(pool(500, "DEGRADED")).front(), "pool tank is DEGRADED: see `zpool status tank`");
  EXPECT_EQ(judge_pool(pool(0, "SUSPENDED")).size(), 2U);
  EXPECT_TRUE(judge_pool(zfs::Pool{}).empty());
}

}  // namespace
}  // namespace dugong::report
