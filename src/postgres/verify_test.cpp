#include "postgres/verify.h"

#include <gtest/gtest.h>

namespace dugong::postgres {
namespace {

const std::vector<std::string_view>& statements() { return find_query("verify_read_only")->statements; }

StatementResult answer(std::string sqlstate) {
  StatementResult result;
  result.sqlstate = std::move(sqlstate);
  result.message = result.ok() ? "" : "no";
  return result;
}

// What a streaming PostgreSQL 15 answered.
std::vector<StatementResult> replica() {
  std::vector<StatementResult> answers;
  for (auto statement : statements()) {
    bool setup = statement.starts_with("SET default") || statement == "ROLLBACK";
    bool mode = statement.starts_with("BEGIN") || statement.starts_with("SET transaction");
    answers.push_back(answer(setup ? "" : mode ? "0A000" : "25006"));
  }
  return answers;
}

TEST(ReadOnly, AReplicaRefusesEverything) { EXPECT_TRUE(judge_read_only(replica()).has_value()); }

TEST(ReadOnly, AnyAcceptedWriteIsNamed) {
  for (std::size_t i = 0; i < statements().size(); ++i) {
    auto answers = replica();
    if (answers[i].ok()) continue;
    answers[i] = answer("");
    auto judged = judge_read_only(answers);
    ASSERT_FALSE(judged) << statements()[i];
    EXPECT_EQ(judged.error().kind, ErrorKind::refused);
    EXPECT_NE(judged.error().what.find(statements()[i].substr(0, 8)), std::string::npos);
  }
}

TEST(ReadOnly, AnotherFailureProvesNothing) {
  for (std::size_t i = 0; i < statements().size(); ++i) {
    auto answers = replica();
    answers[i] = answer("42P01");
    auto judged = judge_read_only(answers);
    ASSERT_FALSE(judged) << statements()[i];
    EXPECT_EQ(judged.error().kind, ErrorKind::failed);
  }
}

TEST(ReadOnly, MissingAnswersProveNothing) {
  EXPECT_FALSE(judge_read_only({}));
  auto answers = replica();
  answers.pop_back();
  EXPECT_FALSE(judge_read_only(answers));
}

}  // namespace
}  // namespace dugong::postgres
