#include "node/policy.h"

#include <fstream>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

#include "os/testing.h"

namespace dugong::node {
namespace {

// "ok", or the kind of the error.
template <class Question>
std::string verdict(const Question& question, const Policy& policy = {}) {
  auto judged = judge(question, policy);
  if (judged) return "ok";
  return judged.error().kind == ErrorKind::refused   ? "refused"
         : judged.error().kind == ErrorKind::invalid ? "invalid"
                                                     : "other: " + judged.error().what;
}
std::string ask(const Request& request, const Policy& policy = {}) { return verdict(request, policy); }
std::string writing(const std::string& path, const Policy& policy = {}) { return ask(WriteFile{path, {}}, policy); }
std::string reading(const std::string& path, const Policy& policy = {}) { return ask(ReadFile{path}, policy); }

Policy narrow() {
  Policy policy;
  policy.prefixes = {"tank/dex", "zpool/data"};
  policy.directories = {"/srv/dugong/dex", "/etc/special"};
  policy.projects = {"dugong-dex-a"};
  policy.bin_dirs = {"/usr/lib/postgresql/15/bin"};
  policy.listed = {"prefixes", "directories", "projects", "bin_dirs"};
  return policy;
}

// ---- paths without a file

TEST(DefaultPolicy, LetsWriteBelowADirectoryOfItsOwn) {
  for (const char* path : {"/srv/dugong/dex/a/docker-compose.yaml", "/srv/x", "/data/postgresql.auto.conf",
                           "/var/lib/dugong/x", "/run/dugong/x", "/var/run/postgresql/x", "/mnt/my dir/ü", "/home/u/pg",
                           "/etcetera/x", "/usrlocal/x", "/rootless/x"}) {
    EXPECT_EQ(writing(path), "ok") << path;
  }
}
TEST(DefaultPolicy, RefusesTheSystem) {
  for (const char* path : {"/etc/passwd",
                           "/etc",
                           "/usr/bin/x",
                           "/boot/x",
                           "/bin/sh",
                           "/sbin/x",
                           "/lib/x",
                           "/lib64/x",
                           "/lib32/x",
                           "/proc/1/mem",
                           "/sys/x",
                           "/dev/sda",
                           "/root/.ssh/authorized_keys",
                           "/root/x",
                           "/home/u/.ssh/authorized_keys",
                           "/run/systemd/system/x.service",
                           "/var/run/docker.sock",
                           "/var/spool/cron/crontabs/root",
                           "/var/lib/docker/x",
                           "/var/lib/dpkg/info/x",
                           "/srv",
                           "/var",
                           "/home",
                           "/data"}) {
    EXPECT_EQ(writing(path), "refused") << path;
  }
}
TEST(DefaultPolicy, NothingIsWrittenWhereProgramsAreRunFrom) {
  EXPECT_EQ(writing("/opt/x/postgres"), "refused");
  EXPECT_EQ(ask(MakeDirectory{"/opt/x"}), "refused");
  EXPECT_EQ(ask(zfs::Create{"tank/a", {{"canmount", "noauto"}, {"mountpoint", "/opt/x/bin"}}}), "refused");
  EXPECT_EQ(ask(InstallWalClient{"/opt/x/bin"}), "refused");
  EXPECT_EQ(reading("/opt/x/postgres"), "ok");
  EXPECT_EQ(ask(runtime::StartServer{[] {
              runtime::Server server{.kind = runtime::Kind::process, .bin_dir = "/usr/bin", .os_user = "postgres"};
              server.log_file = "/opt/x/log";
              return server;
            }()}),
            "refused");
}
TEST(DefaultPolicy, NothingIsWrittenAboveTheSystem) {
  for (const char* path : {"/var/lib", "/var/log", "/var/tmp"}) {
    EXPECT_EQ(writing(path), "refused") << path;
    EXPECT_EQ(ask(MakeDirectory{path, 0777, 0, 0}), "refused") << path;
    EXPECT_EQ(ask(zfs::SetProperties{"tank/a", {{"mountpoint", path}}}), "refused") << path;
  }
  EXPECT_EQ(ask(RemoveDirectory{"/var/lib", {"dpkg"}, {}}), "refused");
  EXPECT_EQ(ask(MakeDirectory{"/var/lib/postgresql"}), "ok");
  EXPECT_EQ(ask(MakeDirectory{"/var/log/timescaledb"}), "ok");
}
TEST(DefaultPolicy, WhatIsRemovedIsJudgedByItsOwnName) {
  EXPECT_EQ(ask(RemovePaths{"/var", {}, {"lib/dpkg"}}), "refused");
  EXPECT_EQ(ask(RemovePaths{"/var", {"lib/dpkg/status"}, {}}), "refused");
  EXPECT_EQ(ask(RemovePaths{"/home", {"u/.ssh/authorized_keys"}, {}}), "refused");
  EXPECT_EQ(ask(RemoveDirectory{"/home/u", {".ssh"}, {}}), "refused");
  EXPECT_EQ(ask(RemovePaths{"/data", {"standby.signal"}, {"pg_replslot"}}), "ok");
}
TEST(DefaultPolicy, NoFileCouldAllowThese) {
  for (const char* path : {"/", "", "srv/x", "/srv/../etc/passwd", "/srv/./x", "/srv//x", "/srv/x/", "~/x", ".."}) {
    EXPECT_EQ(writing(path), "invalid") << path;
    EXPECT_EQ(reading(path), "invalid") << path;
  }
  EXPECT_EQ(writing(std::string{"/srv/x\0/y", 9}), "invalid");
}
TEST(DefaultPolicy, ReadsWhereItMayNotWrite) {
  EXPECT_EQ(reading("/data"), "ok");
  EXPECT_EQ(ask(InspectData{"/data"}), "ok");
  EXPECT_EQ(reading("/etc/shadow"), "refused");
  EXPECT_EQ(ask(DigestFile{"/root/.ssh/id_ed25519"}), "refused");
}
TEST(DefaultPolicy, EveryRequestWithAPathIsJudged) {
  EXPECT_EQ(ask(MakeDirectory{"/etc/x"}), "refused");
  EXPECT_EQ(ask(RemoveDirectory{"/usr"}), "refused");
  EXPECT_EQ(ask(RemoveDirectory{"/srv"}), "refused");
  EXPECT_EQ(ask(RemovePaths{"/etc", {"passwd"}, {}}), "refused");
  EXPECT_EQ(ask(InstallWalClient{"/usr/local/bin"}), "refused");
  EXPECT_EQ(ask(InspectData{"/proc/1/root"}), "refused");
  EXPECT_EQ(ask(RunSql{{.socket_dir = "/etc"}, {}}), "refused");
  EXPECT_EQ(ask(RunSql{{.socket_dir = "/srv/a/run", .password_file = "/etc/shadow"}, {}}), "refused");
  EXPECT_EQ(ask(SetRolePassword{{.socket_dir = "/srv/a/run", .password_file = "/etc/shadow"}, "r", {}}), "refused");
  EXPECT_EQ(ask(RolePasswordMark{{.socket_dir = "/srv/a/run", .password_file = "/etc/shadow"}, "r", {}}), "refused");
  EXPECT_EQ(ask(RunSql{{.socket_dir = "/var/run/postgresql"}, {}}), "ok");
}
TEST(DefaultPolicy, WhatIsRemovedIsBelowItsRoot) {
  EXPECT_EQ(ask(RemovePaths{"/srv/x", {"standby.signal", "pg_wal/x"}, {"pg_replslot"}}), "ok");
  EXPECT_EQ(ask(RemovePaths{"/srv/x", {"../y"}, {}}), "invalid");
  EXPECT_EQ(ask(RemovePaths{"/srv/x", {"/etc/passwd"}, {}}), "invalid");
  EXPECT_EQ(ask(RemovePaths{"/srv/x", {}, {"a/../../y"}}), "invalid");
  EXPECT_EQ(ask(RemovePaths{"/srv/x", {}, {""}}), "invalid");
  EXPECT_EQ(ask(RemovePaths{"/srv/x", {}, {"."}}), "invalid");
}
TEST(DefaultPolicy, ModesAreOnlyPermissions) {
  EXPECT_EQ(ask(WriteFile{"/srv/x/y", {}, 04755}), "invalid");
  EXPECT_EQ(ask(MakeDirectory{"/srv/x/y", 02755}), "invalid");
  EXPECT_EQ(ask(MakeDirectory{"/srv/x/y", 01777}), "ok");
}

// ---- datasets

TEST(DefaultPolicy, LeavesPoolsAlone) {
  EXPECT_EQ(ask(zfs::Create{"tank", {{"canmount", "noauto"}}}), "refused");
  EXPECT_EQ(ask(zfs::Destroy{"tank"}), "refused");
  EXPECT_EQ(ask(zfs::Snapshot{"tank@a", true, {}}), "refused");
  EXPECT_EQ(ask(zfs::DestroySnapshot{"tank@a"}), "refused");
  EXPECT_EQ(ask(zfs::Rollback{"tank@a"}), "refused");
  EXPECT_EQ(ask(zfs::Clone{"tank/a@b", "tank", {{"canmount", "noauto"}}}), "refused");
  EXPECT_EQ(ask(zfs::SetProperties{"tank", {{"dugong:a", "b"}}}), "refused");
  EXPECT_EQ(ask(zfs::Mount{"tank"}), "refused");
  EXPECT_EQ(ask(zfs::Unmount{"tank"}), "refused");
  EXPECT_EQ(verdict(StreamRequest{zfs::Receive{"tank"}}), "refused");
  EXPECT_EQ(verdict(StreamRequest{zfs::Send{"tank@a", ""}}), "refused");
  EXPECT_EQ(ask(zfs::ListTree{"tank"}), "ok");
  EXPECT_EQ(ask(zfs::InspectPool{"tank"}), "ok");
}
TEST(DefaultPolicy, TakesDatasetsBelowAPool) {
  EXPECT_EQ(ask(zfs::Create{"tank/dex", {{"canmount", "noauto"}}}), "ok");
  EXPECT_EQ(ask(zfs::Hold{"tank/dex@a", "dugong"}), "ok");
  EXPECT_EQ(ask(zfs::Release{"tank/dex@a", "dugong"}), "ok");
  EXPECT_EQ(verdict(StreamRequest{zfs::Send{"tank/dex@b", "tank/dex@a"}}), "ok");
  EXPECT_EQ(verdict(StreamRequest{zfs::Receive{"tank/dex/anchor-0"}}), "ok");
}
TEST(DefaultPolicy, NamesThatZfsWouldMisread) {
  EXPECT_EQ(ask(zfs::Destroy{"-r"}), "invalid");
  EXPECT_EQ(ask(zfs::Destroy{"tank/a@b"}), "invalid");
  EXPECT_EQ(ask(zfs::Destroy{"tank/../rpool"}), "invalid");
  EXPECT_EQ(ask(zfs::DestroySnapshot{"tank/a"}), "invalid");
  EXPECT_EQ(ask(zfs::Rollback{"tank/a"}), "invalid");
  EXPECT_EQ(ask(zfs::Rollback{"-r"}), "invalid");
  EXPECT_EQ(ask(zfs::Hold{"tank/a@b", "-r"}), "invalid");
  EXPECT_EQ(ask(zfs::Release{"tank/a@b", ""}), "invalid");
}
TEST(DefaultPolicy, AMountpointIsADirectoryToo) {
  EXPECT_EQ(ask(zfs::Create{"tank/a", {{"canmount", "noauto"}, {"mountpoint", "/etc"}}}), "refused");
  EXPECT_EQ(ask(zfs::Clone{"tank/a@b", "tank/c", {{"canmount", "noauto"}, {"mountpoint", "/usr/bin"}}}), "refused");
  EXPECT_EQ(ask(zfs::Create{"tank/a", {{"canmount", "noauto"}, {"mountpoint", "/srv/dugong/dex/a/data"}}}), "ok");
  EXPECT_EQ(ask(zfs::Create{"tank/a", {{"mountpoint", "none"}}}), "ok");
}

// Only Mount looks at what the mountpoint really is: a dataset that was mounted by the way would be past it.
TEST(DefaultPolicy, NothingIsMountedByTheWay) {
  EXPECT_EQ(ask(zfs::Create{"tank/a", {}}), "refused");
  EXPECT_EQ(ask(zfs::Create{"tank/a", {{"mountpoint", "/srv/dugong/dex/a/data"}}}), "refused");
  EXPECT_EQ(ask(zfs::Create{"tank/a", {{"canmount", "on"}}}), "refused");
  EXPECT_EQ(ask(zfs::Clone{"tank/a@b", "tank/c", {}}), "refused");
  EXPECT_EQ(ask(zfs::Clone{"tank/a@b", "tank/c", {{"mountpoint", "legacy"}}}), "ok");
  EXPECT_EQ(ask(zfs::SetProperties{"tank/a", {{"mountpoint", "/srv/dugong/dex/a/data"}}}), "refused");
  EXPECT_EQ(ask(zfs::SetProperties{"tank/a", {{"canmount", "on"}}}), "refused");
  EXPECT_EQ(ask(zfs::SetProperties{"tank/a", {{"canmount", "noauto"}, {"readonly", "on"}}}), "ok");
}

// ---- servers

runtime::Server compose(const std::string& project) {
  return {.project = project, .compose_file = "/srv/dugong/x/docker-compose.yaml", .data = "/srv/dugong/x/data"};
}
runtime::Server process(const std::string& bin_dir, const std::string& user) {
  return {.kind = runtime::Kind::process,
          .bin_dir = bin_dir,
          .os_user = user,
          .data = "/srv/dugong/x/data",
          .log_file = "/srv/dugong/x/logs/server.log"};
}
TEST(DefaultPolicy, OnlyDugongsProjects) {
  EXPECT_EQ(ask(runtime::StartServer{compose("dugong-dex-a")}), "ok");
  EXPECT_EQ(ask(runtime::StopServer{compose("gitlab")}), "refused");
  EXPECT_EQ(ask(runtime::RemoveServer{compose("dugong")}), "refused");
  EXPECT_EQ(ask(runtime::InspectServer{compose("--help")}), "invalid");
  EXPECT_EQ(ask(runtime::StartServer{compose("")}), "invalid");
}
TEST(DefaultPolicy, TheComposeFileIsOurs) {
  auto server = compose("dugong-a");
  server.compose_file = "/etc/docker-compose.yaml";
  EXPECT_EQ(ask(runtime::StartServer{server}), "refused");
}
TEST(DefaultPolicy, ProgramsAreTheSystems) {
  EXPECT_EQ(ask(runtime::StartServer{process("/usr/lib/postgresql/15/bin", "postgres")}), "ok");
  EXPECT_EQ(ask(runtime::StartServer{process("/srv/dugong/x/bin", "postgres")}), "refused");
  EXPECT_EQ(ask(runtime::InitData{process("/usr/../srv/bin", "postgres"), "postgres", "/srv/dugong/x/p"}), "invalid");
  EXPECT_EQ(ask(runtime::InspectSoftware{.kind = runtime::Kind::process, .bin_dir = "/tmp/bin"}), "refused");
}
TEST(DefaultPolicy, PostgresIsNotRoot) {
  EXPECT_EQ(ask(runtime::StartServer{process("/usr/bin", "root")}), "invalid");
  EXPECT_EQ(ask(runtime::StartServer{process("/usr/bin", "0")}), "invalid");
  EXPECT_EQ(ask(runtime::StartServer{process("/usr/bin", "-x")}), "invalid");
}
TEST(DefaultPolicy, OnlyPostgresRunsPostgres) {
  EXPECT_EQ(ask(runtime::StartServer{process("/usr/bin", "alice")}), "refused");
  EXPECT_EQ(ask(runtime::InitData{process("/usr/bin", "www-data"), "postgres", ""}), "refused");
  const auto asked = [](const std::string& user) {
    return runtime::InspectSoftware{runtime::Kind::process, "", "/usr/bin", user};
  };
  EXPECT_EQ(ask(asked("alice")), "refused");
  EXPECT_EQ(ask(asked("postgres")), "ok");
  Policy policy;
  policy.os_users = {"alice"};
  EXPECT_EQ(ask(runtime::StartServer{process("/usr/bin", "alice")}, policy), "ok");
  EXPECT_EQ(ask(runtime::StartServer{process("/usr/bin", "postgres")}, policy), "refused");
}
TEST(DefaultPolicy, ServersPathsAreJudged) {
  auto server = process("/usr/bin", "postgres");
  server.log_file = "/etc/cron.d/x";
  EXPECT_EQ(ask(runtime::StartServer{server}), "refused");
  EXPECT_EQ(ask(runtime::InitData{process("/usr/bin", "postgres"), "postgres", "/etc/shadow"}), "refused");
}
TEST(DefaultPolicy, ImagesAreReferences) {
  EXPECT_EQ(ask(runtime::InspectSoftware{.image = "timescale/timescaledb:2.19.1-pg14@sha256:abc"}), "ok");
  EXPECT_EQ(ask(runtime::InspectSoftware{.image = "--privileged"}), "invalid");
  EXPECT_EQ(ask(runtime::InspectSoftware{.image = "a b"}), "invalid");
}
TEST(DefaultPolicy, TheRestIsHarmless) {
  EXPECT_EQ(ask(InspectHost{}), "ok");
  EXPECT_EQ(ask(runtime::InspectEngine{}), "ok");
  EXPECT_EQ(ask(ProbeLogin{"", "10.0.0.1", 5432, "r"}), "ok");
  EXPECT_EQ(ask(ProbeLogin{"", "10.0.0.1", 0, "r"}), "invalid");
  EXPECT_EQ(ask(AskPeer{"10.0.0.1", 0, "r", "/srv/dugong/dex/b/secrets/replication.pgpass"}), "invalid");
  EXPECT_EQ(ask(AcquireLock{"dex.a", "me"}), "ok");
  EXPECT_EQ(ask(AcquireLock{"../x", "me"}), "invalid");
  EXPECT_EQ(ask(AcquireLock{"", "me"}), "invalid");
}

// ---- with a file

TEST(NarrowPolicy, Datasets) {
  EXPECT_EQ(ask(zfs::Create{"tank/dex", {{"canmount", "noauto"}}}, narrow()), "ok");
  EXPECT_EQ(ask(zfs::Create{"tank/dex/live-0", {{"canmount", "noauto"}}}, narrow()), "ok");
  EXPECT_EQ(ask(zfs::Create{"tank/dexter", {{"canmount", "noauto"}}}, narrow()), "refused");
  EXPECT_EQ(ask(zfs::Create{"tank", {{"canmount", "noauto"}}}, narrow()), "refused");
  EXPECT_EQ(ask(zfs::ListTree{"tank"}, narrow()), "refused");
  EXPECT_EQ(ask(zfs::Clone{"tank/dex/a@b", "tank/other", {{"canmount", "noauto"}}}, narrow()), "refused");
  EXPECT_EQ(ask(zfs::Clone{"tank/other@b", "tank/dex/c", {{"canmount", "noauto"}}}, narrow()), "refused");
  EXPECT_EQ(ask(zfs::InspectPool{"zpool"}, narrow()), "ok");
  EXPECT_EQ(ask(zfs::InspectPool{"rpool"}, narrow()), "refused");
  EXPECT_EQ(verdict(StreamRequest{zfs::Send{"zpool/data@b", "rpool/x@a"}}, narrow()), "refused");
}
TEST(NarrowPolicy, Paths) {
  EXPECT_EQ(writing("/srv/dugong/dex/a", narrow()), "ok");
  EXPECT_EQ(writing("/etc/special/x", narrow()), "ok");
  EXPECT_EQ(writing("/srv/dugong/dexter", narrow()), "refused");
  EXPECT_EQ(reading("/data", narrow()), "refused");
  EXPECT_EQ(ask(zfs::Create{"tank/dex/a", {{"canmount", "noauto"}, {"mountpoint", "/home/x"}}}, narrow()), "refused");
}
TEST(NarrowPolicy, Servers) {
  EXPECT_EQ(ask(runtime::InspectServer{{.project = "dugong-dex-a"}}, narrow()), "ok");
  EXPECT_EQ(ask(runtime::InspectServer{{.project = "dugong-dex-ab"}}, narrow()), "refused");
  EXPECT_EQ(ask(runtime::InspectSoftware{.kind = runtime::Kind::process, .bin_dir = "/usr/bin"}, narrow()), "refused");
}
TEST(NarrowPolicy, NothingAtAll) {
  Policy policy;
  policy.prefixes.emplace();
  policy.directories.emplace();
  EXPECT_EQ(ask(zfs::Create{"tank/dex", {{"canmount", "noauto"}}}, policy), "refused");
  EXPECT_EQ(writing("/srv/x/y", policy), "refused");
}
TEST(NarrowPolicy, ARefusalSaysWhatToChangeAndWhere) {
  auto judged = judge(Request{zfs::Create{"tank/other", {{"canmount", "noauto"}}}}, narrow());
  ASSERT_FALSE(judged.has_value());
  EXPECT_EQ(judged.error().left, "nothing was changed");
  EXPECT_EQ(judged.error().next, "to allow it, add \"tank/other\" to prefixes in /etc/dugong/node.toml on this node");
}
TEST(NarrowPolicy, ARefusalDoesNotAdviseToAddToAListThatIsNotThere) {
  const auto next = [](const std::string& toml) {
    const auto policy = parse_policy(toml, "/etc/dugong/node.toml").value();
    return judge(Request{zfs::Create{"tank", {{"canmount", "noauto"}}}}, policy).error().next;
  };
  const std::string advice = "to allow it, add \"tank\" to prefixes in /etc/dugong/node.toml on this node";
  EXPECT_EQ(next("prefixes = [\"zpool\"]"), advice);
  for (const char* toml : {"", "projects = [\"dugong-*\"]"})
    EXPECT_EQ(next(toml),
              advice +
                  "; prefixes is not in /etc/dugong/node.toml: a list there replaces the default, so it has "
                  "to name those of all nodes on this host (`dugong node install` writes it)");
}

// ---- the file

std::string parse_error(std::string_view text) {
  auto policy = parse_policy(text, "node.toml");
  return policy ? "" : policy.error().where + "|" + policy.error().what;
}
TEST(PolicyFile, AllKeys) {
  auto policy =
      parse_policy("prefixes=['a/b']\ndirectories=['/x/']\nprojects=['p']\nbin_dirs=['/q']\nos_users=['u']", "f");
  ASSERT_TRUE(policy.has_value());
  EXPECT_EQ(policy->file, "f");
  EXPECT_EQ(policy->prefixes, (std::vector<std::string>{"a/b"}));
  EXPECT_EQ(policy->directories, (std::vector<std::string>{"/x"}));
  EXPECT_EQ(policy->projects, (std::vector<std::string>{"p"}));
  EXPECT_EQ(policy->bin_dirs, (std::vector<std::string>{"/q"}));
  EXPECT_EQ(policy->os_users, (std::vector<std::string>{"u"}));
}
TEST(PolicyFile, AbsentKeysKeepTheDefault) {
  auto policy = parse_policy("", "f");
  ASSERT_TRUE(policy.has_value());
  EXPECT_FALSE(policy->prefixes.has_value());
  EXPECT_EQ(policy->projects, Policy{}.projects);
  EXPECT_EQ(policy->os_users, (std::vector<std::string>{"postgres"}));
}
TEST(PolicyFile, AMisspeltKeyIsAnError) {
  EXPECT_EQ(parse_error("\nprefix = ['a']"),
            "node.toml:2:1|\"prefix\" is not known; keys are prefixes, directories, projects, bin_dirs, os_users");
}
TEST(PolicyFile, ErrorsHaveAPlace) {
  EXPECT_TRUE(parse_error("prefixes = [").starts_with("node.toml:1:"));
  EXPECT_EQ(parse_error("projects = 'x'"), "node.toml:1:12|projects is a list of texts");
  EXPECT_EQ(parse_error("projects = ['a',\n 7]"), "node.toml:2:2|projects is a list of texts, none of them empty");
  EXPECT_EQ(parse_error("projects = ['']"), "node.toml:1:13|projects is a list of texts, none of them empty");
}
class PolicyOnDisk : public testing::Test {
 protected:
  PolicyOnDisk() { ::setenv("DUGONG_NODE_CONFIG", file.c_str(), 1); }
  ~PolicyOnDisk() override { ::unsetenv("DUGONG_NODE_CONFIG"); }
  PolicyOnDisk(const PolicyOnDisk&) = delete;
  PolicyOnDisk& operator=(const PolicyOnDisk&) = delete;
  static std::string loaded() {
    const auto policy = load_policy();
    return policy ? "ok" : policy.error().what;
  }
  os::TempDir directory;
  std::string file = directory.path("node.toml");
};
TEST_F(PolicyOnDisk, BelongsToRoot) {
  std::ofstream{file} << "projects = ['p']\n";
  std::filesystem::permissions(file, std::filesystem::perms{0644});
  EXPECT_EQ(loaded(), "ok");
  if (::chown(file.c_str(), 1234, 0) != 0) GTEST_SKIP() << "needs root";
  EXPECT_EQ(loaded(), "this file belongs to the user with number 1234, not to root");
}
TEST_F(PolicyOnDisk, IsRootsAloneToWrite) {
  std::ofstream{file} << "projects = ['p']\n";
  std::filesystem::permissions(file, std::filesystem::perms{0664});
  EXPECT_EQ(loaded(), "others than its owner may write this file");
}
TEST_F(PolicyOnDisk, OnlyAMissingNameIsNoFile) {
  const auto seen = [&](const std::string& name) -> std::string {
    const auto policy = read_policy(directory.path(name));
    if (!policy) return policy.error().kind == ErrorKind::refused && !policy.error().next.empty() ? "refused" : "other";
    return *policy ? "a file" : "none";
  };
  EXPECT_EQ(seen("node.toml"), "none");
  EXPECT_EQ(seen("dugong/node.toml"), "none");
  std::ofstream{directory.path("file")} << "projects = ['p']\n";
  std::filesystem::permissions(directory.path("file"), std::filesystem::perms{0644});
  EXPECT_EQ(seen("file"), "a file");
  std::filesystem::create_symlink("nowhere", directory.path("dangling"));
  EXPECT_EQ(seen("dangling"), "refused");
  EXPECT_EQ(seen("dangling/node.toml"), "refused");
  std::filesystem::create_symlink("file", directory.path("link"));
  EXPECT_EQ(seen("link"), "refused") << "nor is it asked whose the file is that it leads to";
  std::filesystem::create_directories(directory.path("directory"));
  EXPECT_EQ(seen("directory"), "refused");
  ASSERT_EQ(::mkfifo(directory.path("fifo").c_str(), 0600), 0);
  EXPECT_EQ(seen("fifo"), "refused");
  EXPECT_EQ(seen("file/node.toml"), "refused");
}
TEST_F(PolicyOnDisk, IsReadWhole) {
  std::ofstream{file} << std::string(1 << 20, '\n') << "prefixes = []\n";
  std::filesystem::permissions(file, std::filesystem::perms{0644});
  EXPECT_EQ(loaded(), "this is not a file that can be read whole");
}
TEST(PolicyFile, ValuesAreChecked) {
  EXPECT_NE(parse_error("prefixes = ['-a']"), "");
  EXPECT_NE(parse_error("directories = ['srv']"), "");
  EXPECT_NE(parse_error("directories = ['/srv/../etc']"), "");
  EXPECT_NE(parse_error("bin_dirs = ['bin']"), "");
}

TEST(Policy, OfAnAdoptionGoesByPathsAndOwnMarks) {
  Policy policy;
  policy.prefixes = {"zpool/data"};
  policy.directories = {"/srv/pg"};
  const auto refused = [&](const Request& request) { return !judge(request, policy); };
  EXPECT_FALSE(refused(runtime::RetireContainer{.name = "old-pg", .data = "/srv/pg/data"}));
  EXPECT_TRUE(refused(runtime::RetireContainer{.name = "old-pg", .data = "/srv/other"}));
  EXPECT_TRUE(refused(runtime::RetireContainer{.name = "--help", .data = "/srv/pg/data"}));
  EXPECT_FALSE(refused(runtime::ReturnContainer{"old-pg", "/srv/pg/data", "on-failure:3"}));
  EXPECT_TRUE(refused(runtime::ReturnContainer{"old-pg", "/srv/pg/data", "sometimes"}));
  EXPECT_FALSE(refused(RenameFile{"/srv/pg/a", "/srv/pg/b"}));
  EXPECT_TRUE(refused(RenameFile{"/etc/a", "/srv/pg/b"}));
  EXPECT_TRUE(refused(RenameFile{"/srv/pg/a", "/etc/b"}));
  EXPECT_FALSE(refused(zfs::ClearMarks{"zpool/data", {"dugong:cluster", "dugong:old_compose"}}));
  EXPECT_TRUE(refused(zfs::ClearMarks{"zpool/data", {"mountpoint"}}));
  EXPECT_TRUE(refused(zfs::ClearMarks{"zpool/data", {"dugong:"}}));
  EXPECT_TRUE(refused(zfs::ClearMarks{"zpool/other", {"dugong:cluster"}}));
}

}  // namespace
}  // namespace dugong::node
