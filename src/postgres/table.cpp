#include "postgres/table.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

#include "base/text.h"

namespace dugong::postgres {
namespace {

// One element; `at` is at its beginning and ends behind it.
std::optional<std::string> take_element(std::string_view text, std::size_t& at) {
  std::string element;
  bool quoted = at < text.size() && text[at] == '"';
  if (quoted) ++at;
  for (; at < text.size(); ++at) {
    if (quoted ? text[at] == '"' : text[at] == ',' || text[at] == '}') break;
    if (text[at] == '\\' && ++at == text.size()) return std::nullopt;
    element += text[at];
  }
  if (at == text.size()) return std::nullopt;
  if (quoted) ++at;
  return element;
}

}  // namespace

Result<std::optional<std::string>> Cells::raw(std::string_view column) const {
  auto found = std::ranges::find(table_->columns, column);
  auto index = static_cast<std::size_t>(found - table_->columns.begin());
  if (index >= row_->size()) return fail(ErrorKind::failed, fmt::format("the answer has no column \"{}\"", column));
  return (*row_)[index];
}

tl::unexpected<Error> Cells::bad(std::string_view column, std::string_view value, std::string_view wanted) const {
  return fail(ErrorKind::failed,
              fmt::format("column \"{}\": \"{}\" is not {}", column, printable(shorten(value, 100)), wanted));
}

Result<std::string> Cells::text(std::string_view column) const { return TRY(raw(column)).value_or(""); }

Result<bool> Cells::boolean(std::string_view column) const {
  auto value = TRY(raw(column));
  if (value == "t") return true;
  if (value == "f") return false;
  return bad(column, value.value_or("null"), "a boolean");
}

Result<std::optional<std::int64_t>> Cells::maybe_integer(std::string_view column) const {
  auto value = TRY(raw(column));
  if (!value) return std::optional<std::int64_t>{};
  std::int64_t number = 0;
  const char* end = value->data() + value->size();
  auto [stop, error] = std::from_chars(value->data(), end, number);
  if (error != std::errc{} || stop != end) return bad(column, *value, "a whole number");
  return std::optional{number};
}

Result<std::int64_t> Cells::integer(std::string_view column) const {
  auto value = TRY(maybe_integer(column));
  if (!value) return bad(column, "null", "a whole number");
  return *value;
}

Result<std::uint32_t> Cells::u32(std::string_view column) const {
  auto value = TRY(maybe_integer(column)).value_or(0);
  if (value < 0 || value > 0xFFFFFFFFLL) return bad(column, std::to_string(value), "a number of 32 bits");
  return static_cast<std::uint32_t>(value);
}

Result<std::optional<double>> Cells::maybe_real(std::string_view column) const {
  auto value = TRY(raw(column));
  if (!value) return std::optional<double>{};
  double number = 0;
  const char* end = value->data() + value->size();
  auto [stop, error] = std::from_chars(value->data(), end, number);
  if (error != std::errc{} || stop != end) return bad(column, *value, "a number");
  return std::optional{number};
}

Result<double> Cells::real(std::string_view column) const {
  auto value = TRY(maybe_real(column));
  if (!value) return bad(column, "null", "a number");
  return *value;
}

Result<Lsn> Cells::lsn(std::string_view column) const {
  auto value = TRY(raw(column));
  if (!value) return Lsn{};
  auto position = parse_lsn(*value);
  if (!position) return bad(column, *value, "a WAL position");
  return *position;
}

Result<std::vector<std::string>> Cells::array(std::string_view column) const {
  auto value = TRY(raw(column));
  if (!value) return std::vector<std::string>{};
  auto elements = parse_array(*value);
  if (!elements) return bad(column, *value, "an array");
  return *elements;
}

Result<const StatementResult*> find_table(const std::vector<StatementResult>& answers, std::string_view first_column) {
  for (const auto& answer : answers) {
    if (answer.ok() && !answer.columns.empty() && answer.columns[0] == first_column) return &answer;
  }
  for (const auto& answer : answers) {
    if (answer.ok()) continue;
    auto kind = answer.sqlstate.starts_with("08") ? ErrorKind::unreachable : ErrorKind::failed;
    return fail(kind, fmt::format("a query failed: {} ({})", answer.message, answer.sqlstate));
  }
  return fail(ErrorKind::failed, fmt::format("no answer has the column \"{}\"", first_column));
}

Result<std::vector<std::string>> parse_array(std::string_view text) {
  auto bad = [&] { return fail(ErrorKind::failed, "not an array: " + printable(shorten(text, 100))); };
  if (text.size() < 2 || text.front() != '{' || text.back() != '}') return bad();
  std::vector<std::string> elements;
  if (text == "{}") return elements;
  for (std::size_t at = 1; at < text.size(); ++at) {
    auto element = take_element(text, at);
    if (!element || at >= text.size()) return bad();
    elements.push_back(std::move(*element));
    if (text[at] == '}') {
      if (at + 1 != text.size()) return bad();
      return elements;
    }
    if (text[at] != ',') return bad();
  }
  return bad();
}

}  // namespace dugong::postgres
