// Whole invocations against a world without nodes: exit codes, what goes where, and that nothing is done unasked.
#include "cli/app.h"

#include <gtest/gtest.h>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/text.h"
#include "node/node.h"

namespace dugong::cli {
namespace {

class FixedClock final : public engine::Clock {
 public:
  Steady::time_point now() override { return time_; }
  std::int64_t wall_seconds() override { return 1'800'000'000; }
  std::int64_t wall_ns() override { return 1'800'000'000'000'000'000; }
  bool sleep(Millis duration, std::stop_token stop) override {
    time_ += duration;
    if (++sleeps_ == stop_after) source.request_stop();
    return !stop.stop_requested();
  }
  std::stop_source source;
  int stop_after = 0;

 private:
  Steady::time_point time_{};
  int sleeps_ = 0;
};

// Every node is behind a link that is cut.
class CutFleet final : public node::Fleet {
 public:
  Result<node::Node*> node(const std::string& name) override {
    return fail(Error{ErrorKind::unreachable, "ssh: connect to host: No route to host", name, {}, {}});
  }
  Result<node::CopyResult> copy(const node::CopyRequest&, const node::CopyProgress&, Deadline,
                                std::stop_token) override {
    return fail(ErrorKind::unreachable, "no route");
  }
};

// A machine whose disk is empty.
class Host final : public node::Node {
 public:
  explicit Host(std::map<std::string, std::string> registered) : registered_{std::move(registered)} {}
  Result<node::Answer> call(const node::Request& request, Deadline, std::stop_token) override {
    if (std::holds_alternative<node::InspectHost>(request)) {
      node::HostFacts facts;
      facts.registered = registered_;
      return facts;
    }
    if (std::holds_alternative<node::ReadFile>(request)) return node::FileFacts{};
    return fail(ErrorKind::failed, "not asked for in this test");
  }

 private:
  std::map<std::string, std::string> registered_;
};

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
ssh = "a"
prefix = "tank/a"
[[node]]
name = "b"
address = "10.0.0.2"
ssh = "b"
prefix = "tank/b"
follows = "a"
)";

struct Shell {
  std::ostringstream out, err;
  FixedClock clock;
  std::map<std::string, std::string> files{{"dugong.toml", cluster_file}};
  std::map<std::string, std::string, std::less<>> variables{{"PW", "secret"}};
  std::map<std::string, std::string> registered, metrics;
  int fleets = 0;
  int served = 0;
  bool terminal = false;

