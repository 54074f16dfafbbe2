#include "node/install_script.h"

#include <algorithm>
#include <gtest/gtest.h>

namespace dugong::node {
namespace {

TEST(InstallScript, IsPlainAsciiAndEndsByListening) {
  const auto script = install_script();
  EXPECT_TRUE(std::ranges::all_of(script, [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); }));
  // Whatever stood behind it could be read by the shell itself, in place of the requests.
  EXPECT_TRUE(script.ends_with("done\nexit 0\n}\n"));
}

TEST(InstallScript, PathsAreOneWordForAnyShell) {
  for (const char* path : {"/usr/local/bin/dugong", "/etc/dugong/tls/dex/a-1.pem", "/etc/systemd/system/x.service"})
    EXPECT_TRUE(check_install_path(path)) << path;
  for (const char* path :
       {"", "etc/x", "/etc/a b", "/etc/$x", "/etc/`x`", "/etc/../x", "/etc/a\nb", "/etc/a\\b", "/e*"})
    EXPECT_FALSE(check_install_path(path)) << path;
}

TEST(InstallScript, WordsOfARequest) {
  EXPECT_EQ(request_line({"stage", "/a", "755", "12", "ab"}).value(), "stage /a 755 12 ab\n");
  for (const char* word : {"", "a b", "a\nb", "a\tb", "a\\b", "\xc3\xa9"})
    EXPECT_FALSE(request_line({"read", word})) << word;
}

TEST(InstallScript, Answers) {
  EXPECT_TRUE(parse_answer_head("ok 0")->ok);
  EXPECT_EQ(parse_answer_head("no 1048576")->size, 1U << 20);
  EXPECT_FALSE(parse_answer_head("no 0")->ok);
  for (const char* line : {"", "ok", "ok ", "ok -1", "ok 1048577", "ok 99999999999999999999", "yes 1", "ok 1 "})
    EXPECT_FALSE(parse_answer_head(line)) << line;
}

TEST(InstallScript, Identity) {
  const auto identity =
      parse_identity("uid=0\nuser=root\nmachine=x86_64\nsystemd=yes\nboot=no\nsystem=Debian GNU/Linux 12 (bookworm)");
  ASSERT_TRUE(identity) << identity.error().what;
  EXPECT_EQ(identity->uid, 0U);
  EXPECT_EQ(identity->machine, "x86_64");
  EXPECT_TRUE(identity->systemd);
  EXPECT_FALSE(identity->boot_enabled);
  EXPECT_EQ(identity->system, "Debian GNU/Linux 12 (bookworm)");
  for (const char* body : {"", "uid=0", "uid=x\nmachine=a", "machine=x86_64", "uid=0\nmachine=\n", "nonsense"})
    EXPECT_FALSE(parse_identity(body)) << body;
}

TEST(InstallScript, AFileThere) {
  const std::string digest(64, 'a');
  EXPECT_EQ(parse_installed("missing").value(), InstalledFile{});
  EXPECT_EQ(parse_installed("other")->kind, InstalledKind::other);
  EXPECT_EQ(parse_installed("file 755 0 " + digest).value(), (InstalledFile{InstalledKind::file, 0755, 0, digest}));
  for (const auto& body : {std::string{}, std::string{"file"}, "file 788 0 " + digest, "file 755 x " + digest,
                           std::string{"file 755 0 ab"}, "dir 755 0 " + digest})
    EXPECT_FALSE(parse_installed(body)) << body;
}

TEST(InstallScript, WhatAProgramAnswered) {
  EXPECT_EQ(parse_ran("0\ndugong 0.1.0\n")->output, "dugong 0.1.0");
  EXPECT_EQ(parse_ran("127\nnot found")->status, 127);
  EXPECT_EQ(parse_ran("1")->output, "");
  EXPECT_FALSE(parse_ran("x\ny"));
  EXPECT_FALSE(parse_ran(""));
}

}  // namespace
}  // namespace dugong::node
