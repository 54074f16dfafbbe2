// Short words for tests of the simulated world: one node's door, a primary with its data, a replica beside it.
#pragma once

#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "spec/spec.h"
#include "test/sim/sim_node.h"
#include "test/sim/world.h"

namespace dugong::sim::kit {

inline const zfs::Properties marked = {{"dugong:cluster", "dex"}};

inline zfs::Properties with(zfs::Properties base, const zfs::Properties& more) {
  for (const auto& [key, value] : more) base[key] = value;
  return base;
}

// A world and a living controller. Everything runs as processes: no container is needed to show most things.
class Kit {
 public:
  explicit Kit(Options options = {}) : world{std::move(options)}, fleet{world.new_controller()} {}

  template <class Question>
  Result<typename Question::Answer> ask(const std::string& node, Question question) {
    auto door = fleet->node(node);
    if (!door) return fail(door.error());
    return node::ask(**door, std::move(question), Deadline{});
  }
  // As ask, for what must work.
  template <class Question>
  typename Question::Answer must(const std::string& node, Question question) {
    auto answer = ask(node, std::move(question));
    EXPECT_TRUE(answer) << (answer ? "" : answer.error().what);
    return answer ? *answer : typename Question::Answer{};
  }
  Result<node::CopyResult> copy(const std::string& from, const zfs::Send& send, const std::string& to,
                                const std::string& dataset) {
    return fleet->copy({from, send, to, {dataset}}, {}, Deadline{}, {});
  }

  void create(const std::string& node, const std::string& dataset, const zfs::Properties& more = {}) {
    must(node, zfs::Create{dataset, with(marked, more)});
  }
  void snapshot(const std::string& node, const std::string& name) { must(node, zfs::Snapshot{name, false, marked}); }
  void write(const std::string& node, const std::string& path, const std::string& text, std::uint32_t mode = 0600,
             std::uint32_t owner = postgres_uid) {
    must(node, node::WriteFile{path, {text}, mode, owner, owner});
  }

  static constexpr std::uint32_t postgres_uid = 105;
  World world;
  std::unique_ptr<node::Fleet> fleet;
};

inline runtime::Server process(const std::string& node, std::uint16_t port = 5432) {
  runtime::Server server;
  server.kind = runtime::Kind::process;
  server.bin_dir = "/usr/lib/postgresql/14/bin";
  server.os_user = "postgres";
  server.data = "/srv/" + node + "/data";
  server.log_file = "/srv/" + node + "/logs/server.log";
  server.port = port;
  return server;
}

inline std::string conf_of(const std::string& node, const std::string& more = {}) {
  return "listen_addresses = '*'\nunix_socket_directories = '/srv/" + node +
         "/run'\narchive_mode = on\narchive_command = '''/srv/" + node + "/bin/dugong-wal'' push %p ''/srv/" + node +
         "/archive'' %f'\n" + more;
}

inline node::SqlTarget target(const std::string& node, const std::string& database = "postgres",
                              std::uint16_t port = 5432) {
  return {"/srv/" + node + "/run", port, "postgres", database, "/srv/" + node + "/superuser.pass"};
}

// The directories and secrets of a node, and its parent dataset.
inline void prepare(Kit& kit, const std::string& node) {
  kit.create(node, "tank/dex", {{"mountpoint", "none"}});
  for (const auto* name : {"", "/logs", "/run", "/bin", "/archive"})
    kit.must(node, node::MakeDirectory{"/srv/" + node + name, 0755, Kit::postgres_uid, Kit::postgres_uid});
  kit.write(node, "/srv/" + node + "/superuser.pass", "secret\n");
  kit.write(node, "/srv/" + node + "/replication.pgpass", "*:*:*:replicator:mirror\n");
  kit.must(node, node::InstallWalClient{"/srv/" + node + "/bin"});
}

// A live dataset with an initialised data directory, not started.
inline void make_data(Kit& kit, const std::string& node) {
  prepare(kit, node);
  kit.create(node, "tank/dex/live-0", {{"mountpoint", "/srv/" + node + "/data"}});
  kit.must(node, node::MakeDirectory{"/srv/" + node + "/data", 0700, Kit::postgres_uid, Kit::postgres_uid});
  kit.must(node, runtime::InitData{process(node), "postgres", "/srv/" + node + "/superuser.pass"});
  kit.write(node, "/srv/" + node + "/data/postgresql.conf", conf_of(node));
}

inline void start(Kit& kit, const std::string& node) {
  kit.must(node, runtime::StartServer{process(node)});
  kit.world.sleep(Millis{1000});
}

inline Result<postgres::StatementResult> sql(Kit& kit, const std::string& node, const std::string& query,
                                             std::vector<std::string> parameters = {},
                                             const std::string& database = "postgres") {
  auto answer = kit.ask(node, node::RunSql{target(node, database), {{query, std::move(parameters)}}});
  if (!answer) return fail(answer.error());
  if (!answer->connected) return fail(ErrorKind::unreachable, answer->sqlstate + " " + answer->message);
  return answer->calls.at(0).back();
}

// The first cell of the last statement's answer.
inline std::string cell(Kit& kit, const std::string& node, const std::string& query,
                        std::vector<std::string> parameters = {}) {
  auto result = sql(kit, node, query, std::move(parameters));
  if (!result) return "error: " + result.error().what;
  if (!result->ok()) return result->sqlstate + " " + result->message;
  return result->rows.empty() ? "" : result->rows[0][0].value_or("null");
}

inline postgres::ServerSql observed(Kit& kit, const std::string& node) {
  auto answer = kit.ask(node, node::RunSql{target(node), {{"observe", {}}}});
  EXPECT_TRUE(answer && answer->connected);
  if (!answer || !answer->connected) return {};
  auto parsed = postgres::parse_server(answer->calls.at(0));
  EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error().what);
  return parsed ? *parsed : postgres::ServerSql{};
}

