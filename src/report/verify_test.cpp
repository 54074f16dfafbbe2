// Proofs: each judge must fail for what it is there to find, and must not pass for want of evidence.
#include "report/verify.h"

#include <gtest/gtest.h>

#include "cluster/running_world.h"
#include "postgres/queries.h"
#include "test/support/observed.h"

namespace dugong::report {
namespace {

using cluster::testing::healthy;

bool says(const Check& check, std::string_view text) { return check.evidence.find(text) != std::string::npos; }

TEST(AllPassed, NeedsAProofAndNoFailure) {
  const Check good{"x", "a", Verdict::ok, ""};
  const Check bad{"x", "a", Verdict::failed, ""};
  const Check none{"x", "a", Verdict::skipped, ""};
  EXPECT_TRUE(all_passed({good}));
  EXPECT_TRUE(all_passed({good, none}));
  EXPECT_FALSE(all_passed({good, bad}));
  EXPECT_FALSE(all_passed({none}));
  EXPECT_FALSE(all_passed({}));
}

TEST(JudgeAnswers, Cases) {
  auto seen = healthy().nodes[1];
  EXPECT_EQ(judge_answers(seen).outcome, Verdict::ok);
  seen.sql = cluster::testing::missing<postgres::ServerSql>(ErrorKind::failed, "not running");
  EXPECT_TRUE(says(judge_answers(seen), "takes no clients: not running"));
  seen.host = cluster::testing::missing<cluster::Host>(ErrorKind::unreachable, "no route");
  EXPECT_TRUE(says(judge_answers(seen), "cannot be reached: no route"));
  EXPECT_EQ(judge_answers(seen).outcome, Verdict::failed);
}

TEST(JudgeStreaming, Cases) {
  const auto world = healthy();
  const auto verdict = [&](auto change) {
    auto replica = world.nodes[1];
    change(*replica.sql.value);
    return judge_streaming(replica, world.nodes[0]).outcome;
  };
  EXPECT_EQ(verdict([](auto&) {}), Verdict::ok);
  EXPECT_EQ(verdict([](auto& sql) { sql.streaming = false; }), Verdict::failed);
  EXPECT_EQ(verdict([](auto& sql) { sql.timeline = {2}; }), Verdict::failed);
  EXPECT_EQ(verdict([](auto& sql) { sql.system_identifier = {1}; }), Verdict::failed);
  auto silent = world.nodes[0];
  silent.sql.value.reset();
  EXPECT_EQ(judge_streaming(world.nodes[1], silent).outcome, Verdict::failed);
}

TEST(JudgeRecovery, Cases) {
  auto seen = healthy().nodes[1];
  EXPECT_EQ(judge_recovery(seen).outcome, Verdict::ok);
  seen.sql.value->in_recovery = false;
  EXPECT_EQ(judge_recovery(seen).outcome, Verdict::failed);
}

// What a real replica answers: BEGIN READ WRITE and SET by 0A000, the writes by 25006; SET default… and ROLLBACK pass.
std::vector<postgres::StatementResult> refusals() {
  std::vector<postgres::StatementResult> answers;
  for (const auto statement : postgres::find_query("verify_read_only")->statements) {
    postgres::StatementResult answer;
    const bool passes = statement.starts_with("SET default") || statement.starts_with("ROLLBACK");
    const bool mode = statement.starts_with("BEGIN") || statement.starts_with("SET transaction");
    if (!passes) answer.sqlstate = mode ? "0A000" : "25006";
    if (!passes) answer.message = "cannot do that";
    answers.push_back(answer);
  }
  return answers;
}

TEST(JudgeRefusedWrites, AReplica) {
  const auto check = judge_refused_writes("b", refusals());
  EXPECT_EQ(check.outcome, Verdict::ok) << check.evidence;
  EXPECT_TRUE(says(check, "0A000"));
}

TEST(JudgeRefusedWrites, AnyAcceptedWriteFails) {
  const auto all = refusals();
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].ok()) continue;
    auto answers = all;
    answers[i] = {};
    EXPECT_EQ(judge_refused_writes("b", answers).outcome, Verdict::failed) << i;
  }
}

TEST(JudgeRefusedWrites, RefusedByAMereSettingProvesNothing) {
  auto answers = refusals();
  for (auto& answer : answers)
    if (answer.sqlstate == "0A000") answer.sqlstate = "25006";
  EXPECT_EQ(judge_refused_writes("b", answers).outcome, Verdict::failed);
}

