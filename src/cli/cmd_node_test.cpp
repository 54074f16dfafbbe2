// `node install`, `upgrade` and `remove` against hosts that are values: what is asked before, and what happens when one
// of several fails.
#include <gtest/gtest.h>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/text.h"
#include "cli/app.h"
#include "engine/install.h"

namespace dugong::cli {
namespace {

constexpr const char* cluster_file = R"(cluster = "dex"
[postgres]
runtime = "process"
bin_dir = "/usr/lib/postgresql/15/bin"
[auth]
superuser_password = { env = "PW" }
replication_password = { env = "PW" }
[[node]]
name = "a"
address = "10.0.0.1"
ssh = "root@h1"
prefix = "tank/a"
[[node]]
name = "b"
address = "10.0.0.2"
ssh = "root@h2"
prefix = "tank/b"
)";

// A host that takes what it is given; `broken` after it was looked at.
struct FakeHost {
  node::HostSeen seen;
  std::vector<node::HostChange> changes;
  bool broken = false;
  bool keys_asked = false;
  FakeHost() {
    seen.identity.machine = "x86_64";
    seen.login = "root";
  }
};

class FakeDoor final : public node::HostShell {
 public:
  explicit FakeDoor(FakeHost& host) : host_{host} {}
  Result<node::HostSeen> look(const node::LookFor& wanted) override {
    host_.keys_asked = wanted.keys;
    return host_.seen;
  }
  Result<> change(const node::HostChange& change) override {
    if (host_.broken)
      return fail(Error{ErrorKind::failed, "No space left on device", {}, "nothing was changed there", {}});
    host_.changes.push_back(change);
    for (const auto& put : change.puts) {
      host_.seen.files[put.path] = {node::InstalledKind::file, put.mode, 0, put.sha256};
      if (put.path.ends_with(".pem"))
        host_.seen.certificates[put.path] = put.content->substr(put.content->find("-----BEGIN CERT"));
    }
    return {};
  }

 private:
  FakeHost& host_;
};

class NoClock final : public engine::Clock {
 public:
  Steady::time_point now() override { return {}; }
  std::int64_t wall_seconds() override { return 1'800'000'000; }
  std::int64_t wall_ns() override { return 1'800'000'000'000'000'000; }
  bool sleep(Millis, std::stop_token) override { return true; }
};

struct Shell {
  std::ostringstream out, err;
  NoClock clock;
  std::map<std::string, FakeHost> hosts;  // by what ssh is given
  std::map<std::string, std::string> files{{"dugong.toml", cluster_file}};
  std::map<std::string, node::Authority> authorities;
  std::vector<std::string> opened;

