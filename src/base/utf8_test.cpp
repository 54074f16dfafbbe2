#include <algorithm>
#include <gtest/gtest.h>

#include "base/text.h"

namespace dugong {
namespace {

constexpr auto replacement = "\xEF\xBF\xBD";

TEST(Utf8, takes_every_length) {
  for (auto text : {"", "a", "\x7F", "\xC2\x80", "ü", "\xDF\xBF", "\xE0\xA0\x80", "€", "\xED\x9F\xBF", "\xEE\x80\x80",
                    "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "🐘", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_TRUE(is_utf8(text)) << text;
  }
  EXPECT_TRUE(is_utf8(std::string_view{"a\0b", 3}));
}

TEST(Utf8, refuses_what_the_standard_refuses) {
  for (auto text : {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xC2", "\xC2\x61", "\xE0\x80\x80", "\xE0\x9F\xBF",
                    "\xE2\x82", "\xED\xA0\x80", "\xED\xBF\xBF", "\xF0\x80\x80\x80", "\xF0\x8F\xBF\xBF", "\xF0\x9F\x90",
                    "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "\xFE", "abc\xFF"}) {
    EXPECT_FALSE(is_utf8(text)) << text;
  }
}

TEST(Printable, keeps_text) { EXPECT_EQ(printable("für 4 €\n\tund 🐘"), "für 4 €\n\tund 🐘"); }

TEST(Printable, replaces_what_is_not_utf8) {
  EXPECT_EQ(printable("a\xFF"
                      "b"),
            std::string{"a"} + replacement + "b");
  EXPECT_EQ(printable("\xE2\x82"), std::string{replacement} + replacement);
}

TEST(Printable, lets_no_escape_sequence_through) {
  EXPECT_EQ(printable("\x1B[2Jx"), "?[2Jx");
  EXPECT_EQ(printable("a\rb\x7F"), "a?b?");
  EXPECT_EQ(printable("\xC2\x9B"
                      "2J"),
            "?2J");  // CSI as one C1 character
  EXPECT_EQ(printable("\xC2\xA0"), "\xC2\xA0");
  EXPECT_EQ(printable(std::string_view{"\0", 1}), "?");
}

TEST(Printable, is_always_utf8) {
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      std::string bytes{static_cast<char>(a), static_cast<char>(b), 'x'};
      ASSERT_TRUE(is_utf8(printable(bytes))) << a << " " << b;
      ASSERT_EQ(printable(printable(bytes)), printable(bytes));
    }
  }
}

TEST(Shorten, leaves_short_text_alone) {
  EXPECT_EQ(shorten("abc", 3), "abc");
  EXPECT_EQ(shorten("", 0), "");
}

TEST(Shorten, keeps_both_ends_and_counts_the_rest) {
  auto text = std::string(500, 'a') + std::string(500, 'z');
  auto out = shorten(text, 100);
  EXPECT_LE(out.size(), 100U);
  EXPECT_TRUE(out.starts_with("aaaa")) << out;
  EXPECT_TRUE(out.ends_with("zzzz")) << out;
  auto kept = std::count(out.begin(), out.end(), 'z') + std::count(out.begin(), out.end(), 'a');
  // "bytes" has no a or z, so what is kept and what is counted add up.
  EXPECT_NE(out.find("… " + std::to_string(1000 - kept) + " bytes"), std::string::npos) << out;
}

TEST(Shorten, never_exceeds_its_limit_and_never_cuts_a_character) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "a€🐘ü";
  for (std::size_t limit = 0; limit <= text.size(); ++limit) {
    auto out = shorten(text, limit);
    ASSERT_LE(out.size(), limit);
    ASSERT_TRUE(is_utf8(out)) << limit;
  }
}

TEST(Shorten, survives_bytes_that_are_no_text) {
  std::string bytes(300, '\x80');
  for (std::size_t limit = 0; limit <= bytes.size(); ++limit) EXPECT_LE(shorten(bytes, limit).size(), limit);
}

}  // namespace
}  // namespace dugong
