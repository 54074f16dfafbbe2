// Replicas that have their data but no slot, while the primary went on: one whose WAL is gone is told to be seeded
// again, one of which that cannot be told may try, and neither keeps the others from coming up.
#include <functional>
#include <gtest/gtest.h>

#include "cluster/layout.h"
#include "cluster/plan_up.h"
#include "engine/door.h"
#include "engine/engine.h"
#include "test/sim/kit.h"

namespace dugong::sim {
namespace {

spec::Spec nodes(const std::string& names) {
  std::string text =
      "cluster = \"dex\"\n[postgres]\nruntime = \"process\"\nbin_dir = \"/usr/lib/postgresql/14/bin\"\n"
      "[auth]\nsuperuser_password = \"sup3r\"\nreplication_password = \"mirr0r\"\n";
  for (const char name : names)
    text += std::string{"[[node]]\nname = \""} + name + "\"\naddress = \"10.0.0." + std::to_string(name - 'a' + 1) +
            "\"\nssh = \"root@h" + name + "\"\nprefix = \"tank/dex\"\n";
  const spec::Surroundings nothing{[](std::string_view) { return std::nullopt; },
                                   [](const std::string&) -> Result<std::string> { return std::string{}; }};
  auto spec = spec::parse_spec(text, "dugong.toml", nothing);
  EXPECT_TRUE(spec) << spec.error().what;
  return *spec;
}

struct Stage {
  World world{{.seed = 1, .secrets = {"sup3r", "mirr0r"}}};

  // "" or the error; afterwards what must not stay behind is taken back, as cli does it. Ctrl-C comes when `until`
  // says.
  std::string up(const spec::Spec& spec, const std::function<bool(const Event&)>& until = {}) {
    auto fleet = world.new_controller();
    SimClock clock{world};
    std::stop_source source;
    const auto emit = [&](const Event& event) {
      if (until && until(event)) source.request_stop();
    };
    engine::Context context{spec, *fleet, clock, emit, source.get_token(), "test"};
    EXPECT_TRUE(engine::lock_all(context));
    std::optional<cluster::AbandonOptions> before;
    const auto done = engine::converge(context, [&](const cluster::Observed& seen) {
      if (!before) before = cluster::AbandonOptions{{}, cluster::slots_by_node(seen)};
      return cluster::plan_up(spec, seen, {});
    });
    if (done) return {};
    context.stop = {};
    const auto seen = engine::observe(context, engine::Depth::full);
    EXPECT_TRUE(engine::execute(context, cluster::plan_abandon(spec, seen, *before)));
    return done.error().what;
  }

  template <class Question>
  void must(const std::string& node, Question question) {
    auto fleet = world.new_controller();
    const auto answer = node::ask(**fleet->node(node), std::move(question), Deadline{});
    EXPECT_TRUE(answer) << answer.error().what;
  }

  // b is away, its slot is dropped, and the primary writes and forgets.
  void drop_slot_and_go_on(const spec::Spec& spec) {
    const auto target = engine::sql_target(spec, spec.primary(), "postgres");
    must("a", node::RunSql{target, {{"drop_slot", {"dugong_b"}}}});
    world.set_write_load(Bytes{16} << 20);
    world.sleep(Millis{60'000});
    world.set_write_load(0);
    const auto checkpoint = [&] { must("a", node::RunSql{target, {{"checkpoint", {}}}}); };
    checkpoint();
    world.sleep(Millis{10'000});
    checkpoint();
  }

  std::set<std::string> slots(const spec::Spec& spec) {
    auto fleet = world.new_controller();
    SimClock clock{world};
    engine::Context context{spec, *fleet, clock, [](const Event&) {}, {}, "test"};
    return cluster::slots_by_node(engine::observe(context, engine::Depth::status))["a"];
  }
};

using Slots = std::set<std::string>;

TEST(LostWal, OneThatCannotGoOnGetsNoSlotAndTheOthersAreSeeded) {
  Stage stage;
  const auto two = nodes("ab");
  ASSERT_EQ(stage.up(two), "");
  stage.must("b", runtime::StopServer{cluster::server_of(two, *two.find("b"))});
  stage.drop_slot_and_go_on(two);
  const auto three = nodes("abc");
  const auto began = stage.world.now();
  const auto error = stage.up(three);
  EXPECT_NE(error.find("a no longer has the WAL that b needs (there is no slot dugong_b"), std::string::npos) << error;
  EXPECT_LT(stage.world.now() - began, std::chrono::minutes{5});
  EXPECT_EQ(stage.slots(three), Slots{"dugong_c"});
  ASSERT_NE(stage.world.server_on("c"), nullptr);
  EXPECT_TRUE(stage.world.server_on("c")->streaming);
}

TEST(LostWal, OneThatMayGoOnTriesLastAndItsUnusedSlotIsGivenBack) {
  Stage stage;
  const auto two = nodes("ab");
  ASSERT_EQ(stage.up(two), "");
  stage.world.crash_server("b", stage.world.server_on("b")->data);
  stage.drop_slot_and_go_on(two);
  const auto three = nodes("abc");
  const auto error = stage.up(three, [](const Event& event) {
    const auto* wait = std::get_if<WaitProgress>(&event);
    return wait != nullptr && wait->text == "b: catching up with a";
  });
  EXPECT_EQ(error, "b: catching up with a: interrupted");
  EXPECT_EQ(stage.slots(three), Slots{"dugong_c"});
  ASSERT_NE(stage.world.server_on("c"), nullptr);
  EXPECT_TRUE(stage.world.server_on("c")->streaming);
}

// It was stopped with WAL that it had received and not replayed: its control file tells of less than it has.
TEST(LostWal, OneThatHasReceivedMoreThanItHadReplayedGoesOn) {
  Stage stage;
  const auto two = nodes("ab");
  ASSERT_EQ(stage.up(two), "");
  const auto position = [&] {
    return stage.world.host("b").pools.at("tank").datasets.at("tank/dex/live-0").tree->clusters.begin()->second.insert;
  };
  const auto replayed = position();
  stage.world.set_write_load(Bytes{16} << 20);
  stage.world.sleep(Millis{60'000});
  stage.world.set_write_load(0);
  stage.world.sleep(Millis{1000});
  const auto target = engine::sql_target(two, two.primary(), "postgres");
  stage.must("a", node::RunSql{target, {{"checkpoint", {}}}});
  stage.must("b", runtime::StopServer{cluster::server_of(two, *two.find("b"))});
  stage.must("a", node::RunSql{target, {{"drop_slot", {"dugong_b"}}}});
  auto& tree = stage.world.host("b").pools.at("tank").datasets.at("tank/dex/live-0").tree;
  auto& control = tree->clusters.begin()->second.control;
  control.redo = control.checkpoint = control.min_recovery = replayed;
  EXPECT_EQ(stage.up(two), "");
  EXPECT_EQ(stage.slots(two), Slots{"dugong_b"});
  EXPECT_TRUE(stage.world.server_on("b")->streaming);
}

TEST(LostWal, OneThatIsOnlyAShortWayBehindGoesOn) {
  Stage stage;
  const auto two = nodes("ab");
  ASSERT_EQ(stage.up(two), "");
  stage.must("b", runtime::StopServer{cluster::server_of(two, *two.find("b"))});
  stage.must("a", node::RunSql{engine::sql_target(two, two.primary(), "postgres"), {{"drop_slot", {"dugong_b"}}}});
  EXPECT_EQ(stage.up(two), "");
  EXPECT_EQ(stage.slots(two), Slots{"dugong_b"});
}

}  // namespace
}  // namespace dugong::sim
