// The door against a zfs whose words and exit codes are ours to choose.
#include <gtest/gtest.h>
#include <unistd.h>

#include "node/local_sandbox.h"
#include "node/mount_guard.h"

namespace dugong::node {
namespace {

// Datasets are files below $S/d, their content the `zfs get` lines; FAIL and LIE in the sandbox make a command say no
// after doing it, or yes without doing it.
constexpr const char* small_zfs = R"(
verb=$1; for last; do :; done; file=$S/d/$(echo "$last" | tr / _)
absent() { echo "cannot open '$last': dataset does not exist" >&2; exit 1; }
case $verb in
version) echo zfs-2.3.2; echo zfs-kmod-2.3.2; exit 0;;
get) [ "$5" = used,available ] && { printf 'used\t1073741824\navailable\t4294967296\n'; exit 0; }
  [ -e "$file" ] || absent; cat "$file"; exit 0;;
esac
[ -e $S/LIE ] && exit 0
[ -e $S/BUSY ] && { rm $S/BUSY; echo "cannot $verb '$last': dataset is busy" >&2; exit 1; }
case $verb in
create|clone|snapshot)
  type=filesystem; origin=-; [ $verb = snapshot ] && type=snapshot
  [ $verb = clone ] && eval "origin=\${$(($# - 1))}"
  for p in "type=$type" guid=77 createtxg=5 "origin=$origin" mounted=no mountpoint=/x userrefs=0; do
    printf '%s\t%s\t%s\t-\n' "$last" "${p%%=*}" "${p#*=}"
  done > "$file";;
destroy) rm "$file";;
mount|unmount) m=yes; [ $verb = unmount ] && m=no
  sed -i "s/mounted	[a-z]*/mounted	$m/" "$file";;
hold) sed -i "s/userrefs	0/userrefs	1/" "$file";;
set) [ -e "$S/SET_ONE" ] && { [ -e $S/SET_DONE ] && { echo "cannot set property for '$last': out of space" >&2; exit 1; }; touch $S/SET_DONE; };;
esac
[ -e $S/FAIL ] && { cat $S/FAIL >&2; exit 1; }
exit 0)";

class LocalZfs : public LocalSandbox {
 protected:
  LocalZfs() {
    std::filesystem::create_directories(path("d"));
    tool("zfs", small_zfs);
    tool("zpool", R"(for last; do :; done
[ "$last" = tank ] || { echo "cannot open '$last': no such pool" >&2; exit 1; }
printf 'tank\t10G\t5G\tONLINE\n')");
  }
};

std::string unmounted(const std::string& name, const std::string& mountpoint) {
  return name + "\ttype\tfilesystem\t-\n" + name + "\tguid\t77\t-\n" + name + "\tcreatetxg\t5\t-\n" + name +
         "\tmounted\tno\t-\n" + name + "\tmountpoint\t" + mountpoint + "\tinherited from tank\n";
}

