// Verdicts of a whole look: each case is one change to a healthy cluster.
#include <functional>
#include <gtest/gtest.h>

#include "base/text.h"
#include "cluster/running_world.h"
#include "report/health_parts.h"

namespace dugong::report {
namespace {

using cluster::testing::healthy;
using cluster::testing::missing;

struct World {
  spec::Spec spec = cluster::testing::three_nodes();
  cluster::Observed seen = healthy();
  LagHistory history;
  cluster::ObservedNode& node(std::size_t i) { return seen.nodes[i]; }
  postgres::ServerSql& sql(std::size_t i) { return *seen.nodes[i].sql.value; }
  [[nodiscard]] ClusterStatus judge() const { return judge_status(spec, seen, history); }
};
constexpr std::size_t a = 0, b = 1, c = 2;

TEST(JudgeStatus, Healthy) {
  const auto status = World{}.judge();
  EXPECT_EQ(status.verdict, Health::healthy) << join(status.reasons, "\n");
  EXPECT_TRUE(status.reasons.empty());
  ASSERT_EQ(status.nodes.size(), 3U);
  EXPECT_FALSE(status.nodes[a].replica);
  EXPECT_FALSE(status.nodes[a].streaming.has_value());
  EXPECT_FALSE(status.nodes[a].lag_bytes.has_value());
  EXPECT_EQ(status.nodes[a].read_only, false);
  EXPECT_EQ(status.nodes[a].dataset, "tank/a/live-0");
  EXPECT_EQ(status.nodes[b].read_only, true);
  EXPECT_EQ(status.nodes[b].streaming, true);
  EXPECT_EQ(status.nodes[b].lag_bytes, 0U);
  EXPECT_EQ(status.nodes[b].lag_seconds, 0.0);
  EXPECT_EQ(status.nodes[b].lag_kind, LagKind::exact);
  EXPECT_EQ(status.nodes[b].slot->name, "dugong_b");
  EXPECT_EQ(status.nodes[c].slot->name, "dugong_c");
  EXPECT_EQ(status.nodes[c].follows, "b");
}

struct Case {
  const char* name;
  std::function<void(World&)> change;
  Health verdict;
  std::size_t node;
  Health health;
  const char* reason;  // found in the node's reasons, and in the cluster's behind the node's name
};

void lose(cluster::ObservedNode& node, const char* why) {
  cluster::ObservedNode gone;
  gone.name = node.name;
  gone.host = missing<cluster::Host>(ErrorKind::unreachable, why);
  gone.sql = missing<postgres::ServerSql>(ErrorKind::unreachable, why);
  node = gone;
}
void stop(cluster::ObservedNode& node, runtime::ServerState state) {
  node.server.value->state = state;
  node.server.value->exit_code = 1;
  node.server.value->log_tail = {"LOG: x", "FATAL: no room"};
  // The connection is refused, not the node: that is down, not unknown.
  node.sql = missing<postgres::ServerSql>(ErrorKind::unreachable, "nobody listens");
}

const Case cases[] = {
    {"replica unreachable", [](World& w) { lose(w.node(b), "ssh: No route to host"); }, Health::degraded, b,
     Health::unknown, "cannot be reached: ssh: No route to host"},
    {"primary unreachable", [](World& w) { lose(w.node(a), "ssh: timed out"); }, Health::down, a, Health::unknown,
     "cannot be reached: ssh: timed out"},
    {"primary stopped", [](World& w) { stop(w.node(a), runtime::ServerState::exited); }, Health::down, a, Health::down,
     "runs no server: it ended with exit code 1; its last words: FATAL: no room"},
    {"replica has no server", [](World& w) { stop(w.node(b), runtime::ServerState::absent); }, Health::degraded, b,
     Health::down, "has no server: run `dugong up`"},
    {"replica starting", [](World& w) { stop(w.node(b), runtime::ServerState::running); }, Health::degraded, b,
     Health::down, "runs, but takes no clients: nobody listens"},
    {"lost while looking",
     [](World& w) {
       w.node(b).server = missing<runtime::ServerFacts>(ErrorKind::unreachable, "the session ended");
       w.node(b).sql = missing<postgres::ServerSql>(ErrorKind::unreachable, "the session ended");
     },
     Health::degraded, b, Health::unknown, "whether its server runs cannot be seen: the session ended"},
    {"nobody can say whether the primary runs",
     [](World& w) {
       w.node(a).server = missing<runtime::ServerFacts>(ErrorKind::failed, "no daemon");
       w.node(a).sql = missing<postgres::ServerSql>(ErrorKind::failed, "no daemon");
     },
     Health::down, a, Health::unknown, "whether its server runs cannot be seen: no daemon"},
    {"it answers, but docker does not",
     [](World& w) { w.node(a).server = missing<runtime::ServerFacts>(ErrorKind::failed, "no daemon"); },
     Health::degraded, a, Health::degraded, "answers, but what runs it cannot be asked: no daemon"},
    {"no pool",
     [](World& w) {
       w.node(b).pool = missing<zfs::Pool>(ErrorKind::failed, "cannot open 'tank': no such pool");
       w.node(b).storage = missing<std::vector<zfs::Dataset>>(ErrorKind::failed, "no such dataset");
     },
     Health::degraded, b, Health::degraded, "its storage cannot be seen: cannot open 'tank': no such pool"},
    {"no datasets to be seen",
     [](World& w) { w.node(b).storage = missing<std::vector<zfs::Dataset>>(ErrorKind::timed_out, "zfs hangs"); },
     Health::degraded, b, Health::degraded, "its storage cannot be seen: zfs hangs"},
    {"data of nobody knows where", [](World& w) { w.node(b).storage.value->clear(); }, Health::degraded, b,
     Health::degraded, "no live dataset of this node is below tank/b"},
    {"primary in recovery", [](World& w) { w.sql(a).in_recovery = true; }, Health::down, a, Health::down,
     "takes no writes: it is in recovery"},
    {"primary initializing", [](World& w) { w.sql(a).accepts_clients = false; }, Health::down, a, Health::down,
     "takes no writes: it is still being initialized"},
    {"primary read only by setting", [](World& w) { w.sql(a).default_read_only = true; }, Health::degraded, a,
     Health::degraded, "refuses plain writes"},
    {"replica takes writes",
     [](World& w) {
       w.sql(b).in_recovery = false;
       w.sql(b).streaming = false;
     },
     Health::degraded, b, Health::degraded, "takes writes: it is not in recovery"},
    {"not streaming", [](World& w) { w.sql(b).streaming = false; }, Health::degraded, b, Health::degraded,
     "does not stream from a"},
    {"streams from a stranger", [](World& w) { w.sql(b).sender_host = "10.9.9.9"; }, Health::degraded, b,
     Health::degraded, "streams from 10.9.9.9, not from a (10.0.0.1)"},
    {"old timeline", [](World& w) { w.sql(b).timeline = {2}; }, Health::degraded, b, Health::degraded,
     "is on timeline 2, a is on 3"},
    {"cascaded replica is measured by its upstream's timeline", [](World& w) { w.sql(c).timeline = {2}; },
     Health::degraded, c, Health::degraded, "is on timeline 2, b is on 3"},
    {"another database", [](World& w) { w.sql(b).system_identifier = {42}; }, Health::degraded, b, Health::degraded,
     "is another database: its system identifier is 42"},
    {"replay paused", [](World& w) { w.sql(b).replay_paused = true; }, Health::degraded, b, Health::degraded,
     "replay paused"},
    {"ahead of the primary",
     [](World& w) {
       w.sql(b).streaming = false;
       w.sql(b).received = {0x2000'0000 + 2048};
     },
     Health::degraded, b, Health::degraded, "is ahead of a by 2 KiB on timeline 3"},
    {"1 GiB behind", [](World& w) { w.sql(a).lsn = w.sql(a).insert_lsn = {0x6000'0000}; }, Health::degraded, b,
     Health::degraded, "is behind by 1 GiB"},
    {"slot missing", [](World& w) { w.sql(a).slots.clear(); }, Health::degraded, b, Health::degraded,
     "slot dugong_b is missing on a"},
    {"slot inactive", [](World& w) { w.sql(a).slots[0].active = false; }, Health::degraded, b, Health::degraded,
     "slot dugong_b on a is inactive and keeps 256 MiB of WAL"},
    {"slot lost", [](World& w) { w.sql(a).slots[0].wal_status = "lost"; }, Health::degraded, b, Health::degraded,
     "slot dugong_b on a is lost"},
    {"slot unreserved", [](World& w) { w.sql(a).slots[0].wal_status = "unreserved"; }, Health::degraded, b,
     Health::degraded, "slot dugong_b on a is about to be lost"},
    {"a slot of nobody",
     [](World& w) {
       w.sql(a).slots.push_back(cluster::testing::slot("old_replica"));
       w.sql(a).slots[1].active = false;
     },
     Health::degraded, a, Health::degraded,
     "slot old_replica is inactive and keeps 256 MiB of WAL; no node of dugong.toml uses it"},
    {"bad setting", [](World& w) { w.sql(a).conf_errors = {"dugong.conf:3: invalid value"}; }, Health::degraded, a,
     Health::degraded, "has a setting it cannot use: dugong.conf:3: invalid value"},
    {"pending restart", [](World& w) { w.sql(b).settings["max_connections"].pending_restart = true; }, Health::degraded,
     b, Health::degraded, "must be restarted before these count: max_connections"},
    {"no statistics of the archiver, and it hangs",
     [](World& w) { w.node(a).data = cluster::testing::sampled(postgres::DataFacts{.unarchived = 17}); },
     Health::degraded, a, Health::degraded, "is behind with archiving WAL: 17 finished segments"},
    {"sync off",
     [](World& w) {
       for (auto& dataset : *w.node(a).storage.value) dataset.sync = "disabled";
     },
     Health::degraded, a, Health::degraded, "has sync=disabled"},
    {"archiving fails",
     [](World& w) {
       w.sql(a).last_archived = "000000030000000000000004";
       w.sql(a).last_failed = "000000030000000000000005";
       w.sql(a).failed_count = 7;
       w.sql(a).archiving_fails = true;
     },
     Health::degraded, a, Health::degraded, "000000030000000000000005 failed (7 failures so far)"},
    {"clock off", [](World& w) { w.node(b).host.value->clock_offset_seconds = -0.9; }, Health::degraded, b,
     Health::degraded, "its clock is -0.900 s off ours"},
    {"pool degraded", [](World& w) { w.node(c).pool.value->health = "DEGRADED"; }, Health::degraded, c,
     Health::degraded, "pool tank is DEGRADED"},
    {"not mounted", [](World& w) { w.node(b).storage.value->front().mounted = false; }, Health::degraded, b,
     Health::degraded, "tank/b/live-0 is not mounted"},
    {"two lives",
     [](World& w) {
       auto second = w.node(b).storage.value->front();
       second.name = "tank/b/live-1";
       w.node(b).storage.value->push_back(second);
     },
     Health::degraded, b, Health::degraded, "tank/b/live-0 and tank/b/live-1"},
    {"a stranger at the data", [](World& w) { w.node(b).server.value->strangers = {"container foo"}; },
     Health::degraded, b, Health::degraded, "used by a stranger: container foo"},
};

bool found(const std::vector<std::string>& reasons, const std::string& text) {
  for (const auto& reason : reasons)
    if (reason.find(text) != std::string::npos) return true;
  return false;
}

TEST(JudgeStatus, Cases) {
  for (const auto& one : cases) {
    World world;
    one.change(world);
    const auto status = world.judge();
    const auto& node = status.nodes[one.node];
    EXPECT_EQ(to_string(status.verdict), to_string(one.verdict)) << one.name;
    EXPECT_EQ(to_string(node.health), to_string(one.health)) << one.name;
    EXPECT_TRUE(found(node.reasons, one.reason)) << one.name << "\n" << join(node.reasons, "\n");
    EXPECT_TRUE(found(status.reasons, node.name + ": ")) << one.name;
  }
}

TEST(JudgeStatus, TwoWriters) {
  World world;
  world.sql(b).in_recovery = false;
  EXPECT_EQ(world.judge().reasons.front(), "more than one node takes writes: a, b");
}

TEST(JudgeStatus, NoWriterSaysSoFirst) {
  World world;
  stop(world.node(a), runtime::ServerState::exited);
  EXPECT_EQ(world.judge().reasons.front(), "no node is seen to take writes");
}

TEST(JudgeStatus, WhoeverTookOverIsThePrimaryToMeasureBy) {
  World world;
  lose(world.node(a), "gone");
  world.sql(b).in_recovery = false;
  world.sql(b).timeline = {4};
  const auto status = world.judge();
  EXPECT_EQ(status.verdict, Health::degraded);
  EXPECT_TRUE(found(status.nodes[c].reasons, "is on timeline 3, b is on 4"));
  EXPECT_EQ(status.nodes[c].lag_kind, LagKind::upper_bound);  // streams, but not what the primary writes
  EXPECT_NE(status.nodes[c].lag_bytes, Bytes{0});
}

// What a replica says of its lag is its own clock's now less what the primary's clock said.
TEST(Lag, ClocksThatDifferAreNoPartOfIt) {
  for (const double off : {3600.0, -3600.0}) {
    World world;
    auto& replica = world.node(b);
    replica.host.value->clock_offset_seconds = off;
    replica.host.value->clock_uncertainty_seconds = 0.25;
    replica.sql.value->streaming = false;
    replica.sql.value->lsn.value -= 4096;
    replica.sql.value->replay_age_seconds = 40 + off;
    const auto status = world.judge();
    EXPECT_EQ(status.nodes[b].lag_kind, LagKind::upper_bound);
    ASSERT_TRUE(status.nodes[b].lag_seconds);
    EXPECT_NEAR(*status.nodes[b].lag_seconds, 40, 1);
  }
}

TEST(JudgeStatus, WithoutAPrimaryThereIsNoLag) {
  World world;
  lose(world.node(a), "gone");
  for (auto node : {b, c}) {
    const auto status = world.judge().nodes[node];
    EXPECT_FALSE(status.lag_bytes.has_value());
    EXPECT_FALSE(status.lag_seconds.has_value());
    EXPECT_EQ(status.lag_kind, LagKind::unknown);
  }
}

TEST(JudgeStatus, AnUnreachableNodeHasNoNumbers) {
  World world;
  lose(world.node(b), "gone");
  const auto node = world.judge().nodes[b];
  EXPECT_FALSE(node.timeline || node.lsn || node.lag_bytes || node.lag_seconds || node.streaming || node.read_only);
  EXPECT_TRUE(node.slot.has_value());  // the primary still knows
}

TEST(JudgeStatus, AReplicaAheadOnlyByTheMomentOfTheLookIsFine) {
  World world;
  world.sql(b).lsn = world.sql(b).received = {0x2000'0000 + 2048};
  EXPECT_EQ(world.judge().verdict, Health::healthy);
}

TEST(JudgeStatus, CutOffReplicaWithHistoryIsLateAndSaysSo) {
  World world;
  world.sql(b).streaming = false;
  world.sql(a).lsn = world.sql(a).insert_lsn = {0x2000'0000 + 4096};
  world.history.add(cluster::testing::at(-300), {0x2000'0000});
  world.history.add(cluster::testing::at(-290), {0x2000'0000 + 4096});
  const auto node = world.judge().nodes[b];
  EXPECT_EQ(node.lag_kind, LagKind::exact);
  EXPECT_NEAR(node.lag_seconds.value(), 400, 1e-6);
  EXPECT_TRUE(found(node.reasons, "is behind by 4 KiB and 6 min 40 s")) << join(node.reasons, "\n");
}

TEST(JudgeStatus, AMissingPoolIsSaidBeforeWhatFollowsFromIt) {
  World world;
  stop(world.node(b), runtime::ServerState::exited);
  world.node(b).pool = missing<zfs::Pool>(ErrorKind::failed, "cannot open 'tank': no such pool");
  const auto reasons = world.judge().nodes[b].reasons;
  ASSERT_GE(reasons.size(), 2U);
  EXPECT_NE(reasons[0].find("no such pool"), std::string::npos) << join(reasons, "\n");
}

TEST(JudgeStatus, SlotCoversHours) {
  World world;
  world.history.add(cluster::testing::at(0), {0});
  world.history.add(cluster::testing::at(1024), {Bytes{1} << 30});  // 1 MiB/s; 36 GiB are free
  EXPECT_NEAR(world.judge().nodes[b].slot->hours_covered.value(), 5.12, 1e-6);
}

TEST(JudgeStatus, ASyncedLogicalSlotOnAStandbyIsNoReason) {
  World world;
  auto copy = cluster::testing::slot("subscriber");
  copy.type = "logical";
  copy.active = false;
  world.sql(b).slots.push_back(copy);
  EXPECT_EQ(world.judge().verdict, Health::healthy);
}

TEST(JudgeStatus, SenderByAnotherAddressOfTheUpstream) {
  World world;
  world.sql(b).sender_host = "192.168.7.1";
  world.node(a).host.value->addresses = {"192.168.7.1"};
  EXPECT_EQ(world.judge().verdict, Health::healthy);
}

TEST(JudgeArchive, OnlyWhatFailsNow) {
  postgres::ServerSql sql;
  EXPECT_TRUE(judge_archive(sql).empty());
  sql.last_failed = "000000010000000000000005";
  sql.archiving_fails = true;
  EXPECT_TRUE(found(judge_archive(sql), "the last one archived is none"));
  sql.last_archived = "000000010000000000000005";
  sql.archiving_fails = false;
  EXPECT_TRUE(judge_archive(sql).empty());
}

// After a promotion the history file goes first, and nothing else while it does not.
TEST(JudgeArchive, OneThatIsStuckOnATimelineFile) {
  postgres::ServerSql sql;
  sql.last_archived = "000000010000000000000005";
  sql.last_failed = "00000002.history";
  sql.archiving_fails = true;
  EXPECT_TRUE(found(judge_archive(sql), "00000002.history failed"));
  sql.archiving_fails = false;
  EXPECT_TRUE(judge_archive(sql).empty());
}

TEST(JudgeArchive, ATimelineFileIsNoPosition) {
  postgres::ServerSql sql;
  sql.settings["archive_mode"].value = "on";
  sql.wal_segment_size = 16 << 20;
  sql.timeline = {2};
  sql.lsn = Lsn{1000ULL << 24};
  sql.last_archived = "00000002.history";
  EXPECT_TRUE(judge_archive(sql).empty());
}

TEST(JudgeArchive, OneThatStandsStillWithoutFailing) {
  postgres::ServerSql sql;
  sql.settings["archive_mode"].value = "on";
  sql.wal_segment_size = 16 << 20;
  sql.timeline = {1};
  sql.last_archived = "000000010000000000000005";
  sql.lsn = Lsn{(5ULL + 17) << 24};  // sixteen are finished and wait
  EXPECT_TRUE(judge_archive(sql).empty());
  sql.lsn = Lsn{(5ULL + 18) << 24};
  EXPECT_TRUE(found(judge_archive(sql), "17 finished segments (272 MiB) after 000000010000000000000005"));
  sql.in_recovery = true;  // what it replays is its upstream's to archive
  EXPECT_TRUE(judge_archive(sql).empty());
  sql.in_recovery = false;
  sql.settings["archive_mode"].value = "off";
  EXPECT_TRUE(judge_archive(sql).empty());
}

TEST(JudgeClock, UncertaintyCountsForTheNode) {
  cluster::Host host;
  host.clock_offset_seconds = 0.8;
  host.clock_uncertainty_seconds = 0.4;
  EXPECT_TRUE(judge_clock(host).empty());
  host.clock_uncertainty_seconds = 0.2;
  EXPECT_EQ(judge_clock(host).size(), 1U);
}

TEST(HealthWords, AreTheContract) {
  EXPECT_EQ(
      to_string(Health::healthy) + to_string(Health::degraded) + to_string(Health::down) + to_string(Health::unknown),
      "healthydegradeddownunknown");
  EXPECT_EQ(to_string(LagKind::exact) + to_string(LagKind::upper_bound) + to_string(LagKind::unknown),
            "exactupper_boundunknown");
}

}  // namespace
}  // namespace dugong::report
