#include "transfer/pace.h"

#include <gtest/gtest.h>
#include <thread>

#include "os/clock.h"

namespace dugong::transfer {
namespace {

double seconds_for(Pace& pace, int pieces, Bytes size, const std::stop_token& stop = {}) {
  const auto began = os::now();
  for (int i = 0; i < pieces; ++i) pace.let_through(size, stop);
  return std::chrono::duration<double>(os::now() - began).count();
}

TEST(Pace, BeginsWithoutALimit) {
  Pace pace;
  seconds_for(pace, 100'000, 1 << 20);
  EXPECT_LT(pace.count().held.count(), 0.5);
  EXPECT_EQ(pace.count().bytes, Bytes{100'000} << 20);
}

TEST(Pace, KeepsToTheRate) {
  Pace pace;
  pace.set(10e6);
  // The first goes at once; each of the others after the one before.
  EXPECT_GE(seconds_for(pace, 11, 100'000), 0.0999);
  EXPECT_GE(pace.count().held.count(), 0.0999);
  EXPECT_LT(pace.count().held.count(), 5);
}

TEST(Pace, ANewRateCountsForWhoeverWaits) {
  Pace pace;
  pace.set(1);
  pace.let_through(1000, {});  // a quarter of an hour
  std::jthread later{[&](const std::stop_token& stop) {
    os::sleep_for(Millis{50}, stop);
    pace.set(unlimited);
  }};
  EXPECT_LT(seconds_for(pace, 1, 1), 30);
}

TEST(Pace, AStopEndsTheWait) {
  Pace pace;
  pace.set(1);
  pace.let_through(1000, {});
  std::stop_source stop;
  std::jthread later{[&](const std::stop_token& over) {
    os::sleep_for(Millis{50}, over);
    stop.request_stop();
  }};
  EXPECT_LT(seconds_for(pace, 1, 1, stop.get_token()), 30);
}

}  // namespace
}  // namespace dugong::transfer