TEST(JudgeRefusedWrites, MissingAnswersProveNothing) {
  EXPECT_EQ(judge_refused_writes("b", {}).outcome, Verdict::failed);
}

TEST(JudgeArrival, Cases) {
  EXPECT_TRUE(says(judge_arrival("b", "a", {.arrived = true, .seconds = 0.012}), "read after 12 ms"));
  const auto late = judge_arrival("b", "a", {.arrived = false, .seconds = 30, .trouble = "gone"});
  EXPECT_EQ(late.outcome, Verdict::failed);
  EXPECT_TRUE(says(late, "not there after 30.0 s: gone"));
}

Content content(std::string sum) { return {"3", std::move(sum), "7"}; }

TEST(JudgeContent, Cases) {
  struct Case {
    const char* name;
    std::optional<Content> before, replica, after;
    Verdict outcome;
    bool moving;
  };
  const Case cases[] = {
      {"equal", content("1"), content("1"), content("1"), Verdict::ok, false},
      {"different", content("1"), content("2"), content("1"), Verdict::failed, false},
      {"written to, equal to the first", content("1"), content("1"), content("2"), Verdict::ok, true},
      {"written to, equal to the second", content("1"), content("2"), content("2"), Verdict::ok, true},
      {"written to, equal to neither", content("1"), content("2"), content("3"), Verdict::skipped, true},
      {"not read", content("1"), std::nullopt, std::nullopt, Verdict::failed, false},
  };
  for (const auto& c : cases) {
    const ContentEvidence seen{.table = "t", .before = c.before, .replica = c.replica, .after = c.after, .trouble = {}};
    EXPECT_EQ(judge_content("b", seen).outcome, c.outcome) << c.name;
    EXPECT_EQ(is_moving(seen), c.moving) << c.name;
  }
  const auto trouble = judge_content("b", {.table = "t", .before = {}, .replica = {}, .after = {}, .trouble = "no"});
  EXPECT_EQ(trouble, (Check{"content", "b", Verdict::failed, "t: no"}));
}

TEST(JudgeContent, EveryPartOfTheSumCounts) {
  const auto differs = [](const Content& other) {
    const ContentEvidence seen{.table = "t",
                               .before = Content{"3", "1", "7"},
                               .replica = other,
                               .after = Content{"3", "1", "7"},
                               .trouble = {}};
    return judge_content("b", seen).outcome == Verdict::failed;
  };
  EXPECT_TRUE(differs({"4", "1", "7"}));
  EXPECT_TRUE(differs({"3", "2", "7"}));
  EXPECT_TRUE(differs({"3", "1", "8"}));
}

TEST(JudgeExtensions, Cases) {
  auto world = healthy();
  auto& primary = world.nodes[0];
  auto& replica = world.nodes[1];
  for (auto* node : {&primary, &replica}) {
    node->sql.value->extensions = {{"timescaledb", "2.19.3"}};
    node->sql.value->available_extensions = {{"timescaledb", {"2.18.0", "2.19.3"}}};
  }
  EXPECT_EQ(judge_extensions(replica, primary).outcome, Verdict::ok);
  replica.sql.value->extensions["timescaledb"] = "2.18.0";
  EXPECT_TRUE(says(judge_extensions(replica, primary), "timescaledb 2.18.0; a has timescaledb 2.19.3"));
  replica.sql.value->available_extensions = {{"timescaledb", {"2.18.0"}}};
  EXPECT_TRUE(says(judge_extensions(replica, primary), "the files of timescaledb 2.19.3 are not on this node"));
  replica.sql.value->available_extensions.clear();
  EXPECT_TRUE(says(judge_extensions(replica, primary), "the files of timescaledb 2.19.3 are not on this node"));
}

TEST(JudgeImage, Cases) {
  auto world = healthy();
  auto& primary = world.nodes[0];
  auto& replica = world.nodes[1];
  EXPECT_EQ(judge_image(replica, primary).outcome, Verdict::ok);  // no container on either
  replica.sql.value->version_number = 170005;
  EXPECT_EQ(judge_image(replica, primary).outcome, Verdict::failed);
  primary.server.value->image_id = replica.server.value->image_id = "sha256:1";
  EXPECT_EQ(judge_image(replica, primary), (Check{"image", "b", Verdict::ok, "sha256:1"}));
  replica.server.value->image_id = "";
  EXPECT_EQ(judge_image(replica, primary).outcome, Verdict::failed);
  replica.server.value.reset();
  EXPECT_EQ(judge_image(replica, primary).outcome, Verdict::failed);
}

