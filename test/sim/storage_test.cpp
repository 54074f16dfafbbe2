// Datasets, copies and files of the simulated world, where nothing is refused.
#include <gtest/gtest.h>

#include "test/sim/kit.h"

namespace dugong::sim {
namespace {

using namespace kit;

// ---- ZFS

TEST(Zfs, absent_root_is_an_empty_list) {
  Kit kit;
  EXPECT_TRUE(kit.must("a", zfs::ListTree{"tank/none"}).empty());
  EXPECT_FALSE(kit.ask("a", zfs::ListTree{"other"}));  // no such pool
}
TEST(Zfs, mountpoint_is_inherited_with_its_source) {
  Kit kit;
  kit.create("a", "tank/x", {{"mountpoint", "/m"}, {"canmount", "off"}});
  kit.create("a", "tank/x/y");
  EXPECT_EQ(listed(kit, "a", "tank/x/y").mountpoint, "/m/y");
  EXPECT_EQ(listed(kit, "a", "tank/x/y").mountpoint_source, "inherited from tank/x");
  EXPECT_EQ(listed(kit, "a", "tank/x").mountpoint_source, "local");
}
TEST(Zfs, a_mark_is_ours_only_where_it_was_set) {
  Kit kit;
  kit.create("a", "tank/x");
  kit.must("a", zfs::Create{"tank/x/y", {}});
  EXPECT_EQ(*listed(kit, "a", "tank/x").mark("cluster"), "dex");
  EXPECT_EQ(listed(kit, "a", "tank/x/y").mark("cluster"), nullptr);
}
TEST(Zfs, a_property_nobody_asks_for_is_not_answered) {
  Kit kit;
  kit.create("a", "tank/x", {{"dugong:no_such_mark", "1"}});
  EXPECT_EQ(listed(kit, "a", "tank/x").mark("no_such_mark"), nullptr);
}
TEST(Zfs, recursive_snapshots_share_a_createtxg) {
  Kit kit;
  kit.create("a", "tank/x");
  kit.create("a", "tank/x/y");
  kit.must("a", zfs::Snapshot{"tank/x@s", true, marked});
  EXPECT_EQ(listed(kit, "a", "tank/x@s").createtxg, listed(kit, "a", "tank/x/y@s").createtxg);
  EXPECT_NE(listed(kit, "a", "tank/x@s").guid, listed(kit, "a", "tank/x/y@s").guid);
}
TEST(Zfs, createtxg_grows) {
  Kit kit;
  kit.create("a", "tank/x");
  kit.snapshot("a", "tank/x@b");
  kit.snapshot("a", "tank/x@a");
  EXPECT_LT(listed(kit, "a", "tank/x@b").createtxg, listed(kit, "a", "tank/x@a").createtxg);
}
TEST(Zfs, a_snapshot_does_not_change) {
  Kit kit;
  kit.create("a", "tank/x", {{"mountpoint", "/srv/x"}});
  kit.write("a", "/srv/x/f", "old");
  kit.snapshot("a", "tank/x@s");
  kit.write("a", "/srv/x/f", "new");
  kit.must("a", zfs::Clone{"tank/x@s", "tank/y", with(marked, {{"mountpoint", "/srv/y"}})});
  EXPECT_EQ(kit.must("a", node::ReadFile{"/srv/y/f"}).content.bytes, "old");
  EXPECT_EQ(listed(kit, "a", "tank/y").origin, "tank/x@s");
}
TEST(Zfs, create_mounts_when_it_may) {
  Kit kit;
  kit.create("a", "tank/x", {{"mountpoint", "/srv/x"}});
  kit.create("a", "tank/y", {{"mountpoint", "/srv/y"}, {"canmount", "noauto"}});
  EXPECT_TRUE(listed(kit, "a", "tank/x").mounted);
  EXPECT_FALSE(listed(kit, "a", "tank/y").mounted);
}
TEST(Zfs, holds_are_counted) {
  Kit kit;
  kit.create("a", "tank/x");
  kit.snapshot("a", "tank/x@s");
  kit.must("a", zfs::Hold{"tank/x@s", "one"});
  kit.must("a", zfs::Hold{"tank/x@s", "two"});
  EXPECT_EQ(listed(kit, "a", "tank/x@s").userrefs, 2U);
}
TEST(Zfs, flavours_differ_in_what_they_can) {
  Kit kit{{.flavours = {{"b", Flavour::openzfs}}}};
  EXPECT_FALSE(kit.must("a", zfs::InspectPool{"tank"}).can_receive_unmounted);
  EXPECT_TRUE(kit.must("b", zfs::InspectPool{"tank"}).can_receive_unmounted);
  EXPECT_TRUE(kit.ask("b", zfs::Create{"tank/x", {{"compression", "lz4"}}}));
}
TEST(Zfs, destroying_what_is_not_marked_is_a_violation) {
  Kit kit;
  kit.must("a", zfs::Create{"tank/x", {}});
  kit.must("a", zfs::Destroy{"tank/x"});
  EXPECT_TRUE(violated(kit, "unmarked dataset destroyed"));
}
TEST(Zfs, destroying_what_is_marked_is_none) {
  Kit kit;
  kit.create("a", "tank/x");
  kit.must("a", zfs::Destroy{"tank/x"});
  EXPECT_TRUE(kit.world.violations().empty());
}

// ---- copies

TEST(Copy, keeps_guid_and_name_but_no_marks) {
  Kit kit;
  kit.create("a", "tank/x");
  kit.snapshot("a", "tank/x@1");
  ASSERT_TRUE(kit.copy("a", {"tank/x@1", ""}, "b", "tank/y"));
  EXPECT_EQ(listed(kit, "a", "tank/x@1").guid, listed(kit, "b", "tank/y@1").guid);
  EXPECT_TRUE(listed(kit, "b", "tank/y@1").ours.empty());
  EXPECT_TRUE(listed(kit, "b", "tank/y").ours.empty());
}
TEST(Copy, an_increment_brings_the_difference) {
  Kit kit;
  kit.create("a", "tank/x", {{"mountpoint", "/srv/x"}});
  kit.snapshot("a", "tank/x@1");
  kit.write("a", "/srv/x/f", "text");
  kit.snapshot("a", "tank/x@2");
  kit.must("b", zfs::Create{"tank/p", with(marked, {{"mountpoint", "none"}, {"readonly", "on"}})});
  ASSERT_TRUE(kit.copy("a", {"tank/x@1", ""}, "b", "tank/p/y"));
  ASSERT_TRUE(kit.copy("a", {"tank/x@2", "tank/x@1"}, "b", "tank/p/y"));
  kit.must("b", zfs::Clone{"tank/p/y@2", "tank/z", with(marked, {{"mountpoint", "/srv/z"}, {"readonly", "off"}})});
  EXPECT_EQ(kit.must("b", node::ReadFile{"/srv/z/f"}).content.bytes, "text");
}
TEST(Copy, what_is_there_already_is_ignored_with_success) {
  Kit kit;
  kit.create("a", "tank/x");
  kit.snapshot("a", "tank/x@1");
  ASSERT_TRUE(kit.copy("a", {"tank/x@1", ""}, "b", "tank/y"));
  EXPECT_TRUE(kit.copy("a", {"tank/x@1", ""}, "b", "tank/y"));
}
TEST(Copy, into_a_mounted_dataset_is_a_violation) {
  Kit kit;
  kit.create("a", "tank/x");
  kit.snapshot("a", "tank/x@1");
  kit.snapshot("a", "tank/x@2");
  ASSERT_TRUE(kit.copy("a", {"tank/x@1", ""}, "b", "tank/y"));
  kit.must("b", zfs::SetProperties{"tank/y", {{"mountpoint", "/srv/y"}}});
  EXPECT_TRUE(kit.copy("a", {"tank/x@2", "tank/x@1"}, "b", "tank/y"));
  EXPECT_TRUE(violated(kit, "receive into a mounted dataset"));
}
TEST(Copy, a_clone_lineage_becomes_a_clone) {
  Kit kit;
  kit.create("a", "tank/x");
  kit.snapshot("a", "tank/x@1");
  ASSERT_TRUE(kit.copy("a", {"tank/x@1", ""}, "b", "tank/y"));
  kit.must("a", zfs::Clone{"tank/x@1", "tank/c", marked});
  kit.snapshot("a", "tank/c@2");
  ASSERT_TRUE(kit.copy("a", {"tank/c@2", "tank/x@1"}, "b", "tank/d"));
  EXPECT_EQ(listed(kit, "b", "tank/d").origin, "tank/y@1");
}
TEST(Copy, cut_full_leaves_an_unmarked_hollow_dataset_on_v23) {
  Kit kit;
  kit.create("a", "tank/x");
  kit.snapshot("a", "tank/x@1");
  kit.world.set_copy_fault([](const auto&) { return Error{ErrorKind::unreachable, "cut", {}, {}, {}}; });
  EXPECT_FALSE(kit.copy("a", {"tank/x@1", ""}, "b", "tank/y"));
  EXPECT_EQ(listed(kit, "b", "tank/y").name, "tank/y");
  EXPECT_TRUE(listed(kit, "b", "tank/y").ours.empty());
  EXPECT_FALSE(kit.ask("b", zfs::Mount{"tank/y"}));
}
TEST(Copy, what_a_cut_left_may_go_when_its_parent_announced_it) {
  for (const bool announced : {false, true}) {
    Kit kit;
    kit.create("a", "tank/x");
    kit.snapshot("a", "tank/x@1");
    kit.create("b", "tank/p", {{"dugong:receiving", announced ? "tank/p/y" : "tank/p/z"}});
    kit.world.set_copy_fault([](const auto&) { return Error{ErrorKind::unreachable, "cut", {}, {}, {}}; });
    EXPECT_FALSE(kit.copy("a", {"tank/x@1", ""}, "b", "tank/p/y"));
    kit.must("b", zfs::Destroy{"tank/p/y"});
    EXPECT_EQ(violated(kit, "unmarked dataset destroyed"), !announced);
  }
}
TEST(Copy, cut_full_leaves_nothing_on_openzfs) {
  Kit kit{{.flavour = Flavour::openzfs}};
  kit.create("a", "tank/x");
  kit.snapshot("a", "tank/x@1");
  kit.world.set_copy_fault([](const auto&) { return Error{ErrorKind::unreachable, "cut", {}, {}, {}}; });
  EXPECT_FALSE(kit.copy("a", {"tank/x@1", ""}, "b", "tank/y"));
  EXPECT_TRUE(listed(kit, "b", "tank/y").name.empty());
}
TEST(Copy, needs_the_link_between_both_hosts) {
  Kit kit;
  kit.create("a", "tank/x");
  kit.snapshot("a", "tank/x@1");
  kit.world.set_link("a", "b", false);
  auto copied = kit.copy("a", {"tank/x@1", ""}, "b", "tank/y");
  ASSERT_FALSE(copied);
  EXPECT_EQ(copied.error().kind, ErrorKind::unreachable);
}

// ---- files

TEST(Files, below_an_unmounted_mount_point_are_the_hosts_own) {
  Kit kit;
  kit.create("a", "tank/x", {{"mountpoint", "/srv/x"}});
  kit.must("a", zfs::Unmount{"tank/x"});
  kit.write("a", "/srv/x/f", "trap");
  EXPECT_TRUE(kit.world.host("a").root.files.contains("srv/x/f"));
  EXPECT_FALSE(kit.ask("a", zfs::Mount{"tank/x"}));
}
TEST(Files, a_mount_hides_what_is_under_it) {
  Kit kit;
  kit.create("a", "tank/x", {{"mountpoint", "/srv/x"}});
  kit.write("a", "/srv/x/f", "inside");
  kit.must("a", zfs::Unmount{"tank/x"});
  EXPECT_FALSE(kit.must("a", node::ReadFile{"/srv/x/f"}).exists);
  kit.must("a", zfs::Mount{"tank/x"});
  EXPECT_TRUE(kit.must("a", node::ReadFile{"/srv/x/f"}).exists);
}
TEST(Files, reading_stops_at_the_limit) {
  Kit kit;
  kit.write("a", "/srv/f", "0123456789");
  auto facts = kit.must("a", node::ReadFile{"/srv/f", 4});
  EXPECT_EQ(facts.content.bytes, "0123");
  EXPECT_EQ(facts.size, 10U);
}
TEST(Files, a_parent_must_be_there) {
  Kit kit;
  EXPECT_FALSE(kit.ask("a", node::WriteFile{"/srv/none/f", {"x"}}));
}
TEST(Files, removing_stays_below_its_root) {
  Kit kit;
  EXPECT_FALSE(kit.ask("a", node::RemovePaths{"/srv", {"../etc/passwd"}, {}}));
}
TEST(Files, a_mount_point_is_not_removed) {
  Kit kit;
  kit.create("a", "tank/x", {{"mountpoint", "/srv/x"}});
  EXPECT_FALSE(kit.ask("a", node::RemoveDirectory{"/srv/x"}));
  EXPECT_FALSE(kit.ask("a", node::RemoveDirectory{"/srv"}));
}
TEST(Files, of_a_directory_goes_what_is_named) {
  Kit kit;
  kit.must("a", node::MakeDirectory{"/srv/n/bin", 0755, 0, 0});
  kit.write("a", "/srv/n/theirs", "x");
  kit.must("a", node::RemoveDirectory{"/srv/n", {"bin"}, {}});
  EXPECT_EQ(kit.must("a", node::ReadFile{"/srv/n"}).entries, std::vector<std::string>{"theirs"});
  kit.must("a", node::RemoveDirectory{"/srv/n", {"theirs"}, {}});
  EXPECT_FALSE(kit.must("a", node::ReadFile{"/srv/n"}).exists);
}
TEST(Files, equal_contents_have_equal_digests) {
  Kit kit;
  kit.write("a", "/srv/f", "one");
  kit.write("a", "/srv/g", "one");
  kit.write("a", "/srv/h", "two");
  const auto f = kit.must("a", node::DigestFile{"/srv/f"}).sha256;
  EXPECT_EQ(f, kit.must("a", node::DigestFile{"/srv/g"}).sha256);
  EXPECT_NE(f, kit.must("a", node::DigestFile{"/srv/h"}).sha256);
}
TEST(Files, a_secret_that_others_can_read_is_a_violation) {
  Kit kit{{.secrets = {"hunter2"}}};
  kit.write("a", "/srv/private", "hunter2", 0600);
  EXPECT_TRUE(kit.world.violations().empty());
  kit.write("a", "/srv/public", "POSTGRES_PASSWORD: hunter2", 0644);
  EXPECT_TRUE(violated(kit, "secret readable by others"));
}

}  // namespace
}  // namespace dugong::sim
