// Lag: the false zero must never come back, and history must beat every guess.
#include <gtest/gtest.h>

#include "cluster/running_world.h"
#include "report/health_parts.h"

namespace dugong::report {
namespace {

using cluster::testing::at;

LagHistory history_of(std::initializer_list<std::pair<double, std::uint64_t>> points) {
  LagHistory history;
  for (const auto& [seconds, lsn] : points) history.add(at(seconds), {lsn});
  return history;
}

struct LagCase {
  const char* name;
  bool streaming;
  std::uint64_t replayed;
  std::optional<std::uint64_t> primary;
  std::optional<double> replay_age;
  std::vector<std::pair<double, std::uint64_t>> history;  // the look is at 100 s
  std::optional<Bytes> bytes;
  std::optional<double> seconds;
  LagKind kind;
};

constexpr auto none = std::nullopt;
const LagCase lag_cases[] = {
    {"caught up is 0, exactly", true, 500, 500, 9.0, {}, 0, 0.0, LagKind::exact},
    {"a sample taken a moment later is caught up too", true, 600, 500, 9.0, {}, 0, 0.0, LagKind::exact},
    {"streaming and behind is bounded by the last replayed commit",
     true,
     400,
     500,
     9.0,
     {},
     100,
     9.0,
     LagKind::upper_bound},
    {"streaming, behind, nothing ever replayed", true, 400, 500, none, {}, 100, none, LagKind::unknown},
    // The false zero: received == replayed == everything it ever got, cut off.
    {"cut off with all it received is not 0", false, 500, 500, none, {}, none, none, LagKind::unknown},
    {"cut off, last commit 40 s ago", false, 500, 500, 40.0, {}, none, 40.0, LagKind::upper_bound},
    {"cut off and 32 MiB behind", false, 0, 32 << 20, 40.0, {}, 32 << 20, 40.0, LagKind::upper_bound},
    {"a replay age of 0 of a cut-off replica bounds nothing", false, 400, 500, 0.0, {}, 100, none, LagKind::unknown},
    {"a negative replay age (clocks differ) bounds nothing", false, 400, 500, -3.0, {}, 100, none, LagKind::unknown},
    {"cut off, history: has all of it, still not 0", false, 500, 500, none, {{90, 500}}, none, none, LagKind::unknown},
    {"cut off, history tells when the primary passed",
     false,
     500,
     900,
     0.2,
     {{60, 500}, {80, 900}},
     400,
     40.0,
     LagKind::exact},
    {"history beats the bound", true, 700, 900, 55.0, {{60, 500}, {80, 900}}, 200, 30.0, LagKind::exact},
    {"history that is too short falls back to the bound",
     true,
     300,
     900,
     55.0,
     {{60, 500}, {80, 900}},
     600,
     55.0,
     LagKind::upper_bound},
    {"no primary: nothing at all, never 0", true, 500, none, 9.0, {{60, 500}}, none, none, LagKind::unknown},
    {"no primary, cut off", false, 500, none, 9.0, {}, none, none, LagKind::unknown},
};

TEST(JudgeLag, Cases) {
  for (const auto& c : lag_cases) {
    LagHistory history;
    for (const auto& [seconds, lsn] : c.history) history.add(at(seconds), {lsn});
    LagEvidence seen{.streaming = c.streaming, .replayed = {c.replayed}};
    if (c.primary) seen.primary = Lsn{*c.primary};
    seen.replay_age_seconds = c.replay_age;
    seen.taken_at = at(100);
    const auto lag = judge_lag(seen, history);
    EXPECT_EQ(lag.bytes, c.bytes) << c.name;
    EXPECT_EQ(lag.kind, c.kind) << c.name;
    ASSERT_EQ(lag.seconds.has_value(), c.seconds.has_value()) << c.name;
    EXPECT_NEAR(lag.seconds.value_or(-1), c.seconds.value_or(-1), 1e-6) << c.name;
  }
}

TEST(JudgeLag, ACutOffReplicaIsNeverAtZero) {
  const auto history = history_of({{10, 100}, {50, 500}, {90, 500}});
  for (std::uint64_t replayed = 0; replayed <= 700; replayed += 50)
    for (std::uint64_t primary : {100U, 400U, 500U, 900U})
      for (const auto& age : {std::optional<double>{}, std::optional{0.0}, std::optional{7.0}})
        for (const auto* past : {&history, static_cast<const LagHistory*>(nullptr)}) {
          LagEvidence seen{.streaming = false, .replayed = {replayed}, .primary = Lsn{primary}};
          seen.replay_age_seconds = age;
          seen.taken_at = at(100);
          const auto lag = judge_lag(seen, past == nullptr ? LagHistory{} : *past);
          EXPECT_NE(lag.bytes, Bytes{0});
          EXPECT_NE(lag.seconds, 0.0);
          EXPECT_EQ(lag.kind == LagKind::unknown, !lag.seconds.has_value());
        }
}

TEST(LagHistory, EmptyKnowsNothing) {
  EXPECT_EQ(LagHistory{}.lag(at(1), {5}), std::nullopt);
  EXPECT_EQ(LagHistory{}.wal_rate(), std::nullopt);
}

TEST(LagHistory, AllOfTheNewestIsZero) {
  const auto history = history_of({{10, 100}, {20, 200}});
  EXPECT_EQ(history.lag(at(50), {200}), 0.0);
  EXPECT_EQ(history.lag(at(50), {201}), 0.0);
}

TEST(LagHistory, Interpolates) {
  const auto history = history_of({{10, 100}, {20, 200}, {30, 600}});
  EXPECT_NEAR(history.lag(at(30), {150}).value(), 15, 1e-9);
  EXPECT_NEAR(history.lag(at(30), {300}).value(), 7.5, 1e-9);
  EXPECT_NEAR(history.lag(at(90), {300}).value(), 67.5, 1e-9);  // disconnected: grows
}

TEST(LagHistory, CountsFromTheEndOfAnIdleTime) {
  const auto history = history_of({{10, 100}, {20, 100}, {30, 100}, {40, 200}});
  EXPECT_NEAR(history.lag(at(50), {100}).value(), 20, 1e-9);
}

TEST(LagHistory, DoesNotReachBack) { EXPECT_EQ(history_of({{10, 100}, {20, 200}}).lag(at(30), {99}), std::nullopt); }

TEST(LagHistory, AnIdleTimeTakesTwoPoints) {
  LagHistory history;
  for (int i = 0; i < 1000; ++i) history.add(at(i), {100});
  EXPECT_EQ(history.size(), 2U);
}

TEST(LagHistory, WalThatWentBackIsAnotherHistory) {
  const auto history = history_of({{10, 100}, {20, 200}, {30, 150}});
  EXPECT_EQ(history.size(), 1U);
  EXPECT_EQ(history.lag(at(40), {120}), std::nullopt);
}

TEST(LagHistory, IgnoresASampleOutOfOrder) { EXPECT_EQ(history_of({{10, 100}, {10, 200}, {5, 300}}).size(), 1U); }

TEST(LagHistory, StaysBoundedAndStillReachesBack) {
  LagHistory history;
  for (std::uint64_t i = 0; i < 100'000; ++i) history.add(at(static_cast<double>(i)), {1000 + i});
  EXPECT_LE(history.size(), 4096U);
  EXPECT_NEAR(history.lag(at(100'000), {1000}).value(), 100'000, 1);
  EXPECT_NEAR(history.lag(at(100'000), {1000 + 99'000}).value(), 1000, 1);
  EXPECT_NEAR(history.lag(at(100'000), {1000 + 40'000}).value(), 60'000, 1);
}

TEST(LagHistory, Rate) {
  EXPECT_EQ(history_of({{10, 100}}).wal_rate(), std::nullopt);
  EXPECT_NEAR(history_of({{10, 100}, {15, 150}, {20, 400}}).wal_rate().value(), 30, 1e-9);
}

}  // namespace
}  // namespace dugong::report