TEST(JudgeHotStandby, Cases) {
  auto world = healthy();
  for (auto* node : {&world.nodes[0], &world.nodes[1]})
    for (const auto* name : {"max_connections", "max_worker_processes", "max_wal_senders", "max_prepared_transactions",
                             "max_locks_per_transaction"})
      node->sql.value->settings[name].value = "100";
  EXPECT_EQ(judge_hot_standby(world.nodes[1], world.nodes[0]).outcome, Verdict::ok);
  world.nodes[1].sql.value->settings["max_wal_senders"].value = "200";
  EXPECT_EQ(judge_hot_standby(world.nodes[1], world.nodes[0]).outcome, Verdict::ok);
  world.nodes[1].sql.value->settings["max_wal_senders"].value = "10";
  const auto check = judge_hot_standby(world.nodes[1], world.nodes[0]);
  EXPECT_EQ(check.outcome, Verdict::failed);
  EXPECT_TRUE(says(check, "max_wal_senders is 10, 100 on a"));
}

TEST(JudgeHbaLines, OnlyReplicasAndNobodyWithoutAPassword) {
  const auto spec = test::a_spec();
  auto primary = test::all_running(spec).nodes[0];
  EXPECT_EQ(judge_hba_lines(spec, primary).outcome, Verdict::ok) << judge_hba_lines(spec, primary).evidence;
  auto& rules = primary.sql.value->hba;
  const auto as_read = rules;
  const auto with = [&](const postgres::HbaRule& rule) {
    rules = as_read;
    rules.insert(rules.begin(), rule);
    return judge_hba_lines(spec, primary);
  };
  const auto broad = with({7, "host", {"replication"}, {"all"}, "10.0.0.0", "255.0.0.0", "scram-sha-256", ""});
  EXPECT_EQ(broad.outcome, Verdict::failed);
  EXPECT_TRUE(says(broad, "line 7: host replication all 10.0.0.0 255.0.0.0 scram-sha-256"));
  EXPECT_TRUE(says(with({7, "host", {"all"}, {"all"}, "10.0.0.0", "255.0.0.0", "trust", ""}), "without a password"));
  rules.clear();
  EXPECT_TRUE(says(judge_hba_lines(spec, primary), "no line lets"));
}

TEST(JudgeLogin, Cases) {
  const auto judge = [](const postgres::LoginAnswer& answer) {
    return judge_login("a", "127.0.0.77", Result<postgres::LoginAnswer>{answer}).outcome;
  };
  EXPECT_EQ(judge({false, "28000", "no pg_hba.conf entry"}), Verdict::ok);
  EXPECT_EQ(judge({true, "", ""}), Verdict::failed);
  EXPECT_EQ(judge({false, "53300", "too many clients"}), Verdict::failed);
  EXPECT_EQ(judge({false, "", ""}), Verdict::failed);
  const Result<postgres::LoginAnswer> refused = fail(ErrorKind::unreachable, "connection refused");
  EXPECT_EQ(judge_login("a", "127.0.0.77", refused).outcome, Verdict::failed);
}

TEST(JudgeSegment, Cases) {
  EXPECT_EQ(judge_segment("a", Result<std::string>{"000000010000000000000002"}).outcome, Verdict::ok);
  EXPECT_EQ(judge_segment("a", fail(ErrorKind::failed, "differs")),
            (Check{"archive", "a", Verdict::failed, "differs"}));
}

cluster::ObservedNode with_conf(const std::string& conf) {
  auto seen = healthy().nodes[0];
  postgres::DataFacts data;
  data.files["dugong.conf"] = conf;
  seen.data = cluster::testing::sampled(data);
  auto& settings = seen.sql.value->settings;
  settings["work_mem"] = {"65536", "configuration file", "/data/dugong.conf", 2, false};
  settings["TimeZone"] = {"UTC", "configuration file", "/data/dugong.conf", 3, false};
  return seen;
}

TEST(JudgeConf, InForce) {
  EXPECT_EQ(judge_conf(with_conf("# ours\nwork_mem = '64MB'\ntimezone = 'UTC'\n")).outcome, Verdict::ok);
  EXPECT_EQ(judge_conf(with_conf("work_mem = '1MB'\nwork_mem = '64MB'\ntimezone = 'UTC'\n")).outcome, Verdict::ok);
}

