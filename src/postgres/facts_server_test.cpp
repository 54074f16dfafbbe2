// Answers as PostgreSQL 15 gave them, and what becomes of missing columns, nulls and failed statements.
#include <algorithm>
#include <gtest/gtest.h>

#include "postgres/facts.h"
#include "postgres/table.h"

namespace dugong::postgres {
namespace {

using Values = std::vector<std::optional<std::string>>;
constexpr auto null = std::nullopt;

StatementResult table(std::vector<std::string> columns, std::vector<Row> rows) {
  StatementResult result;
  result.columns = std::move(columns);
  result.rows = std::move(rows);
  return result;
}
StatementResult failed(std::string sqlstate) {
  StatementResult result;
  result.sqlstate = std::move(sqlstate);
  result.message = "no luck";
  return result;
}

const std::vector<std::string> server_columns = {"in_recovery",
                                                 "accepts_clients",
                                                 "version_number",
                                                 "system_identifier",
                                                 "timeline",
                                                 "lsn",
                                                 "insert_lsn",
                                                 "received",
                                                 "streaming",
                                                 "sender_host",
                                                 "replay_paused",
                                                 "replay_age_seconds",
                                                 "postmaster_start",
                                                 "default_read_only",
                                                 "wal_segment_size",
                                                 "max_slot_wal_keep_size",
                                                 "last_restartpoint_redo",
                                                 "conf_loaded_ns"};
const Row primary_row = {
    "f",  "t", "150020", "7711111312141340852", "1", "0/13D7AD8", "0/13D7AE0", null,        "f",
    null, "f", null,     "1795384000.25",       "f", "1048576",   "-1",        "0/13D79F0", "1795384000250000000"};
const Row replica_row = {
    "t",        "t", "150020",  "7711111312141340852", "2", "0/13D7AD8", null,   "0/13D7AD9", "t",
    "10.0.0.1", "t", "898.585", "1795384000.25",       "t", "16777216",  "10GB", "0/13D79F0", "1795384000250000000"};

std::vector<StatementResult> answers(const Row& server) {
  return {
      table({"set_config", "set_config"}, {{"pg_catalog", "on"}}),
      table(server_columns, {server}),
      table(
          {"sender_name", "client_addr", "state", "sent_lsn", "write_lsn", "flush_lsn", "replay_lsn"},
          {{"b", "10.0.0.2", "streaming", "0/4", "0/3", "0/2", "0/1"}, {"c", null, "startup", null, null, null, null}}),
      table({"slot_name", "slot_type", "active", "restart_lsn", "wal_status", "safe_wal_size"},
            {{"dugong_b", "physical", "t", "0/E89C88", "reserved", null}, {"x", "logical", "f", null, "lost", "-16"}}),
      table({"setting_name", "setting", "source", "sourcefile", "sourceline", "pending_restart", "at_start_only"},
            {{"max_connections", "37", "configuration file", "/d/postgresql.conf", "820", "t", "t"},
             {"wal_level", "replica", "default", null, null, "f", "f"}}),
      table({"conf_error", "sourcefile", "sourceline", "name"},
            {{"setting could not be applied", "/d/postgresql.conf", "828", "work_mem"},
             {"syntax error", "/d/x.conf", "3", null}}),
      table({"hba_line", "type", "database", "user_name", "address", "netmask", "auth_method", "error"},
            {{"97", "host", "{replication}", "{repl,\"a b\"}", "127.0.0.1", "255.255.255.255", "trust", null},
             {"98", null, null, null, null, null, null, "end-of-line before authentication method"}}),
      table({"role_name", "rolcanlogin", "rolreplication", "rolsuper", "has_password"},
            {{"postgres", "t", "t", "t", "f"}}),
      table({"database_name"}, {{"dex"}, {"postgres"}}),
      table({"archived_count", "last_archived_wal", "failed_count", "last_failed_wal", "archiving_fails"},
            {{"12", "0000000100000000000000A2", "3", "00000002.history", "t"}}),
      table({"tablespace_location", "spcname"}, {{"/srv/space", "fast"}}),
      table({"available_extension", "version"}, {{"timescaledb", "2.18.2"}, {"timescaledb", "2.19.1"}}),
  };
}
ServerSql parsed(const std::vector<StatementResult>& all) {
  auto server = parse_server(all);
  EXPECT_TRUE(server) << (server ? "" : server.error().what);
  return server ? *server : ServerSql{};
}
std::string error_of(const std::vector<StatementResult>& all) {
  auto server = parse_server(all);
  return server ? "" : server.error().what;
}

TEST(Server, Primary) {
  auto s = parsed(answers(primary_row));
  EXPECT_FALSE(s.in_recovery);
  EXPECT_TRUE(s.accepts_clients);
  EXPECT_EQ(s.version_number, 150020);
  EXPECT_EQ(to_string(s.system_identifier), "7711111312141340852");
  EXPECT_EQ(s.timeline.value, 1U);
  EXPECT_EQ(to_string(s.lsn), "0/13D7AD8");
  EXPECT_EQ(to_string(s.insert_lsn), "0/13D7AE0");
  EXPECT_EQ(s.received, Lsn{});
  EXPECT_FALSE(s.streaming);
  EXPECT_EQ(s.sender_host, "");
  EXPECT_EQ(s.replay_age_seconds, std::nullopt);
  EXPECT_EQ(s.postmaster_start, 1795384000.25);
  EXPECT_EQ(s.wal_segment_size, 1048576);
  EXPECT_EQ(s.max_slot_wal_keep_size, "-1");
  EXPECT_EQ(to_string(s.last_restartpoint_redo), "0/13D79F0");
}

TEST(Server, Replica) {
  auto s = parsed(answers(replica_row));
  EXPECT_TRUE(s.in_recovery);
  EXPECT_EQ(s.timeline.value, 2U);
  EXPECT_EQ(s.insert_lsn, Lsn{});
  EXPECT_EQ(to_string(s.received), "0/13D7AD9");
  EXPECT_TRUE(s.streaming);
  EXPECT_EQ(s.sender_host, "10.0.0.1");
  EXPECT_TRUE(s.replay_paused);
  EXPECT_TRUE(s.default_read_only);
  ASSERT_TRUE(s.replay_age_seconds);
  EXPECT_DOUBLE_EQ(*s.replay_age_seconds, 898.585);
}

TEST(Server, LargeSystemIdentifiersComeNegative) {
  auto row = primary_row;
  row[3] = "-1";
  EXPECT_EQ(parsed(answers(row)).system_identifier.value, 18446744073709551615ULL);
}

TEST(Server, Senders) {
  auto s = parsed(answers(primary_row));
  ASSERT_EQ(s.senders.size(), 2U);
  EXPECT_EQ(s.senders[0].application_name, "b");
  EXPECT_EQ(s.senders[0].client_addr, "10.0.0.2");
  EXPECT_EQ(s.senders[0].state, "streaming");
  EXPECT_EQ(s.senders[0].sent.value, 4U);
  EXPECT_EQ(s.senders[0].write.value, 3U);
  EXPECT_EQ(s.senders[0].flush.value, 2U);
  EXPECT_EQ(s.senders[0].replay.value, 1U);
  EXPECT_EQ(s.senders[1].client_addr, "");
  EXPECT_EQ(s.senders[1].sent, Lsn{});
}

TEST(Server, Slots) {
  auto s = parsed(answers(primary_row));
  ASSERT_EQ(s.slots.size(), 2U);
  EXPECT_EQ(s.slots[0].name, "dugong_b");
  EXPECT_TRUE(s.slots[0].active);
  EXPECT_EQ(to_string(s.slots[0].restart_lsn), "0/E89C88");
  EXPECT_EQ(s.slots[0].safe_wal_size, std::nullopt);
  EXPECT_EQ(s.slots[1].type, "logical");
  EXPECT_EQ(s.slots[1].wal_status, "lost");
  EXPECT_EQ(s.slots[1].restart_lsn, Lsn{});
  EXPECT_EQ(s.slots[1].safe_wal_size, -16);
}

TEST(Server, SettingsAndTheirErrors) {
  auto s = parsed(answers(primary_row));
  ASSERT_EQ(s.settings.size(), 2U);
  EXPECT_EQ(s.settings["max_connections"].value, "37");
  EXPECT_EQ(s.settings["max_connections"].source_file, "/d/postgresql.conf");
  EXPECT_EQ(s.settings["max_connections"].source_line, 820U);
  EXPECT_TRUE(s.settings["max_connections"].pending_restart);
  EXPECT_TRUE(s.settings["max_connections"].at_start_only);
  EXPECT_FALSE(s.settings["wal_level"].at_start_only);
  EXPECT_EQ(s.settings["wal_level"].source_line, 0U);
  EXPECT_EQ(s.conf_errors, (std::vector<std::string>{"/d/postgresql.conf:828: work_mem: setting could not be applied",
                                                     "/d/x.conf:3: syntax error"}));
}

TEST(Server, Hba) {
  auto s = parsed(answers(primary_row));
  ASSERT_EQ(s.hba.size(), 2U);
  EXPECT_EQ(s.hba[0],
            (HbaRule{97, "host", {"replication"}, {"repl", "a b"}, "127.0.0.1", "255.255.255.255", "trust", ""}));
  EXPECT_EQ(s.hba[1].error, "end-of-line before authentication method");
  EXPECT_TRUE(s.hba[1].databases.empty());
}

TEST(Server, Lists) {
  auto s = parsed(answers(primary_row));
  EXPECT_TRUE(s.roles["postgres"].superuser);
  EXPECT_TRUE(s.roles["postgres"].can_login);
  EXPECT_TRUE(s.roles["postgres"].replication);
  EXPECT_FALSE(s.roles["postgres"].has_password);
  EXPECT_EQ(s.databases, (std::vector<std::string>{"dex", "postgres"}));
  EXPECT_EQ(s.archived_count, 12);
  EXPECT_EQ(s.last_archived, "0000000100000000000000A2");
  EXPECT_EQ(s.failed_count, 3);
  EXPECT_EQ(s.last_failed, "00000002.history");
  EXPECT_TRUE(s.archiving_fails);
  EXPECT_EQ(s.tablespaces, std::vector<std::string>{"/srv/space"});
  EXPECT_EQ(s.available_extensions["timescaledb"], (std::set<std::string>{"2.18.2", "2.19.1"}));
}

TEST(Server, EveryColumnIsNamedWhenMissing) {
  auto all = answers(primary_row);
  for (std::size_t t = 1; t < all.size(); ++t) {
    for (std::size_t c = 0; c < all[t].columns.size(); ++c) {
      auto column = all[t].columns[c];
      if (column == "spcname") continue;
      auto broken = all;
      broken[t].columns[c] = "other";
      EXPECT_NE(error_of(broken).find("\"" + column + "\""), std::string::npos) << column << ": " << error_of(broken);
    }
  }
}

TEST(Server, TheOrderOfColumnsAndStatementsIsFree) {
  auto all = answers(primary_row);
  auto expected = parsed(all);
  std::ranges::reverse(all);
  auto& server = all[10];
  std::swap(server.columns[1], server.columns[5]);
  std::swap(server.rows[0][1], server.rows[0][5]);
  auto s = parsed(all);
  EXPECT_EQ(s.lsn, expected.lsn);
  EXPECT_EQ(s.accepts_clients, expected.accepts_clients);
}

TEST(Server, AFailedStatementIsNoEmptyList) {
  for (std::size_t t = 1; t < 12; ++t) {
    auto all = answers(primary_row);
    all[t] = failed("57014");
    EXPECT_NE(error_of(all).find("no luck (57014)"), std::string::npos) << t;
  }
}

TEST(Server, ALostConnectionIsUnreachable) {
  auto all = answers(primary_row);
  all[4] = failed("08006");
  EXPECT_EQ(parse_server(all).error().kind, ErrorKind::unreachable);
  all[4] = failed("42501");
  EXPECT_EQ(parse_server(all).error().kind, ErrorKind::failed);
}

TEST(Server, NullsWhereTheyMeanNothing) {
  for (std::size_t i : {0U, 1U, 2U, 3U, 8U, 10U, 12U, 13U, 14U, 17U}) {
    auto row = primary_row;
    row[i] = null;
    EXPECT_NE(error_of(answers(row)).find(server_columns[i]), std::string::npos) << server_columns[i];
  }
}

TEST(Server, Nonsense) {
  for (std::size_t i : {0U, 2U, 3U, 4U, 5U, 6U, 7U, 11U, 12U, 14U, 16U, 17U}) {
    auto row = primary_row;
    row[i] = "x/y";
    EXPECT_NE(error_of(answers(row)).find(server_columns[i]), std::string::npos) << server_columns[i];
  }
  EXPECT_NE(error_of({}), "");
  auto two = answers(primary_row);
  two[1].rows.push_back(primary_row);
  EXPECT_NE(error_of(two), "");
}

TEST(Database, Extensions) {
  ServerSql server;
  server.extensions["old"] = "1";
  auto all = std::vector{table({"installed_extension", "extversion"}, {{"plpgsql", "1.0"}, {"timescaledb", "2.19.1"}})};
  ASSERT_TRUE(parse_database(all, server));
  EXPECT_EQ(server.extensions, (std::map<std::string, std::string>{{"plpgsql", "1.0"}, {"timescaledb", "2.19.1"}}));
  EXPECT_FALSE(parse_database({failed("42501")}, server));
  EXPECT_FALSE(parse_database({}, server));
}

TEST(Array, Elements) {
  using Strings = std::vector<std::string>;
  EXPECT_EQ(*parse_array("{}"), Strings{});
  EXPECT_EQ(*parse_array("{a}"), Strings{"a"});
  EXPECT_EQ(*parse_array(R"({a,"b c","d\"e","f\\g","","x,y","}"})"),
            (Strings{"a", "b c", "d\"e", "f\\g", "", "x,y", "}"}));
  for (auto bad : {"", "{", "}", "a", "{a", "a}", "{\"a}", "{a}}", "{a}b", "{\"a\"b}", "{a\\}", "{a,", "{\"a\",}x"}) {
    EXPECT_FALSE(parse_array(bad)) << bad;
  }
}

}  // namespace
}  // namespace dugong::postgres
