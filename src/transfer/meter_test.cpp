#include "transfer/meter.h"

#include <gtest/gtest.h>

namespace dugong::transfer {
namespace {

const Steady::time_point start{};
Steady::time_point at(int ms) { return start + Millis{ms}; }

Meter fed(std::initializer_list<std::pair<int, Bytes>> points) {
  Meter meter{start, Millis{10'000}};
  for (const auto& [ms, done] : points) meter.add(at(ms), done);
  return meter;
}

TEST(Meter, NothingYet) {
  EXPECT_EQ(fed({}).bytes_per_second(at(0)), 0);
  EXPECT_EQ(fed({}).eta_seconds(at(1000), 100), std::nullopt);
}

TEST(Meter, ASteadyRate) {
  const auto meter = fed({{1000, 100}, {2000, 200}, {3000, 300}});
  EXPECT_DOUBLE_EQ(meter.bytes_per_second(at(3000)), 100);
  EXPECT_DOUBLE_EQ(meter.eta_seconds(at(3000), 1300).value(), 10);
}

TEST(Meter, OnlyTheWindowCounts) {
  const auto meter = fed({{5'000, 1'000'000}, {10'000, 1'000'000}, {20'000, 1'000'100}});
  EXPECT_DOUBLE_EQ(meter.bytes_per_second(at(20'000)), 10);
}

TEST(Meter, ASilentWindowIsNoRate) {
  const auto meter = fed({{1000, 100}});
  EXPECT_GT(meter.bytes_per_second(at(5000)), 0);
  EXPECT_EQ(meter.bytes_per_second(at(12'000)), 0);
  EXPECT_EQ(meter.eta_seconds(at(12'000), 1000), std::nullopt);
}

TEST(Meter, NoEtaWithoutATotalOrBeyondIt) {
  const auto meter = fed({{1000, 100}});
  EXPECT_EQ(meter.eta_seconds(at(1000), std::nullopt), std::nullopt);
  EXPECT_EQ(meter.eta_seconds(at(1000), 99), std::nullopt);
  EXPECT_EQ(meter.eta_seconds(at(1000), 100), 0);
}

TEST(Meter, ManyPointsAreOneRate) {
  Meter meter{start, Millis{10'000}};
  for (int ms = 1; ms <= 60'000; ++ms) meter.add(at(ms), static_cast<Bytes>(ms) * 1000);
  EXPECT_NEAR(meter.bytes_per_second(at(60'000)), 1e6, 1e4);
}

}  // namespace
}  // namespace dugong::transfer
