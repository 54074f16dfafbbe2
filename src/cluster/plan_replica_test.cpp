#include <gtest/gtest.h>

#include "test/support/plans.h"

namespace dugong::cluster {
namespace {

TEST(PlanReplica, SlotsComeBeforeTheOneSnapshotThatSeedsAll) {
  const auto spec = a_spec({"a", "b", "c"});
  const auto plan = must_plan(spec, primary_only(spec));
  EXPECT_EQ(steps_of<RunQuery>(plan, "a").size(), 2U);
  EXPECT_EQ(steps_of<TakeSnapshot>(plan, "a").size(), 1U);
  EXPECT_LT(position(plan, "create_slot dugong_c"), position(plan, "snapshot tank/a/live-0@"));
  EXPECT_TRUE(plan.more);
}

TEST(PlanReplica, AnExistingCoveredSnapshotIsCopiedNotTakenAgain) {
  const auto spec = a_spec();
  auto seen = primary_only(spec);
  seen.nodes[0].sql.value->slots = {slot("b")};
  add_base(spec, seen);
  const auto plan = must_plan(spec, seen);
  EXPECT_TRUE(steps_of<TakeSnapshot>(plan, "a").empty());
  ASSERT_EQ(steps_of<CopySnapshot>(plan, "b").size(), 1U);
  EXPECT_EQ(steps_of<CopySnapshot>(plan, "b")[0].guid, Guid{77});
  EXPECT_LT(position(plan, "mark tank/b: dugong:receiving=tank/b/anchor-0"), position(plan, "receive all of"));
}

TEST(PlanReplica, ACopysExpectedSizeIsThatOfTheStream) {
  const auto spec = a_spec();
  auto seen = primary_only(spec);
  seen.nodes[0].sql.value->slots = {slot("b")};
  add_base(spec, seen);
  auto& base = seen.nodes[0].storage.value->back();
  const auto expected = [&] { return steps_of<CopySnapshot>(must_plan(spec, seen), "b").at(0).expected; };
  base.referenced = 1000;
  EXPECT_EQ(expected(), 1000U);
  base.compress_percent = 450;  // v23: the stream is not compressed
  EXPECT_EQ(expected(), 4500U);
  base.logical_referenced = 4567;
  EXPECT_EQ(expected(), 4567U);
  seen.nodes[0].pool.value->can_receive_unmounted = true;  // OpenZFS, but the receiver is not
  EXPECT_EQ(expected(), 4567U);
  EXPECT_TRUE(steps_of<CopySnapshot>(must_plan(spec, seen), "b").at(0).send.for_v23);
  seen.nodes[1].pool.value->can_receive_unmounted = true;  // both: `send -c`
  EXPECT_EQ(expected(), 1000U);
  EXPECT_FALSE(steps_of<CopySnapshot>(must_plan(spec, seen), "b").at(0).send.for_v23);
}

TEST(PlanReplica, ASnapshotOlderThanTheSlotIsNotUsed) {
  const auto spec = a_spec();
  auto seen = primary_only(spec);
  seen.nodes[0].sql.value->slots = {slot("b", Lsn{0x3000001})};
  seen.nodes[0].data.value->control->redo = Lsn{0x3000001};
  add_base(spec, seen);
  EXPECT_EQ(steps_of<TakeSnapshot>(must_plan(spec, seen), "a").size(), 1U);
}

TEST(PlanReplica, WhileTheSlotsCheckpointIsRunningItIsBroughtToItsEnd) {
  const auto spec = a_spec({"a", "b", "c"});
  auto seen = primary_only(spec);
  seen.nodes[0].sql.value->slots = {slot("b", Lsn{0x3000001})};  // pg_control: 0/3000000
  const auto plan = must_plan(spec, seen);
  EXPECT_TRUE(steps_of<TakeSnapshot>(plan, "a").empty());
  EXPECT_LT(position(plan, "create_slot dugong_c"), position(plan, "checkpoint"));
  EXPECT_LT(position(plan, "checkpoint"), plan.steps.size());
  EXPECT_TRUE(plan.more);
}

TEST(PlanReplica, ASlotThatReservedNothingIsMadeAnew) {
  const auto spec = a_spec();
  auto seen = primary_only(spec);
  seen.nodes[0].sql.value->slots = {slot("b", Lsn{})};
  seen.nodes[0].sql.value->slots[0].wal_status.clear();
  EXPECT_EQ(texts(must_plan(spec, seen)).front(), "a: SQL: drop_slot dugong_b");
}

TEST(PlanReplica, AnUnfinishedCatalogueEntryIsNotUsed) {
  const auto spec = a_spec();
  auto seen = primary_only(spec);
  seen.nodes[0].sql.value->slots = {slot("b")};
  add_base(spec, seen);
  seen.nodes[0].storage.value->back().ours.erase("end_lsn");
  EXPECT_EQ(steps_of<TakeSnapshot>(must_plan(spec, seen), "a").size(), 1U);
}

TEST(PlanReplica, InsideThePostPromotionWindowACheckpointComesFirst) {
  const auto spec = a_spec();
  auto seen = primary_only(spec);
  seen.nodes[0].data.value->control->min_recovery = Lsn{0x2000000};
  const auto plan = must_plan(spec, seen);
  EXPECT_TRUE(steps_of<TakeSnapshot>(plan, "a").empty());
  EXPECT_LT(position(plan, "SQL: checkpoint"), plan.steps.size());
  EXPECT_TRUE(plan.more);
}

TEST(PlanReplica, WhatABrokenReceiveLeftIsDestroyedBeforeTheNextOne) {
  const auto spec = a_spec();
  auto seen = primary_only(spec);
  seen.nodes[0].sql.value->slots = {slot("b")};
  add_base(spec, seen);
  seen.nodes[1].storage.value->front().ours["receiving"] = "tank/b/anchor-0";
  zfs::Dataset partial;
  partial.name = "tank/b/anchor-0";
  seen.nodes[1].storage.value->push_back(partial);
  const auto plan = must_plan(spec, seen);
  EXPECT_LT(position(plan, "destroy dataset tank/b/anchor-0"), position(plan, "receive all of"));
}

TEST(PlanReplica, AnAnchorThatWeDidNotAnnounceIsNotTouched) {
  const auto spec = a_spec();
  auto seen = primary_only(spec);
  seen.nodes[0].sql.value->slots = {slot("b")};
  add_base(spec, seen);
  zfs::Dataset foreign;
  foreign.name = "tank/b/anchor-0";
  seen.nodes[1].storage.value->push_back(foreign);
  const auto plan = must_plan(spec, seen);
  EXPECT_TRUE(steps_of<zfs::Destroy>(plan, "b").empty());
  EXPECT_EQ(steps_of<CopySnapshot>(plan, "b")[0].receive.dataset, "tank/b/anchor-1");
}

// b has an old lineage that the primary knows nothing of any more.
Observed with_stale_anchor(const spec::Spec& spec) {
  auto seen = primary_only(spec);
  seen.nodes[0].sql.value->slots = {slot("b")};
  add_base(spec, seen);
  auto& storage = *seen.nodes[1].storage.value;
  storage.push_back(test::a_dataset(spec, spec.nodes[1], "tank/b/anchor-0", "anchor"));
  storage.push_back(test::a_snapshot(spec, spec.nodes[1], "tank/b/anchor-0@dugong-gone", Guid{11}, 12));
  return seen;
}

TEST(PlanReplica, BesideAnAnchorThatSharesNothingEverythingIsCopiedOnce) {
  const auto spec = a_spec();
  auto seen = with_stale_anchor(spec);
  auto plan = must_plan(spec, seen);
  ASSERT_EQ(steps_of<CopySnapshot>(plan, "b").size(), 1U);
  EXPECT_EQ(steps_of<CopySnapshot>(plan, "b")[0].receive.dataset, "tank/b/anchor-1");
  EXPECT_TRUE(steps_of<zfs::Destroy>(plan, "b").empty());
  ASSERT_EQ(plan.notes.size(), 1U);
  EXPECT_NE(plan.notes[0].find("tank/b/anchor-0 (0 B) shares no snapshot"), std::string::npos) << plan.notes[0];
  // The copy has arrived; it carries no mark yet.
  auto& storage = *seen.nodes[1].storage.value;
  storage.front().ours["receiving"] = "tank/b/anchor-1";
  zfs::Dataset arrived;
  arrived.name = "tank/b/anchor-1";
  auto base = test::a_snapshot(spec, spec.nodes[1], "tank/b/anchor-1@dugong-base", Guid{77}, 30);
  base.ours.clear();
  storage.push_back(arrived);
  storage.push_back(base);
  plan = must_plan(spec, seen);
  EXPECT_TRUE(steps_of<CopySnapshot>(plan, "b").empty());
  EXPECT_LT(position(plan, "mark tank/b/anchor-1"), position(plan, "clone tank/b/anchor-1@dugong-base"));
}

TEST(PlanReplica, WhatACutCopyLeftBesideAStaleAnchorIsTakenAway) {
  const auto spec = a_spec();
  auto seen = with_stale_anchor(spec);
  seen.nodes[1].storage.value->front().ours["receiving"] = "tank/b/anchor-1";
  zfs::Dataset partial;
  partial.name = "tank/b/anchor-1";
  seen.nodes[1].storage.value->push_back(partial);
  const auto plan = must_plan(spec, seen);
  EXPECT_LT(position(plan, "destroy dataset tank/b/anchor-1"), position(plan, "receive all of"));
}

TEST(PlanReplica, AReceivedBaseIsMarkedHeldClonedAndMounted) {
  const auto spec = a_spec();
  auto seen = primary_only(spec);
  seen.nodes[0].sql.value->slots = {slot("b")};
  add_base(spec, seen);
  seen.nodes[1].storage.value->front().ours["receiving"] = "tank/b/anchor-0";
  zfs::Dataset anchor;
  anchor.name = "tank/b/anchor-0";
  auto received = test::a_snapshot(spec, spec.nodes[1], "tank/b/anchor-0@dugong-base", Guid{77}, 5);
  received.ours.clear();
  received.userrefs = 0;
  seen.nodes[1].storage.value->push_back(anchor);
  seen.nodes[1].storage.value->push_back(received);
  const auto plan = must_plan(spec, seen);
  EXPECT_LT(position(plan, "mark tank/b/anchor-0"), position(plan, "hold tank/b/anchor-0@"));
  EXPECT_LT(position(plan, "hold tank/b/anchor-0@"), position(plan, "clone tank/b/anchor-0@"));
  EXPECT_LT(position(plan, "clone tank/b/anchor-0@"), position(plan, "mount tank/b/live-0"));
  EXPECT_TRUE(steps_of<runtime::StartServer>(plan, "b").empty());
}

// b's clone as it is right after mounting: the primary's files.
Observed cloned(const spec::Spec& spec) {
  auto seen = settled(spec);
  auto& b = seen.nodes[1];
  for (auto& dataset : *b.storage.value)
    if (dataset.mark("state") != nullptr) dataset.ours["state"] = "received";
  b.data = seen.nodes[0].data;
  b.data.value->entries.insert(b.data.value->entries.end(), {"postmaster.pid", "postmaster.opts"});
  b.data.value->slots = {"dugong_b"};
  b.server = test::sampled(runtime::ServerFacts{});
  b.sql.value.reset();
  return seen;
}

TEST(PlanReplica, ACloneBecomesReadyOnlyWithStandbySignal) {
  const auto spec = a_spec();
  const auto plan = must_plan(spec, cloned(spec));
  EXPECT_LT(position(plan, "take out of"), position(plan, "standby.signal"));
  EXPECT_LT(position(plan, "standby.signal"), position(plan, "mark tank/b/live-0: dugong:state=ready"));
  EXPECT_TRUE(steps_of<runtime::StartServer>(plan, "b").empty());
}

TEST(PlanReplica, AReadyCloneWithoutStandbySignalIsNotStarted) {
  expect_refused("no standby.signal", [](spec::Spec&, Observed& seen) {
    std::erase(seen.nodes[1].data.value->entries, "standby.signal");
    seen.nodes[1].server = test::sampled(runtime::ServerFacts{});
    seen.nodes[1].sql.value.reset();
  });
}

TEST(PlanReplica, AStoppedReadyReplicaIsStartedAndWaitedFor) {
  const auto spec = a_spec();
  auto seen = settled(spec);
  seen.nodes[1].server = test::sampled(runtime::ServerFacts{.state = runtime::ServerState::exited});
  seen.nodes[1].sql.value.reset();
  const auto plan = must_plan(spec, seen);
  EXPECT_EQ(steps_of<runtime::StartServer>(plan, "b").size(), 1U);
  EXPECT_TRUE(plan.more);
}

TEST(PlanReplica, ALostSlotIsRefusedWithTheWayToSeedAgain) {
  expect_refused("is lost", [](spec::Spec&, Observed& seen) {
    auto& slot = seen.nodes[0].sql.value->slots.front();
    slot.wal_status = "lost";
    slot.active = false;
  });
}

TEST(PlanReplica, ALostSlotDoesNotKeepTheOthersDown) {
  const auto spec = a_spec({"a", "b", "c"});
  auto seen = settled(spec);
  auto& slot = seen.nodes[0].sql.value->slots.front();
  slot.wal_status = "lost";
  slot.active = false;
  seen.nodes[2].server = test::sampled(runtime::ServerFacts{.state = runtime::ServerState::exited});
  seen.nodes[2].sql.value.reset();
  const auto plan = must_plan(spec, seen);
  EXPECT_EQ(steps_of<runtime::StartServer>(plan, "c").size(), 1U);
  EXPECT_TRUE(steps_of<runtime::StartServer>(plan, "b").empty());
  EXPECT_TRUE(plan.more);
  ASSERT_EQ(plan.notes.size(), 1U);
  EXPECT_NE(plan.notes[0].find("dugong_b is lost"), std::string::npos) << plan.notes[0];
}

TEST(PlanReplica, ASlotThatSomebodyUsesIsNotTakenForOneThatHasNoData) {
  const auto spec = a_spec({"a", "b", "c"});
  auto seen = primary_only(spec);
  auto& upstream = *seen.nodes[0].sql.value;
  add_base(spec, seen);
  upstream.slots = {slot("b"), slot("c")};
  upstream.slots[0].active = true;
  upstream.senders = {{.application_name = "b", .client_addr = "10.0.0.77", .state = "streaming"}};
  auto plan = must_plan(spec, seen);
  EXPECT_TRUE(steps_of<CopySnapshot>(plan, "b").empty());
  EXPECT_EQ(steps_of<CopySnapshot>(plan, "c").size(), 1U);
  ASSERT_EQ(plan.notes.size(), 1U);
  EXPECT_NE(plan.notes[0].find("if b was stopped or destroyed just now, run this again"), std::string::npos)
      << plan.notes[0];
  const auto alone = plan_up(spec, seen, {.only = {"b"}});
  ASSERT_FALSE(alone);
  EXPECT_EQ(alone.error().kind, ErrorKind::refused);
  EXPECT_EQ(alone.error().what, "b has no data yet, but its slot dugong_b on a is in use by 10.0.0.77");
  upstream.senders.clear();
  const auto unknown = plan_up(spec, seen, {.only = {"b"}});
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().what.find("in use by somebody"), std::string::npos) << unknown.error().what;
}

TEST(PlanReplica, WaitingForOneComesAfterTheSeedsOfTheOthers) {
  const auto spec = a_spec({"a", "b", "c"});
  auto seen = primary_only(spec);
  const auto b = settled(spec).nodes[1];
  seen.nodes[1] = b;
  seen.nodes[1].sql.value->streaming = false;
  seen.nodes[0].sql.value->slots = {slot("b")};
  auto plan = must_plan(spec, seen);
  EXPECT_TRUE(steps_of<WaitStreaming>(plan, "b").empty());
  EXPECT_EQ(steps_of<TakeSnapshot>(plan, "a").size(), 1U);
  EXPECT_TRUE(plan.more);
  plan = must_plan(spec, seen, {.only = {"b"}});
  EXPECT_EQ(steps_of<WaitStreaming>(plan, "b").size(), 1U);
}

TEST(PlanReplica, ALargeDatabaseIsCopiedBeforeItGetsASlot) {
  auto spec = a_spec();
  spec.seed.slot_late_above = Bytes{1} << 20;
  auto seen = primary_only(spec);
  auto plan = must_plan(spec, seen);
  EXPECT_TRUE(steps_of<RunQuery>(plan, "a").empty());
  EXPECT_EQ(steps_of<TakeSnapshot>(plan, "a").size(), 1U);
  // The first copy has arrived, far behind: another round without a slot.
  add_base(spec, seen);
  zfs::Dataset anchor = test::a_dataset(spec, spec.nodes[1], "tank/b/anchor-0", "anchor");
  auto received = test::a_snapshot(spec, spec.nodes[1], "tank/b/anchor-0@dugong-base", Guid{77}, 5);
  seen.nodes[1].storage.value->push_back(anchor);
  seen.nodes[1].storage.value->push_back(received);
  plan = must_plan(spec, seen);
  EXPECT_TRUE(steps_of<RunQuery>(plan, "a").empty());
  EXPECT_EQ(steps_of<TakeSnapshot>(plan, "a").size(), 1U);
  // Near enough: now the slot, then the last snapshot.
  seen.nodes[0].sql.value->lsn = Lsn{0x4000100};
  plan = must_plan(spec, seen);
  EXPECT_EQ(steps_of<RunQuery>(plan, "a").size(), 1U);
  EXPECT_EQ(steps_of<TakeSnapshot>(plan, "a").size(), 1U);
}

TEST(PlanReplica, RoundsThatDoNotGetShorterEndInASlotAnyway) {
  auto spec = a_spec();
  spec.seed.slot_late_above = Bytes{1} << 20;
  auto seen = primary_only(spec);
  auto older = test::a_snapshot(spec, spec.nodes[0], "tank/a/live-0@dugong-older", Guid{76}, 10);
  older.ours["end_lsn"] = "0/3000000";
  seen.nodes[0].storage.value->push_back(older);
  add_base(spec, seen);  // ended at 0/4000000: one round of 0x1000000, and as much again since then
  seen.nodes[1].storage.value->push_back(test::a_dataset(spec, spec.nodes[1], "tank/b/anchor-0", "anchor"));
  seen.nodes[1].storage.value->push_back(
      test::a_snapshot(spec, spec.nodes[1], "tank/b/anchor-0@dugong-base", Guid{77}, 5));
  EXPECT_EQ(steps_of<RunQuery>(must_plan(spec, seen), "a").size(), 1U);
}

// b has the base, and on top of it a snapshot that the primary does not have.
Observed with_newer_on_anchor(const spec::Spec& spec, const std::function<void(zfs::Dataset&)>& change) {
  auto seen = primary_only(spec);
  add_base(spec, seen);
  auto next = test::a_snapshot(spec, spec.nodes[0], "tank/a/live-0@dugong-next", Guid{79}, 30);
  seen.nodes[0].storage.value->push_back(next);
  seen.nodes[0].sql.value->slots = {slot("b")};
  auto& storage = *seen.nodes[1].storage.value;
  storage.push_back(test::a_dataset(spec, spec.nodes[1], "tank/b/anchor-0", "anchor"));
  storage.push_back(test::a_snapshot(spec, spec.nodes[1], "tank/b/anchor-0@dugong-base", Guid{77}, 5));
  storage.push_back(test::a_snapshot(spec, spec.nodes[1], "tank/b/anchor-0@newer", Guid{78}, 6));
  change(storage.back());
  return seen;
}

TEST(PlanReplica, NoIncrementIsSentOntoASnapshotOfSomebody) {
  const auto spec = a_spec();
  const std::string says = "b: tank/b/anchor-0@newer is newer than the last snapshot that b shares with the primary";
  const auto refused = [&](const std::function<void(zfs::Dataset&)>& change) {
    auto seen = with_newer_on_anchor(spec, change);
    EXPECT_TRUE(refusal(spec, seen).starts_with(says)) << refusal(spec, seen);
    const auto plan = plan_up(spec, seen, {});
    ASSERT_FALSE(plan);
    EXPECT_NE(plan.error().next.find("`zfs destroy tank/b/anchor-0@newer`"), std::string::npos);
    // Nor is a snapshot taken that could not be sent.
    seen.nodes[0].sql.value->slots.clear();
    EXPECT_TRUE(refusal(spec, seen).starts_with(says)) << refusal(spec, seen);
  };
  refused([](zfs::Dataset& newer) { newer.ours.clear(); });
  refused([](zfs::Dataset& newer) { newer.userrefs = 2; });
}

TEST(PlanReplica, ASnapshotInOnesWayDoesNotKeepTheOthersFromBeingSeeded) {
  const auto spec = a_spec({"a", "b", "c"});
  auto seen = with_newer_on_anchor(spec, [](zfs::Dataset& newer) { newer.ours.clear(); });
  seen.nodes[0].sql.value->slots.push_back(slot("c"));
  const auto plan = must_plan(spec, seen);
  EXPECT_TRUE(steps_of<CopySnapshot>(plan, "b").empty());
  EXPECT_EQ(steps_of<CopySnapshot>(plan, "c").size(), 1U);
  EXPECT_TRUE(plan.more);
  ASSERT_EQ(plan.notes.size(), 1U);
  EXPECT_NE(plan.notes[0].find("`zfs destroy tank/b/anchor-0@newer`"), std::string::npos) << plan.notes[0];
}

TEST(PlanReplica, WhatAnEarlierIncrementBroughtGivesWayToTheNext) {
  const auto spec = a_spec();
  auto seen = with_newer_on_anchor(spec, [](zfs::Dataset&) {});
  const auto plan = must_plan(spec, seen);
  EXPECT_LT(position(plan, "release tank/b/anchor-0@newer"), position(plan, "destroy snapshot tank/b/anchor-0@newer"));
  EXPECT_LT(position(plan, "destroy snapshot tank/b/anchor-0@newer"),
            position(plan, "roll back to tank/b/anchor-0@dugong-base"));
  EXPECT_LT(position(plan, "roll back to tank/b/anchor-0@dugong-base"), position(plan, "receive what changed"));
  EXPECT_LT(position(plan, "receive what changed"), plan.steps.size());
  zfs::Dataset clone;
  clone.name = "tank/b/theirs";
  clone.origin = "tank/b/anchor-0@newer";
  seen.nodes[1].storage.value->push_back(clone);
  EXPECT_NE(refusal(spec, seen).find("tank/b/anchor-0@newer is newer"), std::string::npos);
}

// `change` gets what b has of the anchor, and its base as the last.
std::vector<zfs::Rollback> rollbacks(const std::function<void(std::vector<zfs::Dataset>&)>& change) {
  const auto spec = a_spec();
  auto seen = with_newer_on_anchor(spec, [](zfs::Dataset&) {});
  auto& storage = *seen.nodes[1].storage.value;
  storage.pop_back();
  change(storage);
  const auto plan = must_plan(spec, seen);
  EXPECT_TRUE(steps_of<zfs::DestroySnapshot>(plan, "b").empty());
  EXPECT_EQ(steps_of<CopySnapshot>(plan, "b").size(), 1U);
  EXPECT_TRUE(std::ranges::none_of(plan.steps, [](const Step& step) {
    return step.node != "b" && std::holds_alternative<zfs::Rollback>(step.action);
  }));
  return steps_of<zfs::Rollback>(plan, "b");
}

TEST(PlanReplica, AnAnchorThatHoldsItsBaseAloneIsNotRolledBack) {
  EXPECT_TRUE(rollbacks([](auto&) {}).empty());
}

// A run was killed between the destruction of the newer snapshot and the rollback.
TEST(PlanReplica, WhatADestroyedSnapshotLeftIsRolledBack) {
  const auto found = rollbacks([](auto& storage) { storage.back().used = 1024; });
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].snapshot, "tank/b/anchor-0@dugong-base");
  EXPECT_TRUE(is_destructive(found[0]));
}

