#include "transfer/governor.h"

#include <gtest/gtest.h>

namespace dugong::transfer {
namespace {

std::vector<Governor::Seconds> five(double milliseconds) {
  return std::vector(5, Governor::Seconds{milliseconds / 1e3});
}

// A disk that takes `room` bytes per second beside its commits, and lets these wait once the copy is above it.
double settled(double room, double start = 64e6) {
  Governor governor{{.start = start}};
  governor.learn(five(2), 0);
  double sum = 0;
  for (int i = 0; i < 400; ++i) {
    const double moved = std::min(governor.rate(), 2e9);
    governor.learn(five(moved > room ? 60 : 3), moved);
    if (i >= 200) sum += governor.rate();
  }
  return sum / 200;
}

TEST(Governor, FindsTheRateThatDoesNotHurt) {
  for (const double room : {20e6, 90e6, 400e6, 1.5e9}) {
    EXPECT_GT(settled(room), 0.6 * room) << room;
    EXPECT_LT(settled(room), 1.2 * room) << room;
    EXPECT_LT(settled(room, 5e9), 1.2 * room) << room;
  }
}

TEST(Governor, ReachesAFastDiskWithinSeconds) {
  Governor governor{{}};
  governor.learn(five(1), 0);
  int turns = 0;
  while (governor.rate() < 1e9 && turns < 1000) {
    governor.learn(five(1), governor.rate());
    ++turns;
  }
  EXPECT_LT(turns, 20);  // about five a second
}

TEST(Governor, FallsFurtherTheMoreItHurts) {
  const auto after = [](double milliseconds) {
    Governor governor{{.wanted = std::chrono::milliseconds{10}}};
    governor.learn(five(2), 0);
    return governor.learn(five(milliseconds), governor.rate()) / 64e6;
  };
  EXPECT_NEAR(after(11), 0.8, 0.1);
  EXPECT_NEAR(after(15), 2.0 / 3, 0.1);
  EXPECT_NEAR(after(200), 0.5, 0.1);
}

TEST(Governor, ACheckpointOfTwoSecondsDoesNotStopTheCopy) {
  Governor governor{{.start = 100e6}};
  governor.learn(five(2), 0);
  for (int i = 0; i < 10; ++i) governor.learn(five(300), governor.rate());
  EXPECT_GT(governor.rate(), 20e6);
}

TEST(Governor, ACopyThatHasOnlyBegunIsNotTakenForASlowOne) {
  Governor governor{{.start = 64e6}};
  governor.learn(five(2), 0);
  EXPECT_GE(governor.learn(std::vector(10, Governor::Seconds{0.1}), 1e6), 16e6);
}

TEST(Governor, NeverStops) {
  Governor governor{{.least = 8e6}};
  governor.learn(five(2), 0);
  for (int i = 0; i < 100; ++i) governor.learn(five(5000), governor.rate());
  EXPECT_DOUBLE_EQ(governor.rate(), 8e6);
}

TEST(Governor, DoesNotBlameTheCopyForASlowDisk) {
  Governor governor{{.wanted = std::chrono::milliseconds{10}}};
  governor.learn(five(20), 0);
  EXPECT_DOUBLE_EQ(governor.allowed().count(), 0.060);
  EXPECT_GT(governor.learn(five(50), governor.rate()), 64e6);
}

// The machine became slow after the copy had begun.
TEST(Governor, DoesNotBlameTheCopyForWhatStaysSlowWithoutIt) {
  Governor governor{{.wanted = std::chrono::milliseconds{10}}};
  governor.learn(five(2), 0);
  const auto room = 80e6;
  double sum = 0;
  for (int i = 0; i < 600; ++i) {
    governor.learn(five(governor.rate() > room ? 200 : 40), governor.rate());
    if (i >= 300) sum += governor.rate();
  }
  EXPECT_GT(sum / 300, 0.3 * room);
  EXPECT_LT(sum / 300, 1.2 * room);
  for (int i = 0; i < 400; ++i) governor.learn(five(2), governor.rate());
  EXPECT_DOUBLE_EQ(governor.allowed().count(), 0.010);  // as before, once it is quick again
}

TEST(Governor, LearnsLateWhatIsNormal) {
  Governor governor{{}};
  governor.learn(five(3000), 0);  // a checkpoint, when the copy began
  governor.learn(five(2), governor.rate());
  EXPECT_DOUBLE_EQ(governor.allowed().count(), 0.008);
}

TEST(Governor, OneHiccupIsNoVerdict) {
  Governor governor{{}};
  governor.learn(five(2), 0);
  governor.learn(five(2), governor.rate());
  auto hiccup = five(2);
  hiccup[1] = hiccup[3] = Governor::Seconds{0.2};
  const double before = governor.rate();
  EXPECT_GE(governor.learn(hiccup, before), before);
}

TEST(Governor, ARateThatIsNotUsedUpDoesNotGrow) {
  Governor governor{{}};
  governor.learn(five(2), 0);
  for (int i = 0; i < 100; ++i) governor.learn(five(2), 50e6);
  EXPECT_LT(governor.rate(), 100e6);
  // So that the first slow commits are answered by a rate below what is moved now.
  EXPECT_LT(governor.learn(std::vector(10, Governor::Seconds{0.1}), 50e6), 50e6);
}

TEST(Governor, LearnsNothingFromNothing) {
  Governor governor{{}};
  EXPECT_DOUBLE_EQ(governor.learn({}, 64e6), governor.rate());
  EXPECT_DOUBLE_EQ(governor.rate(), 64e6);
}

}  // namespace
}  // namespace dugong::transfer
