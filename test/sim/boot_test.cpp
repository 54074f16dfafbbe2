// A machine that comes back: its server runs again when it may, and stays down with the reason when it may not; never
// are there two primaries, never is there an initdb.
#include "engine/boot.h"

#include <algorithm>
#include <gtest/gtest.h>

#include "cluster/fence.h"
#include "cluster/layout.h"
#include "cluster/plan_up.h"
#include "engine/engine.h"
#include "test/sim/kit.h"
#include "test/sim/operated.h"
#include "test/sim/parts.h"

namespace dugong::sim {
namespace {

using Lasts = cluster::BootRefusal::Lasts;

struct Stage : kit::Operated {
  explicit Stage(spec::BootPolicy policy = spec::BootPolicy::wait) : Operated{kit::processes({{'a'}, {'b'}, {'c'}})} {
    spec.boot = policy;
    EXPECT_EQ(up().what, "");
  }
  std::vector<std::string> told;
  std::set<std::string> without;

  cluster::BootRecord record_of(const std::string& node) {
    auto fleet = world.new_controller();
    const auto& directory = world.host(node).registered.at("dex." + node);
    const auto file = node::ask(**fleet->node(node), node::ReadFile{cluster::boot_file(directory)}, Deadline{});
    const auto record = cluster::parse_boot_record(file->content.bytes, "boot.json");
    EXPECT_TRUE(record) << record.error().what;
    return *record;
  }
  engine::BootOutcome boot(const std::string& node) {
    const auto record = record_of(node);
    auto fleet = world.new_controller();
    SimClock clock{world};
    engine::BootContext context{.node = **fleet->node(node),
                                .clock = clock,
                                .tell = [&](const std::string& text) { told.push_back(text); },
                                .stop = {},
                                .holder = "dugong node start, root@" + node,
                                .without = without};
    auto outcome = engine::boot(context, record);
    world.sleep(Millis{5000});
    return outcome;
  }
  // "started", "running", or the refusal's code.
  std::string outcome(const std::string& node) {
    const auto one = boot(node);
    if (const auto* booted = std::get_if<engine::Booted>(&one)) return booted->code;
    refusal = std::get<cluster::BootRefusal>(one);
    return refusal.code;
  }
  cluster::BootRefusal refusal;