TEST(PlanReplica, ABaseThatIsTheSameAsTheOneBeforeItTellsNothing) {
  const auto with_one_before = [](Bytes used, Bytes referenced) {
    return rollbacks([&](std::vector<zfs::Dataset>& storage) {
             auto before = storage.back();
             before.name = "tank/b/anchor-0@dugong-before";
             before.guid = Guid{76};
             before.createtxg = storage.back().createtxg - 1;
             before.used = used;
             before.referenced = referenced;
             storage.back().referenced = 2000;
             storage.push_back(before);
           })
        .size();
  };
  EXPECT_EQ(with_one_before(0, 2000), 1U);
  EXPECT_EQ(with_one_before(1024, 2000), 0U);
  EXPECT_EQ(with_one_before(0, 1000), 0U);
}

TEST(PlanReplica, OnlyWhatIsMarkedIsRolledBack) {
  const auto spec = a_spec();
  auto seen = with_newer_on_anchor(spec, [](zfs::Dataset&) {});
  auto& storage = *seen.nodes[1].storage.value;
  storage.front().ours["receiving"] = "tank/b/anchor-0";
  auto& anchor = *std::ranges::find(storage, "tank/b/anchor-0", &zfs::Dataset::name);
  anchor.ours.clear();  // the rounds of a late slot mark it when they are over
  anchor.local.clear();
  const auto plan = must_plan(spec, seen);
  const auto marks = steps_of<zfs::SetProperties>(plan, "b");
  const auto mark = std::ranges::find(marks, "tank/b/anchor-0", &zfs::SetProperties::name);
  ASSERT_NE(mark, marks.end());
  EXPECT_EQ(mark->properties.at("dugong:role"), "anchor");
  EXPECT_EQ(mark->properties.at("canmount"), "noauto");
  EXPECT_LT(position(plan, "mark tank/b/anchor-0: "), position(plan, "roll back to"));
}

