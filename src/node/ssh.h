// How another node is reached: the command line of ssh, and what its failures mean. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "wire/frame.h"

namespace dugong::node {

// How the line begins that `serve` prints before it asks sudo: what would have to be allowed.
inline constexpr std::string_view sudo_rule = "for sudo: ";

struct SshTarget {
  std::string target;              // "root@10.0.0.11", or a Host of the ssh configuration
  std::string config;              // -F; empty: ssh's own defaults
  std::string program = "dugong";  // on the other side
  // A connection that is kept for later commands: its socket, and how long it is kept unused. Without: none is.
  struct Share {
    std::string socket;
    int seconds = 0;
  };
  std::optional<Share> share = {};
};

// Errors: invalid (a target or program that ssh or the remote shell would take for something else).
Result<std::vector<std::string>> ssh_argv(const SshTarget& target, wire::Purpose purpose);

// A shell that reads its script from standard input: the login's own, or root's by sudo. Errors: as above.
enum class SshShell { plain, sudo };
Result<std::vector<std::string>> ssh_shell_argv(const SshTarget& target, SshShell shell);
// The variables that ssh gets of ours.
std::vector<std::string> ssh_environment();

// ssh's own words turned into what to do next; the words stay.
Error explain_ssh_failure(Error error, const SshTarget& target);
// Whether these are the words of a machine without sudo.
bool lacks_sudo(const std::string& words);
// Of a greeting that was refused for its version: the command that brings the newer programs to where the older ones
// are
// (`node`: its name, `own`: the path of our program).
Error explain_version(Error error, const SshTarget& target, const std::string& node, const std::string& own);

}  // namespace dugong::node
