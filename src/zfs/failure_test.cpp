// zfs's own words, as zfs-fuse 0.7 printed them and as OpenZFS's source has them, and what they mean to a planner.
#include <gtest/gtest.h>

#include "zfs/commands.h"

namespace dugong::zfs {
namespace {

Error judge(std::string_view text) { return judge_failure({"zfs", "destroy", "tank/x"}, 1, text); }

struct Case {
  std::string_view text;
  ErrorKind kind;
};

class Words : public testing::TestWithParam<Case> {};
TEST_P(Words, MeanTheirKind) {
  auto error = judge(GetParam().text);
  EXPECT_EQ(error.kind, GetParam().kind) << GetParam().text;
  EXPECT_NE(error.what, "");
  if (error.kind == ErrorKind::refused) {
    EXPECT_NE(error.next, "");
  }
}

INSTANTIATE_TEST_SUITE_P(
    ZfsFuse, Words,
    testing::Values(
        Case{"cannot create 'hpg/dex': dataset already exists\n", ErrorKind::conflict},
        Case{"cannot create 'hpg/no/child': parent does not exist\n", ErrorKind::conflict},
        Case{"cannot create 'hpg/y': invalid property 'nosuch'\n", ErrorKind::failed},
        Case{"cannot create 'hpg/y': 'compression' must be one of 'on | off | lzjb'\n", ErrorKind::failed},
        Case{"cannot create snapshot 'hpg/a@s1': dataset already exists\nno snapshots were created\n",
             ErrorKind::conflict},
        Case{"cannot open 'hpg/dex/nope': dataset does not exist\n", ErrorKind::conflict},
        Case{"cannot destroy 'hpg/dex': filesystem has children\nuse '-r' to destroy the following "
             "datasets:\nhpg/dex/a\n",
             ErrorKind::refused},
        Case{
            "cannot destroy 'a@s': snapshot has dependent clones\nuse '-R' to destroy the following datasets:\nhpg/c\n",
            ErrorKind::refused},
        Case{"cannot rollback to 'hpg/a@s1': more recent snapshots exist\nuse '-r' to force deletion of the following "
             "snapshots:\nhpg/a@s2\n",
             ErrorKind::refused},
        Case{"cannot hold 'hpg/a@s1': tag already exists on this dataset\n", ErrorKind::conflict},
        Case{"cannot release 'nope' from 'hpg/a@s1': no such tag on this dataset\n", ErrorKind::conflict},
        Case{"cannot destroy 'hpg/a@s2': dataset is busy\n", ErrorKind::refused},
        Case{"cannot mount 'hpg/a': filesystem already mounted\n", ErrorKind::conflict},
        Case{"cannot mount 'hpg/a': no mountpoint set\n", ErrorKind::failed},
        Case{"cannot mount '/m1': directory is not empty\n", ErrorKind::refused},
        Case{"cannot unmount 'hpg/a': not currently mounted\n", ErrorKind::conflict},
        Case{"umount: /m1: target is busy.\ncannot unmount '/m1': umount failed: umount child process failed\n",
             ErrorKind::refused},
        Case{"WARNING: could not send hpg/a@zzz: does not exist\n", ErrorKind::conflict},
        Case{"warning: cannot send 'a@s3': incremental source (@zz) does not exist\n", ErrorKind::conflict},
        Case{"warning: cannot send 'a@s1': not an earlier snapshot from the same fs\n", ErrorKind::conflict},
        Case{"cannot receive new filesystem stream: destination 'hpg/rx' exists\nmust specify -F to overwrite it\n",
             ErrorKind::conflict},
        Case{"cannot receive new filesystem stream: dataset does not exist\n", ErrorKind::conflict},
        Case{"cannot receive: invalid stream (bad magic number)\n", ErrorKind::failed},
        Case{"cannot receive: failed to read from stream\n", ErrorKind::failed},
        Case{"cannot set property for 'hpg/q': size is less than current used or reserved space\n", ErrorKind::refused},
        Case{"cannot set property for 'hpg/q': size is greater than available space\n", ErrorKind::refused},
        Case{"cannot create 'hpg/q2': out of space\n", ErrorKind::refused},
        Case{"connect: Permission denied\ninternal error: failed to initialize ZFS library\n", ErrorKind::failed},
        Case{"cannot open 'nopool': no such pool\n", ErrorKind::conflict}));

INSTANTIATE_TEST_SUITE_P(
    OpenZfs, Words,
    testing::Values(
        Case{"cannot destroy 'tank/a': pool or dataset is busy\n", ErrorKind::refused},
        Case{"cannot destroy snapshot tank/a@s: dataset is busy\n", ErrorKind::refused},
        Case{"cannot destroy snapshot tank/a@s: it's being held. Run 'zfs holds -r tank/a@s' to see holders.\n",
             ErrorKind::refused},
        Case{"cannot destroy snapshot tank/a@s: snapshot is cloned\n", ErrorKind::refused},
        Case{"cannot rollback to 'tank/a@s': more recent snapshots or bookmarks exist\nuse '-r' to force deletion of "
             "the "
             "following snapshots and bookmarks:\ntank/a#t\n",
             ErrorKind::refused},
        Case{"cannot rollback 'tank/a': there is a snapshot or bookmark more recent than 'tank/a@s'\n",
             ErrorKind::refused},
        Case{"cannot rollback 'tank/a': 'tank/a@s' is not found among snapshots of 'tank/a'\n", ErrorKind::conflict},
        Case{"cannot unmount '/srv/a': pool or dataset is busy\n", ErrorKind::refused},
        Case{"cannot mount '/srv/a': mountpoint or dataset is busy\n", ErrorKind::refused},
        Case{"cannot create 'tank/a': permission denied\n", ErrorKind::refused},
        Case{"filesystem successfully created, but it may only be mounted by root\n", ErrorKind::refused},
        Case{"cannot receive incremental stream: most recent snapshot of tank/a does not\nmatch incremental source\n",
             ErrorKind::conflict},
        Case{"cannot receive incremental stream: destination tank/a has been modified\nsince most recent snapshot\n",
             ErrorKind::conflict},
        Case{"cannot receive new filesystem stream: destination has snapshots (eg. tank/a@s)\n"
             "must destroy them to overwrite it\n",
             ErrorKind::conflict},
        Case{"cannot receive resume stream: destination tank/a contains partially-complete state from \"zfs receive "
             "-s\".\n",
             ErrorKind::refused},
        Case{"cannot receive incremental stream: destination tank/a space quota exceeded.\n", ErrorKind::refused},
        Case{"cannot receive: local origin for clone tank/b@x does not exist\n", ErrorKind::conflict},
        Case{"cannot receive incremental stream: checksum mismatch or incomplete stream\n", ErrorKind::failed},
        Case{"cannot mount 'tank/enc/x': encryption key not loaded\n", ErrorKind::refused},
        Case{"The ZFS modules are not loaded.\nTry running 'modprobe zfs' as root to load them.\n", ErrorKind::failed},
        Case{"cannot open 'tank': pool I/O is currently suspended\n", ErrorKind::failed}));

TEST(JudgeFailure, KeepsTheWordsAndThePlace) {
  auto error = judge("cannot destroy 'tank/x': dataset is busy\n");
  EXPECT_EQ(error.what, "zfs destroy: cannot destroy 'tank/x': dataset is busy");
  EXPECT_EQ(error.where, "tank/x");
}

TEST(JudgeFailure, NeverPassesOnDangerousAdvice) {
  auto error =
      judge("cannot destroy 't': filesystem has children\nuse '-r' to destroy the following datasets:\nt/a\nt/b\n");
  EXPECT_EQ(error.what, "zfs destroy: cannot destroy 't': filesystem has children; t/a; t/b");
  EXPECT_EQ(judge("cannot rollback to 't@a': more recent snapshots exist\nuse '-r' to force deletion of the following "
                  "snapshots:\nt@b\n")
                .what,
            "zfs destroy: cannot rollback to 't@a': more recent snapshots exist; t@b");
  EXPECT_EQ(judge("destination 'a' exists\nmust specify -F to overwrite it\n").what,
            "zfs destroy: destination 'a' exists");
}

TEST(JudgeFailure, LeavesTheUsageTextOut) {
  EXPECT_EQ(judge("bad property list: invalid property 'x'\nusage:\n\tget [-rHp]\n").what,
            "zfs destroy: bad property list: invalid property 'x'");
}

TEST(JudgeFailure, SilenceIsItsExitCode) {
  EXPECT_EQ(judge_failure({"zfs", "mount", "t"}, 7, "").what, "zfs mount: exit code 7");
  EXPECT_EQ(judge_failure({}, 7, "").what, "zfs: exit code 7");
}

TEST(JudgeFailure, BoundsAndCleansTheText) {
  auto error = judge(std::string(100000, 'x') + "\x1b[31m");
  EXPECT_LE(error.what.size(), 1100U);
  EXPECT_EQ(error.what.find('\x1b'), std::string::npos);
}

TEST(JudgeFailure, NamesTheDatasetAndNoOption) {
  EXPECT_EQ(judge_failure({"zfs", "mount", "tank/a"}, 1, "no").where, "tank/a");
  EXPECT_EQ(judge_failure({"zpool", "upgrade", "-v"}, 1, "no").where, "");
}

TEST(SaysAbsent, OnlyOfTheRootItself) {
  EXPECT_TRUE(says_absent("hpg/none", "cannot open 'hpg/none': dataset does not exist\n"));
  EXPECT_FALSE(says_absent("hpg", "cannot open 'hpg/none': dataset does not exist\n"));
  EXPECT_FALSE(says_absent("hpg/none", "cannot open 'hpg/none': permission denied\n"));
  EXPECT_TRUE(says_absent("hpg", "cannot open 'hpg': no such pool\n"));
}

}  // namespace
}  // namespace dugong::zfs