  Shell() {
    hosts["root@h1"];
    hosts["root@h2"];
  }
  int operator()(std::string_view line) {
    World world{.out = out, .err = err, .clock = clock, .stop = {}, .identity = "root@h, pid 1"};
    world.environment = [](std::string_view name) {
      return name == "PW" ? std::optional<std::string>{"secret"} : std::nullopt;
    };
    world.file_exists = [this](const std::string& path) { return files.contains(path); };
    world.read_file = [this](const std::string& path) -> Result<std::string> {
      if (!files.contains(path)) return fail(ErrorKind::invalid, "there is no file " + path);
      return files[path];
    };
    world.own_programs = []() -> Result<node::OwnPrograms> { return node::OwnPrograms{"x86_64", "dugong", "wal"}; };
    world.read_authority = [this](const std::string& path) -> Result<std::optional<node::Authority>> {
      return authorities.contains(path) ? std::optional{authorities[path]} : std::nullopt;
    };
    world.write_authority = [this](const std::string& path, const node::Authority& authority) -> Result<> {
      authorities[path] = authority;
      return {};
    };
    world.open_host = [this](const node::HostTarget& target) -> Result<std::unique_ptr<node::HostShell>> {
      opened.push_back(target.ssh->target);
      const auto found = hosts.find(target.ssh->target);
      if (found == hosts.end()) return fail(Error{ErrorKind::unreachable, "no route", target.name, {}, {}});
      return std::make_unique<FakeDoor>(found->second);
    };
    out.str({});
    err.str({});
    std::vector<std::string> words;
    for (const auto word : split(line, ' ')) words.emplace_back(word);
    return cli::run(words, world);
  }
  [[nodiscard]] bool said(std::string_view text) const { return err.str().find(text) != std::string::npos; }
  [[nodiscard]] bool printed(std::string_view text) const { return out.str().find(text) != std::string::npos; }
  [[nodiscard]] std::size_t changes() {
    std::size_t all = 0;
    for (const auto& [name, host] : hosts) all += host.changes.size();
    return all;
  }
};

TEST(NodeInstall, ShowsEverythingAndChangesNothingUnasked) {
  Shell shell;
  EXPECT_EQ(shell("node install a b --dry-run"), 0) << shell.err.str();
  for (const auto* part : {"here: make ./dex-ca.pem", "a:\n", "put /usr/local/bin/dugong (dugong ", "b:\n",
                           "put /etc/dugong/tls/dex/b.pem: a key and a certificate for 10.0.0.2 (there is none)"})
    EXPECT_TRUE(shell.printed(part)) << part << "\n" << shell.out.str();
  EXPECT_EQ(shell("node install a b"), 2);
  EXPECT_TRUE(shell.said("`dugong node install a b --yes`")) << shell.err.str();
  EXPECT_EQ(shell.changes(), 0U);
  EXPECT_TRUE(shell.authorities.empty());
}

TEST(NodeInstall, RunAgainItHasNothingToDo) {
  Shell shell;
  EXPECT_EQ(shell("node install a b --yes"), 0) << shell.err.str();
  EXPECT_EQ(shell.changes(), 2U);
  ASSERT_EQ(shell.authorities.count("./dex-ca.pem"), 1U);
  EXPECT_EQ(shell("node install a b --yes"), 0) << shell.err.str();
  EXPECT_TRUE(shell.printed("a: nothing to do\n")) << shell.out.str();
  EXPECT_TRUE(shell.printed("b: nothing to do\n")) << shell.out.str();
  EXPECT_EQ(shell.changes(), 2U);
}

TEST(NodeInstall, TheAuthoritysKeyNeverLeavesTheController) {
  Shell shell;
  EXPECT_EQ(shell("node install a --yes --ca-dir /root/ca"), 0) << shell.err.str();
  ASSERT_EQ(shell.authorities.count("/root/ca/dex-ca.pem"), 1U);
  const auto key = shell.authorities["/root/ca/dex-ca.pem"].key.reveal();
  std::size_t private_keys = 0;
  for (const auto& put : shell.hosts["root@h1"].changes.at(0).puts) {
    EXPECT_EQ(put.content->find(key), std::string::npos) << put.path;
    if (put.content->find("PRIVATE KEY") == std::string::npos) continue;
    ++private_keys;
    EXPECT_EQ(put.path, "/etc/dugong/tls/dex/a.pem");
    EXPECT_EQ(put.mode, 0600U);
  }
  EXPECT_EQ(private_keys, 1U);
  EXPECT_FALSE(shell.printed("PRIVATE") || shell.said("PRIVATE"));
}

TEST(NodeInstall, AnotherControllersAuthorityIsToBeBroughtHere) {
  Shell shell;
  EXPECT_EQ(shell("node install a --yes"), 0) << shell.err.str();
  EXPECT_TRUE(shell.printed("if another machine has one, copy it here instead")) << shell.out.str();
  shell.authorities.clear();
  EXPECT_EQ(shell("node install a b --yes"), 3);
  EXPECT_TRUE(shell.said("where: a")) << shell.err.str();
  EXPECT_TRUE(shell.said("copy dex-ca.pem here")) << shell.err.str();
  EXPECT_TRUE(shell.authorities.empty());
}

TEST(NodeInstall, AllHostsAreLookedAtBeforeOneIsChanged) {
  Shell shell;
  shell.hosts.erase("root@h2");
  EXPECT_EQ(shell("node install a b --yes"), 1);
  EXPECT_TRUE(shell.said("where: b")) << shell.err.str();
  EXPECT_EQ(shell.changes(), 0U);
  EXPECT_TRUE(shell.authorities.empty());
}

TEST(NodeInstall, AHostThatFailsInTheMiddleIsToldFromTheOnesThatAreDone) {
  Shell shell;
  shell.hosts["root@h2"].broken = true;
  EXPECT_EQ(shell("node install a b --yes"), 4);
  EXPECT_TRUE(shell.printed("a: done")) << shell.out.str();
  EXPECT_TRUE(shell.said("where: b")) << shell.err.str();
  EXPECT_TRUE(shell.said("nothing was changed there; what was done on 1 host before it stays")) << shell.err.str();
  EXPECT_TRUE(shell.said("`dugong node install a b` again")) << shell.err.str();
}

TEST(NodeInstall, AHostWithoutAClusterFile) {
  Shell shell;
  shell.files.clear();
  EXPECT_EQ(shell("node install root@h1 --yes"), 0) << shell.err.str();
  EXPECT_TRUE(shell.printed("note: no node of a cluster file is on that host")) << shell.out.str();
  EXPECT_TRUE(shell.authorities.empty());
  EXPECT_EQ(shell("node install root@h1 --yes --file absent.toml"), 2);
}

TEST(NodeInstall, Json) {
  Shell shell;
  const auto host = [&](std::size_t number) { return nlohmann::json::parse(shell.out.str())["hosts"][number]; };
  EXPECT_EQ(shell("node install a b --dry-run -o json"), 0) << shell.err.str();
  EXPECT_EQ(host(1)["host"], "b");
  EXPECT_EQ(host(1)["changed"], false);
  EXPECT_FALSE(host(1)["steps"].empty());
  EXPECT_EQ(shell("node install a --yes -o json"), 0) << shell.err.str();
  EXPECT_EQ(host(0)["changed"], true);
  EXPECT_EQ(shell("node install a --yes -o json"), 0) << shell.err.str();
  EXPECT_EQ(host(0)["changed"], false);
  EXPECT_TRUE(host(0)["steps"].empty());
  shell.hosts["root@h2"].broken = true;
  EXPECT_EQ(shell("node install b --yes -o json"), 1);
  EXPECT_EQ(shell.out.str(), "");
}

TEST(NodeInstall, AKeyIsReadFromItsFile) {
  Shell shell;
  shell.files["k.pub"] = "ssh-ed25519 " + std::string(68, 'A') + " me\n";
  shell.files["k"] = "-----BEGIN OPENSSH PRIVATE KEY-----\n";
  EXPECT_EQ(shell("node install a --yes --key k.pub"), 0) << shell.err.str();
  EXPECT_EQ(shell.hosts["root@h1"].changes.at(0).keys_to_add.size(), 1U);
  EXPECT_EQ(shell("node install b --yes --key k"), 2);
  EXPECT_TRUE(shell.said("this is a private key")) << shell.err.str();
  EXPECT_EQ(shell("node install b --yes --key absent.pub"), 2);
}

TEST(NodeUpgrade, NeedsADugongThere) {
  Shell shell;
  EXPECT_EQ(shell("node upgrade a --yes"), 3);
  EXPECT_TRUE(shell.said("`dugong node install` puts it there")) << shell.err.str();
  EXPECT_EQ(shell("node install a --yes"), 0);
  shell.hosts["root@h1"].seen.files["/usr/local/bin/dugong"].sha256 = "older";
  EXPECT_EQ(shell("node upgrade a --yes"), 0) << shell.err.str();
  EXPECT_TRUE(shell.printed("the former stays as /usr/local/bin/dugong.previous")) << shell.out.str();
  const auto& change = shell.hosts["root@h1"].changes.back();
  ASSERT_EQ(change.puts.size(), 1U);
  EXPECT_TRUE(change.puts[0].must_run);
}

TEST(NodeRemove, IsRefusedWhileDugongIsAtWork) {
  Shell shell;
  EXPECT_EQ(shell("node install a --yes"), 0);
  shell.hosts["root@h1"].seen.running = {"dugong up, root@h, pid 12"};
  EXPECT_EQ(shell("node remove a --yes"), 3);
  EXPECT_TRUE(shell.said("dugong is at work there: dugong up")) << shell.err.str();
  shell.hosts["root@h1"].seen.running.clear();
  EXPECT_EQ(shell("node remove a --yes"), 0) << shell.err.str();
  EXPECT_FALSE(shell.hosts["root@h1"].changes.back().deletes.empty());
}

TEST(NodeVerbs, AskForKeysOnlyWhereTheyAreChanged) {
  Shell shell;
  shell.files["k.pub"] = "ssh-ed25519 " + std::string(68, 'A') + " me\n";
  const auto asks = [&](std::string_view line) {
    EXPECT_EQ(shell(line), 0) << shell.err.str();
    return shell.hosts["root@h1"].keys_asked;
  };
  EXPECT_FALSE(asks("node install a --yes"));
  EXPECT_TRUE(asks("node install a --dry-run --key k.pub"));
  EXPECT_FALSE(asks("node upgrade a --dry-run"));
  EXPECT_TRUE(asks("node remove a --dry-run"));
}

TEST(NodeVerbs, NeedAHost) {
  Shell shell;
  for (const auto* line : {"node install", "node upgrade", "node remove", "node"}) {
    EXPECT_EQ(shell(line), 2) << line;
    EXPECT_TRUE(shell.opened.empty());
  }
}

}  // namespace
}  // namespace dugong::cli
