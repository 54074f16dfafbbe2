// The scanner of guc-file.l, line by line: a quoted value cannot span lines there, so a line is all it ever needs.
#include "postgres/conf.h"

#include <algorithm>
#include <fmt/format.h>

#include "base/text.h"

namespace dugong::postgres {
namespace {

constexpr std::string_view include_file = "dugong.conf";

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_part(std::string_view part) {
  return !part.empty() && is_letter(part[0]) &&
         std::ranges::all_of(part, [](char c) { return is_letter(c) || is_digit(c) || c == '$'; });
}
bool is_name(std::string_view name) {
  auto dot = name.find('.');
  if (dot == std::string_view::npos) return is_name_part(name);
  return is_name_part(name.substr(0, dot)) && is_name_part(name.substr(dot + 1));
}
// An unquoted word or number: UNQUOTED_STRING, INTEGER and REAL in one set.
bool is_bare(char c) {
  return is_letter(c) || is_digit(c) || std::string_view{"-._:/+"}.find(c) != std::string_view::npos;
}

std::string lower(std::string_view text) {
  std::string out{text};
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::string_view without_blanks(std::string_view text) {
  auto start = text.find_first_not_of(" \t\r");
  return start == std::string_view::npos ? std::string_view{} : text.substr(start);
}

// "\101" and its shorter forms; `at` is at the first digit and ends on the last.
char octal(std::string_view text, std::size_t& at) {
  unsigned value = 0;
  std::size_t end = std::min(at + 3, text.size());
  std::size_t i = at;
  for (; i < end && text[i] >= '0' && text[i] <= '7'; ++i) value = value * 8 + static_cast<unsigned>(text[i] - '0');
  at = i - 1;
  return static_cast<char>(value & 0xFFU);
}

char unescaped(std::string_view text, std::size_t& at) {
  switch (text[at]) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return text[at] >= '0' && text[at] <= '7' ? octal(text, at) : text[at];
  }
}

// What a quoted value means and where it ends (GUC_scanstr). `text` begins with the quote.
struct Quoted {
  std::string value;
  std::size_t length = 0;
};
std::optional<Quoted> scan_quoted(std::string_view text) {
  Quoted quoted;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      if (++i == text.size()) return std::nullopt;
      quoted.value += unescaped(text, i);
    } else if (text[i] != '\'') {
      quoted.value += text[i];
    } else if (i + 1 < text.size() && text[i + 1] == '\'') {
      quoted.value += text[i++];
    } else {
      quoted.length = i + 1;
      return quoted;
    }
  }
  return std::nullopt;
}

std::size_t bare_length(std::string_view text) {
  auto end = std::ranges::find_if_not(text, is_bare);
  return static_cast<std::size_t>(end - text.begin());
}

struct Parsed {
  std::optional<ConfLine> line;  // none: empty or a comment
  std::string problem;
};

Parsed problem(std::string text) { return {std::nullopt, std::move(text)}; }

Parsed parse_value(ConfLine line, std::string_view rest) {
  std::size_t length = 0;
  if (rest.starts_with('\'')) {
    auto quoted = scan_quoted(rest);
    if (!quoted) return problem("the quoted value does not end");
    line.value = std::move(quoted->value);
    length = quoted->length;
  } else {
    length = bare_length(rest);
    if (length == 0) return problem(fmt::format("\"{}\" has no value", line.name));
    line.value = rest.substr(0, length);
  }
  auto after = without_blanks(rest.substr(length));
  if (!after.empty() && after[0] != '#')
    return problem(fmt::format("something stands behind the value of \"{}\"", line.name));
  return {std::move(line), {}};
}

Parsed parse_line(std::string_view text, std::size_t number) {
  text = without_blanks(text);
  if (text.empty() || text[0] == '#') return {};
  auto length = static_cast<std::size_t>(
      std::ranges::find_if_not(text, [](char c) { return is_letter(c) || is_digit(c) || c == '$' || c == '.'; }) -
      text.begin());
  if (!is_name(text.substr(0, length))) return problem("it does not begin with the name of a setting");
  ConfLine line{lower(text.substr(0, length)), {}, number};
  auto rest = without_blanks(text.substr(length));
  if (rest.starts_with('=')) rest = without_blanks(rest.substr(1));
  return parse_value(std::move(line), rest);
}

tl::unexpected<Error> bad_line(std::size_t number, const std::string& why) {
  return fail(ErrorKind::failed, fmt::format("line {}: {}", number, why),
              "mend the line: PostgreSQL could not read it either");
}

Result<std::string> assignment(std::string_view name, std::string_view value) {
  if (!is_name(name)) {
    return fail(ErrorKind::invalid, fmt::format("\"{}\" is not the name of a setting", printable(shorten(name, 100))));
  }
  auto quoted = quote_conf(value);
  if (!quoted) return fail(std::move(quoted).error().at(name));
  return fmt::format("{} = {}\n", name, *quoted);
}

bool must_go(const std::string& name, const Assignments& ours) {
  const auto& recovery = recovery_names();
  if (std::ranges::find(recovery, name) != recovery.end()) return true;
  return std::ranges::any_of(ours, [&](const auto& entry) { return lower(entry.first) == name; });
}

}  // namespace

Result<std::vector<ConfLine>> parse_conf(std::string_view text) {
  std::vector<ConfLine> all;
  std::size_t number = 0;
  for (auto line : lines(text)) {
    auto parsed = parse_line(line, ++number);
    if (!parsed.problem.empty()) return bad_line(number, parsed.problem);
    if (parsed.line) all.push_back(std::move(*parsed.line));
  }
  return all;
}

