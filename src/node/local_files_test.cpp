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

// What the policy allows by its name leads elsewhere: below a received dataset, or made by the server's user.
TEST_F(LocalFiles, no_symlink_on_the_way_is_followed) {
  write("outside/keep", "secret");
  std::filesystem::create_directories(path("d"));
  std::filesystem::create_symlink(path("outside"), path("d/x"));
  const std::string why = "a symbolic link is in the way";
  EXPECT_PRED2(has, failure(writing("d/x/new", "1")), why);
  EXPECT_PRED2(has, failure(MakeDirectory{path("d/x/new"), 0700, ::getuid(), ::getgid()}), why);
  EXPECT_PRED2(has, failure(ReadFile{path("d/x/keep")}), why);
  EXPECT_PRED2(has, failure(DigestFile{path("d/x/keep")}), why);
  EXPECT_PRED2(has, failure(InstallWalClient{path("d/x")}), why);
  EXPECT_PRED2(has, failure(InspectData{path("d/x/pgdata")}), why);
  EXPECT_PRED2(has, failure(RemoveDirectory{path("d/x/sub"), {"keep"}, {}}), why);
  EXPECT_PRED2(has, failure(writing("d/x/new", "1")), "name it by its real path");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator{path("outside")}, {}), 1);
}

TEST_F(LocalFiles, a_symlink_is_neither_a_directory_nor_read) {
  write("outside/keep", "secret");
  std::filesystem::create_symlink(path("outside"), path("dir"));
  std::filesystem::create_symlink(path("outside/keep"), path("file"));
  for (const auto* name : {"dir", "file"}) {
    const auto facts = ask_it(ReadFile{path(name)});
    ASSERT_TRUE(facts) << name;
    EXPECT_TRUE(facts->exists);
    EXPECT_FALSE(facts->is_directory);
    EXPECT_TRUE(facts->content.bytes.empty() && facts->entries.empty()) << name;
    EXPECT_NE(failure(DigestFile{path(name)}), "") << name;
  }
  EXPECT_NE(failure(MakeDirectory{path("dir"), 0700, ::getuid(), ::getgid()}), "");
  EXPECT_EQ(mode_of("outside"), 0755U);
  ASSERT_EQ(failure(writing("file", "new")), "");  // the link is replaced, not what it leads to
  EXPECT_EQ(read("outside/keep"), "secret");
  EXPECT_EQ(read("file"), "new");
}

TEST_F(LocalFiles, a_link_to_a_listed_directory_is_the_operators) {
  write("real/keep", "x");
  std::filesystem::create_symlink(path("real"), path("listed"));
  LocalNode served{{.policy = Policy{.directories = {{path("listed"), path("missing")}}}}};
  const auto soon = os::deadline_in(Millis{10'000});
  EXPECT_EQ(ask(served, ReadFile{path("listed/keep")}, soon)->content.bytes, "x");
  EXPECT_TRUE(ask(served, MakeDirectory{path("missing/a"), 0755, 0, 0}, soon));
  EXPECT_TRUE(ask(served, MakeDirectory{path("missing"), 0711, 0, 0}, soon));
  EXPECT_TRUE(ask(served, RemoveDirectory{path("missing"), {"a"}, {}}, soon));
  EXPECT_FALSE(std::filesystem::exists(path("missing")));
}

TEST_F(LocalFiles, behind_a_policy_files_are_given_to_known_users_only) {
  LocalNode served{{.policy = Policy{}}};
  const auto soon = os::deadline_in(Millis{10'000});
  const auto kind = [&](auto question) {
    const auto done = ask(served, std::move(question), soon);
    return done ? ErrorKind::partial : done.error().kind;
  };
  EXPECT_EQ(kind(WriteFile{path("a"), {}, 0600, 1234, 0}), ErrorKind::refused);
  EXPECT_EQ(kind(WriteFile{path("a"), {}, 0600, 0, 1234}), ErrorKind::refused);
  EXPECT_EQ(kind(MakeDirectory{path("d"), 0700, 1234, 1234}), ErrorKind::refused);
  EXPECT_FALSE(std::filesystem::exists(path("a")) || std::filesystem::exists(path("d")));
  tool("id", "echo 1234");
  tool("postgres", "echo 'postgres (PostgreSQL) 15.6'");
  if (::getuid() != 0) GTEST_SKIP() << "needs root";
  ASSERT_TRUE(ask(served, runtime::InspectSoftware{runtime::Kind::process, "", path("bin"), "postgres"}, soon));
  EXPECT_EQ(kind(WriteFile{path("a"), {}, 0600, 1234, 1234}), ErrorKind::partial);
  EXPECT_EQ(kind(MakeDirectory{path("d"), 0700, 1234, 1234}), ErrorKind::partial);
}

TEST_F(LocalFiles, no_more_than_16_mib_is_read) {
  write("a", "");
  std::filesystem::resize_file(path("a"), (std::uintmax_t{16} << 20) + 1);
  const auto facts = ask_it(ReadFile{path("a"), ~std::uint64_t{0}});
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->content.bytes.size(), std::size_t{16} << 20);
  EXPECT_EQ(facts->size, (std::uint64_t{16} << 20) + 1);
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
