// What may and may not become a word of a zfs command line.
#include <gtest/gtest.h>

#include "zfs/commands.h"
#include "zfs/marks.h"

namespace dugong::zfs {
namespace {

bool dataset(std::string_view name) { return check_dataset_name(name).has_value(); }
bool snapshot(std::string_view name) { return check_snapshot_name(name).has_value(); }
bool tag(std::string_view name) { return check_hold_tag(name).has_value(); }
bool property(std::string_view name, std::string_view value) { return check_property(name, value).has_value(); }

TEST(DatasetName, AcceptsWhatWeMake) {
  for (auto name : {"zpool", "zpool/data", "tank/dex/live-0", "tank/dex/anchor-12", "a/b.c/d_e:f", "tank/2024"}) {
    EXPECT_TRUE(dataset(name)) << name;
  }
}

TEST(DatasetName, RefusesOptions) {
  for (auto name : {"-r", "-rf", "--help", "tank/-r", "-R/x"}) EXPECT_FALSE(dataset(name)) << name;
}

TEST(DatasetName, RefusesPathsOutOfThePrefix) {
  for (auto name : {"tank/..", "tank/../other", "../tank", "/tank", "tank/", "tank//x", "tank/./x", "."}) {
    EXPECT_FALSE(dataset(name)) << name;
  }
}

TEST(DatasetName, RefusesSnapshotsBookmarksAndTemporaries) {
  for (auto name : {"tank@s", "tank/a#b", "tank/%recv", "tank/a%b"}) EXPECT_FALSE(dataset(name)) << name;
}

TEST(DatasetName, RefusesOtherCharacters) {
  for (auto name :
       {"", "tank/a b", "tank/a\nb", "tank/a,b", "tank/a=b", "tank/a'b", "tank/$x", "tank/ä", "1tank", "tank/a\tb"}) {
    EXPECT_FALSE(dataset(name)) << name;
  }
  EXPECT_FALSE(dataset(std::string_view{"tank/a\0b", 8}));
}

TEST(DatasetName, LengthEndsAt255) {
  EXPECT_TRUE(dataset("t/" + std::string(253, 'a')));
  EXPECT_FALSE(dataset("t/" + std::string(254, 'a')));
}

TEST(DatasetName, ErrorShowsNoControlCharacters) {
  auto checked = check_dataset_name("tank/\x1b[2J");
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().kind, ErrorKind::invalid);
  EXPECT_EQ(checked.error().what.find('\x1b'), std::string::npos);
}

TEST(SnapshotName, NeedsExactlyOneAt) {
  EXPECT_TRUE(snapshot("tank/dex/live-0@dugong-2026-01-02T03:04:05Z"));
  for (auto name :
       {"tank", "tank@", "@s", "tank@a@b", "tank@a/b", "tank@-r", "tank@a,b", "tank@a%b", "tank@..", "tank@a b"}) {
    EXPECT_FALSE(snapshot(name)) << name;
  }
}

TEST(SnapshotName, LengthEndsAt255) {
  EXPECT_TRUE(snapshot("t@" + std::string(253, 'a')));
  EXPECT_FALSE(snapshot("t@" + std::string(254, 'a')));
}

TEST(HoldTag, IsOneWord) {
  EXPECT_TRUE(tag("dugong:b"));
  for (auto name : {"", "-r", "a b", "a/b", "a@b", ".x"}) EXPECT_FALSE(tag(name)) << name;
}

TEST(PropertyCheck, KnowsNativeAndUserProperties) {
  EXPECT_TRUE(property("readonly", "on"));
  EXPECT_TRUE(property("sync", "standard"));
  EXPECT_TRUE(property("dugong:end_lsn", "16/B374D848"));
  EXPECT_TRUE(property("com.sun:auto-snapshot", "false"));
  EXPECT_TRUE(property("mountpoint", "/srv/dex/with space"));
}

TEST(PropertyCheck, RefusesWhatWeNeverSet) {
  for (auto name : {"", "sharenfs", "version", "-o", "Dugong:x", ":x", "dugong:a=b", "dugong:a b", "keylocation"}) {
    EXPECT_FALSE(property(name, "x")) << name;
  }
}

TEST(PropertyCheck, RefusesValuesThatDoNotComeBackWhole) {
  for (auto value : {"", "a\nb", "a\tb", "\x7f", "\xff"}) EXPECT_FALSE(property("dugong:why", value));
  EXPECT_TRUE(property("dugong:why", std::string(1023, 'x')));
  EXPECT_FALSE(property("dugong:why", std::string(1024, 'x')));
}

TEST(PropertyCheck, AllOfAMap) {
  EXPECT_TRUE(check_properties({{"atime", "off"}, {"dugong:role", "live"}}).has_value());
  EXPECT_FALSE(check_properties({{"atime", "off"}, {"sharesmb", "on"}}).has_value());
}

TEST(Marks, AreDistinctAndMaySet) {
  for (std::size_t i = 0; i < marks::all.size(); ++i) {
    EXPECT_TRUE(property(property_name(marks::all[i]), "x")) << marks::all[i];
    for (std::size_t j = 0; j < i; ++j) EXPECT_NE(marks::all[i], marks::all[j]);
  }
  EXPECT_EQ(property_name(marks::cluster), "dugong:cluster");
}

TEST(NameParts, PoolDatasetParent) {
  EXPECT_EQ(pool_of("tank/a@s"), "tank");
  EXPECT_EQ(pool_of("tank@s"), "tank");
  EXPECT_EQ(pool_of("tank"), "tank");
  EXPECT_EQ(dataset_of("tank/a@s"), "tank/a");
  EXPECT_EQ(dataset_of("tank/a"), "tank/a");
  EXPECT_EQ(parent_of("tank/a/b"), "tank/a");
  EXPECT_EQ(parent_of("tank"), "");
}

TEST(NameParts, BelowIsByComponent) {
  EXPECT_TRUE(is_below("tank/dex", "tank/dex"));
  EXPECT_TRUE(is_below("tank/dex/live-0", "tank/dex"));
  EXPECT_TRUE(is_below("tank/dex@s", "tank/dex"));
  EXPECT_FALSE(is_below("tank/dexter", "tank/dex"));
  EXPECT_FALSE(is_below("tank", "tank/dex"));
  EXPECT_FALSE(is_below("tank", ""));
}

}  // namespace
}  // namespace dugong::zfs
