#include <gtest/gtest.h>

#include "node/local_sandbox.h"

namespace dugong::node {
namespace {

class LocalData : public LocalSandbox {
 protected:
  postgres::DataFacts facts() {
    auto answer = ask_it(InspectData{path("data")});
    EXPECT_TRUE(answer);
    return answer ? *answer : postgres::DataFacts{};
  }
  void make_server() {
    write("data/PG_VERSION", "15\n");
    write("data/global/pg_control", "too short");
    write("data/postgresql.conf", "port = 1\n");
    write("data/pg_wal/archive_status/a.ready", "");
    write("data/pg_wal/archive_status/b.done", "");
    write("data/pg_replslot/b/state", "");
    std::filesystem::create_directories(path("data/pg_replslot/c"));
    std::filesystem::create_directories(path("data/pg_tblspc"));
  }
};

TEST_F(LocalData, missing) { EXPECT_FALSE(facts().exists); }

TEST_F(LocalData, empty) {
  std::filesystem::create_directories(path("data"));
  const auto seen = facts();
  EXPECT_TRUE(seen.exists);
  EXPECT_TRUE(seen.empty);
  EXPECT_EQ(seen.version, "");
}

TEST_F(LocalData, a_directory_of_something_else) {
  write("data/lost+found", "");
  const auto seen = facts();
  EXPECT_FALSE(seen.empty);
  EXPECT_EQ(seen.version, "");
  EXPECT_EQ(seen.control_error, "");
}

TEST_F(LocalData, a_server) {
  make_server();
  const auto seen = facts();
  EXPECT_EQ(seen.version, "15");
  EXPECT_EQ(seen.entries, (std::vector<std::string>{"PG_VERSION", "global", "pg_replslot", "pg_tblspc", "pg_wal",
                                                    "postgresql.conf"}));
  EXPECT_EQ(seen.slots, (std::vector<std::string>{"b", "c"}));
  EXPECT_EQ(seen.archive_status_entries, 2U);
  EXPECT_EQ(seen.unarchived, 1U);
  EXPECT_EQ(seen.files, (std::map<std::string, std::string>{{"postgresql.conf", "port = 1\n"}}));
  EXPECT_TRUE(seen.links.empty());
}

TEST_F(LocalData, a_damaged_control_file_is_an_answer_with_the_reason) {
  make_server();
  const auto seen = facts();
  EXPECT_FALSE(seen.control);
  EXPECT_NE(seen.control_error, "");
}

TEST_F(LocalData, symlinks_are_reported_and_not_followed) {
  make_server();
  write("other/archive_status/x", "");
  std::filesystem::remove_all(path("data/pg_wal"));
  std::filesystem::create_symlink(path("other"), path("data/pg_wal"));
  std::filesystem::create_symlink("/mnt/ts", path("data/pg_tblspc/16385"));
  std::filesystem::create_symlink(path("other/conf"), path("data/pg_hba.conf"));
  const auto seen = facts();
  EXPECT_EQ(seen.links,
            (std::map<std::string, std::string>{
                {"pg_hba.conf", path("other/conf")}, {"pg_tblspc/16385", "/mnt/ts"}, {"pg_wal", path("other")}}));
  EXPECT_EQ(seen.archive_status_entries, 0U);
  EXPECT_FALSE(seen.files.contains("pg_hba.conf"));
}

TEST_F(LocalData, a_file_in_its_place_is_refused) {
  write("data", "x");
  EXPECT_TRUE(has(failure(InspectData{path("data")}), "is not a directory"));
}

}  // namespace
}  // namespace dugong::node
