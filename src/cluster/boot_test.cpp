// Every reason to stay down, each made by one change to what a node shows that may start.
#include "cluster/boot.h"

#include <functional>
#include <gtest/gtest.h>

namespace dugong::cluster {
namespace {

using Lasts = BootRefusal::Lasts;

constexpr SystemId our_system{7'300'000'000'000'000'001};

BootRecord a_record() {
  BootRecord record{.cluster = "dex", .node = "a", .prefix = "tank/dex", .system_identifier = our_system};
  record.server.data = "/srv/a/data";
  record.server.project = "dugong-dex-a";
  record.peers = {{"b", "10.0.0.2", 5432}, {"c", "10.0.0.3", 5433}};
  return record;
}

zfs::Dataset a_dataset(const std::string& name, const std::string& role) {
  zfs::Dataset dataset;
  dataset.name = name;
  dataset.canmount = "noauto";
  dataset.ours = {{"cluster", "dex"}, {"node", "a"}, {"role", role}};
  return dataset;
}

template <class T>
void lose(Sample<T>& sample, const std::string& why) {
  sample.value.reset();
  sample.error = Error{ErrorKind::failed, why, {}, {}, {}};
}

postgres::PeerFacts a_standby() {
  return {.answered = true, .system_identifier = our_system, .timeline = TimelineId{3}, .in_recovery = true};
}

// A former primary on timeline 3 whose peers follow that timeline.
struct World {
  BootRecord record = a_record();
  BootSeen seen;
  World() {
    seen.pool.value = zfs::Pool{};
    auto live = a_dataset("tank/dex/live-0", "live");
    live.ours["state"] = "ready";
    live.mountpoint = record.server.data;
    live.mounted = true;
    auto archive = a_dataset("tank/dex/archive", "archive");
    archive.mounted = true;
    seen.storage.value = {a_dataset("tank/dex", "parent"), live, archive};
    seen.server.value = runtime::ServerFacts{.state = runtime::ServerState::exited};
    postgres::DataFacts data;
    data.exists = true;
    data.empty = false;
    data.version = "17";
    data.control = postgres::ControlData{};
    data.control->system_identifier = our_system;
    data.control->timeline = TimelineId{3};
    seen.data.value = data;
    seen.peers = {{"b", a_standby()}, {"c", a_standby()}};
  }
  zfs::Dataset& parent() { return seen.storage.value->at(0); }
  zfs::Dataset& live() { return seen.storage.value->at(1); }
  postgres::DataFacts& data() { return *seen.data.value; }
  postgres::PeerFacts& peer(const std::string& name) { return seen.peers->at(name); }
};

using Change = std::function<void(World&)>;

BootVerdict verdict(const Change& change) {
  World world;
  change(world);
  return judge_boot(world.record, world.seen);
}

TEST(JudgeBoot, StartsWhatIsRight) {
  EXPECT_TRUE(std::holds_alternative<BootStart>(verdict([](World&) {})));
  EXPECT_TRUE(std::holds_alternative<BootStart>(verdict([](World& w) { w.record.peers.clear(); })));
  const auto standby = verdict([](World& w) {
    w.data().entries = {"standby.signal"};
    w.seen.peers.reset();
  });
  EXPECT_TRUE(std::holds_alternative<BootStart>(standby)) << "a standby asks nobody";
}

// PGDATA may lie below the root of what was adopted, and of nothing else.
TEST(JudgeBoot, StartsWhatWasAdopted) {
  const auto inside = [](const std::string& adopted) {
    return verdict([&](World& w) {
      w.record.adopted = adopted;
      w.live().name = "zpool/data";
      w.live().mountpoint = "/srv/a";
    });
  };
  EXPECT_TRUE(std::holds_alternative<BootStart>(inside("zpool/data")));
  const auto elsewhere = inside("");
  ASSERT_TRUE(std::holds_alternative<BootRefusal>(elsewhere));
  EXPECT_EQ(std::get<BootRefusal>(elsewhere).code, "elsewhere");
  auto record = a_record();
  record.adopted = "zpool/data";
  EXPECT_EQ(parse_boot_record(render(record), "boot.json").value(), record);
}

TEST(JudgeBoot, DoesWhatIsMissingFirst) {
  const auto mount = verdict([](World& w) { w.live().mounted = false; });
  ASSERT_TRUE(std::holds_alternative<BootMount>(mount));
  EXPECT_EQ(std::get<BootMount>(mount).dataset, "tank/dex/live-0");
  const auto archive = verdict([](World& w) { w.seen.storage.value->at(2).mounted = false; });
  ASSERT_TRUE(std::holds_alternative<BootMount>(archive));
  EXPECT_EQ(std::get<BootMount>(archive).dataset, "tank/dex/archive");
  EXPECT_TRUE(std::holds_alternative<BootAsk>(verdict([](World& w) { w.seen.peers.reset(); })));
  EXPECT_TRUE(std::holds_alternative<BootRunning>(
      verdict([](World& w) { w.seen.server.value->state = runtime::ServerState::running; })));
}

TEST(JudgeBoot, WhatTheNodeAdvisesAgainstItsOwnRefusalIsPassedOn) {
  const auto refused = verdict([](World& w) {
    w.seen.server.value.reset();
    w.seen.server.error = Error{ErrorKind::refused, "programs in /x may not be run", {}, {}, "add \"/x\" to bin_dirs"};
  });
  ASSERT_TRUE(std::holds_alternative<BootRefusal>(refused));
  EXPECT_EQ(std::get<BootRefusal>(refused).error.next, "add \"/x\" to bin_dirs; it is tried again");
}

TEST(JudgeBoot, StaysDown) {
  struct Row {
    Change change;
    std::string code;
    Lasts lasts;
    std::string says;
  };
  const std::vector<Row> rows = {
      {[](World& w) { lose(w.seen.pool, "cannot open 'tank': no such pool"); }, "pool-missing", Lasts::for_now,
       "no such pool"},
      {[](World& w) { lose(w.seen.storage, "zfs: internal error"); }, "storage-unseen", Lasts::for_now, "internal"},
      {[](World& w) { w.seen.storage.value->clear(); }, "dataset-missing", Lasts::for_good, "no dataset tank/dex"},
      {[](World& w) { w.parent().ours.clear(); }, "not-ours", Lasts::for_good, "the mark of dex.a"},
      {[](World& w) { w.parent().ours["node"] = "b"; }, "not-ours", Lasts::for_good, "the mark of dex.a"},
      {[](World& w) { w.parent().ours["fenced"] = "primary 1790000000 dugong fence, root@ops"; }, "fenced",
       Lasts::for_good, "by dugong fence, root@ops"},
      {[](World& w) { w.parent().ours["fenced"] = "nobody wrote this"; }, "fenced", Lasts::for_good, "fenced"},
      {[](World& w) { w.live().ours["role"] = "aside"; }, "no-data", Lasts::for_good, "live data"},
      {[](World& w) { w.live().is_snapshot = true; }, "no-data", Lasts::for_good, "live data"},
      {[](World& w) { w.seen.storage.value->push_back(w.live()); }, "two-live", Lasts::for_good, "both marked"},
      {[](World& w) { w.live().ours["state"] = "received"; }, "unfinished", Lasts::for_good, "'received'"},
      {[](World& w) { w.live().ours.erase("state"); }, "unfinished", Lasts::for_good, "''"},
      {[](World& w) { w.live().mountpoint = "/mnt"; }, "elsewhere", Lasts::for_good, "at /mnt"},
      {[](World& w) { w.live().mounted = false, w.live().canmount = "off"; }, "not-mountable", Lasts::for_good,
       "canmount=off"},
      {[](World& w) { lose(w.seen.server, "docker: Cannot connect"); }, "runtime-unseen", Lasts::for_now, "docker"},
      {[](World& w) { w.seen.server.value->strangers = {"container theirs"}; }, "in-use", Lasts::for_good,
       "container theirs"},
      // Ours may well be seen running beside it: two servers.
      {[](World& w) {
         w.seen.server.value->strangers = {"process 7"};
         w.seen.server.value->state = runtime::ServerState::running;
       },
       "in-use", Lasts::for_good, "process 7"},
      {[](World& w) { lose(w.seen.data, "Input/output error"); }, "data-unreadable", Lasts::for_now, "Input/output"},
      {[](World& w) { w.data().version.clear(); }, "no-data", Lasts::for_good, "no PG_VERSION"},
      {[](World& w) { w.data().control.reset(), w.data().control_error = "its checksum is wrong"; },
       "control-unreadable", Lasts::for_good, "checksum is wrong"},
      {[](World& w) { w.data().control->system_identifier = SystemId{4711}; }, "wrong-system", Lasts::for_good,
       "system 4711"},
      {[](World& w) { w.peer("c").in_recovery = false; }, "another-leads", Lasts::for_good,
       "c (10.0.0.3 port 5433) takes writes"},
      {[](World& w) { w.peer("b").timeline = TimelineId{4}; }, "another-leads", Lasts::for_good,
       "is on timeline 4, this node on 3"},
      // A peer that does not say whether it is in recovery still says its timeline.
      {[](World& w) { w.peer("b").in_recovery.reset(), w.peer("b").timeline = TimelineId{4}; }, "another-leads",
       Lasts::for_good, "timeline 4"},
      {[](World& w) { w.peer("b") = {.why_not = "Connection refused"}; }, "peers-silent", Lasts::for_now,
       "b (10.0.0.2 port 5432): Connection refused"},
      {[](World& w) { w.seen.peers->erase("c"); }, "peers-silent", Lasts::for_now, "it was not asked"},
      {[](World& w) { w.peer("b").system_identifier = SystemId{9}; }, "peers-silent", Lasts::for_now,
       "it is system 9, not"},
      // Silence of one does not hide the answer of another.
      {[](World& w) {
         w.peer("b") = {.why_not = "Connection refused"};
         w.peer("c").in_recovery = false;
       },
       "another-leads", Lasts::for_good, "c (10.0.0.3"},
  };
  for (const auto& row : rows) {
    const auto is = verdict(row.change);
    const auto* refusal = std::get_if<BootRefusal>(&is);
    ASSERT_NE(refusal, nullptr) << row.code;
    EXPECT_EQ(refusal->code, row.code);
    EXPECT_EQ(refusal->lasts, row.lasts) << row.code;
    EXPECT_NE(refusal->error.what.find(row.says), std::string::npos) << row.code << ": " << refusal->error.what;
    EXPECT_EQ(refusal->error.left, "nothing was started") << row.code;
    EXPECT_FALSE(refusal->error.next.empty()) << row.code;
  }
}

TEST(JudgeBoot, ThePolicyIsForSilenceAlone) {
  const auto silent = verdict([](World& w) {
    w.record.policy = spec::BootPolicy::start;
    w.peer("b") = {.why_not = "Connection refused"};
  });
  ASSERT_TRUE(std::holds_alternative<BootStart>(silent));
  ASSERT_EQ(std::get<BootStart>(silent).notes.size(), 1U);
  EXPECT_NE(std::get<BootStart>(silent).notes[0].find("Connection refused"), std::string::npos);
  const auto led = verdict([](World& w) {
    w.record.policy = spec::BootPolicy::start;
    w.peer("b").in_recovery = false;
  });
  EXPECT_TRUE(std::holds_alternative<BootRefusal>(led));
}

TEST(BootMetrics, AreInTheTextFormat) {
  EXPECT_EQ(boot_metrics(a_record(), "started", 1'790'000'000),
            "# HELP dugong_boot_outcome What the last `dugong node start` did with this node, or why it did nothing.\n"
            "# TYPE dugong_boot_outcome gauge\n"
            "dugong_boot_outcome{cluster=\"dex\",node=\"a\",outcome=\"started\"} 1\n"
            "# HELP dugong_boot_last_attempt_timestamp_seconds When that was.\n"
            "# TYPE dugong_boot_last_attempt_timestamp_seconds gauge\n"
            "dugong_boot_last_attempt_timestamp_seconds{cluster=\"dex\",node=\"a\"} 1790000000\n");
}

}  // namespace
}  // namespace dugong::cluster
