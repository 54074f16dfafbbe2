// A replica that follows somebody else than before, comes back on other hardware, or joins later than the others: what
// it had elsewhere neither stays behind nor is taken from whoever uses it.
#include <gtest/gtest.h>

#include "cluster/layout.h"
#include "cluster/plan_up.h"
#include "engine/engine.h"
#include "test/sim/kit.h"

namespace dugong::sim {
namespace {

using Names = std::set<std::string>;

World four_hosts() { return World{{.hosts = {"a", "b", "c", "d"}, .seed = 1, .secrets = {"sup3r", "mirr0r"}}}; }

std::string up(World& world, const spec::Spec& spec, const Names& only = {}) {
  auto fleet = world.new_controller();
  SimClock clock{world};
  engine::Context context{spec, *fleet, clock, [](const Event&) {}, {}, "test"};
  if (auto locked = engine::lock_all(context, only); !locked) return "lock: " + locked.error().what;
  const auto done = engine::converge(
      context, [&](const cluster::Observed& seen) { return cluster::plan_up(spec, seen, {.only = only}); });
  return done ? std::string{} : done.error().what;
}

std::map<std::string, Names> slots(World& world, const spec::Spec& spec) {
  auto fleet = world.new_controller();
  SimClock clock{world};
  engine::Context context{spec, *fleet, clock, [](const Event&) {}, {}, "test"};
  return cluster::slots_by_node(engine::observe(context, engine::Depth::status));
}

std::string upstream_of(World& world, const std::string& host) {
  const auto* server = world.server_on(host);
  return server != nullptr && server->streaming ? server->upstream_host : "";
}

using Slots = std::map<std::string, Names>;

TEST(Moved, TheOldSlotGoesWhenItStreamsThroughTheNewOne) {
  auto world = four_hosts();
  const auto flat = kit::processes({{'a'}, {'b'}, {'c'}});
  const auto cascade = kit::processes({{'a'}, {'b'}, {'c', 'b'}});
  ASSERT_EQ(up(world, flat), "");
  EXPECT_EQ(slots(world, flat), (Slots{{"a", {"dugong_b", "dugong_c"}}, {"b", {}}, {"c", {}}}));
  ASSERT_EQ(up(world, cascade), "");
  EXPECT_EQ(upstream_of(world, "c"), "b");
  EXPECT_EQ(slots(world, flat), (Slots{{"a", {"dugong_b"}}, {"b", {"dugong_c"}}, {"c", {}}}));
  // And back; the slot on the other replica goes too.
  ASSERT_EQ(up(world, flat), "");
  EXPECT_EQ(upstream_of(world, "c"), "a");
  EXPECT_EQ(slots(world, flat), (Slots{{"a", {"dugong_b", "dugong_c"}}, {"b", {}}, {"c", {}}}));
  EXPECT_TRUE(world.violations().empty());
}

TEST(Moved, KilledAnywhereAndRunAgainNoSlotIsLeft) {
  const auto flat = kit::processes({{'a'}, {'b'}, {'c'}});
  const auto cascade = kit::processes({{'a'}, {'b'}, {'c', 'b'}});
  bool killed = true;
  for (std::uint64_t at = 1; killed && at < 2000; at += 3) {
    auto world = four_hosts();
    ASSERT_EQ(up(world, flat), "");
    world.kill_after(at);
    (void)up(world, cascade);
    killed = world.killed();
    world.kill_after(0);
    ASSERT_EQ(up(world, cascade), "") << world.killed_at();
    ASSERT_EQ(slots(world, cascade), (Slots{{"a", {"dugong_b"}}, {"b", {"dugong_c"}}, {"c", {}}})) << world.killed_at();
    EXPECT_TRUE(world.violations().empty());
  }
  EXPECT_FALSE(killed) << "the run is longer than the test thought";
}

TEST(Moved, TheSlotOfWhoStillRunsElsewhereIsNotTaken) {
  auto world = four_hosts();
  const auto old_one = kit::processes({{'a'}, {'b'}, {'c'}});
  ASSERT_EQ(up(world, old_one), "");
  world.state().nodes["c"] = "d";  // new hardware under the same name, whose address is not in the file yet
  EXPECT_EQ(up(world, old_one), "c has no data yet, but its slot dugong_c on a is in use by 10.0.0.3");
  EXPECT_EQ(upstream_of(world, "c"), "a");
  EXPECT_FALSE(world.host("d").pools.at("tank").datasets.contains("tank/dex/live-0"));
  world.crash_server("c", world.server_on("c")->data);
  EXPECT_EQ(up(world, kit::processes({{'a'}, {'b'}, {.name = 'c', .host = 3}})), "");
  EXPECT_EQ(upstream_of(world, "d"), "a");
}

TEST(Added, NoSnapshotStaysOnThePrimaryForIt) {
  auto world = four_hosts();
  ASSERT_EQ(up(world, kit::processes({{'a'}, {'b'}})), "");
  const auto& snapshots = world.host("a").pools.at("tank").snapshots;
  ASSERT_EQ(snapshots.size(), 1U);
  const auto three = kit::processes({{'a'}, {'b'}, {'c'}});
  std::size_t taken = 0;
  // Two snapshots are taken, so that one of them is nobody's base in the end.
  world.set_fault([&](const std::string& node, const node::Request& request) -> std::optional<Error> {
    if (std::holds_alternative<zfs::Snapshot>(request)) ++taken;
    if (node != "a" || taken != 1 || !std::holds_alternative<zfs::Hold>(request)) return std::nullopt;
    return Error{ErrorKind::failed, "killed", {}, {}, {}};
  });
  EXPECT_NE(up(world, three, {"c"}), "");
  world.set_fault({});
  // The one that was left is finished by hand: it looks like a base that c never came to have.
  for (auto& [name, row] : world.host("a").pools.at("tank").snapshots)
    if (!row.local.contains("dugong:end_lsn")) row.local["dugong:end_lsn"] = "0/1";
  ASSERT_EQ(snapshots.size(), 2U);
  EXPECT_EQ(up(world, three, {"c"}), "");
  std::set<Guid> bases;
  for (const auto* node : {"b", "c"})
    for (const auto& [name, row] : world.host(node).pools.at("tank").snapshots) bases.insert(row.guid);
  for (const auto& [name, row] : snapshots) EXPECT_TRUE(bases.contains(row.guid)) << name;
}

}  // namespace
}  // namespace dugong::sim
