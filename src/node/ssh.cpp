#include "node/ssh.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "base/text.h"
#include "wire/link.h"

namespace dugong::node {
namespace {

bool only(std::string_view text, std::string_view more) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           more.find(c) != std::string_view::npos;
  });
}

Error unusable(std::string what) { return Error{ErrorKind::invalid, std::move(what), {}, "nothing was changed", {}}; }

// Neither a terminal nor forwardings, no questions, and nothing of the user's configuration that would replace our
// command. A dead network ends the session after three unanswered probes.
constexpr std::array common = {"BatchMode=yes",         "ConnectTimeout=10", "ServerAliveInterval=5",
                               "ServerAliveCountMax=3", "Compression=no",    "ClearAllForwardings=yes",
                               "ForwardAgent=no",       "ForwardX11=no",     "PermitLocalCommand=no",
                               "RemoteCommand=none",    "EscapeChar=none",   "LogLevel=ERROR"};
// ssh prefers chacha20-poly1305, which costs about twice the CPU of AES-GCM where the processor has AES instructions.
constexpr const char* fast_ciphers =
    "aes128-gcm@openssh.com,aes256-gcm@openssh.com,chacha20-poly1305@openssh.com,aes128-ctr";

// Without what is run there.
Result<std::vector<std::string>> options_for(const SshTarget& target) {
  if (!only(target.target, "@._-:%[]+~") || target.target[0] == '-' || target.target.find("@-") != std::string::npos) {
    return fail(unusable(fmt::format("\"{}\" is not a target for ssh", printable(target.target))));
  }
  std::vector<std::string> argv = {"ssh", "-T"};
  if (!target.config.empty()) argv.insert(argv.end(), {"-F", target.config});
  for (const char* option : common) argv.insert(argv.end(), {"-o", option});
  return argv;
}

constexpr std::string_view sudo_refusal = "a password is required";

struct Advice {
  std::string_view words;  // {1}: the program's name
  std::string_view next;   // {0}: target, {1}: program
};
constexpr std::string_view no_program =
    "install dugong on {0}: dugong node install {0}; or set DUGONG_REMOTE_PROGRAM to where it is there";
constexpr std::string_view no_sudo = "install sudo on {0}, or use root@…";
// A shell's words, and env's (coreutils quotes as the locale does).
constexpr std::array sudo_missing = {Advice{"sudo: not found", no_sudo}, Advice{"sudo: command not found", no_sudo},
                                     Advice{"sudo': No such file or directory", no_sudo},
                                     Advice{"sudo’: No such file or directory", no_sudo}};
// The first that fits: what is more telling comes before what ssh or the shell says along with it.
constexpr std::array advices = {
    Advice{"it said: dugong: ", "do on {0} what dugong said there, then run this again"},
    Advice{sudo_refusal, "put the rule that it printed into /etc/sudoers.d/dugong on {0}, or use root@…"},
    Advice{"HOST IDENTIFICATION HAS CHANGED", "find out why the host key changed before anything else: ssh {0} true"},
    Advice{"Host key verification failed", "run once by hand and compare the key: ssh {0} true"},
    Advice{"Permission denied", "make this work without a password: ssh {0} true"},
    Advice{"Could not resolve hostname", "check the name of the host in `ssh = \"{0}\"`"},
    Advice{"error while loading shared libraries",
           "install on {0} what dugong is linked with: apt-get install libpq5 libzstd1"},
    // ssh.c, main: of -F.
    Advice{"Can't open user config file", "put right what `config` of [ssh] in the cluster file names here"},
    sudo_missing[0], sudo_missing[1], sudo_missing[2], sudo_missing[3], Advice{"command not found", no_program},
    Advice{"{1}: No such file or directory", no_program}, Advice{"{1}': No such file or directory", no_program},
    Advice{"{1}’: No such file or directory", no_program}, Advice{"not found", no_program}};
constexpr std::string_view try_by_hand = "try by hand: ssh {0} {1} --version";
constexpr const char* usual_place = "/usr/local/bin/dugong";

}  // namespace

