#include <gtest/gtest.h>

#include "runtime/commands.h"

namespace dugong::runtime {
namespace {

TEST(Paths, everything_lies_below_the_directory) {
  const auto paths = host_paths("/srv/dex/b", "");
  EXPECT_EQ(paths, (Paths{"/srv/dex/b", "/srv/dex/b/data", "/srv/dex/b/archive", "/srv/dex/b/logs", "/srv/dex/b/run",
                          "/srv/dex/b/secrets", "/srv/dex/b/bin"}));
}

TEST(Paths, logs_may_lie_elsewhere) { EXPECT_EQ(host_paths("/srv/b", "/var/log/b").logs, "/var/log/b"); }

TEST(Paths, a_process_sees_the_host) {
  const auto host = host_paths("/srv/b", "");
  EXPECT_EQ(server_paths(Kind::process, host, "/ignored"), host);
}

TEST(Paths, a_container_sees_fixed_places_and_the_images_pgdata) {
  const auto inside = server_paths(Kind::compose, host_paths("/srv/b", ""), "/home/postgres/pgdata/data");
  EXPECT_EQ(inside.data, "/home/postgres/pgdata/data");
  EXPECT_EQ(inside.archive, "/var/lib/postgresql/wal_archive");
  EXPECT_EQ(inside.logs, "/var/log/timescaledb");
  EXPECT_EQ(inside.run, "/var/run/postgresql");
  EXPECT_EQ(inside.secrets, "/run/dugong");
  EXPECT_EQ(inside.bin, "/usr/local/lib/dugong");
}

}  // namespace
}  // namespace dugong::runtime