TEST(PlanReplica, AMountedAnchorTakesNothing) {
  const auto spec = a_spec();
  auto seen = with_newer_on_anchor(spec, [](zfs::Dataset&) {});
  auto& storage = *seen.nodes[1].storage.value;
  std::ranges::find(storage, "tank/b/anchor-0", &zfs::Dataset::name)->mounted = true;
  EXPECT_NE(refusal(spec, seen).find("tank/b/anchor-0 is mounted"), std::string::npos) << refusal(spec, seen);
}

// The primary was rolled back: it lost the snapshot, and with it what had been written until then.
TEST(PlanReplica, WhatMayBeTheLastCopyStays) {
  const auto spec = a_spec();
  const auto refused = [&](const std::function<void(zfs::Dataset&)>& change) {
    const auto seen = with_newer_on_anchor(spec, change);
    EXPECT_TRUE(refusal(spec, seen).starts_with("b: tank/b/anchor-0@newer is newer than")) << refusal(spec, seen);
    const auto plan = plan_up(spec, seen, {});
    return plan ? std::string{} : plan.error().next;
  };
  EXPECT_NE(refused([](zfs::Dataset& newer) { newer.ours["end_lsn"] = "0/5000001"; })
                .find("it may hold the only copy of what a has lost: it ends at 0/5000001 on timeline 1, a is at "
                      "0/5000000 on timeline 1"),
            std::string::npos);
  EXPECT_NE(refused([](zfs::Dataset& newer) { newer.ours["timeline"] = "2"; }).find("on timeline 2, a is at"),
            std::string::npos);
  EXPECT_NE(refused([](zfs::Dataset& newer) { newer.ours.erase("end_lsn"); })
                .find("it ends at an unknown position, a is at 0/5000000 on timeline 1; find out whether a was rolled "
                      "back or restored. If nobody needs it, `zfs release dugong tank/b/anchor-0@newer` and `zfs "
                      "rollback -r tank/b/anchor-0@dugong-base`"),
            std::string::npos);
}