Result<std::vector<std::string>> ssh_argv(const SshTarget& target, wire::Purpose purpose) {
  auto argv = TRY(options_for(target));
  // It becomes part of the remote shell's command line.
  if (!only(target.program, " ._/=+-") || target.program[0] == '-' || target.program[0] == ' ') {
    return fail(unusable(fmt::format("DUGONG_REMOTE_PROGRAM \"{}\" is not a plain path", printable(target.program))));
  }
  switch (purpose) {
    case wire::Purpose::control:
      if (target.share) {
        argv.insert(argv.end(), {"-o", "ControlMaster=auto", "-o", "ControlPath=" + target.share->socket, "-o",
                                 fmt::format("ControlPersist={}", target.share->seconds)});
      } else {  // a master made by somebody else may be used; none is left behind
        argv.insert(argv.end(), {"-o", "ControlMaster=no"});
      }
      break;
    case wire::Purpose::stream:  // a shared connection would have a cipher of its own choice
      argv.insert(argv.end(), {"-o", "ControlPath=none", "-c", fast_ciphers});
      break;
  }
  argv.insert(argv.end(), {"--", target.target, target.program + " serve"});
  return argv;
}

Result<std::vector<std::string>> ssh_shell_argv(const SshTarget& target, SshShell shell) {
  auto argv = TRY(options_for(target));
  argv.insert(argv.end(), {"-o", "ControlPath=none", "--", target.target});
  switch (shell) {
    case SshShell::plain:
      argv.emplace_back("sh -s");
      break;
    case SshShell::sudo:
      argv.emplace_back("env LC_ALL=C sudo -n sh -s");  // its words are read here
      break;
  }
  return argv;
}

std::vector<std::string> ssh_environment() { return {"SSH_AUTH_SOCK", "KRB5CCNAME", "USER", "LOGNAME"}; }

namespace {

// serve prints the rule before every sudo, because sudo replaces it; it is told only when sudo refused.
void drop_sudo_rule(std::string& what) {
  const auto from = what.find(sudo_rule);
  const auto to = what.find(" serve", from);
  if (from == std::string::npos || to == std::string::npos || what.find(sudo_refusal) != std::string::npos) return;
  const auto rest = what.find_first_not_of(" \n", to + std::string_view{" serve"}.size());
  what.erase(from, rest == std::string::npos ? rest : rest - from);
  if (constexpr std::string_view said = "; it said: "; what.ends_with(said)) what.erase(what.size() - said.size());
}

// "sudo -n /opt/dugong" is called dugong by who does not find it, whatever stands before.
std::string name_of(const std::string& program) { return program.substr(program.find_last_of(" /") + 1); }

}  // namespace

bool lacks_sudo(const std::string& words) {
  return std::ranges::any_of(sudo_missing,
                             [&](const Advice& advice) { return words.find(advice.words) != std::string::npos; });
}

Error explain_ssh_failure(Error error, const SshTarget& target) {
  if (error.kind != ErrorKind::unreachable) return error;
  drop_sudo_rule(error.what);
  const auto name = name_of(target.program);
  const auto found = std::ranges::find_if(advices, [&](const Advice& advice) {
    return error.what.find(replace_all(std::string{advice.words}, "{1}", name)) != std::string::npos;
  });
  if (found == advices.end() && !error.next.empty()) return error;
  const auto next = found == advices.end() ? try_by_hand : found->next;
  error.next = replace_all(replace_all(std::string{next}, "{0}", target.target), "{1}", target.program);
  return error;
}

namespace {

std::string directory_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "./" : path.substr(0, slash + 1);
}

// Both: an old dugong-wal beside the new program would be what the next upgrade puts on the nodes.
std::string bring_both(const SshTarget& target, const std::string& own) {
  const auto there = target.program.starts_with('/') ? target.program : std::string{usual_place};
  return fmt::format("scp {0}{1}:{2} {1}:{3}dugong-wal {4}", target.config.empty() ? "" : "-F " + target.config + " ",
                     target.target, there, directory_of(there), directory_of(own));
}

}  // namespace

Error explain_version(Error error, const SshTarget& target, const std::string& node, const std::string& own) {
  if (error.next.starts_with(wire::upgrade_there)) error.next += fmt::format(": dugong node upgrade {}", node);
  if (error.next.starts_with(wire::upgrade_here)) error.next += ": " + bring_both(target, own);
  return error;
}

}  // namespace dugong::node
