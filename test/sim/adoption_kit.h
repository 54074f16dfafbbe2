// A database that somebody set up by hand, in the simulated world: what the scenarios of adoption begin with.
#pragma once

#include <array>
#include <gtest/gtest.h>

#include "cluster/adopt.h"
#include "cluster/layout.h"
#include "cluster/plan_up.h"
#include "engine/engine.h"
#include "test/sim/kit.h"
#include "test/sim/parts.h"

namespace dugong::sim::by_hand {

using Kind = spec::RuntimeKind;

inline constexpr const char* data = "/tank/data";
inline constexpr const char* old_file = "/srv/old/docker-compose.yaml";

inline constexpr const char* old_compose =
    "services:\n"
    "  db:\n"
    "    container_name: \"old-pg\"\n"
    "    image: \"timescale/timescaledb:2.19.1-pg14\"\n"
    "    restart: \"unless-stopped\"\n"
    "    command:\n"
    "      - \"-cmax_connections=300\"\n"
    "      - \"-cmax_wal_size=4GB\"\n"
    "      - \"-carchive_mode=on\"\n"
    "      - \"-carchive_command=cp %p /var/lib/postgresql/wal_archive/%f\"\n"
    "    labels:\n"
    "      com.docker.compose.project.config_files: \"/srv/old/docker-compose.yaml\"\n"
    "    volumes:\n"
    "      - type: \"bind\"\n"
    "        source: \"/tank/data\"\n"
    "        target: \"/var/lib/postgresql/data\"\n";

inline spec::Spec a_spec(Kind kind, const std::string& nodes, const std::string& settings) {
  const spec::Surroundings nothing{[](std::string_view) { return std::nullopt; },
                                   [](const std::string&) -> Result<std::string> { return std::string{}; }};
  const std::string how = kind == Kind::process
                              ? "runtime = \"process\"\nbin_dir = \"/usr/lib/postgresql/14/bin\"\nextensions = []\n"
                              : "image = \"timescale/timescaledb:2.19.1-pg14\"\n";
  const auto text = "cluster = \"dex\"\n[postgres]\n" + how + "[postgres.settings]\n" + settings +
                    "[auth]\nsuperuser_password = \"sup3r\"\nreplication_password = \"mirr0r\"\n" + nodes;
  auto spec = spec::parse_spec(text, "dugong.toml", nothing);
  EXPECT_TRUE(spec) << spec.error().where << " " << spec.error().what;
  return *spec;
}

inline std::string node_of(char name, const std::string& more) {
  return std::string{"[[node]]\nname = \""} + name + "\"\naddress = \"10.0.0." + std::to_string(name - 'a' + 1) +
         "\"\nssh = \"root@h" + name + "\"\nprefix = \"tank/dex\"\n" + more;
}
inline const std::string adopting = "adopt = \"tank/data\"\n";
inline const std::string file_settings = "max_connections = 300\nmax_wal_size = \"4GB\"\n";

struct Stage {
  explicit Stage(Kind kind_in, std::uint64_t seed = 1, std::string settings = file_settings)
      : kind{kind_in},
        spec{a_spec(kind, node_of('a', adopting) + node_of('b', ""), settings)},
        kit{{.seed = seed, .secrets = {"mirr0r"}}} {}

  Kind kind;
  spec::Spec spec;
  kit::Kit kit;
  World& world() { return kit.world; }

  [[nodiscard]] runtime::Server old_server() const {
    if (kind == Kind::compose)
      return {.kind = runtime::Kind::compose, .project = "old-pg", .compose_file = old_file, .data = data};
    auto server = kit::process("old");
    server.data = data;
    return server;
  }
  // As the runbook leaves it: a dataset of its own, mounted; a server that was started by hand.
  void make_old() {
    kit.must("a", zfs::Create{"tank/data", {{"mountpoint", data}, {"canmount", "on"}}});
    auto& host = world().host("a");
    for (const auto* directory : {"/srv/old", "/srv/old/logs", "/srv/old/run"})
      kit.must("a", node::MakeDirectory{directory, 0755, 0, 0});
    const auto software = software_of(world().state(), old_server().kind);
    kit.must("a", node::MakeDirectory{data, 0700, software.uid, software.gid});
    EXPECT_TRUE(init_data(world().state(), host, data, software, "postgres", "sup3r", kind == Kind::compose));
    kit.write("a", std::string{data} + "/pg_hba.conf", "local all all trust\nhost all all all scram-sha-256\n", 0600,
              software.uid);
    if (kind == Kind::compose) return kit.write("a", old_file, old_compose, 0644, 0);
    kit.write("a", std::string{data} + "/postgresql.conf",
              "max_connections = 300\nunix_socket_directories = '/srv/old/run'\n", 0600, software.uid);
  }
  bool start_old() {
    auto started = kit.ask("a", runtime::StartServer{old_server()});
    world().sleep(Millis{2000});
    return started && world().server_on("a") != nullptr && world().server_on("a")->running();
  }
  void make_old_running() {
    make_old();
    EXPECT_TRUE(start_old());
  }

