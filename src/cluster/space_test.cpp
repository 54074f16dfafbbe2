// Who takes how much of a pool: every byte once, and what is not known stays unknown.
#include "cluster/space.h"

#include <gtest/gtest.h>

#include "cluster/space_world.h"

namespace dugong::cluster {
namespace {

using testing::day;
using testing::G;
using testing::marks_of;
using testing::SpaceWorld;
using testing::with_parts;

Bytes sum_of(const NodeSpace& space) {
  Bytes sum = 0;
  for (const auto& part : space.parts) sum += part.bytes.value_or(0);
  return sum;
}

TEST(Space, OfASender) {
  const auto space = SpaceWorld{}.space("a");
  EXPECT_EQ(space.unseen, "");
  EXPECT_EQ(space.size, 950 * G);
  EXPECT_EQ(space.disks, 1000 * G);
  EXPECT_EQ(space.bytes(Part::live), 100 * G);
  EXPECT_EQ(space.bytes(Part::bases), 10 * G);
  EXPECT_EQ(space.bytes(Part::archive), 20 * G);
  EXPECT_EQ(space.bytes(Part::reserved), 2 * G);
  EXPECT_EQ(space.bytes(Part::others), 168 * G);
  EXPECT_EQ(space.bytes(Part::available), 650 * G);
  EXPECT_EQ(space.bytes(Part::anchors), 0U);
  EXPECT_EQ(space.bytes(Part::unattributed), 0U);
  EXPECT_EQ(sum_of(space), space.size);
}

TEST(Space, WhatALineageHoldsIsToldWithoutWhatTheLiveDataShares) {
  const auto space = SpaceWorld{}.space("b");
  for (const auto& part : space.parts) {
    Bytes sum = 0;
    for (const auto& holding : part.holdings) sum += holding.bytes.value_or(0);
    if (part.part != Part::available) {
      EXPECT_EQ(sum, part.bytes) << to_string(part.part);
    }
  }
}

TEST(Space, OfAReplica) {  // the live data needs 70 of the 95 that are charged to its lineage
  const auto space = SpaceWorld{}.space("b");
  EXPECT_EQ(space.bytes(Part::live), 100 * G);
  EXPECT_EQ(space.bytes(Part::anchors), 25 * G);
  EXPECT_EQ(space.bytes(Part::bases), 0U);
  EXPECT_EQ(space.bytes(Part::others), 75 * G);
  EXPECT_EQ(sum_of(space), space.size);
}

TEST(Space, EveryPartIsThereInItsOrder) {
  const auto space = SpaceWorld{}.space("a");
  ASSERT_EQ(space.parts.size(), 11U);
  EXPECT_EQ(space.parts.front().part, Part::live);
  EXPECT_EQ(space.parts.back().part, Part::available);
}

TEST(Space, WhatSnapshotsShareIsInTheBasesAndInNoneOfThem) {
  SpaceWorld world;
  world.take_newer("");
  world.at("a", "tank/a/live-0@1").used = 3 * G;
  const auto space = world.space("a");
  EXPECT_EQ(space.bytes(Part::bases), 10 * G);
  ASSERT_EQ(space.bases.size(), 2U);
  EXPECT_EQ(space.bases[0].alone, 3 * G);
  EXPECT_EQ(space.bases[1].alone, G);
}

TEST(Space, ASnapshotOfSomebodyElseHasItsOwnPart) {
  SpaceWorld world;
  auto foreign = testing::dataset("tank/a/live-0@autosnap", {});
  foreign.used = 4 * G;
  world.storage("a").push_back(foreign);
  const auto space = world.space("a");
  EXPECT_EQ(space.bytes(Part::foreign), 4 * G);
  EXPECT_EQ(space.bytes(Part::bases), 6 * G);
  EXPECT_EQ(sum_of(space), space.size);
}

TEST(Space, WithoutOursAllThatSnapshotsTakeIsForeign) {
  SpaceWorld world;
  auto& only = world.at("a", "tank/a/live-0@1");
  only.ours.clear();
  only.used = 4 * G;
  EXPECT_EQ(world.space("a").bytes(Part::foreign), 10 * G);
  EXPECT_EQ(world.space("a").bytes(Part::bases), 0U);
}

TEST(Space, AsidesAndWhatIsUnmarkedBelowThePrefix) {
  SpaceWorld world;
  world.storage("a").push_back(with_parts("tank/a/aside-1", marks_of("a", "aside"), {.head = 7 * G}));
  world.storage("a").push_back(with_parts("tank/a/scratch", {}, {.head = 5 * G}));
  world.storage("a").push_back(with_parts("tank/a/live-0/pg_wal", {}, {.head = 3 * G}));
  world.at("a", "tank/a").used += 15 * G;
  const auto space = world.space("a");
  EXPECT_EQ(space.bytes(Part::asides), 7 * G);
  EXPECT_EQ(space.bytes(Part::live), 103 * G);  // below the live data it belongs to it
  EXPECT_EQ(space.bytes(Part::others), 158 * G);
  EXPECT_EQ(sum_of(space), space.size);
}

TEST(Space, AMarkThatIsInheritedOrAnothersSaysNothing) {
  SpaceWorld world;
  world.storage("a").push_back(with_parts("tank/a/x", marks_of("z", "aside"), {.head = 7 * G}));
  EXPECT_EQ(world.space("a").bytes(Part::asides), 0U);
}

TEST(Space, WhatIsBeingReceivedIsALineage) {
  SpaceWorld world;
  world.at("b", "tank/b").ours["receiving"] = "tank/b/anchor-1";
  world.storage("b").push_back(with_parts("tank/b/anchor-1", {}, {.head = 9 * G}));
  EXPECT_EQ(world.space("b").bytes(Part::anchors), 34 * G);
}

TEST(Space, WhatIsReservedBelowThePrefixIsNotAttributed) {
  SpaceWorld world;
  world.at("a", "tank/a").used += 40 * G;
  const auto space = world.space("a");
  EXPECT_EQ(space.bytes(Part::unattributed), 40 * G);
  EXPECT_EQ(sum_of(space), space.size);
}

TEST(Space, WithoutUsedByItIsLessExactAndSaysSo) {
  SpaceWorld world;
  for (auto& one : world.storage("a"))
    one.used_by_dataset = one.used_by_snapshots = one.used_by_children = one.used_by_refreservation = std::nullopt;
  const auto space = world.space("a");
  EXPECT_EQ(space.bytes(Part::bases), std::nullopt);
  EXPECT_EQ(space.bytes(Part::live), 112 * G);  // with its snapshots
  EXPECT_EQ(space.bytes(Part::parent), 0U);
  EXPECT_EQ(space.pins.pinned, 10 * G);
  EXPECT_TRUE(space.pins.at_least);
  EXPECT_EQ(sum_of(space), space.size);
}

TEST(Space, AReservationHidesHowMuchACloneShares) {
  SpaceWorld world;
  auto& live = world.at("b", "tank/b/live-0");
  live.used_by_dataset = live.used_by_snapshots = live.used_by_refreservation = std::nullopt;
  live.used = 101 * G;
  live.local["refreservation"] = "1";
  EXPECT_EQ(world.space("b").bytes(Part::anchors), 0U);
}

TEST(Space, OfAPoolThatDoesNotTellTheRestIsUnknown) {
  SpaceWorld world;
  world.node("a").pool.value->used.reset();
  const auto space = world.space("a");
  EXPECT_EQ(space.size, std::nullopt);
  EXPECT_EQ(space.bytes(Part::others), std::nullopt);
  EXPECT_EQ(space.bytes(Part::available), std::nullopt);
  EXPECT_EQ(space.bytes(Part::live), 100 * G);
}

TEST(Space, APoolThatIsEmptySaysZeroAndNotUnknown) {
  SpaceWorld world;
  world.node("a").pool = testing::sampled(testing::pool_of(950 * G, 0));
  EXPECT_EQ(world.space("a").bytes(Part::available), 0U);
  EXPECT_EQ(world.space("a").forecast->soonest_days, 0);
}

TEST(Space, AbsurdBytesAreNotAdded) {
  SpaceWorld world;
  world.storage("a").push_back(with_parts("tank/a/aside-1", marks_of("a", "aside"), {.head = Bytes{0} - 4096}));
  world.at("a", "tank/a/live-0@1").used = Bytes{0} - 1;
  const auto space = world.space("a");
  EXPECT_EQ(space.bytes(Part::asides), 0U);
  EXPECT_EQ(space.bytes(Part::bases), 10 * G);
  EXPECT_EQ(space.bases.front().alone, std::nullopt);
  EXPECT_EQ(sum_of(space), space.size);
  ASSERT_EQ(space.freeable.size(), 1U);
  EXPECT_EQ(space.freeable[0].name, "tank/a/aside-1");
  EXPECT_EQ(space.freeable[0].bytes, std::nullopt);
}

TEST(Space, PartsOfUsedThatExceedItAreNotBelieved) {
  SpaceWorld world;
  world.at("a", "tank/a/archive").used_by_dataset = 500 * G;
  EXPECT_EQ(world.space("a").bytes(Part::archive), 20 * G);
}

TEST(Space, MoreThanThePoolSaysIsTold) {
  SpaceWorld world;
  world.node("a").pool = testing::sampled(testing::pool_of(100 * G, 850 * G));
  const auto space = world.space("a");
  EXPECT_EQ(space.bytes(Part::others), 0U);
  EXPECT_EQ(space.mismatch, "the parts come to 32 GiB more than the pool says: it changed while it was looked at");
}

TEST(Space, ANodeThatIsNotSeenSaysWhy) {
  SpaceWorld world;
  world.node("b").host = testing::missing<Host>(ErrorKind::unreachable, "No route to host");
  EXPECT_EQ(world.space("b").unseen, "cannot be reached: No route to host");
  EXPECT_TRUE(world.space("b").parts.empty());
  world.node("c").storage = testing::missing<std::vector<zfs::Dataset>>(ErrorKind::failed, "no such pool");
  EXPECT_EQ(world.space("c").unseen, "its storage cannot be seen: no such pool");
}

TEST(Space, WithoutDatasetsAllIsOthers) {
  SpaceWorld world;
  world.storage("a").clear();
  const auto space = world.space("a");
  EXPECT_EQ(space.bytes(Part::others), 300 * G);
  EXPECT_EQ(sum_of(space), space.size);
  EXPECT_TRUE(space.bases.empty());
  EXPECT_EQ(space.pins.verdict, std::nullopt);
}

TEST(Space, WhatAPrimaryOnceCameFromIsNoBase) {  // a replica that was promoted, and is the primary of the file now
  SpaceWorld world;
  for (auto& node : world.spec.nodes) node.follows = node.name == "b" ? "" : "b";
  const auto space = world.space("b");
  EXPECT_TRUE(space.bases.empty());
  EXPECT_EQ(space.pins.pinned, 0U);
  EXPECT_EQ(space.bytes(Part::anchors), 25 * G);
  EXPECT_EQ(space.bytes(Part::live), 100 * G);
  EXPECT_TRUE(space.freeable.empty());
}

TEST(Space, TwoLiveDatasetsAreBothLive) {
  SpaceWorld world;
  world.storage("a").push_back(with_parts("tank/a/live-1", marks_of("a", "live"), {.head = 6 * G}));
  world.at("a", "tank/a").used += 6 * G;
  const auto space = world.space("a");
  EXPECT_EQ(space.bytes(Part::live), 106 * G);
  EXPECT_EQ(sum_of(space), space.size);
}

// ---- what could be freed

const Freeable* freeable(const NodeSpace& space, const std::string& name) {
  for (const auto& one : space.freeable)
    if (one.name == name) return &one;
  return nullptr;
}

TEST(Freeable, ABaseThatServesSomebodyIsNotAmongThem) { EXPECT_TRUE(SpaceWorld{}.space("a").freeable.empty()); }

TEST(Freeable, LargestFirst) {
  SpaceWorld world;
  world.storage("a").push_back(with_parts("tank/a/aside-1", marks_of("a", "aside"), {.head = 7 * G}));
  world.storage("a").push_back(with_parts("tank/a/aside-2", marks_of("a", "aside"), {.head = 9 * G}));
  const auto space = world.space("a");
  ASSERT_EQ(space.freeable.size(), 2U);
  EXPECT_EQ(space.freeable[0].name, "tank/a/aside-2");
  EXPECT_EQ(space.freeable[0].bytes, 9 * G);
  EXPECT_EQ(space.freeable[0].command, "zfs destroy -r tank/a/aside-2");
}

TEST(Freeable, WhatIsInTheWayIsNamedInsteadOfACommand) {
  struct Case {
    const char* why;
    std::function<void(SpaceWorld&)> change;
  };
  const Case cases[] = {
      {"tank/a/aside-1 is mounted", [](auto& world) { world.at("a", "tank/a/aside-1").mounted = true; }},
      {"tank/a/aside-1@x is held", [](auto& world) { world.at("a", "tank/a/aside-1@x").userrefs = 1; }},
      {"tank/a/live-0 was cloned from it",
       [](auto& world) { world.at("a", "tank/a/live-0").origin = "tank/a/aside-1@x"; }},
      {"other/pgclone was cloned from it",
       [](auto& world) { world.at("a", "tank/a/aside-1@x").clones = {"other/pgclone"}; }},
  };
  for (const auto& c : cases) {
    SpaceWorld world;
    world.storage("a").push_back(with_parts("tank/a/aside-1", marks_of("a", "aside"), {.head = 7 * G}));
    world.storage("a").push_back(testing::catalogued("tank/a/aside-1@x", "a", 9, day));
    EXPECT_NE(freeable(world.space("a"), "tank/a/aside-1")->command, "");
    c.change(world);
    const auto space = world.space("a");
    const auto* aside = freeable(space, "tank/a/aside-1");
    ASSERT_NE(aside, nullptr) << c.why;
    EXPECT_EQ(aside->command, "") << c.why;
    EXPECT_NE(aside->why.find(c.why), std::string::npos) << aside->why;
  }
}

TEST(Freeable, ALineageThatSharesNothingWithThePrimary) {
  SpaceWorld world;
  world.storage("b").push_back(with_parts("tank/b/anchor-1", marks_of("b", "anchor"), {.head = 60 * G}));
  auto old = testing::catalogued("tank/b/anchor-1@0", "b", 77, 100 * day);
  world.storage("b").push_back(old);
  EXPECT_EQ(freeable(world.space("b"), "tank/b/anchor-1")->command, "zfs destroy -r tank/b/anchor-1");
  world.at("b", "tank/b/anchor-1@0").guid = {1};  // the primary has it
  EXPECT_EQ(freeable(world.space("b"), "tank/b/anchor-1"), nullptr);
  world.at("b", "tank/b/anchor-1@0").guid = {77};
  world.node("a").storage = testing::missing<std::vector<zfs::Dataset>>(ErrorKind::failed, "?");
  EXPECT_EQ(freeable(world.space("b"), "tank/b/anchor-1"), nullptr) << "nobody can tell";
}

TEST(Freeable, OfAPrimaryAnyLineageThatItsDataDoesNotComeFrom) {
  SpaceWorld world;
  world.storage("a").push_back(with_parts("tank/a/anchor-0", marks_of("a", "anchor"), {.head = 60 * G}));
  world.storage("a").push_back(testing::catalogued("tank/a/anchor-0@0", "a", 77, 100 * day));
  const auto space = world.space("a");
  ASSERT_NE(freeable(space, "tank/a/anchor-0"), nullptr);
  EXPECT_EQ(freeable(space, "tank/a/anchor-0")->command, "zfs destroy -r tank/a/anchor-0");
  world.at("a", "tank/a/live-0").origin = "tank/a/anchor-0@0";
  EXPECT_EQ(freeable(world.space("a"), "tank/a/anchor-0"), nullptr);
}

// Made a primary before its data was made live: the lineage is all there is.
TEST(Freeable, NoLineageWhereThereIsNoLiveData) {
  for (const auto* name : {"a", "b"}) {
    SpaceWorld world;
    const std::string prefix = std::string{"tank/"} + name;
    world.storage(name).push_back(with_parts(prefix + "/anchor-7", marks_of(name, "anchor"), {.head = 60 * G}));
    world.storage(name).push_back(testing::catalogued(prefix + "/anchor-7@0", name, 77, 100 * day));
    EXPECT_NE(freeable(world.space(name), prefix + "/anchor-7"), nullptr);
    world.at(name, prefix + "/live-0").ours["state"] = "initializing";
    EXPECT_EQ(freeable(world.space(name), prefix + "/anchor-7"), nullptr) << name;
    std::erase_if(world.storage(name), [&](const auto& one) { return one.name == prefix + "/live-0"; });
    EXPECT_EQ(freeable(world.space(name), prefix + "/anchor-7"), nullptr) << name;
  }
}

TEST(Freeable, NoLineageOfAReplicaWhosePrimaryHasNoLiveData) {
  const auto stale = [](const std::function<void(SpaceWorld&)>& change) {
    SpaceWorld world;
    world.storage("b").push_back(with_parts("tank/b/anchor-1", marks_of("b", "anchor"), {.head = 60 * G}));
    world.storage("b").push_back(testing::catalogued("tank/b/anchor-1@0", "b", 77, 100 * day));
    change(world);
    return freeable(world.space("b"), "tank/b/anchor-1") != nullptr;
  };
  EXPECT_TRUE(stale([](auto&) {}));
  EXPECT_FALSE(stale([](auto& world) {
    std::erase_if(world.storage("a"), [](const auto& one) { return one.name.starts_with("tank/a/live-0"); });
  }));
  EXPECT_FALSE(stale([](auto& world) { world.at("a", "tank/a/live-0").ours["state"] = "initializing"; }));
  EXPECT_FALSE(stale([](auto& world) {
    world.storage("a").push_back(with_parts("tank/a/live-1", marks_of("a", "live"), {.head = 6 * G}));
  })) << "which of two is the data nobody knows";
}

TEST(Freeable, ACloneInsideOfAnAsideGoesWithIt) {
  SpaceWorld world;
  world.storage("a").push_back(with_parts("tank/a/aside-1", marks_of("a", "aside"), {.head = 7 * G}));
  world.storage("a").push_back(testing::catalogued("tank/a/aside-1@x", "a", 9, day));
  auto clone = with_parts("tank/a/aside-1/c", {}, {.head = G});
  clone.origin = "tank/a/aside-1@x";
  world.storage("a").push_back(clone);
  world.at("a", "tank/a/aside-1@x").clones = {"tank/a/aside-1/c"};
  EXPECT_NE(freeable(world.space("a"), "tank/a/aside-1")->command, "");
}

TEST(Freeable, WhatIsBeingReceivedIsNoLeftover) {
  SpaceWorld world;
  world.storage("b").push_back(with_parts("tank/b/anchor-1", marks_of("b", "anchor"), {.head = 60 * G}));
  EXPECT_NE(freeable(world.space("b"), "tank/b/anchor-1"), nullptr);
  world.at("b", "tank/b").ours["receiving"] = "tank/b/anchor-1";
  EXPECT_EQ(freeable(world.space("b"), "tank/b/anchor-1"), nullptr);
}

TEST(Freeable, OfItsOwnLineageWhatTheDataDoesNotComeFrom) {
  SpaceWorld world;
  world.take_newer("b");
  const auto space = world.space("b");
  ASSERT_NE(freeable(space, "tank/b/anchor-0@2"), nullptr);
  EXPECT_EQ(freeable(space, "tank/b/anchor-0@2")->command, "dugong up");
  world.at("b", "tank/b/anchor-0@1").used = G;
  EXPECT_EQ(freeable(world.space("b"), "tank/b/anchor-0@1"), nullptr);
}

TEST(Freeable, WhatWasReceivedAndNotMarkedYetIsNobodyElses) {
  SpaceWorld world;
  world.take_newer("b");
  world.at("b", "tank/b/anchor-0@2").ours.clear();
  EXPECT_EQ(freeable(world.space("b"), "tank/b/anchor-0@2"), nullptr);
  world.at("b", "tank/b/anchor-0@2").guid = {99};
  EXPECT_EQ(freeable(world.space("b"), "tank/b/anchor-0@2")->command, "");
}

TEST(Freeable, ANameWithASpaceIsOneWordOfTheCommand) {
  SpaceWorld world;
  world.storage("a").push_back(with_parts("tank/a/aside 1", marks_of("a", "aside"), {.head = G}));
  EXPECT_EQ(freeable(world.space("a"), "tank/a/aside 1")->command, "zfs destroy -r 'tank/a/aside 1'");
}

TEST(Freeable, ABaseNobodyHasGoesWithUp) {
  SpaceWorld world;
  world.take_newer("");
  const auto space = world.space("a");
  const auto* base = freeable(space, "tank/a/live-0@2");
  ASSERT_NE(base, nullptr);
  EXPECT_EQ(base->command, "dugong up");
  EXPECT_EQ(base->bytes, G);
}

TEST(Freeable, ABaseThatAnUnseenNodeMayHaveStays) {
  SpaceWorld world;
  world.take_newer("");
  world.node("c").storage = testing::missing<std::vector<zfs::Dataset>>(ErrorKind::unreachable, "?");
  EXPECT_EQ(freeable(world.space("a"), "tank/a/live-0@2"), nullptr);
}

TEST(Freeable, ANodeWithoutDataMayYetGetItFromAny) {
  SpaceWorld world;
  world.take_newer("");
  std::erase_if(world.storage("b"), [](const auto& one) { return one.name == "tank/b/live-0"; });
  EXPECT_EQ(freeable(world.space("a"), "tank/a/live-0@2"), nullptr);
}

TEST(Freeable, SomebodyElsesSnapshotIsNamedAndNeverOffered) {
  SpaceWorld world;
  auto foreign = testing::dataset("tank/a/live-0@autosnap", {});
  foreign.used = 4 * G;
  world.storage("a").push_back(foreign);
  const auto space = world.space("a");
  const auto* found = freeable(space, "tank/a/live-0@autosnap");
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->command, "");
  EXPECT_EQ(found->bytes, 4 * G);
}

}  // namespace
}  // namespace dugong::cluster
