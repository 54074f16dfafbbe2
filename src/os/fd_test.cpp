#include "os/fd.h"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <thread>
#include <unistd.h>

#include "os/clock.h"

namespace dugong::os {
namespace {

const StopSignal never{{}};
Deadline soon() { return deadline_in(Millis{5'000}); }

struct PipeTest : testing::Test {
  void SetUp() override {
    pipe = make_pipe().value();
    ASSERT_TRUE(set_nonblocking(pipe.read_end.get()));
    ASSERT_TRUE(set_nonblocking(pipe.write_end.get()));
  }
  Pipe pipe;
  std::string block = std::string(1 << 20, 'x');
};

TEST(Fd, ClosesAndMoves) {
  auto pipe = make_pipe().value();
  const int number = pipe.read_end.get();
  Fd moved = std::move(pipe.read_end);
  EXPECT_EQ(moved.get(), number);
  EXPECT_FALSE(pipe.read_end.valid());
  moved = Fd{};
  EXPECT_EQ(::fcntl(number, F_GETFD), -1);
}

TEST(Fd, EverythingIsCloseOnExec) {
  const auto pipe = make_pipe().value();
  const auto pair = make_socketpair().value();
  const auto copy = duplicate(pipe.read_end.get()).value();
  for (const int fd : {pipe.read_end.get(), pair.write_end.get(), copy.get(), never.fd() < 0 ? copy.get() : -1}) {
    EXPECT_EQ(::fcntl(fd, F_GETFD), FD_CLOEXEC);
  }
  EXPECT_GE(copy.get(), 3);
}

TEST(SystemError, KindsAndWords) {
  EXPECT_EQ(system_error(ENOENT, "open /x").what, "open /x: No such file or directory");
  EXPECT_EQ(system_error(ENOENT, "").kind, ErrorKind::failed);
  EXPECT_EQ(system_error(ECONNREFUSED, "").kind, ErrorKind::unreachable);
  EXPECT_EQ(system_error(EPIPE, "").kind, ErrorKind::unreachable);
  EXPECT_EQ(system_error(ETIMEDOUT, "").kind, ErrorKind::timed_out);
}

TEST_F(PipeTest, ReadsWhatIsThereAndTheEnd) {
  ASSERT_TRUE(write_all(pipe.write_end.get(), "ab", "cd", soon(), never));
  EXPECT_EQ(read_some(pipe.read_end.get(), block, soon(), never).value(), 4U);
  EXPECT_EQ(block.substr(0, 4), "abcd");
  pipe.write_end.close();
  EXPECT_EQ(read_some(pipe.read_end.get(), block, soon(), never).value(), 0U);
}

TEST_F(PipeTest, DeadlinesOfBothDirections) {
  const auto start = now();
  EXPECT_EQ(read_some(pipe.read_end.get(), block, deadline_in(Millis{30}), never).error().kind, ErrorKind::timed_out);
  EXPECT_GE(now() - start, Millis{30});
  EXPECT_EQ(write_all(pipe.write_end.get(), block, deadline_in(Millis{30}), never).error().kind, ErrorKind::timed_out);
}

TEST_F(PipeTest, AStopWakesBothDirections) {
  std::stop_source source;
  std::jthread later{[&] {
    std::this_thread::sleep_for(Millis{30});
    source.request_stop();
  }};
  const StopSignal stop{source.get_token()};
  EXPECT_EQ(read_some(pipe.read_end.get(), block, soon(), stop).error().kind, ErrorKind::interrupted);
  EXPECT_EQ(write_all(pipe.write_end.get(), block, soon(), stop).error().kind, ErrorKind::interrupted);
}

TEST_F(PipeTest, AStopThatCameBefore) {
  std::stop_source source;
  source.request_stop();
  const StopSignal stop{source.get_token()};
  EXPECT_EQ(wait_ready(pipe.read_end.get(), -1, soon(), stop), Ready::stopped);
}

TEST_F(PipeTest, ABrokenPipeIsAnError) {
  ::signal(SIGPIPE, SIG_IGN);
  pipe.read_end.close();
  EXPECT_EQ(write_all(pipe.write_end.get(), "x", soon(), never).error().kind, ErrorKind::unreachable);
}

TEST_F(PipeTest, MoreThanFitsIsWrittenPieceByPiece) {
  std::size_t seen = 0;
  std::jthread reader{[&] {
    std::string into(1000, '\0');
    while (const auto count = read_some(pipe.read_end.get(), into, soon(), never).value()) seen += count;
  }};
  ASSERT_TRUE(write_all(pipe.write_end.get(), "head", block, soon(), never));
  pipe.write_end.close();
  reader.join();
  EXPECT_EQ(seen, block.size() + 4);
}

TEST_F(PipeTest, WriteSomeNeverWaits) {
  std::size_t written = 0;
  while (const auto count = write_some(pipe.write_end.get(), "head", block).value()) written += count;
  EXPECT_GT(written, 0U);
}

TEST_F(PipeTest, FirstIsToldBeforeSecond) {
  EXPECT_EQ(wait_ready(pipe.read_end.get(), pipe.write_end.get(), soon(), never), Ready::second);
  ASSERT_TRUE(write_all(pipe.write_end.get(), "x", soon(), never));
  EXPECT_EQ(wait_ready(pipe.read_end.get(), pipe.write_end.get(), soon(), never), Ready::first);
}

TEST_F(PipeTest, Enlarge) {
  EXPECT_GE(enlarge_pipe(pipe.write_end.get()), 65536U);
  EXPECT_EQ(enlarge_pipe(-1), 0U);
}

}  // namespace
}  // namespace dugong::os
