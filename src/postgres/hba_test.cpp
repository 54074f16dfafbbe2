#include "postgres/hba.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace dugong::postgres {
namespace {

using Strings = std::vector<std::string>;
using Kind = HbaFinding::Kind;

// What initdb --auth-host=scram-sha-256 and the images' entrypoint leave.
constexpr std::string_view image =
    "# TYPE  DATABASE        USER            ADDRESS                 METHOD\n"
    "local   all             all                                     trust\n"
    "host    all             all             127.0.0.1/32            trust\n"
    "local   replication     all                                     trust\n"
    "host    replication     all             127.0.0.1/32            trust\n"
    "host    replication     all             ::1/128                 trust\n"
    "\n"
    "host all all all scram-sha-256\n";

std::vector<HbaRule> parsed(std::string_view text) {
  auto rules = parse_hba(text);
  EXPECT_TRUE(rules) << (rules ? "" : rules.error().what);
  return rules ? *rules : std::vector<HbaRule>{};
}
HbaRule rule(std::string_view line) {
  auto rules = parsed(line);
  return rules.size() == 1 ? rules[0] : HbaRule{};
}
std::string with(std::string_view hba, const Strings& addresses, std::string_view user = "repl") {
  auto text = with_replication_lines(hba, user, addresses);
  EXPECT_TRUE(text) << (text ? "" : text.error().what);
  return text ? *text : "";
}
std::vector<Kind> kinds(std::string_view hba, const Strings& addresses = {"10.0.0.2"}) {
  std::vector<Kind> all;
  for (const auto& finding : judge_hba(parsed(hba), "repl", addresses)) all.push_back(finding.kind);
  return all;
}

TEST(HbaParse, Fields) {
  EXPECT_EQ(rule("local all all trust"), (HbaRule{1, "local", {"all"}, {"all"}, "", "", "trust", ""}));
  EXPECT_EQ(rule("host a,b u1, u2 10.0.0.0/8 md5 # x"),
            (HbaRule{1, "host", {"a", "b"}, {"u1", "u2"}, "10.0.0.0", "255.0.0.0", "md5", ""}));
  EXPECT_EQ(rule("host all all 10.0.0.1 255.255.255.255 reject").netmask, "255.255.255.255");
  EXPECT_EQ(rule("host all all 10.0.0.1 255.255.255.255 reject").method, "reject");
  EXPECT_EQ(rule("hostssl all all db.example.com cert map=x").address, "db.example.com");
  EXPECT_EQ(rule("host all all fd00::/16 md5").netmask, "ffff::");
  EXPECT_EQ(rule("hostnogssenc all all all scram-sha-256").method, "scram-sha-256");
}

TEST(HbaParse, Quotes) {
  EXPECT_EQ(rule(R"(host "my db" "a,b" all md5)").databases, Strings{"my db"});
  EXPECT_EQ(rule(R"(host "my db" "a,b" all md5)").users, Strings{"a,b"});
  EXPECT_EQ(rule(R"(host all "a""b" all md5)").users, Strings{R"(a"b)"});
  EXPECT_EQ(rule("host all \"#u\" all md5 # c").users, Strings{"#u"});
}

TEST(HbaParse, LineNumbersAndContinuations) {
  auto rules = parsed("# c\nhost all \\\n  all all md5\n\nlocal all all peer\n");
  ASSERT_EQ(rules.size(), 2U);
  EXPECT_EQ(rules[0].line, 2U);
  EXPECT_EQ(rules[0].method, "md5");
  EXPECT_EQ(rules[1].line, 5U);
}

TEST(HbaParse, Errors) {
  for (auto text : {"host all all", "local all all", "host all all 10.0.0.1 255.0.0.0", "hostx all all all md5",
                    "host all \"all all md5", "host,local all all all md5"}) {
    auto rules = parse_hba(std::string{"\n"} + text);
    ASSERT_FALSE(rules) << text;
    EXPECT_NE(rules.error().what.find("line 2"), std::string::npos);
  }
}

TEST(HbaBlock, StandsBeforeTheFirstReplicationRule) {
  auto text = with(image, {"10.0.0.2", "fd00::2", "replica.example.com"});
  auto block = text.find(
      "# dugong: begin\n"
      "host replication repl 10.0.0.2/32 scram-sha-256\n"
      "host replication repl fd00::2/128 scram-sha-256\n"
      "host replication repl replica.example.com scram-sha-256\n"
      "# dugong: end\n"
      "host    replication     all             127.0.0.1/32            trust\n");
  EXPECT_NE(block, std::string::npos) << text;
}

TEST(HbaBlock, ChangesNoOtherLine) {
  auto text = with(image, {"10.0.0.2"});
  auto begin = text.find("# dugong: begin\n");
  auto end = text.find("# dugong: end\n") + 14;
  EXPECT_EQ(text.substr(0, begin) + text.substr(end), image);
  EXPECT_EQ(with(text, {}), image);
}

TEST(HbaBlock, Idempotent) {
  for (auto hba : {image, std::string_view{""}, std::string_view{"host all all all md5"}}) {
    auto once = with(hba, {"10.0.0.2", "10.0.0.3"});
    EXPECT_EQ(with(once, {"10.0.0.2", "10.0.0.3"}), once);
  }
}

TEST(HbaBlock, FollowsTheListOfAddresses) {
  auto text = with(with(image, {"10.0.0.2"}), {"10.0.0.3"});
  EXPECT_EQ(text.find("10.0.0.2"), std::string::npos);
  EXPECT_NE(text.find("10.0.0.3/32"), std::string::npos);
}

TEST(HbaBlock, MovesBeforeARuleThatCameFirst) {
  auto text = with(image, {"10.0.0.2"});
  auto moved = with("host replication all 10.0.0.0/8 reject\n" + text, {"10.0.0.2"});
  EXPECT_TRUE(moved.starts_with("# dugong: begin\n"));
}

TEST(HbaBlock, StandsBeforeIncludes) {
  EXPECT_TRUE(
      with("include 'x.conf'\nhost replication all all reject\n", {"10.0.0.2"}).starts_with("# dugong: begin\n"));
  EXPECT_TRUE(with("host @dbs all all reject\n", {"10.0.0.2"}).starts_with("# dugong: begin\n"));
}

TEST(HbaBlock, AppendedWhenNothingCouldMatch) {
  EXPECT_TRUE(with("local all all peer", {"10.0.0.2"}).starts_with("local all all peer\n# dugong: begin\n"));
  EXPECT_TRUE(with("host all all all md5\n", {"10.0.0.2"}).starts_with("host all all all md5\n"));
}

TEST(HbaBlock, UsersAreQuotedWhereNeeded) {
  EXPECT_NE(with("", {"10.0.0.2"}, "Repl User").find("host replication \"Repl User\" 10"), std::string::npos);
  EXPECT_NE(with("", {"10.0.0.2"}, "all").find("host replication \"all\" 10"), std::string::npos);
  for (auto user : {"", "a\"b", "a\nb", "a\\"}) EXPECT_FALSE(with_replication_lines("", user, {"10.0.0.2"})) << user;
}

TEST(HbaBlock, AddressesAreOneHostEach) {
  for (auto address : {"", "10.0.0.0/8", "all", "samenet", "10.0.0.256", "a b", "x;y", ".example.com", "-x"}) {
    EXPECT_FALSE(with_replication_lines("", "repl", {address})) << address;
  }
  auto twice = with("", {"10.0.0.2", "10.0.0.2"});
  EXPECT_EQ(twice.find("10.0.0.2"), twice.rfind("10.0.0.2"));
}

TEST(HbaBlock, HalfABlockIsNotGuessedAt) {
  EXPECT_FALSE(with_replication_lines("# dugong: begin\nhost a b c md5\n", "repl", {"10.0.0.2"}));
  EXPECT_FALSE(with_replication_lines("# dugong: end\n", "repl", {}));
  EXPECT_FALSE(with_replication_lines("host \"x\n", "repl", {"10.0.0.2"}));
}

TEST(HbaVerdict, OursIsFine) {
  EXPECT_EQ(kinds("host replication repl 10.0.0.2/32 scram-sha-256"), std::vector<Kind>{});
  EXPECT_EQ(kinds("host replication repl 10.0.0.2/32 md5"), std::vector<Kind>{});
  EXPECT_EQ(kinds(with("local all all peer\n", {"10.0.0.2"})), std::vector<Kind>{});
}

TEST(HbaVerdict, NotLoaded) {
  EXPECT_EQ(kinds(""), std::vector{Kind::not_loaded});
  EXPECT_EQ(kinds("host all all all scram-sha-256"), std::vector{Kind::not_loaded});
  EXPECT_EQ(kinds("host replication other 10.0.0.2/32 scram-sha-256"), std::vector{Kind::not_loaded});
  EXPECT_EQ(kinds("hostssl replication repl 10.0.0.2/32 scram-sha-256"), std::vector{Kind::not_loaded});
}

TEST(HbaVerdict, Shadowed) {
  EXPECT_EQ(kinds("host replication all 10.0.0.0/8 reject\nhost replication repl 10.0.0.2/32 scram-sha-256"),
            std::vector{Kind::shadowed});
  EXPECT_EQ(kinds("host replication all 11.0.0.0/8 reject\nhost replication repl 10.0.0.2/32 scram-sha-256"),
            std::vector<Kind>{});
  auto findings =
      judge_hba(parsed("host replication all all reject\nhost replication repl 10.0.0.2/32 md5"), "repl", {"10.0.0.2"});
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_TRUE(findings[0].text.starts_with("line 1: host replication all all reject")) << findings[0].text;
}

TEST(HbaVerdict, Broad) {
  EXPECT_EQ(kinds("host replication repl 10.0.0.0/24 scram-sha-256"), std::vector{Kind::broad});
  EXPECT_EQ(kinds("host replication repl 10.0.0.2/32 scram-sha-256\nhost replication all all md5"),
            std::vector{Kind::broad});
  EXPECT_EQ(kinds("host replication repl 10.0.0.2/32 scram-sha-256\nhost replication repl 10.0.0.3/32 scram-sha-256",
                  {"10.0.0.2", "10.0.0.3"}),
            std::vector<Kind>{});
}

TEST(HbaVerdict, RolesThatOnlyTheServerCanName) {
  const auto ours = std::string{"host replication repl 10.0.0.2/32 scram-sha-256\n"};
  for (const auto* who : {"+replicators", "/^rep", "@admins"})
    EXPECT_EQ(kinds(ours + "host replication " + who + " 192.168.0.0/16 scram-sha-256"), std::vector{Kind::broad})
        << who;
  EXPECT_EQ(kinds(ours + "host all +replicators 192.168.0.0/16 scram-sha-256"), std::vector<Kind>{});
}

TEST(HbaVerdict, TrustIsAlwaysAFinding) {
  auto ours = std::string{"host replication repl 10.0.0.2/32 scram-sha-256\n"};
  EXPECT_EQ(kinds(ours + "host all all all trust"), std::vector{Kind::trust});
  EXPECT_EQ(kinds(ours + "local all all trust"), std::vector{Kind::trust});
  EXPECT_EQ(kinds(ours + "local all all peer"), std::vector<Kind>{});
  EXPECT_EQ(kinds("host replication all all trust\n" + ours), (std::vector{Kind::shadowed, Kind::trust}));
}

TEST(HbaVerdict, TextSaysWhichLineAndWhy) {
  auto findings = judge_hba(parsed("host all all all trust"), "repl", {});
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].text,
            "line 1: host all all all trust: anybody who reaches the port from there is let in without a password");
}

TEST(HbaVerdict, LinesTheServerCannotRead) {
  HbaRule broken;
  broken.line = 7;
  broken.error = "invalid connection type \"hots\"";
  auto findings = judge_hba({broken}, "repl", {});
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0], (HbaFinding{Kind::error, "line 7: invalid connection type \"hots\""}));
}

TEST(HbaVerdict, HostNames) {
  EXPECT_EQ(kinds("host replication repl b.example.com scram-sha-256", {"b.example.com"}), std::vector<Kind>{});
  EXPECT_EQ(kinds("host replication repl .example.com scram-sha-256", {"b.example.com"}), std::vector{Kind::broad});
  EXPECT_EQ(kinds("host replication repl c.example.com scram-sha-256", {"b.example.com"}),
            (std::vector{Kind::not_loaded, Kind::broad}));
}

}  // namespace
}  // namespace dugong::postgres
