#include "postgres/queries.h"

#include <fmt/format.h>

#include "postgres/identifiers.h"
#include "postgres/query_tables.h"

namespace dugong::postgres {
namespace {

bool is_digit(char c) { return c >= '1' && c <= '9'; }

// "%1I" or "%1L" at this place.
bool is_mark(std::string_view text) {
  return text.size() >= 3 && is_digit(text[1]) && (text[2] == 'I' || text[2] == 'L');
}

Result<std::string> filled(std::string_view mark, const std::vector<std::string>& parameters) {
  auto index = static_cast<std::size_t>(mark[1] - '1');
  if (index >= parameters.size()) return fail(ErrorKind::invalid, fmt::format("parameter {} is missing", index + 1));
  const auto& value = parameters[index];
  if (value.find('\0') != std::string::npos) return fail(ErrorKind::invalid, "a parameter holds a NUL byte");
  if (mark[2] == 'L') return quote_literal(value);
  if (value.empty()) return fail(ErrorKind::invalid, "a name is empty");
  return quote_identifier(value);
}

}  // namespace

const std::vector<NamedQuery>& queries() {
  static const std::vector<NamedQuery> all = [] {
    auto table = observe_queries();
    for (auto part : {change_queries(), verify_queries()}) table.insert(table.end(), part.begin(), part.end());
    return table;
  }();
  return all;
}

const NamedQuery* find_query(std::string_view name) {
  for (const auto& query : queries()) {
    if (query.name == name) return &query;
  }
  return nullptr;
}

Result<std::string> fill_in(std::string_view statement, const std::vector<std::string>& parameters) {
  std::string text;
  while (!statement.empty()) {
    auto percent = statement.find('%');
    text += statement.substr(0, percent);
    if (percent == std::string_view::npos) break;
    statement.remove_prefix(percent);
    std::size_t length = 1;
    if (is_mark(statement)) {
      text += TRY(filled(statement, parameters));
      length = 3;
    } else {
      text += '%';
    }
    statement.remove_prefix(length);
  }
  return text;
}

}  // namespace dugong::postgres