TEST(PlanReplica, WhatWasReceivedWholeStaysThoughThePrimaryHasItNoMore) {
  const auto spec = a_spec();
  auto seen = primary_only(spec);
  seen.nodes[0].sql.value->slots = {slot("b")};
  add_base(spec, seen);
  auto& storage = *seen.nodes[1].storage.value;
  storage.front().ours["receiving"] = "tank/b/anchor-0";
  zfs::Dataset whole;
  whole.name = "tank/b/anchor-0";
  storage.push_back(whole);
  auto received = test::a_snapshot(spec, spec.nodes[1], "tank/b/anchor-0@dugong-gone", Guid{11}, 12);
  received.ours.clear();
  storage.push_back(received);
  const auto plan = must_plan(spec, seen);
  EXPECT_TRUE(steps_of<zfs::DestroySnapshot>(plan, "b").empty());
  EXPECT_TRUE(steps_of<zfs::Destroy>(plan, "b").empty());
  ASSERT_EQ(steps_of<CopySnapshot>(plan, "b").size(), 1U);
  EXPECT_EQ(steps_of<CopySnapshot>(plan, "b")[0].receive.dataset, "tank/b/anchor-1");
  ASSERT_EQ(plan.notes.size(), 1U);
  EXPECT_NE(plan.notes[0].find("tank/b/anchor-0 was received whole"), std::string::npos) << plan.notes[0];
}