Result<std::string> quote_conf(std::string_view value) {
  if (value.find_first_of(std::string_view{"\n\r\0", 3}) != std::string_view::npos) {
    return fail(ErrorKind::invalid, "a line break or a NUL byte cannot stand in a configuration file");
  }
  return "'" + replace_all(replace_all(std::string{value}, "\\", "\\\\"), "'", "''") + "'";
}

Result<std::string> render_conf(std::string_view header, const Assignments& assignments) {
  if (!header.starts_with('#') || header.find('\n') != std::string_view::npos) {
    return fail(ErrorKind::invalid, "the first line of a configuration file must be one comment");
  }
  std::string text = std::string{header} + "\n";
  for (const auto& [name, value] : assignments) text += TRY(assignment(name, value));
  return text;
}

std::string with_include(std::string_view postgresql_conf) {
  std::optional<ConfLine> last;
  std::size_t number = 0;
  for (auto line : lines(postgresql_conf)) {
    auto parsed = parse_line(line, ++number);
    if (!parsed.problem.empty()) last = ConfLine{"?", {}, number};
    if (parsed.line) last = std::move(parsed.line);
  }
  std::string text{postgresql_conf};
  if (last && last->name == "include_if_exists" && last->value == include_file) return text;
  if (!text.empty() && text.back() != '\n') text += '\n';
  return text + fmt::format("include_if_exists = '{}'\n", include_file);
}

Result<std::string> merge_auto_conf(std::string_view text, const Assignments& ours) {
  std::string merged;
  std::size_t number = 0;
  for (auto line : lines(text)) {
    auto parsed = parse_line(line, ++number);
    if (!parsed.problem.empty()) return bad_line(number, parsed.problem);
    if (parsed.line && must_go(parsed.line->name, ours)) continue;
    merged += line;
    merged += '\n';
  }
  for (const auto& [name, value] : ours) merged += TRY(assignment(name, value));
  return merged;
}

Result<std::string> without_settings(std::string_view text, const std::vector<std::string>& names) {
  std::string kept;
  std::size_t number = 0;
  for (auto line : lines(text)) {
    auto parsed = parse_line(line, ++number);
    if (!parsed.problem.empty()) return bad_line(number, parsed.problem);
    if (parsed.line && std::ranges::find(names, parsed.line->name) != names.end()) continue;
    kept += line;
    kept += '\n';
  }
  return kept;
}

namespace {

std::vector<std::string> words_of(std::string_view postmaster_opts) {
  std::vector<std::string> words;
  auto text = postmaster_opts.substr(0, postmaster_opts.find_last_not_of('\n') + 1);
  auto at = text.find(" \"");
  while (at != std::string_view::npos) {
    const auto begin = at + 2;
    auto end = text.find("\" \"", begin);
    words.emplace_back(text.substr(begin, end == std::string_view::npos ? text.rfind('"') - begin : end - begin));
    at = end == std::string_view::npos ? end : end + 1;
  }
  return words;
}

// guc.c: ParseLongOption.
void add_assignment(std::string_view word, Assignments& all) {
  const auto equals = word.find('=');
  if (equals == std::string_view::npos) return;
  auto name = lower(word.substr(0, equals));
  std::ranges::replace(name, '-', '_');
  std::erase_if(all, [&](const auto& one) { return one.first == name; });
  all.emplace_back(std::move(name), std::string{word.substr(equals + 1)});
}

// Letters with a setting behind them (postmaster.c: PostmasterMain).
std::string setting_of(char letter) {
  switch (letter) {
    case 'B':
      return "shared_buffers";
    case 'N':
      return "max_connections";
    case 'h':
      return "listen_addresses";
    case 'k':
      return "unix_socket_directories";
    case 'p':
      return "port";
    default:
      return {};
  }
}

}  // namespace

Assignments options_of(std::string_view postmaster_opts) {
  Assignments all;
  const auto words = words_of(postmaster_opts);
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
    if (word.starts_with("--")) add_assignment(word.substr(2), all);
    if (word.size() < 2 || word[0] != '-' || word[1] == '-') continue;
    if (word == "-F") add_assignment("fsync=off", all);
    if (word == "-i") add_assignment("listen_addresses=*", all);
    const bool is_assignment = word[1] == 'c';
    const auto name = setting_of(word[1]);
    if (!is_assignment && name.empty()) continue;
    const auto value = word.size() > 2 ? std::string{word.substr(2)} : i + 1 < words.size() ? words[++i] : "";
    add_assignment(is_assignment ? value : name + "=" + value, all);
  }
  return all;
}

// What of the source's recovery a copy must not inherit: whom to follow, from where to restore, where to stop, and the
// file whose appearance promotes it (PostgreSQL 12 to 15).
const std::vector<std::string_view>& recovery_names() {
  static const std::vector<std::string_view> names = {
      "primary_conninfo",       "primary_slot_name",        "restore_command",           "archive_cleanup_command",
      "recovery_end_command",   "recovery_target",          "recovery_target_name",      "recovery_target_time",
      "recovery_target_xid",    "recovery_target_lsn",      "recovery_target_inclusive", "recovery_target_timeline",
      "recovery_target_action", "recovery_min_apply_delay", "promote_trigger_file"};
  return names;
}

std::optional<std::string> effective(const std::vector<ConfLine>& lines, std::string_view name) {
  auto wanted = lower(name);
  for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
    if (line->name == wanted) return line->value;
  }
  return std::nullopt;
}

}  // namespace dugong::postgres
