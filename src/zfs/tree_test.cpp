// `zfs get` as zfs-fuse 0.7 and OpenZFS really print it.
#include <gtest/gtest.h>

#include "zfs/commands.h"

namespace dugong::zfs {
namespace {

// zfs-fuse 0.7: hpg/dex has our mark, its child inherits it, the snapshot has a mark of its own.
constexpr std::string_view fuse =
    "hpg/dex\ttype\tfilesystem\t-\n"
    "hpg/dex\tguid\t4186983673578913315\t-\n"
    "hpg/dex\tcreatetxg\t7\t-\n"
    "hpg/dex\tused\t229376\t-\n"
    "hpg/dex\treferenced\t114688\t-\n"
    "hpg/dex\tavailable\t494190592\t-\n"
    "hpg/dex\tuserrefs\t-\t-\n"
    "hpg/dex\tcreation\t1795382260\t-\n"
    "hpg/dex\torigin\t-\t-\n"
    "hpg/dex\tmountpoint\tnone\tinherited from hpg\n"
    "hpg/dex\tcanmount\tnoauto\tlocal\n"
    "hpg/dex\tmounted\tno\t-\n"
    "hpg/dex\treadonly\ton\tlocal\n"
    "hpg/dex\tdugong:cluster\tdex\tlocal\n"
    "hpg/dex\tdugong:role\t-\t-\n"
    "hpg/dex/live-0\ttype\tfilesystem\t-\n"
    "hpg/dex/live-0\tguid\t10417815520428386873\t-\n"
    "hpg/dex/live-0\tcreatetxg\t10\t-\n"
    "hpg/dex/live-0\tmountpoint\t/var/tmp/m1\tlocal\n"
    "hpg/dex/live-0\tcanmount\ton\tdefault\n"
    "hpg/dex/live-0\tmounted\tyes\t-\n"
    "hpg/dex/live-0\treadonly\toff\ttemporary\n"
    "hpg/dex/live-0\tdugong:cluster\tdex\tinherited from hpg/dex\n"
    "hpg/dex/live-0@s1\ttype\tsnapshot\t-\n"
    "hpg/dex/live-0@s1\tguid\t6152943640261863919\t-\n"
    "hpg/dex/live-0@s1\tcreatetxg\t16\t-\n"
    "hpg/dex/live-0@s1\tuserrefs\t1\t-\n"
    "hpg/dex/live-0@s1\tavailable\t-\t-\n"
    "hpg/dex/live-0@s1\tmountpoint\t-\t-\n"
    "hpg/dex/live-0@s1\tdugong:cluster\tdex\tinherited from hpg/dex\n"
    "hpg/dex/live-0@s1\tdugong:role\tseed\tlocal\n"
    "hpg/dex/c\tguid\t77\t-\n"
    "hpg/dex/c\tcreatetxg\t20\t-\n"
    "hpg/dex/c\torigin\thpg/dex/live-0@s1\t-\n";

std::vector<Dataset> tree(std::string_view output) {
  auto parsed = parse_tree(output);
  EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error().what);
  return parsed ? *parsed : std::vector<Dataset>{};
}
Dataset one(std::string_view line) {
  auto all = tree("t\tguid\t1\t-\nt\tcreatetxg\t2\t-\n" + std::string{line} + "\n");
  return all.empty() ? Dataset{} : all[0];
}
std::string error_of(std::string_view output) {
  auto parsed = parse_tree(output);
  return parsed ? "" : parsed.error().what;
}

TEST(Tree, SyncIsWhatCountsWhereverItIsSet) {
  EXPECT_EQ(one("t\tsync\tdisabled\tinherited from hpg").sync, "disabled");
  EXPECT_EQ(one("t\tsync\tstandard\tlocal").sync, "standard");
  EXPECT_EQ(one("t\tsync\t-\t-").sync, "");
}

TEST(Tree, ShowsWhatIsInForceWhereverItIsSet) {
  EXPECT_EQ(one("t\trecordsize\t131072\tdefault").shown, (Properties{{"recordsize", "131072"}}));
  EXPECT_EQ(one("t\tkeystatus\tunavailable\t-").shown, (Properties{{"keystatus", "unavailable"}}));
  EXPECT_TRUE(one("t\tkeystatus\t-\t-").shown.empty());
  EXPECT_TRUE(one("t\tchecksum\ton\tlocal").shown.empty());
  auto all = tree("t@s\tguid\t1\t-\nt@s\tcreatetxg\t2\t-\nt@s\trecordsize\t8192\t-\n");
  ASSERT_EQ(all.size(), 1U);
  EXPECT_TRUE(all[0].shown.empty());
}

TEST(Tree, NothingIsAnEmptyList) { EXPECT_TRUE(tree("").empty()); }

TEST(Tree, KeepsTheOrderOfZfs) {
  auto all = tree(fuse);
  ASSERT_EQ(all.size(), 4U);
  EXPECT_EQ(all[0].name, "hpg/dex");
  EXPECT_EQ(all[1].name, "hpg/dex/live-0");
  EXPECT_EQ(all[2].name, "hpg/dex/live-0@s1");
  EXPECT_EQ(all[3].name, "hpg/dex/c");
}

TEST(Tree, Numbers) {
  auto all = tree(fuse);
  ASSERT_EQ(all.size(), 4U);
  EXPECT_EQ(all[0].guid.value, 4186983673578913315U);
  EXPECT_EQ(all[1].guid.value, 10417815520428386873U);  // above 2^63
  EXPECT_EQ(all[0].createtxg, 7U);
  EXPECT_EQ(all[0].used, 229376U);
  EXPECT_EQ(all[0].referenced, 114688U);
  EXPECT_EQ(all[0].available, 494190592U);
  EXPECT_EQ(all[0].creation, 1795382260);
  EXPECT_EQ(all[0].logical_referenced, 0U);
  EXPECT_EQ(all[2].userrefs, 1U);
  EXPECT_EQ(all[2].available, 0U);
}

TEST(Tree, MountState) {
  auto all = tree(fuse);
  ASSERT_EQ(all.size(), 4U);
  EXPECT_EQ(all[0].mountpoint, "none");
  EXPECT_EQ(all[0].mountpoint_source, "inherited from hpg");
  EXPECT_EQ(all[0].canmount, "noauto");
  EXPECT_FALSE(all[0].mounted);
  EXPECT_TRUE(all[0].readonly);
  EXPECT_TRUE(all[1].mounted);
  EXPECT_FALSE(all[1].readonly);
  EXPECT_EQ(all[1].mountpoint_source, "local");
  EXPECT_EQ(all[2].mountpoint, "");
  EXPECT_EQ(all[2].mountpoint_source, "");
}

TEST(Tree, SnapshotsAndOrigins) {
  auto all = tree(fuse);
  ASSERT_EQ(all.size(), 4U);
  EXPECT_FALSE(all[0].is_snapshot);
  EXPECT_TRUE(all[2].is_snapshot);
  EXPECT_EQ(all[0].origin, "");
  EXPECT_EQ(all[3].origin, "hpg/dex/live-0@s1");
}

TEST(Tree, AMarkCountsOnlyWhereItWasSet) {
  auto all = tree(fuse);
  ASSERT_EQ(all.size(), 4U);
  EXPECT_EQ(all[0].ours, (Properties{{"cluster", "dex"}}));
  EXPECT_TRUE(all[1].ours.empty());
  EXPECT_EQ(all[2].ours, (Properties{{"role", "seed"}}));
  ASSERT_NE(all[0].mark("cluster"), nullptr);
  EXPECT_EQ(*all[0].mark("cluster"), "dex");
  EXPECT_EQ(all[1].mark("cluster"), nullptr);
}

TEST(Tree, ReceivedIsNotLocal) {
  EXPECT_TRUE(one("t\tdugong:cluster\tdex\treceived").ours.empty());
  EXPECT_TRUE(one("t\tdugong:cluster\tdex\tdefault").ours.empty());
  EXPECT_EQ(one("t\tdugong:cluster\tdex\tlocal").ours.size(), 1U);
}

TEST(Tree, LocalNativeProperties) {
  EXPECT_EQ(one("t\treadonly\ton\tlocal").local, (Properties{{"readonly", "on"}}));
  EXPECT_EQ(one("t\tsync\tdisabled\tlocal").local, (Properties{{"sync", "disabled"}}));
  EXPECT_EQ(one("t\tcom.sun:auto-snapshot\tfalse\tlocal").local.size(), 1U);
  EXPECT_TRUE(one("t\treadonly\toff\ttemporary").local.empty());
  EXPECT_TRUE(one("t\trecordsize\t131072\tdefault").local.empty());
  EXPECT_TRUE(one("t\tother:tool\tx\tlocal").local.empty());
}

TEST(Tree, OpenZfsOnly) {
  EXPECT_EQ(one("t\tlogicalreferenced\t4096\t-").logical_referenced, 4096U);
  EXPECT_EQ(one("t\tcompressratio\t1.85x\t-").compress_percent, 185U);
  EXPECT_EQ(one("t\tcompressratio\t1.85\t-").compress_percent, 185U);
  EXPECT_EQ(one("t\tcompressratio\t12.5x\t-").compress_percent, 1250U);
  EXPECT_EQ(one("t\tcompressratio\t3x\t-").compress_percent, 300U);
  for (const auto* odd : {"-", "", "x", "1.x5", "-1.00x", "99999999999999999999x", "18446744073709551615"})
    EXPECT_EQ(one(std::string{"t\tcompressratio\t"} + odd + "\t-").compress_percent, 0U) << odd;
  EXPECT_EQ(one("t\treceive_resume_token\t1-e6ca\t-").resume_token, "1-e6ca");
  EXPECT_EQ(one("t\treceive_resume_token\t-\t-").resume_token, "");
  EXPECT_EQ(one("t\tclones\ttank/a,other/b\t-").clones, (std::vector<std::string>{"tank/a", "other/b"}));
  EXPECT_TRUE(one("t\tclones\t-\t-").clones.empty());
  EXPECT_TRUE(one("t\tclones\t\t-").clones.empty());
}

TEST(Tree, WhatUsedIsMadeOf) {
  const auto all =
      one("t\tusedbydataset\t100\t-\nt\tusedbysnapshots\t20\t-\nt\tusedbychildren\t3\t-\n"
          "t\tusedbyrefreservation\t0\t-\nt\twritten\t7\t-");
  EXPECT_EQ(all.used_by_dataset, 100U);
  EXPECT_EQ(all.used_by_snapshots, 20U);
  EXPECT_EQ(all.used_by_children, 3U);
  EXPECT_EQ(all.used_by_refreservation, 0U);
  EXPECT_EQ(all.written, 7U);
  for (const auto* odd : {"-", "", "none", "1.5G", "-1", "99999999999999999999"}) {
    EXPECT_EQ(one(std::string{"t\tusedbysnapshots\t"} + odd + "\t-").used_by_snapshots, std::nullopt) << odd;
    EXPECT_EQ(one(std::string{"t\twritten\t"} + odd + "\t-").written, std::nullopt) << odd;
  }
  EXPECT_EQ(one("t\tused\t1\t-").used_by_dataset, std::nullopt);
}

TEST(Tree, ValuesMayHoldTabsSpacesAndDashes) {
  EXPECT_EQ(one("t\tmountpoint\t/srv/a b\tlocal").mountpoint, "/srv/a b");
  EXPECT_EQ(one("t\tmountpoint\t/srv/a\tb\tinherited from x").mountpoint, "/srv/a\tb");
  EXPECT_EQ(one("t\tdugong:why\t-\tlocal").ours, (Properties{{"why", "-"}}));
  EXPECT_EQ(one("t\tdugong:why\t\tlocal").ours, (Properties{{"why", ""}}));
}

TEST(Tree, BookmarksAreNotDatasets) {
  auto all = tree("t\tguid\t1\t-\nt\tcreatetxg\t2\t-\nt#b\tguid\t1\t-\nt#b\tcreatetxg\t2\t-\n");
  EXPECT_EQ(all.size(), 1U);
}

TEST(Tree, BrokenLinesAreNamed) {
  EXPECT_NE(error_of("t\tguid\n").find("t\tguid"), std::string::npos);
  EXPECT_NE(error_of("t\tguid\t1\n").find("t\tguid"), std::string::npos);
  EXPECT_NE(error_of("\tguid\t1\t-\n"), "");
  EXPECT_NE(error_of("\n"), "");
  EXPECT_NE(error_of("t\tguid\t12x\t-\n").find("12x, not a number"), std::string::npos);
  EXPECT_NE(error_of("t\tused\t-1\t-\n"), "");
}

TEST(Tree, IdentityIsNeverGuessed) {
  EXPECT_NE(error_of("t\tguid\t1\t-\n").find("createtxg of t"), std::string::npos);
  EXPECT_NE(error_of("t\tguid\t-\t-\nt\tcreatetxg\t3\t-\n"), "");
}

}  // namespace
}  // namespace dugong::zfs
