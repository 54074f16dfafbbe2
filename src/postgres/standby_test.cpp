#include "postgres/standby.h"

#include <gtest/gtest.h>

namespace dugong::postgres {
namespace {

constexpr HotStandbySettings base{100, 8, 10, 0, 64};

TEST(HotStandby, EqualOrLargerIsFine) {
  EXPECT_TRUE(hot_standby_gaps(base, base).empty());
  EXPECT_TRUE(hot_standby_gaps(base, {200, 9, 11, 1, 65}).empty());
}

TEST(HotStandby, EachSettingCounts) {
  for (auto setting : hot_standby_names()) {
    auto primary = base;
    hot_standby_value(primary, setting) += 5;
    auto gaps = hot_standby_gaps(primary, base);
    ASSERT_EQ(gaps.size(), 1U) << setting;
    EXPECT_EQ(gaps[0].setting, setting);
    EXPECT_EQ(gaps[0].primary, gaps[0].replica + 5);
  }
}

TEST(HotStandby, LargerOfTwo) {
  EXPECT_EQ(at_least({1, 20, 3, 40, 5}, {10, 2, 30, 4, 50}), (HotStandbySettings{10, 20, 30, 40, 50}));
}

TEST(HotStandby, Names) {
  EXPECT_EQ(hot_standby_names(),
            (std::vector<std::string_view>{"max_connections", "max_worker_processes", "max_wal_senders",
                                           "max_prepared_transactions", "max_locks_per_transaction"}));
}

TEST(HotStandby, AnUnknownNameChangesNothing) {
  auto settings = base;
  hot_standby_value(settings, "work_mem") = 7;
  EXPECT_EQ(settings, base);
  EXPECT_EQ(hot_standby_value(settings, "work_mem"), 0);
}

}  // namespace
}  // namespace dugong::postgres
