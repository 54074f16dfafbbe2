// Our block in pg_hba.conf, and what the server's own reading of the file means for a replica's login.
#include "postgres/hba.h"

#include <algorithm>
#include <fmt/format.h>

#include "base/text.h"
#include "postgres/address.h"

namespace dugong::postgres {
namespace {

constexpr std::string_view begin_mark = "# dugong: begin";
constexpr std::string_view end_mark = "# dugong: end";

bool has(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}
bool is_host(const HbaRule& rule) { return rule.type.starts_with("host"); }

// Only the word "replication" matches a physical replication connection; "all" does not (hba.c: check_db).
bool for_replication(const HbaRule& rule) { return has(rule.databases, "replication"); }

Result<std::string> without_block(std::string_view hba) {
  std::string kept;
  bool inside = false;
  std::size_t number = 0;
  for (auto line : lines(hba)) {
    ++number;
    auto word = trim(line);
    if (word == begin_mark || word == end_mark) {
      if (inside == (word == begin_mark)) {
        return fail(ErrorKind::failed, fmt::format("pg_hba.conf line {}: \"{}\" without its other half", number, word),
                    "remove the marks and what is between them");
      }
      inside = !inside;
      continue;
    }
    if (inside) continue;
    kept += line;
    kept += '\n';
  }
  if (inside) {
    return fail(ErrorKind::failed, fmt::format("pg_hba.conf: \"{}\" without \"{}\"", begin_mark, end_mark),
                "remove the marks and what is between them");
  }
  return kept;
}

bool is_host_name(std::string_view text) {
  return !text.empty() && text != "all" && text != "samehost" && text != "samenet" && text[0] != '-' &&
         text[0] != '.' && std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
         });
}

