#include "transfer/pump.h"

#include <future>
#include <gtest/gtest.h>

#include "os/clock.h"
#include "os/spawn.h"
#include "wire/stream.h"
#include "wire/testing.h"

namespace dugong::transfer {
namespace {

using namespace wire::testing_support;

class FakeSource final : public ByteSource {
 public:
  explicit FakeSource(std::string bytes) : bytes_{std::move(bytes)} {}
  Result<std::size_t> read(std::span<char> into) override {
    if (position_ == fail_at) return fail(ErrorKind::failed, "the source broke");
    const std::size_t size = std::min({into.size(), bytes_.size() - position_, fail_at - position_, std::size_t{777}});
    bytes_.copy(into.data(), size, position_);
    position_ += size;
    return size;
  }
  std::size_t fail_at = SIZE_MAX;

 private:
  std::string bytes_;
  std::size_t position_ = 0;
};

class FakeSink final : public ByteSink {
 public:
  Result<void> write(std::span<const char> bytes) override {
    if (taken.size() >= fail_at) return fail(ErrorKind::failed, "the sink broke");
    taken.append(bytes.data(), bytes.size());
    return {};
  }
  std::string taken;
  std::size_t fail_at = SIZE_MAX;
};

std::string pattern(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 31 + (i >> 9));
  return bytes;
}

constexpr PumpOptions small{.ring = 3000, .step = 1000};

TEST(Pump, EveryByteInOrder) {
  for (const std::size_t size : {0U, 1U, 777U, 1000U, 100'000U}) {
    FakeSource source{pattern(size)};
    FakeSink sink;
    Bytes last = 0;
    const auto pumped = pump(
        source, sink, {}, [&](Bytes done) { last = done; }, {}, small);
    EXPECT_TRUE(pumped.ok());
    EXPECT_EQ(sink.taken, pattern(size));
    EXPECT_EQ(pumped.bytes, size);
    EXPECT_EQ(last, size);
  }
}

TEST(Pump, ABrokenSourceIsToldAndWhatCameBeforeIsWritten) {
  FakeSource source{pattern(10'000)};
  source.fail_at = 5'000;
  FakeSink sink;
  const auto pumped = pump(source, sink, {}, {}, {}, small);
  EXPECT_EQ(pumped.source.error().what, "the source broke");
  EXPECT_TRUE(pumped.sink);
  EXPECT_EQ(sink.taken.size(), 5'000U);
}

TEST(Pump, ABrokenSinkEndsTheSource) {
  FakeSource source{pattern(1'000'000)};
  FakeSink sink;
  sink.fail_at = 2'000;
  bool called = false;
  const auto pumped = pump(
      source, sink, {}, {}, [&] { called = true; }, small);
  EXPECT_EQ(pumped.sink.error().what, "the sink broke");
  EXPECT_FALSE(pumped.source);
  EXPECT_TRUE(called);
}

// A frame, a system call and a wake-up per piece: a slow sink must not be fed crumbs.
TEST(Pump, ASlowSinkGetsWhatHasComeMeanwhileInOnePiece) {
  FakeSource source{pattern(100'000)};  // 777 bytes at a time
  class Slow final : public ByteSink {
   public:
    Result<void> write(std::span<const char> bytes) override {
      os::sleep_for(Millis{20});
      largest = std::max(largest, bytes.size());
      ++writes;
      return {};
    }
    std::size_t largest = 0;
    std::size_t writes = 0;
  } sink;
  EXPECT_TRUE(pump(source, sink, {}, {}, {}, {.ring = 50'000, .step = 20'000}).ok());
  EXPECT_EQ(sink.largest, 20'000U);
  EXPECT_LE(sink.writes, 12U);
}

TEST(Pump, AStopEndsBoth) {
  std::stop_source stop;
  FakeSource source{pattern(1'000'000)};
  FakeSink sink;
  const auto pumped = pump(
      source, sink, stop.get_token(), [&](Bytes) { stop.request_stop(); }, {}, small);
  EXPECT_EQ(pumped.sink.error().kind, ErrorKind::interrupted);
  EXPECT_LT(sink.taken.size(), 10'000U);
}

TEST(Pump, AStopEndsABlockedDescriptor) {
  std::stop_source stop;
  const auto pipe = os::make_pipe().value();
  FdSource source{pipe.read_end.get(), Millis{60'000}, stop.get_token()};
  FakeSink sink;
  std::jthread later{[&] {
    os::sleep_for(Millis{50});
    stop.request_stop();
  }};
  EXPECT_EQ(pump(source, sink, stop.get_token()).source.error().kind, ErrorKind::interrupted);
}

TEST(Descriptors, StallsAreNamed) {
  auto pipe = os::make_pipe().value();
  ASSERT_TRUE(os::set_nonblocking(pipe.write_end.get()));
  FdSource source{pipe.read_end.get(), Millis{30}, {}};
  FdSink sink{pipe.write_end.get(), Millis{30}, {}};
  std::string block(10, '\0');
  EXPECT_NE(source.read(block).error().what.find("nothing came for"), std::string::npos);
  EXPECT_NE(sink.write(pattern(1 << 20)).error().what.find("nothing was taken for"), std::string::npos);
}

class StreamSource final : public ByteSource {
 public:
  explicit StreamSource(wire::StreamReader& reader) : reader_{reader} {}
  Result<std::size_t> read(std::span<char> into) override { return reader_.read(into); }

 private:
  wire::StreamReader& reader_;
};
class StreamSink final : public ByteSink {
 public:
  explicit StreamSink(wire::StreamWriter& writer) : writer_{writer} {}
  Result<void> write(std::span<const char> bytes) override { return writer_.write(bytes); }

 private:
  wire::StreamWriter& writer_;
};

// The whole way of a `zfs send | … | zfs receive`: a child, a pump, a stream, another pump, another child.
TEST(Pump, FromChildToChildOverAStream) {
  auto links = make_links(wire::Purpose::stream);
  os::Command command;
  command.argv = {"sh", "-c", "seq 1 200000"};
  auto sender = os::spawn(command).value();
  command.argv = {"sh", "-c", "cksum"};
  command.in = os::Stdio::pipe;
  auto receiver = os::spawn(command).value();
  auto received = std::async(std::launch::async, [&] {
    wire::StreamReader reader{links.server, {}, {}};
    StreamSource source{reader};
    FdSink sink{receiver.in.get(), Millis{5'000}, {}};
    EXPECT_TRUE(pump(source, sink, {}).ok());
    receiver.in.close();
    EXPECT_TRUE(reader.conclude("received"));
  });
  wire::StreamWriter writer{links.client, {}, {}};
  FdSource source{sender.out.get(), Millis{5'000}, {}};
  StreamSink sink{writer};
  const auto pumped = pump(source, sink, {});
  EXPECT_TRUE(pumped.ok());
  EXPECT_EQ(writer.finish(os::deadline_in(Millis{5'000})).value(), "received");
  received.get();
  std::string sum(100, '\0');
  sum.resize(os::read_some(receiver.out.get(), sum, os::deadline_in(Millis{5'000}), os::StopSignal{{}}).value());
  const auto expected = os::run({.argv = {"sh", "-c", "seq 1 200000 | cksum"}}, os::deadline_in(Millis{5'000}));
  EXPECT_EQ(sum, expected->out);
}

}  // namespace
}  // namespace dugong::transfer
