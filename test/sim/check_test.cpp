// `check` on a whole cluster: before there is any, while it runs, and with each part broken that the world can break.
#include "engine/check.h"

#include <gtest/gtest.h>

#include "cluster/plan_up.h"
#include "test/sim/kit.h"

namespace dugong::sim {
namespace {

using report::Finding;

struct Checking {
  World world;
  spec::Spec spec;
  std::unique_ptr<node::Fleet> fleet = world.new_controller();
  SimClock clock{world};
  engine::Context context{spec, *fleet, clock, [](const Event&) {}, {}, "test"};

  explicit Checking(spec::Spec wanted, Options options = {})
      : world{[&] {
          options.secrets = {"sup3r", "mirr0r"};
          options.seed = 1;
          return options;
        }()},
        spec{std::move(wanted)} {}
  void up() {
    ASSERT_TRUE(engine::lock_all(context));
    const auto done =
        engine::converge(context, [&](const cluster::Observed& seen) { return cluster::plan_up(spec, seen, {}); });
    ASSERT_TRUE(done) << done.error().what;
  }
  std::vector<Finding> look() {
    const auto checked = engine::look_and_try(context);
    return report::check(spec, checked.seen, checked.tried, {});
  }
  Finding find(const std::string& id, const std::string& node) {
    for (const auto& finding : look())
      if (finding.id == id && finding.node == node) return finding;
    ADD_FAILURE() << "no " << id << " of " << node;
    return {};
  }
  std::string severity(const std::string& id, const std::string& node) { return to_string(find(id, node).severity); }
};

spec::Spec a_cluster() { return kit::processes({{'a'}, {'b'}, {'c'}}); }
Options openzfs() { return {.flavour = Flavour::openzfs}; }

TEST(Checks, BeforeTheFirstUpNothingIsCriticalAndNothingIsTouched) {
  Checking c{a_cluster(), openzfs()};
  const auto before = c.world.fingerprint();
  for (const auto& finding : c.look())
    EXPECT_LE(finding.severity, report::Severity::unknown) << finding.node << " " << finding.id << finding.evidence;
  EXPECT_EQ(c.severity("upstream-port", "b"), "unknown");
  EXPECT_EQ(c.world.fingerprint(), before);
}

TEST(Checks, ARunningClusterIsLeftAsItIs) {
  Checking c{a_cluster(), openzfs()};
  c.up();
  const auto before = c.world.fingerprint();
  for (const auto& finding : c.look()) {
    const bool aged = finding.id == "timescaledb-version";  // 2.19 on 14, the last of them
    EXPECT_TRUE(finding.severity <= report::Severity::note || aged)
        << finding.node << " " << finding.id << ": " << finding.evidence;
  }
  EXPECT_EQ(c.severity("upstream-port", "b"), "ok");
  EXPECT_EQ(c.severity("peer-port", "b"), "ok");
  EXPECT_EQ(c.world.fingerprint(), before);
  EXPECT_EQ(c.world.violations(), std::vector<std::string>{});
}

TEST(Checks, ALineThatIsCutBetweenReplicaAndPrimary) {
  Checking c{a_cluster(), openzfs()};
  c.up();
  c.world.set_link("a", "b", false);
  EXPECT_EQ(c.severity("upstream-port", "b"), "critical");
  EXPECT_EQ(c.severity("upstream-port", "c"), "ok");
  EXPECT_EQ(c.severity("peer-port", "a"), "warning");
  c.world.set_link("a", "b", true);
  c.world.set_link("c", "b", false);
  EXPECT_EQ(c.severity("upstream-port", "b"), "ok");
  EXPECT_EQ(c.severity("peer-port", "b"), "warning");
}

TEST(Checks, APropertyThatSomebodyChanged) {
  Checking c{a_cluster(), openzfs()};
  c.up();
  for (const char* name : {"atime", "compression"}) EXPECT_EQ(c.severity(name, "b"), "ok") << name;
  auto& live = c.world.host("b").pools.at("tank").datasets.at("tank/dex/live-0");
  live.local["atime"] = "on";
  live.local["sync"] = "disabled";
  c.world.host("c").pools.at("tank").datasets.at("tank/dex").local["compression"] = "off";
  EXPECT_EQ(c.severity("atime", "b"), "warning");
  EXPECT_EQ(c.severity("sync", "b"), "critical");
  EXPECT_EQ(c.severity("compression", "c"), "warning") << "inherited from the parent";
}

TEST(Checks, AServerThatDoesNotRun) {
  Checking c{a_cluster(), openzfs()};
  c.up();
  c.world.crash_server("a", c.world.server_on("a")->name);
  EXPECT_EQ(c.severity("upstream-port", "b"), "unknown");
  for (const char* id : {"logical-slots", "config-files", "wal-rate"}) EXPECT_EQ(c.severity(id, "a"), "unknown") << id;
}

TEST(Checks, ANodeThatIsNotReached) {
  Checking c{a_cluster(), openzfs()};
  c.up();
  c.world.set_reachable("c", false);
  EXPECT_EQ(c.severity("reachable", "c"), "unknown");
  EXPECT_EQ(c.severity("reachable", "b"), "ok");
}

TEST(Checks, ContainersAreTriedWithTheirCompose) {
  auto spec = a_cluster();
  spec.postgres.runtime = spec::RuntimeKind::compose;
  spec.postgres.image = Options{}.image;
  spec.postgres.bin_dir.clear();
  Checking c{spec, openzfs()};
  EXPECT_EQ(c.severity("compose", "b"), "ok");
  c.world.state().options.engine.refuse = "Not supported URL scheme http+docker";
  EXPECT_EQ(c.severity("compose", "b"), "critical");
  c.spec.postgres.image = "postgres:99";
  EXPECT_EQ(c.severity("image", "b"), "critical");
  EXPECT_EQ(c.find("image", "b").remedy, "docker pull postgres:99");
}

TEST(Checks, ClocksAnHourApart) {
  Checking c{a_cluster(), openzfs()};
  c.world.host("b").clock_ahead = Millis{3'600'000};
  EXPECT_EQ(c.severity("clock", "b"), "warning");
  EXPECT_EQ(c.severity("clock", "c"), "ok");
  c.world.host("a").clock_ahead = Millis{3'600'000};
  EXPECT_EQ(c.severity("clock", "b"), "ok") << "the primary's is what counts";
  EXPECT_EQ(c.severity("clock", "c"), "warning");
}

TEST(Checks, ZfsFuseIsSaidWhatItLacks) {
  Checking c{a_cluster()};
  EXPECT_EQ(c.severity("zfs", "a"), "note");
}

}  // namespace
}  // namespace dugong::sim
