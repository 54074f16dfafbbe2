#include "base/text.h"

#include <gtest/gtest.h>

namespace dugong {
namespace {

using Views = std::vector<std::string_view>;

TEST(Split, keeps_empty_fields) {
  EXPECT_EQ(split("a,b", ','), (Views{"a", "b"}));
  EXPECT_EQ(split("", ','), (Views{""}));
  EXPECT_EQ(split(",", ','), (Views{"", ""}));
  EXPECT_EQ(split("a,,b,", ','), (Views{"a", "", "b", ""}));
}

TEST(Lines, leaves_out_the_last_empty_one) {
  EXPECT_EQ(lines(""), Views{});
  EXPECT_EQ(lines("a"), (Views{"a"}));
  EXPECT_EQ(lines("a\n"), (Views{"a"}));
  EXPECT_EQ(lines("a\n\nb\n"), (Views{"a", "", "b"}));
  EXPECT_EQ(lines("\n"), (Views{""}));
}

TEST(Trim, takes_white_space_off_both_ends) {
  EXPECT_EQ(trim(" \t a b\r\n"), "a b");
  EXPECT_EQ(trim("a"), "a");
  EXPECT_EQ(trim(" \n "), "");
  EXPECT_EQ(trim(""), "");
}

TEST(Join, puts_the_separator_between) {
  EXPECT_EQ(join({}, ", "), "");
  EXPECT_EQ(join({"a"}, ", "), "a");
  EXPECT_EQ(join({"a", "", "b"}, ", "), "a, , b");
}

TEST(ReplaceAll, does_not_look_at_what_it_wrote) {
  EXPECT_EQ(replace_all("aaa", "a", "aa"), "aaaaaa");
  EXPECT_EQ(replace_all("abab", "ab", ""), "");
  EXPECT_EQ(replace_all("abc", "", "x"), "abc");
  EXPECT_EQ(replace_all("abc", "x", "y"), "abc");
}

TEST(ShellQuote, makes_one_word) {
  EXPECT_EQ(shell_quote(""), "''");
  EXPECT_EQ(shell_quote("a b"), "'a b'");
  EXPECT_EQ(shell_quote("it's"), R"('it'\''s')");
  EXPECT_EQ(shell_quote("$(rm) `x` \\ \" \n"), "'$(rm) `x` \\ \" \n'");
}

TEST(Base64, knows_the_vectors_of_rfc_4648) {
  struct Case {
    std::string_view bytes;
    std::string_view text;
  };
  for (auto [bytes, text] : {Case{"", ""},
                             {"f", "Zg=="},
                             {"fo", "Zm8="},
                             {"foo", "Zm9v"},
                             {"foob", "Zm9vYg=="},
                             {"fooba", "Zm9vYmE="},
                             {"foobar", "Zm9vYmFy"},
                             {"\xFF\xFE\xFD", "//79"}}) {
    EXPECT_EQ(base64_encode(bytes), text);
    EXPECT_EQ(base64_decode(text).value(), bytes);
  }
}

TEST(Base64, carries_every_byte) {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  for (std::size_t i = 0; i < all.size(); ++i) {
    auto bytes = all.substr(i);
    EXPECT_EQ(base64_decode(base64_encode(bytes)).value(), bytes);
  }
}

TEST(Base64, refuses_everything_else) {
  for (auto text :
       {"Z", "Zg", "Zg=", "Zg===", "====", "=", "Zh==", "Zm9=", "Zm 9", "Zm9v\n", "Zg==Zg==", "Z===", "Zm-_"}) {
    EXPECT_FALSE(base64_decode(text)) << text;
  }
}

TEST(Nearest, finds_what_was_meant) {
  Views known{"name", "address", "prefix", "port", "max_connections", "max_worker_processes"};
  EXPECT_EQ(nearest("adress", known), "address");
  EXPECT_EQ(nearest("prot", known), "port");
  EXPECT_EQ(nearest("max_conections", known), "max_connections");
  EXPECT_EQ(nearest("max_worker_procs", known), "max_worker_processes");
  EXPECT_EQ(nearest("name", known), "name");
}

TEST(Nearest, does_not_guess_wildly) {
  Views known{"name", "port", "ssh"};
  EXPECT_EQ(nearest("zzzzz", known), "");
  EXPECT_EQ(nearest("x", known), "");
  EXPECT_EQ(nearest("", known), "");
  EXPECT_EQ(nearest("ab", {"cd"}), "");
  EXPECT_EQ(nearest("name", {}), "");
}

TEST(Nearest, takes_the_closer_one) { EXPECT_EQ(nearest("logs", {"lots", "log", "logsx", "logs"}), "logs"); }

}  // namespace
}  // namespace dugong
