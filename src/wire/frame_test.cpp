#include "wire/frame.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace dugong::wire {
namespace {

Frame frame(Kind kind, std::uint64_t id = 0, std::string body = {}) {
  Frame made;
  made.header.kind = kind;
  made.header.id = id;
  made.body = std::move(body);
  return made;
}

// What arrives when the bytes are cut into pieces of `step`.
std::vector<Frame> decoded(std::string_view bytes, std::size_t step = 1 << 20) {
  Decoder decoder;
  std::vector<Frame> frames;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(step, bytes.size()))) {
    EXPECT_TRUE(decoder.feed(bytes.substr(0, step), frames));
  }
  EXPECT_TRUE(decoder.between_frames());
  return frames;
}

std::string raw(std::string_view json, std::string_view body = {}) {
  const auto u32 = [](std::size_t value) {
    std::string text;
    for (int shift = 24; shift >= 0; shift -= 8) text += static_cast<char>(value >> shift & 0xffU);
    return text;
  };
  return "dgf1" + u32(json.size()) + u32(body.size()) + std::string{json} + std::string{body};
}

Error error_of(std::string_view bytes) {
  Decoder decoder;
  std::vector<Frame> frames;
  const auto fed = decoder.feed(bytes, frames);
  return fed ? Error{} : fed.error();
}

Frame back(const Frame& sent) { return decoded(encode(sent)).at(0); }

TEST(Frame, EveryKindSurvives) {
  for (const Kind kind : {Kind::hello, Kind::ask, Kind::answer, Kind::error, Kind::data, Kind::end, Kind::cancel,
                          Kind::beat, Kind::progress, Kind::unknown}) {
    EXPECT_EQ(back(frame(kind, 7, "body")), frame(kind, 7, "body"));
  }
}

TEST(Frame, EveryFieldSurvives) {
  Frame sent = frame(Kind::ask, UINT64_MAX, std::string("\0\xff", 2));
  sent.header.name = "zfs.send";
  sent.header.remaining = Millis{1500};
  sent.header.more = More::yes;
  sent.header.total = UINT64_MAX;
  sent.header.digest = UINT64_MAX - 1;
  sent.header.hello = Hello{2, 3, "0.1.0", "a.example", Purpose::stream, {"zstd", "psk"}};
  sent.header.progress = Progress{5, 10, "half"};
  sent.header.error = Error{ErrorKind::conflict, "what", "where", "left", "next"};
  EXPECT_EQ(back(sent), sent);
}

TEST(Frame, EveryErrorKindSurvives) {
  for (const ErrorKind kind : {ErrorKind::invalid, ErrorKind::refused, ErrorKind::conflict, ErrorKind::unreachable,
                               ErrorKind::failed, ErrorKind::partial, ErrorKind::timed_out, ErrorKind::interrupted}) {
    Frame sent = frame(Kind::error, 1);
    sent.header.error = Error{kind, "x", {}, {}, {}};
    EXPECT_EQ(back(sent), sent);
  }
}

TEST(Frame, AnUnknownTotalStaysUnknown) {
  Frame sent = frame(Kind::progress, 1);
  sent.header.progress = Progress{5, std::nullopt, ""};
  EXPECT_EQ(back(sent), sent);
}

TEST(Frame, HoweverItIsCut) {
  const std::string bytes = encode(frame(Kind::ask, 1, "first")) + encode(frame(Kind::beat)) +
                            encode(frame(Kind::answer, 2, std::string(3000, 'x')));
  const auto whole = decoded(bytes);
  ASSERT_EQ(whole.size(), 3U);
  for (const std::size_t step : {1U, 2U, 7U, 11U, 12U, 13U, 100U}) EXPECT_EQ(decoded(bytes, step), whole) << step;
}

TEST(Frame, TextsAreMadeSafe) {
  Frame sent = frame(Kind::error, 1);
  sent.header.error = Error{ErrorKind::failed, "a\xff\x1b[31m", {}, {}, {}};
  const auto what = back(sent).header.error->what;
  EXPECT_TRUE(is_utf8(what));
  EXPECT_EQ(what.find('\x1b'), std::string::npos);
}