class MarkedZfs : public LocalZfs {
 protected:
  // What the small zfs knows, and the mark of tank/ours and all below it.
  MarkedZfs() {
    tool("zfs", std::string{R"sh(
if [ "$1 $4" = "get value,source" ]; then for last; do :; done
  case $last in
  tank/ours) printf 'dex\tlocal\n'; exit 0;;
  tank/ours/*) [ -e $S/d/$(echo "$last" | tr / _) ] && { printf 'dex\tinherited from tank/ours\n'; exit 0; };;
  tank/received) printf 'dex\treceived\n'; exit 0;;
  tank|tank/theirs) printf -- '-\t-\n'; exit 0;;
  esac
  echo "cannot open '$last': dataset does not exist" >&2; exit 1
fi)sh"} + small_zfs);
  }
  template <class Question>
  std::string served(Question question) {
    const auto answer = ask(served_, std::move(question), os::deadline_in(Millis{10'000}));
    return answer ? "ok" : answer.error().kind == ErrorKind::refused ? "refused" : answer.error().what;
  }

 private:
  LocalNode served_{{.policy = Policy{}}};
};

TEST_F(MarkedZfs, what_nobody_marked_is_left_alone) {
  EXPECT_EQ(served(zfs::Snapshot{"tank/theirs@a", false, {}}), "refused");
  EXPECT_EQ(served(zfs::Clone{"tank/theirs@a", "tank/ours/c", {}}), "refused");
  EXPECT_EQ(served(zfs::Destroy{"tank/theirs"}), "refused");
  EXPECT_EQ(served(zfs::DestroySnapshot{"tank/theirs@a"}), "refused");
  EXPECT_EQ(served(zfs::Rollback{"tank/theirs@a"}), "refused");
  EXPECT_EQ(served(zfs::Hold{"tank/theirs@a", "x"}), "refused");
  EXPECT_EQ(served(zfs::Release{"tank/theirs@a", "x"}), "refused");
  EXPECT_EQ(served(zfs::SetProperties{"tank/theirs", {{"dugong:cluster", "dex"}}}), "refused");
  EXPECT_EQ(served(zfs::SetProperties{"tank/received", {{"dugong:cluster", "dex"}}}), "refused");
  EXPECT_EQ(served(zfs::Mount{"tank/theirs"}), "refused");
  EXPECT_EQ(served(zfs::Unmount{"tank/theirs"}), "refused");
}

TEST_F(MarkedZfs, what_is_marked_or_below_it_is_changed) {
  EXPECT_EQ(served(zfs::Create{"tank/ours", {}}), "ok");
  EXPECT_EQ(served(zfs::Create{"tank/ours/live-0", {}}), "ok");
  EXPECT_EQ(served(zfs::Snapshot{"tank/ours/live-0@a", false, {}}), "ok");
  EXPECT_EQ(served(zfs::Clone{"tank/ours/live-0@a", "tank/ours/c", {}}), "ok");
  EXPECT_EQ(served(zfs::SetProperties{"tank/ours/live-0", {{"dugong:state", "ready"}}}), "ok");
  EXPECT_EQ(served(zfs::Destroy{"tank/ours/c"}), "ok");
}

TEST_F(MarkedZfs, what_a_stream_brought_is_no_program_of_roots) {
  write("d/tank_ours", unmounted("tank/ours", "/srv/dugong-test/nowhere"));
  EXPECT_EQ(served(zfs::Mount{"tank/ours"}), "ok");
  EXPECT_TRUE(called("zfs mount -o nosuid,nodev tank/ours"));
}

TEST_F(MarkedZfs, a_mountpoint_is_judged_when_it_is_used) {
  write("d/tank_ours", unmounted("tank/ours", "/etc/cron.d"));
  EXPECT_EQ(served(zfs::Mount{"tank/ours"}), "refused");
  write("d/tank_ours", unmounted("tank/ours", "/srv/dugong-test/nowhere"));
  EXPECT_EQ(served(zfs::Mount{"tank/ours"}), "ok");
}

TEST_F(LocalZfs, nothing_is_mounted_over_where_a_symlink_leads) {
  std::filesystem::create_directories(path("real"));
  std::filesystem::create_symlink(path("real"), path("link"));
  for (const auto* mountpoint : {"link", "link/below"}) {
    write("d/tank_a", unmounted("tank/a", path(mountpoint)));
    EXPECT_PRED2(has, failure(zfs::Mount{"tank/a"}), "symbolic link") << mountpoint;
  }
}

// The node of a policy that allows $S/ours.
class WayOfAMount : public MarkedZfs {
 protected:
  WayOfAMount() {
    std::filesystem::create_directories(path("ours/a"));
    write("d/tank_ours", unmounted("tank/ours", path("ours/a/data")));
    Policy policy;
    policy.directories = {path("ours")};
    node_.emplace(LocalOptions{.policy = policy});
  }
  std::string mount() { return words(zfs::Mount{"tank/ours"}); }
  template <class Question>
  std::string words(Question question, Millis patience = Millis{10'000}) {
    const auto answer = ask(*node_, std::move(question), os::deadline_in(patience));
    return answer ? "ok" : answer.error().what;
  }
  [[nodiscard]] bool mounts() const { return called("zfs mount -o nosuid,nodev tank/ours"); }

 private:
  std::optional<LocalNode> node_;
};

TEST_F(WayOfAMount, is_roots) {
  EXPECT_EQ(mount(), "ok");
  EXPECT_TRUE(mounts());
}

TEST_F(WayOfAMount, what_is_missing_is_made_by_zfs) {
  std::filesystem::remove(path("ours/a"));
  EXPECT_EQ(mount(), "ok");
}

TEST_F(WayOfAMount, its_root_is_there) {
  std::filesystem::remove_all(path("ours"));
  EXPECT_PRED2(has, mount(), "ours is not a directory");
  EXPECT_FALSE(mounts());
}

TEST_F(WayOfAMount, is_nobody_elses_to_change) {
  const auto refused = "others than root may change what is in " + path("ours/a");
  for (const auto mode : {0757, 0777, 01777}) {
    std::filesystem::permissions(path("ours/a"), std::filesystem::perms{static_cast<unsigned>(mode)});
    EXPECT_PRED2(has, mount(), refused) << mode;
  }
  std::filesystem::permissions(path("ours/a"), std::filesystem::perms{0775});
  if (::chown(path("ours/a").c_str(), 0, 1234) != 0) GTEST_SKIP() << "needs root";
  EXPECT_PRED2(has, mount(), refused);
  std::filesystem::permissions(path("ours/a"), std::filesystem::perms{0711});
  ASSERT_EQ(::chown(path("ours/a").c_str(), 1234, 0), 0);
  EXPECT_PRED2(has, mount(), refused);
  ASSERT_EQ(::chown(path("ours/a").c_str(), 0, 0), 0);
  ASSERT_EQ(::chown(path("ours").c_str(), 1234, 0), 0);
  EXPECT_PRED2(has, mount(), "others than root may change what is in " + path("ours"));
  EXPECT_FALSE(mounts());
}

TEST_F(WayOfAMount, has_no_link_in_it) {
  std::filesystem::create_directories(path("ours/b/x"));
  std::filesystem::remove(path("ours/a"));
  std::filesystem::create_symlink("b", path("ours/a"));
  EXPECT_PRED2(has, mount(), "symbolic link");
  write("d/tank_ours", unmounted("tank/ours", path("ours/a/x/data")));
  EXPECT_PRED2(has, mount(), "symbolic link");
  EXPECT_FALSE(mounts());
}

TEST_F(WayOfAMount, a_mount_that_went_elsewhere_is_taken_back) {
  std::filesystem::create_directories(path("elsewhere"));
  tool("zfs", std::string{R"sh(
case $1 in
get) [ "$4" = value,source ] && { printf 'dex\tlocal\n'; exit 0; };;
mount) mount -t tmpfs tank/ours $S/elsewhere || touch $S/forbidden;;
unmount) umount $S/elsewhere;;
esac)sh"} + small_zfs);
  const auto said = mount();
  if (std::filesystem::exists(path("forbidden"))) GTEST_SKIP() << "mounting is not allowed here";
  EXPECT_PRED2(has, said, "tank/ours was mounted at " + path("elsewhere"));
  EXPECT_TRUE(called("zfs unmount tank/ours"));
}

TEST_F(WayOfAMount, stands_still_until_it_is_mounted) {
  const auto held = hold_mounts(os::deadline_in(Millis{10'000}), {});
  ASSERT_TRUE(held);
  for (const auto& said : {words(zfs::Mount{"tank/ours"}, Millis{700}), words(zfs::Unmount{"tank/ours"}, Millis{30}),
                           words(MakeDirectory{path("ours/a"), 0777}, Millis{700})})
    EXPECT_PRED2(has, said, "still busy with another: a mount, pid ");
  EXPECT_FALSE(mounts());
}

TEST_F(LocalZfs, a_pool_and_its_capabilities) {
  const auto pool = ask_it(zfs::InspectPool{"tank"});
  ASSERT_TRUE(pool);
  EXPECT_EQ(pool->size, Bytes{10} << 30);
  EXPECT_EQ(pool->available, Bytes{4} << 30);
  EXPECT_EQ(pool->used, Bytes{1} << 30);
  EXPECT_TRUE(pool->can_receive_unmounted);
}

TEST_F(LocalZfs, no_such_pool) { EXPECT_TRUE(has(failure(zfs::InspectPool{"none"}), "no such pool")); }

TEST_F(LocalZfs, without_zfs_version_it_asks_the_old_way) {
  tool("zfs", "exit 2");
  tool("zpool", R"([ $1 = upgrade ] && { echo "This system is currently running ZFS pool version 23."; exit 0; }
printf 'tank\t10G\t5G\tONLINE\n')");
  const auto pool = ask_it(zfs::InspectPool{"tank"});
  ASSERT_TRUE(pool);
  EXPECT_FALSE(pool->can_receive_unmounted);
}

TEST_F(LocalZfs, an_absent_root_is_an_empty_list) {
  const auto tree = ask_it(zfs::ListTree{"tank/none"});
  ASSERT_TRUE(tree);
  EXPECT_TRUE(tree->empty());
}

TEST_F(LocalZfs, of_an_absent_pool_nothing_is_known) {
  EXPECT_TRUE(has(failure(zfs::ListTree{"none/x"}), "no such pool"));
}

TEST_F(LocalZfs, what_was_created_is_listed) {
  ASSERT_EQ(failure(zfs::Create{"tank/a", {}}), "");
  const auto tree = ask_it(zfs::ListTree{"tank/a"});
  ASSERT_TRUE(tree);
  ASSERT_EQ(tree->size(), 1U);
  EXPECT_EQ(tree->front().guid, Guid{77});
}

TEST_F(LocalZfs, created_but_not_mounted_says_that_it_stays) {
  write("FAIL", "filesystem successfully created, but not mounted\n");
  EXPECT_TRUE(has(failure(zfs::Create{"tank/a", {}}), "|tank/a was created and stays|"));
}

TEST_F(LocalZfs, a_yes_without_effect_is_not_believed) {
  ASSERT_EQ(failure(zfs::Create{"tank/a", {}}), "");
  ASSERT_EQ(failure(zfs::Snapshot{"tank/a@s", false, {}}), "");
  write("LIE", "");
  EXPECT_TRUE(has(failure(zfs::Create{"tank/b", {}}), "tank/b does not exist"));
  EXPECT_TRUE(has(failure(zfs::Snapshot{"tank/a@t", false, {}}), "tank/a@t does not exist"));
  EXPECT_TRUE(has(failure(zfs::Clone{"tank/a@s", "tank/c", {}}), "tank/c does not exist"));
  EXPECT_TRUE(has(failure(zfs::Hold{"tank/a@s", "dugong"}), "is not held"));
  EXPECT_TRUE(has(failure(zfs::Mount{"tank/a"}), "is not mounted"));
  EXPECT_TRUE(has(failure(zfs::Destroy{"tank/a"}), "is still there"));
  EXPECT_TRUE(has(failure(zfs::DestroySnapshot{"tank/a@s"}), "is still there"));
}

// tank/a/anchor-0 with @base and then @more.
class Anchor : public LocalZfs {
 protected:
  struct Look {
    std::string marks = "local";
    std::string role = "anchor";
    std::string mounted = "no";
    std::string canmount = "noauto";
    std::string more;
  };
  void have(const Look& look) {
    const std::string name = "tank/a/anchor-0";
    std::string text = unmounted(name, "none");
    text.replace(text.find("mounted\tno"), 10, "mounted\t" + look.mounted);
    text += name + "\tcanmount\t" + look.canmount + "\tlocal\n";
    text += name + "\tdugong:cluster\tdex\t" + look.marks + "\n";
    text += name + "\tdugong:role\t" + look.role + "\t" + look.marks + "\n";
    text += snapshot(name + "@base", 5);
    if (!look.more.empty()) text += snapshot(look.more, 6);
    write("d/tank_a_anchor-0", text);
  }
  std::string rollback() { return failure(zfs::Rollback{"tank/a/anchor-0@base"}); }
  [[nodiscard]] bool is_rolled_back() const { return called("zfs rollback tank/a/anchor-0@base"); }

 private:
  static std::string snapshot(const std::string& name, int txg) {
    return name + "\ttype\tsnapshot\t-\n" + name + "\tguid\t" + std::to_string(txg) + "\t-\n" + name + "\tcreatetxg\t" +
           std::to_string(txg) + "\t-\n";
  }
};

TEST_F(Anchor, is_rolled_back_to_its_newest_snapshot) {
  have({});
  EXPECT_EQ(rollback(), "");
  EXPECT_TRUE(is_rolled_back());
  have({.canmount = "off", .more = "tank/a/anchor-0/other@x"});
  EXPECT_EQ(rollback(), "");
}

TEST_F(Anchor, nothing_else_is_rolled_back) {
  const auto left = "|nothing was changed|";
  for (const auto& [look, why] :
       {std::pair{Look{.more = "tank/a/anchor-0@more"}, "tank/a/anchor-0@more is newer than tank/a/anchor-0@base"},
        std::pair{Look{.mounted = "yes"}, "is mounted"}, std::pair{Look{.canmount = "on"}, "may be mounted"},
        std::pair{Look{.role = "live"}, "is not marked"}, std::pair{Look{.marks = "received"}, "is not marked"},
        std::pair{Look{.marks = "inherited from tank"}, "is not marked"}}) {
    have(look);
    EXPECT_PRED2(has, rollback(), why);
    EXPECT_PRED2(has, rollback(), left);
  }
  EXPECT_FALSE(is_rolled_back());
}

TEST_F(Anchor, a_page_cache_that_may_not_be_dropped_is_no_failure) {
  have({});
  write("FAIL", "drop_caches failed: Read-only file system\n");
  EXPECT_EQ(rollback(), "");
  write("FAIL", "cannot rollback 'tank/a/anchor-0': out of space\n");
  EXPECT_PRED2(has, rollback(), "out of space");
}

TEST_F(LocalZfs, a_clone_has_its_origin) {
  ASSERT_EQ(failure(zfs::Create{"tank/a", {}}), "");
  ASSERT_EQ(failure(zfs::Snapshot{"tank/a@s", false, {}}), "");
  EXPECT_EQ(failure(zfs::Clone{"tank/a@s", "tank/c", {}}), "");
  EXPECT_EQ(failure(zfs::Hold{"tank/a@s", "dugong"}), "");
  EXPECT_EQ(failure(zfs::Release{"tank/a@s", "dugong"}), "");
}

TEST_F(LocalZfs, mounting_twice_is_done_once) {
  ASSERT_EQ(failure(zfs::Create{"tank/a", {}}), "");
  EXPECT_EQ(failure(zfs::Unmount{"tank/a"}), "");
  EXPECT_FALSE(called("zfs unmount tank/a"));
  EXPECT_EQ(failure(zfs::Mount{"tank/a"}), "");
  EXPECT_TRUE(called("zfs mount -o nosuid,nodev tank/a"));
  EXPECT_EQ(failure(zfs::Mount{"tank/a"}), "");
  EXPECT_EQ(failure(zfs::Unmount{"tank/a"}), "");
  EXPECT_TRUE(called("zfs unmount tank/a"));
}

TEST_F(LocalZfs, what_is_busy_for_a_moment_is_tried_again) {
  ASSERT_EQ(failure(zfs::Create{"tank/a", {}}), "");
  write("BUSY", "");
  EXPECT_EQ(failure(zfs::Destroy{"tank/a"}), "");
}

TEST_F(LocalZfs, the_mounted_is_not_destroyed) {
  ASSERT_EQ(failure(zfs::Create{"tank/a", {}}), "");
  ASSERT_EQ(failure(zfs::Mount{"tank/a"}), "");
  EXPECT_TRUE(has(failure(zfs::Destroy{"tank/a"}), "is mounted at /x"));
  EXPECT_FALSE(called("zfs destroy tank/a"));
  ASSERT_EQ(failure(zfs::Unmount{"tank/a"}), "");
  EXPECT_EQ(failure(zfs::Destroy{"tank/a"}), "");
}

TEST_F(LocalZfs, properties_set_before_a_failure_are_told) {
  ASSERT_EQ(failure(zfs::Create{"tank/a", {}}), "");
  write("SET_ONE", "");
  EXPECT_TRUE(has(failure(zfs::SetProperties{"tank/a", {{"dugong:a", "1"}, {"dugong:b", "2"}}}),
                  "|1 of the properties of tank/a were set|"));
}

}  // namespace
}  // namespace dugong::node
