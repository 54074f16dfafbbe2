// The door against a docker that knows one container: its name, its state and its restart policy are files.
#include <gtest/gtest.h>

#include "node/local_sandbox.h"

namespace dugong::node {
namespace {

constexpr const char* one_container = R"sh(
case "$1 $2" in
"container inspect")
  printf '[{"Id":"1","Name":"/%s","State":{"Status":"%s","Pid":0},"HostConfig":{"RestartPolicy":{"Name":"%s"}},' \
    $(cat $S/name) $(cat $S/status) $(cat $S/policy)
  printf '"Config":{"Env":["PGDATA=/pg"],"Labels":{%s}},' "$(cat $S/labels)"
  printf '"Mounts":[{"Type":"bind","Source":"%s","Destination":"/pg","RW":true}]}]' $(cat $S/source); exit 0;;
esac
case $1 in
ps) [ -e $S/name ] && echo 1;;
update) echo ${2#--restart=} > $S/policy;;
kill) [ -e $S/STUCK ] || echo exited > $S/status;;
wait) [ -e $S/STUCK ] && exec sleep 60; echo 0;;
rename) echo $3 > $S/name;;
esac
exit 0)sh";

class LocalRetire : public LocalSandbox {
 protected:
  LocalRetire() {
    tool("docker", one_container);
    write("name", "old-pg\n");
    write("status", "running\n");
    write("policy", "unless-stopped\n");
    write("labels", "");
    write("source", path("data") + "\n");
  }
  std::string retire(int seconds = 600) { return failure(runtime::RetireContainer{"old-pg", path("data"), seconds}); }
  std::string give_back() { return failure(runtime::ReturnContainer{"old-pg", path("data"), "unless-stopped"}); }
  [[nodiscard]] std::string now() const { return read("name") + read("status") + read("policy"); }
};

TEST_F(LocalRetire, takes_it_out_of_the_way_and_twice_is_nothing_more) {
  EXPECT_EQ(retire(), "");
  EXPECT_EQ(now(), "old-pg.before-dugong\nexited\nno\n");
  EXPECT_TRUE(called("docker kill --signal SIGINT old-pg")) << "a fast shutdown, and nobody is killed";
  EXPECT_EQ(retire(), "");
}

TEST_F(LocalRetire, and_back_without_starting_it) {
  ASSERT_EQ(retire(), "");
  EXPECT_EQ(give_back(), "");
  EXPECT_EQ(now(), "old-pg\nexited\nunless-stopped\n");
  EXPECT_EQ(give_back(), "");
}

TEST_F(LocalRetire, leaves_a_container_of_other_data_alone) {
  write("source", path("data2") + "\n");
  EXPECT_TRUE(has(retire(), "does not use " + path("data")));
  EXPECT_EQ(now(), "old-pg\nrunning\nunless-stopped\n");
}

TEST_F(LocalRetire, leaves_one_of_dugong_alone) {
  write("labels", R"("dugong.cluster":"dex")");
  EXPECT_TRUE(has(retire(), "was made by dugong"));
  EXPECT_EQ(now(), "old-pg\nrunning\nunless-stopped\n");
}

TEST_F(LocalRetire, does_not_kill_one_that_takes_its_time) {
  write("STUCK", "");
  const auto why = retire(1);
  EXPECT_TRUE(has(why, "still shutting down after 1 s|it was not killed")) << why;
  EXPECT_EQ(now(), "old-pg\nrunning\nno\n") << "what a host that goes down now must not start again";
}

TEST_F(LocalRetire, one_that_is_gone_need_not_be_given_back) {
  ASSERT_EQ(retire(), "");
  std::filesystem::remove(path("name"));
  EXPECT_EQ(give_back(), "");
  EXPECT_TRUE(has(retire(), "there is no container old-pg"));
}

TEST_F(LocalRetire, a_file_is_renamed_and_never_over_another) {
  write("a.yaml", "one");
  EXPECT_EQ(failure(RenameFile{path("a.yaml"), path("b.yaml")}), "");
  EXPECT_EQ(read("b.yaml"), "one");
  EXPECT_FALSE(std::filesystem::exists(path("a.yaml")));
  EXPECT_EQ(failure(RenameFile{path("a.yaml"), path("b.yaml")}), "") << "done already";
  write("a.yaml", "two");
  EXPECT_TRUE(has(failure(RenameFile{path("a.yaml"), path("b.yaml")}), "is there already"));
  EXPECT_EQ(read("a.yaml") + read("b.yaml"), "twoone");
}

TEST_F(LocalRetire, a_rename_that_was_cut_off_between_its_two_names_is_finished) {
  write("a.yaml", "one");
  std::filesystem::create_hard_link(path("a.yaml"), path("b.yaml"));
  EXPECT_EQ(failure(RenameFile{path("a.yaml"), path("b.yaml")}), "");
  EXPECT_FALSE(std::filesystem::exists(path("a.yaml")));
}

}  // namespace
}  // namespace dugong::node
