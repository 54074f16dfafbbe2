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
  ASSERT_EQ(plan->steps.size(), 4U);
  EXPECT_LT(position(*plan, "stop PostgreSQL (dugong-dex-b"), position(*plan, "stop PostgreSQL (dugong-dex-a"));
  for (const auto* node : {"a", "b"}) EXPECT_EQ(steps_of<ForgetNode>(*plan, node).size(), 1U) << "it stays stopped";
}

TEST(Down, AServerThatTakesClientsIsMarkedReadyBeforeItIsStopped) {
  const auto spec = a_spec({"a"});
  auto seen = settled(spec);
  for (auto& dataset : *seen.nodes[0].storage.value)
    if (dataset.mark("state") != nullptr) dataset.ours["state"] = "initializing";
  const auto plan = plan_down(spec, seen, {});
  ASSERT_TRUE(plan);
  EXPECT_LT(position(*plan, "dugong:state=ready"), position(*plan, "stop PostgreSQL"));
  ASSERT_EQ(plan->steps.size(), 3U);
  seen.nodes[0].sql.value->accepts_clients = false;
  EXPECT_EQ(plan_down(spec, seen, {})->steps.size(), 2U);
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
  EXPECT_EQ(plan->notes.size(), 3U);  // live-0, the parent, and the directory that live-0 is mounted in
}

TEST(Down, OneReplicaGivesItsSlotBack) {
  const auto spec = a_spec();
  const auto plan = plan_down(spec, settled(spec), {.only = {"b"}, .destroy = true});
  ASSERT_TRUE(plan);
  EXPECT_LT(position(*plan, "drop_slot dugong_b"), plan->steps.size());
  EXPECT_TRUE(steps_of<runtime::StopServer>(*plan, "a").empty());
}

// c follows b: were b taken away first, nobody could be asked to drop the slot of c.
TEST(Down, FollowersGoBeforeTheirUpstreams) {
  auto spec = a_spec({"a", "b", "c", "d"});
  spec.nodes[1].follows = "c";
  spec.nodes[2].follows = "a";
  const auto seen = settled(spec);
  const auto plan = plan_down(spec, seen, {.only = {"c", "b"}, .destroy = true});
  ASSERT_TRUE(plan);
  EXPECT_LT(position(*plan, "destroy dataset tank/b/live-0"), position(*plan, "stop PostgreSQL (dugong-dex-c"));
  EXPECT_EQ(position(*plan, "drop_slot dugong_b"), plan->steps.size());  // goes with c
  EXPECT_LT(position(*plan, "drop_slot dugong_c"), plan->steps.size());
  const auto one = plan_down(spec, seen, {.only = {"b"}, .destroy = true});
  ASSERT_TRUE(one);
  ASSERT_EQ(steps_of<RunQuery>(*one, "c").size(), 1U);
  const auto all = plan_down(spec, seen, {});
  ASSERT_TRUE(all);
  std::string order;
  for (const auto& step : all->steps) order += step.node;
  EXPECT_EQ(order, "bbccddaa");
}

TEST(Down, ASlotOnAnUpstreamThatStaysIsDroppedThoughThePrimaryGoes) {
  auto spec = a_spec({"a", "b", "c"});
  spec.nodes[2].follows = "b";
  const auto plan = plan_down(spec, settled(spec), {.only = {"a", "c"}, .destroy = true});
  ASSERT_TRUE(plan);
  EXPECT_LT(position(*plan, "drop_slot dugong_c"), plan->steps.size());
}

// A node whose datasets are gone and whose server is stopped, with what is in its directory.
Observed with_directory(const spec::Spec& spec, const std::vector<std::string>& entries) {
  auto seen = settled(spec);
  auto& b = seen.nodes[1];
  b.storage.value->clear();
  b.server.value->state = runtime::ServerState::absent;
  b.files[spec.nodes[1].directory].entries = entries;
  return seen;
}

TEST(Down, OfADirectoryGoesOnlyWhatDugongMade) {
  const auto spec = a_spec();
  const auto seen =
      with_directory(spec, {".dugong", "archive", "bin", "data", "docker-compose.yaml", "notes", "secrets"});
  const auto plan = plan_down(spec, seen, {.only = {"b"}, .destroy = true});
  ASSERT_TRUE(plan);
  const auto removals = steps_of<RemoveDirectory>(*plan, "b");
  ASSERT_EQ(removals.size(), 1U);
  EXPECT_EQ(removals[0].contents, (std::vector<std::string>{"bin", "docker-compose.yaml", "secrets", ".dugong"}));
  EXPECT_EQ(removals[0].mount_points, (std::vector<std::string>{"archive", "data"}));
}

TEST(Down, ADirectoryWithoutOurMarkStaysAndIsNamed) {
  const auto spec = a_spec();
  auto seen = with_directory(spec, {"docker-compose.yaml", "precious"});
  seen.nodes[1].files.erase(ownership_file(spec.nodes[1].directory));
  const auto plan = plan_down(spec, seen, {.only = {"b"}, .destroy = true});
  ASSERT_TRUE(plan);
  EXPECT_TRUE(steps_of<RemoveDirectory>(*plan, "b").empty());
  ASSERT_EQ(plan->notes.size(), 1U);
  EXPECT_EQ(plan->notes[0],
            "b: /srv/dugong/dex/b stays: dugong did not make what is in it: docker-compose.yaml, precious");
}

