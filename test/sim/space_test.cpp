// What the pools of a finished cluster look like in an operator's words, in both dialects of ZFS.
#include "cluster/space.h"

#include <gtest/gtest.h>

#include "cluster/plan_up.h"
#include "engine/engine.h"
#include "report/health.h"
#include "test/sim/kit.h"

namespace dugong::sim {
namespace {

struct Pools {
  explicit Pools(Flavour flavour)
      : world{{.flavour = flavour, .seed = 1, .write_load = 1 << 16, .secrets = {"sup3r", "mirr0r"}}} {
    EXPECT_TRUE(engine::lock_all(context));
    const auto done =
        engine::converge(context, [&](const cluster::Observed& seen) { return cluster::plan_up(spec, seen, {}); });
    EXPECT_TRUE(done) << (done ? "" : done.error().what);
  }
  cluster::Observed look() { return engine::observe(context, engine::Depth::full); }
  cluster::NodeSpace space(const cluster::Observed& seen, std::string_view name) const {
    return cluster::judge_space(spec, seen, *spec.find(name));
  }

  World world;
  spec::Spec spec = kit::processes({{'a'}, {'b'}, {'c', 'b'}});
  std::unique_ptr<node::Fleet> fleet = world.new_controller();
  SimClock clock{world};
  engine::Context context{spec, *fleet, clock, [](const Event&) {}, {}, "test"};
};

class PoolsOf : public ::testing::TestWithParam<Flavour> {};
INSTANTIATE_TEST_SUITE_P(Dialects, PoolsOf, ::testing::Values(Flavour::zfs_fuse_v23, Flavour::openzfs));

TEST_P(PoolsOf, EveryByteIsInOnePart) {
  Pools pools{GetParam()};
  const auto seen = pools.look();
  for (const auto* name : {"a", "b", "c"}) {
    const auto space = pools.space(seen, name);
    EXPECT_EQ(space.unseen, "") << name;
    EXPECT_EQ(space.mismatch, "") << name;
    Bytes sum = 0;
    for (const auto& part : space.parts) sum += part.bytes.value_or(0);
    EXPECT_EQ(sum, space.size) << name;
    EXPECT_EQ(space.bytes(cluster::Part::unattributed), 0U) << name;
    EXPECT_TRUE(space.freeable.empty()) << name << ": " << space.freeable.front().name;
  }
}

TEST_P(PoolsOf, TheBaseServesWhomItWasSentTo) {
  Pools pools{GetParam()};
  const auto seen = pools.look();
  const auto sender = pools.space(seen, "a");
  ASSERT_FALSE(sender.bases.empty());
  std::vector<std::string> served;
  for (const auto& base : sender.bases) served.insert(served.end(), base.serves.begin(), base.serves.end());
  std::ranges::sort(served);
  EXPECT_EQ(served, (std::vector<std::string>{"b", "c"}));
  for (const auto* name : {"b", "c"}) {
    const auto replica = pools.space(seen, name);
    ASSERT_EQ(replica.bases.size(), 1U) << name;
    EXPECT_TRUE(
        std::ranges::any_of(sender.bases, [&](const auto& base) { return base.guid == replica.bases[0].guid; }));
  }
}

TEST_P(PoolsOf, OverItsBudgetIsToldAndChangesNothing) {
  Pools pools{GetParam()};
  pools.spec.nodes[0].base_budget = {.bytes = 1, .percent = 0};
  const auto seen = pools.look();
  const auto space = pools.space(seen, "a");
  ASSERT_TRUE(space.pins.verdict);
  EXPECT_GT(space.pins.pinned, 1U);
  const auto status = report::judge_status(pools.spec, seen, {});
  EXPECT_EQ(to_string(status.nodes[0].health), "degraded");
  EXPECT_EQ(status.nodes[0].reasons, std::vector{cluster::budget_words(space)});
  const auto plan = cluster::plan_up(pools.spec, seen, {});
  ASSERT_TRUE(plan);
  EXPECT_TRUE(plan->steps.empty() && !plan->more);
  EXPECT_EQ(plan->notes.back(), "a: " + cluster::budget_words(space));
}

TEST_P(PoolsOf, ASnapshotOfSomebodyElseIsNamedAndLeftAlone) {
  Pools pools{GetParam()};
  ASSERT_TRUE(node::ask(**pools.fleet->node("a"), zfs::Snapshot{"tank/dex/live-0@theirs", false, {}}, Deadline{}));
  pools.world.sleep(Millis{60'000});
  const auto space = pools.space(pools.look(), "a");
  ASSERT_EQ(space.freeable.size(), 1U);
  EXPECT_EQ(space.freeable[0].name, "tank/dex/live-0@theirs");
  EXPECT_EQ(space.freeable[0].command, "");
  EXPECT_GT(space.bytes(cluster::Part::foreign), 0U);
}

}  // namespace
}  // namespace dugong::sim