TEST(Frame, AHeaderAlwaysFits) {
  for (const char* text : {"x", "\"", "\\", "\n", "\xff", "\x01", "ü", "\xf0\x9f\x90\x8b"}) {
    std::string longest;
    while (longest.size() < 20'000) longest += text;
    Header header;
    header.kind = Kind::error;
    header.name = longest;
    header.hello = Hello{1, 1, longest, longest, Purpose::control, std::vector<std::string>(100, longest)};
    header.progress = Progress{1, 1, longest};
    header.error = Error{ErrorKind::failed, longest, longest, longest, longest};
    const std::string bytes = encode_head(header, 0);
    EXPECT_LE(bytes.size(), prefix_size + max_header) << text;
    EXPECT_EQ(decoded(bytes).size(), 1U) << text;
  }
}

TEST(Frame, TheLargestBody) { EXPECT_EQ(back(frame(Kind::data, 0, std::string(max_body, 'x'))).body.size(), max_body); }

TEST(Frame, Garbage) {
  EXPECT_EQ(error_of("HTTP/1.1 400 Bad Request\r\n").kind, ErrorKind::unreachable);
  EXPECT_NE(error_of("HTTP/1.1 400").what.find("HTTP/1.1 400"), std::string::npos);
  EXPECT_NE(error_of(raw("not json")).what.find("not a JSON object"), std::string::npos);
  EXPECT_NE(error_of(raw("[]")).what.find("not a JSON object"), std::string::npos);
  EXPECT_NE(error_of(raw("")).what.find("not a JSON object"), std::string::npos);
  EXPECT_NE(error_of(raw("{\"kind\":\"\xff\"}")).what.find("not UTF-8"), std::string::npos);
  EXPECT_FALSE(decode_header(std::string(60'000, '[')));
}

TEST(Frame, AbsurdSizes) {
  EXPECT_NE(error_of(std::string("dgf1\xff\xff\xff\xff\0\0\0\0", 12)).what.find("impossible size"), std::string::npos);
  EXPECT_NE(error_of(std::string("dgf1\0\0\0\2\xff\xff\xff\xff", 12)).what.find("impossible size"), std::string::npos);
  EXPECT_NE(error_of(std::string("dgf1\0\0\0\2\0\x10\0\1", 12)).what.find("impossible size"), std::string::npos);
}

TEST(Frame, AnErrorIsForGood) {
  Decoder decoder;
  std::vector<Frame> frames;
  EXPECT_FALSE(decoder.feed("garbage here", frames));
  EXPECT_FALSE(decoder.feed(encode(frame(Kind::beat)), frames));
  EXPECT_TRUE(frames.empty());
}

TEST(Frame, HalfOfOneIsNoticed) {
  Decoder decoder;
  std::vector<Frame> frames;
  EXPECT_TRUE(decoder.between_frames());
  ASSERT_TRUE(decoder.feed("dg", frames));
  EXPECT_FALSE(decoder.between_frames());
}

Header header_of(std::string_view json) { return decode_header(json).value(); }

TEST(Header, WhatIsNotKnownIsIgnored) {
  EXPECT_EQ(header_of(R"({"kind":"beat","new":{"a":[1]}})").kind, Kind::beat);
  EXPECT_EQ(header_of(R"({"kind":"later"})").kind, Kind::unknown);
  EXPECT_EQ(header_of(R"({"kind":"error","error":{"kind":"later","what":"x"}})").error->kind, ErrorKind::failed);
}

TEST(Header, OtherTypesCountAsAbsent) {
  EXPECT_EQ(header_of(R"({"kind":1})").kind, Kind::unknown);
  EXPECT_EQ(header_of(R"({"kind":"ask","id":"1","ms":-5,"name":[],"hello":1,"error":"x","progress":null})"),
            header_of(R"({"kind":"ask"})"));
  EXPECT_EQ(header_of(R"({"hello":{"capabilities":{"a":1},"min":-1}})").hello->protocol_min, 0U);
  EXPECT_EQ(header_of(R"({"id":1.5})").id, 0U);
}

TEST(Header, ADeadlineCannotOverflowAClock) {
  const auto remaining = header_of(R"({"kind":"ask","ms":18446744073709551615})").remaining.value();
  EXPECT_GT(Steady::time_point{} + remaining, Steady::time_point{});
  EXPECT_GE(remaining, std::chrono::hours{24 * 364});
}

}  // namespace
}  // namespace dugong::wire
