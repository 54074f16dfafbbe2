// pg_hba.conf: our replication lines in the right place, everybody else's untouched; and the verdict on what the
// server really loaded (pg_hba_file_rules). First match wins (hba.c: check_hba), so order is meaning.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace dugong::postgres {

struct HbaRule {  // one row of pg_hba_file_rules, or one parsed line
  std::uint32_t line = 0;
  std::string type;                    // local, host, hostssl, hostnossl, hostgssenc, hostnogssenc
  std::vector<std::string> databases;  // {"replication"}, {"all"} …
  std::vector<std::string> users;
  std::string address;  // "10.0.0.12", "samehost", "all", a host name; empty for local
  std::string netmask;  // "255.255.255.255"; empty where there is none
  std::string method;
  std::string error;  // what the server could not read; empty: fine
  friend bool operator==(const HbaRule&, const HbaRule&) = default;
};

// The text with a block of ours ("# dugong: begin" … "# dugong: end") holding one line
// `host replication USER ADDRESS/LEN scram-sha-256` per address, before the first rule that could match a replication
// connection from those addresses, and no other line changed. No addresses: the block is taken out. Idempotent.
// Addresses: IPv4 (→ /32), IPv6 (→ /128) or a host name as is. The user is quoted where needed.
Result<std::string> with_replication_lines(std::string_view hba, std::string_view user,
                                           const std::vector<std::string>& addresses);

struct HbaFinding {
  enum class Kind { not_loaded, shadowed, trust, broad, error };
  Kind kind = Kind::not_loaded;
  std::string text;  // "line 96: host all all all trust: anybody who reaches the port is let in without a password"
  friend bool operator==(const HbaFinding&, const HbaFinding&) = default;
};
// not_loaded: no rule lets USER replicate from the address with SCRAM; shadowed: an earlier rule matches first and
// decides otherwise; broad: a rule (other than ours) lets USER replicate from further addresses; trust: a host rule
// with method trust. `local` lines with trust are findings too.
std::vector<HbaFinding> judge_hba(const std::vector<HbaRule>& rules, std::string_view user,
                                  const std::vector<std::string>& addresses);

// The lines of a file, as far as needed for the placement. Errors: failed with the line.
Result<std::vector<HbaRule>> parse_hba(std::string_view text);

}  // namespace dugong::postgres
