// What `check` prints: the worst first, one cause once, and one line for a monitor.
#include "cli/show_findings.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>

#include "base/text.h"
#include "cli/json.h"

namespace dugong::cli {
namespace {

using report::Finding;
using report::Severity;

const Style plain{Style::Use::plain};

Finding a_finding(Severity severity, const std::string& id = "atime", const std::string& node = "b") {
  if (severity == Severity::ok) return {id, node, severity, "all is well", "", ""};
  return {id, node, severity, "it is on", "it costs", "turn it off"};
}

std::string shown(const std::vector<Finding>& findings) { return render_findings("dex", findings, plain); }

TEST(Findings, EachSaysWhatFollowsAndWhatHelps) {
  EXPECT_EQ(shown({a_finding(Severity::warning), a_finding(Severity::ok, "zfs")}),
            "warning  b  atime\n"
            "  seen:  it is on\n"
            "  then:  it costs\n"
            "  do:    turn it off\n"
            "\n"
            "RESULT  NODE  CHECK  SEEN\n"
            "ok      b     zfs    all is well\n"
            "\n"
            "dex: 0 critical, 1 warning, 0 unknown, 0 note, 1 ok\n");
}

TEST(Findings, TheWorstComesFirst) {
  const auto text = shown({a_finding(Severity::note), a_finding(Severity::unknown), a_finding(Severity::critical),
                           a_finding(Severity::warning)});
  EXPECT_LT(text.find("critical  b"), text.find("warning  b"));
  EXPECT_LT(text.find("warning  b"), text.find("unknown  b"));
  EXPECT_LT(text.find("unknown  b"), text.find("note  b"));
}

TEST(Findings, OneCauseIsToldOnce) {
  const auto text = shown({a_finding(Severity::unknown, "atime"), a_finding(Severity::unknown, "quota"),
                           a_finding(Severity::unknown, "quota", "c")});
  EXPECT_NE(text.find("unknown  b  atime, quota\n"), std::string::npos) << text;
  EXPECT_NE(text.find("unknown  c  quota\n"), std::string::npos) << text;
}

TEST(Findings, NothingWrongIsATable) {
  EXPECT_EQ(shown({a_finding(Severity::ok)}).find("RESULT"), 0U);
  EXPECT_EQ(shown({}), "dex: 0 critical, 0 warning, 0 unknown, 0 note, 0 ok\n");
}

int code(std::vector<Finding> findings) { return plugin_line("dex", findings, 1).code; }

TEST(Plugin, TheExitCodeIsTheWorst) {
  EXPECT_EQ(code({a_finding(Severity::ok), a_finding(Severity::note)}), 0);
  EXPECT_EQ(code({a_finding(Severity::warning), a_finding(Severity::unknown)}), 1);
  EXPECT_EQ(code({a_finding(Severity::critical), a_finding(Severity::warning)}), 2);
  EXPECT_EQ(code({a_finding(Severity::unknown), a_finding(Severity::ok)}), 3);
}

TEST(Plugin, OneLineWithPerformanceData) {
  auto bad = a_finding(Severity::critical);
  bad.evidence = "it is\non | 'x'";
  const auto line = plugin_line("dex", {bad, a_finding(Severity::ok, "zfs", "a")}, 1.5).text;
  EXPECT_EQ(line,
            "DUGONG CRITICAL - dex: 2 nodes, 1 critical, 0 warning, 0 unknown, 0 note, 1 ok; b atime: it is on / 'x' "
            "| critical=1;;1;0 warning=0;1;;0 unknown=0;;;0 note=0;;;0 ok=1;;;0 unreachable=0;;;0 time=1.500s;;;0");
}

TEST(Plugin, WhatCouldNotBeCheckedIsUnknown) {
  const auto line = plugin_line(Error{ErrorKind::invalid, "cluster is\nno text", "dugong.toml:1:1", "", ""});
  EXPECT_EQ(line.text, "DUGONG UNKNOWN - dugong.toml:1:1: cluster is no text");
  EXPECT_EQ(line.code, 3);
}

TEST(Tallies, NodesAndThoseNotReached) {
  const auto tally = tally_of({a_finding(Severity::unknown, "reachable", "a"), a_finding(Severity::ok, "reachable"),
                               a_finding(Severity::critical)});
  EXPECT_EQ(tally.nodes, 2U);
  EXPECT_EQ(tally.unreachable, 1U);
  EXPECT_EQ(tally.critical, 1U);
}

TEST(FindingsJson, EveryKeyAndNullForWhatDoesNotApply) {
  const auto json = nlohmann::json::parse(
      findings_json("dex", {a_finding(Severity::ok), a_finding(Severity::warning)}, 1'800'000'000));
  EXPECT_EQ(json["schema_version"], 1);
  EXPECT_EQ(json["cluster"], "dex");
  EXPECT_EQ(json["worst"], "warning");
  EXPECT_EQ(json["taken_at"], 1'800'000'000);
  EXPECT_TRUE(json["findings"][0]["remedy"].is_null());
  EXPECT_TRUE(json["findings"][0]["consequence"].is_null());
  EXPECT_EQ(json["findings"][1]["id"], "atime");
  EXPECT_EQ(json["findings"][1]["node"], "b");
  EXPECT_EQ(json["findings"][1]["severity"], "warning");
  EXPECT_EQ(json["findings"][1]["evidence"], "it is on");
  EXPECT_EQ(json["findings"][1]["consequence"], "it costs");
  EXPECT_EQ(json["findings"][1]["remedy"], "turn it off");
}

// docs/check.md has one row per subject, and none that is gone.
TEST(FindingsDocs, EverySubjectHasItsRow) {
  std::ifstream file{std::filesystem::path{__FILE__}.parent_path() / "../../docs/check.md"};
  const std::string text{std::istreambuf_iterator<char>{file}, {}};
  ASSERT_FALSE(text.empty());
  std::set<std::string> listed;
  for (const auto line : lines(text)) {
    if (!line.starts_with("| `")) continue;
    listed.emplace(line.substr(3, line.find('`', 3) - 3));
  }
  const auto ids = report::check_ids();
  EXPECT_EQ(listed, std::set<std::string>(ids.begin(), ids.end()));
}

}  // namespace
}  // namespace dugong::cli
