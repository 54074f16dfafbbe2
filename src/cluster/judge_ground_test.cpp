#include <gtest/gtest.h>

#include "test/support/plans.h"

namespace dugong::cluster {
namespace {

TEST(Refused, AnUnreachableHostWithSshsOwnWords) {
  expect_refused("No route to host", [](spec::Spec&, Observed& seen) {
    seen.nodes[1].host.value.reset();
    seen.nodes[1].host.error = {ErrorKind::unreachable, "ssh: connect to host 10.0.0.11: No route to host", "", "", ""};
  });
}
TEST(Refused, OnlyWhoIsNotReachedIsToldAboutPasswords) {
  const auto spec = a_spec();
  auto seen = primary_only(spec);
  seen.nodes[1].host.value.reset();
  seen.nodes[1].host.error = {ErrorKind::unreachable, "no route", "", "", ""};
  const auto next = plan_up(spec, seen, {}).error().next;
  EXPECT_NE(next.find("password prompt"), std::string::npos);
  EXPECT_NE(next.find("without b: `dugong replica add`"), std::string::npos) << next;
  seen.nodes[1].host.error.kind = ErrorKind::failed;
  EXPECT_EQ(plan_up(spec, seen, {}).error().next, "");
}
TEST(Refused, APrefixThatIsNotOurs) {
  expect_refused("not ours", [](spec::Spec&, Observed& seen) { seen.nodes[1].storage.value->front().ours.clear(); });
  expect_refused("cluster 'other'",
                 [](spec::Spec&, Observed& seen) { seen.nodes[1].storage.value->front().ours["cluster"] = "other"; });
}
TEST(Refused, APrefixThatIsAWholePool) {
  auto spec = a_spec();
  auto seen = nothing_there(spec);
  spec.nodes[1].prefix = "dozer";
  EXPECT_NE(refusal(spec, seen).find("prefix dozer is a whole pool"), std::string::npos) << refusal(spec, seen);
}
TEST(Refused, APrefixThatIsMounted) {
  expect_refused("must not be mounted",
                 [](spec::Spec&, Observed& seen) { seen.nodes[0].storage.value->front().mountpoint = "/tank/a"; });
}
TEST(Refused, CommitsThatAPowerCutTakesBack) {
  expect_refused("sync=disabled", [](spec::Spec&, Observed& seen) {
    for (auto& dataset : *seen.nodes[0].storage.value)
      if (dataset.mark("state") != nullptr) dataset.sync = "disabled";
  });
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
TEST(Refused, ADirectoryThatDugongDidNotMake) {
  const auto spec = a_spec();
  auto seen = nothing_there(spec);
  auto& files = seen.nodes[1].files;
  const auto& directory = spec.nodes[1].directory;
  files[directory] = {true, true, 0755, 0, 0, "", {"docker-compose.yaml"}};
  EXPECT_NE(refusal(spec, seen).find("carries no mark of dugong: docker-compose.yaml is in it"), std::string::npos)
      << refusal(spec, seen);
  files[directory].entries = {"lost+found", ".dugong-0f1e2d3c"};  // the latter: a write of ours that was cut off
  EXPECT_TRUE(plan_up(spec, seen, {}));
  files[directory].entries = {".dugong", "bin"};
  files[ownership_file(directory)] = {true, false, 0644, 0, 0, ownership_text(spec, spec.nodes[1]), {}};
  EXPECT_TRUE(plan_up(spec, seen, {}));
  files[ownership_file(directory)].content = ownership_text(spec, spec.nodes[0]);
  EXPECT_NE(refusal(spec, seen).find("is another's: Made by dugong for node a"), std::string::npos);
}
TEST(Refused, ADirectoryIsNotOursBecauseTheDatasetsAre) {
  expect_refused("b: directory /srv/dugong/dex/b is not empty and carries no mark", [](spec::Spec&, Observed& seen) {
    seen.nodes[1].files.erase("/srv/dugong/dex/b/.dugong");
    std::erase(seen.nodes[1].files["/srv/dugong/dex/b"].entries, ".dugong");
  });
}
TEST(Refused, AFileThatCannotBeReadIsNotAbsent) {
  expect_refused("Input/output error", [](spec::Spec&, Observed& seen) {
    seen.nodes[1].unread = Error{ErrorKind::failed, "superuser.pass: Input/output error", "", "", ""};
  });
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
TEST(Refused, ATablespaceIsNotToBeMovedByHand) {
  const auto spec = a_spec();
  auto seen = settled(spec);
  seen.nodes[0].data.value->links["pg_tblspc/16386"] = "/fast/ts";
  const auto plan = plan_up(spec, seen, {});
  ASSERT_FALSE(plan);
  EXPECT_NE(plan.error().what.find("pg_tblspc/16386 points to /fast/ts"), std::string::npos);
  EXPECT_NE(plan.error().next.find("DROP TABLESPACE"), std::string::npos);
}
TEST(Refused, APortInUse) {
  expect_refused("port 5432 is in use", [](spec::Spec&, Observed& seen) {
    seen.nodes[1].server = test::sampled(runtime::ServerFacts{.state = runtime::ServerState::exited});
    seen.nodes[1].sql.value.reset();
    seen.nodes[1].host.value->listening = {22, 5432};
  });
}
TEST(Refused, ANewPortInUseWhileTheServerStillHasItsOwn) {
  const auto spec = a_spec();
  auto seen = settled(spec);
  auto& b = seen.nodes[1];
  b.host.value->listening = {22, 5432};
  EXPECT_TRUE(plan_up(spec, seen, {}));  // its own
  b.sql.value->settings["port"].value = "5433";
  EXPECT_EQ(refusal(spec, seen), "b: port 5432 is in use on b");
  b.sql.value.reset();
  EXPECT_TRUE(plan_up(spec, seen, {}));  // nobody knows which one it has
  b.data.value->files["postmaster.pid"] = "711\n/data\n1700000000\n5433\n/run\n*\n";
  EXPECT_EQ(refusal(spec, seen), "b: port 5432 is in use on b");
  b.host.value->listening = {22, 5433};
  EXPECT_TRUE(plan_up(spec, seen, {}));
}
TEST(Refused, SoftwareOfAnotherMajorVersionThanTheData) {
  expect_refused("a: /srv/dugong/dex/a/data is data of PostgreSQL 17, but image timescaledb:18 is PostgreSQL 18",
                 [](spec::Spec& spec, Observed& seen) {
                   spec.postgres.image = "timescaledb:18";
                   for (auto& node : seen.nodes) node.software.value->version_number = 180001;
                 });
  expect_refused("b: /srv/dugong/dex/b/data is data of PostgreSQL 16, but bin_dir /pg/17/bin is PostgreSQL 17",
                 [](spec::Spec& spec, Observed& seen) {
                   spec.postgres.runtime = spec::RuntimeKind::process;
                   spec.postgres.bin_dir = "/pg/17/bin";
                   seen.nodes[1].data.value->version = "16";
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
TEST(Refused, ANewPrimaryForReplicasThatHaveData) {
  const auto spec = a_spec();
  auto seen = settled(spec);
  seen.nodes[0] = test::bare(spec.nodes[0]);
  EXPECT_NE(refusal(spec, seen).find("live-0 holds data, but a has none yet"), std::string::npos)
      << refusal(spec, seen);
}
TEST(Refused, ASettingThatTheServerTakesFromElsewhere) {
  const auto spec = a_spec();
  auto seen = settled(spec);
  auto& port = seen.nodes[1].sql.value->settings["port"];
  port.source = "command line";
  port.source_file.clear();
  EXPECT_EQ(refusal(spec, seen), "b: port is '5432' in the cluster file, but the server takes it from command line");
}
TEST(Refused, ANewPrimaryWhileACopyExistsAnywhere) {
  const auto spec = a_spec({"a", "b", "c"});
  auto seen = settled(spec);
  seen.nodes[0] = test::bare(spec.nodes[0]);
  seen.nodes[2] = test::bare(spec.nodes[2]);
  auto& b = seen.nodes[1];
  // After a reboot: nothing is mounted, so nothing can be read; and only c was named.
  for (auto& dataset : *b.storage.value) dataset.mounted = false;
  b.data = test::sampled(postgres::DataFacts{});
  const auto added = plan_up(spec, seen, {.only = {"c"}});
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().kind, ErrorKind::refused);
  EXPECT_EQ(added.error().where, "b");
  EXPECT_EQ(added.error().what, "tank/b/live-0 holds data, but a has none yet: it would be made as another database");
  std::erase_if(*b.storage.value, [](const auto& one) { return one.name == "tank/b/live-0"; });
  EXPECT_NE(refusal(spec, seen).find("tank/b/anchor-0 holds data"), std::string::npos) << refusal(spec, seen);
}
TEST(Refused, ANewPrimaryBesideWhatItReceivedAsAReplica) {
  const auto spec = a_spec();
  auto seen = nothing_there(spec);
  auto& storage = *seen.nodes[0].storage.value;
  storage.push_back(test::a_dataset(spec, spec.nodes[0], "tank/a", "parent"));
  storage.push_back(test::a_dataset(spec, spec.nodes[0], "tank/a/anchor-0", "anchor"));
  const auto plan = plan_up(spec, seen, {});
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().kind, ErrorKind::refused);
  EXPECT_EQ(plan.error().where, "a");
  EXPECT_NE(plan.error().what.find("tank/a/anchor-0, received when it was a replica, may be the only copy"),
            std::string::npos)
      << plan.error().what;
  EXPECT_NE(plan.error().next.find("`zfs rename` it out of tank/a"), std::string::npos) << plan.error().next;
  EXPECT_EQ(plan.error().next.find("--destroy"), std::string::npos) << plan.error().next;
  storage.push_back(test::a_dataset(spec, spec.nodes[0], "tank/a/live-0", "live"));
  storage.back().ours["state"] = "initializing";
  storage.back().mountpoint = "/srv/dugong/dex/a/data";
  EXPECT_NE(refusal(spec, seen).find("may be the only copy"), std::string::npos) << refusal(spec, seen);
  std::erase_if(storage, [](const auto& one) { return one.name == "tank/a/anchor-0"; });
  EXPECT_EQ(refusal(spec, seen).find("may be the only copy"), std::string::npos) << refusal(spec, seen);
}
TEST(Refused, ANewPrimaryWhileACopyMayExistWhereNobodyCanLook) {
  const auto spec = a_spec({"a", "b", "c"});
  for (const bool reachable : {false, true}) {
    auto seen = nothing_there(spec);
    auto& b = seen.nodes[1];
    if (reachable) {
      b.pool.value.reset();
      b.pool.error = {ErrorKind::conflict, "cannot open 'tank': no such pool", "", "", ""};
    } else {
      b = ObservedNode{.name = "b"};
      b.host.error = {ErrorKind::unreachable, "No route to host", "", "", ""};
    }
    const auto added = plan_up(spec, seen, {.only = {"c"}});
    ASSERT_FALSE(added);
    EXPECT_EQ(added.error().kind, ErrorKind::refused);
    EXPECT_NE(added.error().what.find("whether b holds any cannot be seen"), std::string::npos) << added.error().what;
  }
}
TEST(Refused, AnArchiveOfAnotherCluster) {
  const auto identity = "/srv/dugong/dex/a/archive/.system_identifier";
  expect_refused("is the archive of another cluster",
                 [&](spec::Spec&, Observed& seen) { seen.nodes[0].files[identity].content = "7111\n"; });
  expect_refused("b: /srv/dugong/dex/b/archive is the archive of another", [&](spec::Spec&, Observed& seen) {
    seen.nodes[1].files["/srv/dugong/dex/b/archive/.system_identifier"].content = "7111\n";
  });
  const auto spec = a_spec({"a"});
  auto seen = nothing_there(spec);
  seen.nodes[0].files[identity] = {true, false, 0644, 70, 70, "7111\n"};
  EXPECT_NE(refusal(spec, seen).find("and there is no data yet"), std::string::npos) << refusal(spec, seen);
}
TEST(Refused, AnotherUserOfPostgresBeforeTheFirstByte) {
  const auto spec = a_spec();
  auto seen = primary_only(spec);
  seen.nodes[1].software.value->uid = 110;
  EXPECT_NE(refusal(spec, seen).find("PostgreSQL's user is 110:70 here and 70:70 on a"), std::string::npos)
      << refusal(spec, seen);
}
TEST(Refused, DataOfAnotherUser) {
  expect_refused("b: /srv/dugong/dex/b/data belongs to user 105",
                 [](spec::Spec&, Observed& seen) { seen.nodes[1].data.value->uid = 105; });
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
TEST(Refused, APoolWhoseRoomIsReservedForOthers) {
  const auto spec = a_spec();
  auto seen = primary_only(spec);
  seen.nodes[1].storage.value->clear();
  seen.nodes[1].pool.value->available = Bytes{1} << 20;
  EXPECT_NE(refusal(spec, seen).find("has room for 1 MiB"), std::string::npos) << refusal(spec, seen);
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
// b and c beside each other in one pool with room for one copy of 1 GiB.
Observed two_in_one_pool(const spec::Spec& spec) {
  auto seen = primary_only(spec);
  for (std::size_t i = 1; i < spec.nodes.size(); ++i) {
    seen.nodes[i].host.value->boot_id = "one machine";
    for (auto& dataset : *seen.nodes[i].storage.value) dataset.available = Bytes{3} << 29;
  }
  return seen;
}
TEST(Refused, CopiesIntoOnePoolThatHasRoomForEachOfThemOnly) {
  auto spec = a_spec({"a", "b", "c"});
  spec.storage.reserve = 0;
  auto seen = two_in_one_pool(spec);
  EXPECT_NE(refusal(spec, seen).find("has room for 1.5 GiB, but the copies for b, c need 2.22 GiB"), std::string::npos)
      << refusal(spec, seen);
  seen.nodes[2].host.value->boot_id = "another machine";
  EXPECT_EQ(refusal(spec, seen), "planned");
}
TEST(Refused, AnIncrementThatDoesNotFit) {
  auto spec = a_spec();
  spec.storage.reserve = 0;
  auto seen = primary_only(spec);
  add_base(spec, seen);  // ended at 0/4000000; now it is 0/5000000
  auto& storage = *seen.nodes[1].storage.value;
  storage.push_back(test::a_dataset(spec, spec.nodes[1], "tank/b/anchor-0", "anchor"));
  storage.push_back(test::a_snapshot(spec, spec.nodes[1], "tank/b/anchor-0@dugong-base", Guid{77}, 5));
  for (auto& dataset : storage) dataset.available = Bytes{80} << 20;
  EXPECT_NE(refusal(spec, seen).find("has room for 80 MiB, but the copy needs 96 MiB"), std::string::npos)
      << refusal(spec, seen);
  seen.nodes[0].sql.value->slots = {slot("b")};  // nothing more to copy
  EXPECT_EQ(refusal(spec, seen), "planned");
}
TEST(Refused, AFullCopyBesideAStaleAnchorThatDoesNotFit) {
  const auto spec = a_spec();
  auto seen = primary_only(spec);
  add_base(spec, seen);
  auto& storage = *seen.nodes[1].storage.value;
  storage.push_back(test::a_dataset(spec, spec.nodes[1], "tank/b/anchor-0", "anchor"));
  for (auto& dataset : storage) dataset.available = Bytes{1} << 30;
  EXPECT_NE(refusal(spec, seen).find("has room for 1 GiB"), std::string::npos) << refusal(spec, seen);
  // What a cut copy left is destroyed first.
  storage.back().ours.clear();
  storage.back().used = Bytes{1} << 40;
  storage.front().ours["receiving"] = storage.back().name;
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

}  // namespace
}  // namespace dugong::cluster