TEST(PlanReplica, WhereASnapshotEndsIsMarkedWithIt) {
  const auto spec = a_spec();
  auto seen = with_newer_on_anchor(spec, [](zfs::Dataset&) {});
  auto& base = seen.nodes[1].storage.value->at(seen.nodes[1].storage.value->size() - 2);
  base.ours = {{"cluster", "dex"}, {"node", "b"}};  // by a node that died in between, or an older dugong
  const auto plan = must_plan(spec, seen);
  const auto marks = steps_of<zfs::SetProperties>(plan, "b");
  const auto of_base = std::ranges::find(marks, base.name, &zfs::SetProperties::name);
  ASSERT_NE(of_base, marks.end());
  EXPECT_EQ(of_base->properties, (zfs::Properties{{"dugong:end_lsn", "0/4000000"}, {"dugong:timeline", "1"}}));
}

TEST(PlanReplica, WhatWasReceivedIsMarkedBeforeTheNextIncrement) {
  const auto spec = a_spec();
  auto seen = with_newer_on_anchor(spec, [](zfs::Dataset&) {});
  auto& storage = *seen.nodes[1].storage.value;
  storage.pop_back();
  storage.back().ours.clear();
  const auto plan = must_plan(spec, seen);
  EXPECT_LT(position(plan, "mark tank/b/anchor-0@dugong-base"), position(plan, "receive what changed"));
}