TEST(Down, TheMarkOfAnotherNodeIsNotOurs) {
  const auto spec = a_spec();
  auto seen = with_directory(spec, {".dugong", "bin"});
  seen.nodes[1].files[ownership_file(spec.nodes[1].directory)].content = ownership_text(spec, spec.nodes[0]);
  const auto plan = plan_down(spec, seen, {.only = {"b"}, .destroy = true});
  ASSERT_TRUE(plan);
  EXPECT_TRUE(steps_of<RemoveDirectory>(*plan, "b").empty());
}

TEST(Down, ThatTheDatasetsGoDoesNotMakeADirectoryOurs) {
  const auto spec = a_spec();
  auto seen = settled(spec);
  seen.nodes[1].files.erase(ownership_file(spec.nodes[1].directory));
  const auto plan = plan_down(spec, seen, {.only = {"b"}, .destroy = true});
  ASSERT_TRUE(plan);
  EXPECT_LT(position(*plan, "destroy dataset tank/b/live-0"), plan->steps.size());
  EXPECT_TRUE(steps_of<RemoveDirectory>(*plan, "b").empty());
}

TEST(Down, WhatACutOffWriteLeftGoesWithTheRest) {
  const auto spec = a_spec();
  const auto plan =
      plan_down(spec, with_directory(spec, {".dugong", ".dugong-0f1e2d3c", "bin"}), {.only = {"b"}, .destroy = true});
  ASSERT_TRUE(plan);
  const auto removals = steps_of<RemoveDirectory>(*plan, "b");
  ASSERT_EQ(removals.size(), 1U);
  EXPECT_EQ(removals[0].contents, (std::vector<std::string>{".dugong-0f1e2d3c", "bin", ".dugong"}));
}

TEST(Down, DataThatLiesElsewhereIsNeitherCalledStoppedNorDestroyed) {
  const auto spec = a_spec();
  auto seen = settled(spec);
  // `directory` was changed in the file: the server goes on in the old one, where nobody looks.
  auto& b = seen.nodes[1];
  b.server.value->state = runtime::ServerState::absent;
  for (auto& dataset : *b.storage.value)
    if (dataset.mark("state") != nullptr) dataset.mountpoint = "/srv/old/b/data";
  for (const bool destroy : {false, true}) {
    const auto plan = plan_down(spec, seen, {.destroy = destroy});
    ASSERT_FALSE(plan);
    EXPECT_EQ(plan.error().kind, ErrorKind::refused);
    EXPECT_EQ(plan.error().where, "b");
    EXPECT_EQ(plan.error().what,
              "tank/b/live-0 is mounted at /srv/old/b/data, but the file puts the data of b at /srv/dugong/dex/b/data");
  }
}

TEST(Down, DataThatAStrangerUsesIsNeitherCalledStoppedNorDestroyed) {
  const auto spec = a_spec();
  auto seen = settled(spec);
  seen.nodes[0].server.value->state = runtime::ServerState::absent;
  seen.nodes[0].server.value->strangers = {"container old-db (running, restart policy \"always\")", "process 7"};
  for (const bool destroy : {false, true}) {
    const auto plan = plan_down(spec, seen, {.destroy = destroy});
    ASSERT_FALSE(plan);
    EXPECT_EQ(plan.error().kind, ErrorKind::refused);
    EXPECT_EQ(plan.error().where, "a");
    EXPECT_EQ(plan.error().what,
              "/srv/dugong/dex/a/data is in use by container old-db (running, restart policy \"always\"), process 7, "
              "which dugong did not start");
  }
}

TEST(Down, WhatIsNotKnownIsNotSaidToBeStopped) {
  const auto spec = a_spec();
  const auto refused = [&](const std::function<void(ObservedNode&)>& change, bool destroy) {
    auto seen = settled(spec);
    change(seen.nodes[1]);
    const auto plan = plan_down(spec, seen, {.only = {"b"}, .destroy = destroy});
    if (plan) return std::string{};
    EXPECT_EQ(plan.error().kind, ErrorKind::refused);
    return plan.error().where + ": " + plan.error().what;
  };
  const auto unknown = [](auto& sample) {
    sample.value.reset();
    sample.error = {ErrorKind::failed, "no answer", {}, {}, {}};
  };
  const auto server = [&](ObservedNode& b) { unknown(b.server); };
  const auto pool = [&](ObservedNode& b) { unknown(b.pool); };
  const auto storage = [&](ObservedNode& b) { unknown(b.storage); };
  EXPECT_EQ(refused(server, false), "b: no answer");
  EXPECT_EQ(refused(server, true), "b: no answer");
  EXPECT_EQ(refused(pool, true), "b: no answer");
  EXPECT_EQ(refused(storage, true), "b: no answer");
  EXPECT_EQ(refused(storage, false), "");  // it is stopped by name
}

TEST(Down, ASlotThatCannotBeLookedForIsNamed) {
  const auto spec = a_spec();
  auto seen = settled(spec);
  seen.nodes[0].sql.value.reset();
  seen.nodes[0].sql.error.what = "PostgreSQL is not running";
  const auto plan = plan_down(spec, seen, {.only = {"b"}, .destroy = true});
  ASSERT_TRUE(plan);
  ASSERT_EQ(plan->notes.size(), 1U);
  EXPECT_NE(plan->notes[0].find("pg_drop_replication_slot('dugong_b')"), std::string::npos) << plan->notes[0];
}

}  // namespace
}  // namespace dugong::cluster
