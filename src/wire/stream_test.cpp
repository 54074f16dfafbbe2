#include "wire/stream.h"

#include <cstdlib>
#include <future>
#include <gtest/gtest.h>
#include <random>

#include "wire/testing.h"

namespace dugong::wire {
namespace {

using namespace testing_support;
using std::chrono::seconds;

const os::StopSignal never{{}};
Deadline soon() { return os::deadline_in(Millis{15'000}); }

std::string pattern(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 31 + (i >> 10));
  return bytes;
}

std::string noise(std::size_t size) {
  std::mt19937_64 random{7};
  std::string bytes;
  bytes.reserve(size + 8);
  while (bytes.size() < size) {
    const auto word = random();
    bytes.append(reinterpret_cast<const char*>(&word), sizeof word);
  }
  bytes.resize(size);
  return bytes;
}

struct Streams : testing::Test {
  Links links = make_links(Purpose::stream);
  StreamWriter writer{links.client, calm_timing(), {}};
  StreamReader reader{links.server, calm_timing(), {}};
  // More than any buffer between the two, and it does not shrink.
  inline static const std::string plenty = noise(16 << 20);

  Result<std::string> read_all(std::size_t step = 1 << 20) {
    std::string all;
    std::string block(step, '\0');
    for (;;) {
      const std::size_t count = TRY(reader.read(block));
      if (count == 0) return all;
      all.append(block, 0, count);
    }
  }
  void say(const Header& header, std::string_view body = {}) {
    ASSERT_TRUE(send_frame(links.client, header, body, soon(), never));
  }
  static Header of_kind(Kind kind) {
    Header header;
    header.kind = kind;
    return header;
  }
};

TEST_F(Streams, BytesDigestAndVerdict) {
  const std::string bytes = pattern(5'000'000);
  auto read = std::async(std::launch::async, [&] {
    auto all = read_all(70'000);
    EXPECT_TRUE(reader.conclude("guid 42"));
    return all;
  });
  ASSERT_TRUE(writer.write(bytes));
  EXPECT_EQ(writer.finish(soon()).value(), "guid 42");
  EXPECT_EQ(read.get().value(), bytes);
  EXPECT_EQ(reader.total(), bytes.size());
  EXPECT_EQ(writer.total(), bytes.size());
}

TEST(Stream, AReaderThatLeavesWithItsVerdictWasHeard) {
  for (int i = 0; i < 50; ++i) {
    auto links = make_links(Purpose::stream);
    StreamWriter writer{links.client, calm_timing(), {}};
    auto finished = std::async(std::launch::async, [&] { return writer.finish(soon()); });
    ASSERT_EQ(receive_frame(links.server, soon(), never)->header.kind, Kind::end);
    Header answer;
    answer.kind = Kind::answer;
    ASSERT_TRUE(send_frame(links.server, answer, "guid 42", soon(), never));
    links.server.channel = Channel{};
    const auto verdict = finished.get();
    ASSERT_TRUE(verdict) << i << ": " << verdict.error().what;
    EXPECT_EQ(*verdict, "guid 42");
  }
}

TEST_F(Streams, WhatShrinksTravelsSmall) {
  const std::string bytes = noise(1000) + std::string(16 << 20, 'x') + noise(1 << 20);
  // More than fits between the two as it is: nobody reads yet.
  auto written = std::async(std::launch::async, [&] { return writer.write(std::span{bytes}.first(15 << 20)); });
  ASSERT_EQ(written.wait_for(seconds{10}), std::future_status::ready);
  auto read = std::async(std::launch::async, [&] {
    auto all = read_all(70'001);
    EXPECT_TRUE(reader.conclude(""));
    return all;
  });
  ASSERT_TRUE(writer.write(std::span{bytes}.subspan(15 << 20)));
  ASSERT_TRUE(writer.finish(soon()));
  EXPECT_EQ(read.get().value(), bytes);
  EXPECT_EQ(reader.total(), bytes.size());
}

TEST_F(Streams, AReaderThatKnowsNoCompressionGetsPlainBytes) {
  links.client.peer.capabilities.clear();
  StreamWriter plain{links.client, calm_timing(), {}};
  ASSERT_TRUE(plain.write(std::string(1000, 'x')));
  const auto frame = receive_frame(links.server, soon(), never).value();
  EXPECT_EQ(frame.header.plain, 0U);
  EXPECT_EQ(frame.body, std::string(1000, 'x'));
}

TEST_F(Streams, ACompressedBlockOfAnImpossibleSize) {
  Header header = of_kind(Kind::data);
  for (const std::size_t plain : {max_body + 1, std::size_t{3}}) {
    header.plain = plain;
    say(header, "not zstd");
    EXPECT_EQ(read_all().error().kind, ErrorKind::unreachable);
  }
}

TEST_F(Streams, AnEmptyOneIsAStreamToo) {
  auto read = std::async(std::launch::async, [&] {
    auto all = read_all();
    EXPECT_TRUE(reader.conclude(""));
    return all;
  });
  EXPECT_TRUE(writer.finish(soon()));
  EXPECT_EQ(read.get().value(), "");
  std::string block(10, '\0');
  EXPECT_EQ(reader.read(block).value(), 0U) << "the end stays the end";
}

TEST_F(Streams, TheReadersErrorIsFinishsError) {
  ASSERT_TRUE(writer.write(std::string_view{"abc"}));
  auto read = std::async(std::launch::async, [&] {
    EXPECT_TRUE(read_all());
    return reader.conclude(fail(ErrorKind::conflict, "cannot receive: destination has been modified"));
  });
  const auto verdict = writer.finish(soon());
  EXPECT_EQ(verdict.error().kind, ErrorKind::conflict);
  EXPECT_EQ(verdict.error().what, "cannot receive: destination has been modified");
  EXPECT_TRUE(read.get());
}

TEST_F(Streams, AReaderThatGivesUpEndsABlockedWriter) {
  auto written = std::async(std::launch::async, [&] { return writer.write(plenty); });
  os::sleep_for(Millis{50});
  ASSERT_TRUE(reader.conclude(fail(ErrorKind::failed, "out of space")));
  EXPECT_EQ(written.get().error().what, "out of space");
}

TEST_F(Streams, AReaderThatGivesUpAndClosesIsStillHeard) {
  ASSERT_TRUE(reader.conclude(fail(ErrorKind::failed, "out of space")));
  links.server.channel = Channel{};
  EXPECT_EQ(writer.write(plenty).error().what, "out of space");
}

TEST_F(Streams, AReaderThatOnlyCloses) {
  links.server.channel = Channel{};
  EXPECT_EQ(writer.write(plenty).error().kind, ErrorKind::unreachable);
}

TEST_F(Streams, AStalledReaderIsGivenUp) {
  StreamWriter impatient{links.client, short_timing(), {}};
  const auto start = os::now();
  const auto error = impatient.write(plenty).error();
  EXPECT_EQ(error.kind, ErrorKind::timed_out);
  EXPECT_NE(error.what.find("no byte of the stream moved"), std::string::npos);
  EXPECT_LT(os::now() - start, seconds{8});
}

TEST_F(Streams, GivenUpInTheMiddleOfAFrameNothingIsPutIntoIt) {
  StreamWriter impatient{links.client, short_timing(), {}};
  ASSERT_FALSE(impatient.write(plenty));
  impatient.abort({ErrorKind::failed, "gave up", {}, {}, {}});
  links.client.channel = Channel{};
  std::string all;
  std::string block(1 << 20, '\0');
  auto count = reader.read(block);
  for (; count && *count > 0; count = reader.read(block)) all.append(block, 0, *count);
  EXPECT_EQ(count.error().kind, ErrorKind::unreachable);
  EXPECT_GT(all.size(), 0U);
  EXPECT_TRUE(plenty.starts_with(all));
}

TEST_F(Streams, ASlowReaderIsNot) {
  auto timing = short_timing();
  timing.stream_silence = Millis{20'000};  // it does not beat here
  StreamWriter impatient{links.client, timing, {}};
  auto read = std::async(std::launch::async, [&] {
    std::string block(300'000, '\0');
    for (int i = 0; i < 6; ++i) {
      os::sleep_for(Millis{200});  // together twice the stall time
      EXPECT_GT(reader.read(block).value(), 0U);
    }
    while (reader.read(block).value() > 0) {
    }
    return reader.conclude("ok");
  });
  EXPECT_TRUE(impatient.write(plenty));
  EXPECT_TRUE(impatient.finish(soon()));
  EXPECT_TRUE(read.get());
}

TEST_F(Streams, AStalledWriterIsGivenUp) {
  StreamReader impatient{links.server, short_timing(), {}};
  std::string block(10, '\0');
  EXPECT_EQ(impatient.read(block).error().kind, ErrorKind::timed_out);
}

// Timing in which only silence can be the reason.
Timing silent_timing() {
  auto timing = short_timing();
  timing.stall = Millis{20'000};
  return timing;
}

TEST_F(Streams, AWriterGoneWithoutAWordIsMissed) {
  StreamReader impatient{links.server, silent_timing(), {}};
  std::string block(10, '\0');
  const auto error = impatient.read(block).error();
  EXPECT_EQ(error.kind, ErrorKind::unreachable);
  EXPECT_NE(error.what.find("no sign of life for 1 s"), std::string::npos) << error.what;
}

TEST_F(Streams, AReaderGoneWithoutAWordIsMissedByABlockedWriter) {
  StreamWriter impatient{links.client, silent_timing(), {}};
  const auto error = impatient.write(plenty).error();
  EXPECT_EQ(error.kind, ErrorKind::unreachable);
  EXPECT_NE(error.what.find("no sign of life for 1 s"), std::string::npos) << error.what;
}

TEST_F(Streams, AReaderGoneWithoutAWordIsMissedByAnIdleWriter) {
  StreamWriter impatient{links.client, silent_timing(), {}};
  Result<void> tended;
  const auto until = soon();
  while ((tended = impatient.tend()) && !until.passed(os::now())) os::sleep_for(Millis{50});
  ASSERT_FALSE(tended);
  EXPECT_EQ(tended.error().kind, ErrorKind::unreachable);
}

TEST_F(Streams, AReaderGoneWithoutAWordIsMissedWhileItsVerdictIsAwaited) {
  StreamWriter impatient{links.client, silent_timing(), {}};
  EXPECT_EQ(impatient.finish(soon()).error().kind, ErrorKind::unreachable);
}

TEST_F(Streams, WhoBeatsIsNotMissed) {
  StreamReader patient_reader{links.server, silent_timing(), {}};
  StreamWriter patient_writer{links.client, silent_timing(), {}};
  std::jthread beats{[&](const std::stop_token& over) {
    while (os::sleep_for(Millis{50}, over) == os::Slept::whole) EXPECT_TRUE(patient_reader.beat());
  }};
  auto read = std::async(std::launch::async, [&] {
    std::string block(10, '\0');
    auto count = patient_reader.read(block);
    EXPECT_EQ(patient_reader.read(block).value(), 0U);
    os::sleep_for(Millis{2000});  // twice the silence: the last work of a receiver
    EXPECT_TRUE(patient_reader.conclude("done"));
    return count;
  });
  for (int i = 0; i < 40; ++i) {  // twice the silence without a byte of the stream
    EXPECT_TRUE(patient_writer.tend());
    os::sleep_for(Millis{50});
  }
  ASSERT_TRUE(patient_writer.write(std::string_view{"abc"}));
  EXPECT_EQ(patient_writer.finish(soon()).value(), "done");
  EXPECT_EQ(read.get().value(), 3U);
  EXPECT_EQ(patient_writer.tend().error().kind, ErrorKind::interrupted);
}

TEST_F(Streams, TheReadersErrorEndsAnIdleWriter) {
  ASSERT_TRUE(reader.conclude(fail(ErrorKind::failed, "out of space")));
  EXPECT_EQ(writer.tend().error().what, "out of space");
  EXPECT_EQ(writer.write(std::string_view{"abc"}).error().what, "out of space");
}

TEST_F(Streams, TheWritersErrorIsTheReaders) {
  ASSERT_TRUE(writer.write(std::string_view{"abc"}));
  writer.abort(Error{ErrorKind::unreachable, "zfs send ended with exit 1", {}, {}, "look at it"});
  const auto error = read_all().error();
  EXPECT_EQ(error.what, "zfs send ended with exit 1");
  EXPECT_EQ(error.next, "look at it");
}

TEST_F(Streams, ACutIsNoEnd) {
  ASSERT_TRUE(writer.write(std::string_view{"abc"}));
  links.client.channel = Channel{};
  const auto error = read_all().error();
  EXPECT_EQ(error.kind, ErrorKind::unreachable);
  EXPECT_NE(error.what.find("was cut after 3 B"), std::string::npos) << error.what;
}

TEST_F(Streams, ACutInsideAFrame) {
  ASSERT_TRUE(
      os::write_all(links.client.channel.out.get(), encode_head(of_kind(Kind::data), 100) + "abc", soon(), never));
  links.client.channel = Channel{};
  EXPECT_EQ(read_all().error().kind, ErrorKind::unreachable);
}

TEST_F(Streams, AWrongDigestIsNoticed) {
  say(of_kind(Kind::data), "abc");
  Header end = of_kind(Kind::end);
  end.total = 3;
  end.digest = 1;
  say(end);
  const auto error = read_all().error();
  EXPECT_EQ(error.kind, ErrorKind::failed);
  EXPECT_NE(error.what.find("digest"), std::string::npos);
}

TEST_F(Streams, AWrongTotalIsNoticed) {
  say(of_kind(Kind::data), "abc");
  Header end = of_kind(Kind::end);
  end.total = 4;
  say(end);
  EXPECT_EQ(read_all().error().what, "the stream has 3 bytes, its writer sent 4");
}

TEST_F(Streams, FramesOfAnotherKindAreSkipped) {
  say(of_kind(Kind::beat), "xx");
  say(of_kind(Kind::data));
  say(of_kind(Kind::data), "abc");
  std::string block(10, '\0');
  EXPECT_EQ(reader.read(block).value(), 3U);
}

TEST_F(Streams, Garbage) {
  ASSERT_TRUE(os::write_all(links.client.channel.out.get(), "zfs: garbage", soon(), never));
  EXPECT_EQ(read_all().error().kind, ErrorKind::unreachable);
}

TEST(Stream, AStopEndsBothSides) {
  auto links = make_links(Purpose::stream);
  std::stop_source source;
  StreamWriter writer{links.client, calm_timing(), source.get_token()};
  StreamReader reader{links.client, calm_timing(), source.get_token()};
  std::jthread later{[&] {
    os::sleep_for(Millis{50});
    source.request_stop();
  }};
  EXPECT_EQ(writer.write(noise(16 << 20)).error().kind, ErrorKind::interrupted);
  std::string block(10, '\0');
  EXPECT_EQ(reader.read(block).error().kind, ErrorKind::interrupted);
}

TEST(Stream, AWriterThatWasStoppedStillSaysWhy) {
  Links links = make_links(Purpose::stream);
  std::stop_source stop;
  StreamWriter writer{links.client, calm_timing(), stop.get_token()};
  StreamReader reader{links.server, calm_timing(), {}};
  stop.request_stop();
  ASSERT_FALSE(writer.write(std::span{"x", 1}));
  writer.abort(Error{ErrorKind::interrupted, "stopped by the operator", {}, {}, {}});
  std::string block(10, '\0');
  const auto read = reader.read(block);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, ErrorKind::interrupted);
  EXPECT_EQ(read.error().what, "stopped by the operator");
}

TEST(Stream, BeatsAloneAreNoProgress) {
  Links links = make_links(Purpose::stream);
  auto timing = calm_timing();
  timing.stall = Millis{200};
  StreamReader reader{links.server, timing, {}};
  std::jthread lively{[&](const std::stop_token& stop) {
    const os::StopSignal over{stop};
    Header beat;
    beat.kind = Kind::beat;
    while (send_frame(links.client, beat, {}, soon(), over)) {
    }
  }};
  std::string block(10, '\0');
  const auto read = reader.read(block);
  links.server.channel.in = {};
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, ErrorKind::timed_out) << read.error().what;
}

TEST(Stream, Opening) {
  auto links = make_links(Purpose::stream);
  ASSERT_TRUE(send_opening(links.client, "receive", "args", soon()));
  const auto opening = receive_opening(links.server, soon()).value();
  EXPECT_EQ(opening.name, "receive");
  EXPECT_EQ(opening.body, "args");
  EXPECT_EQ(send_opening(links.client, "x", std::string(max_body + 1, 'x'), soon()).error().kind, ErrorKind::invalid);
  Header beat;
  beat.kind = Kind::beat;
  ASSERT_TRUE(send_frame(links.client, beat, {}, soon(), never));
  EXPECT_FALSE(receive_opening(links.server, soon()));
}

// Not a test of speed (machines differ); prints it when asked: DUGONG_SPEED=1.
TEST(Stream, Speed) {
  const bool asked = std::getenv("DUGONG_SPEED") != nullptr;
  const int blocks = asked ? 8192 : 16;
  auto links = make_links(Purpose::stream);
  const std::string block = pattern(max_body);
  const auto start = os::now();
  auto read = std::async(std::launch::async, [&] {
    StreamReader reader{links.server, {}, {}};
    std::string into(max_body, '\0');
    while (reader.read(into).value() > 0) {
    }
    EXPECT_TRUE(reader.conclude("ok"));
    return reader.total();
  });
  StreamWriter writer{links.client, {}, {}};
  for (int i = 0; i < blocks; ++i) ASSERT_TRUE(writer.write(block));
  ASSERT_TRUE(writer.finish(soon()));
  EXPECT_EQ(read.get(), Bytes{max_body} * static_cast<Bytes>(blocks));
  const double time = std::chrono::duration<double>(os::now() - start).count();
  if (asked) RecordProperty("MB_per_s", static_cast<int>(static_cast<double>(writer.total()) / 1e6 / time));
  if (asked) std::printf("%.0f MB/s\n", static_cast<double>(writer.total()) / 1e6 / time);
}

}  // namespace
}  // namespace dugong::wire