TEST(PlanReplica, ASnapshotOfSomebodyOnACoveredAnchorIsInNobodysWay) {
  const auto spec = a_spec();
  auto seen = with_newer_on_anchor(spec, [](zfs::Dataset& newer) { newer.ours.clear(); });
  std::erase_if(*seen.nodes[0].storage.value, [](const auto& one) { return one.guid == Guid{79}; });
  const auto plan = must_plan(spec, seen);
  EXPECT_LT(position(plan, "clone tank/b/anchor-0@dugong-base"), plan.steps.size());
}

TEST(PlanReplica, ACascadeWaitsForItsUpstream) {
  auto spec = a_spec({"a", "b", "c"});
  spec.nodes[2].follows = "b";
  auto seen = primary_only(spec);
  const auto plan = must_plan(spec, seen);
  EXPECT_EQ(steps_of<RunQuery>(plan, "a").size(), 1U);
  EXPECT_TRUE(steps_of<RunQuery>(plan, "b").empty());
  EXPECT_TRUE(plan.more);
}

TEST(PlanReplica, OnlyTheNamedOnesAreTouched) {
  const auto spec = a_spec({"a", "b", "c"});
  const auto plan = must_plan(spec, primary_only(spec), {.only = {"c"}});
  EXPECT_LT(position(plan, "create_slot dugong_c"), plan.steps.size());
  EXPECT_EQ(position(plan, "create_slot dugong_b"), plan.steps.size());
}

