#include "wire/link.h"

#include <gtest/gtest.h>
#include <thread>

#include "wire/testing.h"

namespace dugong::wire {
namespace {

using namespace testing_support;

const os::StopSignal never{{}};
Deadline soon() { return os::deadline_in(Millis{3000}); }

std::string hello_bytes(std::uint32_t min, std::uint32_t max) {
  Header header;
  header.kind = Kind::hello;
  header.hello = Hello{min, max, "0.9.0", "b.example", Purpose::control, {"zstd"}};
  return encode_head(header, 0);
}

// What greet() says to a peer that has written these bytes and, maybe, closed.
enum class Then { stays, closes };
Result<Link> greeted(const std::string& bytes, Then then = Then::stays, Millis patience = Millis{10'000}) {
  auto channels = make_channels();
  std::jthread writer{[&] {
    const auto written = os::write_all(channels.server.out.get(), bytes, soon(), never);
    static_cast<void>(written);  // it may have had enough before
    if (then == Then::closes) channels.server = Channel{};
  }};
  Timing timing = short_timing();
  timing.hello = patience;
  return greet(std::move(channels.client), identity("b"), timing);
}
std::string magic() { return std::string{magic_line}; }

TEST(Greet, BothSidesLearnWhoTheOtherIs) {
  const auto links = make_links(Purpose::stream);
  EXPECT_EQ(links.client.peer.hostname, "test");
  EXPECT_EQ(links.server.peer.purpose, Purpose::stream);
  EXPECT_EQ(links.client.protocol, 1U);
  EXPECT_EQ(links.client.peer_name, "b");
}

TEST(Greet, BannersAreSkipped) {
  EXPECT_EQ(greeted(magic() + hello_bytes(1, 1))->peer.hostname, "b.example");
  EXPECT_TRUE(greeted("Welcome to b!\n\nLast login: today\n" + magic() + hello_bytes(1, 1)));
  EXPECT_TRUE(greeted("no newline at its end" + magic() + hello_bytes(1, 1)));
  EXPECT_TRUE(greeted("DUGONG/DUGONG/1\n" + hello_bytes(1, 1)));
  EXPECT_TRUE(greeted(std::string(60'000, '\xff') + magic() + hello_bytes(1, 1)));
}

TEST(Greet, NothingAfterTheHelloIsConsumed) {
  Header beat;
  beat.kind = Kind::beat;
  auto link = greeted(magic() + hello_bytes(1, 1) + encode_head(beat, 3) + "abc").value();
  EXPECT_EQ(receive_frame(link, soon(), never)->body, "abc");
}

TEST(Greet, EndlessBanner) {
  const auto error = greeted(std::string(70'000, 'x')).error();
  EXPECT_EQ(error.kind, ErrorKind::unreachable);
  EXPECT_NE(error.what.find("64 KiB of other text"), std::string::npos) << error.what;
}

TEST(Greet, SilenceAndTheEnd) {
  EXPECT_NE(greeted("", Then::stays, Millis{200}).error().what.find("did not answer within"), std::string::npos);
  const auto closed = greeted("Permission denied\n", Then::closes).error();
  EXPECT_EQ(closed.kind, ErrorKind::unreachable);
  EXPECT_EQ(closed.where, "b");
  EXPECT_NE(closed.what.find("it printed: Permission denied"), std::string::npos) << closed.what;
  EXPECT_EQ(greeted(magic() + "dgf1", Then::closes).error().kind, ErrorKind::unreachable);
  EXPECT_EQ(greeted(magic() + "something else").error().kind, ErrorKind::unreachable);
}

TEST(Greet, AHelloMustCome) {
  Header beat;
  beat.kind = Kind::beat;
  EXPECT_NE(greeted(magic() + encode_head(beat, 0)).error().what.find("no hello"), std::string::npos);
}

TEST(Greet, Versions) {
  EXPECT_EQ(greeted(magic() + hello_bytes(1, 7))->protocol, 1U);
  const auto error = greeted(magic() + hello_bytes(2, 7)).error();
  EXPECT_EQ(error.kind, ErrorKind::refused);
  EXPECT_EQ(error.next, "upgrade dugong here to 0.9.0");
  EXPECT_NE(error.what.find("dugong 0.9.0 on b speaks protocol 2–7"), std::string::npos) << error.what;
  const auto older = greeted(magic() + hello_bytes(0, 0)).error();
  EXPECT_EQ(older.kind, ErrorKind::refused);
  EXPECT_EQ(older.next, "upgrade dugong on b to 0.1.0");
}

TEST(Greet, AStopEndsIt) {
  auto channels = make_channels();
  std::stop_source source;
  source.request_stop();
  EXPECT_EQ(greet(std::move(channels.client), identity("b"), short_timing(), source.get_token()).error().kind,
            ErrorKind::interrupted);
}

Result<Link> greeted_child(const std::string& script) {
  os::Command command;
  command.argv = {"sh", "-c", script};
  command.in = os::Stdio::pipe;
  return greet(over(os::spawn(command).value()), identity("b"), calm_timing());
}

TEST(GreetChild, ItsLastWordsAndItsExitAreTheEvidence) {
  const auto error = greeted_child("echo 'Host key verification failed.' >&2; exit 255").error();
  EXPECT_EQ(error.kind, ErrorKind::unreachable);
  EXPECT_NE(error.what.find("(exit 255); it said: Host key verification failed."), std::string::npos) << error.what;
}

TEST(GreetChild, ANotFoundOfTheShellSaysWhatToInstall) {
  EXPECT_EQ(greeted_child("echo 'sh: 1: dugong: not found' >&2; exit 127").error().next, "install dugong on b");
}

TEST(StderrTail, LinesOfATerminalAreLines) {
  os::Command command;
  command.argv = {"sh", "-c", "printf 'one\\r\\ntwo\\r\\n' >&2"};
  auto child = os::spawn(command).value();
  EXPECT_EQ(StderrTail{std::move(child.err)}.final_text(Millis{3000}), "one\ntwo");
}

TEST(StderrTail, IsBoundedAndPrintable) {
  os::Command command;
  command.argv = {"sh", "-c", "head -c 100000 /dev/zero >&2; printf 'the end\\033' >&2"};
  auto child = os::spawn(command).value();
  const StderrTail tail{std::move(child.err)};
  const auto text = tail.final_text(Millis{3000});
  EXPECT_TRUE(text.ends_with("the end?")) << text.substr(text.size() - 20);
  EXPECT_LE(text.size(), 4096U);
}

}  // namespace
}  // namespace dugong::wire
