#include "report/check.h"

#include <algorithm>
#include <set>

#include "cluster/rules.h"
#include "test/support/checks.h"

namespace dugong::report {
namespace {

TEST(Check, ASoundClusterHasNothingWorseThanANote) {
  for (const auto& finding : Checkup{}.all())
    EXPECT_LE(finding.severity, Severity::note) << finding.node << " " << finding.id << ": " << finding.evidence;
}

TEST(Check, BeforeTheFirstUpOnlyTheWaysToTheServersAreUnknown) {
  Checkup c;
  c.bare();
  for (const auto& finding : c.all()) {
    if (finding.id == "upstream-port" || finding.id == "peer-port") {
      EXPECT_EQ(finding.severity, Severity::unknown) << finding.evidence;
    } else {
      EXPECT_LE(finding.severity, Severity::note) << finding.node << " " << finding.id << ": " << finding.evidence;
    }
  }
}

TEST(Check, WhatIsNotOkSaysWhatFollowsAndWhatHelps) {
  std::vector<Checkup> worlds(4);
  worlds[1].bare();
  for (auto& node : worlds[2].seen.nodes) Checkup::stop(node);
  for (auto& node : worlds[3].seen.nodes) {
    node.pool.value.reset();
    node.pool.error.what = "cannot open 'tank': no such pool";
    node.storage.value.reset();
    node.storage.error.what = node.pool.error.what;
    node.software.value.reset();
    node.software.error.what = "Cannot connect to the Docker daemon";
  }
  worlds[3].tried = {};
  for (const auto& world : worlds) {
    for (const auto& finding : world.all()) {
      EXPECT_FALSE(finding.evidence.empty()) << finding.id;
      EXPECT_EQ(finding.consequence.empty(), finding.severity == Severity::ok)
          << finding.id << ": " << finding.evidence;
      EXPECT_EQ(finding.remedy.empty(), finding.severity == Severity::ok) << finding.id << ": " << finding.evidence;
    }
  }
}

TEST(Check, IdsAreTheOnesThatAreListed) {
  const auto ids = check_ids();
  EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), ids.size());
  std::set<std::string> found;
  for (const auto& finding : Checkup{}.all()) found.insert(finding.id);
  for (const auto& id : found) EXPECT_NE(std::ranges::find(ids, id), ids.end()) << id;
  for (const auto& id : ids) EXPECT_TRUE(found.contains(id)) << id;
}

TEST(Check, ANodeThatIsNotReachedHasOneFinding) {
  Checkup c;
  c.b() = cluster::ObservedNode{.name = "b"};
  c.b().host.error = {ErrorKind::unreachable, "ssh: No route to host", "", "", ""};
  const auto all = c.all();
  EXPECT_EQ(std::ranges::count(all, "b", &Finding::node), 1);
  EXPECT_EQ(c.severity("reachable"), "unknown");
  EXPECT_TRUE(mentions(c.find("reachable").evidence, "No route to host"));
  EXPECT_TRUE(mentions(c.find("reachable").remedy, "ssh root@10.0.0.11"));
  EXPECT_EQ(c.severity("reachable", "a"), "ok");
}

TEST(Check, OnlyTheNodesThatAreNamed) {
  const Checkup c;
  for (const auto& finding : check(c.spec, c.seen, c.tried, {"b"})) EXPECT_EQ(finding.node, "b");
}

TEST(Check, ARefusalOfUpIsCriticalWithItsOwnWords) {
  Checkup c;
  Checkup::live(c.b()).sync = "disabled";
  EXPECT_EQ(c.severity("sync"), "critical");
  EXPECT_TRUE(mentions(c.find("sync").remedy, "zfs set sync=standard tank/b/live-0"));
  EXPECT_EQ(c.severity("sync", "a"), "ok");
}

TEST(Check, AllRefusalsAreToldAtOnce) {
  Checkup c;
  Checkup::stop(c.b());
  c.b().host.value->listening = {5432};
  c.b().data.value->links["pg_wal"] = "/fast/wal";
  c.b().data.value->uid = 99;
  c.b().server.value->strangers = {"container old-db"};
  c.b().software.value->id = "sha256:bb";
  for (const auto* id : {"port", "data-layout", "data-owner", "data-in-use", "same-software"})
    EXPECT_EQ(c.severity(id), "critical") << id;
  EXPECT_EQ(c.severity("prefix"), "ok");
}

TEST(Check, TheFirstRefusalIsTheOneOfUp) {
  Checkup c;
  c.b().server.value->strangers = {"container old-db"};
  const auto plan = cluster::plan_up(c.spec, c.seen, {});
  ASSERT_FALSE(plan);
  EXPECT_EQ(c.find("data-in-use").evidence, plan.error().what);
}

TEST(Check, WhatIsInAnUnmountedDatasetIsUnknown) {
  Checkup c;
  Checkup::stop(c.b());
  Checkup::live(c.b()).mounted = false;
  c.b().data = test::sampled(postgres::DataFacts{});
  for (const auto* id : {"data-layout", "data-owner", "data-version", "same-cluster", "archive-owner"})
    EXPECT_EQ(c.severity(id), "unknown") << id;
  EXPECT_EQ(c.find("data-layout").remedy, "dugong up");
  c.b().storage.value->front().ours["fenced"] = "replica 1790000000 dugong fence, root@ops";
  EXPECT_EQ(c.severity("fenced"), "critical");
  for (const auto* id : {"data-layout", "data-owner", "data-version", "same-cluster", "archive-owner"})
    EXPECT_EQ(c.find(id).remedy, "see `fenced`") << id;
}

TEST(Check, WhereNobodyCouldLookTheRulesAreUnknown) {
  Checkup c;
  c.b().server.value.reset();
  c.b().server.error = {ErrorKind::failed, "Cannot connect to the Docker daemon", "", "", ""};
  EXPECT_EQ(c.severity("looked-into"), "unknown");
  for (const auto& rule : cluster::rules())
    if (applies(rule, *c.spec.find("b"))) {
      EXPECT_EQ(c.severity(std::string{rule.id}), "unknown") << rule.id;
    }
  EXPECT_EQ(c.severity("port", "a"), "ok");
}

TEST(Check, TheRoleOfAPrimaryThatDoesNotAnswerIsUnknown) {
  Checkup c;
  Checkup::stop(c.a());
  EXPECT_EQ(c.severity("replication-role", "a"), "unknown");
}

TEST(Check, EveryRuleHasWordsOfItsOwn) {
  for (const auto& finding : Checkup{}.all()) {
    const bool is_rule = std::ranges::find(cluster::rules(), finding.id, &cluster::Rule::id) != cluster::rules().end();
    if (is_rule) {
      EXPECT_FALSE(mentions(finding.evidence, "does not refuse")) << finding.id;
    }
  }
}

TEST(Check, TheEvidenceOfWhatIsFineIsWhatWasSeen) {
  Checkup c;
  EXPECT_EQ(c.find("port").evidence, "port 5432: free, or this server's own");
  EXPECT_EQ(c.find("sync").evidence, "sync=standard: commits wait for the disk");
  EXPECT_EQ(c.find("data-owner").evidence, "70:70: the server's user");
  EXPECT_EQ(c.find("data-version").evidence, "PostgreSQL 17: what the software reads");
  EXPECT_EQ(c.find("same-cluster").evidence,
            "system identifier 7000000000000000001: the primary's database, and no second primary");
  c.bare();
  EXPECT_EQ(c.find("data-owner").evidence, "none yet: the server's user");
}

}  // namespace
}  // namespace dugong::report