TEST(PlanTidy, ASnapshotThatNobodyNeedsIsReleasedThenDestroyed) {
  const auto spec = a_spec();
  auto seen = settled(spec);
  seen.nodes[0].storage.value->push_back(
      test::a_snapshot(spec, spec.nodes[0], "tank/a/live-0@dugong-old", Guid{12}, 3));
  const auto plan = must_plan(spec, seen);
  EXPECT_LT(position(plan, "release tank/a/live-0@dugong-old"),
            position(plan, "destroy snapshot tank/a/live-0@dugong-old"));
  EXPECT_EQ(plan.steps.size(), 2U);
}

TEST(PlanTidy, ASnapshotThatSomebodyHoldsOrClonedStaysAndIsTold) {
  const auto spec = a_spec();
  auto seen = settled(spec);
  auto held = test::a_snapshot(spec, spec.nodes[0], "tank/a/live-0@dugong-held", Guid{12}, 3);
  held.userrefs = 2;
  const auto cloned = test::a_snapshot(spec, spec.nodes[0], "tank/a/live-0@dugong-cloned", Guid{13}, 4);
  zfs::Dataset clone;
  clone.name = "tank/a/theirs";
  clone.origin = cloned.name;
  auto elsewhere = test::a_snapshot(spec, spec.nodes[0], "tank/a/live-0@dugong-elsewhere", Guid{14}, 5);
  elsewhere.clones = {"tank/dev/x"};
  for (const auto& one : {held, cloned, clone, elsewhere}) seen.nodes[0].storage.value->push_back(one);
  const auto plan = must_plan(spec, seen);
  EXPECT_EQ(texts(plan), std::vector<std::string>{});
  EXPECT_EQ(plan.notes,
            (std::vector<std::string>{"a: tank/a/live-0@dugong-held stays: it is held by somebody else too",
                                      "a: tank/a/live-0@dugong-cloned stays: tank/a/theirs is a clone of it",
                                      "a: tank/a/live-0@dugong-elsewhere stays: tank/dev/x is a clone of it"}));
}

TEST(PlanTidy, SomebodysSnapshotStays) {
  const auto spec = a_spec();
  auto seen = settled(spec);
  auto foreign = test::a_snapshot(spec, spec.nodes[0], "tank/a/live-0@autosnap_daily", Guid{12}, 3);
  foreign.ours.clear();
  seen.nodes[0].storage.value->push_back(foreign);
  EXPECT_TRUE(must_plan(spec, seen).steps.empty());
}

}  // namespace
}  // namespace dugong::cluster
