#include "runtime/commands.h"

#include <gtest/gtest.h>

namespace dugong::runtime {
namespace {

Server composed() {
  Server server;
  server.project = "dugong-dex-b";
  server.compose_file = "/srv/b/docker-compose.yaml";
  server.data = "/srv/b/data";
  return server;
}

Server native(std::string bin_dir = "/usr/lib/postgresql/17/bin") {
  Server server;
  server.kind = Kind::process;
  server.bin_dir = std::move(bin_dir);
  server.data = "/srv/b/data";
  server.log_file = "/srv/b/logs/server.log";
  return server;
}

TEST(Commands, compose_v1_starts) {
  EXPECT_EQ(render(StartServer{composed()}, "docker-compose"),
            (Argv{"docker-compose", "-p", "dugong-dex-b", "-f", "/srv/b/docker-compose.yaml", "up", "-d"}));
}

TEST(Commands, compose_v2_is_two_words) {
  EXPECT_EQ(render(StartServer{composed()}, "docker compose"),
            (Argv{"docker", "compose", "-p", "dugong-dex-b", "-f", "/srv/b/docker-compose.yaml", "up", "-d"}));
}

TEST(Commands, compose_stop_is_a_fast_shutdown_that_nobody_cuts_short) {
  const auto argv = render(StopServer{composed(), 5}, "docker-compose");
  EXPECT_EQ(argv,
            (Argv{"docker-compose", "-p", "dugong-dex-b", "-f", "/srv/b/docker-compose.yaml", "kill", "-s", "SIGINT"}));
}

TEST(Commands, compose_removes_only_what_is_stopped) {
  const auto argv = render(RemoveServer{composed()}, "docker-compose");
  EXPECT_EQ(argv, (Argv{"docker-compose", "-p", "dugong-dex-b", "-f", "/srv/b/docker-compose.yaml", "rm", "-f"}));
}

TEST(Commands, process_starts_without_waiting_for_readiness) {
  EXPECT_EQ(render(StartServer{native()}, ""), (Argv{"/usr/lib/postgresql/17/bin/pg_ctl", "-D", "/srv/b/data", "-l",
                                                     "/srv/b/logs/server.log", "-W", "start"}));
}

TEST(Commands, process_stops_fast_and_waits) {
  EXPECT_EQ(render(StopServer{native(), 90}, ""),
            (Argv{"/usr/lib/postgresql/17/bin/pg_ctl", "-D", "/srv/b/data", "-m", "fast", "-t", "90", "stop"}));
}

TEST(Commands, a_process_leaves_nothing_to_remove) { EXPECT_TRUE(render(RemoveServer{native()}, "").empty()); }

TEST(Commands, without_a_bin_dir_the_path_decides) { EXPECT_EQ(render(StartServer{native("")}, "").front(), "pg_ctl"); }

TEST(Commands, initdb_trusts_nobody) {
  EXPECT_EQ(render(InitData{native(), "admin", "/srv/b/secrets/superuser.pass"}),
            (Argv{"/usr/lib/postgresql/17/bin/initdb", "--pgdata=/srv/b/data", "--username=admin",
                  "--pwfile=/srv/b/secrets/superuser.pass", "--auth-local=scram-sha-256", "--auth-host=scram-sha-256",
                  "--data-checksums", "--encoding=UTF8", "--locale=C.UTF-8"}));
}

}  // namespace
}  // namespace dugong::runtime
