#include "postgres/verify.h"

#include <algorithm>
#include <fmt/format.h>

#include "base/text.h"

namespace dugong::postgres {
namespace {

// Statements that prepare or clean up; everything else is an attempt to write.
bool is_attempt(std::string_view statement) {
  return !statement.starts_with("SET default_transaction_read_only") && !statement.starts_with("ROLLBACK");
}

// 25006 read_only_sql_transaction; 0A000 is what "BEGIN READ WRITE" answers during recovery (variable.c:
// check_XactReadOnly). With default_transaction_read_only off, only recovery is left as the reason.
bool is_refusal(const StatementResult& answer) { return answer.sqlstate == "25006" || answer.sqlstate == "0A000"; }

// "INSERT INTO dugong_verify.probe": what it was, without its values.
std::string first_words(std::string_view statement) { return std::string{statement.substr(0, statement.find('('))}; }

}  // namespace

Result<> judge_read_only(const std::vector<StatementResult>& answers) {
  const auto& statements = find_query("verify_read_only")->statements;
  if (answers.size() != statements.size()) {
    return fail(ErrorKind::failed, fmt::format("{} answers came to {} statements", answers.size(), statements.size()));
  }
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (!is_attempt(statements[i])) {
      if (answers[i].ok()) continue;
      return fail(ErrorKind::failed,
                  fmt::format("{}: {} ({})", first_words(statements[i]), answers[i].message, answers[i].sqlstate));
    }
    if (answers[i].ok()) {
      return fail(ErrorKind::refused, fmt::format("it accepted a write: {}", first_words(statements[i])),
                  "this is no replica: stop it and look at `dugong status`");
    }
    if (!is_refusal(answers[i])) {
      return fail(ErrorKind::failed, fmt::format("{}: failed for another reason than recovery: {} ({})",
                                                 first_words(statements[i]), answers[i].message, answers[i].sqlstate));
    }
  }
  return {};
}

}  // namespace dugong::postgres
