// The only translation unit that knows toml++.
#include "spec/document.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

// A cluster file nests two values at most. toml++ parses and frees nested values recursively, so the limit protects the
// stack; what it does not count, tables that dotted keys make, is bounded by the longest line (see parse_document).
#define TOML_MAX_NESTED_VALUES 8
#include <toml++/toml.h>

#include "base/text.h"

namespace dugong::spec {
namespace {

constexpr std::size_t longest_file = std::size_t{1} << 20;
constexpr std::size_t longest_line = 2048;

Position position_of(const toml::source_position& at) { return {at.line, at.column}; }

// toml++ counts columns in code points, bytes are needed here.
std::string_view slice(std::string_view line, std::uint32_t first, std::uint32_t last) {
  std::uint32_t column = 0;
  std::size_t begin = line.size();
  for (std::size_t i = 0; i < line.size(); ++i) {
    if ((static_cast<unsigned char>(line[i]) & 0xC0U) == 0x80U) continue;
    ++column;
    if (column == first) begin = i;
    if (column == last) return line.substr(begin, i - begin);
  }
  return line.substr(begin);
}

class Converter {
 public:
  explicit Converter(std::string_view text) : lines_{lines(text)} {}

  Value table(const toml::table& table) const {
    Value out = at(ValueType::table, table);
    for (const auto& [key, node] : table) {
      out.entries.push_back({std::string{key.str()}, position_of(key.source().begin), value(node)});
    }
    std::ranges::sort(out.entries, {}, [](const Entry& e) { return std::pair{e.at.line, e.at.column}; });
    return out;
  }

 private:
  static Value at(ValueType type, const toml::node& node) {
    Value out;
    out.type = type;
    out.at = position_of(node.source().begin);
    return out;
  }

  static Value scalar(ValueType type, const toml::node& node, std::string text) {
    Value out = at(type, node);
    out.text = std::move(text);
    return out;
  }

  Value array(const toml::array& array) const {
    Value out = at(ValueType::array, array);
    for (const auto& item : array) out.items.push_back(value(item));
    return out;
  }

  // A number such as 0.90 or 1e-3 reaches PostgreSQL as it was written, not as a double prints.
  std::string written(const toml::node& node, double number) const {
    const auto& region = node.source();
    if (region.begin.line == region.end.line && region.begin.line >= 1 && region.begin.line <= lines_.size()) {
      auto text = slice(lines_[region.begin.line - 1], region.begin.column, region.end.column);
      auto digits = replace_all(std::string{trim(text)}, "_", "");
      if (!digits.empty() && digits.find_first_not_of("+-.eE0123456789") == std::string::npos) return digits;
    }
    return fmt::format("{}", number);
  }

  Value value(const toml::node& node) const {
    switch (node.type()) {
      case toml::node_type::table:
        return table(*node.as_table());
      case toml::node_type::array:
        return array(*node.as_array());
      case toml::node_type::string:
        return scalar(ValueType::text, node, node.as_string()->get());
      case toml::node_type::integer:
        return scalar(ValueType::whole, node, fmt::to_string(node.as_integer()->get()));
      case toml::node_type::floating_point:
        return scalar(ValueType::fraction, node, written(node, node.as_floating_point()->get()));
      case toml::node_type::boolean:
        return scalar(ValueType::boolean, node, node.as_boolean()->get() ? "on" : "off");
      case toml::node_type::none:
      case toml::node_type::date:
      case toml::node_type::time:
      case toml::node_type::date_time:
        break;
    }
    return at(ValueType::date, node);
  }

  std::vector<std::string_view> lines_;
};

Result<> check_size(std::string_view text, const std::string& file) {
  if (text.size() > longest_file) {
    return fail(refusal(file, {1, 1}, fmt::format("the file has {} bytes: it is no cluster file", text.size())));
  }
  std::uint32_t number = 0;
  for (auto line : lines(text)) {
    ++number;
    if (line.size() <= longest_line) continue;
    return fail(refusal(file, {number, 1},
                        fmt::format("the line has {} bytes, at most {} are read", line.size(), longest_line),
                        "break it with a multi-line string (\"\"\"…\\)"));
  }
  return {};
}

}  // namespace

std::string_view describe(ValueType type) {
  switch (type) {
    case ValueType::text:
      return "a string";
    case ValueType::whole:
      return "a whole number";
    case ValueType::fraction:
      return "a number with a point";
    case ValueType::boolean:
      return "true or false";
    case ValueType::date:
      return "a date or time";
    case ValueType::array:
      return "an array";
    case ValueType::table:
      return "a table";
  }
  return "";
}

const Entry* Value::find(std::string_view key) const {
  auto it = std::ranges::find(entries, key, &Entry::key);
  return it == entries.end() ? nullptr : &*it;
}

Error refusal(const std::string& file, Position position, std::string what, std::string next) {
  return {ErrorKind::invalid, std::move(what), fmt::format("{}:{}:{}", file, position.line, position.column),
          "nothing was changed", std::move(next)};
}

Result<Value> parse_document(std::string_view text, const std::string& file) {
  TRY(check_size(text, file));
  try {
    auto root = Converter{text}.table(toml::parse(text));
    root.at = {1, 1};
    return root;
  } catch (const toml::parse_error& error) {
    return fail(refusal(file, position_of(error.source().begin),
                        fmt::format("the file is not valid TOML: {}", printable(error.description())),
                        "see https://toml.io for how strings, tables and keys are written"));
  } catch (const std::exception& error) {
    return fail(refusal(file, {1, 1}, fmt::format("the file cannot be read as TOML: {}", printable(error.what()))));
  }
}

}  // namespace dugong::spec
