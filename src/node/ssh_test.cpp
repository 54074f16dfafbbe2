#include "node/ssh.h"

#include <algorithm>
#include <gtest/gtest.h>

#include "base/text.h"

namespace dugong::node {
namespace {

std::string command_line(const SshTarget& target, wire::Purpose purpose = wire::Purpose::control) {
  auto argv = ssh_argv(target, purpose);
  return argv ? join(*argv, " ") : "error: " + argv.error().what;
}
bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST(Ssh, EndsWithTargetAndProgram) {
  EXPECT_TRUE(command_line({"root@10.0.0.11", "", "dugong"}).ends_with(" -- root@10.0.0.11 dugong serve"));
  EXPECT_TRUE(command_line({"b", "", "sudo -n /opt/dugong"}).ends_with(" -- b sudo -n /opt/dugong serve"));
}
TEST(Ssh, AsksNothingAndForwardsNothing) {
  const auto line = command_line({"b", "", "dugong"});
  for (const char* option : {"-T", "-o BatchMode=yes", "-o ConnectTimeout=10", "-o ServerAliveInterval=5",
                             "-o Compression=no", "-o ClearAllForwardings=yes", "-o EscapeChar=none"}) {
    EXPECT_TRUE(has(line, option)) << option;
  }
}
TEST(Ssh, TheConfigurationIsPassedOn) {
  EXPECT_TRUE(command_line({"b", "/etc/dugong/ssh config", "dugong"}).starts_with("ssh -T -F /etc/dugong/ssh config "));
  EXPECT_FALSE(has(command_line({"b", "", "dugong"}), "-F"));
}
TEST(Ssh, DataTakesAFastCipherOnAConnectionOfItsOwn) {
  const auto line = command_line({"b", "", "dugong"}, wire::Purpose::stream);
  EXPECT_TRUE(has(line, "-c aes128-gcm@openssh.com,"));
  EXPECT_TRUE(has(line, "ControlPath=none"));
  EXPECT_FALSE(has(command_line({"b", "", "dugong"}), "-c aes"));
}
TEST(Ssh, AKeptConnectionIsForControlOnly) {
  SshTarget target{"b", "", "dugong", SshTarget::Share{"/run/dugong/ssh/0123", 60}};
  const auto line = command_line(target);
  EXPECT_TRUE(has(line, "-o ControlMaster=auto -o ControlPath=/run/dugong/ssh/0123 -o ControlPersist=60")) << line;
  EXPECT_TRUE(has(command_line(target, wire::Purpose::stream), "ControlPath=none"));
  EXPECT_FALSE(has(command_line(target, wire::Purpose::stream), "/run/dugong/ssh"));
  target.share.reset();
  EXPECT_TRUE(has(command_line(target), "ControlMaster=no"));
}
TEST(Ssh, AShellIsTheLoginsOrRoots) {
  const auto line = [](SshShell shell) { return join(ssh_shell_argv({"ops@b", "/c", "dugong"}, shell).value(), " "); };
  EXPECT_TRUE(line(SshShell::plain).ends_with("-- ops@b sh -s"));
  EXPECT_TRUE(line(SshShell::sudo).ends_with("-- ops@b env LC_ALL=C sudo -n sh -s"));
  EXPECT_TRUE(has(line(SshShell::plain), "ssh -T -F /c "));
  EXPECT_TRUE(has(line(SshShell::plain), "BatchMode=yes"));
  EXPECT_FALSE(ssh_shell_argv({"-oProxyCommand=x", "", "dugong"}, SshShell::plain));
}
TEST(Ssh, TargetsThatWouldBeOptionsOrShellAreRefused) {
  for (const char* target : {"", "-oProxyCommand=x", "a b", "a;b", "root@-x", "$(x)", "a\nb", "`x`"}) {
    EXPECT_TRUE(has(command_line({target, "", "dugong"}), "not a target for ssh")) << target;
  }
  for (const char* target : {"b", "root@10.0.0.11", "ops@host.example.org", "u@fe80::1%eth0"}) {
    EXPECT_FALSE(has(command_line({target, "", "dugong"}), "error")) << target;
  }
}
TEST(Ssh, ProgramsThatWouldBeShellAreRefused) {
  for (const char* program : {"", "a;b", "$(x)", "a|b", "a\nb", "'a'", "-x", " x", "a>b", "a&b"}) {
    EXPECT_TRUE(has(command_line({"b", "", program}), "not a plain path")) << program;
  }
}

std::string advice(const std::string& words, ErrorKind kind = ErrorKind::unreachable) {
  return explain_ssh_failure(Error{kind, words, {}, {}, {}}, {"root@b", "", "dugong"}).next;
}
TEST(Ssh, FailuresSayWhatToDo) {
  EXPECT_TRUE(has(advice("bash: line 1: dugong: command not found"), "install dugong on root@b"));
  EXPECT_TRUE(has(advice("sh: 1: dugong: not found"), "install dugong on root@b"));
  EXPECT_TRUE(has(advice("dugong: error while loading shared libraries: libpq.so.5: cannot open shared object file: No "
                         "such file or directory"),
                  "apt-get install libpq5"));
  EXPECT_TRUE(has(advice("Host key verification failed."), "compare the key: ssh root@b true"));
  EXPECT_TRUE(
      has(advice("REMOTE HOST IDENTIFICATION HAS CHANGED!\nHost key verification failed."), "why the host key"));
  EXPECT_TRUE(has(advice("root@b: Permission denied (publickey)."), "without a password: ssh root@b true"));
  EXPECT_TRUE(
      has(advice("Could not chdir to home directory /x: No such file or directory\nsudo: a password is required"),
          "into /etc/sudoers.d/dugong on root@b"));
  EXPECT_TRUE(has(advice("Could not resolve hostname b"), "check the name"));
  EXPECT_TRUE(
      has(advice("(exit 3); it said: dugong: refused: others may write this file"), "do on root@b what dugong"));
  EXPECT_EQ(advice("connect to host b port 22: Connection refused"), "try by hand: ssh root@b dugong --version");
}
TEST(Ssh, AMissingSudoIsNotAMissingDugong) {
  for (const char* words : {"env: 'sudo': No such file or directory", "env: ‘sudo’: No such file or directory",
                            "sh: 1: sudo: not found", "bash: line 1: sudo: command not found"}) {
    EXPECT_EQ(advice(words), "install sudo on root@b, or use root@…") << words;
    EXPECT_TRUE(lacks_sudo(words)) << words;
  }
  EXPECT_FALSE(lacks_sudo("sudo: dugong: command not found"));
  EXPECT_TRUE(has(advice("sudo: dugong: command not found"), "install dugong on root@b"));
}
TEST(Ssh, OnlyTheProgramItselfIsSaidToBeMissing) {
  EXPECT_TRUE(has(advice("Can't open user config file /x: No such file or directory"), "`config` of [ssh]"));
  EXPECT_TRUE(has(advice("sh: /usr/local/bin/dugong: No such file or directory"), "install dugong on root@b"));
  EXPECT_TRUE(has(advice("env: ‘dugong’: No such file or directory"), "install dugong on root@b"));
  EXPECT_EQ(advice("Could not chdir to home directory /x: No such file or directory"),
            "try by hand: ssh root@b dugong --version");
  const Error lost{ErrorKind::unreachable, "bash: /opt/d2: No such file or directory", {}, {}, {}};
  EXPECT_TRUE(has(explain_ssh_failure(lost, {"b", "", "sudo -n /opt/d2"}).next, "install dugong on b"));
}
TEST(Ssh, TheRuleForSudoIsToldOnlyWhenSudoRefused) {
  const std::string rule = "for sudo: ops ALL=(root) NOPASSWD: /usr/local/bin/dugong serve\n";
  const auto told = [&](const std::string& words) {
    const Error lost{ErrorKind::unreachable, "closed (exit 3); it said: " + rule + words, {}, {}, {}};
    return explain_ssh_failure(lost, {"ops@b", "", "dugong"});
  };
  EXPECT_EQ(told("dugong: refused: others may write this file").what,
            "closed (exit 3); it said: dugong: refused: others may write this file");
  EXPECT_TRUE(has(told("dugong: refused: others may write this file").next, "do on ops@b what dugong"));
  EXPECT_EQ(told("").what, "closed (exit 3)");
  EXPECT_TRUE(has(told("sudo: a password is required").what, "NOPASSWD: /usr/local/bin/dugong serve"));
}
TEST(Ssh, AnAdviceOfItsOwnWinsOverWiresButNotTheGeneralOne) {
  const SshTarget target{"root@b", "", "dugong"};
  const auto next = [&](const std::string& what) {
    return explain_ssh_failure(Error{ErrorKind::unreachable, what, {}, {}, "install dugong on b"}, target).next;
  };
  EXPECT_TRUE(has(next("sh: 1: dugong: not found"), "DUGONG_REMOTE_PROGRAM"));
  EXPECT_EQ(next("exit 127"), "install dugong on b");
}
std::string version_advice(const std::string& next, const std::string& program = "dugong") {
  return explain_version(Error{ErrorKind::refused, "", {}, {}, next}, {"root@b", "", program}, "b", "/opt/d/dugong")
      .next;
}
TEST(Ssh, AnotherVersionIsReplacedByACommand) {
  EXPECT_EQ(version_advice("upgrade dugong on b to 2"), "upgrade dugong on b to 2: dugong node upgrade b");
  EXPECT_EQ(version_advice("upgrade dugong here to 9", "/x/dugong"),
            "upgrade dugong here to 9: scp root@b:/x/dugong root@b:/x/dugong-wal /opt/d/");
  const Error newer{ErrorKind::refused, "", {}, {}, "upgrade dugong here to 9"};
  EXPECT_EQ(explain_version(newer, {"b", "/c", "dugong"}, "b", "dugong").next,
            "upgrade dugong here to 9: scp -F /c b:/usr/local/bin/dugong b:/usr/local/bin/dugong-wal ./");
  EXPECT_EQ(version_advice("something else"), "something else");
}
TEST(Ssh, OtherErrorsStayAsTheyAre) {
  EXPECT_EQ(advice("no common protocol version", ErrorKind::refused), "");
  EXPECT_EQ(explain_ssh_failure(Error{ErrorKind::unreachable, "x", {}, {}, "y"}, {"b", "", "dugong"}).next, "y");
}

}  // namespace
}  // namespace dugong::node
