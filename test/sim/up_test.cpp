// The promise that everything else leans on: killed anywhere and run again, `up` ends where an undisturbed run ends,
// and on the way no invariant of the world is broken (two primaries, a receive into mounted data, a leaked secret …).
#include <cstdlib>
#include <functional>
#include <gtest/gtest.h>
#include <iostream>
#include <sstream>

#include "cluster/plan_up.h"
#include "engine/engine.h"
#include "test/sim/kit.h"

namespace dugong::sim {
namespace {

using Kind = spec::RuntimeKind;

std::string cluster_file(Kind kind, const std::string& more_settings = "", const std::string& more = "") {
  std::string text = "cluster = \"dex\"\n[postgres]\ndatabase = \"dex_ohlcv\"\n";
  text += kind == Kind::compose ? "image = \"timescale/timescaledb:2.19.1-pg14\"\n"
                                : "runtime = \"process\"\nbin_dir = \"/usr/lib/postgresql/14/bin\"\n";
  text += "[postgres.settings]\nshared_buffers = \"1GB\"\n" + more_settings;
  text += "[postgres.replica_settings]\ndefault_transaction_read_only = \"on\"\n";
  text += "[auth]\nsuperuser_password = \"sup3r\"\nreplication_password = \"mirr0r\"\n" + more;
  for (const char name : {'a', 'b', 'c'}) {
    text += std::string{"[[node]]\nname = \""} + name + "\"\naddress = \"10.0.0." + std::to_string(name - 'a' + 1) +
            "\"\nssh = \"root@h" + name + "\"\nprefix = \"tank/dex\"\n";
  }
  return text;
}

spec::Spec a_spec(const std::string& text) {
  const spec::Surroundings nothing{[](std::string_view) { return std::nullopt; },
                                   [](const std::string&) -> Result<std::string> { return std::string{}; }};
  auto spec = spec::parse_spec(text, "dugong.toml", nothing);
  EXPECT_TRUE(spec) << spec.error().where << " " << spec.error().what;
  return *spec;
}

World a_world(std::uint64_t seed) { return World{{.seed = seed, .secrets = {"sup3r", "mirr0r"}}}; }

// One run of `up`, as cli does it: lock, converge, and on failure what must not stay behind. "" or the error.
std::string up(World& world, const spec::Spec& spec) {
  auto fleet = world.new_controller();
  SimClock clock{world};
  engine::Context context{spec, *fleet, clock, [](const Event&) {}, {}, "test"};
  if (auto locked = engine::lock_all(context); !locked) return "lock: " + locked.error().what;
  std::optional<cluster::AbandonOptions> before;
  const auto done = engine::converge(context, [&](const cluster::Observed& seen) {
    if (!before) before = cluster::AbandonOptions{{}, cluster::slots_by_node(seen)};
    return cluster::plan_up(spec, seen, {});
  });
  if (done) return {};
  const auto seen = engine::observe(context, engine::Depth::full);
  (void)engine::execute(context, cluster::plan_abandon(spec, seen, before.value_or(cluster::AbandonOptions{})));
  return done.error().where + ": " + done.error().what;
}

std::string violations(World& world) {
  std::string text;
  for (const auto& one : world.violations()) text += one + "\n";
  return text;
}

// How many replicas share one base depends on where a run with a late slot was cut off.
std::string without_bases(const std::string& fingerprint) {
  std::string out;
  std::istringstream lines{fingerprint};
  for (std::string line; std::getline(lines, line);)
    if (!line.starts_with("    snapshot tank/dex/live-0@")) out += line + "\n";
  return out;
}

struct Undisturbed {
  std::string fingerprint;
  std::uint64_t calls = 0;
};

// `before`: an earlier state of the file that was brought up first.
Undisturbed undisturbed(const spec::Spec& spec, const spec::Spec* before) {
  auto world = a_world(1);
  if (before != nullptr) {
    EXPECT_EQ(up(world, *before), "");
  }
  const auto calls = world.calls();
  EXPECT_EQ(up(world, spec), "");
  EXPECT_EQ(violations(world), "");
  return {world.fingerprint(), world.calls() - calls};
}

// Whether the kill came before the end.
bool expect_recovery(const spec::Spec& spec, const spec::Spec* before, const Undisturbed& want, std::uint64_t seed,
                     std::uint64_t kill_at) {
  auto world = a_world(seed);
  if (before != nullptr) {
    EXPECT_EQ(up(world, *before), "");
  }
  world.kill_after(kill_at);
  (void)up(world, spec);
  const bool killed = world.killed();
  world.kill_after(0);
  const auto where =
      "seed " + std::to_string(seed) + ", killed at call " + std::to_string(kill_at) + ": " + world.killed_at();
  EXPECT_EQ(up(world, spec), "") << where;
  EXPECT_EQ(violations(world), "") << where;
  const bool late = spec.seed.slot_late_above < Bytes{1} << 30;
  const auto shown = [&](const std::string& one) { return late ? without_bases(one) : one; };
  EXPECT_EQ(shown(world.fingerprint()), shown(want.fingerprint)) << where;
  return killed;
}

// How many random moments: DUGONG_SIM_KILLS, or enough for every run.
std::uint64_t kills(std::uint64_t usual) {
  const char* asked = std::getenv("DUGONG_SIM_KILLS");
  return asked == nullptr ? usual : std::strtoull(asked, nullptr, 10);
}

void sweep(const spec::Spec& spec, const spec::Spec* before, std::uint64_t moments) {
  const auto want = undisturbed(spec, before);
  ASSERT_GT(want.calls, 10U);
  std::cout << want.calls << " calls undisturbed, " << moments << " kills\n";
  for (std::uint64_t i = 0; i < moments && !::testing::Test::HasFailure(); ++i) {
    // The threads take turns as the machine lets them: this run may end in fewer calls than the one that was counted.
    auto kill_at = 1 + (i * 7919) % want.calls;
    while (!expect_recovery(spec, before, want, i + 1, kill_at)) {
      ASSERT_GT(kill_at, 1U) << "nothing was killed";
      kill_at /= 2;
    }
  }
}

TEST(Up, EndsWithEverythingStreamingAndIsThenANoOp) {
  for (const auto kind : {Kind::process, Kind::compose}) {
    auto world = a_world(1);
    const auto spec = a_spec(cluster_file(kind));
    ASSERT_EQ(up(world, spec), "");
    const auto once = world.fingerprint();
    ASSERT_EQ(up(world, spec), "");
    EXPECT_EQ(world.fingerprint(), once);
    EXPECT_EQ(violations(world), "");
  }
}

// The slots are made while a spread checkpoint runs: they keep WAL from a later point than pg_control tells of.
TEST(Up, SeedsWhileACheckpointIsRunning) {
  World world{{.checkpoint_every = Millis{1}, .checkpoint_time = std::chrono::hours{1}}};
  const auto spec = a_spec(cluster_file(Kind::process));
  std::size_t snapshots = 0;
  world.set_fault([&](const std::string&, const node::Request& request) -> std::optional<Error> {
    if (std::holds_alternative<zfs::Snapshot>(request)) ++snapshots;
    return std::nullopt;
  });
  ASSERT_EQ(up(world, spec), "");
  EXPECT_LE(snapshots, 2U);  // the first one may be too old for the slots; the second is not
  EXPECT_EQ(violations(world), "");
}

TEST(Up, ASnapshotThatCannotBeTakenAwayDoesNotKeepItFromEnding) {
  auto world = a_world(1);
  const auto spec = a_spec(cluster_file(Kind::process));
  ASSERT_EQ(up(world, spec), "");
  const auto once = world.fingerprint();
  {
    auto fleet = world.new_controller();
    auto door = fleet->node("a");
    const zfs::Snapshot left{"tank/dex/live-0@dugong-left", false, {{"dugong:cluster", "dex"}, {"dugong:node", "a"}}};
    ASSERT_TRUE(node::ask(**door, left, Deadline{}));
    ASSERT_TRUE(node::ask(**door, zfs::Clone{left.snapshot, "tank/theirs", {{"mountpoint", "none"}}}, Deadline{}));
  }
  EXPECT_EQ(up(world, spec), "");
  EXPECT_TRUE(world.host("a").pools.at("tank").snapshots.contains("tank/dex/live-0@dugong-left"));
  world.host("a").pools.at("tank").datasets.erase("tank/theirs");
  EXPECT_EQ(up(world, spec), "");
  EXPECT_EQ(world.fingerprint(), once);
}

TEST(Up, ANameThatPostgresqlSpellsOtherwiseIsInForce) {
  auto world = a_world(1);
  const auto spec = a_spec(cluster_file(Kind::process, "timezone = \"UTC\"\nDateStyle = \"ISO, DMY\"\n"));
  ASSERT_EQ(up(world, spec), "");
  const auto once = world.fingerprint();
  EXPECT_NE(once.find("TimeZone = UTC"), std::string::npos);
  EXPECT_EQ(up(world, spec), "");
  EXPECT_EQ(world.fingerprint(), once);
}

TEST(Up, FilesThatAreDatedInTheFutureDoNotKeepItFromEnding) {
  auto world = a_world(1);
  const auto spec = a_spec(cluster_file(Kind::process));
  ASSERT_EQ(up(world, spec), "");
  auto& files = world.host("a").pools.at("tank").datasets.at("tank/dex/live-0").tree->files;
  files.at("dugong.conf").mtime_ns = world.wall_ns() + std::chrono::nanoseconds{std::chrono::hours{1}}.count();
  EXPECT_EQ(up(world, spec), "");
}

// Somebody snapshots what was received between two rounds of a late slot.
TEST(Up, ASnapshotOnAnAnchorEndsTheSeedWithWhatToDo) {
  auto world = a_world(1);
  const auto spec = a_spec(cluster_file(Kind::process, "", "[seed]\nslot_late_above = \"1K\"\n"));
  auto& pool = world.host("b").pools.at("tank");
  const std::string theirs = "tank/dex/anchor-0@autosnap";
  bool made = false;
  world.set_fault([&](const std::string&, const node::Request&) -> std::optional<Error> {
    const auto& all = pool.snapshots;
    const bool received =
        std::ranges::any_of(all, [](const auto& one) { return one.first.starts_with("tank/dex/anchor-0@"); });
    if (made || !received || pool.datasets.contains("tank/dex/live-0")) return std::nullopt;
    made = true;
    SnapshotRow row;
    row.name = theirs;
    row.guid = Guid{1};
    row.createtxg = ++pool.txg;
    row.tree = pool.datasets.at("tank/dex/anchor-0").tree;
    pool.snapshots[row.name] = row;
    return std::nullopt;
  });
  const auto error = up(world, spec);
  EXPECT_NE(error.find("b: tank/dex/anchor-0@autosnap is newer than the last snapshot that b shares"),
            std::string::npos)
      << error;
  EXPECT_TRUE(world.server_on("c") != nullptr && world.server_on("c")->streaming);  // the others go on
  const auto blocked = world.fingerprint();
  EXPECT_EQ(up(world, spec), error);
  EXPECT_EQ(world.fingerprint(), blocked);
  pool.snapshots.erase(theirs);
  EXPECT_EQ(up(world, spec), "");
  EXPECT_TRUE(world.server_on("b") != nullptr && world.server_on("b")->streaming);
  EXPECT_EQ(violations(world), "");
}

TEST(UpKilled, AnywhereAsProcesses) { sweep(a_spec(cluster_file(Kind::process)), nullptr, kills(200)); }

TEST(UpKilled, AnywhereInContainers) { sweep(a_spec(cluster_file(Kind::compose)), nullptr, kills(200)); }

TEST(UpKilled, WhileSettingsChange) {
  const auto before = a_spec(cluster_file(Kind::process));
  const auto after = a_spec(cluster_file(Kind::process, "max_connections = 300\nwork_mem = \"64MB\"\n"));
  sweep(after, &before, kills(60));
}

TEST(UpKilled, WhileALargeDatabaseIsSeededWithoutASlot) {
  const auto spec = a_spec(cluster_file(Kind::process, "", "[seed]\nslot_late_above = \"1K\"\n"));
  sweep(spec, nullptr, kills(40));
}

// `up` that dies after so many steps. Whether there were more.
bool cut_after(World& world, const spec::Spec& spec, std::size_t left) {
  bool cut = false;
  auto fleet = world.new_controller();
  SimClock clock{world};
  engine::Context context{spec, *fleet, clock, [](const Event&) {}, {}, "test"};
  EXPECT_TRUE(engine::lock_all(context));
  const auto shortened = [&](const cluster::Observed& seen) -> Result<cluster::Plan> {
    if (cut) return fail(ErrorKind::interrupted, "cut");
    auto plan = TRY(cluster::plan_up(spec, seen, {}));
    if (plan.steps.size() > left) {
      plan.steps.resize(left);
      plan.more = cut = true;
      if (plan.steps.empty()) return fail(ErrorKind::interrupted, "cut");
    }
    left -= plan.steps.size();
    return plan;
  };
  (void)engine::converge(context, shortened);
  return cut;
}

// Not at random moments but after every single step of every round: what the plan says happened, and nothing after it.
void cut_everywhere(const spec::Spec& spec, const spec::Spec* before) {
  const auto want = undisturbed(spec, before);
  bool cut = true;
  for (std::size_t steps = 0; cut && steps < 500; ++steps) {
    auto world = a_world(steps + 1);
    if (before != nullptr) {
      ASSERT_EQ(up(world, *before), "");
    }
    cut = cut_after(world, spec, steps);
    ASSERT_EQ(up(world, spec), "") << "after step " << steps;
    EXPECT_EQ(violations(world), "") << "after step " << steps;
    ASSERT_EQ(world.fingerprint(), want.fingerprint) << "after step " << steps;
  }
  EXPECT_FALSE(cut) << "the plan is longer than the test thought";
}

TEST(UpKilled, AfterEveryStep) { cut_everywhere(a_spec(cluster_file(Kind::compose)), nullptr); }

// Nothing but the container itself asks for the restart: who runs again must see that the old one still runs.
TEST(UpKilled, AfterEveryStepOfAChangedContainer) {
  const auto before = a_spec(cluster_file(Kind::compose));
  auto after = a_spec(cluster_file(Kind::compose, "work_mem = \"64MB\"\n"));
  after.postgres.shm_size = "7g";
  cut_everywhere(after, &before);
}

// `zfs set` takes one property at a time: who dies within a step has set the first few of them. How many properties the
// n-th step of those that set several sets; 0: there are fewer such steps.
std::size_t tear(const spec::Spec& spec, std::size_t nth, std::size_t done, const std::string& want) {
  auto world = a_world(1);
  std::size_t met = 0;
  std::size_t several = 0;
  world.set_fault([&](const std::string& name, const node::Request& request) -> std::optional<Error> {
    const Error dead{ErrorKind::interrupted, "the controller was killed", {}, {}, {}};
    if (several != 0) return dead;
    const auto* set = std::get_if<zfs::SetProperties>(&request);
    if (set == nullptr || set->properties.size() < 2 || ++met != nth) return std::nullopt;
    several = set->properties.size();
    auto& pool = world.host(name).pools.at("tank");
    auto& local = set->name.find('@') == std::string::npos ? pool.datasets.at(set->name).local
                                                           : pool.snapshots.at(set->name).local;
    local.insert(set->properties.begin(), std::next(set->properties.begin(), static_cast<std::ptrdiff_t>(done)));
    return dead;
  });
  (void)up(world, spec);
  world.set_fault({});
  EXPECT_EQ(up(world, spec), "");
  EXPECT_EQ(world.fingerprint(), want) << done << " properties of step " << nth;
  return several;
}

TEST(UpKilled, BetweenTwoPropertiesOfOneDataset) {
  const auto spec = a_spec(cluster_file(Kind::process));
  const auto want = undisturbed(spec, nullptr).fingerprint;
  std::size_t nth = 1;
  for (std::size_t several = 2; several != 0; ++nth) {
    several = tear(spec, nth, 1, want);
    for (std::size_t done = 2; done < several; ++done) tear(spec, nth, done, want);
  }
  EXPECT_GT(nth, 2U) << "no step sets several properties";
}

}  // namespace
}  // namespace dugong::sim
