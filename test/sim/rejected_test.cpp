// A value that the server does not take, and a port that another one has: it runs on, nothing is stopped for a start
// that could only fail, and a right value mends it.
#include <gtest/gtest.h>

#include "cluster/plan_up.h"
#include "engine/engine.h"
#include "test/sim/kit.h"

namespace dugong::sim {
namespace {

struct Stage {
  World world{{.seed = 1, .secrets = {"sup3r", "mirr0r"}}};
  spec::Spec spec = kit::one_node();

  // "" or the error.
  std::string up() {
    auto fleet = world.new_controller();
    SimClock clock{world};
    engine::Context context{spec, *fleet, clock, [](const Event&) {}, {}, "test"};
    EXPECT_TRUE(engine::lock_all(context));
    const auto done =
        engine::converge(context, [&](const cluster::Observed& seen) { return cluster::plan_up(spec, seen, {}); });
    return done ? "" : done.error().what;
  }
  // Writes and reloads, and dies before the restart.
  void up_without_restart() {
    world.set_fault([](const std::string&, const node::Request& request) -> std::optional<Error> {
      if (!std::holds_alternative<runtime::StopServer>(request)) return std::nullopt;
      return Error{ErrorKind::interrupted, "the controller was killed", {}, {}, {}};
    });
    EXPECT_NE(up(), "");
    world.set_fault({});
  }
  // As if the cluster file had it: the reader of that file refuses some of these values.
  void set(const std::string& name, const std::string& value) { spec.postgres.settings = {{name, value, {}}}; }
  [[nodiscard]] Server& server() { return *world.server_on("a"); }
};

TEST(Rejected, AValueThatNeedsARestartStopsNothing) {
  Stage stage;
  ASSERT_EQ(stage.up(), "");
  const auto started = stage.server().started;
  stage.set("wal_buffers", "64MiB");
  const auto said = stage.up();
  EXPECT_NE(said.find("wal_buffers: setting could not be applied"), std::string::npos) << said;
  EXPECT_TRUE(stage.server().ready());
  EXPECT_EQ(stage.server().started, started);
  EXPECT_EQ(stage.up(), said);
  stage.set("wal_buffers", "64MB");
  EXPECT_EQ(stage.up(), "");
  EXPECT_EQ(stage.server().settings.at("wal_buffers").value, "64MB");
  EXPECT_NE(stage.server().started, started);
}

TEST(Rejected, AValueInThePlaceOfAGoodOneIsNotCalledDone) {
  Stage stage;
  stage.set("shared_buffers", "32GB");
  ASSERT_EQ(stage.up(), "");
  stage.set("shared_buffers", "32GiB");
  EXPECT_NE(stage.up(), "");
  EXPECT_TRUE(stage.server().ready());
}

// The server keeps the mark of the value that waited, as if the new one did.
TEST(Rejected, AValueAfterOneThatWaitsForItsRestart) {
  Stage stage;
  ASSERT_EQ(stage.up(), "");
  const auto started = stage.server().started;
  stage.set("shared_buffers", "16GB");
  stage.up_without_restart();
  EXPECT_TRUE(stage.server().settings.at("shared_buffers").pending_restart);
  stage.set("shared_buffers", "32GiB");
  EXPECT_NE(stage.up(), "");
  EXPECT_TRUE(stage.server().ready());
  EXPECT_EQ(stage.server().started, started);
  stage.set("shared_buffers", "32GB");
  EXPECT_EQ(stage.up(), "");
  EXPECT_EQ(stage.server().settings.at("shared_buffers").value, "32GB");
}

TEST(Rejected, APortThatAnotherServerHas) {
  Stage stage;
  ASSERT_EQ(stage.up(), "");
  const auto mine = stage.spec;
  auto& node = stage.spec.nodes[0];
  stage.spec.cluster = "other";
  node.prefix = "tank/other";
  node.directory = "/srv/dugong/other/a";
  node.port = 5433;
  ASSERT_EQ(stage.up(), "");
  const auto& server = stage.world.host("a").servers.at(mine.nodes[0].directory + "/data");
  const auto started = server.started;
  stage.spec = mine;
  stage.spec.nodes[0].port = 5433;
  EXPECT_EQ(stage.up(), "port 5433 is in use on a");
  EXPECT_EQ(server.started, started);
  stage.spec.nodes[0].port = 5434;
  EXPECT_EQ(stage.up(), "");
  EXPECT_EQ(server.settings.at("port").value, "5434");
  EXPECT_EQ(stage.world.violations(), std::vector<std::string>{});
}

}  // namespace
}  // namespace dugong::sim
