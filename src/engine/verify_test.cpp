// verify against scripted nodes: what is asked of whom, and that each thing that can be wrong fails its own check.
#include "engine/verify.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <map>
#include <mutex>

#include "cluster/running_world.h"

namespace dugong::engine {
namespace {

using postgres::StatementResult;
using report::Check;
using report::Verdict;

class TestClock final : public Clock {
 public:
  Steady::time_point now() override {
    const std::lock_guard lock{mutex_};
    return time_;
  }
  std::int64_t wall_seconds() override { return 1'800'000'000; }
  std::int64_t wall_ns() override {
    const std::lock_guard lock{mutex_};
    return 1'800'000'000'000'000'000 + ++ticks_;
  }
  bool sleep(Millis duration, std::stop_token stop) override {
    const std::lock_guard lock{mutex_};
    time_ += duration;
    return !stop.stop_requested();
  }

 private:
  std::mutex mutex_;
  Steady::time_point time_{};
  std::int64_t ticks_ = 0;
};

StatementResult row(std::vector<std::string> cells) {
  StatementResult result;
  result.rows.emplace_back();
  for (auto& cell : cells) result.rows.back().emplace_back(std::move(cell));
  return result;
}
StatementResult refusal(std::string sqlstate) {
  StatementResult result;
  result.sqlstate = std::move(sqlstate);
  result.message = "no";
  return result;
}

struct Script {
  std::map<std::string, std::vector<std::string>> content;  // node → rows, sum, xor
  Bytes chunk_bytes = 8192;
  int conflicts = 0;  // replay cancels so many readings on b
  bool arrives = true;
  bool promoted = false;  // replicas accept writes
  std::string login = "28000";
  std::string archived = "same";   // digest of the archived segment
  std::vector<std::string> asked;  // "b verify_read"
  std::mutex mutex;
};

class ScriptedNode final : public node::Node {
 public:
  ScriptedNode(std::string name, Script& script) : name_{std::move(name)}, script_{script} {}
  Result<node::Answer> call(const node::Request& request, Deadline, std::stop_token) override {
    const std::lock_guard lock{script_.mutex};
    if (const auto* sql = std::get_if<node::RunSql>(&request)) return node::Answer{run(sql->calls.front())};
    if (const auto* probe = std::get_if<node::ProbeLogin>(&request)) return probe_login(*probe);
    if (const auto* digest = std::get_if<node::DigestFile>(&request))
      return node::Answer{node::DigestFile::Answer{
          true, 16, digest->path.find("/archive/") == std::string::npos ? "same" : script_.archived}};
    return fail(ErrorKind::failed, "not scripted");
  }

 private:
  Result<node::Answer> probe_login(const node::ProbeLogin& probe) {
    script_.asked.push_back(name_ + " login " + probe.from_address + " " + probe.to_address);
    if (script_.login.empty()) return node::Answer{postgres::LoginAnswer{true, "", ""}};
    return node::Answer{postgres::LoginAnswer{false, script_.login, "no entry"}};
  }
  node::RunSql::Answer run(const node::SqlCall& call) {
    script_.asked.push_back(name_ + " " + call.query);
    return {true, "", "", {answers(call)}};
  }
  std::vector<StatementResult> answers(const node::SqlCall& call) {
    if (call.query == "verify_read") return {script_.arrives ? row({"t"}) : StatementResult{}};
    if (call.query == "verify_read_only") return read_only();
    if (call.query == "verify_chunks")
      return {call.parameters.front().ends_with(".candles")
                  ? row({"s", "t", "_internal", "_chunk_1", std::to_string(script_.chunk_bytes)})
                  : StatementResult{}};
    if (call.query == "verify_table")
      return {call.parameters.front() == "public.plain" ? row({"public", "plain", "10"}) : StatementResult{}};
    if (call.query == "verify_content" && name_ == "b" && script_.conflicts > 0) {
      --script_.conflicts;
      return {refusal("40001")};
    }
    if (call.query == "verify_content") return {row(script_.content.at(name_))};
    if (call.query == "switch_wal") return {row({"000000010000000000000002"})};
    return {StatementResult{}};
  }
  std::vector<StatementResult> read_only() const {
    std::vector<StatementResult> all;
    for (const auto statement : postgres::find_query("verify_read_only")->statements) {
      const bool passes = statement.starts_with("SET default") || statement.starts_with("ROLLBACK");
      const bool mode = statement.starts_with("BEGIN") || statement.starts_with("SET transaction");
      all.push_back(passes || script_.promoted ? StatementResult{} : refusal(mode ? "0A000" : "25006"));
    }
    return all;
  }

