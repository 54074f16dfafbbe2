#include "cluster/plan_up.h"

#include <algorithm>
#include <functional>
#include <gtest/gtest.h>

#include "test/support/observed.h"

namespace dugong::cluster {
namespace {

using test::a_spec;
using test::all_running;

Observed nothing_there(const spec::Spec& spec) {
  Observed seen;
  seen.wall_seconds = 1700000000;
  for (const auto& node : spec.nodes) seen.nodes.push_back(test::bare(node));
  return seen;
}

// With compose files as they should be, and the archive proved: the mark is taken from the plan that would prove it.
Observed settled(const spec::Spec& spec) {
  auto seen = all_running(spec);
  for (auto& node : seen.nodes) {
    const auto ground = ground_of(spec, seen, *spec.find(node.name));
    node.files[ground->server.compose_file] = {true, false, 0644, 0, 0, compose_text(*ground)};
  }
  const auto plan = plan_up(spec, seen, {});
  EXPECT_TRUE(plan) << plan.error().what;
  for (const auto& step : plan->steps)
    if (const auto* prove = std::get_if<ProveArchive>(&step.action))
      seen.nodes.front().storage.value->front().ours["archive_proved"] = prove->mark;
  return seen;
}

std::vector<std::string> texts(const Plan& plan) {
  std::vector<std::string> all;
  for (const auto& step : plan.steps) all.push_back(step.node + ": " + describe(step.action));
  return all;
}

template <class Action>
std::vector<Action> steps_of(const Plan& plan, const std::string& node) {
  std::vector<Action> found;
  for (const auto& step : plan.steps)
    if (const auto* action = std::get_if<Action>(&step.action); action != nullptr && step.node == node)
      found.push_back(*action);
  return found;
}

std::size_t position(const Plan& plan, const std::string& part) {
  const auto all = texts(plan);
  auto it = std::ranges::find_if(all, [&](const auto& text) { return text.find(part) != std::string::npos; });
  return static_cast<std::size_t>(it - all.begin());
}

// A plan must be made; its text when it is not.
Plan must_plan(const spec::Spec& spec, const Observed& seen, const UpOptions& options = {}) {
  auto plan = plan_up(spec, seen, options);
  EXPECT_TRUE(plan) << plan.error().where << ": " << plan.error().what;
  return plan ? *plan : Plan{};
}

std::string refusal(const spec::Spec& spec, const Observed& seen) {
  auto plan = plan_up(spec, seen, {});
  if (plan) return "planned";
  EXPECT_EQ(plan.error().kind, ErrorKind::refused);
  EXPECT_FALSE(plan.error().left.empty() && plan.error().next.empty()) << plan.error().what;
  return plan.error().where + ": " + plan.error().what;
}

void expect_refused(const std::string& part, const std::function<void(spec::Spec&, Observed&)>& change) {
  auto spec = a_spec();
  auto seen = settled(spec);
  change(spec, seen);
  EXPECT_NE(refusal(spec, seen).find(part), std::string::npos) << refusal(spec, seen);
}

TEST(PlanUp, NothingToDoIsAnEmptyPlan) {
  const auto spec = a_spec({"a", "b", "c"});
  const auto plan = must_plan(spec, settled(spec));
  EXPECT_EQ(texts(plan), std::vector<std::string>{});
  EXPECT_FALSE(plan.more);
}

TEST(PlanUp, FirstRoundPreparesEveryNodeAndInitialisesThePrimaryOnly) {
  const auto spec = a_spec({"a", "b"});
  const auto plan = must_plan(spec, nothing_there(spec));
  EXPECT_TRUE(plan.more);
  EXPECT_EQ(steps_of<zfs::Create>(plan, "a").size(), 3U);  // parent, archive, live-0
  EXPECT_EQ(steps_of<zfs::Create>(plan, "b").size(), 2U);  // no live: it will be a clone
  EXPECT_EQ(steps_of<runtime::StartServer>(plan, "b").size(), 0U);
  EXPECT_LT(position(plan, "mount tank/a/live-0"), position(plan, "start PostgreSQL"));
  EXPECT_LT(position(plan, "write /srv/dugong/dex/a/docker-compose.yaml"), position(plan, "start PostgreSQL"));
}

TEST(PlanUp, NoSecretIsEverDescribed) {
  auto spec = a_spec({"a", "b"});
  spec.auth.superuser_password = Secret{"hunter2-super"};
  spec.auth.replication_password = Secret{"hunter2-repl"};
  for (const auto& text : texts(must_plan(spec, nothing_there(spec))))
    EXPECT_EQ(text.find("hunter2"), std::string::npos) << text;
}

TEST(PlanUp, AProcessIsInitialisedButNotStartedBeforeItsConfiguration) {
  auto spec = a_spec({"a"});
  spec.postgres.runtime = spec::RuntimeKind::process;
  const auto plan = must_plan(spec, nothing_there(spec));
  EXPECT_EQ(steps_of<runtime::InitData>(plan, "a").size(), 1U);
  EXPECT_EQ(steps_of<runtime::StartServer>(plan, "a").size(), 0U);
}

TEST(PlanUp, AnInitdbThatWasCutOffIsMadeAnew) {
  const auto spec = a_spec({"a"});
  auto seen = settled(spec);
  auto& a = seen.nodes.front();
  for (auto& dataset : *a.storage.value)
    if (dataset.mark("state") != nullptr) dataset.ours["state"] = "initializing";
  a.server = test::sampled(runtime::ServerFacts{.state = runtime::ServerState::exited, .exit_code = 1});
  a.sql.value.reset();
  const auto plan = must_plan(spec, seen);
  EXPECT_LT(position(plan, "unmount tank/a/live-0"), position(plan, "destroy dataset tank/a/live-0"));
  EXPECT_TRUE(plan.more);
}

TEST(PlanUp, AReadyDatasetIsNeverInitialisedOrDestroyed) {
  const auto spec = a_spec({"a"});
  auto seen = settled(spec);
  auto& a = seen.nodes.front();
  a.data = test::sampled(postgres::DataFacts{.exists = true, .empty = true});
  a.server = test::sampled(runtime::ServerFacts{.state = runtime::ServerState::exited});
  a.sql.value.reset();
  EXPECT_NE(refusal(spec, seen).find("holds no database"), std::string::npos);
}

TEST(PlanUp, AChangedSettingShowsTheLineAndReloads) {
  auto spec = a_spec({"a"});
  const auto seen = settled(spec);
  spec.postgres.settings.push_back({"work_mem", "64MB", {}});
  const auto plan = must_plan(spec, seen);
  ASSERT_EQ(plan.steps.size(), 2U);
  EXPECT_EQ(std::get<WriteFile>(plan.steps[0].action).difference, std::vector<std::string>{"+ work_mem = '64MB'"});
  EXPECT_EQ(std::get<RunQuery>(plan.steps[1].action).query, "reload");
}

TEST(PlanUp, APendingRestartOfOursRestartsAndOneOfSomebodyElseDoesNot) {
  const auto spec = a_spec();
  auto seen = settled(spec);
  seen.nodes[0].sql.value->settings["max_files_per_process"] = {"1000", "configuration file",
                                                                "/data/postgresql.auto.conf", 3, true};
  EXPECT_EQ(texts(must_plan(spec, seen)), std::vector<std::string>{});
  seen.nodes[0].sql.value->settings["port"].pending_restart = true;
  const auto plan = must_plan(spec, seen);
  EXPECT_EQ(steps_of<runtime::StopServer>(plan, "a").size(), 1U);
  EXPECT_EQ(steps_of<runtime::StartServer>(plan, "a").size(), 1U);
}

TEST(PlanUp, ALineThatSaysTheDefaultNeedsTheRestartToo) {
  const auto spec = a_spec({"a"});
  auto seen = settled(spec);
  auto& shown = seen.nodes[0].sql.value->settings["max_connections"];
  shown.source = "default";
  shown.source_file.clear();
  EXPECT_EQ(steps_of<runtime::StartServer>(must_plan(spec, seen), "a").size(), 1U);
}

TEST(PlanUp, ASettingThatSomethingElseOverridesIsRefusedByName) {
  expect_refused("archive_command", [](spec::Spec&, Observed& seen) {
    auto& shown = seen.nodes[0].sql.value->settings["archive_command"];
    shown.source_file = "/data/postgresql.auto.conf";
  });
}

TEST(PlanUp, FilesThatTheServerHasNotReadAreReloaded) {
  const auto spec = a_spec();
  auto seen = settled(spec);
  seen.nodes[0].data.value->conf_modified_ns = 2;
  seen.nodes[0].sql.value->conf_loaded_ns = 1;
  EXPECT_EQ(texts(must_plan(spec, seen)), std::vector<std::string>{"a: SQL: reload"});
}

TEST(PlanUp, AReplicaThatHasNotReadWhomToFollowIsReloaded) {
  const auto spec = a_spec();
  auto seen = settled(spec);
  seen.nodes[1].sql.value->settings["primary_conninfo"].value = "host=old";
  EXPECT_EQ(texts(must_plan(spec, seen)), std::vector<std::string>{"b: SQL: reload"});
}

TEST(PlanUp, ASettingThatHasItsValueAnywayIsInForce) {
  const auto spec = a_spec();
  auto seen = settled(spec);
  seen.nodes[0].sql.value->settings["port"] = {"5432", "environment variable", "", 0, false};
  EXPECT_EQ(texts(must_plan(spec, seen)), std::vector<std::string>{});
}

TEST(PlanUp, ADatabaseRoleAndExtensionAreMadeWhenMissing) {
  const auto spec = a_spec({"a"});
  auto seen = settled(spec);
  auto& sql = *seen.nodes[0].sql.value;
  sql.databases = {"postgres"};
  sql.extensions.clear();
  sql.roles.erase(spec.auth.replication_user);
  const auto plan = must_plan(spec, seen);
  EXPECT_LT(position(plan, "create_database dex_ohlcv"), position(plan, "create_extension timescaledb"));
  EXPECT_EQ(steps_of<SetPassword>(plan, "a").size(), 1U);
}

TEST(PlanUp, AChangedPasswordIsSetAgain) {
  const auto spec = a_spec({"a"});
  auto seen = settled(spec);
  seen.nodes[0].password_marks[spec.auth.replication_user] = "another";
  EXPECT_EQ(steps_of<SetPassword>(must_plan(spec, seen), "a").size(), 1U);
}

TEST(PlanUp, ASuperusersOldPasswordIsKeptUntilTheNewOneIsSet) {
  auto spec = a_spec({"a"});
  auto seen = settled(spec);
  spec.auth.superuser_password = Secret{"new"};
  const auto plan = must_plan(spec, seen);
  EXPECT_LT(position(plan, "superuser.pass.before"), plan.steps.size());
}

// --- replicas -----------------------------------------------------------------------------------------------------

// Both replicas have nothing; the primary is done.
Observed primary_only(const spec::Spec& spec) {
  auto seen = settled(spec);
  for (std::size_t i = 1; i < spec.nodes.size(); ++i) {
    auto node = test::bare(spec.nodes[i]);
    test::with_files(spec, spec.nodes[i], node);
    node.storage.value->push_back(test::a_dataset(spec, spec.nodes[i], spec.nodes[i].prefix, "parent"));
    node.storage.value->push_back(test::a_dataset(spec, spec.nodes[i], spec.nodes[i].prefix + "/archive", "archive"));
    node.storage.value->back().mounted = true;
    seen.nodes[i] = node;
  }
  auto& primary = seen.nodes[0];
  primary.sql.value->slots.clear();
  primary.sql.value->senders.clear();
  std::erase_if(*primary.storage.value, &zfs::Dataset::is_snapshot);
  return seen;
}

postgres::Slot slot(const std::string& node, Lsn restart = Lsn{0x3000000}) {
  return {postgres::slot_name(node), "physical", false, restart, "reserved", std::nullopt};
}

void add_base(const spec::Spec& spec, Observed& seen) {
  seen.nodes[0].storage.value->push_back(
      test::a_snapshot(spec, spec.nodes[0], "tank/a/live-0@dugong-base", Guid{77}, 20));
}

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

TEST(PlanReplica, ASnapshotOlderThanTheSlotIsNotUsed) {
  const auto spec = a_spec();
  auto seen = primary_only(spec);
  seen.nodes[0].sql.value->slots = {slot("b", Lsn{0x3000001})};
  add_base(spec, seen);
  EXPECT_EQ(steps_of<TakeSnapshot>(must_plan(spec, seen), "a").size(), 1U);
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

TEST(PlanTidy, SomebodysSnapshotStays) {
  const auto spec = a_spec();
  auto seen = settled(spec);
  auto foreign = test::a_snapshot(spec, spec.nodes[0], "tank/a/live-0@autosnap_daily", Guid{12}, 3);
  foreign.ours.clear();
  seen.nodes[0].storage.value->push_back(foreign);
  EXPECT_TRUE(must_plan(spec, seen).steps.empty());
}

// --- hot-standby settings ------------------------------------------------------------------------------------------

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

// --- refusals ------------------------------------------------------------------------------------------------------

TEST(Refused, AnUnreachableHostWithSshsOwnWords) {
  expect_refused("No route to host", [](spec::Spec&, Observed& seen) {
    seen.nodes[1].host.value.reset();
    seen.nodes[1].host.error = {ErrorKind::unreachable, "ssh: connect to host 10.0.0.11: No route to host", "", "", ""};
  });
}
TEST(Refused, APrefixThatIsNotOurs) {
  expect_refused("not ours", [](spec::Spec&, Observed& seen) { seen.nodes[1].storage.value->front().ours.clear(); });
  expect_refused("cluster 'other'",
                 [](spec::Spec&, Observed& seen) { seen.nodes[1].storage.value->front().ours["cluster"] = "other"; });
}
TEST(Refused, APrefixThatIsMounted) {
  expect_refused("must not be mounted",
                 [](spec::Spec&, Observed& seen) { seen.nodes[0].storage.value->front().mountpoint = "/tank/a"; });
}
TEST(Refused, LiveDataMountedElsewhere) {
  expect_refused("is to be mounted at", [](spec::Spec&, Observed& seen) {
    for (auto& dataset : *seen.nodes[1].storage.value)
      if (dataset.mark("state") != nullptr) dataset.mountpoint = "/mnt";
  });
}
TEST(Refused, ForeignDataInThePlaceOfOurs) {
  const auto spec = a_spec();
  auto seen = primary_only(spec);
  seen.nodes[1].data = test::sampled(postgres::DataFacts{.exists = true, .empty = false});
  EXPECT_NE(refusal(spec, seen).find("is not empty"), std::string::npos);
}
TEST(Refused, AnUnmarkedDatasetInThePlaceOfOurs) {
  const auto spec = a_spec();
  auto seen = primary_only(spec);
  zfs::Dataset foreign;
  foreign.name = "tank/b/live-0";
  seen.nodes[1].storage.value->push_back(foreign);
  EXPECT_NE(refusal(spec, seen).find("carries no mark"), std::string::npos);
}
TEST(Refused, AChildDatasetInsideTheData) {
  expect_refused("would not hold it", [](spec::Spec&, Observed& seen) {
    zfs::Dataset child;
    child.name = "tank/a/live-0/pg_wal";
    seen.nodes[0].storage.value->push_back(child);
  });
}
TEST(Refused, WalOrTablespacesOutsideTheSnapshot) {
  expect_refused("pg_wal points to /fast/wal",
                 [](spec::Spec&, Observed& seen) { seen.nodes[0].data.value->links["pg_wal"] = "/fast/wal"; });
  expect_refused("tablespace lies at /fast/ts",
                 [](spec::Spec&, Observed& seen) { seen.nodes[0].sql.value->tablespaces = {"/fast/ts"}; });
}
TEST(Refused, APortInUse) {
  expect_refused("port 5432 is in use", [](spec::Spec&, Observed& seen) {
    seen.nodes[1].server = test::sampled(runtime::ServerFacts{.state = runtime::ServerState::exited});
    seen.nodes[1].sql.value.reset();
    seen.nodes[1].host.value->listening = {22, 5432};
  });
}
TEST(Refused, AStrangerOnTheDataDirectory) {
  expect_refused("in use by container old-db",
                 [](spec::Spec&, Observed& seen) { seen.nodes[0].server.value->strangers = {"container old-db"}; });
}
TEST(Refused, AnotherSystemIdentifierOrImage) {
  expect_refused("another cluster", [](spec::Spec&, Observed& seen) {
    seen.nodes[1].data.value->control->system_identifier = SystemId{42};
  });
  expect_refused("sha256:bb", [](spec::Spec&, Observed& seen) { seen.nodes[1].software.value->id = "sha256:bb"; });
}
TEST(Refused, AReplicaThatTakesWrites) {
  expect_refused("takes writes", [](spec::Spec&, Observed& seen) { seen.nodes[1].sql.value->in_recovery = false; });
}
TEST(Refused, APrimaryInRecovery) {
  expect_refused("in recovery", [](spec::Spec&, Observed& seen) { seen.nodes[0].sql.value->in_recovery = true; });
}
TEST(Refused, APoolWithoutRoomBeforeTheFirstByte) {
  const auto spec = a_spec();
  auto seen = primary_only(spec);
  for (auto& dataset : *seen.nodes[1].storage.value) dataset.available = Bytes{1} << 30;
  EXPECT_NE(refusal(spec, seen).find("has room for 1"), std::string::npos) << refusal(spec, seen);
}
TEST(Refused, RoomIsCountedUncompressedWhereTheReceiverCannotCompressAsWell) {
  const auto spec = a_spec();
  auto seen = primary_only(spec);
  seen.nodes[0].pool.value->has_lz4 = true;
  for (auto& dataset : *seen.nodes[0].storage.value) dataset.logical_referenced = Bytes{20} << 30;
  for (auto& dataset : *seen.nodes[1].storage.value) dataset.available = Bytes{10} << 30;
  EXPECT_NE(refusal(spec, seen).find("uncompressed"), std::string::npos);
  seen.nodes[1].pool.value->has_lz4 = true;
  EXPECT_EQ(refusal(spec, seen), "planned");
}
TEST(Refused, ALowerHotStandbySettingOnAReplica) {
  expect_refused("max_connections is 50 on replicas", [](spec::Spec& spec, Observed&) {
    spec.postgres.replica_settings.push_back({"max_connections", "50", {}});
  });
}
TEST(Refused, AnExtensionThatTheServerDoesNotHave) {
  expect_refused("no extension 'postgis'",
                 [](spec::Spec& spec, Observed&) { spec.postgres.extensions.push_back("postgis"); });
}
TEST(Refused, AnEarlierLineThatShadowsOurs) {
  expect_refused("pg_hba.conf", [](spec::Spec&, Observed& seen) {
    auto& rules = seen.nodes[0].sql.value->hba;
    rules.insert(rules.begin(), {.line = 1,
                                 .type = "host",
                                 .databases = {"replication"},
                                 .users = {"all"},
                                 .address = "all",
                                 .method = "reject"});
  });
}

// --- abandon and down ----------------------------------------------------------------------------------------------

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