Result<std::string> address_field(const std::string& address) {
  if (auto parsed = parse_address(address)) return address + (parsed->size == 4 ? "/32" : "/128");
  bool numeric = std::ranges::all_of(address, [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
  if (is_host_name(address) && !numeric) return address;
  return fail(ErrorKind::invalid,
              fmt::format("\"{}\" is neither an address nor a host name", printable(shorten(address, 100))));
}

Result<std::string> user_field(std::string_view user) {
  if (user.empty() || !is_utf8(user) ||
      user.find_first_of(std::string_view{"\"\n\r\0\\", 5}) != std::string_view::npos) {
    return fail(ErrorKind::invalid, "the replication user's name cannot stand in pg_hba.conf");
  }
  bool plain =
      std::ranges::all_of(user, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
  if (plain && user != "all" && user != "sameuser" && user != "samerole" && user != "replication")
    return std::string{user};
  return "\"" + std::string{user} + "\"";
}

Result<std::string> block_of(std::string_view user, const std::vector<std::string>& addresses) {
  std::string block = std::string{begin_mark} + "\n";
  auto name = TRY(user_field(user));
  for (const auto& address : addresses) {
    auto line = fmt::format("host replication {} {} scram-sha-256\n", name, TRY(address_field(address)));
    if (block.find(line) == std::string::npos) block += line;
  }
  return block + std::string{end_mark} + "\n";
}

// Line number of the first rule that may decide a replication login; an included file may hold such a rule.
std::uint32_t first_deciding_line(const std::vector<HbaRule>& rules) {
  for (const auto& rule : rules) {
    bool listed_in_file =
        std::ranges::any_of(rule.databases, [](const std::string& name) { return name.starts_with('@'); });
    if (rule.type.starts_with("include") || (is_host(rule) && (for_replication(rule) || listed_in_file)))
      return rule.line;
  }
  return 0;
}

std::size_t offset_of_line(std::string_view text, std::uint32_t number) {
  std::size_t at = 0;
  for (std::uint32_t i = 1; i < number; ++i) at = text.find('\n', at) + 1;
  return at;
}

std::string shown(const HbaRule& rule) {
  auto text = fmt::format("line {}: {} {} {}", rule.line, rule.type, join(rule.databases, ","), join(rule.users, ","));
  if (!rule.address.empty()) text += " " + rule.address;
  if (!rule.netmask.empty()) text += " " + rule.netmask;
  return printable(text + " " + rule.method);
}

bool user_matches(const HbaRule& rule, std::string_view user) {
  return has(rule.users, "all") || has(rule.users, user);
}

// Roles by group, by regular expression or from a file: who that is, the server alone knows (hba.c: check_role).
bool user_may_match(const HbaRule& rule, std::string_view user) {
  return user_matches(rule, user) || std::ranges::any_of(rule.users, [](const std::string& one) {
           return one.starts_with('+') || one.starts_with('/') || one.starts_with('@');
         });
}

// Names are not resolved: what a rule with a host name means is known to the server alone.
bool address_matches(const HbaRule& rule, const std::string& address) {
  if (rule.address == "all") return true;
  auto network = parse_network(rule.address, rule.netmask);
  auto other = parse_address(address);
  if (network && other) return network->contains(*other);
  return rule.address == address || (rule.address.starts_with('.') && address.ends_with(rule.address));
}

bool lets_in_by_password(const HbaRule& rule) {
  // With md5 the server still speaks SCRAM when the stored verifier is SCRAM (auth.c: CheckPWChallengeAuth).
  return (rule.method == "scram-sha-256" || rule.method == "md5") && (rule.type == "host" || rule.type == "hostnossl");
}

bool is_exactly(const HbaRule& rule, const std::vector<std::string>& addresses) {
  if (has(addresses, rule.address) && rule.netmask.empty()) return true;
  auto network = parse_network(rule.address, rule.netmask);
  if (!network || !network->is_one_host()) return false;
  return std::ranges::any_of(addresses, [&](const std::string& a) { return parse_address(a) == network->address; });
}

void judge_address(const std::vector<HbaRule>& rules, std::string_view user, const std::string& address,
                   std::vector<HbaFinding>& findings) {
  const HbaRule* first = nullptr;
  for (const auto& rule : rules) {
    if (!rule.error.empty() || !is_host(rule) || !for_replication(rule)) continue;
    if (!user_matches(rule, user) || !address_matches(rule, address)) continue;
    if (first == nullptr) first = &rule;
    if (!lets_in_by_password(rule)) continue;
    if (first != &rule) {
      findings.push_back({HbaFinding::Kind::shadowed, fmt::format("{}: decides about {} from {} before line {} is read",
                                                                  shown(*first), user, address, rule.line)});
    }
    return;
  }
  findings.push_back({HbaFinding::Kind::not_loaded,
                      fmt::format("no line lets {} replicate from {} with a SCRAM password", user, address)});
}

void judge_rule(const HbaRule& rule, std::string_view user, const std::vector<std::string>& addresses,
                std::vector<HbaFinding>& findings) {
  if (!rule.error.empty()) {
    findings.push_back({HbaFinding::Kind::error, fmt::format("line {}: {}", rule.line, printable(rule.error))});
    return;
  }
  if (rule.method == "trust") {
    auto who =
        is_host(rule) ? "anybody who reaches the port from there" : "every user of that machine who reaches the socket";
    findings.push_back({HbaFinding::Kind::trust, fmt::format("{}: {} is let in without a password", shown(rule), who)});
    return;
  }
  if (!is_host(rule) || rule.method == "reject" || !for_replication(rule) || !user_may_match(rule, user)) return;
  // initdb's own lines: whoever is on the machine and knows the password could read the passfile as well.
  if (is_exactly(rule, addresses) || is_exactly(rule, {"127.0.0.1", "::1"})) return;
  findings.push_back(
      {HbaFinding::Kind::broad, fmt::format("{}: {} may replicate from further addresses{}", shown(rule), user,
                                            user_matches(rule, user) ? "" : ", if it is one of these roles")});
}

}  // namespace

Result<std::string> with_replication_lines(std::string_view hba, std::string_view user,
                                           const std::vector<std::string>& addresses) {
  auto text = TRY(without_block(hba));
  if (addresses.empty()) return hba.find(begin_mark) == std::string_view::npos ? std::string{hba} : text;
  auto block = TRY(block_of(user, addresses));
  auto rules = TRY(parse_hba(text));
  auto line = first_deciding_line(rules);
  text.insert(line == 0 ? text.size() : offset_of_line(text, line), block);
  return text;
}

std::vector<HbaFinding> judge_hba(const std::vector<HbaRule>& rules, std::string_view user,
                                  const std::vector<std::string>& addresses) {
  std::vector<HbaFinding> findings;
  for (const auto& address : addresses) judge_address(rules, user, address, findings);
  for (const auto& rule : rules) judge_rule(rule, user, addresses, findings);
  return findings;
}

}  // namespace dugong::postgres
