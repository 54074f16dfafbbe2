// The script itself, run by the shell of this machine in a temporary directory, and behind an `ssh` that is a shell
// script: what a login may do before, and instead of, running it.
#include "node/host_shell.h"

#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <set>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "node/certificates.h"
#include "os/clock.h"
#include "os/locks.h"

namespace dugong::node {
namespace {

namespace fs = std::filesystem;

class ThroughAShell : public testing::Test {
 protected:
  ThroughAShell() {
    std::string pattern = testing::TempDir() + "dugong-host-XXXXXX";
    directory = ::mkdtemp(pattern.data());
    for (const char* name : {"HOME", "PATH", "DUGONG_RUN_DIR"}) {
      const char* value = ::getenv(name);
      if (value != nullptr) before_[name] = value;
    }
    ::setenv("HOME", path("home").c_str(), 1);
    ::setenv("DUGONG_RUN_DIR", path("run").c_str(), 1);
    ::setenv("PATH", (path("bin") + ":" + before_["PATH"]).c_str(), 1);
    fs::create_directories(path("home"));
    fs::create_directories(path("bin"));
  }
  ~ThroughAShell() override {
    for (const char* name : {"HOME", "PATH", "DUGONG_RUN_DIR"}) {
      if (before_.contains(name))
        ::setenv(name, before_[name].c_str(), 1);
      else
        ::unsetenv(name);
    }
    fs::remove_all(directory);
  }
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "the script is root's";
  }

