// Every command, word by word, in both dialects.
#include <algorithm>
#include <gtest/gtest.h>

#include "base/text.h"
#include "zfs/commands.h"
#include "zfs/marks.h"

namespace dugong::zfs {
namespace {

Pool v23() { return {}; }
Pool openzfs() {
  Pool pool;
  pool.can_receive_unmounted = true;
  return pool;
}
std::string text(const Argv& argv) { return join(argv, " "); }

TEST(Render, Create) {
  EXPECT_EQ(text(render(Create{"tank/dex", {}})), "zfs create tank/dex");
  EXPECT_EQ(text(render(Create{"tank/dex", {{"readonly", "on"}, {"dugong:cluster", "dex"}}})),
            "zfs create -o dugong:cluster=dex -o readonly=on tank/dex");
}

TEST(Render, ValuesStayOneWord) {
  EXPECT_EQ(render(Create{"t/a", {{"mountpoint", "/srv/a b"}}}),
            (Argv{"zfs", "create", "-o", "mountpoint=/srv/a b", "t/a"}));
}

TEST(Render, Snapshot) {
  EXPECT_EQ(text(render(Snapshot{"t/a@s", false, {}})), "zfs snapshot t/a@s");
  EXPECT_EQ(text(render(Snapshot{"t/a@s", true, {{"dugong:why", "seed"}}})),
            "zfs snapshot -r -o dugong:why=seed t/a@s");
}

TEST(Render, Clone) {
  EXPECT_EQ(text(render(Clone{"t/a@s", "t/b", {{"canmount", "noauto"}}})), "zfs clone -o canmount=noauto t/a@s t/b");
}

TEST(Render, DestroyIsNeverRecursiveNorForced) {
  EXPECT_EQ(text(render(Destroy{"t/a"})), "zfs destroy t/a");
  EXPECT_EQ(text(render(DestroySnapshot{"t/a@s"})), "zfs destroy t/a@s");
}

TEST(Render, RollbackDestroysNothingThatIsNewer) { EXPECT_EQ(text(render(Rollback{"t/a@s"})), "zfs rollback t/a@s"); }

TEST(Render, HoldAndRelease) {
  EXPECT_EQ(text(render(Hold{"t/a@s", "dugong:b"})), "zfs hold dugong:b t/a@s");
  EXPECT_EQ(text(render(Release{"t/a@s", "dugong:b"})), "zfs release dugong:b t/a@s");
}

TEST(Render, OnePropertyPerSet) {
  auto commands = render(SetProperties{"t/a", {{"atime", "off"}, {"dugong:role", "live"}}});
  ASSERT_EQ(commands.size(), 2U);
  EXPECT_EQ(text(commands[0]), "zfs set atime=off t/a");
  EXPECT_EQ(text(commands[1]), "zfs set dugong:role=live t/a");
  EXPECT_TRUE(render(SetProperties{"t/a", {}}).empty());
}

TEST(Render, MountWithoutWhatAStreamMayHoldAndUnmountWithoutForce) {
  EXPECT_EQ(text(render(Mount{"t/a"})), "zfs mount -o nosuid,nodev t/a");
  EXPECT_EQ(text(render(Unmount{"t/a"})), "zfs unmount t/a");
}

TEST(Render, SendFlagsDependOnTheDialectOnly) {
  EXPECT_EQ(text(render(Send{"t/a@s", ""}, v23())), "zfs send t/a@s");
  EXPECT_EQ(text(render(Send{"t/a@s", "t/a@r"}, v23())), "zfs send -i t/a@r t/a@s");
  EXPECT_EQ(text(render(Send{"t/a@s", ""}, openzfs())), "zfs send -L -c t/a@s");
  EXPECT_EQ(text(render(Send{"t/a@s", "t/o@r"}, openzfs())), "zfs send -L -c -i t/o@r t/a@s");
  EXPECT_EQ(text(render(Send{"t/a@s", "", true}, openzfs())), "zfs send t/a@s") << "zfs-fuse could not read it";
}

TEST(Render, ReceiveNeverForcesNorMounts) {
  EXPECT_EQ(text(render(Receive{"t/b"}, v23())), "zfs receive -u t/b");
  EXPECT_EQ(text(render(Receive{"t/b"}, openzfs())), "zfs receive -u -o canmount=noauto -o mountpoint=none t/b");
}

TEST(Render, ListTreeAsksInFourFields) {
  auto argv = render(ListTree{"tank/dex"});
  EXPECT_EQ(text(Argv(argv.begin(), argv.begin() + 6)), "zfs get -Hp -r -o name,property,value,source");
  EXPECT_EQ(argv.back(), "tank/dex");
  ASSERT_EQ(argv.size(), 8U);
  EXPECT_TRUE(argv[6].starts_with(
      "type,guid,createtxg,used,referenced,available,userrefs,creation,origin,mounted,compressratio,"));
}

TEST(Render, ListTreeAsksForEveryMark) {
  auto names = render(ListTree{"t"})[6];
  for (auto mark : marks::all)
    EXPECT_NE(("," + names + ",").find("," + property_name(mark) + ","), std::string::npos) << mark;
}

TEST(Render, ListTreeNamesNothingThatZfsFuseRefuses) {
  auto common = "," + render(ListTree{"t"})[6] + ",";
  auto with_openzfs = "," + render(ListTree{"t"}, openzfs())[6] + ",";
  for (std::string name :
       {"logicalreferenced", "receive_resume_token", "clones", "sync", "dnodesize", "redundant_metadata", "encryption",
        "encryptionroot", "keylocation", "keystatus", "written"}) {
    EXPECT_EQ(common.find("," + name + ","), std::string::npos) << name;
    EXPECT_NE(with_openzfs.find("," + name + ","), std::string::npos) << name;
  }
  EXPECT_EQ(render(ListTree{"t"}, v23()), render(ListTree{"t"}));
}

TEST(Render, ListTreeAsksForAllThatIsShown) {
  auto names = "," + render(ListTree{"t"}, openzfs())[6] + ",";
  for (auto name : shown_properties()) EXPECT_NE(names.find("," + std::string{name} + ","), std::string::npos) << name;
}

TEST(Render, ListTreeAsksForNothingTwice) {
  auto argv = render(ListTree{"t"}, openzfs());
  auto names = split(argv[6], ',');
  std::ranges::sort(names);
  EXPECT_EQ(std::ranges::adjacent_find(names), names.end());
}

TEST(Render, PoolQuestions) {
  EXPECT_EQ(text(render_pool_list("tank")), "zpool list -H -o name,size,free,health tank");
  EXPECT_EQ(text(render_pool_use("tank")), "zfs get -Hp -o property,value used,available tank");
  EXPECT_EQ(text(render_cluster_mark("t/b")), "zfs get -H -o value,source dugong:cluster t/b");
  EXPECT_EQ(text(render_version()), "zfs version");
  EXPECT_EQ(text(render_old_version()), "zpool upgrade -v");
}

}  // namespace
}  // namespace dugong::zfs
