// Directories as systemd and Debian lay them out, in a sandbox.
#include <gtest/gtest.h>

#include "node/local_sandbox.h"
#include "node/local_server.h"

namespace dugong::node {
namespace {

using Units = std::vector<std::string>;

class LocalUnits : public LocalSandbox {
 protected:
  [[nodiscard]] Units units(int postmaster = 0) const {
    return units_serving("/srv/pg", postmaster, {path("systemd"), path("debian"), path("proc")});
  }
};

TEST_F(LocalUnits, of_a_host_without_systemd_there_are_none) { EXPECT_EQ(units(), Units{}); }

TEST_F(LocalUnits, one_is_enabled_when_a_target_wants_it) {
  const std::string unit = "[Service]\nExecStart=/usr/bin/postgres -D /srv/pg\n";
  write("systemd/pg.service", unit);
  EXPECT_EQ(units(), Units{}) << "it is there, and nobody starts it";
  std::filesystem::create_directories(path("systemd/multi-user.target.wants"));
  std::filesystem::create_symlink("../pg.service", path("systemd/multi-user.target.wants/pg.service"));
  EXPECT_EQ(units(), Units{"pg.service"});
}

TEST_F(LocalUnits, another_directory_of_similar_name_is_not_this_one) {
  write("systemd/multi-user.target.wants/pg2.service", "ExecStart=/usr/bin/postgres -D /srv/pg2\n");
  write("systemd/multi-user.target.wants/in.service", "ExecStart=/usr/bin/postgres -D /srv/pg/other\n");
  EXPECT_EQ(units(), Units{});
  write("systemd/multi-user.target.wants/quoted.service", "Environment='PGDATA=/srv/pg/'\n");
  EXPECT_EQ(units(), Units{"quoted.service"});
}

TEST_F(LocalUnits, a_cluster_of_debian_is_started_when_it_says_auto) {
  write("debian/17/main/postgresql.conf", "data_directory = '/srv/pg'\n");
  write("debian/17/main/start.conf", "# auto|manual|disabled\nmanual\n");
  EXPECT_EQ(units(), Units{});
  write("debian/17/main/start.conf", "# auto|manual|disabled\nauto\n");
  EXPECT_EQ(units(), Units{"postgresql@17-main.service"});
}

TEST_F(LocalUnits, a_running_server_shows_whose_it_is) {
  write("proc/42/cgroup", "0::/system.slice/system-postgresql.slice/postgresql@15-main.service\n");
  EXPECT_EQ(units(42), Units{"postgresql@15-main.service"});
  write("proc/42/cgroup", "0::/system.slice/ssh.service\n");
  EXPECT_EQ(units(42), Units{}) << "somebody's login";
  write("proc/42/cgroup", "0::/user.slice/user-0.slice/session-3.scope\n");
  EXPECT_EQ(units(42), Units{});
}

TEST_F(LocalUnits, one_that_runs_a_container_names_the_data_too) {
  write("systemd/multi-user.target.wants/run.service",
        "[Service]\nExecStart=docker run -v /srv/pg:/var/lib/postgresql/data pg\n");
  write("systemd/multi-user.target.wants/mount.service",
        "[Service]\nExecStart=docker run --mount type=bind,source=/srv/pg/,target=/var/lib/postgresql/data pg\n");
  EXPECT_EQ(units(), (Units{"mount.service", "run.service"}));
}

}  // namespace
}  // namespace dugong::node