  [[nodiscard]] std::string path(const std::string& name) const { return directory + "/" + name; }
  void write(const std::string& name, const std::string& text, unsigned mode = 0644) const {
    fs::create_directories(fs::path{path(name)}.parent_path());
    std::ofstream{path(name)} << text;
    fs::permissions(path(name), fs::perms{mode});
  }
  [[nodiscard]] std::string read(const std::string& name) const {
    std::ifstream file{path(name)};
    return {std::istreambuf_iterator<char>{file}, {}};
  }
  [[nodiscard]] unsigned mode_of(const std::string& name) const {
    return static_cast<unsigned>(fs::status(path(name)).permissions());
  }
  [[nodiscard]] std::set<std::string> names_below(const std::string& name) const {
    std::set<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator{path(name)}) names.insert(entry.path().filename());
    return names;
  }
  [[nodiscard]] FileToPut file(const std::string& name, const std::string& text, std::uint32_t mode = 0644) const {
    FileToPut put;
    put.path = path(name);
    put.mode = mode;
    put.content = std::make_shared<const std::string>(text);
    put.sha256 = sha256_hex(text);
    return put;
  }
  // What ssh does: its last argument is what a shell there runs.
  void ssh_is(const std::string& script) const {
    write("bin/ssh", "#!/bin/sh\nfor word; do :; done\n" + script + "\n", 0755);
  }
  static Result<std::unique_ptr<HostShell>> open_here() { return open_host({"here", {}}, {}); }
  static Result<std::unique_ptr<HostShell>> open_far() {
    return open_host({"b", SshTarget{"root@b", "", "dugong"}}, {}, {Millis{3'000}, Millis{5'000}, Millis{5'000}});
  }
  static Result<> change(const HostChange& change) { return TRY(open_here())->change(change); }

  std::string directory;

 private:
  std::map<std::string, std::string> before_;
};

TEST_F(ThroughAShell, LooksAtWhatIsThere) {
  write("etc/node.toml", "prefixes = []\n", 0600);
  write("etc/a.pem",
        "-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----\n"
        "-----BEGIN CERTIFICATE-----\nopen\n-----END CERTIFICATE-----\n");
  write("etc/program", "#!/bin/sh\necho dugong 7 \"$1\"\n", 0755);
  write("home/.ssh/authorized_keys", "ssh-ed25519 AAAA one");
  fs::create_symlink("nowhere", path("etc/link"));
  const auto door = open_here();
  ASSERT_TRUE(door) << door.error().what;
  const auto seen = (*door)->look({{path("etc/link"), path("etc/absent"), path("etc")},
                                   {path("etc/node.toml"), path("etc/absent.toml")},
                                   {path("etc/a.pem"), path("etc/b.pem")},
                                   {path("etc"), path("nowhere")},
                                   path("etc/program"),
                                   true});
  ASSERT_TRUE(seen) << seen.error().what;
  EXPECT_EQ(seen->identity.uid, 0U);
  EXPECT_EQ(seen->files.at(path("etc/link")).kind, InstalledKind::other);
  EXPECT_EQ(seen->files.at(path("etc")).kind, InstalledKind::other);
  EXPECT_EQ(seen->files.at(path("etc/absent")).kind, InstalledKind::missing);
  EXPECT_EQ(seen->files.at(path("etc/node.toml")),
            (InstalledFile{InstalledKind::file, 0600, 0, sha256_hex("prefixes = []\n")}));
  EXPECT_EQ(seen->texts.at(path("etc/node.toml")), "prefixes = []");
  EXPECT_EQ(seen->texts.count(path("etc/absent.toml")), 0U);
  // The key in it never travels.
  EXPECT_EQ(seen->certificates.at(path("etc/a.pem")), "-----BEGIN CERTIFICATE-----\nopen\n-----END CERTIFICATE-----");
  EXPECT_EQ(seen->directories.at(path("etc")), (std::vector<std::string>{"a.pem", "link", "node.toml", "program"}));
  EXPECT_TRUE(seen->directories.at(path("nowhere")).empty());
  EXPECT_EQ(seen->program_version, "dugong 7 --version");
  EXPECT_EQ(seen->authorized_keys, "ssh-ed25519 AAAA one");
  EXPECT_TRUE(seen->running.empty());
}

TEST_F(ThroughAShell, SeesWhoHoldsALock) {
  const auto lock = os::try_lock("dex", "dugong up, root@h, pid 12");
  ASSERT_TRUE(lock);
  const auto seen = open_here().value()->look({});
  ASSERT_TRUE(seen) << seen.error().what;
  EXPECT_EQ(seen->running, (std::vector<std::string>{"dugong up, root@h, pid 12"}));
}

TEST_F(ThroughAShell, APutFileIsWholeAndRoots) {
  HostChange all;
  std::string bytes(3 << 20, 'x');
  bytes += std::string{"\0\r\n\xff", 4};
  all.puts = {file("etc/dugong/tls/a.pem", "key", 0600), file("bin/dugong", bytes, 0755)};
  const auto done = change(all);
  ASSERT_TRUE(done) << done.error().what;
  EXPECT_EQ(read("bin/dugong"), bytes);
  EXPECT_EQ(mode_of("bin/dugong"), 0755U);
  EXPECT_EQ(mode_of("etc/dugong/tls/a.pem"), 0600U);
  EXPECT_EQ(mode_of("etc/dugong"), 0755U);
}

TEST_F(ThroughAShell, TheFormerFileStaysUnderItsOtherName) {
  write("bin/dugong", "old", 0755);
  HostChange all;
  all.puts = {file("bin/dugong", "new", 0755)};
  all.puts[0].keep_as = path("bin/dugong.previous");
  ASSERT_TRUE(change(all));
  EXPECT_EQ(read("bin/dugong"), "new");
  EXPECT_EQ(read("bin/dugong.previous"), "old");
}

TEST_F(ThroughAShell, AllFilesOrNone) {
  write("etc/in_the_way", "a file");
  HostChange all;
  all.puts = {file("etc/new/one", "1"), file("etc/in_the_way/two", "2")};
  const auto done = change(all);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().left, "nothing was changed there");
  EXPECT_NE(done.error().what.find(path("etc/in_the_way/two") + " could not be put there"), std::string::npos)
      << done.error().what;
  EXPECT_EQ(names_below("etc"), (std::set<std::string>{"in_the_way"}));
}

TEST_F(ThroughAShell, WhatCameToBeSinceTheLookIsNotReplaced) {
  HostChange all;
  all.puts = {file("bin/dugong", "new", 0755), file("etc/node.toml", "mine")};
  all.puts[1].is_new = true;
  write("etc/node.toml", "a colleague's");
  const auto done = change(all);
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().what.find("etc/node.toml changed since it was looked at"), std::string::npos)
      << done.error().what;
  EXPECT_TRUE(done.error().next.starts_with("run the same command again")) << done.error().next;
  EXPECT_EQ(read("etc/node.toml"), "a colleague's");
  EXPECT_FALSE(fs::exists(path("bin/dugong")));
  fs::remove(path("etc/node.toml"));
  const auto again = change(all);
  ASSERT_TRUE(again) << again.error().what;
  EXPECT_EQ(read("etc/node.toml"), "mine");
  EXPECT_EQ(names_below("etc"), (std::set<std::string>{"node.toml"}));
}

TEST_F(ThroughAShell, AProgramThatDoesNotRunThereTakesNoName) {
  write("bin/dugong", "old", 0755);
  HostChange all;
  all.puts = {file("bin/dugong-wal", "w", 0755), file("bin/dugong", "#!/nonexistent/ld.so\n", 0755)};
  all.puts[1].must_run = true;
  const auto done = change(all);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind, ErrorKind::refused);
  EXPECT_NE(done.error().what.find("does not run on that host"), std::string::npos) << done.error().what;
  EXPECT_NE(done.error().next.find("apt-get install libpq5"), std::string::npos) << done.error().next;
  EXPECT_EQ(read("bin/dugong"), "old");
  EXPECT_EQ(names_below("bin"), (std::set<std::string>{"dugong"}));
}

