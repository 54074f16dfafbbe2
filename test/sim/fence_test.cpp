// A fenced node runs no server, whoever tries to start it and wherever the fence was cut off; and what it held is there
// again when the fence goes.
#include "cluster/fence.h"

#include <gtest/gtest.h>

#include "cluster/layout.h"
#include "cluster/plan_up.h"
#include "engine/engine.h"
#include "report/health.h"
#include "test/sim/kit.h"
#include "test/sim/operated.h"
#include "test/sim/parts.h"

namespace dugong::sim {
namespace {

using Kind = spec::RuntimeKind;

spec::Spec a_spec(Kind kind, const std::string& names) {
  std::vector<kit::Member> members;
  for (const char name : names) members.push_back({name});
  return kind == Kind::process ? kit::processes(members) : kit::containers(members);
}

struct Stage : kit::Operated {
  explicit Stage(Kind kind, const std::string& names = "abc") : Operated{a_spec(kind, names)} {}
  report::NodeStatus status(const std::string& node) {
    auto fleet = world.new_controller();
    SimClock clock{world};
    engine::Context context{spec, *fleet, clock, [](const Event&) {}, {}, "test"};
    const auto seen = engine::observe(context, engine::Depth::status);
    for (auto& one : report::judge_status(spec, seen, {}).nodes)
      if (one.name == node) return one;
    return {};
  }
  // Somebody with the habit of starting it.
  bool starts_by_hand(const std::string& node) {
    auto fleet = world.new_controller();
    const auto server = cluster::server_of(spec, *spec.find(node));
    (void)node::ask(**fleet->node(node), runtime::StartServer{server}, Deadline{});
    world.sleep(Millis{5000});
    return runs(node);
  }
  zfs::Dataset live(const std::string& node) {
    auto fleet = world.new_controller();
    const auto all = node::ask(**fleet->node(node), zfs::ListTree{"tank/dex"}, Deadline{});
    for (const auto& one : *all)
      if (one.name == "tank/dex/live-0") return one;
    return {};
  }
  std::string compose_file(const std::string& node) {
    auto fleet = world.new_controller();
    const auto path = cluster::server_of(spec, *spec.find(node)).compose_file;
    return node::ask(**fleet->node(node), node::ReadFile{path}, Deadline{})->content.bytes;
  }
  bool has_signal(const std::string& node) {
    auto fleet = world.new_controller();
    const auto path = cluster::host_paths_of(spec, *spec.find(node)).data + "/standby.signal";
    return node::ask(**fleet->node(node), node::ReadFile{path}, Deadline{})->exists;
  }
};

TEST(Fence, KeepsTheServerFromBeingStartedByAnybody) {
  for (const auto kind : {Kind::process, Kind::compose}) {
    for (const auto* node : {"a", "b"}) {
      Stage stage{kind};
      ASSERT_EQ(stage.up().what, "");
      ASSERT_EQ(stage.fence(node).what, "") << node;
      EXPECT_FALSE(stage.runs(node));
      EXPECT_FALSE(stage.live(node).mounted);
      EXPECT_EQ(stage.live(node).canmount, "off");
      EXPECT_FALSE(stage.starts_by_hand(node)) << node;
      const auto refused = stage.up();
      EXPECT_EQ(refused.kind, ErrorKind::refused);
      EXPECT_EQ(refused.where, node);
      EXPECT_NE(refused.what.find("is fenced since 2026"), std::string::npos) << refused.what;
      EXPECT_NE(refused.what.find("by dugong fence, root@ops, pid 12"), std::string::npos) << refused.what;
      EXPECT_EQ(refused.next, std::string{"find out why; then `dugong unfence "} + node + "`");
      EXPECT_EQ(stage.violations(), "");
    }
  }
}

TEST(Fence, IsInStatusAsTheFirstReason) {
  Stage stage{Kind::process};
  ASSERT_EQ(stage.up().what, "");
  ASSERT_EQ(stage.fence("a").what, "");
  const auto a = stage.status("a");
  ASSERT_TRUE(a.fence);
  EXPECT_EQ(a.fence->was_primary, true);
  EXPECT_EQ(a.health, report::Health::down);
  EXPECT_TRUE(a.reasons.at(0).starts_with("is fenced since")) << a.reasons.at(0);
  EXPECT_FALSE(stage.status("b").fence);
}

TEST(Fence, NeedsNoOtherNode) {
  Stage stage{Kind::compose};
  ASSERT_EQ(stage.up().what, "");
  stage.world.set_reachable("a", false);
  stage.world.set_reachable("c", false);
  EXPECT_EQ(stage.fence("b").what, "");
  EXPECT_FALSE(stage.runs("b"));
}

TEST(Fence, TwiceIsNothingMore) {
  Stage stage{Kind::compose};
  ASSERT_EQ(stage.up().what, "");
  ASSERT_EQ(stage.fence("a").what, "");
  const auto once = stage.world.fingerprint();
  const auto since = stage.status("a").fence->since;
  stage.world.sleep(Millis{60'000});
  ASSERT_EQ(stage.fence("a").what, "");
  EXPECT_EQ(stage.world.fingerprint(), once);
  EXPECT_EQ(stage.status("a").fence->since, since);
}

TEST(Fence, TakenAwayEverythingIsAsBefore) {
  for (const auto kind : {Kind::process, Kind::compose}) {
    for (const auto* node : {"a", "b"}) {
      Stage stage{kind};
      ASSERT_EQ(stage.up().what, "");
      const auto file = kind == Kind::compose ? stage.compose_file(node) : "";
      ASSERT_EQ(stage.fence(node).what, "");
      ASSERT_EQ(stage.unfence(node).what, "");
      EXPECT_FALSE(stage.runs(node)) << "unfence starts nothing";
      if (kind == Kind::compose) {
        EXPECT_EQ(stage.compose_file(node), file) << "what a boot needs before the next `up`";
      }
      EXPECT_EQ(stage.has_signal(node), std::string{node} == "b");
      ASSERT_EQ(stage.up().what, "");
      EXPECT_EQ(stage.status(node).reasons, std::vector<std::string>{});
      EXPECT_EQ(stage.unfence(node).what, "");
      EXPECT_EQ(stage.violations(), "");
    }
  }
}

TEST(Fence, CutOffAnywhereItIsDoneByTheNextAndSoIsItsEnd) {
  for (const auto kind : {Kind::process, Kind::compose}) {
    for (std::uint64_t at = 1; at < 200; ++at) {
      Stage stage{kind, "a"};
      ASSERT_EQ(stage.up().what, "");
      stage.world.kill_after(at);
      (void)stage.fence("a");
      const bool killed = stage.world.killed();
      stage.world.kill_after(0);
      ASSERT_EQ(stage.fence("a").what, "") << at;
      ASSERT_FALSE(stage.starts_by_hand("a")) << at;
      ASSERT_TRUE(stage.status("a").fence && stage.status("a").fence->was_primary == true) << at;
      stage.world.kill_after(at);
      (void)stage.unfence("a");
      stage.world.kill_after(0);
      ASSERT_EQ(stage.unfence("a").what, "") << at;
      ASSERT_FALSE(stage.has_signal("a")) << at;
      ASSERT_EQ(stage.up().what, "") << at;
      ASSERT_EQ(stage.violations(), "") << at;
      if (!killed) break;
    }
  }
}

TEST(Fence, OfAFormerPrimaryStaysWhileAnotherLeads) {
  Stage stage{Kind::process};
  ASSERT_EQ(stage.up().what, "");
  ASSERT_EQ(stage.fence("a").what, "");
  promote(stage.world.state(), *stage.world.server_on("b"));
  stage.world.sleep(Millis{5000});
  const auto refused = stage.unfence("a");
  EXPECT_EQ(refused.kind, ErrorKind::refused);
  EXPECT_NE(refused.what.find("b leads now (it takes writes): a must not take writes"), std::string::npos)
      << refused.what;
  EXPECT_TRUE(stage.has_signal("a"));
  EXPECT_TRUE(stage.status("a").fence);
  EXPECT_EQ(stage.violations(), "");
}

// The primary is down when `up` looks whether one of the others took over: of a fenced standby there is nothing to see.
// Whether it was promoted, its data would tell.
TEST(Fence, OfWhatCouldNotBeSeenHoldsUpThePrimary) {
  Stage stage{Kind::process};
  ASSERT_EQ(stage.up().what, "");
  promote(stage.world.state(), *stage.world.server_on("b"));
  stage.world.sleep(Millis{5000});
  stage.world.reboot("b");
  ASSERT_EQ(stage.fence("b").what, "");
  EXPECT_FALSE(stage.status("b").fence->was_primary.has_value());
  stage.world.crash_server("a", stage.world.server_on("a")->name);
  const auto refused = stage.run(
      {"c"}, [&](const cluster::Observed& seen) { return cluster::plan_up(stage.spec, seen, {.only = {"c"}}); });
  EXPECT_EQ(refused.kind, ErrorKind::refused);
  EXPECT_NE(refused.what.find("whether b took writes before it was fenced"), std::string::npos) << refused.what;
  EXPECT_FALSE(stage.runs("a"));
}

TEST(Fence, OfAStandbyDoesNotHoldUpThePrimary) {
  Stage stage{Kind::process};
  ASSERT_EQ(stage.up().what, "");
  ASSERT_EQ(stage.fence("b").what, "");
  stage.world.crash_server("a", stage.world.server_on("a")->name);
  const auto done = stage.run(
      {"c"}, [&](const cluster::Observed& seen) { return cluster::plan_up(stage.spec, seen, {.only = {"c"}}); });
  EXPECT_EQ(done.what, "");
  EXPECT_TRUE(stage.runs("a"));
}

}  // namespace
}  // namespace dugong::sim
