// When a replica without a slot is told that its WAL is gone, and when it may still try.
#include "cluster/kept_wal.h"

#include <functional>
#include <gtest/gtest.h>
#include <vector>

#include "test/support/observed.h"

namespace dugong::cluster {
namespace {

constexpr Lsn segments(std::uint64_t count) { return Lsn{count << 24U}; }

// a's last checkpoint is at the beginning of segment 40; b runs, does not stream, and has replayed up to segment 20.
struct Pair {
  spec::Spec spec = test::a_spec();
  Observed seen = test::all_running(spec);
  ObservedNode& b = seen.nodes[1];
  postgres::ServerSql& upstream = *seen.nodes[0].sql.value;
  Pair() {
    upstream.slots.clear();
    upstream.wal_segment_size = 16 << 20;
    upstream.lsn = segments(50);
    upstream.last_restartpoint_redo = segments(40);
    b.sql.value->streaming = false;
    b.sql.value->lsn = segments(20);
    b.sql.value->received = {};
  }
  void stop(postgres::DbState state) {
    b.sql.value.reset();
    auto& control = *b.data.value->control;
    control.state = state;
    control.redo = segments(10);
    control.min_recovery = segments(20);
  }
  [[nodiscard]] bool gap() const { return wal_gap(seen.nodes[1], upstream).has_value(); }
};

TEST(KeptWal, WhatTheLastCheckpointLeftBehindIsGone) {
  Pair pair;
  const auto gap = wal_gap(pair.b, pair.upstream);
  ASSERT_TRUE(gap);
  EXPECT_EQ(gap->wanted, segments(20));
  EXPECT_EQ(gap->kept, segments(40));
  pair.upstream.last_restartpoint_redo = Lsn{segments(20).value + 4711};  // within the segment that b asks for
  EXPECT_FALSE(pair.gap());
}

TEST(KeptWal, WhatSomethingElseKeepsIsThere) {
  Pair slot;
  slot.upstream.slots = {{"dugong_c", "physical", true, segments(20), "extended", std::nullopt}};
  EXPECT_FALSE(slot.gap());
  slot.upstream.slots[0].wal_status = "lost";
  EXPECT_TRUE(slot.gap());
  Pair size;
  size.upstream.settings["wal_keep_size"].value = "464";  // back to the end of segment 20
  EXPECT_TRUE(size.gap());
  size.upstream.settings["wal_keep_size"].value = "465";
  EXPECT_FALSE(size.gap());
  size.upstream.settings["wal_keep_size"].value = "100000";
  EXPECT_FALSE(size.gap());
}

TEST(KeptWal, WhatItHasReceivedItDoesNotAskFor) {
  Pair pair;
  pair.b.sql.value->received = segments(40);
  EXPECT_FALSE(pair.gap());
}

TEST(KeptWal, OneThatStreamsOrRestoresOrPausesIsNotJudged) {
  const std::vector<std::function<void(postgres::ServerSql&)>> changes = {
      [](auto& sql) { sql.streaming = true; }, [](auto& sql) { sql.replay_paused = true; },
      [](auto& sql) { sql.in_recovery = false; }, [](auto& sql) { sql.settings["restore_command"].value = "cp"; }};
  for (const auto& change : changes) {
    Pair pair;
    change(*pair.b.sql.value);
    EXPECT_FALSE(pair.gap());
  }
}

TEST(KeptWal, AStoppedOneIsJudgedOnlyWhenItEndedInOrder) {
  Pair clean;
  clean.stop(postgres::DbState::shutdowned_in_recovery);
  EXPECT_TRUE(clean.gap());
  Pair crashed;  // what it had received by then shows only when it runs
  crashed.stop(postgres::DbState::in_archive_recovery);
  EXPECT_FALSE(crashed.gap());
  clean.upstream.last_restartpoint_redo = segments(20);
  EXPECT_FALSE(clean.gap());
}

TEST(KeptWal, ASlotThatBeginsTooLate) {
  Pair pair;
  postgres::Slot slot{"dugong_b", "physical", false, segments(40), "reserved", std::nullopt};
  EXPECT_TRUE(begins_too_late(slot, pair.b, pair.upstream));
  slot.restart_lsn = segments(20);
  EXPECT_FALSE(begins_too_late(slot, pair.b, pair.upstream));
}

}  // namespace
}  // namespace dugong::cluster