  bool streams(const std::string& node) {
    const auto* server = world.server_on(node);
    return server != nullptr && server->ready() && server->streaming;
  }
  Dataset& live(const std::string& node) { return world.host(node).pools.at("tank").datasets.at("tank/dex/live-0"); }
};

TEST(Boot, APrimaryAndItsReplicasComeBack) {
  Stage stage;
  for (const auto* node : {"a", "b", "c"}) {
    stage.world.reboot(node);
    EXPECT_FALSE(stage.runs(node));
    EXPECT_EQ(stage.outcome(node), "started") << stage.refusal.error.what;
    EXPECT_TRUE(stage.runs(node));
    for (const auto* name : {"tank/dex/live-0", "tank/dex/archive"})
      EXPECT_NE(stage.world.host(node).pools.at("tank").datasets.at(name).mounted_at, "") << node << " " << name;
  }
  EXPECT_EQ(stage.outcome("a"), "running");
  EXPECT_EQ(stage.up().what, "");
  EXPECT_EQ(stage.violations(), "");
}

// However long it was away: replicas stream again, from it and to it.
TEST(Boot, AfterThreeSecondsAndAfterAnHourItIsTheSame) {
  for (const auto* node : {"a", "b"}) {
    std::vector<std::string> ends;
    for (const auto away : {Millis{3000}, Millis{3600'000}}) {
      Stage stage;
      stage.world.reboot(node);
      stage.world.sleep(away);
      EXPECT_FALSE(stage.runs(node)) << node;
      EXPECT_EQ(stage.outcome(node), "started") << node << ": " << stage.refusal.error.what;
      stage.world.sleep(Millis{60'000});
      for (const auto* replica : {"b", "c"}) EXPECT_TRUE(stage.streams(replica)) << node << " " << replica;
      EXPECT_EQ(stage.up().what, "");
      EXPECT_EQ(stage.violations(), "");
      ends.push_back(stage.world.fingerprint());
    }
    EXPECT_EQ(ends.front(), ends.back()) << node;
  }
}

TEST(Boot, AReplicaAsksNobody) {
  Stage stage;
  stage.world.reboot("b");
  stage.world.set_link("a", "b", false);
  stage.world.set_link("b", "c", false);
  EXPECT_EQ(stage.outcome("b"), "started");
}

TEST(Boot, AnOldPrimaryStaysDownWhileAnotherLeads) {
  Stage stage;
  stage.world.reboot("a");
  promote(stage.world.state(), *stage.world.server_on("b"));
  stage.world.sleep(Millis{5000});
  EXPECT_EQ(stage.outcome("a"), "another-leads");
  EXPECT_EQ(stage.refusal.lasts, Lasts::for_good);
  EXPECT_NE(stage.refusal.error.what.find("b (10.0.0.2 port 5432) takes writes"), std::string::npos)
      << stage.refusal.error.what;
  EXPECT_FALSE(stage.runs("a"));
  EXPECT_EQ(stage.violations(), "");
}

TEST(Boot, WithoutAnAnswerAPrimaryWaits) {
  Stage stage;
  stage.world.reboot("a");
  stage.world.set_link("a", "b", false);
  EXPECT_EQ(stage.outcome("a"), "peers-silent");
  EXPECT_EQ(stage.refusal.lasts, Lasts::for_now);
  EXPECT_NE(stage.refusal.error.what.find("b (10.0.0.2 port 5432): "), std::string::npos);
  EXPECT_EQ(stage.refusal.error.what.find("c (10.0.0.3"), std::string::npos) << "c answered";
  EXPECT_FALSE(stage.runs("a"));
  stage.without = {"b"};
  EXPECT_EQ(stage.outcome("a"), "started") << "the operator knows that b does not lead";
}

TEST(Boot, WithoutAnAnswerAPrimaryStartsWhereTheFileSaysSo) {
  Stage stage{spec::BootPolicy::start};
  stage.world.reboot("a");
  stage.world.set_link("a", "b", false);
  stage.world.set_link("a", "c", false);
  EXPECT_EQ(stage.outcome("a"), "started");
  const auto said = [](const std::string& one) {
    return one.find("whether another took over is not known") != std::string::npos;
  };
  EXPECT_TRUE(std::ranges::any_of(stage.told, said));
}

// The policy is for silence; who answers is believed.
TEST(Boot, AnAnswerCountsUnderBothPolicies) {
  Stage stage{spec::BootPolicy::start};
  stage.world.reboot("a");
  promote(stage.world.state(), *stage.world.server_on("b"));
  stage.world.sleep(Millis{5000});
  stage.world.set_link("a", "c", false);
  EXPECT_EQ(stage.outcome("a"), "another-leads");
  EXPECT_EQ(stage.violations(), "");
}

TEST(Boot, AFencedNodeStaysDown) {
  Stage stage;
  ASSERT_EQ(stage.fence("a").what, "");
  stage.world.reboot("a");
  EXPECT_EQ(stage.outcome("a"), "fenced");
  EXPECT_EQ(stage.refusal.lasts, Lasts::for_good);
  EXPECT_NE(stage.refusal.error.what.find("by dugong fence"), std::string::npos) << stage.refusal.error.what;
  EXPECT_FALSE(stage.live("a").mounted_at.starts_with("/"));
}

TEST(Boot, WithoutItsPoolItWaits) {
  Stage stage;
  stage.world.reboot("b");
  auto pool = stage.world.host("b").pools.extract("tank");
  EXPECT_EQ(stage.outcome("b"), "pool-missing");
  EXPECT_EQ(stage.refusal.lasts, Lasts::for_now);
  stage.world.host("b").pools.insert(std::move(pool));
  EXPECT_EQ(stage.outcome("b"), "started");
  EXPECT_EQ(stage.violations(), "");
}

// A pool of that name that is another's, or was made anew: nothing is initialised in it.
TEST(Boot, InAPoolWithoutTheDatasetNothingHappens) {
  Stage stage;
  stage.world.reboot("b");
  const auto kept = stage.world.host("b").pools.at("tank").datasets;
  stage.world.host("b").pools.at("tank").datasets.clear();
  EXPECT_EQ(stage.outcome("b"), "dataset-missing");
  stage.world.host("b").pools.at("tank").datasets = kept;
  stage.world.host("b").pools.at("tank").datasets.at("tank/dex").local["dugong:node"] = "c";
  EXPECT_EQ(stage.outcome("b"), "not-ours");
  EXPECT_FALSE(stage.runs("b"));
}

TEST(Boot, AnotherSystemInItsPlaceIsNotStarted) {
  Stage stage;
  stage.world.reboot("b");
  stage.live("b").tree->clusters.begin()->second.control.system_identifier = SystemId{4711};
  EXPECT_EQ(stage.outcome("b"), "wrong-system");
  EXPECT_NE(stage.refusal.error.what.find("holds system 4711"), std::string::npos) << stage.refusal.error.what;
  EXPECT_FALSE(stage.runs("b"));
}

TEST(Boot, AnEmptyDatasetIsNotInitialised) {
  Stage stage;
  stage.world.reboot("a");
  stage.live("a").tree = std::make_shared<Tree>();
  EXPECT_EQ(stage.outcome("a"), "no-data");
  EXPECT_EQ(stage.refusal.lasts, Lasts::for_good);
  EXPECT_TRUE(stage.live("a").tree->files.empty());
}

TEST(Boot, WhatUpDidNotFinishIsLeftToIt) {
  Stage stage;
  stage.world.reboot("b");
  stage.live("b").local["dugong:state"] = "received";
  EXPECT_EQ(stage.outcome("b"), "unfinished");
}

TEST(Boot, TwoLiveDatasetsAreOneTooMany) {
  Stage stage;
  stage.world.reboot("b");
  auto& datasets = stage.world.host("b").pools.at("tank").datasets;
  auto second = datasets.at("tank/dex/live-0");
  second.name = "tank/dex/live-1";
  datasets.emplace(second.name, second);
  EXPECT_EQ(stage.outcome("b"), "two-live");
}

// `down` is a wish that outlives a reboot; the next `up` ends it.
TEST(Boot, WhatWasStoppedByHandIsNotRegistered) {
  Stage stage;
  EXPECT_EQ(stage.world.host("b").registered.size(), 1U);
  ASSERT_EQ(stage.down().what, "");
  for (const auto* node : {"a", "b", "c"}) EXPECT_TRUE(stage.world.host(node).registered.empty()) << node;
  ASSERT_EQ(stage.up().what, "");
  for (const auto* node : {"a", "b", "c"}) EXPECT_EQ(stage.world.host(node).registered.size(), 1U) << node;
}

TEST(BootRecord, IsReadAsItWasWritten) {
  Stage stage{spec::BootPolicy::start};
  const auto record = stage.record_of("b");
  EXPECT_EQ(record.name(), "dex.b");
  EXPECT_EQ(record.peers.size(), 2U);
  EXPECT_EQ(record.policy, spec::BootPolicy::start);
  EXPECT_EQ(record.server, cluster::server_of(stage.spec, *stage.spec.find("b")));
  const auto again = cluster::parse_boot_record(cluster::render(record), "x");
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, record);
}

TEST(BootRecord, ThatIsDamagedIsNamed) {
  const auto why = [](const std::string& text) {
    const auto record = cluster::parse_boot_record(text, "/srv/b/boot.json");
    EXPECT_FALSE(record);
    if (record) return std::string{};
    EXPECT_EQ(record.error().where, "/srv/b/boot.json");
    return record.error().what.substr(record.error().what.find(": ") + 2);
  };
  EXPECT_EQ(why(""), "it is not JSON");
  EXPECT_EQ(why("[]"), "it is not JSON");
  EXPECT_EQ(why("{\"version\": 2}"), "it is of another dugong");
  EXPECT_EQ(why("{\"version\": 1}"), "'cluster' is missing or of another kind");
  Stage stage;
  auto text = cluster::render(stage.record_of("b"));
  const auto broken = [&](const std::string& from, const std::string& to) {
    auto changed = text;
    const auto at = changed.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return why(changed.replace(at, from.size(), to));
  };
  EXPECT_EQ(broken("\"port\": 5432", "\"port\": 65536"), "'port' is missing or of another kind");
  EXPECT_EQ(broken("\"address\"", "\"adress\""), "'peers: address' is missing or of another kind");
  EXPECT_EQ(broken("\"prefix\": \"tank/dex\"", "\"prefix\": 7"), "'prefix' is missing or of another kind");
}

}  // namespace
}  // namespace dugong::sim
