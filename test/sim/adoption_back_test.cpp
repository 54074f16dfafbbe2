// A replica made by hand becomes one of ours without a copy, an adoption that is killed goes on, and whoever gives it
// up has his own way of starting again.
#include <cstdlib>
#include <functional>

#include "test/sim/adoption_kit.h"

namespace dugong::sim {
namespace {

using namespace by_hand;

TEST(Adoption, TakesAReplicaMadeByHandWithoutACopy) {
  for (const auto kind : kinds) {
    Stage stage{kind};
    make_replica_by_hand(stage);
    const auto plan = stage.plan();
    ASSERT_TRUE(plan) << plan.error().what;
    EXPECT_EQ(plan->adoptions.size(), 2U);
    ASSERT_EQ(stage.up().what, "");
    EXPECT_EQ(stage.violations(), "");
    ASSERT_NE(stage.world().server_on("b"), nullptr);
    EXPECT_TRUE(stage.world().server_on("b")->streaming);
    EXPECT_EQ(kit::listed(stage.kit, "b", "tank/dex/anchor-0").name, "") << "nothing was copied";
    for (const auto* node : {"a", "b"}) {
      const auto base = kit::listed(stage.kit, node, "tank/data@replica-init");
      EXPECT_EQ(base.userrefs, 1U) << node;
      ASSERT_NE(base.mark("base"), nullptr) << node;
    }
    EXPECT_TRUE(stage.plan()->steps.empty());
    ASSERT_EQ(stage.down(true).what, "");
    for (const auto* node : {"a", "b"}) {
      const auto base = kit::listed(stage.kit, node, "tank/data@replica-init");
      EXPECT_EQ(base.name, "tank/data@replica-init") << "it was there before";
      EXPECT_EQ(base.userrefs, 0U) << node;
      EXPECT_TRUE(base.ours.empty()) << node;
    }
    EXPECT_EQ(stage.kit.must("b", node::InspectData{data}).files.at("postgresql.auto.conf"),
              "primary_conninfo = 'host=10.0.0.1 port=5432 user=repl_user password=repl'\n");
  }
}

TEST(Adoption, OfAReplicaGivenBackAloneLeavesNoHoldBehind) {
  Stage stage{Kind::process};
  make_replica_by_hand(stage);
  ASSERT_EQ(stage.up().what, "");
  ASSERT_EQ(stage.down(true, {"b"}).what, "");
  const auto base = kit::listed(stage.kit, "a", "tank/data@replica-init");
  EXPECT_EQ(base.userrefs, 0U);
  EXPECT_EQ(base.mark("base"), nullptr);
  EXPECT_TRUE(stage.world().server_on("a")->ready()) << "the primary was not named";
  EXPECT_EQ(stage.violations(), "");
}

TEST(Adoption, SaysThatAReplicaSharesNothing) {
  Stage stage{Kind::process};
  make_replica_by_hand(stage);
  stage.world().host("a").pools.at("tank").snapshots.clear();
  ASSERT_EQ(stage.up().what, "");
  EXPECT_TRUE(stage.world().server_on("b")->streaming);
  EXPECT_EQ(kit::listed(stage.kit, "b", "tank/data@replica-init").mark("base"), nullptr);
}

TEST(AdoptionRefused, OfAReplicaOfAnotherDatabase) {
  Stage stage{Kind::process};
  make_replica_by_hand(stage);
  stage.world().host("b").pools.at("tank").datasets.at("tank/data").tree->clusters.at("").control.system_identifier =
      SystemId{4711};
  EXPECT_NE(stage.refused().what.find("holds another cluster: system identifier 4711"), std::string::npos);
}

TEST(AdoptionRefused, OfAReplicaThatTakesWrites) {
  Stage stage{Kind::process};
  make_replica_by_hand(stage);
  stage.kit.must("b", node::RemovePaths{data, {"standby.signal"}, {}});
  EXPECT_NE(stage.refused().what.find("has no standby.signal"), std::string::npos);
}

// ---- giving it up

void expect_as_before(Stage& stage, const std::string& where) {
  const auto dataset = stage.dataset();
  EXPECT_EQ(dataset.name, "tank/data") << where;
  EXPECT_TRUE(dataset.ours.empty()) << where;
  EXPECT_TRUE(dataset.mounted) << where;
  if (stage.kind == Kind::compose) {
    EXPECT_TRUE(stage.exists(old_file)) << where;
    EXPECT_FALSE(stage.exists(std::string{old_file} + ".before-dugong")) << where;
    ASSERT_NE(stage.server("old-pg"), nullptr) << where;
    EXPECT_EQ(stage.server("old-pg")->restart_policy, "unless-stopped") << where;
  }
  stage.kit.must("a", runtime::StopServer{stage.old_server()});
  EXPECT_TRUE(stage.start_old()) << where;
  auto* server = stage.server(stage.kind == Kind::compose ? "old-pg" : data);
  ASSERT_NE(server, nullptr) << where;
  EXPECT_TRUE(server->ready()) << where;
  EXPECT_EQ(value_of(*server, "max_connections"), "300") << where;
  EXPECT_EQ(stage.violations(), "") << where;
}

TEST(Adoption, IsGivenBackByDestroy) {
  for (const auto kind : kinds) {
    Stage stage{kind};
    stage.make_old_running();
    const auto system = stage.system();
    ASSERT_EQ(stage.up().what, "");
    ASSERT_EQ(stage.down(true).what, "");
    expect_as_before(stage, "destroyed");
    EXPECT_EQ(stage.system(), system);
    EXPECT_EQ(kit::listed(stage.kit, "a", "tank/dex").name, "");
  }
}

// Whoever has agreed to nothing keeps a server that is not ours.
TEST(Adoption, IsNotStoppedBeforeItIsOurs) {
  for (const auto kind : kinds) {
    Stage stage{kind};
    stage.make_old_running();
    EXPECT_EQ(stage.down(false).what, "");
    EXPECT_EQ(stage.down(true).what, "");
    auto* server = stage.server(kind == Kind::compose ? "old-pg" : data);
    EXPECT_TRUE(server != nullptr && server->running());
  }
}

// How many random moments: DUGONG_SIM_KILLS, or enough for every run.
std::uint64_t kills(std::uint64_t usual) {
  const char* asked = std::getenv("DUGONG_SIM_KILLS");
  return asked == nullptr ? usual : std::strtoull(asked, nullptr, 10);
}

struct Undisturbed {
  std::uint64_t calls = 0;
  std::string fingerprint;
};
Undisturbed undisturbed(Kind kind, void (*make)(Stage&)) {
  Stage stage{kind};
  make(stage);
  const auto before = stage.world().calls();
  EXPECT_EQ(stage.up().what, "");
  return {stage.world().calls() - before, stage.world().fingerprint()};
}

// `judge` gets what was left behind.
void sweep(void (*make)(Stage&), std::uint64_t usual,
           const std::function<void(Stage&, const Undisturbed&, std::uint64_t, const std::string&)>& judge) {
  for (const auto kind : kinds) {
    const auto whole = undisturbed(kind, make);
    for (std::uint64_t i = 0; i < kills(usual) && !::testing::Test::HasFailure(); ++i) {
      const auto at = 1 + (i * 7919) % whole.calls;
      Stage stage{kind, i + 1};
      make(stage);
      stage.world().kill_after(at);
      (void)stage.up();
      stage.world().kill_after(0);
      judge(stage, whole, i, "killed at call " + std::to_string(at) + ": " + stage.world().killed_at());
    }
  }
}

void expect_to_go_on(Stage& stage, const Undisturbed& whole, const std::string& where) {
  EXPECT_EQ(stage.up().what, "") << where;
  EXPECT_EQ(stage.violations(), "") << where;
  EXPECT_EQ(stage.world().fingerprint(), whole.fingerprint) << where;
}

TEST(AdoptionKilled, AnywhereGoesOnOrIsGivenBack) {
  const auto make = [](Stage& stage) { stage.make_old_running(); };
  sweep(make, 50, [](Stage& stage, const Undisturbed& whole, std::uint64_t i, const std::string& where) {
    if (i % 2 == 0) return expect_to_go_on(stage, whole, where);
    EXPECT_EQ(stage.down(true, {"a"}).what, "") << where;
    expect_as_before(stage, where);
  });
}

TEST(AdoptionKilled, OfAReplicaMadeByHandGoesOn) {
  sweep(make_replica_by_hand, 15, [](Stage& stage, const Undisturbed& whole, std::uint64_t, const std::string& where) {
    expect_to_go_on(stage, whole, where);
  });
}

}  // namespace
}  // namespace dugong::sim