  int operator()(std::string_view line) {
    World world{.out = out, .err = err, .clock = clock, .stop = clock.source.get_token(), .identity = "root@h, pid 1"};
    world.in_is_terminal = world.err_is_terminal = terminal;
    world.environment = [this](std::string_view name) -> std::optional<std::string> {
      const auto found = variables.find(name);
      return found == variables.end() ? std::nullopt : std::optional{found->second};
    };
    world.read_line = []() -> std::optional<std::string> { return "n"; };
    world.file_exists = [this](const std::string& path) { return files.contains(path); };
    world.read_file = [this](const std::string& path) -> Result<std::string> {
      if (!files.contains(path)) return fail(ErrorKind::invalid, "there is no file " + path);
      return files[path];
    };
    world.write_new_file = [this](const std::string& path, std::string_view text) -> Result<World::Written> {
      if (!files.emplace(path, text).second) return World::Written::existed;
      return World::Written::created;
    };
    world.open_fleet = [this](const spec::Spec&) -> Result<std::unique_ptr<node::Fleet>> {
      ++fleets;
      return std::make_unique<CutFleet>();
    };
    world.open_machine = [this]() -> Result<std::unique_ptr<node::Node>> { return std::make_unique<Host>(registered); };
    world.leave_metrics = [this](const std::string& name, const std::string& text) -> Result<> {
      metrics[name] = text;
      return {};
    };
    world.serve = [this](const std::stop_token&) -> Result<> {
      ++served;
      return {};
    };
    std::vector<std::string> words;
    for (const auto word : split(line, ' ')) words.emplace_back(word);
    return cli::run(words, world);
  }
  [[nodiscard]] bool said(std::string_view text) const { return err.str().find(text) != std::string::npos; }
  [[nodiscard]] bool printed(std::string_view text) const { return out.str().find(text) != std::string::npos; }
};

TEST(App, OutputThatCannotBeWrittenIsAFailure) {
  Shell shell;
  shell.out.setstate(std::ios::badbit);  // as after a write to a full disk
  EXPECT_EQ(shell("version -o json"), 1);
  EXPECT_TRUE(shell.said("the output could not be written")) << shell.err.str();
}
TEST(App, HelpAndVersionGoToStandardOutput) {
  for (const auto* line : {"--help", "up --help", "--version", "version", "version -o json"}) {
    Shell shell;
    EXPECT_EQ(shell(line), 0) << line;
    EXPECT_FALSE(shell.out.str().empty()) << line;
    EXPECT_TRUE(shell.err.str().empty()) << line;
  }
}

TEST(App, ErrorsGoToStandardErrorOnceAndNothingElseIsPrinted) {
  Shell shell;
  EXPECT_EQ(shell("stauts"), 2);
  EXPECT_TRUE(shell.out.str().empty());
  EXPECT_EQ(shell.err.str(),
            "dugong: invalid: there is no command 'stauts'; did you mean 'status'?\n"
            "  left:  nothing was changed\n"
            "  next:  `dugong --help` shows what there is\n");
}

TEST(App, AnInterruptedPlanIsNoPlan) {
  Shell shell;
  shell.clock.source.request_stop();
  EXPECT_EQ(shell("plan"), 1);
  EXPECT_TRUE(shell.said("dugong: interrupted")) << shell.err.str();
  EXPECT_TRUE(shell.out.str().empty()) << shell.out.str();
}

TEST(App, NodeStartOnAMachineWithoutNodesHasNothingToDo) {
  Shell shell;
  EXPECT_EQ(shell("node start"), 0);
  EXPECT_TRUE(shell.printed("no node is to be started here")) << shell.out.str();
  EXPECT_EQ(shell("node start dex.a"), 2);
  EXPECT_TRUE(shell.said("no node 'dex.a' is to be started here")) << shell.err.str();
  EXPECT_EQ(shell.fleets, 0) << "it has no cluster file";
}

TEST(App, NodeStartSaysOfEachNodeWhyItIsDownAndLeavesIt) {
  Shell shell;
  shell.registered = {{"dex.a", "/srv/a"}, {"fox.a", "/srv/fox"}};
  EXPECT_EQ(shell("node start"), 5);
  EXPECT_TRUE(shell.said("where: dex.a: /srv/a/boot.json")) << shell.err.str();
  EXPECT_TRUE(shell.said("/srv/fox/boot.json")) << shell.err.str();
  EXPECT_NE(shell.metrics["dex.a"].find("dugong_boot_outcome{cluster=\"dex\",node=\"a\",outcome=\"no-record\"} 1\n"),
            std::string::npos)
      << shell.metrics["dex.a"];
  Shell one;
  one.registered = shell.registered;
  EXPECT_EQ(one("node start fox.a"), 5);
  EXPECT_EQ(one.metrics.size(), 1U);
}

TEST(App, FenceTakesOneNode) {
  Shell shell;
  EXPECT_EQ(shell("fence a b --yes"), 2);
  EXPECT_TRUE(shell.said("`dugong fence` takes one node, 2 were named")) << shell.err.str();
  EXPECT_EQ(shell("fence a --yes"), 3);
  EXPECT_TRUE(shell.said("No route to host")) << shell.err.str();
}

TEST(App, InitWritesAFileAndNeverOverwrites) {
  Shell shell;
  shell.files.clear();
  EXPECT_EQ(shell("init --cluster dex"), 0);
  EXPECT_NE(shell.files["dugong.toml"].find("cluster = \"dex\""), std::string::npos);
  shell.files["dugong.toml"] = "mine";
  EXPECT_EQ(shell("init --cluster dex"), 2);
  EXPECT_EQ(shell.files["dugong.toml"], "mine");
  EXPECT_TRUE(shell.said("dugong.toml is there already"));
  EXPECT_EQ(shell("init --cluster dex --out other.toml"), 0);
  EXPECT_TRUE(shell.files.contains("other.toml"));
}

TEST(App, InitRefusesANameThatCannotBe) {
  Shell shell;
  EXPECT_EQ(shell("init --cluster D!x --out x.toml"), 2);
  EXPECT_FALSE(shell.files.contains("x.toml"));
}

TEST(App, WithoutAClusterFile) {
  for (const auto* line : {"plan", "up", "status", "space", "check", "verify", "replica add b", "down"}) {
    Shell shell;
    shell.files.clear();
    EXPECT_EQ(shell(line), 2) << line;
    EXPECT_TRUE(shell.said("there is no cluster file")) << line;
    EXPECT_TRUE(shell.said("dugong init")) << line;
    EXPECT_EQ(shell.fleets, 0) << line;
  }
}

TEST(App, TheFileIsLookedForInOrder) {
  Shell shell;
  shell.files.clear();
  shell.files["/etc/dugong/dugong.toml"] = cluster_file;
  shell.files["named.toml"] = "x = 1";
  EXPECT_EQ(shell("status"), 1);  // found, though no node is
  EXPECT_EQ(shell.fleets, 1);
  EXPECT_EQ(shell("status -f named.toml"), 2);
  shell.variables["DUGONG_FILE"] = "absent.toml";
  EXPECT_EQ(shell("status"), 2);
  EXPECT_TRUE(shell.said("absent.toml"));
}

TEST(App, AMistakeInTheFileHasItsPlace) {
  Shell shell;
  shell.files["dugong.toml"] = std::string{cluster_file} + "follow = \"a\"\n";
  EXPECT_EQ(shell("up --yes"), 2);
  EXPECT_TRUE(shell.said("dugong.toml:19:")) << shell.err.str();
  EXPECT_EQ(shell.fleets, 0);
}

TEST(App, StatusOfAnUnreachableClusterIsDown) {
  Shell shell;
  EXPECT_EQ(shell("status"), 1);
  EXPECT_TRUE(shell.printed("dex: down")) << shell.out.str();
  EXPECT_TRUE(shell.printed("a: cannot be reached: ssh: connect to host: No route to host"));
}

TEST(App, StatusJson) {
  Shell shell;
  EXPECT_EQ(shell("status -o json"), 1);
  const auto status = nlohmann::json::parse(shell.out.str());
  EXPECT_EQ(status["verdict"], "down");
  EXPECT_EQ(status["nodes"][1]["health"], "unknown");
  EXPECT_TRUE(status["nodes"][1]["lag_bytes"].is_null());
}

TEST(App, SpaceOfWhatIsNotSeenSaysSoAndIsPartial) {
  Shell shell;
  EXPECT_EQ(shell("space"), 4);
  EXPECT_TRUE(shell.printed("a: cannot be reached: ssh: connect to host: No route to host")) << shell.out.str();
  EXPECT_TRUE(shell.printed("b: cannot be reached"));
  Shell one;
  EXPECT_EQ(one("space b -o json"), 4);
  const auto space = nlohmann::json::parse(one.out.str());
  ASSERT_EQ(space["nodes"].size(), 1U);
  EXPECT_EQ(space["nodes"][0]["name"], "b");
  EXPECT_TRUE(space["nodes"][0]["size_bytes"].is_null());
}

TEST(App, SpaceOfANodeThatIsNotInTheFileIsAMistake) {
  Shell shell;
  EXPECT_EQ(shell("space z"), 2);
  EXPECT_TRUE(shell.said("no node 'z' in the cluster file")) << shell.err.str();
  EXPECT_TRUE(shell.out.str().empty());
}

TEST(App, WatchWritesOneLinePerLookAndEndsInOrder) {
  Shell shell;
  shell.clock.stop_after = 3;
  EXPECT_EQ(shell("status --watch 1 -o json"), 0);
  const auto text = shell.out.str();
  EXPECT_EQ(lines(text).size(), 3U);
  for (const auto line : lines(text)) EXPECT_EQ(nlohmann::json::parse(line)["cluster"], "dex");
}

TEST(App, VerifyOfAnUnreachableClusterFailsAndSaysWhere) {
  Shell shell;
  EXPECT_EQ(shell("verify"), 3);
  EXPECT_TRUE(shell.printed("failed  a     answers  cannot be reached: ssh")) << shell.out.str();
  EXPECT_TRUE(shell.printed("0 ok, 2 failed, 0 skipped"));
}

TEST(App, CheckOfAnUnreachableClusterSaysOfEachNodeWhy) {
  Shell shell;
  EXPECT_EQ(shell("check"), 4);
  EXPECT_TRUE(shell.printed("unknown  a  reachable")) << shell.out.str();
  EXPECT_TRUE(shell.printed("No route to host"));
  EXPECT_TRUE(shell.printed("dex: 0 critical, 0 warning, 2 unknown, 0 note, 0 ok"));
  EXPECT_TRUE(shell.err.str().empty()) << shell.err.str();
}

TEST(App, CheckOfOneNode) {
  Shell shell;
  EXPECT_EQ(shell("check b -o json"), 4);
  const auto checked = nlohmann::json::parse(shell.out.str());
  ASSERT_EQ(checked["findings"].size(), 1U);
  EXPECT_EQ(checked["findings"][0]["node"], "b");
  EXPECT_EQ(shell("check z"), 2);
  EXPECT_TRUE(shell.said("there is no node 'z'"));
}

TEST(App, CheckAsAPlugin) {
  Shell shell;
  EXPECT_EQ(shell("check --nagios"), 3);
  EXPECT_TRUE(shell.printed("DUGONG UNKNOWN - dex: 2 nodes, ")) << shell.out.str();
  EXPECT_TRUE(shell.printed(" | critical=0;;1;0 "));
  EXPECT_EQ(lines(shell.out.str()).size(), 1U);
}

// A monitor reads standard output and the exit code, and 2 would be "critical" to it.
TEST(App, APluginTellsAMistakeInTheFileOnItsLine) {
  Shell shell;
  shell.files["dugong.toml"] = "cluster = 7\n";
  EXPECT_EQ(shell("check --nagios"), 3);
  EXPECT_TRUE(shell.printed("DUGONG UNKNOWN - dugong.toml:1:")) << shell.out.str();
  EXPECT_EQ(lines(shell.out.str()).size(), 1U);
  EXPECT_EQ(shell("check"), 2);
}

TEST(App, ACheckThatIsInterruptedIsNone) {
  Shell shell;
  shell.clock.source.request_stop();
  EXPECT_EQ(shell("check"), 1);
  EXPECT_TRUE(shell.out.str().empty()) << shell.out.str();
}

TEST(App, ChangingAnUnreachableClusterIsRefusedByName) {
  for (const auto* line : {"up --yes", "plan", "replica add b --yes", "down --yes"}) {
    Shell shell;
    const int code = shell(line);
    EXPECT_TRUE(code == 1 || code == 3) << line << ": " << code;
    EXPECT_TRUE(shell.said("No route to host")) << line << shell.err.str();
  }
}

TEST(App, ReplicaAddJudgesItsNames) {
  Shell shell;
  EXPECT_EQ(shell("replica add c --yes"), 2);
  EXPECT_TRUE(shell.said("there is no node 'c'"));
  EXPECT_EQ(shell("replica add a --yes"), 2);
  EXPECT_TRUE(shell.said("'a' is the primary"));
}

TEST(App, ConfirmWithoutDestroyIsAMistake) {
  Shell shell;
  EXPECT_EQ(shell("down --confirm=dex"), 2);
  EXPECT_TRUE(shell.said("`dugong down --yes` only stops")) << shell.err.str();
  EXPECT_EQ(shell("down b --confirm=dex --file dex.toml"), 2);
  EXPECT_TRUE(shell.said("`dugong down b --yes --file dex.toml` only stops")) << shell.err.str();
  EXPECT_EQ(shell.fleets, 0);
}

TEST(App, ServeIsSilent) {
  Shell shell;
  EXPECT_EQ(shell("serve"), 0);
  EXPECT_EQ(shell.served, 1);
  EXPECT_TRUE(shell.out.str().empty());
  EXPECT_TRUE(shell.err.str().empty());
}

TEST(App, SecretsAreNeverPrinted) {
  for (const auto* line : {"up --yes", "status", "status -o json", "check", "verify", "plan -o json"}) {
    Shell shell;
    shell(line);
    EXPECT_FALSE(shell.printed("secret") || shell.said("secret")) << line;
  }
}

}  // namespace
}  // namespace dugong::cli
