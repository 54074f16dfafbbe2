// What run_copy promises to the two ends, whatever they are.
#include "node/copy.h"

#include <gtest/gtest.h>

#include "os/clock.h"

namespace dugong::node {
namespace {

class OneByte final : public SourceEnd {
 public:
  Result<std::size_t> read(std::span<char>) override { return left_-- > 0 ? std::size_t{1} : std::size_t{0}; }
  Result<> complete(Deadline) override { return {}; }
  void conclude(const Result<>&) override {}
  void halt(const Error&) override {}
  std::string abandon(const Error&) override { return {}; }

 private:
  int left_ = 1;
};

class Receiver final : public SinkEnd {
 public:
  Result<> write(std::span<const char>) override {
    os::sleep_for(Millis{100});
    written = os::now();
    return {};
  }
  Result<> complete(Deadline deadline) override {
    until = deadline;
    return {};
  }
  Error explain(Error write_failure) override { return write_failure; }
  std::string abandon(const Error&) override { return {}; }

  Steady::time_point written;
  Deadline until;
};

TEST(RunCopy, TheTimeForTheLastWorkBeginsAfterTheLastByte) {
  OneByte source;
  Receiver receiver;
  transfer::Pace pace;
  ASSERT_TRUE(run_copy(source, receiver, {}, pace, Deadline{}, {}));
  EXPECT_GE(receiver.until.at, receiver.written + last_work);
  EXPECT_LT(receiver.until.at, Deadline{}.at);
}

TEST(RunCopy, TheLastWorkDoesNotGoBeyondTheDeadline) {
  OneByte source;
  Receiver receiver;
  transfer::Pace pace;
  const auto deadline = os::deadline_in(Millis{60'000});
  ASSERT_TRUE(run_copy(source, receiver, {}, pace, deadline, {}));
  EXPECT_EQ(receiver.until.at, deadline.at);
}

TEST(RunCopy, TellsWhatThePaceCost) {
  OneByte source;
  Receiver receiver;
  transfer::Pace pace;
  pace.set(2);  // half a second for the next byte, of which a slow machine may use up most before it asks
  pace.let_through(1, {});
  const auto copied = run_copy(source, receiver, {}, pace, Deadline{}, {});
  ASSERT_TRUE(copied);
  EXPECT_EQ(copied->bytes, 1U);
  EXPECT_GT(copied->held_seconds, 0.05);
}

}  // namespace
}  // namespace dugong::node
