// Pools and versions as OpenZFS and zfs-fuse print them.
#include <gtest/gtest.h>

#include "zfs/commands.h"

namespace dugong::zfs {
namespace {

constexpr std::string_view fuse_version =
    "This system is currently running ZFS pool version 23.\n\nThe following versions are supported:\n\n"
    "VER  DESCRIPTION\n---  -----\n 1   Initial ZFS version\n";
constexpr std::string_view openzfs_version = "zfs-2.3.2-1\nzfs-kmod-2.3.9-1~bpo12+1\n";

Pool pool(std::string_view list, std::string_view version) {
  auto parsed = parse_pool(list, version);
  EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error().what);
  return parsed ? *parsed : Pool{};
}
ErrorKind kind(std::string_view list, std::string_view version) {
  auto parsed = parse_pool(list, version);
  EXPECT_FALSE(parsed);
  return parsed ? ErrorKind::interrupted : parsed.error().kind;
}

TEST(PoolAnswer, HumanSizes) {
  auto p = pool("hpg\t504M\t503M\tONLINE\n", fuse_version);
  EXPECT_EQ(p.name, "hpg");
  EXPECT_EQ(p.size, 504ULL << 20);
  EXPECT_EQ(p.free, 503ULL << 20);
  EXPECT_EQ(p.health, "ONLINE");
}

TEST(PoolAnswer, FractionsAndExactBytes) {
  EXPECT_EQ(pool("t\t7.50G\t1T\tONLINE\n", fuse_version).size, 15ULL << 29);
  EXPECT_EQ(pool("t\t8589934592\t17\tONLINE\n", openzfs_version).size, 8ULL << 30);
  EXPECT_EQ(pool("t\t8589934592\t17\tONLINE\n", openzfs_version).free, 17U);
}

TEST(PoolAnswer, FaultedPoolHasNoSizes) {
  auto p = pool("t\t-\t-\tFAULTED\n", openzfs_version);
  EXPECT_EQ(p.free, 0U);
  EXPECT_EQ(p.health, "FAULTED");
}

TEST(PoolAnswer, ZfsFuse) {
  auto p = pool("t\t1G\t1G\tONLINE\n", fuse_version);
  EXPECT_EQ(p.version, "zfs-fuse v23");
  EXPECT_FALSE(p.can_receive_unmounted);
  EXPECT_FALSE(p.has_lz4);
}

TEST(PoolAnswer, OpenZfsIsItsKernelModule) {
  auto p = pool("t\t1G\t1G\tONLINE\n", openzfs_version);
  EXPECT_EQ(p.version, "openzfs 2.3.9");
  EXPECT_TRUE(p.can_receive_unmounted);
  EXPECT_TRUE(p.has_lz4);
}

TEST(PoolAnswer, OpenZfsWithoutAModuleLine) {
  EXPECT_EQ(pool("t\t1G\t1G\tONLINE\n", "zfs-2.1.11-1+deb12u1\n").version, "openzfs 2.1.11");
}

TEST(PoolAnswer, OpenZfsBeforeZfsVersionIsRefused) {
  EXPECT_EQ(kind("t\t1G\t1G\tONLINE\n", "This system supports ZFS pool feature flags.\n"), ErrorKind::refused);
}

TEST(PoolAnswer, UseIsWhatZfsTellsAndElseUnknown) {
  Pool pool;
  parse_pool_use("used\t1073741824\navailable\t4294967296\n", pool);
  EXPECT_EQ(pool.used, 1ULL << 30);
  EXPECT_EQ(pool.available, 4ULL << 30);
  for (const auto* odd :
       {"", "used\t-\navailable\t-\n", "used\n", "used\t1G\n", "\t\t\n", "used\t99999999999999999999\n"}) {
    Pool unknown;
    parse_pool_use(odd, unknown);
    EXPECT_EQ(unknown.used, std::nullopt) << odd;
    EXPECT_EQ(unknown.available, 0U) << odd;
  }
}

TEST(PoolAnswer, UnknownTextsFail) {
  EXPECT_EQ(kind("t\t1G\t1G\tONLINE\n", ""), ErrorKind::failed);
  EXPECT_EQ(kind("t\t1G\t1G\tONLINE\n", "unrecognized command 'version'\n"), ErrorKind::failed);
  EXPECT_EQ(kind("", fuse_version), ErrorKind::failed);
  EXPECT_EQ(kind("t\t1G\tONLINE\n", fuse_version), ErrorKind::failed);
  EXPECT_EQ(kind("t\tbig\t1G\tONLINE\n", fuse_version), ErrorKind::failed);
  EXPECT_EQ(kind("t\t1G\t1G\tONLINE\nu\t1G\t1G\tONLINE\n", fuse_version), ErrorKind::failed);
}

}  // namespace
}  // namespace dugong::zfs