TEST_F(ThroughAShell, BytesThatChangedOnTheirWayTakeNoName) {
  HostChange all;
  all.puts = {file("etc/x", "1234")};
  all.puts[0].sha256 = sha256_hex("12345");
  const auto done = change(all);
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().what.find("did not arrive whole: 4 of 4 bytes"), std::string::npos) << done.error().what;
  EXPECT_FALSE(fs::exists(path("etc")));
}

TEST_F(ThroughAShell, AnUploadThatEndsInTheMiddleLeavesNothing) {
  // ssh dies after a few blocks: the script's own, and some of the file's.
  ssh_is("dd bs=65536 count=3 2> /dev/null | sh -c \"$word\"");
  HostChange all;
  all.puts = {file("etc/x", std::string(4 << 20, 'x'))};
  auto door = open_far();
  ASSERT_TRUE(door) << door.error().what;
  const auto done = (*door)->change(all);
  ASSERT_FALSE(done);
  EXPECT_FALSE(fs::exists(path("etc"))) << done.error().what;
}

TEST_F(ThroughAShell, OneInstallationAtATime) {
  fs::create_directories(path("run"));
  os::Fd held{::open(path("run/install.flock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
  ASSERT_EQ(::flock(held.get(), LOCK_EX | LOCK_NB), 0);
  HostChange all;
  all.puts = {file("etc/x", "1")};
  const auto done = change(all);
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().what.find("another installation is at work"), std::string::npos) << done.error().what;
}

TEST_F(ThroughAShell, AKeyIsAddedOnceAndTakenAwayAlone) {
  const std::string line = "command=\"/usr/local/bin/dugong serve\",restrict ssh-ed25519 AAAAC3 it's $(me)";
  HostChange add;
  add.keys_to_add = {line};
  ASSERT_TRUE(change(add));
  EXPECT_EQ(read("home/.ssh/authorized_keys"), line + "\n");
  EXPECT_EQ(mode_of("home/.ssh"), 0700U);
  EXPECT_EQ(mode_of("home/.ssh/authorized_keys"), 0600U);
  write("home/.ssh/authorized_keys", "# mine\nssh-rsa BBBB no newline", 0640);
  ASSERT_TRUE(change(add));
  ASSERT_TRUE(change(add));
  EXPECT_EQ(read("home/.ssh/authorized_keys"), "# mine\nssh-rsa BBBB no newline\n" + line + "\n");
  EXPECT_EQ(mode_of("home/.ssh/authorized_keys"), 0640U);
  HostChange drop;
  drop.keys_to_drop = {line};
  ASSERT_TRUE(change(drop));
  EXPECT_EQ(read("home/.ssh/authorized_keys"), "# mine\nssh-rsa BBBB no newline\n");
  EXPECT_EQ(names_below("home/.ssh"), (std::set<std::string>{"authorized_keys"}));
}

TEST_F(ThroughAShell, KeysBehindALinkAreLeftAlone) {
  write("elsewhere", "secret\n");
  fs::create_directories(path("home/.ssh"));
  fs::create_symlink(path("elsewhere"), path("home/.ssh/authorized_keys"));
  HostChange add;
  add.keys_to_add = {"x"};
  const auto done = change(add);
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().what.find("through a symbolic link"), std::string::npos) << done.error().what;
  EXPECT_EQ(read("elsewhere"), "secret\n");
}

TEST_F(ThroughAShell, KeysBehindALinkDoNotEndTheLook) {
  fs::create_directories(path("home/.ssh"));
  fs::create_symlink(path("elsewhere"), path("home/.ssh/authorized_keys"));
  const auto door = open_here();
  ASSERT_TRUE(door) << door.error().what;
  LookFor wanted;
  const auto without = (*door)->look(wanted);
  ASSERT_TRUE(without) << without.error().what;
  EXPECT_EQ(without->keys_unread, "");
  wanted.keys = true;
  const auto with = (*door)->look(wanted);
  ASSERT_TRUE(with) << with.error().what;
  EXPECT_NE(with->keys_unread.find("through a symbolic link"), std::string::npos) << with->keys_unread;
  // The same door then changes what needs no key.
  HostChange all;
  all.puts = {file("etc/x", "1")};
  EXPECT_TRUE((*door)->change(all));
}

TEST_F(ThroughAShell, WhatIsRemovedIsOnlyWhatWasNamed) {
  write("tls/dex/a.pem", "1");
  write("tls/dex/ca.crt", "2");
  write("tls/sky/a.pem", "3");
  HostChange all;
  all.deletes = {path("tls/dex/a.pem"), path("tls/dex/ca.crt"), path("tls/dex/absent")};
  all.directories = {path("tls/dex")};
  const auto done = change(all);
  ASSERT_TRUE(done) << done.error().what;
  EXPECT_FALSE(fs::exists(path("tls/dex")));
  EXPECT_EQ(read("tls/sky/a.pem"), "3");
}

TEST_F(ThroughAShell, ABannerBeforeTheShellIsSkipped) {
  ssh_is("echo 'Welcome!'; printf 'no newline'; exec sh -c \"$word\"");
  const auto door = open_far();
  ASSERT_TRUE(door) << door.error().what;
  EXPECT_TRUE((*door)->look({}));
}

TEST_F(ThroughAShell, ALoginThatLeadsNowhereEndsInTime) {
  ssh_is("echo 'One moment, please'; exec sleep 600");
  const auto began = os::now();
  const auto door = open_far();
  ASSERT_FALSE(door);
  EXPECT_LT(os::now() - began, std::chrono::seconds{8});
  EXPECT_EQ(door.error().kind, ErrorKind::unreachable);
  EXPECT_NE(door.error().what.find("did not lead to a shell within 3"), std::string::npos) << door.error().what;
  EXPECT_NE(door.error().what.find("it printed: One moment, please"), std::string::npos) << door.error().what;
  EXPECT_EQ(door.error().left, "nothing was changed there");
}

struct Refusal {
  const char* ssh;
  const char* what;
  const char* next;
};
TEST_F(ThroughAShell, WhatSshSaysIsExplained) {
  for (const auto& [ssh, what, next] : {
           Refusal{"echo '@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @' >&2; exit 255", "HAS CHANGED",
                   "find out why the host key changed"},
           Refusal{"echo 'Host key verification failed.' >&2; exit 255", "verification failed", "ssh root@b true"},
           Refusal{"echo 'root@b: Permission denied (publickey).' >&2; exit 255", "Permission denied",
                   "ssh root@b true"},
           Refusal{"printf 'DUGONG/1\\n'; exec sleep 5", "may only run `dugong serve`", "a key that has a shell"},
       }) {
    ssh_is(ssh);
    const auto door = open_far();
    ASSERT_FALSE(door) << ssh;
    EXPECT_EQ(door.error().where, "b");
    EXPECT_EQ(door.error().left, "nothing was changed there");
    EXPECT_NE(door.error().what.find(what), std::string::npos) << door.error().what;
    EXPECT_NE(door.error().next.find(next), std::string::npos) << door.error().next;
  }
}

TEST_F(ThroughAShell, ASudoThatAsksIsToldWithTheLineThatAllowsIt) {
  // The login is not root's; sudo wants a password.
  ssh_is(
      "case $word in *sudo*) echo 'sudo: a password is required' >&2; exit 1;; esac\n"
      "exec unshare --user --map-user=1000 sh -c \"$word\"");
  const auto door = open_far();
  if (!door && door.error().what.find("unshare") != std::string::npos) GTEST_SKIP() << door.error().what;
  ASSERT_FALSE(door);
  EXPECT_EQ(door.error().kind, ErrorKind::refused) << door.error().what;
  EXPECT_NE(door.error().next.find("ALL=(root) NOPASSWD: /bin/sh -s, /usr/bin/sh -s"), std::string::npos)
      << door.error().next;
}

TEST_F(ThroughAShell, AMissingSudoIsWhatIsToBeInstalled) {
  for (const char* words : {"env: ‘sudo’: No such file or directory", "sh: 1: sudo: not found"}) {
    ssh_is(std::string{"case $word in *sudo*) echo \""} + words + "\" >&2; exit 127;; esac\n" +
           "exec unshare --user --map-user=1000 sh -c \"$word\"");
    const auto door = open_far();
    if (!door && door.error().what.find("unshare") != std::string::npos) GTEST_SKIP() << door.error().what;
    ASSERT_FALSE(door);
    EXPECT_EQ(door.error().next, "install sudo on b, or use root@…") << door.error().what;
  }
}

}  // namespace
}  // namespace dugong::node
