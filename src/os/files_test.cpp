#include "os/files.h"

#include <atomic>
#include <fcntl.h>
#include <fstream>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include "os/testing.h"

namespace dugong::os {
namespace {

struct Files : testing::Test {
  TempDir dir;
  std::string at(const std::string& name) const { return dir.path(name); }
  Place below(const std::string& name) const { return {dir.path(), dir.path(name)}; }
  std::string content(const std::string& name) const { return read_file(at(name)).value().bytes; }
  void put(const std::string& name, const std::string& bytes) const { ASSERT_TRUE(write_file(at(name), bytes)); }
  void link(const std::string& target, const std::string& name) const {
    ASSERT_EQ(::symlink(target.c_str(), at(name).c_str()), 0);
  }
  FileKind kind(const std::string& name) const { return stat_file(at(name)).value().kind; }
};

TEST_F(Files, MissingIsAnAnswer) {
  EXPECT_EQ(kind("no"), FileKind::missing);
  EXPECT_EQ(kind("no/way"), FileKind::missing);
  EXPECT_EQ(read_file(at("no"))->stat.kind, FileKind::missing);
  EXPECT_EQ(read_file(below("no/way"))->stat.kind, FileKind::missing);
}

TEST_F(Files, WhatIsWrittenIsRead) {
  put("a", std::string("x\0y", 3));
  EXPECT_EQ(content("a"), std::string("x\0y", 3));
  EXPECT_EQ(stat_file(at("a"))->size, 3U);
  EXPECT_EQ(stat_file(at("a"))->mode, 0644U);
}

TEST_F(Files, WhatAKilledWriteLeftGoesWithTheNext) {
  const std::string left = ".dugong-0123456789abcdef";
  const std::string held = ".dugong-fedcba9876543210";
  for (const auto& name : {left, held, std::string{".dugong-mine"}}) std::ofstream{at(name)} << "a password";
  link("a", ".dugong-0000000000000000");
  const Fd other{::open(at(held).c_str(), O_RDONLY | O_CLOEXEC)};
  ASSERT_EQ(::flock(other.get(), LOCK_EX), 0);
  put("a", "1");
  EXPECT_EQ(kind(left), FileKind::missing);
  EXPECT_EQ(kind(held), FileKind::file) << "a write is under way";
  EXPECT_EQ(kind(".dugong-mine"), FileKind::file);
  EXPECT_EQ(kind(".dugong-0000000000000000"), FileKind::symlink);
}

TEST_F(Files, WritersDoNotTakeEachOthersFiles) {
  std::vector<std::jthread> writers;
  std::atomic<int> failed = 0;
  for (int writer = 0; writer < 4; ++writer) {
    writers.emplace_back([&, name = at(std::to_string(writer))] {
      for (int round = 0; round < 100; ++round) failed += write_file(name, "x") ? 0 : 1;
    });
  }
  writers.clear();
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(list_directory(dir.path())->size(), 4U);
}

TEST_F(Files, ARealPath) {
  ASSERT_TRUE(make_directories(at("d/e")));
  link("d", "l");
  EXPECT_EQ(real_path(at("l/e")).value(), real_path(at("d")).value() + "/e");
  EXPECT_FALSE(real_path(at("no")));
}

TEST_F(Files, ReadsAreBounded) {
  put("a", std::string(100'000, 'x'));
  EXPECT_EQ(read_file(at("a"), 10)->bytes, "xxxxxxxxxx");
  EXPECT_EQ(read_file(at("a"), 10)->stat.size, 100'000U);
  EXPECT_EQ(read_file(at("a"), 200'000)->bytes.size(), 100'000U);
  EXPECT_EQ(read_file(at("a"), 0)->bytes, "");
}

TEST_F(Files, ProcIsReadAlthoughItsSizeIsZero) { EXPECT_FALSE(read_file("/proc/self/status")->bytes.empty()); }
TEST_F(Files, ADirectoryHasNoBytes) { EXPECT_EQ(read_file(dir.path())->stat.kind, FileKind::directory); }

TEST_F(Files, AFifoDoesNotMakeUsWait) {
  ASSERT_EQ(::mkfifo(at("fifo").c_str(), 0600), 0);
  EXPECT_EQ(read_file(at("fifo"))->stat.kind, FileKind::other);
}

TEST_F(Files, WriteReplacesAndSetsModeAndOwner) {
  put("a", "old");
  const auto me = ::geteuid();
  ASSERT_TRUE(write_file(at("a"), "new", {.mode = 0600, .uid = me, .gid = {}}));
  EXPECT_EQ(content("a"), "new");
  EXPECT_EQ(stat_file(at("a"))->mode, 0600U);
  EXPECT_EQ(list_directory(dir.path())->size(), 1U) << "a temporary file was left behind";
}

TEST_F(Files, WriteGivesTheFileAway) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  ASSERT_TRUE(write_file(at("a"), "x", {.mode = 0640, .uid = 70, .gid = 71}));
  EXPECT_EQ(stat_file(at("a"))->uid, 70U);
  EXPECT_EQ(stat_file(at("a"))->gid, 71U);
  EXPECT_EQ(stat_file(at("a"))->mode, 0640U);
}

TEST_F(Files, AFailedWriteLeavesTheOldOneAndNoRest) {
  ASSERT_TRUE(make_directories(at("d")));
  const auto written = write_file(at("d"), "x");
  ASSERT_FALSE(written);
  EXPECT_NE(written.error().what.find(at("d")), std::string::npos);
  EXPECT_EQ(list_directory(dir.path())->size(), 1U);
}

TEST_F(Files, WriteNewNeverOverwrites) {
  EXPECT_EQ(write_new_file(at("a"), "1").value(), Written::created);
  EXPECT_EQ(write_new_file(at("a"), "2").value(), Written::existed);
  EXPECT_EQ(content("a"), "1");
  EXPECT_EQ(list_directory(dir.path())->size(), 1U);
}

TEST_F(Files, WriteNewDoesNotFollowADanglingLink) {
  link(at("elsewhere"), "a");
  EXPECT_EQ(write_new_file(at("a"), "2").value(), Written::existed);
  EXPECT_EQ(kind("elsewhere"), FileKind::missing);
}

TEST_F(Files, BelowARootNoSymlinkIsFollowed) {
  link("/etc", "out");
  link("d", "in");
  ASSERT_TRUE(make_directories(at("d")));
  for (const char* name : {"out/hostname", "in/a"}) {
    EXPECT_EQ(read_file(below(name)).error().kind, ErrorKind::refused) << name;
    EXPECT_EQ(write_file(below(name), "x").error().kind, ErrorKind::refused) << name;
    EXPECT_EQ(make_directories(below(name)).has_value(), false) << name;
    EXPECT_EQ(remove_tree(below(name)).has_value(), false) << name;
  }
  EXPECT_EQ(kind("d/a"), FileKind::missing);
}

TEST_F(Files, ASymlinkAsTheLastPartIsNotFollowedBelowARoot) {
  put("a", "secret");
  link("a", "l");
  EXPECT_EQ(read_file(below("l")).error().kind, ErrorKind::refused);
  EXPECT_EQ(stat_file(below("l"))->kind, FileKind::symlink);
  EXPECT_EQ(read_link(below("l")).value(), "a");
  ASSERT_TRUE(write_file(below("l"), "mine"));
  EXPECT_EQ(content("a"), "secret") << "written through the link";
}

TEST_F(Files, PathsThatAreNone) {
  EXPECT_EQ(read_file("relative").error().kind, ErrorKind::invalid);
  EXPECT_EQ(read_file("").error().kind, ErrorKind::invalid);
  EXPECT_EQ(read_file(std::string("/a\0b", 4)).error().kind, ErrorKind::invalid);
  EXPECT_EQ(read_file(below("../x")).error().kind, ErrorKind::invalid);
  EXPECT_EQ(read_file(Place{"/srv/a", "/srv/ab"}).error().kind, ErrorKind::refused);
  EXPECT_EQ(read_file(Place{dir.path(), "/etc/hostname"}).error().kind, ErrorKind::refused);
  EXPECT_EQ(write_file("/", "x").error().kind, ErrorKind::invalid);
  EXPECT_EQ(write_file(Place{dir.path(), dir.path()}, "x").error().kind, ErrorKind::invalid);
}

TEST_F(Files, MagicLinksAreNeverFollowed) {
  EXPECT_FALSE(read_file("/proc/self/root/etc/passwd"));
  EXPECT_FALSE(read_file("/proc/self/exe"));
}

TEST_F(Files, DirectoriesAreMadeWithTheirParents) {
  ASSERT_TRUE(make_directories(below("a/b//c/"), {.mode = 0700, .uid = {}, .gid = {}}));
  EXPECT_EQ(stat_file(at("a/b/c"))->mode, 0700U);
  EXPECT_EQ(stat_file(at("a"))->mode, 0755U);
  ASSERT_TRUE(make_directories(at("a/b/c"), {.mode = 0750, .uid = {}, .gid = {}}));
  EXPECT_EQ(stat_file(at("a/b/c"))->mode, 0750U) << "an existing one is corrected";
}

TEST_F(Files, AFileInTheWayOfADirectory) {
  put("a", "x");
  EXPECT_FALSE(make_directories(at("a/b")));
  EXPECT_FALSE(make_directories(at("a")));
}

TEST_F(Files, RemoveFile) {
  put("a", "x");
  EXPECT_TRUE(remove_file(at("a")));
  EXPECT_TRUE(remove_file(at("a"))) << "missing is fine";
  EXPECT_TRUE(remove_file(at("no/such"))) << "missing is fine";
  ASSERT_TRUE(make_directories(at("d")));
  EXPECT_FALSE(remove_file(at("d")));
}

TEST_F(Files, RemoveContentsKeepsTheDirectoryAndWhatLinksLeadTo) {
  ASSERT_TRUE(make_directories(at("d/e/f")));
  put("d/e/f/x", "1");
  put("keep", "1");
  link(at("keep"), "d/l");
  link(dir.path(), "d/e/up");
  ASSERT_TRUE(remove_contents(below("d")));
  EXPECT_TRUE(list_directory(at("d"))->empty());
  EXPECT_EQ(kind("keep"), FileKind::file);
  EXPECT_TRUE(remove_contents(below("missing")));
}

TEST_F(Files, ADirectoryThatIsASymlinkGetsNoOwner) {
  ASSERT_TRUE(make_directories(at("d"), {.mode = 0755, .uid = {}, .gid = {}}));
  link("d", "l");
  const auto made = make_directories(at("l"), {.mode = 0700, .uid = {}, .gid = {}});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().kind, ErrorKind::refused);
  EXPECT_EQ(stat_file(at("d"))->mode, 0755U);
}

TEST_F(Files, RemoveContentsDoesNotFollowItsOwnPath) {
  ASSERT_TRUE(make_directories(at("d")));
  put("d/x", "1");
  link("d", "l");
  EXPECT_FALSE(remove_contents(at("l")));
  EXPECT_EQ(kind("d/x"), FileKind::file);
}

TEST_F(Files, RemoveTree) {
  ASSERT_TRUE(make_directories(at("d/e")));
  put("d/e/x", "1");
  ASSERT_TRUE(remove_tree(below("d")));
  EXPECT_EQ(kind("d"), FileKind::missing);
  EXPECT_TRUE(remove_tree(below("d")));
}

TEST_F(Files, RemoveIfEmpty) {
  ASSERT_TRUE(make_directories(at("d/e")));
  EXPECT_EQ(remove_if_empty(below("d")).value(), Removed::kept);
  EXPECT_EQ(remove_if_empty(below("d/e")).value(), Removed::gone);
  EXPECT_EQ(remove_if_empty(below("d")).value(), Removed::gone);
  EXPECT_EQ(remove_if_empty(below("d")).value(), Removed::gone);
  EXPECT_EQ(kind("d"), FileKind::missing);
}

TEST_F(Files, NothingIsRemovedWhenSomethingIsMountedBelow) {
  ASSERT_TRUE(make_directories(at("d/m")));
  put("d/a", "1");
  if (::mount("tmpfs", at("d/m").c_str(), "tmpfs", 0, nullptr) != 0) GTEST_SKIP() << "cannot mount here";
  EXPECT_TRUE(is_mount_point(at("d/m")).value());
  const auto refused = remove_tree(below("d"));
  const auto emptied = remove_contents(below("d"));
  const auto own = remove_tree(below("d/m"));
  put("d/m/x", "1");
  const auto inside = remove_contents(below("d/m"));
  const bool gone = kind("d/m/x") == FileKind::missing;
  ::umount(at("d/m").c_str());
  EXPECT_EQ(refused.error().kind, ErrorKind::refused);
  EXPECT_EQ(refused.error().left, "nothing was removed");
  EXPECT_FALSE(emptied);
  EXPECT_FALSE(own);
  EXPECT_TRUE(inside);
  EXPECT_TRUE(gone);
  EXPECT_EQ(kind("d/a"), FileKind::file);
}

TEST_F(Files, MountPoints) {
  EXPECT_FALSE(is_mount_point(dir.path()).value());
  EXPECT_FALSE(is_mount_point(at("no")).value());
  EXPECT_TRUE(is_mount_point("/proc").value());
}

TEST_F(Files, ListIsSortedAndTyped) {
  put("b", "");
  ASSERT_TRUE(make_directories(at("a")));
  link("b", "c");
  const auto entries = list_directory(dir.path()).value();
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_EQ(entries[0].name, "a");
  EXPECT_EQ(entries[0].kind, FileKind::directory);
  EXPECT_EQ(entries[1].kind, FileKind::file);
  EXPECT_EQ(entries[2].kind, FileKind::symlink);
  EXPECT_FALSE(list_directory(at("no")));
}

TEST_F(Files, LinkNeverOverwrites) {
  put("a", "1");
  put("b", "2");
  EXPECT_EQ(link_file(at("a"), at("c")).value(), Linked::created);
  EXPECT_EQ(link_file(at("a"), at("b")).value(), Linked::existed);
  EXPECT_EQ(content("b"), "2");
  EXPECT_EQ(content("c"), "1");
  EXPECT_FALSE(link_file(at("no"), at("d")));
}

TEST_F(Files, Others) {
  EXPECT_TRUE(sync_directory(dir.path()));
  EXPECT_NE(own_executable()->find("os_test"), std::string::npos);
  EXPECT_FALSE(read_link(dir.path()));
  EXPECT_TRUE(open_file("/etc/passwd"));
}

}  // namespace
}  // namespace dugong::os
