// The JSON contract of docs/json.md: names, types, strings for 64 bits, null for unknown.
#include "cli/json.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <set>

#include "cluster/running_world.h"
#include "cluster/space_world.h"

namespace dugong::cli {
namespace {

using nlohmann::json;

json status_of(const cluster::Observed& seen) {
  const auto status = report::judge_status(cluster::testing::three_nodes(), seen, {});
  return json::parse(status_json(status, cluster::testing::wall, Layout::indented));
}

std::set<std::string> keys(const json& object) {
  std::set<std::string> names;
  for (const auto& [name, value] : object.items()) names.insert(name);
  return names;
}

TEST(StatusJson, TopLevel) {
  const auto status = status_of(cluster::testing::healthy());
  EXPECT_EQ(keys(status),
            (std::set<std::string>{"schema_version", "cluster", "verdict", "reasons", "nodes", "taken_at"}));
  EXPECT_EQ(status["schema_version"], 1);
  EXPECT_EQ(status["cluster"], "dex");
  EXPECT_EQ(status["verdict"], "healthy");
  EXPECT_EQ(status["reasons"], json::array());
  EXPECT_EQ(status["nodes"].size(), 3U);
}

TEST(StatusJson, ANodeHasEveryKeyOfTheContract) {
  const auto status = status_of(cluster::testing::healthy());
  for (const auto& node : status["nodes"])
    EXPECT_EQ(keys(node), (std::set<std::string>{"name",
                                                 "role",
                                                 "health",
                                                 "reasons",
                                                 "address",
                                                 "port",
                                                 "timeline",
                                                 "system_identifier",
                                                 "lsn",
                                                 "streaming",
                                                 "lag_bytes",
                                                 "lag_seconds",
                                                 "lag_kind",
                                                 "read_only",
                                                 "dataset",
                                                 "follows",
                                                 "slot",
                                                 "base_age_seconds",
                                                 "pinned_bytes",
                                                 "bases",
                                                 "base_budget",
                                                 "forecast",
                                                 "clock_offset_seconds",
                                                 "fenced"}));
}

TEST(StatusJson, Replica) {
  const auto node = status_of(cluster::testing::healthy())["nodes"][1];
  EXPECT_EQ(node["name"], "b");
  EXPECT_EQ(node["role"], "replica");
  EXPECT_EQ(node["health"], "healthy");
  EXPECT_EQ(node["address"], "10.0.0.2");
  EXPECT_EQ(node["port"], 5432);
  EXPECT_EQ(node["timeline"], 3);
  EXPECT_EQ(node["system_identifier"], "7000000000000000001");
  EXPECT_EQ(node["lsn"], "0/20000000");
  EXPECT_EQ(node["streaming"], true);
  EXPECT_EQ(node["lag_bytes"], 0);
  EXPECT_EQ(node["lag_seconds"], 0.0);
  EXPECT_EQ(node["lag_kind"], "exact");
  EXPECT_EQ(node["read_only"], true);
  EXPECT_EQ(node["dataset"], "tank/b/live-0");
  EXPECT_EQ(node["follows"], "a");
  EXPECT_EQ(keys(node["slot"]),
            (std::set<std::string>{"name", "active", "wal_status", "retained_bytes", "hours_covered"}));
  EXPECT_EQ(node["slot"]["retained_bytes"], 0x1000'0000);
  EXPECT_TRUE(node["slot"]["hours_covered"].is_null());
}

TEST(StatusJson, ThePrimaryHasNoLag) {
  const auto node = status_of(cluster::testing::healthy())["nodes"][0];
  EXPECT_EQ(node["role"], "primary");
  EXPECT_EQ(node["read_only"], false);
  for (const auto* key : {"streaming", "lag_bytes", "lag_seconds", "lag_kind", "follows", "slot", "base_age_seconds"})
    EXPECT_TRUE(node[key].is_null()) << key;
}

TEST(StatusJson, WhatIsNotKnownIsNull) {
  auto seen = cluster::testing::healthy();
  seen.nodes[1] = {};
  seen.nodes[1].name = "b";
  seen.nodes[1].host = cluster::testing::missing<cluster::Host>(ErrorKind::unreachable, "ssh: \xff no route");
  const auto node = status_of(seen)["nodes"][1];
  EXPECT_EQ(node["health"], "unknown");
  for (const auto* key : {"timeline", "system_identifier", "lsn", "streaming", "lag_bytes", "lag_seconds", "read_only",
                          "dataset", "pinned_bytes", "clock_offset_seconds", "fenced"})
    EXPECT_TRUE(node[key].is_null()) << key;
  EXPECT_EQ(node["lag_kind"], "unknown");
}

TEST(StatusJson, OneLine) {
  const auto status = report::judge_status(cluster::testing::three_nodes(), cluster::testing::healthy(), {});
  EXPECT_EQ(status_json(status, 1, Layout::one_line).find('\n'), std::string::npos);
}

json space_of(const cluster::testing::SpaceWorld& world, std::string_view name) {
  return json::parse(space_json("dex", {world.space(name)}, 1))["nodes"][0];
}

TEST(SpaceJson, ANodeHasEveryKeyOfTheContract) {
  const auto node = space_of({}, "a");
  EXPECT_EQ(keys(node),
            (std::set<std::string>{"name", "reason", "pool", "size_bytes", "disks_bytes", "disks_free_bytes", "parts",
                                   "mismatch", "bases", "base_budget", "forecast", "freeable"}));
  EXPECT_EQ(node["parts"].size(), 11U);
  EXPECT_EQ(node["parts"][0]["part"], "live");
  EXPECT_EQ(node["parts"][0]["bytes"], 100 * cluster::testing::G);
  EXPECT_EQ(node["bases"][0]["guid"], "1");
  EXPECT_EQ(node["bases"][0]["serves"], json::array({"b", "c"}));
  EXPECT_EQ(node["base_budget"]["pinned_bytes"], 10 * cluster::testing::G);
  EXPECT_TRUE(node["base_budget"]["verdict"].is_null());
  EXPECT_TRUE(node["reason"].is_null());
  EXPECT_NEAR(node["forecast"]["pinned_bytes_per_day"], static_cast<double>(cluster::testing::G), 1);
}

TEST(SpaceJson, AVerdictWithItsBytes) {
  cluster::testing::SpaceWorld world;
  world.spec.nodes[0].base_budget = {.bytes = 1, .percent = 0};
  const auto verdict = space_of(world, "a")["base_budget"]["verdict"];
  EXPECT_EQ(keys(verdict), (std::set<std::string>{"cause", "relief", "base", "serves", "frees_bytes", "copies_bytes"}));
  EXPECT_EQ(verdict["relief"], "reclone");
  const auto status = report::judge_status(world.spec, world.seen, {});
  const auto shown = json::parse(status_json(status, 1, Layout::one_line))["nodes"][0]["base_budget"];
  EXPECT_EQ(shown["verdict"], verdict);
}

TEST(SpaceJson, WhatIsNotKnownIsNull) {
  cluster::testing::SpaceWorld world;
  world.node("a").pool.value->used.reset();
  const auto node = space_of(world, "a");
  EXPECT_TRUE(node["size_bytes"].is_null());
  for (const auto& part : node["parts"])
    EXPECT_EQ(part["bytes"].is_null(), part["part"] == "others" || part["part"] == "available") << part;
  world.node("b").host = cluster::testing::missing<cluster::Host>(ErrorKind::unreachable, "gone");
  EXPECT_EQ(space_of(world, "b")["reason"], "cannot be reached: gone");
  EXPECT_TRUE(space_of(world, "b")["base_budget"].is_null());
}

TEST(PlanJson, Steps) {
  cluster::Plan plan;
  plan.steps.push_back(
      {"a", cluster::WriteFile{.path = "/x", .content = Secret{"s3cret"}, .difference = {"+ a"}}, "w"});
  plan.steps.push_back({"b", zfs::Destroy{"tank/b"}, ""});
  plan.more = true;
  const auto text = plan_json("dex", plan);
  EXPECT_EQ(text.find("s3cret"), std::string::npos);
  const auto parsed = json::parse(text);
  EXPECT_EQ(parsed["cluster"], "dex");
  EXPECT_EQ(parsed["more"], true);
  EXPECT_TRUE(parsed["copied_bytes"].is_null());
  EXPECT_EQ(parsed["steps"][0]["number"], 1);
  EXPECT_EQ(parsed["steps"][0]["node"], "a");
  EXPECT_EQ(parsed["steps"][0]["difference"], json::array({"+ a"}));
  EXPECT_EQ(parsed["steps"][0]["destructive"], false);
  EXPECT_EQ(parsed["steps"][0]["why"], "w");
  EXPECT_EQ(parsed["steps"][1]["destructive"], true);
}

TEST(ChecksJson, Outcomes) {
  const auto parsed = json::parse(checks_json(
      "dex", {{"clock", "b", report::Verdict::failed, "+3 s"}, {"content", "b", report::Verdict::skipped, "big"}}));
  EXPECT_EQ(parsed["passed"], false);
  EXPECT_EQ(parsed["checks"][0], (json{{"id", "clock"}, {"node", "b"}, {"outcome", "failed"}, {"evidence", "+3 s"}}));
  EXPECT_EQ(parsed["checks"][1]["outcome"], "skipped");
}

TEST(OutcomeJson, Changed) {
  EXPECT_EQ(json::parse(outcome_json({"dex", 0, 0, {}}))["changed"], false);
  EXPECT_EQ(json::parse(outcome_json({"dex", 3, 1.5, {"n"}}))["changed"], true);
}

TEST(EventJson, EveryKind) {
  const std::pair<Event, const char*> events[] = {{StepStarted{1, 2, "t"}, "step_started"},
                                                  {StepDone{1, 2, "t", 1, "e"}, "step_done"},
                                                  {TransferProgress{.text = "a → b"}, "transfer"},
                                                  {WaitProgress{"w", "d"}, "wait"},
                                                  {Note{"n"}, "note"},
                                                  {Warning{"w"}, "warning"}};
  for (const auto& [event, name] : events) EXPECT_EQ(json::parse(event_json(event))["event"], name);
  EXPECT_TRUE(json::parse(event_json(TransferProgress{.text = "x"}))["total_bytes"].is_null());
}

}  // namespace
}  // namespace dugong::cli
