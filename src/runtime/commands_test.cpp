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

TEST(Commands, a_container_gets_a_fast_shutdown_that_nobody_cuts_short) {
  EXPECT_EQ(render(StopServer{composed(), 5}), (Argv{"docker", "kill", "--signal", "SIGINT", "dugong-dex-b"}));
}

TEST(Commands, removing_a_container_is_never_forced) {
  EXPECT_EQ(render(RemoveServer{composed()}), (Argv{"docker", "rm", "dugong-dex-b"}));
}

TEST(Commands, process_starts_without_waiting_for_long_recoveries) {
  EXPECT_EQ(render(StartServer{native()}, ""), (Argv{"/usr/lib/postgresql/17/bin/pg_ctl", "-D", "/srv/b/data", "-l",
                                                     "/srv/b/logs/server.log", "-w", "-t", "3", "start"}));
}

TEST(Commands, process_stops_fast_and_waits) {
  EXPECT_EQ(render(StopServer{native(), 90}),
            (Argv{"/usr/lib/postgresql/17/bin/pg_ctl", "-D", "/srv/b/data", "-m", "fast", "-t", "90", "stop"}));
}

TEST(Commands, a_process_leaves_nothing_to_remove) { EXPECT_TRUE(render(RemoveServer{native()}).empty()); }

TEST(Commands, without_a_bin_dir_the_path_decides) { EXPECT_EQ(render(StartServer{native("")}, "").front(), "pg_ctl"); }

TEST(Commands, initdb_trusts_nobody) {
  EXPECT_EQ(render(InitData{native(), "admin", "/srv/b/secrets/superuser.pass"}),
            (Argv{"/usr/lib/postgresql/17/bin/initdb", "--pgdata=/srv/b/data", "--username=admin",
                  "--pwfile=/srv/b/secrets/superuser.pass", "--auth-local=scram-sha-256", "--auth-host=scram-sha-256",
                  "--data-checksums", "--encoding=UTF8", "--locale=C.UTF-8"}));
}

TEST(Commands, image) { EXPECT_EQ(render_image_inspect("a/b:1"), (Argv{"docker", "image", "inspect", "a/b:1"})); }

TEST(Commands, the_image_is_asked_in_a_container_without_network_that_goes_away) {
  const auto argv = render_image_script("sha256:1");
  EXPECT_EQ((Argv{argv.begin(), argv.end() - 1}),
            (Argv{"docker", "run", "--rm", "--network", "none", "--entrypoint", "sh", "sha256:1", "-c"}));
  EXPECT_EQ(argv.back(),
            "set -e; id -u postgres; id -g postgres; postgres --version; "
            "if ls /lib/ld-musl-* >/dev/null 2>&1; then echo musl; else getconf GNU_LIBC_VERSION || true; fi");
}

TEST(Commands, both_generations_of_compose_are_tried_without_a_file) {
  EXPECT_EQ(render_compose_trial("docker compose"),
            (Argv{"docker", "compose", "-p", "dugong-check", "-f", "-", "ps", "-q"}));
  EXPECT_EQ(render_compose_trial("docker-compose"),
            (Argv{"docker-compose", "--verbose", "-p", "dugong-check", "-f", "-", "ps", "-q"}));
  EXPECT_EQ(render_compose_version("docker compose"), (Argv{"docker", "compose", "version", "--short"}));
  EXPECT_TRUE(render_compose_version("docker-compose").empty());
}

TEST(Commands, containers_of_every_project_are_listed) {
  EXPECT_EQ(render_container_ids(), (Argv{"docker", "ps", "--all", "--quiet", "--no-trunc"}));
  EXPECT_EQ(render_container_inspect({"a", "b"}), (Argv{"docker", "container", "inspect", "a", "b"}));
}

TEST(Commands, waiting) { EXPECT_EQ(render_wait("x"), (Argv{"docker", "wait", "x"})); }

TEST(Commands, logs) {
  EXPECT_EQ(render_log_tail(composed(), 40), (Argv{"docker", "logs", "--tail", "40", "dugong-dex-b"}));
  EXPECT_EQ(render_log_tail(native(), 40), (Argv{"tail", "-n", "40", "--", "/srv/b/logs/server.log"}));
}

Result<std::string> archive_command_of(const std::string& bin, const std::string& archive) {
  Paths paths;
  paths.bin = bin;
  paths.archive = archive;
  return archive_command(paths);
}

TEST(ArchiveCommand, words_are_quoted) {
  EXPECT_EQ(archive_command_of("/usr/local/lib/dugong", "/var/lib/postgresql/wal_archive").value_or(""),
            "'/usr/local/lib/dugong/dugong-wal' push %p '/var/lib/postgresql/wal_archive' %f");
}
TEST(ArchiveCommand, refuses_a_quote) { EXPECT_FALSE(archive_command_of("/b", "/a'; rm -rf /; '")); }
TEST(ArchiveCommand, refuses_a_space) { EXPECT_FALSE(archive_command_of("/b c", "/a")); }
TEST(ArchiveCommand, refuses_percent_which_postgresql_expands) { EXPECT_FALSE(archive_command_of("/b", "/a%f")); }
TEST(ArchiveCommand, refuses_a_relative_path) { EXPECT_FALSE(archive_command_of("b", "/a")); }
TEST(ArchiveCommand, refuses_nothing_at_all) { EXPECT_FALSE(archive_command_of("/b", "")); }

TEST(ArchiveIdentity, lies_in_the_archive) {
  EXPECT_EQ(archive_identity(host_paths("/srv/b", "")), "/srv/b/archive/.system_identifier");
}

}  // namespace
}  // namespace dugong::runtime
