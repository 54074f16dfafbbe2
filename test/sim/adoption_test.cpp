// A database that somebody set up by hand becomes a node of the cluster where it is: nothing of it is lost, nobody can
// start it twice, and whoever gives up half-way has his own way of starting it again.
#include "test/sim/adoption_kit.h"

namespace dugong::sim {
namespace {

using namespace by_hand;

TEST(Adoption, TakesARunningServerOverInPlace) {
  for (const auto kind : kinds) {
    Stage stage{kind};
    stage.make_old_running();
    const auto system = stage.system();
    stage.world().host("a").pools.at("tank").datasets.at("tank/data").tree->clusters.at("").catalog.databases["mine"];
    ASSERT_EQ(stage.up().what, "");
    EXPECT_EQ(stage.violations(), "");
    EXPECT_EQ(stage.system(), system);
    const auto live = stage.dataset();
    EXPECT_EQ(*live.mark("role"), "live");
    EXPECT_EQ(*live.mark("state"), "ready");
    EXPECT_EQ(live.mountpoint, data);
    EXPECT_EQ(kit::listed(stage.kit, "a", "tank/dex/live-0").name, "") << "nothing was made beside it";
    auto* replica = stage.world().server_on("b");
    ASSERT_NE(replica, nullptr);
    EXPECT_TRUE(replica->streaming);
    EXPECT_TRUE(cluster_of(stage.world().state(), *replica)->catalog.databases.contains("mine"));
    EXPECT_TRUE(stage.plan()->steps.empty());
  }
}

TEST(Adoption, TakesAStoppedServerOver) {
  for (const auto kind : kinds) {
    Stage stage{kind};
    stage.make_old_running();
    stage.kit.must("a", runtime::StopServer{stage.old_server()});
    const auto plan = stage.plan();
    ASSERT_TRUE(plan) << plan.error().what;
    ASSERT_EQ(plan->adoptions.size(), 1U);
    EXPECT_FALSE(plan->adoptions[0].running);
    EXPECT_TRUE(plan->restarts.empty());
    ASSERT_EQ(stage.up().what, "");
    EXPECT_EQ(stage.violations(), "");
    EXPECT_TRUE(stage.world().server_on("b")->streaming);
  }
}

TEST(Adoption, LeavesNobodyWhoStartsASecondServer) {
  Stage stage{Kind::compose};
  stage.make_old_running();
  ASSERT_EQ(stage.up().what, "");
  EXPECT_FALSE(stage.exists(old_file));
  EXPECT_TRUE(stage.exists(std::string{old_file} + ".before-dugong"));
  ASSERT_NE(stage.server("old-pg.before-dugong"), nullptr);
  EXPECT_FALSE(stage.server("old-pg.before-dugong")->running());
  EXPECT_EQ(stage.server("old-pg.before-dugong")->restart_policy, "no");
  EXPECT_FALSE(stage.kit.ask("a", runtime::StartServer{stage.old_server()})) << "its Compose file is gone";
  EXPECT_EQ(stage.violations(), "");
}

TEST(Adoption, StopsTheServerOnceAndSaysSo) {
  for (const auto kind : kinds) {
    Stage stage{kind};
    stage.make_old_running();
    const auto plan = stage.plan();
    ASSERT_TRUE(plan) << plan.error().what;
    ASSERT_EQ(plan->restarts.size(), 1U);
    EXPECT_EQ(plan->restarts[0].node, "a");
    ASSERT_EQ(plan->adoptions.size(), 1U);
    EXPECT_TRUE(plan->adoptions[0].running);
    std::size_t stops = 0;
    stage.world().set_fault([&](const std::string& node, const node::Request& request) -> std::optional<Error> {
      const bool stop = std::holds_alternative<runtime::StopServer>(request) ||
                        std::holds_alternative<runtime::RetireContainer>(request);
      if (node == "a" && stop) ++stops;
      return std::nullopt;
    });
    ASSERT_EQ(stage.up().what, "");
    EXPECT_EQ(stops, 1U);
  }
}

TEST(Adoption, ShowsWhatDiffersWithItsSource) {
  Stage stage{Kind::compose};
  stage.make_old_running();
  const auto plan = stage.plan();
  ASSERT_TRUE(plan) << plan.error().what;
  const auto& changes = plan->adoptions.at(0).changes;
  const auto change = [&](const std::string& what) {
    for (const auto& one : changes)
      if (one.what == what) return one;
    return cluster::AdoptionChange{};
  };
  EXPECT_EQ(change("max_wal_size").source, "command line");
  EXPECT_EQ(change("archive_command").from, "cp %p /var/lib/postgresql/wal_archive/%f");
  EXPECT_EQ(change("container").from, "old-pg");
  EXPECT_EQ(change("restart policy").from, "unless-stopped");
  EXPECT_EQ(change("compose file").from, old_file);
  EXPECT_NE(change("pg_hba.conf").to.find("10.0.0.2/32"), std::string::npos);
}

// One that is not in the file would go without a word: the lines to paste are in the refusal.
TEST(Adoption, LosesNoSetting) {
  Stage stage{Kind::compose, 1, "max_connections = 300\n"};
  stage.make_old_running();
  const auto error = stage.refused();
  EXPECT_NE(error.what.find("max_wal_size (command line)"), std::string::npos) << error.what;
  EXPECT_NE(error.next.find("\nmax_wal_size = \"4GB\""), std::string::npos) << error.next;

  Stage file{Kind::process, 1, ""};
  file.make_old_running();
  const auto other = file.refused();
  EXPECT_NE(other.what.find("max_connections (postgresql.conf line 1)"), std::string::npos) << other.what;
  EXPECT_NE(other.next.find("\nmax_connections = 300"), std::string::npos) << other.next;
}

// ALTER SYSTEM beats an included file; the line goes, and the others stay byte for byte.
TEST(Adoption, TakesOutOfAutoConfWhatWouldBeatTheFile) {
  Stage stage{Kind::process};
  stage.make_old();
  stage.kit.write("a", std::string{data} + "/postgresql.auto.conf",
                  "# Do not edit this file manually!\nmax_wal_size = '4GB'\nwork_mem = '8MB'\n");
  ASSERT_TRUE(stage.start_old());
  ASSERT_EQ(stage.up().what, "");
  EXPECT_EQ(stage.kit.must("a", node::InspectData{data}).files.at("postgresql.auto.conf"),
            "# Do not edit this file manually!\nwork_mem = '8MB'\n");
  ASSERT_EQ(stage.down(true).what, "");
  EXPECT_EQ(stage.kit.must("a", node::InspectData{data}).files.at("postgresql.auto.conf"),
            "# Do not edit this file manually!\nwork_mem = '8MB'\nmax_wal_size = '4GB'\n");
}

// Until the next checkpoint a copy of it would open too early: one comes before any is made.
TEST(Adoption, OfAServerFreshlyPromoted) {
  for (const auto kind : kinds) {
    Stage stage{kind};
    stage.make_old();
    const auto uid = software_of(stage.world().state(), stage.old_server().kind).uid;
    stage.kit.write("a", std::string{data} + "/standby.signal", "", 0600, uid);
    ASSERT_TRUE(stage.start_old());
    promote(stage.world().state(), *stage.server(kind == Kind::compose ? "old-pg" : data));
    ASSERT_NE(stage.kit.must("a", node::InspectData{data}).control->min_recovery.value, 0U);
    ASSERT_EQ(stage.up().what, "");
    EXPECT_EQ(stage.violations(), "");
    EXPECT_TRUE(stage.world().server_on("b")->streaming);
    EXPECT_EQ(stage.kit.must("a", node::InspectData{data}).control->timeline.value, 2U);
  }
}

TEST(AdoptionRefused, WithAStrangersContainerOnTheData) {
  Stage stage{Kind::compose};
  stage.make_old_running();
  auto stranger = *stage.server("old-pg");
  stranger.name = "backup";
  stranger.state = runtime::ServerState::exited;
  stranger.data = "/tank";
  stage.world().host("a").servers["backup"] = stranger;
  EXPECT_NE(stage.refused().what.find("in use by container backup"), std::string::npos);
}

TEST(AdoptionRefused, OfAContainerWhenTheFileSaysProcess) {
  Stage stage{Kind::compose};
  stage.make_old_running();
  stage.spec = a_spec(Kind::process, node_of('a', adopting) + node_of('b', ""), file_settings);
  const auto error = stage.refused();
  EXPECT_NE(error.what.find("in use by container old-pg"), std::string::npos) << error.what;
}

TEST(AdoptionRefused, OfWhatCrashed) {
  for (const auto kind : kinds) {
    Stage stage{kind};
    stage.make_old_running();
    stage.world().crash_server("a", kind == Kind::compose ? "old-pg" : data);
    EXPECT_NE(stage.refused().what.find("was not shut down"), std::string::npos);
  }
}

TEST(AdoptionRefused, OfAStandbyAsThePrimary) {
  Stage stage{Kind::process};
  stage.make_old();
  stage.kit.write("a", std::string{data} + "/standby.signal", "");
  EXPECT_NE(stage.refused().what.find("holds standby.signal"), std::string::npos);
}

TEST(AdoptionRefused, WithPgWalOutside) {
  Stage stage{Kind::process};
  stage.make_old();
  auto& files = stage.world().host("a").pools.at("tank").datasets.at("tank/data").tree->files;
  files["pg_wal"].link = "/fast/pg_wal";
  EXPECT_NE(stage.refused().what.find("outside of what one atomic snapshot holds"), std::string::npos);
}

TEST(AdoptionRefused, WithMoreSlotsThanTheServerMayHave) {
  Stage stage{Kind::process};
  stage.make_old();
  auto& tree = *stage.world().host("a").pools.at("tank").datasets.at("tank/data").tree;
  for (int i = 0; i < 12; ++i) write_slot(tree, "", {"theirs_" + std::to_string(i), Lsn{1}, "a:/tank/data"}, 105, 105);
  const auto error = stage.refused();
  EXPECT_NE(error.what.find("has 12 replication slots, with those of the file's replicas 13"), std::string::npos)
      << error.what;
  EXPECT_NE(error.next.find("max_replication_slots = 13"), std::string::npos) << error.next;
}

TEST(Adoption, KeepsTwelveSlotsOfOthers) {
  Stage stage{Kind::process, 1, file_settings + "max_replication_slots = 20\n"};
  stage.make_old();
  auto& tree = *stage.world().host("a").pools.at("tank").datasets.at("tank/data").tree;
  for (int i = 0; i < 12; ++i) write_slot(tree, "", {"theirs_" + std::to_string(i), Lsn{1}, "a:/tank/data"}, 105, 105);
  const auto plan = stage.plan();
  ASSERT_TRUE(plan) << plan.error().what;
  bool told = false;
  for (const auto& note : plan->notes) told = told || note.find("theirs_11") != std::string::npos;
  EXPECT_TRUE(told);
  ASSERT_EQ(stage.up().what, "");
  EXPECT_EQ(stage.kit.must("a", node::InspectData{data}).slots.size(), 13U);
}

TEST(AdoptionRefused, OfAnotherMajorVersion) {
  Stage stage{Kind::process};
  stage.make_old();
  stage.kit.write("a", std::string{data} + "/PG_VERSION", "13\n");
  EXPECT_NE(stage.refused().what.find("is data of PostgreSQL 13"), std::string::npos);
}

TEST(AdoptionRefused, WhileSystemdStartsAServerThere) {
  Stage stage{Kind::process};
  stage.make_old();
  stage.world().host("a").units = {"pg-main.service"};
  EXPECT_NE(stage.refused().next.find("systemctl disable --now pg-main.service"), std::string::npos);
}

TEST(AdoptionRefused, WithoutAWayInThroughTheSocket) {
  Stage stage{Kind::process};
  stage.make_old();
  stage.kit.write("a", std::string{data} + "/pg_hba.conf", "local all all peer\n");
  EXPECT_NE(stage.refused().what.find("'peer' (line 1)"), std::string::npos);
}

TEST(AdoptionRefused, WithACertificateThatOurContainerDoesNotHave) {
  Stage stage{Kind::compose};
  stage.make_old();
  stage.kit.write(
      "a", std::string{data} + "/postgresql.conf",
      "listen_addresses = '*'\nshared_preload_libraries = 'timescaledb'\nssl_cert_file = '/certs/server.crt'\n", 0600,
      software_of(stage.world().state(), runtime::Kind::compose).uid);
  EXPECT_NE(stage.refused().what.find("ssl_cert_file is /certs/server.crt (postgresql.conf line 3)"),
            std::string::npos);
}

TEST(AdoptionRefused, WithTheLineThatTheFileLacks) {
  Stage stage{Kind::process};
  stage.make_old();
  auto& datasets = stage.world().host("a").pools.at("tank").datasets;
  auto& tree = *datasets.at("tank/data").tree;
  Files moved;
  for (auto& [path, entry] : tree.files) moved[path.empty() ? "pgdata" : "pgdata/" + path] = entry;
  moved[""] = tree.files.at("");
  tree.files = moved;
  tree.clusters["pgdata"] = tree.clusters.at("");
  tree.clusters.erase("");
  EXPECT_EQ(stage.refused().next, "write under its [[node]]: data = \"/tank/data/pgdata\"");
  const auto there = node_of('a', adopting + "data = \"/tank/data/pgdata\"\n");
  stage.spec = a_spec(Kind::process, there + node_of('b', ""), file_settings);
  EXPECT_NE(stage.refused().what.find("not its root: b could not be seeded"), std::string::npos);
  stage.spec = a_spec(Kind::process, there, file_settings);
  EXPECT_EQ(stage.up().what, "");
  EXPECT_TRUE(stage.world().server_on("a")->ready());
}

TEST(AdoptionRefused, OfADatasetThatIsNotThere) {
  Stage stage{Kind::process};
  EXPECT_NE(stage.refused().what.find("there is no dataset tank/data"), std::string::npos);
}

// A new database would be made beside the one that runs.
TEST(AdoptionRefused, ToForgetWhatWasAdopted) {
  Stage stage{Kind::process};
  stage.make_old_running();
  ASSERT_EQ(stage.up().what, "");
  stage.spec = a_spec(Kind::process, node_of('a', "") + node_of('b', ""), file_settings);
  const auto error = stage.refused();
  EXPECT_NE(error.next.find("put adopt = \"tank/data\" back"), std::string::npos) << error.what;
}

}  // namespace
}  // namespace dugong::sim
