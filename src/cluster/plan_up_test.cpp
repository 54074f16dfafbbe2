#include <gtest/gtest.h>

#include "test/support/plans.h"

namespace dugong::cluster {
namespace {

TEST(PlanUp, NothingToDoIsAnEmptyPlan) {
  const auto spec = a_spec({"a", "b", "c"});
  const auto plan = must_plan(spec, settled(spec));
  EXPECT_EQ(texts(plan), std::vector<std::string>{});
  EXPECT_FALSE(plan.more);
}

TEST(PlanUp, FirstRoundPreparesEveryNodeAndInitialisesThePrimaryOnly) {
  const auto spec = a_spec({"a", "b"});
  const auto plan = must_plan(spec, nothing_there(spec));
  EXPECT_TRUE(plan.more);
  EXPECT_EQ(steps_of<zfs::Create>(plan, "a").size(), 3U);  // parent, archive, live-0
  EXPECT_EQ(steps_of<zfs::Create>(plan, "b").size(), 2U);  // no live: it will be a clone
  EXPECT_EQ(steps_of<runtime::StartServer>(plan, "b").size(), 0U);
  EXPECT_LT(position(plan, "mount tank/a/live-0"), position(plan, "start PostgreSQL"));
  EXPECT_LT(position(plan, "write /srv/dugong/dex/a/docker-compose.yaml"), position(plan, "start PostgreSQL"));
}

TEST(PlanUp, NoSecretIsEverDescribed) {
  auto spec = a_spec({"a", "b"});
  spec.auth.superuser_password = Secret{"hunter2-super"};
  spec.auth.replication_password = Secret{"hunter2-repl"};
  for (const auto& text : texts(must_plan(spec, nothing_there(spec))))
    EXPECT_EQ(text.find("hunter2"), std::string::npos) << text;
}

TEST(PlanUp, AProcessIsInitialisedButNotStartedBeforeItsConfiguration) {
  auto spec = a_spec({"a"});
  spec.postgres.runtime = spec::RuntimeKind::process;
  const auto plan = must_plan(spec, nothing_there(spec));
  EXPECT_EQ(steps_of<runtime::InitData>(plan, "a").size(), 1U);
  EXPECT_EQ(steps_of<runtime::StartServer>(plan, "a").size(), 0U);
}

TEST(PlanUp, AnInitdbThatWasCutOffIsMadeAnew) {
  const auto spec = a_spec({"a"});
  auto seen = settled(spec);
  auto& a = seen.nodes.front();
  for (auto& dataset : *a.storage.value)
    if (dataset.mark("state") != nullptr) {
      dataset.ours["state"] = "initializing";
      dataset.referenced = Bytes{40} << 20;
    }
  a.files.erase("/srv/dugong/dex/a/archive/.system_identifier");
  a.server = test::sampled(runtime::ServerFacts{.state = runtime::ServerState::exited, .exit_code = 1});
  a.sql.value.reset();
  const auto plan = must_plan(spec, seen);
  EXPECT_LT(position(plan, "unmount tank/a/live-0"), position(plan, "destroy dataset tank/a/live-0"));
  EXPECT_TRUE(plan.more);
}

TEST(PlanUp, WhatMayHoldDataIsNotMadeAnew) {
  const auto spec = a_spec({"a"});
  const auto refused = [&](const std::function<void(ObservedNode&, zfs::Dataset&)>& change) {
    auto seen = settled(spec);
    auto& a = seen.nodes.front();
    a.files.erase("/srv/dugong/dex/a/archive/.system_identifier");
    a.server = test::sampled(runtime::ServerFacts{.state = runtime::ServerState::exited});
    a.sql.value.reset();
    a.data.value->files["postmaster.opts"] = "/usr/bin/postgres \"-c\" \"listen_addresses=\" \"-p\" \"5432\"\n";
    for (auto& dataset : *a.storage.value) {
      if (dataset.mark("state") == nullptr) continue;
      dataset.ours["state"] = "initializing";
      dataset.referenced = Bytes{40} << 20;
      change(a, dataset);
    }
    return refusal(spec, seen);
  };
  const auto closed = "/usr/bin/postgres \"-c\" \"listen_addresses=''\"\n";
  EXPECT_EQ(refused([](auto&, auto&) {}), "planned");
  EXPECT_EQ(refused([&](auto& a, auto&) { a.data.value->files["postmaster.opts"] = closed; }), "planned");
  const std::string may_hold = "a: tank/a/live-0 is marked 'initializing', but may hold data of somebody: ";
  EXPECT_EQ(refused([](auto& a, auto&) { a.data.value->files["postmaster.opts"] = "/usr/bin/postgres\n"; }),
            may_hold + "a server was open to clients there");
  EXPECT_EQ(refused([](auto&, auto& live) { live.referenced = Bytes{300} << 20; }), may_hold + "300 MiB");
  EXPECT_EQ(refused([](auto& a, auto&) { a.data.value->control->timeline = {2}; }), may_hold + "timeline 2");
  EXPECT_EQ(refused([](auto& a, auto&) { a.data.value->control->redo = Lsn{std::uint64_t{9} << 24}; }),
            may_hold + "WAL up to 0/9000000");
}

TEST(PlanUp, AReadyDatasetIsNeverInitialisedOrDestroyed) {
  const auto spec = a_spec({"a"});
  auto seen = settled(spec);
  auto& a = seen.nodes.front();
  a.data = test::sampled(postgres::DataFacts{.exists = true, .empty = true});
  a.server = test::sampled(runtime::ServerFacts{.state = runtime::ServerState::exited});
  a.sql.value.reset();
  EXPECT_NE(refusal(spec, seen).find("holds no database"), std::string::npos);
}

TEST(PlanUp, AChangedSettingShowsTheLineAndReloads) {
  auto spec = a_spec({"a"});
  const auto seen = settled(spec);
  spec.postgres.settings.push_back({"work_mem", "64MB", {}});
  const auto plan = must_plan(spec, seen);
  ASSERT_EQ(plan.steps.size(), 2U);
  EXPECT_EQ(std::get<WriteFile>(plan.steps[0].action).difference, std::vector<std::string>{"+ work_mem = '64MB'"});
  EXPECT_EQ(std::get<RunQuery>(plan.steps[1].action).query, "reload");
}

TEST(PlanUp, APendingRestartOfOursRestartsAndOneOfSomebodyElseDoesNot) {
  const auto spec = a_spec();
  auto seen = settled(spec);
  seen.nodes[0].sql.value->settings["max_files_per_process"] = {"1000", "configuration file",
                                                                "/data/postgresql.auto.conf", 3, true};
  EXPECT_EQ(texts(must_plan(spec, seen)), std::vector<std::string>{});
  seen.nodes[0].sql.value->settings["port"].pending_restart = true;
  const auto plan = must_plan(spec, seen);
  EXPECT_EQ(steps_of<runtime::StopServer>(plan, "a").size(), 1U);
  EXPECT_EQ(steps_of<runtime::StartServer>(plan, "a").size(), 1U);
}

TEST(PlanUp, ARestartIsAnnouncedBeforeTheFirstStep) {
  auto spec = a_spec();
  auto seen = settled(spec);
  for (auto& node : seen.nodes)
    for (const auto* name : {"max_connections", "shared_buffers"}) node.sql.value->settings[name].at_start_only = true;
  spec.postgres.settings = {{"work_mem", "64MB", {}}};
  EXPECT_TRUE(must_plan(spec, seen).restarts.empty());
  spec.postgres.settings = {{"max_connections", "300", {}}};
  const auto plan = must_plan(spec, seen);
  EXPECT_TRUE(steps_of<runtime::StopServer>(plan, "a").empty());
  ASSERT_EQ(plan.restarts.size(), 2U);
  EXPECT_EQ(plan.restarts[0].node, "a");
  EXPECT_EQ(plan.restarts[0].why, "takes effect only at a restart: max_connections");
  EXPECT_EQ(plan.restarts[1].node, "b");
}

TEST(PlanUp, AChangedComposeFileIsARestart) {
  auto spec = a_spec({"a"});
  const auto seen = settled(spec);
  spec.postgres.shm_size = "7g";
  const auto plan = must_plan(spec, seen);
  ASSERT_EQ(plan.restarts.size(), 1U);
  EXPECT_LT(position(plan, "SQL: checkpoint"), position(plan, "stop PostgreSQL"));
  // A file newer than the container would hide from the next run that this one died before the stop.
  EXPECT_LT(position(plan, "stop PostgreSQL"), position(plan, "write /srv/dugong/dex/a/docker-compose.yaml"));
  EXPECT_LT(position(plan, "docker-compose.yaml"), position(plan, "start PostgreSQL"));
}

TEST(PlanUp, NoContainerIsMadeAnewBeforeTheServerHasJudgedItsFiles) {
  auto spec = a_spec({"a"});
  auto seen = settled(spec);
  spec.postgres.shm_size = "7g";
  spec.postgres.settings.push_back({"wal_buffers", "-5", {}});
  const auto plan = must_plan(spec, seen);
  EXPECT_EQ(steps_of<runtime::StopServer>(plan, "a").size(), 0U);
  EXPECT_EQ(std::get<RunQuery>(plan.steps.back().action).query, "reload");
  EXPECT_EQ(plan.restarts.size(), 1U);
  seen = settled(spec);
  spec.postgres.shm_size = "8g";
  seen.nodes[0].sql.value->conf_errors = {"/data/dugong.conf:3: wal_buffers: setting could not be applied"};
  EXPECT_NE(refusal(spec, seen).find("wal_buffers: setting could not be applied"), std::string::npos);
}

TEST(PlanUp, AServerThatDoesNotAnswerIsNotStoppedForItsContainer) {
  auto spec = a_spec({"a"});
  auto seen = settled(spec);
  spec.postgres.shm_size = "7g";
  seen.nodes[0].sql.value.reset();
  const auto plan = must_plan(spec, seen);
  EXPECT_EQ(steps_of<runtime::StopServer>(plan, "a").size(), 0U);
  EXPECT_EQ(steps_of<WaitReady>(plan, "a").size(), 1U);
}

TEST(PlanUp, AValueThatTheServerRejectsStopsNothing) {
  const auto spec = a_spec();
  auto seen = settled(spec);
  auto& sql = *seen.nodes[0].sql.value;
  sql.settings["port"].pending_restart = true;
  sql.conf_errors = {"/data/dugong.conf:3: shared_buffers: setting could not be applied"};
  const auto plan = plan_up(spec, seen, {});
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().kind, ErrorKind::refused);
  EXPECT_EQ(plan.error().left, "it goes on with what it had, but would not start again");
}

// Only so does the mark of a value that waits go away when the next one is no good.
TEST(PlanUp, ASettingThatWaitsIsPutBackBeforeItGetsAnotherValue) {
  auto spec = a_spec({"a"});
  spec.postgres.settings = {{"shared_buffers", "16GB", {}}};
  auto seen = settled(spec);
  auto& a = seen.nodes[0];
  auto& shown = a.sql.value->settings["shared_buffers"];
  shown.value = "1048576";
  shown.at_start_only = shown.pending_restart = true;
  spec.postgres.settings[0].value = "32GB";
  const auto line_in = [](const Plan& plan) {
    const auto written = std::get<WriteFile>(plan.steps.at(0).action);
    return *postgres::effective(*postgres::parse_conf(written.content.reveal()), "shared_buffers");
  };
  const auto first = must_plan(spec, seen);
  EXPECT_EQ(line_in(first), "1048576");
  EXPECT_EQ(std::get<RunQuery>(first.steps.at(1).action).query, "reload");
  a.data.value->files["dugong.conf"] = std::get<WriteFile>(first.steps[0].action).content.reveal();
  a.data.value->conf_modified_ns = 2;
  a.sql.value->conf_loaded_ns = 1;
  EXPECT_EQ(texts(must_plan(spec, seen)), std::vector<std::string>{"a: SQL: reload"});  // died before the reload
  a.sql.value->conf_loaded_ns = 3;
  EXPECT_EQ(line_in(must_plan(spec, seen)), "32GB");  // somebody else's line keeps the mark: not for ever
  shown.pending_restart = false;
  EXPECT_EQ(line_in(must_plan(spec, seen)), "32GB");
}

TEST(PlanUp, AReplicationRoleThatMayNotReplicateIsNotTouched) {
  const auto refused = [](const postgres::Role& role) {
    const auto spec = a_spec({"a"});
    auto seen = settled(spec);
    seen.nodes[0].sql.value->roles[spec.auth.replication_user] = role;
    seen.nodes[0].password_marks[spec.auth.replication_user] = "another";
    const auto plan = plan_up(spec, seen, {});
    return plan ? std::string{"planned"} : plan.error().what + " | " + plan.error().next;
  };
  EXPECT_NE(refused({.can_login = false, .replication = true}).find("is NOLOGIN |"), std::string::npos);
  EXPECT_NE(refused({.can_login = true}).find("is NOREPLICATION |"), std::string::npos);
  EXPECT_NE(refused({}).find("`ALTER ROLE \"replicator\" LOGIN REPLICATION`"), std::string::npos) << refused({});
  EXPECT_EQ(refused({.can_login = true, .replication = true}), "planned");
  EXPECT_EQ(refused({.can_login = true, .superuser = true}), "planned");
}

TEST(PlanUp, WithReplicasNamedThePrimaryIsNotRestarted) {
  auto spec = a_spec();
  auto seen = settled(spec);
  seen.nodes[0].sql.value->settings["port"].pending_restart = true;
  const auto waiting = must_plan(spec, seen, {.only = {"b"}});
  EXPECT_EQ(texts(waiting), std::vector<std::string>{});
  ASSERT_EQ(waiting.notes.size(), 1U);
  EXPECT_NE(waiting.notes[0].find("a: takes effect only at a restart: port"), std::string::npos);
  seen = settled(spec);
  spec.postgres.shm_size = "7g";
  const auto compose = must_plan(spec, seen, {.only = {"b"}});
  EXPECT_EQ(steps_of<WriteFile>(compose, "a").size(), 0U);
  EXPECT_EQ(steps_of<runtime::StopServer>(compose, "a").size(), 0U);
  EXPECT_EQ(steps_of<runtime::StopServer>(compose, "b").size(), 1U);
}

TEST(PlanUp, WhatALoginHasOfItsOwnIsNoted) {
  const auto spec = a_spec();
  auto seen = settled(spec);
  auto& shown = seen.nodes[0].sql.value->settings["wal_level"];
  shown = {"0", "user", "", 0, false};
  const auto plan = must_plan(spec, seen);
  EXPECT_EQ(texts(plan), std::vector<std::string>{});
  ASSERT_EQ(plan.notes.size(), 1U);
  EXPECT_NE(plan.notes[0].find("`ALTER ROLE postgres RESET wal_level`"), std::string::npos) << plan.notes[0];
}

TEST(PlanUp, ALineThatSaysTheDefaultNeedsTheRestartToo) {
  const auto spec = a_spec({"a"});
  auto seen = settled(spec);
  auto& shown = seen.nodes[0].sql.value->settings["max_connections"];
  shown.source = "default";
  shown.source_file.clear();
  EXPECT_EQ(steps_of<runtime::StartServer>(must_plan(spec, seen), "a").size(), 1U);
}

TEST(PlanUp, ASettingThatSomethingElseOverridesIsRefusedByName) {
  expect_refused("archive_command", [](spec::Spec&, Observed& seen) {
    auto& shown = seen.nodes[0].sql.value->settings["archive_command"];
    shown.source_file = "/data/postgresql.auto.conf";
  });
}

TEST(PlanUp, FilesThatTheServerHasNotReadAreReloaded) {
  const auto spec = a_spec();
  auto seen = settled(spec);
  seen.nodes[0].data.value->conf_modified_ns = 2;
  seen.nodes[0].sql.value->conf_loaded_ns = 1;
  EXPECT_EQ(texts(must_plan(spec, seen)), std::vector<std::string>{"a: SQL: reload"});
}

TEST(PlanUp, FilesOfTheFutureAreNotReloadedForEver) {
  const auto spec = a_spec();
  auto seen = settled(spec);
  const auto now = seen.nodes[0].host->wall_ns;
  seen.nodes[0].sql.value->conf_loaded_ns = now - 10;
  seen.nodes[0].data.value->conf_modified_ns = now;
  EXPECT_EQ(texts(must_plan(spec, seen)), std::vector<std::string>{"a: SQL: reload"});
  seen.nodes[0].data.value->conf_modified_ns = now + 1;
  const auto plan = must_plan(spec, seen);
  EXPECT_EQ(texts(plan), std::vector<std::string>{});
  EXPECT_FALSE(plan.more);
  ASSERT_EQ(plan.notes.size(), 1U);
  EXPECT_NE(plan.notes[0].find("a: files in /srv/dugong/dex/a/data are dated in the future"), std::string::npos)
      << plan.notes[0];
}

TEST(PlanUp, ANameThatPostgresqlSpellsOtherwiseIsFound) {
  const std::vector<std::pair<std::string, std::string>> names = {
      {"timezone", "TimeZone"}, {"datestyle", "DateStyle"}, {"intervalstyle", "IntervalStyle"}};
  auto spec = a_spec();
  for (const auto& [name, shown] : names) spec.postgres.settings.push_back({name, "postgres", {}});
  auto seen = settled(spec);
  for (auto& node : seen.nodes) {
    auto& settings = node.sql.value->settings;
    for (const auto& [name, shown] : names) {
      settings[shown] = settings.at(name);
      settings.erase(name);
    }
  }
  EXPECT_EQ(texts(must_plan(spec, seen)), std::vector<std::string>{});
  seen.nodes[1].sql.value->settings["TimeZone"].source_file = "/data/postgresql.auto.conf";
  EXPECT_EQ(refusal(spec, seen),
            "b: timezone is 'postgres' in the cluster file, but the server takes it from /data/postgresql.auto.conf");
}

TEST(PlanUp, WhatOurOwnSessionSetsContradictsNothing) {
  auto spec = a_spec();
  spec.postgres.settings = {{"search_path", "public", {}}, {"client_encoding", "LATIN1", {}}};
  auto seen = settled(spec);
  for (auto& node : seen.nodes) {
    node.sql.value->settings["search_path"] = {"pg_catalog", "session", "", 0, false};
    node.sql.value->settings["client_encoding"] = {"UTF8", "client", "", 0, false};
  }
  const auto plan = must_plan(spec, seen);
  EXPECT_EQ(texts(plan), std::vector<std::string>{});
  EXPECT_EQ(plan.notes, std::vector<std::string>{});
}

TEST(PlanUp, AReplicaThatHasNotReadWhomToFollowIsReloaded) {
  const auto spec = a_spec();
  auto seen = settled(spec);
  seen.nodes[1].sql.value->settings["primary_conninfo"].value = "host=old";
  EXPECT_EQ(texts(must_plan(spec, seen)), std::vector<std::string>{"b: SQL: reload"});
}

TEST(PlanUp, ASettingThatHasItsValueAnywayIsInForce) {
  const auto spec = a_spec();
  auto seen = settled(spec);
  seen.nodes[0].sql.value->settings["port"] = {"5432", "environment variable", "", 0, false};
  EXPECT_EQ(texts(must_plan(spec, seen)), std::vector<std::string>{});
}

TEST(PlanUp, ADatabaseRoleAndExtensionAreMadeWhenMissing) {
  const auto spec = a_spec({"a"});
  auto seen = settled(spec);
  auto& sql = *seen.nodes[0].sql.value;
  sql.databases = {"postgres"};
  sql.extensions.clear();
  sql.roles.erase(spec.auth.replication_user);
  const auto plan = must_plan(spec, seen);
  EXPECT_LT(position(plan, "create_database dex_ohlcv"), position(plan, "create_extension timescaledb"));
  EXPECT_EQ(steps_of<SetPassword>(plan, "a").size(), 1U);
}

TEST(PlanUp, AChangedPasswordIsSetAgain) {
  const auto spec = a_spec({"a"});
  auto seen = settled(spec);
  seen.nodes[0].password_marks[spec.auth.replication_user] = "another";
  EXPECT_EQ(steps_of<SetPassword>(must_plan(spec, seen), "a").size(), 1U);
}

TEST(PlanUp, ASuperusersOldPasswordIsKeptUntilTheNewOneIsSet) {
  auto spec = a_spec({"a"});
  auto seen = settled(spec);
  spec.auth.superuser_password = Secret{"new"};
  const auto plan = must_plan(spec, seen);
  EXPECT_LT(position(plan, "superuser.pass.before"), plan.steps.size());
}

}  // namespace
}  // namespace dugong::cluster