TEST(JudgeConf, WhatDoesNotCountIsNamed) {
  constexpr auto conf = "# ours\nwork_mem = '64MB'\ntimezone = 'UTC'\n";
  auto seen = with_conf(conf);
  auto& settings = seen.sql.value->settings;
  settings["work_mem"].source_file = "/data/postgresql.auto.conf";
  EXPECT_TRUE(says(judge_conf(seen), "work_mem: /data/postgresql.auto.conf:2 sets it"));
  settings["work_mem"] = {"65536", "command line", "", 0, false};
  EXPECT_TRUE(says(judge_conf(seen), "work_mem: command line sets it"));
  settings["work_mem"] = {"65536", "configuration file", "/data/dugong.conf", 2, true};
  EXPECT_TRUE(says(judge_conf(seen), "work_mem: waits for a restart"));
  settings["work_mem"] = {"65536", "configuration file", "/data/dugong.conf", 9, false};
  EXPECT_TRUE(says(judge_conf(seen), "work_mem: /data/dugong.conf:9 sets it"));  // not reloaded since
  settings.erase("work_mem");
  EXPECT_TRUE(says(judge_conf(seen), "work_mem: the server does not show it"));
  EXPECT_EQ(judge_conf(seen).outcome, Verdict::failed);
}

TEST(JudgeConf, WhatTheServerWouldNotStartWithFails) {
  auto seen = with_conf("# ours\nwork_mem = '64MB'\ntimezone = 'UTC'\n");
  seen.sql.value->conf_errors = {"/data/dugong.conf:4: shared_buffers: setting could not be applied"};
  EXPECT_TRUE(says(judge_conf(seen), "shared_buffers: setting could not be applied: the server would not start again"));
  EXPECT_EQ(judge_conf(seen).outcome, Verdict::failed);
}

TEST(JudgeConf, FilesThatAreNotKnownToHaveBeenReadProveNothing) {
  auto seen = with_conf("# ours\nwork_mem = '64MB'\ntimezone = 'UTC'\n");
  seen.host.value->wall_ns = 1000;
  seen.sql.value->conf_loaded_ns = 900;
  seen.data.value->conf_modified_ns = 1000;
  EXPECT_TRUE(says(judge_conf(seen), "`dugong up` reloads")) << judge_conf(seen).evidence;
  seen.data.value->conf_modified_ns = 1001;
  EXPECT_TRUE(says(judge_conf(seen), "dated in the future")) << judge_conf(seen).evidence;
  EXPECT_EQ(judge_conf(seen).outcome, Verdict::failed);
}

TEST(JudgeConf, WhatOurOwnSessionHidesIsNoObjection) {
  auto seen = with_conf("# ours\nwork_mem = '64MB'\ntimezone = 'UTC'\n");
  seen.sql.value->settings["TimeZone"] = {"GMT", "client", "", 0, false};
  EXPECT_EQ(judge_conf(seen).outcome, Verdict::ok);
}

TEST(JudgeConf, WhatOurLoginHasOfItsOwnIsNoObjection) {
  for (const auto* source : {"user", "database", "database user"}) {
    auto seen = with_conf("# ours\nwork_mem = '64MB'\ntimezone = 'UTC'\n");
    seen.sql.value->settings["work_mem"] = {"1024", source, "", 0, false};
    EXPECT_EQ(judge_conf(seen).outcome, Verdict::ok) << source;
  }
}

TEST(JudgeConf, NoFileProvesNothing) {
  EXPECT_EQ(judge_conf(with_conf("")).outcome, Verdict::failed);
  EXPECT_EQ(judge_conf(with_conf("work_mem = 'unterminated\n")).outcome, Verdict::failed);
  auto seen = with_conf("");
  seen.data.value->files.clear();
  EXPECT_EQ(judge_conf(seen).outcome, Verdict::failed);
  seen.data.value.reset();
  EXPECT_EQ(judge_conf(seen).outcome, Verdict::failed);
}

TEST(JudgeClockCheck, Evidence) {
  auto seen = healthy().nodes[0];
  seen.host.value->clock_offset_seconds = 0.0031;
  seen.host.value->clock_uncertainty_seconds = 0.0012;
  EXPECT_EQ(judge_clock_check(seen), (Check{"clock", "a", Verdict::ok, "+3.1 ms off the controller's, ± 1.2 ms"}));
  seen.host.value->clock_offset_seconds = -2;
  EXPECT_EQ(judge_clock_check(seen).outcome, Verdict::failed);
}

}  // namespace
}  // namespace dugong::report