  std::string name_;
  Script& script_;
};

class ScriptedFleet final : public node::Fleet {
 public:
  explicit ScriptedFleet(Script& script) {
    for (const auto* name : {"a", "b", "c"}) nodes_.try_emplace(name, name, script);
  }
  Result<node::Node*> node(const std::string& name) override { return &nodes_.at(name); }
  Result<node::CopyResult> copy(const node::CopyRequest&, const node::CopyProgress&, Deadline,
                                std::stop_token) override {
    return fail(ErrorKind::failed, "no copies here");
  }

 private:
  std::map<std::string, ScriptedNode> nodes_;
};

struct World {
  spec::Spec spec = cluster::testing::three_nodes();
  cluster::Observed seen = cluster::testing::healthy();
  Script script;
  TestClock clock;
  std::stop_source stop;
  VerifyOptions options;

  World() {
    for (auto& node : seen.nodes) {
      auto& sql = *node.sql.value;
      sql.extensions = {{"timescaledb", "2.19.3"}};
      sql.available_extensions = {{"timescaledb", {"2.19.3"}}};
      sql.settings["archive_mode"].value = "on";
      sql.settings["work_mem"] = {"65536", "configuration file", "/data/dugong.conf", 1, false};
      postgres::DataFacts data;
      data.files["dugong.conf"] = "work_mem = '64MB'\n";
      node.data = cluster::testing::sampled(data);
      script.content[node.name] = {"24", "123", "5"};
    }
  }
  std::vector<Check> run() {
    ScriptedFleet fleet{script};
    Context context{.spec = spec,
                    .fleet = fleet,
                    .clock = clock,
                    .emit = [](const Event&) {},
                    .stop = stop.get_token(),
                    .holder = "test"};
    const auto checks = verify_seen(context, seen, options);
    EXPECT_TRUE(checks.has_value());
    return checks ? *checks : std::vector<Check>{};
  }
  [[nodiscard]] bool asked(const std::string& what) const { return std::ranges::count(script.asked, what) > 0; }
};

std::vector<std::string> failures(const std::vector<Check>& checks) {
  std::vector<std::string> found;
  for (const auto& check : checks)
    if (check.outcome == Verdict::failed) found.push_back(check.node + " " + check.id);
  return found;
}
const Check* find(const std::vector<Check>& checks, const std::string& id, const std::string& node) {
  for (const auto& check : checks)
    if (check.id == id && check.node == node) return &check;
  return nullptr;
}
using Names = std::vector<std::string>;

TEST(Verify, AHealthyClusterPassesEveryCheckOnEveryNode) {
  World world;
  const auto checks = world.run();
  EXPECT_EQ(failures(checks), Names{});
  for (const auto* node : {"a", "b", "c"})
    for (const auto* id : {"answers", "settings-in-force", "clock"}) EXPECT_NE(find(checks, id, node), nullptr) << id;
  for (const auto* node : {"b", "c"})
    for (const auto* id : {"streaming", "in-recovery", "refuses-writes", "row-arrives", "content", "extensions",
                           "image", "hot-standby-settings"})
      EXPECT_NE(find(checks, id, node), nullptr) << id << " " << node;
  for (const auto* id : {"hba-lines", "login-refused", "archive"}) EXPECT_NE(find(checks, id, "a"), nullptr) << id;
  for (const auto& check : checks) EXPECT_NE(check.outcome, Verdict::skipped) << check.id;
}

TEST(Verify, WritesOnThePrimaryOnly) {
  World world;
  world.run();
  for (const auto* node : {"b ", "c "})
    for (const auto* query : {"verify_prepare", "verify_prepare_hypertable", "verify_write", "switch_wal"})
      EXPECT_FALSE(world.asked(std::string{node} + query)) << node << query;
  EXPECT_FALSE(world.asked("a verify_read_only"));  // it would be accepted
  EXPECT_TRUE(world.asked("a login 127.0.0.77 10.0.0.1"));
}

TEST(Verify, ARowThatDoesNotArrive) {
  World world;
  world.script.arrives = false;
  EXPECT_EQ(failures(world.run()), (Names{"b row-arrives", "c row-arrives", "b content", "c content"}));
}

TEST(Verify, AReplicaThatTakesWrites) {
  World world;
  world.script.promoted = true;
  EXPECT_EQ(failures(world.run()), (Names{"b refuses-writes", "c refuses-writes"}));
}

TEST(Verify, DifferentContent) {
  World world;
  world.script.content["c"] = {"24", "124", "5"};
  EXPECT_EQ(failures(world.run()), Names{"c content"});
}

TEST(Verify, AReadingThatReplayCancelsIsTriedAgain) {
  World world;
  world.script.conflicts = 2;
  EXPECT_EQ(failures(world.run()), Names{});
  EXPECT_EQ(find(world.run(), "content", "b")->outcome, Verdict::ok);
}

TEST(Verify, ReadingsThatReplayAlwaysCancelsAreNoVerdict) {
  World world;
  world.script.conflicts = 100;
  const auto checks = world.run();
  EXPECT_EQ(failures(checks), Names{});
  const auto* check = find(checks, "content", "b");
  ASSERT_NE(check, nullptr);
  EXPECT_EQ(check->outcome, Verdict::skipped);
  EXPECT_NE(check->evidence.find("40001"), std::string::npos) << check->evidence;
}

TEST(Verify, ALargeChunkIsSkippedWithItsSize) {
  World world;
  world.script.chunk_bytes = Bytes{2} << 30;
  const auto checks = world.run();
  const auto* check = find(checks, "content", "a");
  ASSERT_NE(check, nullptr);
  EXPECT_EQ(check->outcome, Verdict::skipped);
  EXPECT_NE(check->evidence.find("2 GiB are more than --max-chunk (1 GiB)"), std::string::npos) << check->evidence;
  EXPECT_FALSE(world.asked("b verify_content"));
  world.options.max_chunk = Bytes{3} << 30;
  EXPECT_NE(find(world.run(), "content", "b"), nullptr);
}

TEST(Verify, ChosenTables) {
  World world;
  world.options.tables = {"public.plain", "public.absent"};
  const auto checks = world.run();
  EXPECT_EQ(std::ranges::count(checks, "content", &Check::id), 5);  // our chunk and plain twice, absent once
  const auto* absent = find(checks, "content", "a");
  ASSERT_NE(absent, nullptr);
  EXPECT_TRUE(absent->evidence.starts_with("public.absent: no such table"));
}

TEST(Verify, WithoutTimescaleDbThereIsNoHypertable) {
  World world;
  for (auto& node : world.seen.nodes) node.sql.value->extensions.clear();
  const auto checks = world.run();
  EXPECT_EQ(failures(checks), Names{});
  EXPECT_EQ(find(checks, "content", "a")->outcome, Verdict::skipped);
  EXPECT_FALSE(world.asked("a verify_prepare_hypertable"));
}

TEST(Verify, AnOpenDoorForReplication) {
  World world;
  world.script.login = "";
  EXPECT_EQ(failures(world.run()), Names{"a login-refused"});
}

TEST(Verify, AnArchiveThatDiffers) {
  World world;
  world.script.archived = "other";
  EXPECT_EQ(failures(world.run()), Names{"a archive"});
}

TEST(Verify, AnArchiveThatIsOff) {
  World world;
  world.seen.nodes[0].sql.value->settings["archive_mode"].value = "off";
  EXPECT_EQ(failures(world.run()), Names{"a archive"});
  EXPECT_FALSE(world.asked("a switch_wal"));
}

TEST(Verify, ANodeThatDoesNotAnswerFailsOnceAndIsLeftOut) {
  World world;
  world.seen.nodes[2].sql = cluster::testing::missing<postgres::ServerSql>(ErrorKind::failed, "not running");
  EXPECT_EQ(failures(world.run()), Names{"c answers"});
  EXPECT_FALSE(world.asked("c verify_read"));
}

TEST(Verify, WithoutAPrimaryNothingIsTried) {
  World world;
  world.seen.nodes[0].sql = cluster::testing::missing<postgres::ServerSql>(ErrorKind::failed, "not running");
  EXPECT_EQ(failures(world.run()), Names{"a answers"});
  EXPECT_TRUE(world.script.asked.empty());
}

TEST(Verify, InterruptedIsNoVerdict) {
  World world;
  world.stop.request_stop();
  ScriptedFleet fleet{world.script};
  Context context{.spec = world.spec,
                  .fleet = fleet,
                  .clock = world.clock,
                  .emit = [](const Event&) {},
                  .stop = world.stop.get_token(),
                  .holder = "test"};
  const auto checks = verify_seen(context, world.seen, {});
  ASSERT_FALSE(checks.has_value());
  EXPECT_EQ(checks.error().kind, ErrorKind::interrupted);
}

}  // namespace
}  // namespace dugong::engine
