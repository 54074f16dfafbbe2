// The table of queries itself, and what cannot be smuggled into a statement. The texts are proved against servers in
// e2e.
#include "postgres/queries.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <set>

namespace dugong::postgres {
namespace {

// The highest $n, and the highest %n, of all statements.
std::size_t highest(const NamedQuery& query, char sign) {
  std::size_t most = 0;
  for (auto statement : query.statements) {
    for (std::size_t i = 0; i + 1 < statement.size(); ++i) {
      bool digit = statement[i + 1] >= '1' && statement[i + 1] <= '9';
      if (statement[i] == sign && digit) most = std::max(most, static_cast<std::size_t>(statement[i + 1] - '0'));
    }
  }
  return most;
}
std::string filled(std::string_view statement, const std::vector<std::string>& parameters) {
  auto text = fill_in(statement, parameters);
  return text ? *text : "error: " + text.error().what;
}

TEST(Queries, NamesAreUnique) {
  std::set<std::string_view> names;
  for (const auto& query : queries()) EXPECT_TRUE(names.insert(query.name).second) << query.name;
}

TEST(Queries, AreFoundByName) {
  for (const auto& query : queries()) EXPECT_EQ(find_query(query.name), &query);
  EXPECT_EQ(find_query("nothing"), nullptr);
  EXPECT_EQ(find_query(""), nullptr);
}

TEST(Queries, WhatOtherRoomsAskFor) {
  for (auto name : {"observe",
                    "observe_database",
                    "checkpoint",
                    "create_slot",
                    "drop_slot",
                    "create_database",
                    "create_extension",
                    "reload",
                    "switch_wal",
                    "prepare_commit",
                    "commit",
                    "insert_lsn",
                    "role_verifier",
                    "set_verifier",
                    "create_replication_role",
                    "wal_lsn",
                    "replay_lsn",
                    "clock",
                    "hot_standby_settings",
                    "verify_prepare",
                    "verify_prepare_hypertable",
                    "verify_write",
                    "verify_read",
                    "verify_read_only",
                    "verify_hypertables",
                    "verify_chunks",
                    "verify_content"}) {
    EXPECT_NE(find_query(name), nullptr) << name;
  }
}

TEST(Queries, SayHowManyParametersTheyTake) {
  for (const auto& query : queries()) {
    EXPECT_EQ(query.parameters, std::max(highest(query, '$'), highest(query, '%'))) << query.name;
    EXPECT_FALSE(query.statements.empty()) << query.name;
  }
}

bool writes(std::string_view statement) {
  for (std::string_view word : {"CREATE ", "ALTER ", "INSERT ", "UPDATE ", "DELETE ", "DROP ", "TRUNCATE ",
                                "create_hypertable(", "pg_logical_emit_message(true"})
    if (statement.find(word) != std::string_view::npos) return true;
  return false;
}

// With synchronous_standby_names in the file it would wait for replicas that are only made afterwards.
TEST(Queries, WhatCommitsWaitsForNoStandby) {
  std::size_t found = 0;
  for (const auto& query : queries()) {
    // The one is only asked of servers in recovery; the other comes after prepare_commit, on the same connection.
    if (query.name == "verify_read_only" || query.name == "commit") continue;
    bool prepared = false;
    for (auto statement : query.statements) {
      if (statement == "SET synchronous_commit = local") prepared = true;
      if (!writes(statement)) continue;
      ++found;
      EXPECT_TRUE(prepared) << query.name << ": " << statement;
    }
  }
  EXPECT_GE(found, 11U);
}

TEST(Queries, AStatementUsesOneStyleOfParameters) {
  for (const auto& query : queries()) {
    for (auto statement : query.statements) {
      NamedQuery one{query.name, {statement}};
      EXPECT_TRUE(highest(one, '$') == 0 || highest(one, '%') == 0) << query.name;
    }
  }
}

TEST(Queries, OneStatementEach) {
  for (const auto& query : queries()) {
    for (auto statement : query.statements) EXPECT_EQ(statement.find(';'), std::string_view::npos) << statement;
  }
}

TEST(Queries, VerifiersStayOnTheNode) {
  for (const auto& query : queries()) {
    bool selects = std::ranges::any_of(query.statements,
                                       [](std::string_view s) { return s.find("SELECT rolpassword") != s.npos; });
    EXPECT_TRUE(!selects || query.asker == Asker::node) << query.name;
  }
  EXPECT_EQ(find_query("role_verifier")->asker, Asker::node);
  EXPECT_EQ(find_query("set_verifier")->asker, Asker::node);
  EXPECT_EQ(find_query("observe")->asker, Asker::controller);
}

TEST(Queries, ObserveOnlyReads) {
  for (auto statement : find_query("observe")->statements) {
    auto start = statement.find_first_not_of("\n ");
    EXPECT_TRUE(statement.substr(start).starts_with("SELECT ")) << statement;
  }
}

TEST(FillIn, IdentifiersAndLiterals) {
  EXPECT_EQ(filled("CREATE DATABASE %1I", {"dex"}), "CREATE DATABASE \"dex\"");
  EXPECT_EQ(filled("ALTER ROLE %1I PASSWORD %2L", {"r", "p'w"}), "ALTER ROLE \"r\" PASSWORD 'p''w'");
  EXPECT_EQ(filled("%2L %1I %2L", {"a", "b"}), "'b' \"a\" 'b'");
}

TEST(FillIn, OtherPercentSignsStay) {
  EXPECT_EQ(filled("format('%I.%L', 'a%') LIKE '%1x%' %", {}), "format('%I.%L', 'a%') LIKE '%1x%' %");
  EXPECT_EQ(filled("%0I", {"a"}), "%0I");
}

TEST(FillIn, NothingGetsOut) {
  EXPECT_EQ(filled("DROP %1I", {"a\"; DROP DATABASE x; --"}), "DROP \"a\"\"; DROP DATABASE x; --\"");
  EXPECT_EQ(filled("X %1L", {"'; DROP x; --"}), "X '''; DROP x; --'");
  EXPECT_EQ(filled("X %1L", {"\\'; DROP x; --"}), "X E'\\\\''; DROP x; --'");
}

TEST(FillIn, WhatWasFilledInIsNotReadAgain) {
  EXPECT_EQ(filled("%1I %2I", {"%2I", "b"}), "\"%2I\" \"b\"");
  EXPECT_EQ(filled("%1L", {"%1L"}), "'%1L'");
}

TEST(FillIn, Errors) {
  EXPECT_EQ(filled("%1I", {}), "error: parameter 1 is missing");
  EXPECT_EQ(filled("%3L", {"a", "b"}), "error: parameter 3 is missing");
  EXPECT_EQ(filled("%1I", {""}), "error: a name is empty");
  EXPECT_EQ(filled("%1L", {std::string{"a\0b", 3}}), "error: a parameter holds a NUL byte");
}

}  // namespace
}  // namespace dugong::postgres
