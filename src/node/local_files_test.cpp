#include <gtest/gtest.h>
#include <unistd.h>

#include "node/local_sandbox.h"
#include "os/spawn.h"

namespace dugong::node {
namespace {

class LocalFiles : public LocalSandbox {
 protected:
  WriteFile writing(const std::string& name, std::string bytes, std::uint32_t mode = 0600) {
    return {path(name), {std::move(bytes)}, mode, ::getuid(), ::getgid()};
  }
  std::uint32_t mode_of(const std::string& name) {
    const auto facts = ask_it(ReadFile{path(name)});
    return facts ? facts->mode : 0;
  }
};

TEST_F(LocalFiles, what_was_written_is_read) {
  ASSERT_TRUE(ask_it(writing("a", std::string{"x\0\xff", 3})));
  const auto facts = ask_it(ReadFile{path("a")});
  ASSERT_TRUE(facts);
  EXPECT_TRUE(facts->exists);
  EXPECT_FALSE(facts->is_directory);
  EXPECT_EQ(facts->size, 3U);
  EXPECT_EQ(facts->mode, 0600U);
  EXPECT_EQ(facts->uid, ::getuid());
  EXPECT_EQ(facts->content.bytes, (std::string{"x\0\xff", 3}));
}

TEST_F(LocalFiles, a_file_is_replaced_with_mode_and_all) {
  ASSERT_TRUE(ask_it(writing("a", "1")));
  ASSERT_TRUE(ask_it(writing("a", "2", 0644)));
  EXPECT_EQ(read("a"), "2");
  EXPECT_EQ(mode_of("a"), 0644U);
}

TEST_F(LocalFiles, a_missing_file_is_an_answer) {
  const auto facts = ask_it(ReadFile{path("none")});
  ASSERT_TRUE(facts);
  EXPECT_FALSE(facts->exists);
}

TEST_F(LocalFiles, a_directory_is_an_answer) {
  const auto facts = ask_it(ReadFile{path("bin")});
  ASSERT_TRUE(facts);
  EXPECT_TRUE(facts->is_directory);
}

TEST_F(LocalFiles, reading_stops_at_the_limit_but_tells_the_size) {
  write("a", "0123456789");
  const auto facts = ask_it(ReadFile{path("a"), 4});
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->content.bytes, "0123");
  EXPECT_EQ(facts->size, 10U);
}

TEST_F(LocalFiles, a_directory_is_made_with_its_parents) {
  ASSERT_TRUE(ask_it(MakeDirectory{path("x/y"), 0700, ::getuid(), ::getgid()}));
  EXPECT_EQ(mode_of("x/y"), 0700U);
  EXPECT_EQ(mode_of("x"), 0755U);
}

TEST_F(LocalFiles, making_it_again_changes_the_mode) {
  ASSERT_TRUE(ask_it(MakeDirectory{path("x"), 0700, ::getuid(), ::getgid()}));
  ASSERT_TRUE(ask_it(MakeDirectory{path("x"), 0750, ::getuid(), ::getgid()}));
  EXPECT_EQ(mode_of("x"), 0750U);
}

TEST_F(LocalFiles, removes_the_named_and_nothing_else) {
  for (const auto* name : {"d/postmaster.pid", "d/keep", "d/pg_replslot/a/state", "d/pg_replslot/b"}) write(name, "x");
  ASSERT_TRUE(ask_it(RemovePaths{path("d"), {"postmaster.pid", "not/there", "missing"}, {"pg_replslot", "absent"}}));
  EXPECT_FALSE(std::filesystem::exists(path("d/postmaster.pid")));
  EXPECT_TRUE(std::filesystem::exists(path("d/keep")));
  EXPECT_TRUE(std::filesystem::is_empty(path("d/pg_replslot")));
}

TEST_F(LocalFiles, a_name_that_leads_out_stops_everything) {
  write("d/keep", "x");
  write("other", "x");
  EXPECT_TRUE(has(failure(RemovePaths{path("d"), {"keep", "../other"}, {}}), "does not name something below"));
  EXPECT_TRUE(std::filesystem::exists(path("d/keep")));
  EXPECT_TRUE(std::filesystem::exists(path("other")));
}

TEST_F(LocalFiles, the_root_itself_is_not_emptied) {
  write("d/keep", "x");
  EXPECT_NE(failure(RemovePaths{path("d"), {}, {""}}), "");
  EXPECT_NE(failure(RemovePaths{path("d"), {}, {"."}}), "");
  EXPECT_NE(failure(RemovePaths{path("d"), {"/etc/passwd"}, {}}), "");
  EXPECT_TRUE(std::filesystem::exists(path("d/keep")));
}

TEST_F(LocalFiles, a_symlink_is_not_followed_out) {
  write("outside/keep", "x");
  std::filesystem::create_directories(path("d"));
  std::filesystem::create_symlink(path("outside"), path("d/pg_wal"));
  EXPECT_NE(failure(RemovePaths{path("d"), {}, {"pg_wal"}}), "");
  EXPECT_NE(failure(RemovePaths{path("d"), {"pg_wal/keep"}, {}}), "");
  EXPECT_TRUE(std::filesystem::exists(path("outside/keep")));
}

TEST_F(LocalFiles, nothing_goes_while_somebody_works_there) {
  write("d/postmaster.pid", "x");
  os::Command sleeper;
  sleeper.argv = {"sleep", "60"};
  sleeper.directory = path("d");
  const auto child = os::spawn(sleeper);
  ASSERT_TRUE(child);
  EXPECT_TRUE(has(failure(RemovePaths{path("d"), {"postmaster.pid"}, {}}), "(sleep) works in"));
  EXPECT_TRUE(std::filesystem::exists(path("d/postmaster.pid")));
}

TEST_F(LocalFiles, the_names_in_a_directory) {
  for (const auto* name : {"d/b/c", "d/a", "d/.x"}) write(name, "x");
  EXPECT_EQ(ask_it(ReadFile{path("d")})->entries, (std::vector<std::string>{".x", "a", "b"}));
  EXPECT_EQ(ask_it(ReadFile{path("d"), 3})->entries, (std::vector<std::string>{".x", "a"}));
  EXPECT_TRUE(ask_it(ReadFile{path("d"), 0})->entries.empty());
}

TEST_F(LocalFiles, a_directory_goes_with_what_is_named) {
  for (const auto* name : {"d/e/f", "d/g"}) write(name, "x");
  std::filesystem::create_directories(path("d/m"));
  const RemoveDirectory all{path("d"), {"e", "g", "missing"}, {"m"}};
  ASSERT_TRUE(ask_it(all));
  EXPECT_FALSE(std::filesystem::exists(path("d")));
  EXPECT_EQ(failure(all), "");
}

TEST_F(LocalFiles, what_is_not_named_stays_with_its_directory) {
  for (const auto* name : {"d/e/f", "d/m/x", "d/theirs"}) write(name, "x");
  ASSERT_TRUE(ask_it(RemoveDirectory{path("d"), {"e"}, {"m"}}));
  EXPECT_FALSE(std::filesystem::exists(path("d/e")));
  EXPECT_TRUE(std::filesystem::exists(path("d/m/x")));
  EXPECT_TRUE(std::filesystem::exists(path("d/theirs")));
}

TEST_F(LocalFiles, a_name_to_remove_is_one_in_the_directory) {
  for (const auto* name : {"d/e/f", "keep"}) write(name, "x");
  for (const auto* name : {"..", "../keep", "e/f", "", "."})
    EXPECT_NE(failure(RemoveDirectory{path("d"), {"e", name}, {}}), "") << name;
  EXPECT_TRUE(std::filesystem::exists(path("d/e/f")));
  EXPECT_TRUE(std::filesystem::exists(path("keep")));
}

TEST_F(LocalFiles, some_directories_are_never_removed) {
  EXPECT_TRUE(has(failure(RemoveDirectory{"/"}), "not a directory that dugong would remove"));
  EXPECT_TRUE(has(failure(RemoveDirectory{"/srv"}), "not a directory that dugong would remove"));
  EXPECT_TRUE(has(failure(RemoveDirectory{"//srv/"}), "not a directory that dugong would remove"));
  EXPECT_TRUE(has(failure(RemoveDirectory{"/srv/x/../.."}), "not a directory that dugong would remove"));
  EXPECT_TRUE(has(failure(RemoveDirectory{"a/b"}), "not a directory that dugong would remove"));
}

TEST_F(LocalFiles, digest) {
  write("a", "abc");
  const auto digest = ask_it(DigestFile{path("a")});
  ASSERT_TRUE(digest);
  EXPECT_TRUE(digest->exists);
  EXPECT_EQ(digest->size, 3U);
  EXPECT_EQ(digest->sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");  // FIPS 180-2, B.1
}

TEST_F(LocalFiles, digest_of_more_than_one_piece) {
  write("a", std::string(1'000'000, 'a') + std::string(2'000'000, 'b'));
  const auto whole = ask_it(DigestFile{path("a")});
  write("a", std::string(1'000'000, 'a') + std::string(1'999'999, 'b') + "c");
  const auto other = ask_it(DigestFile{path("a")});
  ASSERT_TRUE(whole && other);
  EXPECT_EQ(whole->size, 3'000'000U);
  EXPECT_NE(whole->sha256, other->sha256);
}

TEST_F(LocalFiles, digest_of_nothing) {
  const auto digest = ask_it(DigestFile{path("none")});
  ASSERT_TRUE(digest);
  EXPECT_FALSE(digest->exists);
}

class LocalWalClient : public LocalFiles {
 protected:
  std::string install() {
    LocalNode node{{.docker_environment = {}, .wal_client = path("built/dugong-wal")}};
    const auto done = ask(node, InstallWalClient{path("bin")}, os::deadline_in(Millis{10'000}));
    return done ? "" : done.error().what;
  }
};

TEST_F(LocalWalClient, is_copied_as_a_program) {
  write("built/dugong-wal",
        "\x7f"
        "ELF1");
  ASSERT_EQ(install(), "");
  EXPECT_EQ(read("bin/dugong-wal"),
            "\x7f"
            "ELF1");
  EXPECT_EQ(mode_of("bin/dugong-wal"), 0755U);
}

TEST_F(LocalWalClient, is_replaced_when_it_differs) {
  write("built/dugong-wal", "new");
  write("bin/dugong-wal", "old");
  ASSERT_EQ(install(), "");
  EXPECT_EQ(read("bin/dugong-wal"), "new");
}

TEST_F(LocalWalClient, is_left_alone_when_equal) {
  write("built/dugong-wal", "same");
  ASSERT_EQ(install(), "");
  const auto before = std::filesystem::last_write_time(path("bin/dugong-wal"));
  ASSERT_EQ(install(), "");
  EXPECT_EQ(std::filesystem::last_write_time(path("bin/dugong-wal")), before);
}

TEST_F(LocalWalClient, must_be_there) { EXPECT_TRUE(has(install(), "is missing")); }

}  // namespace
}  // namespace dugong::node