  Error run(const engine::Planner& planner) {
    auto fleet = world().new_controller();
    SimClock clock{world()};
    engine::Context context{spec, *fleet, clock, [](const Event&) {}, {}, "test"};
    auto locked = engine::lock_all(context);
    const auto done = locked ? engine::converge(context, planner) : Result<engine::Converged>{fail(locked.error())};
    kit.fleet = world().new_controller();  // for what the test asks next
    return done ? Error{} : done.error();
  }
  Error up() {
    return run([&](const cluster::Observed& seen) { return cluster::plan_up(spec, seen, {}); });
  }
  Error down(bool destroy, const std::set<std::string>& only = {}) {
    return run([&](const cluster::Observed& seen) {
      return cluster::plan_down(spec, seen, {.only = only, .destroy = destroy});
    });
  }
  Result<cluster::Plan> plan() {
    auto fleet = world().new_controller();
    SimClock clock{world()};
    engine::Context context{spec, *fleet, clock, [](const Event&) {}, {}, "test"};
    auto plan = cluster::plan_up(spec, engine::observe(context, engine::Depth::full), {});
    kit.fleet = world().new_controller();
    return plan;
  }
  // What is refused, and that nothing was done before it was.
  Error refused() {
    const auto before = world().fingerprint();
    auto error = up();
    EXPECT_EQ(error.kind, ErrorKind::refused) << error.what;
    EXPECT_EQ(world().fingerprint(), before);
    return error;
  }

  zfs::Dataset dataset() { return kit::listed(kit, "a", "tank/data"); }
  bool exists(const std::string& path) { return kit.must("a", node::ReadFile{path, 0}).exists; }
  Server* server(const std::string& name) {
    auto& servers = world().host("a").servers;
    const auto it = servers.find(name);
    return it == servers.end() ? nullptr : &it->second;
  }
  SystemId system() {
    auto facts = kit.must("a", node::InspectData{data});
    return facts.control ? facts.control->system_identifier : SystemId{};
  }
  std::string violations() {
    std::string text;
    for (const auto& one : world().violations()) text += one + "\n";
    return text;
  }
};

inline constexpr std::array kinds = {Kind::process, Kind::compose};

// As the runbook makes it: a snapshot is sent into a dataset that is then PGDATA, and standby.signal is written.
inline void make_replica_by_hand(Stage& stage) {
  stage.make_old_running();
  (void)stage.world()
      .host("a")
      .pools.at("tank")
      .datasets.at("tank/data")
      .tree->clusters.at("")
      .catalog.roles.try_emplace("replicator", RoleRow{true, true, false, "mirr0r", "SCRAM-x"});
  stage.kit.must("a", zfs::Snapshot{"tank/data@replica-init", false, {}});
  auto& from = stage.world().host("a").pools.at("tank");
  auto& pool = stage.world().host("b").pools.at("tank");
  stage.kit.must("b", zfs::Create{"tank/data", {{"mountpoint", data}, {"canmount", "on"}}});
  auto& received = pool.datasets.at("tank/data");
  received.tree = std::make_shared<Tree>(*from.snapshots.at("tank/data@replica-init").tree);
  auto row = from.snapshots.at("tank/data@replica-init");
  row.tree = received.tree;
  pool.snapshots["tank/data@replica-init"] = row;
  auto software = software_of(stage.world().state(), stage.old_server().kind);
  for (const auto* left : {"postmaster.pid", "postmaster.opts"}) received.tree->files.erase(left);
  received.tree = std::make_shared<Tree>(*received.tree);
  stage.kit.write("b", std::string{data} + "/standby.signal", "", 0600, software.uid);
  stage.kit.write("b", std::string{data} + "/postgresql.auto.conf",
                  "primary_conninfo = 'host=10.0.0.1 port=5432 user=repl_user password=repl'\n", 0600, software.uid);
  auto& control = received.tree->clusters.at("").control;
  control.state = postgres::DbState::shutdowned_in_recovery;
  stage.spec = a_spec(stage.kind, node_of('a', adopting) + node_of('b', adopting), file_settings);
}

}  // namespace dugong::sim::by_hand
