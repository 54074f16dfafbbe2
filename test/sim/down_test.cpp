// Taking away is what cannot be taken back: `down --destroy` leaves nothing of ours and everything else, wherever it
// was killed; and a dead replica does not stand in the way of work on the others.
#include <gtest/gtest.h>

#include "cluster/layout.h"
#include "cluster/plan_up.h"
#include "engine/engine.h"
#include "test/sim/kit.h"

namespace dugong::sim {
namespace {

spec::Spec a_spec(spec::RuntimeKind kind) {
  std::string text = "cluster = \"dex\"\n[postgres]\ndatabase = \"dex_ohlcv\"\n";
  text += kind == spec::RuntimeKind::compose ? "image = \"timescale/timescaledb:2.19.1-pg14\"\n"
                                             : "runtime = \"process\"\nbin_dir = \"/usr/lib/postgresql/14/bin\"\n";
  text += "[auth]\nsuperuser_password = \"sup3r\"\nreplication_password = \"mirr0r\"\n";
  for (const char name : {'a', 'b', 'c'}) {
    text += std::string{"[[node]]\nname = \""} + name + "\"\naddress = \"10.0.0." + std::to_string(name - 'a' + 1) +
            "\"\nssh = \"root@h" + name + "\"\nprefix = \"tank/dex\"\n";
  }
  const spec::Surroundings nothing{[](std::string_view) { return std::nullopt; },
                                   [](const std::string&) -> Result<std::string> { return std::string{}; }};
  auto spec = spec::parse_spec(text, "dugong.toml", nothing);
  EXPECT_TRUE(spec) << spec.error().where << " " << spec.error().what;
  return *spec;
}

using Names = std::set<std::string>;
enum class Verb { up, down, destroy };

struct Run {
  std::string error;
  std::vector<std::string> notes;
};

Run run(World& world, const spec::Spec& spec, Verb verb, const Names& only = {}) {
  auto fleet = world.new_controller();
  SimClock clock{world};
  Run run;
  const auto emit = [&](const Event& event) {
    if (const auto* note = std::get_if<Note>(&event)) run.notes.push_back(note->text);
  };
  engine::Context context{spec, *fleet, clock, emit, {}, "test"};
  if (auto locked = engine::lock_all(context, only); !locked) {
    run.error = "lock: " + locked.error().what;
    return run;
  }
  const auto done = engine::converge(context, [&](const cluster::Observed& seen) {
    return verb == Verb::up ? cluster::plan_up(spec, seen, {.only = only})
                            : cluster::plan_down(spec, seen, {.only = only, .destroy = verb == Verb::destroy});
  });
  if (!done) run.error = done.error().where + ": " + done.error().what;
  if (done) run.notes.insert(run.notes.end(), done->notes.begin(), done->notes.end());
  return run;
}

bool has(const std::vector<std::string>& all, const std::string& part) {
  return std::ranges::any_of(all, [&](const std::string& one) { return one.find(part) != std::string::npos; });
}

void put(World& world, const std::string& host, const std::string& path, const std::string& content) {
  auto fleet = world.new_controller();
  auto node = fleet->node(host);
  ASSERT_TRUE(node);
  const auto directory = path.substr(0, path.rfind('/'));
  ASSERT_TRUE(node::ask(**node, node::MakeDirectory{directory, 0755, 0, 0}, Deadline{}));
  ASSERT_TRUE(node::ask(**node, node::WriteFile{path, {content}}, Deadline{}));
}

node::FileFacts look_at(World& world, const std::string& host, const std::string& path) {
  auto fleet = world.new_controller();
  auto node = fleet->node(host);
  auto facts = node::ask(**node, node::ReadFile{path}, Deadline{});
  EXPECT_TRUE(facts);
  return facts ? *facts : node::FileFacts{};
}

TEST(Destroy, LeavesWhatIsNotOurs) {
  const auto spec = a_spec(spec::RuntimeKind::compose);
  World world{{}};
  ASSERT_EQ(run(world, spec, Verb::up).error, "");
  put(world, "b", spec.nodes[1].directory + "/notes.txt", "theirs");
  const auto done = run(world, spec, Verb::destroy);
  EXPECT_EQ(done.error, "");
  EXPECT_TRUE(
      has(done.notes, "b: " + spec.nodes[1].directory + " stays: dugong did not make what is in it: notes.txt"));
  EXPECT_FALSE(look_at(world, "a", spec.nodes[0].directory).exists);
  EXPECT_EQ(look_at(world, "b", spec.nodes[1].directory).entries, std::vector<std::string>{"notes.txt"});
  EXPECT_EQ(look_at(world, "b", spec.nodes[1].directory + "/notes.txt").content.bytes, "theirs");
}

TEST(Destroy, UpNeitherWritesNorLaterRemovesInADirectoryThatSomebodyHas) {
  const auto spec = a_spec(spec::RuntimeKind::compose);
  const auto compose_file = spec.nodes[0].directory + "/docker-compose.yaml";
  World world{{}};
  put(world, "a", compose_file, "services: {}\n");
  EXPECT_NE(run(world, spec, Verb::up).error.find("carries no mark of dugong"), std::string::npos);
  EXPECT_EQ(run(world, spec, Verb::destroy).error, "");
  EXPECT_EQ(look_at(world, "a", compose_file).content.bytes, "services: {}\n");
}

// `directory` of the primary was changed to one in which somebody has what has the same names as ours.
spec::Spec with_directory(spec::Spec spec, World& world, const std::string& directory) {
  spec.nodes[0].directory = directory;
  put(world, "a", directory + "/bin/tool", "theirs");
  put(world, "a", directory + "/docker-compose.yaml", "theirs");
  return spec;
}

TEST(Destroy, AChangedDirectoryIsNotTakenForOurs) {
  for (const auto kind : {spec::RuntimeKind::compose, spec::RuntimeKind::process}) {
    const auto spec = a_spec(kind);
    World world{{}};
    ASSERT_EQ(run(world, spec, Verb::up).error, "");
    const auto before = world.fingerprint();
    const auto changed = with_directory(spec, world, "/opt/app");
    const auto with_theirs = world.fingerprint();
    for (const auto verb : {Verb::down, Verb::destroy}) {
      const auto error = run(world, changed, verb).error;
      EXPECT_NE(error.find("tank/dex/live-0 is mounted at " + spec.nodes[0].directory + "/data"), std::string::npos)
          << error;
      EXPECT_NE(error.find("at /opt/app/data"), std::string::npos) << error;
    }
    // The replicas were not stopped either.
    EXPECT_EQ(world.fingerprint(), with_theirs);
    EXPECT_NE(before, with_theirs);
  }
}

TEST(Destroy, AnUpThatWasCutOffDoesNotMakeAnotherDirectoryOurs) {
  const auto spec = a_spec(spec::RuntimeKind::compose);
  World world{{}};
  world.set_fault([](const std::string& node, const node::Request& request) -> std::optional<Error> {
    if (node != "a" || !std::holds_alternative<node::MakeDirectory>(request)) return std::nullopt;
    return Error{ErrorKind::failed, "No space left on device", {}, {}, {}};
  });
  ASSERT_NE(run(world, spec, Verb::up).error, "");
  world.set_fault({});
  ASSERT_TRUE(world.host("a").pools.at("tank").datasets.contains("tank/dex"));
  const auto changed = with_directory(spec, world, "/opt/app");
  const auto error = run(world, changed, Verb::up).error;
  EXPECT_NE(error.find("/opt/app is not empty and carries no mark of dugong"), std::string::npos) << error;
  EXPECT_EQ(run(world, changed, Verb::destroy).error, "");
  EXPECT_EQ(look_at(world, "a", "/opt/app/bin/tool").content.bytes, "theirs");
  EXPECT_EQ(look_at(world, "a", "/opt/app/docker-compose.yaml").content.bytes, "theirs");
}

TEST(Destroy, KilledAnywhereAndRunAgainLeavesNothing) {
  const auto spec = a_spec(spec::RuntimeKind::process);
  bool killed = true;
  for (std::uint64_t at = 1; killed && at < 2000; at += 7) {
    World world{{.seed = at}};
    ASSERT_EQ(run(world, spec, Verb::up).error, "");
    world.kill_after(at);
    (void)run(world, spec, Verb::destroy);
    killed = world.killed();
    world.kill_after(0);
    ASSERT_EQ(run(world, spec, Verb::destroy).error, "") << world.killed_at();
    for (std::size_t i = 0; i < spec.nodes.size(); ++i)
      ASSERT_FALSE(look_at(world, spec.nodes[i].name, spec.nodes[i].directory).exists)
          << spec.nodes[i].name << " " << world.killed_at();
    EXPECT_TRUE(world.violations().empty());
  }
  EXPECT_FALSE(killed) << "the run is longer than the test thought";
}

// c follows b: were b taken away first, its slot could not be dropped and c would stay.
TEST(Destroy, AnUpstreamWithItsFollower) {
  const auto spec = kit::processes({{'a'}, {'b'}, {'c', 'b'}});
  bool killed = true;
  for (std::uint64_t at = 1; killed && at < 2000; at += 5) {
    World world{{.seed = at}};
    ASSERT_EQ(run(world, spec, Verb::up).error, "");
    world.kill_after(at);
    const auto first = run(world, spec, Verb::destroy, {"b", "c"}).error;
    killed = world.killed();
    EXPECT_TRUE(killed || first.empty()) << first;
    world.kill_after(0);
    ASSERT_EQ(run(world, spec, Verb::destroy, {"b", "c"}).error, "") << world.killed_at();
    for (std::size_t i = 1; i < spec.nodes.size(); ++i)
      ASSERT_FALSE(look_at(world, spec.nodes[i].name, spec.nodes[i].directory).exists)
          << spec.nodes[i].name << " " << world.killed_at();
    ASSERT_EQ(world.fingerprint().find("slot dugong_"), std::string::npos) << world.killed_at();
  }
  EXPECT_FALSE(killed) << "the run is longer than the test thought";
}

TEST(DeadReplica, DoesNotStandInTheWayOfTheOthers) {
  const auto spec = a_spec(spec::RuntimeKind::process);
  World world{{}};
  ASSERT_EQ(run(world, spec, Verb::up).error, "");
  world.set_reachable("b", false);
  EXPECT_NE(run(world, spec, Verb::up).error, "");  // all of the file needs all of its nodes
  EXPECT_EQ(run(world, spec, Verb::down, {"c"}).error, "");
  EXPECT_EQ(run(world, spec, Verb::destroy, {"c"}).error, "");
  EXPECT_EQ(run(world, spec, Verb::up, {"c"}).error, "");
  EXPECT_NE(run(world, spec, Verb::down, {"b"}).error, "");
}

TEST(DeadPrimary, IsNotLockedToStopAReplica) {
  const auto spec = a_spec(spec::RuntimeKind::process);
  World world{{}};
  ASSERT_EQ(run(world, spec, Verb::up).error, "");
  world.set_reachable("a", false);
  const auto done = run(world, spec, Verb::destroy, {"c"});
  EXPECT_EQ(done.error, "");
  EXPECT_TRUE(has(done.notes, "a cannot be reached and is not locked"));
}

}  // namespace
}  // namespace dugong::sim