inline void make_primary(Kit& kit, const std::string& node) {
  make_data(kit, node);
  start(kit, node);
  kit.must(node, node::SetRolePassword{target(node), "replicator", {"mirror"}, true});
  kit.write(node, "/srv/" + node + "/data/pg_hba.conf",
            "local all all scram-sha-256\nhost replication replicator 10.0.0.0/24 scram-sha-256\n");
  (void)sql(kit, node, "reload");
}

struct Follow {
  std::string from = "a";
  std::string to = "b";
  std::string slot = "dugong_b";
  std::string settings;  // more lines of postgresql.conf
  std::string user = "replicator";
  bool make_slot = true;
  bool clean = true;
  bool signal = true;
};

// What a copy must lose, and what makes it a standby.
inline void configure_standby(Kit& kit, const Follow& follow) {
  const auto data = "/srv/" + follow.to + "/data";
  if (follow.clean)
    kit.must(follow.to, node::RemovePaths{data, {"postmaster.pid"}, {"pg_replslot", "pg_wal/archive_status"}});
  const auto address = kit.world.host(follow.from).address;
  kit.write(follow.to, data + "/postgresql.conf", conf_of(follow.to, follow.settings));
  kit.write(follow.to, data + "/postgresql.auto.conf",
            "primary_conninfo = 'host=" + address + " port=5432 user=" + follow.user + " passfile=/srv/" + follow.to +
                "/replication.pgpass application_name=" + follow.to + "'\nprimary_slot_name = '" + follow.slot + "'\n");
  if (follow.signal) kit.write(follow.to, data + "/standby.signal", "");
}

// Slot, snapshot, copy into an anchor, clone: everything of a replica but its start.
inline void make_replica(Kit& kit, const Follow& follow = {}) {
  prepare(kit, follow.to);
  if (follow.make_slot) (void)sql(kit, follow.from, "create_slot", {follow.slot});
  kit.snapshot(follow.from, "tank/dex/live-0@seed");
  kit.must(follow.to, zfs::SetProperties{"tank/dex", {{"readonly", "on"}}});
  auto copied = kit.copy(follow.from, {"tank/dex/live-0@seed", ""}, follow.to, "tank/dex/anchor-0");
  EXPECT_TRUE(copied) << (copied ? "" : copied.error().what);
  kit.must(follow.to, zfs::Clone{"tank/dex/anchor-0@seed", "tank/dex/live-0",
                                 with(marked, {{"mountpoint", "/srv/" + follow.to + "/data"}, {"readonly", "off"}})});
  configure_standby(kit, follow);
}

inline bool violated(Kit& kit, const std::string& what) {
  for (const auto& one : kit.world.violations())
    if (one.starts_with(what)) return true;
  return false;
}

inline zfs::Dataset listed(Kit& kit, const std::string& node, const std::string& name) {
  for (auto& one : kit.must(node, zfs::ListTree{"tank"}))
    if (one.name == name) return one;
  return {};
}

struct Member {
  char name = 'a';
  char follows = 0;                                                  // 0: left out
  unsigned host = static_cast<unsigned char>(name) - unsigned{'a'};  // of the world's hosts
};
inline spec::Spec cluster_of(const std::string& postgres, const std::vector<Member>& members, const std::string& more) {
  const spec::Surroundings nothing{[](std::string_view) { return std::nullopt; },
                                   [](const std::string&) -> Result<std::string> { return std::string{}; }};
  auto text = "cluster = \"dex\"\n[postgres]\n" + postgres +
              "[auth]\nsuperuser_password = \"sup3r\"\nreplication_password = \"mirr0r\"\n" + more;
  for (const auto& member : members) {
    text += std::string{"[[node]]\nname = \""} + member.name + "\"\naddress = \"10.0.0." +
            std::to_string(member.host + 1) + "\"\nssh = \"root@h" + member.name + "\"\nprefix = \"tank/dex\"\n";
    if (member.follows != 0) text += std::string{"follows = \""} + member.follows + "\"\n";
  }
  auto spec = spec::parse_spec(text, "dugong.toml", nothing);
  EXPECT_TRUE(spec) << spec.error().what;
  return *spec;
}
inline spec::Spec processes(const std::vector<Member>& members, const std::string& more = {}) {
  return cluster_of("runtime = \"process\"\nbin_dir = \"/usr/lib/postgresql/14/bin\"\n", members, more);
}
inline spec::Spec containers(const std::vector<Member>& members, const std::string& more = {}) {
  return cluster_of("image = \"timescale/timescaledb:2.19.1-pg14\"\n", members, more);
}
// Where the replicas do not matter.
inline spec::Spec one_node() { return processes({{'a'}}); }

}  // namespace dugong::sim::kit
