// What runs on a host while dugong is installed there: one fixed POSIX shell script, and the lines that go to and from
// it. Pure.
//
// The script comes in on the standard input of `sh -s`. Values never become part of it: they follow as requests, one
// line each, and bytes behind them by their length, once it has said that it listens: until then a shell may read ahead
// (dash, src/input.c, preadbuffer takes a whole block). Every request gets one answer, "ok SIZE" or "no SIZE" and SIZE
// bytes. Files are staged beside their targets first, looked at there, and renamed all together; whatever ends the
// script before that takes the staged ones away.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/units.h"

namespace dugong::node {

inline constexpr std::string_view install_greeting = "dugong-install 1\n";
// Ends with the line that begins to listen.
std::string_view install_script();

// A path of these letters only is one word for the script's `read`: [A-Za-z0-9._/-], absolute, without "..".
Result<> check_install_path(std::string_view path);
// Words of a request, each without white space. Errors: invalid.
Result<std::string> request_line(const std::vector<std::string>& words);

struct ScriptAnswer {
  bool ok = false;
  std::string body;
};
// What a whole answer begins with: "ok 12". Errors: unreachable (garbage, more than 1 MiB).
struct AnswerHead {
  bool ok = false;
  std::size_t size = 0;
};
Result<AnswerHead> parse_answer_head(std::string_view line);

struct HostIdentity {
  std::uint32_t uid = 0;
  std::string user;
  std::string machine;  // uname -m
  std::string system;   // PRETTY_NAME of os-release
  bool systemd = false;
  bool boot_enabled = false;  // dugong-boot.service
};
Result<HostIdentity> parse_identity(std::string_view body);

enum class InstalledKind { missing, file, other };
struct InstalledFile {
  InstalledKind kind = InstalledKind::missing;
  std::uint32_t mode = 0;
  std::uint32_t uid = 0;
  std::string sha256;
  friend bool operator==(const InstalledFile&, const InstalledFile&) = default;
};
Result<InstalledFile> parse_installed(std::string_view body);

struct Ran {
  int status = 0;
  std::string output;
};
Result<Ran> parse_ran(std::string_view body);

}  // namespace dugong::node
