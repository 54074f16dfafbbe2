// The tokens of pg_hba.conf (hba.c: next_token, tokenize_auth_file, parse_hba_line), as far as order and meaning need.
#include <algorithm>
#include <fmt/format.h>

#include "base/text.h"
#include "postgres/address.h"
#include "postgres/hba.h"

namespace dugong::postgres {
namespace {

using Field = std::vector<std::string>;  // "a,b" is one field of two

// One logical line: a backslash at the end joins the next one (PostgreSQL 14 and later).
struct Line {
  std::string text;
  std::uint32_t number = 0;  // of its first physical line, from 1
};

std::vector<Line> logical_lines(std::string_view text) {
  std::vector<Line> all;
  std::uint32_t number = 0;
  bool continues = false;
  for (auto line : lines(text)) {
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!continues) all.push_back({{}, number});
    continues = line.ends_with('\\');
    if (continues) line.remove_suffix(1);
    all.back().text += line;
  }
  return all;
}

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_{text} {}

  // Fields until the end or a comment; none when a quote does not end.
  std::optional<std::vector<Field>> fields() {
    std::vector<Field> all;
    while (skip_blanks()) {
      auto field = next_field();
      if (!field) return std::nullopt;
      all.push_back(std::move(*field));
    }
    return all;
  }

 private:
  bool skip_blanks() {
    while (at_ < text_.size() && (is_blank(text_[at_]) || text_[at_] == ',')) ++at_;
    return at_ < text_.size() && text_[at_] != '#';
  }

  std::optional<Field> next_field() {
    Field field;
    do {
      auto token = next_token();
      if (!token) return std::nullopt;
      field.push_back(std::move(*token));
    } while (take_comma());
    return field;
  }

  // Blanks may stand behind a comma, not before it.
  bool take_comma() {
    if (at_ >= text_.size() || text_[at_] != ',') return false;
    return skip_blanks();
  }

  std::optional<std::string> next_token() {
    std::string token;
    bool quoted = false;
    bool after_quote = false;  // the quote before this character ended a quoted part: another one is a literal quote
    for (; at_ < text_.size(); ++at_) {
      char c = text_[at_];
      if (!quoted && (is_blank(c) || c == ',' || c == '#')) break;
      if (c != '"' || after_quote) token += c;
      after_quote = quoted && c == '"' && !after_quote;
      if (c == '"') quoted = !quoted;
    }
    if (quoted) return std::nullopt;
    return token;
  }

  static bool is_blank(char c) { return c == ' ' || c == '\t'; }

  std::string_view text_;
  std::size_t at_ = 0;
};

bool is_include(const Field& first) {
  return first.size() == 1 && (first[0] == "include" || first[0] == "include_if_exists" || first[0] == "include_dir");
}

bool is_type(std::string_view word) {
  for (auto known : {"local", "host", "hostssl", "hostnossl", "hostgssenc", "hostnogssenc"}) {
    if (word == known) return true;
  }
  return false;
}

// An address with a mask behind it, with a prefix length, or a name. Returns how many fields it took.
std::size_t take_address(const std::vector<Field>& fields, HbaRule& rule) {
  rule.address = fields[3][0];
  if (auto network = parse_network(rule.address, {})) {
    bool has_length = rule.address.find('/') != std::string::npos;
    if (has_length) {
      rule.address = to_string(network->address);
      rule.netmask = to_string(network->mask);
      return 1;
    }
    if (fields.size() > 4) rule.netmask = fields[4][0];
    return 2;
  }
  return 1;
}

tl::unexpected<Error> bad(const Line& line, std::string_view why) {
  return fail(ErrorKind::failed, fmt::format("pg_hba.conf line {}: {}", line.number, why),
              "mend the line: PostgreSQL could not read it either");
}

Result<HbaRule> parse_rule(const Line& line, const std::vector<Field>& fields) {
  HbaRule rule;
  rule.line = line.number;
  rule.type = fields[0][0];
  if (is_include(fields[0])) return rule;
  if (fields[0].size() != 1 || !is_type(rule.type)) return bad(line, "it does not begin with a connection type");
  bool local = rule.type == "local";
  std::size_t method_at = 3;
  if (fields.size() <= (local ? 3U : 4U)) return bad(line, "it ends too early");
  rule.databases = fields[1];
  rule.users = fields[2];
  if (!local) method_at += take_address(fields, rule);
  if (method_at >= fields.size()) return bad(line, "it has no authentication method");
  rule.method = fields[method_at][0];
  return rule;
}

}  // namespace

Result<std::vector<HbaRule>> parse_hba(std::string_view text) {
  std::vector<HbaRule> rules;
  for (const auto& line : logical_lines(text)) {
    auto fields = Scanner{line.text}.fields();
    if (!fields) return bad(line, "a quote does not end");
    if (!fields->empty()) rules.push_back(TRY(parse_rule(line, *fields)));
  }
  return rules;
}

}  // namespace dugong::postgres
