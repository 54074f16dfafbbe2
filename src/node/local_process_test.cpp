// A real PostgreSQL of this host, where there is one: initdb, start, look, stop.
#include <algorithm>
#include <gtest/gtest.h>
#include <optional>
#include <pwd.h>

#include "node/installed_postgres_test.h"
#include "node/local_sandbox.h"
#include "node/local_server.h"
#include "os/host.h"
#include "os/spawn.h"

namespace dugong::node {
namespace {

bool run_ok(std::vector<std::string> argv) {
  os::Command command;
  command.argv = std::move(argv);
  const auto output = os::run(std::move(command), os::deadline_in(Millis{20'000}));
  return output && output->exit.ok();
}

class LocalProcess : public LocalSandbox {
 protected:
  void SetUp() override {
    tool("docker", "exit 1");  // no engine: what is found comes from the processes
    server_.kind = runtime::Kind::process;
    server_.bin_dir = installed_postgres();
    server_.os_user = "postgres";
    server_.data = path("data");
    server_.log_file = path("server.log");
    server_.port = 54329;
    const auto* user = ::getpwnam("postgres");
    if (server_.bin_dir.empty() || user == nullptr || os::user_id() != 0) GTEST_SKIP() << "needs PostgreSQL and root";
    uid_ = user->pw_uid;
    gid_ = user->pw_gid;
    std::filesystem::create_directories(server_.data);
  }
  void TearDown() override {
    if (!mounted_) return;
    (void)ask_it(runtime::StopServer{server_, 20});
    EXPECT_TRUE(run_ok({"umount", server_.data}));
  }
  [[nodiscard]] bool mount_data() {
    mounted_ = run_ok({"mount", "-t", "tmpfs", "-o", "size=200m", "tmpfs", server_.data});
    own(server_.data);
    return mounted_;
  }
  void own(const std::string& name) const {
    ASSERT_TRUE(run_ok({"chown", std::to_string(uid_) + ":" + std::to_string(gid_), name}));
  }
  std::string init() {
    write("pass", "secret\n");
    own(path("pass"));
    return failure(runtime::InitData{server_, "admin", path("pass")});
  }
  runtime::ServerFacts seen() {
    const auto facts = ask_it(runtime::InspectServer{server_});
    EXPECT_TRUE(facts);
    return facts ? *facts : runtime::ServerFacts{};
  }
  runtime::Server server_;

 private:
  std::uint32_t uid_ = 0;
  std::uint32_t gid_ = 0;
  bool mounted_ = false;
};

TEST_F(LocalProcess, the_software_is_asked) {
  const auto software = ask_it(runtime::InspectSoftware{runtime::Kind::process, "", server_.bin_dir, "postgres"});
  ASSERT_TRUE(software);
  EXPECT_TRUE(has(software->id, "postgres (PostgreSQL)"));
  EXPECT_GT(software->version_number, 130000);
  EXPECT_GT(software->uid, 0U);
}

// Whoever can write there would otherwise have root run it.
TEST_F(LocalProcess, the_software_is_asked_as_its_owner) {
  tool("postgres", "echo \"postgres (PostgreSQL) 15.6 $(/usr/bin/id -u)\"");
  ASSERT_TRUE(run_ok({"chmod", "-R", "a+rwX", path("")}));
  const auto software = ask_it(runtime::InspectSoftware{runtime::Kind::process, "", path("bin"), "postgres"});
  ASSERT_TRUE(software);
  EXPECT_TRUE(has(software->id, "15.6 " + std::to_string(software->uid))) << software->id;
}

TEST_F(LocalProcess, the_log_is_read_as_its_owner) {
  write("secret", "of root\n");
  ASSERT_TRUE(run_ok({"chmod", "0600", path("secret")}));
  write("data/PG_VERSION", "15\n");
  std::filesystem::create_symlink(path("secret"), server_.log_file);
  EXPECT_EQ(seen().state, runtime::ServerState::exited);
  EXPECT_TRUE(seen().log_tail.empty());
  std::filesystem::remove(server_.log_file);
  write("server.log", "shut down\n");
  EXPECT_EQ(seen().log_tail, std::vector<std::string>{"shut down"});
}

TEST_F(LocalProcess, root_does_not_run_it) {
  EXPECT_TRUE(has(failure(runtime::InspectSoftware{runtime::Kind::process, "", server_.bin_dir, "root"}),
                  "does not run as root"));
}

TEST_F(LocalProcess, a_wrong_directory_is_named) {
  EXPECT_NE(failure(runtime::InspectSoftware{runtime::Kind::process, "", "/nowhere", "postgres"}), "");
}

TEST_F(LocalProcess, without_a_directory_there_is_no_server) {
  server_.data = path("nowhere/data");
  EXPECT_EQ(seen(), runtime::ServerFacts{});
}

TEST_F(LocalProcess, nothing_is_made_beside_the_dataset) { EXPECT_TRUE(has(init(), "no dataset is mounted at")); }

TEST_F(LocalProcess, nothing_is_made_in_a_full_directory) {
  if (!mount_data()) GTEST_SKIP() << "mounting is not allowed here";
  write("data/something", "");
  EXPECT_TRUE(has(init(), "is not empty"));
}

TEST_F(LocalProcess, from_nothing_to_a_server_and_back) {
  if (!mount_data()) GTEST_SKIP() << "mounting is not allowed here";
  EXPECT_EQ(seen().state, runtime::ServerState::absent);
  ASSERT_EQ(init(), "");
  EXPECT_EQ(seen().state, runtime::ServerState::exited);
  write("server.log", "");
  own(server_.log_file);
  write("data/postgresql.auto.conf",
        "port = 54329\nlisten_addresses = ''\nunix_socket_directories = '/tmp'\nfsync = off\n");
  ASSERT_EQ(failure(runtime::StartServer{server_}), "");
  EXPECT_EQ(seen().state, runtime::ServerState::running);
  EXPECT_TRUE(seen().strangers.empty());
  EXPECT_TRUE(has(failure(RemovePaths{server_.data, {"postmaster.pid"}, {}}), "works in"));
  EXPECT_EQ(failure(runtime::StartServer{server_}), "");
  EXPECT_EQ(failure(runtime::StopServer{server_, 20}), "");
  const auto stopped = seen();
  EXPECT_EQ(stopped.state, runtime::ServerState::exited);
  EXPECT_TRUE(std::ranges::any_of(stopped.log_tail, [](const auto& line) { return has(line, "is shut down"); }));
  const auto data = ask_it(InspectData{server_.data});
  ASSERT_TRUE(data && data->control);
  EXPECT_EQ(data->control->state, postgres::DbState::shutdowned);
}

TEST_F(LocalProcess, a_server_that_cannot_start_says_why) {
  if (!mount_data()) GTEST_SKIP() << "mounting is not allowed here";
  ASSERT_EQ(init(), "");
  write("data/postgresql.auto.conf", "no_such_setting = 1\n");
  write("server.log", "");
  own(server_.log_file);
  EXPECT_TRUE(has(failure(runtime::StartServer{server_}), "no_such_setting"));
}

os::Process process(int pid, std::string comm) {
  return {pid, std::move(comm), "postgres -D /x", 0, "working directory"};
}

TEST(Strangers, only_postgresql_counts) {
  SeenServer seen;
  const int pid = os::process_id();
  add_foreign_processes({process(pid, "bash"), process(pid, "restic"), process(pid, "vim")}, 0, seen);
  EXPECT_TRUE(seen.facts.strangers.empty());
  EXPECT_FALSE(seen.stranger_runs);
}

TEST(Strangers, a_server_without_known_process_is_foreign) {
  SeenServer seen;
  const int pid = os::process_id();
  add_foreign_processes({process(pid, "postgres")}, 0, seen);
  EXPECT_EQ(seen.facts.strangers, (std::vector{"process " + std::to_string(pid) + " (postgres -D /x)"}));
  EXPECT_TRUE(seen.stranger_runs);
}

TEST(Strangers, one_that_ended_while_it_was_looked_at_is_none) {
  constexpr int nobody = 1 << 22;  // PID_MAX_LIMIT: no process has it
  for (const int known : {0, os::process_id()}) {
    SeenServer seen;
    add_foreign_processes({process(nobody, "postgres")}, known, seen);
    EXPECT_TRUE(seen.facts.strangers.empty());
    EXPECT_FALSE(seen.stranger_runs);
  }
}

TEST(Strangers, those_of_the_same_pid_namespace_are_the_servers_own) {
  SeenServer seen;
  add_foreign_processes({process(os::process_id(), "postgres")}, os::process_id(), seen);
  EXPECT_TRUE(seen.facts.strangers.empty());
}

TEST(Strangers, many_are_summed_up) {
  SeenServer seen;
  add_foreign_processes(std::vector(5, process(os::process_id(), "postgres")), 0, seen);
  ASSERT_EQ(seen.facts.strangers.size(), 4U);
  EXPECT_EQ(seen.facts.strangers.back(), "and 2 more processes");
}

TEST(Strangers, programs_of_postgresql) {
  for (const auto* comm : {"postgres", "postmaster", "initdb", "pg_rewind", "pg_resetwal"})
    EXPECT_TRUE(is_postgres_program(comm)) << comm;
  for (const auto* comm : {"bash", "pgbouncer", "psql", "python3"}) EXPECT_FALSE(is_postgres_program(comm)) << comm;
}

}  // namespace
}  // namespace dugong::node
