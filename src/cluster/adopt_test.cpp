// What differs between a server as it is and as the file says it, what must not be lost, and in which order it is taken
// over. Whole adoptions, killed anywhere, are in test/sim.
#include "cluster/adopt.h"

#include <algorithm>
#include <functional>
#include <gtest/gtest.h>

#include "base/text.h"
#include "cluster/plan_up.h"
#include "test/support/observed.h"

namespace dugong::cluster {
namespace {

constexpr const char* opts = "/usr/local/bin/postgres \"-cmax_wal_size=4GB\"\n";

// A container that somebody made serves tank/data; nothing of ours is there yet.
struct World {
  spec::Spec spec = test::a_spec();
  Observed seen;
  World() {
    auto& node = spec.nodes[0];
    node.adopt = "tank/data";
    node.data = "/srv/pg/data";
    spec.postgres.settings = {{"max_wal_size", "4GB", {}}};
    for (const auto& one : spec.nodes) seen.nodes.push_back(test::bare(one));
    zfs::Dataset dataset;
    dataset.name = "tank/data";
    dataset.mountpoint = "/srv/pg/data";
    dataset.canmount = "on";
    dataset.mounted = true;
    a().storage.value->push_back(dataset);
    a().data = test::sampled(
        postgres::DataFacts{.exists = true, .empty = false, .version = "17", .control = test::a_control()});
    data().uid = data().gid = 70;
    data().files = {{"postgresql.conf", "listen_addresses = '*'\nshared_preload_libraries = 'timescaledb'\n"},
                    {"postgresql.auto.conf", "work_mem = '8MB'\n"},
                    {"pg_hba.conf", "local all all trust\n"},
                    {"postmaster.opts", opts}};
    server().containers = {{.name = "old-pg",
                            .state = runtime::ServerState::running,
                            .image_id = "sha256:aa",
                            .restart_policy = "always",
                            .compose_files = {"/srv/pg/docker-compose.yaml"},
                            .serves = true}};
    server().strangers = {"container old-pg (running, restart policy \"always\")"};
  }
  ObservedNode& a() { return seen.nodes[0]; }
  postgres::DataFacts& data() { return *a().data.value; }
  runtime::ServerFacts& server() { return *a().server.value; }
  zfs::Dataset& dataset() { return a().storage.value->back(); }
  Ground ground() { return *ground_of(spec, seen, spec.nodes[0]); }
  std::string refusal() {
    const auto plan = plan_up(spec, seen, {});
    return plan ? "" : plan.error().what + "|" + plan.error().next;
  }
};

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST(OldSettings, AreReadWithWhatTheFilesInclude) {
  World world;
  world.data().files["postgresql.conf"] =
      "work_mem = 1MB\ninclude 'a.conf'\nport = 1\ninclude_if_exists 'dugong.conf'\n";
  world.data().files["a.conf"] = "work_mem = 2MB\nport = 2\n";
  world.data().files["dugong.conf"] = "work_mem = 9MB\n";
  world.data().files["postgresql.auto.conf"] = "";
  world.data().files["postmaster.opts"] = "";
  const auto all = old_settings(world.ground()).value();
  std::string text;
  for (const auto& one : all) text += one.name + "=" + one.value + " (" + one.source + ") ";
  EXPECT_EQ(text, "work_mem=2MB (a.conf line 1) port=1 (postgresql.conf line 3) ");
}

TEST(OldSettings, TheCommandLineBeatsAutoConfAndThatTheFile) {
  World world;
  world.data().files["postgresql.conf"] += "work_mem = 1MB\nmax_wal_size = 1GB\n";
  const auto all = *old_settings(world.ground());
  const auto source = [&](const std::string& name) { return std::ranges::find(all, name, &OldSetting::name)->source; };
  EXPECT_EQ(source("work_mem"), "postgresql.auto.conf line 1");
  EXPECT_EQ(source("max_wal_size"), "command line");
  EXPECT_EQ(source("listen_addresses"), "postgresql.conf line 1");
}

TEST(AdoptionChanges, AreWhatMovesAndWhatBecomesAnother) {
  World world;
  world.spec.postgres.settings.push_back({"work_mem", "16MB", {}});
  const auto changes = *changes_of_settings(world.ground());
  const auto find = [&](const std::string& what) {
    const auto it = std::ranges::find(changes, what, &AdoptionChange::what);
    return it == changes.end() ? AdoptionChange{} : *it;
  };
  EXPECT_EQ(find("max_wal_size"), (AdoptionChange{"max_wal_size", "4GB", "4GB", "command line", false}));
  EXPECT_EQ(find("work_mem"), (AdoptionChange{"work_mem", "8MB", "16MB", "postgresql.auto.conf line 1", false}));
  EXPECT_EQ(find("unix_socket_directories").from, "");
  EXPECT_TRUE(find("archive_mode").restart);
  EXPECT_EQ(find("listen_addresses").what, "") << "it is so already";
  EXPECT_EQ(find("max_connections").what, "") << "PostgreSQL's own value";
}

struct Lost {
  std::function<void(World&)> change;
  std::string says;
};
TEST(AdoptionChanges, NothingIsLostWithoutAWord) {
  const std::vector<Lost> cases = {
      {[](World& w) { w.spec.postgres.settings.clear(); }, "max_wal_size (command line)"},
      {[](World& w) { w.spec.postgres.settings.clear(); }, "\nmax_wal_size = \"4GB\""},
      {[](World& w) { w.data().files["postgresql.conf"] += "max_connections = 500\n"; }, "\nmax_connections = 500"},
      {[](World& w) { w.data().files["postgresql.auto.conf"] = "wal_level = logical\n"; }, "\nwal_level = \"logical\""},
      {[](World& w) {
         w.data().files["postmaster.opts"] = "postgres \"-cmax_wal_size=4GB\" \"-ctimescaledb.license=a\\b\"\n";
       },
       "\n\"timescaledb.license\" = \"a\\\\b\""},
      // dugong has no opinion on it, and the file stays.
      {[](World& w) { w.data().files["postgresql.conf"] += "random_page_cost = 1.1\n"; }, ""},
      {[](World& w) { w.data().files["postgresql.conf"] += "max_connections = 100\n"; }, ""},
  };
  for (const auto& one : cases) {
    World world;
    one.change(world);
    const auto said = world.refusal();
    EXPECT_EQ(said.empty(), one.says.empty()) << said;
    EXPECT_TRUE(has(said, one.says)) << said;
  }
}

TEST(Incumbent, IsTheOneThatRunsOrTheOnlyOne) {
  runtime::ServerFacts facts;
  EXPECT_EQ(incumbent_of(facts), nullptr);
  facts.containers = {{.name = "x", .state = runtime::ServerState::exited, .serves = true}};
  EXPECT_EQ(incumbent_of(facts)->name, "x");
  facts.containers.push_back({.name = "y", .state = runtime::ServerState::running, .serves = true});
  EXPECT_EQ(incumbent_of(facts)->name, "y");
  facts.containers[1].state = runtime::ServerState::exited;
  EXPECT_EQ(incumbent_of(facts), nullptr) << "nobody can tell which one it is";
  facts.containers[1].serves = false;
  EXPECT_EQ(incumbent_of(facts)->name, "x");
  facts.containers[0].set_aside = true;
  EXPECT_EQ(incumbent_of(facts), nullptr);
}

TEST(PlanAdoption, WritesNothingIntoTheDataBeforeTheOldServerHasStopped) {
  World world;
  const auto plan = plan_up(world.spec, world.seen, {});
  ASSERT_TRUE(plan) << plan.error().what;
  const auto position = [&](const auto& is) {
    return std::ranges::find_if(plan->steps, [&](const Step& step) { return step.node == "a" && is(step.action); }) -
           plan->steps.begin();
  };
  const auto marked = position([](const Action& action) {
    const auto* set = std::get_if<zfs::SetProperties>(&action);
    return set != nullptr && set->name == "tank/data" && set->properties.contains("dugong:old_container");
  });
  const auto renamed = position([](const Action& action) { return std::holds_alternative<RenameFile>(action); });
  const auto retired =
      position([](const Action& action) { return std::holds_alternative<runtime::RetireContainer>(action); });
  const auto written = position([](const Action& action) {
    const auto* write = std::get_if<WriteFile>(&action);
    return write != nullptr && write->path.starts_with("/srv/pg/data/");
  });
  const auto started =
      position([](const Action& action) { return std::holds_alternative<runtime::StartServer>(action); });
  EXPECT_LT(marked, renamed) << "what it was is remembered before it is changed";
  EXPECT_LT(renamed, retired) << "what node.toml forbids is refused while the server still runs";
  EXPECT_LT(retired, written);
  EXPECT_LT(written, started);
  EXPECT_LT(started, static_cast<std::ptrdiff_t>(plan->steps.size()));
  for (const auto& step : plan->steps) {
    EXPECT_FALSE(is_destructive(step.action)) << describe(step.action);
    EXPECT_FALSE(std::holds_alternative<runtime::InitData>(step.action));
  }
}

TEST(PlanAdoption, RemembersTheOldWayOnlyOnce) {
  World world;
  world.dataset().ours = {{"cluster", "dex"},       {"node", "a"},         {"role", "live"},
                          {"adopted", "yes"},       {"state", "adopting"}, {"old_container", "old-pg"},
                          {"old_restart", "always"}};
  world.server().containers[0].restart_policy = "no";  // cut off in the middle of its retirement
  const auto plan = plan_up(world.spec, world.seen, {});
  ASSERT_TRUE(plan) << plan.error().what;
  for (const auto& step : plan->steps) {
    const auto* set = std::get_if<zfs::SetProperties>(&step.action);
    EXPECT_FALSE(set != nullptr && set->properties.contains("dugong:old_restart"));
  }
}

TEST(PlanAdoption, RemembersAContainerThatWasMadeAnewUnderAnotherName) {
  World world;
  world.dataset().ours = {{"cluster", "dex"},        {"node", "a"},
                          {"role", "live"},          {"adopted", "yes"},
                          {"state", "adopting"},     {"old_container", "x_db_1"},
                          {"old_restart", "always"}, {"old_compose", "/srv/x.yaml"}};
  world.server().containers[0].restart_policy = "unless-stopped";
  world.server().containers[0].compose_files.clear();
  const auto plan = plan_up(world.spec, world.seen, {});
  ASSERT_TRUE(plan) << plan.error().what;
  zfs::Properties marks;
  for (const auto& step : plan->steps)
    if (const auto* set = std::get_if<zfs::SetProperties>(&step.action))
      marks.insert(set->properties.begin(), set->properties.end());
  EXPECT_EQ(marks["dugong:old_container"], "old-pg");
  EXPECT_EQ(marks["dugong:old_restart"], "unless-stopped");
  EXPECT_EQ(marks["dugong:old_compose"], "none");
}

TEST(PlanAdoption, ShowsWhatElseTheOldWayWas) {
  World world;
  world.server().containers[0].project = "timescale";
  world.server().containers[0].image_id = "sha256:other";
  const auto adoption = adoption_of(world.ground()).value();
  const auto project = std::ranges::find(adoption.changes, "compose project", &AdoptionChange::what);
  ASSERT_NE(project, adoption.changes.end());
  EXPECT_EQ(project->from, "timescale");
  const auto plan = plan_up(world.spec, world.seen, {});
  ASSERT_TRUE(plan) << plan.error().what;
  const auto notes = join(plan->notes, "\n");
  EXPECT_TRUE(has(notes, "other services of /srv/pg/docker-compose.yaml"));
  EXPECT_TRUE(has(notes, "indexes on text are wrong until REINDEX"));
}

TEST(Release, NeedsTheDataToBeSeen) {
  World world;
  world.dataset().ours = {{"cluster", "dex"}, {"node", "a"}, {"role", "live"}, {"adopted", "yes"}, {"state", "ready"}};
  EXPECT_TRUE(judge_release(world.spec, world.spec.nodes[0], world.a()));
  world.dataset().mounted = false;
  const auto refused = judge_release(world.spec, world.spec.nodes[0], world.a());
  ASSERT_FALSE(refused);
  EXPECT_TRUE(has(refused.error().next, "zfs mount tank/data"));
  world.dataset().ours.clear();
  EXPECT_TRUE(judge_release(world.spec, world.spec.nodes[0], world.a())) << "not adopted, or given back already";
}

struct Refused {
  std::function<void(World&)> change;
  std::string says;
};
TEST(JudgeAdoption, RefusesWithWhatToDo) {
  const std::vector<Refused> cases = {
      {[](World& w) { w.dataset().mounted = false; }, "zfs mount tank/data"},
      {[](World& w) { w.dataset().mountpoint = "legacy"; }, "zfs set mountpoint=/srv/pg/data tank/data"},
      {[](World& w) {
         w.dataset().ours = {{"cluster", "other"}, {"node", "z"}};
       },
       "node 'z' of cluster 'other'"},
      {[](World& w) {
         w.data().version.clear();
         w.a().databases_elsewhere = {"/srv/pg/data/pgdata"};
       },
       "data = \"/srv/pg/data/pgdata\""},
      {[](World& w) { w.data().files.erase("pg_hba.conf"); }, "pg_hba.conf is not in /srv/pg/data"},
      {[](World& w) { w.data().files["postgresql.conf"] += "include '/etc/pg.conf'\n"; },
       "line 3 includes /etc/pg.conf"},
      {[](World& w) { w.data().files["postgresql.conf"] += "include 'more.conf'\n"; },
       "line 3 includes more.conf, which is not there"},
      {[](World& w) {
         w.data().files["postgresql.conf"] += "include_dir 'conf.d'\n";
         w.data().files["conf.d/10-size.conf"] = "max_connections = 7\n";
       },
       "would lose them: max_connections (conf.d/10-size.conf line 1)"},
      {[](World& w) {
         w.data().files["postgresql.conf"] += "include 'a.conf'\n";
         w.data().files["a.conf"] = "include '../b.conf'\n";
       },
       "a.conf line 1 includes ../b.conf, which is outside"},
      {[](World& w) { w.data().files["postmaster.opts"] = "p \"-cmax_wal_size=4GB\" \"-cconfig_file=/etc/p.conf\"\n"; },
       "config_file is /etc/p.conf (command line)"},
      {[](World& w) { w.data().entries = {"recovery.signal"}; }, "recovery.signal"},
      {[](World& w) { w.data().entries = {"backup_label"}; }, "backup_label"},
      {[](World& w) { w.data().entries = {"standby.signal"}; }, "it is a replica"},
      {[](World& w) { w.server().containers[0].state = runtime::ServerState::exited; }, "was not shut down"},
      {[](World& w) { w.server().strangers.emplace_back("container backup (exited)"); }, "in use by container backup"},
      {[](World& w) { w.server().containers[0].goes_when_stopped = true; }, "container old-pg was made with --rm"},
      {[](World& w) { w.server().units = {"pg.service"}; }, "systemctl disable --now pg.service"},
      {[](World& w) { w.data().links["pg_wal"] = "/fast/wal"; }, "outside of what one atomic snapshot holds"},
      {[](World& w) { w.data().version = "16"; }, "is data of PostgreSQL 16"},
      {[](World& w) { w.data().uid = 999; }, "belongs to user 999"},
      {[](World& w) { w.data().files["pg_hba.conf"] = "local all postgres peer\nlocal all all trust\n"; },
       "'peer' (line 1)"},
      {[](World& w) { w.data().slots.assign(10, "theirs"); }, "max_replication_slots = 11"},
      {[](World& w) {
         auto& storage = *w.a().storage.value;
         storage.push_back(test::a_dataset(w.spec, w.spec.nodes[0], w.spec.nodes[0].prefix, "parent"));
         storage.push_back(test::a_dataset(w.spec, w.spec.nodes[0], w.spec.nodes[0].prefix + "/live-0", "live"));
       },
       "give up that data with `dugong down a --destroy --confirm=dex`"},
  };
  for (const auto& one : cases) {
    World world;
    one.change(world);
    const auto said = world.refusal();
    EXPECT_TRUE(has(said, one.says)) << one.says << ": " << said;
  }
  EXPECT_EQ(World{}.refusal(), "");
}

TEST(PlanAdoption, SaysWhenWhatMadeTheContainerIsNotKnown) {
  World known;
  World unknown;
  unknown.server().containers[0].compose_files.clear();
  const auto told = [](World& scene) {
    const auto plan = plan_up(scene.spec, scene.seen, {});
    return plan && has(join(plan->notes, "\n"), "container old-pg names no Compose file that is there");
  };
  EXPECT_FALSE(told(known));
  EXPECT_TRUE(told(unknown));
}

}  // namespace
}  // namespace dugong::cluster
