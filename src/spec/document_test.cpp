#include "spec/document.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "spec/spec_test_support.h"

namespace dugong::spec {
namespace {

Value root(const std::string& text) {
  auto value = parse_document(text, "f");
  EXPECT_TRUE(value) << value.error().what;
  return value ? *std::move(value) : Value{};
}

TEST(Document, keeps_the_order_of_the_file) {
  auto value = root("z = 1\na = 2\n[y]\n[b]\nm = 3\nc = 4\n");
  std::vector<std::string> keys;
  for (const auto& entry : value.entries) keys.push_back(entry.key);
  EXPECT_EQ(keys, (std::vector<std::string>{"z", "a", "y", "b"}));
  EXPECT_EQ(value.find("b")->value.entries.front().key, "m");
  EXPECT_EQ(value.find("nope"), nullptr);
}

TEST(Document, knows_where_keys_and_values_are) {
  auto value = root("key = 1\n  \"ü\"   =   'x'\n[t]\nk = [1,\n  2]\n");
  EXPECT_EQ(value.find("key")->at, (Position{1, 1}));
  EXPECT_EQ(value.find("key")->value.at, (Position{1, 7}));
  EXPECT_EQ(value.find("ü")->at, (Position{2, 3}));
  EXPECT_EQ(value.find("ü")->value.at, (Position{2, 13}));
  EXPECT_EQ(value.find("t")->value.at, (Position{3, 1}));
  EXPECT_EQ(value.find("t")->value.find("k")->value.items[1].at, (Position{5, 3}));
}

TEST(Document, knows_every_type) {
  struct Case {
    std::string_view text;
    ValueType type;
    std::string_view content;
  };
  for (auto [text, type, content] : {Case{"'a'", ValueType::text, "a"},
                                     {"\"a\\n\\u00fc\"", ValueType::text, "a\nü"},
                                     {"''", ValueType::text, ""},
                                     {"42", ValueType::whole, "42"},
                                     {"-1", ValueType::whole, "-1"},
                                     {"0x10", ValueType::whole, "16"},
                                     {"9223372036854775807", ValueType::whole, "9223372036854775807"},
                                     {"0.10", ValueType::fraction, "0.10"},
                                     {"1e3", ValueType::fraction, "1e3"},
                                     {"-0.0", ValueType::fraction, "-0.0"},
                                     {"1_0.0_1", ValueType::fraction, "10.01"},
                                     {"inf", ValueType::fraction, "inf"},
                                     {"true", ValueType::boolean, "on"},
                                     {"false", ValueType::boolean, "off"},
                                     {"2024-01-01", ValueType::date, ""},
                                     {"07:30:00", ValueType::date, ""},
                                     {"2024-01-01T00:00:00Z", ValueType::date, ""},
                                     {"[]", ValueType::array, ""},
                                     {"{}", ValueType::table, ""}}) {
    auto value = root("k = " + std::string{text}).find("k")->value;
    EXPECT_EQ(value.type, type) << text;
    EXPECT_EQ(value.text, content) << text;
    EXPECT_FALSE(describe(value.type).empty());
  }
}

TEST(Document, finds_numbers_behind_wide_characters) {
  EXPECT_EQ(root("\"üü🐘\" = 0.10 # ü").find("üü🐘")->value.text, "0.10");
  EXPECT_EQ(root("a = ['ü', 1.50, 2.0]").find("a")->value.items[1].text, "1.50");
  EXPECT_EQ(root("a = { b = 7.0 }\r\nc = 8.0\r\n").find("c")->value.text, "8.0");
}

TEST(Document, refuses_what_toml_refuses) {
  for (auto text : {"a",       "a =",          "= 1",       "a = 1 b = 2",
                    "[a",      "a]",           "a = 01",    "a = 1.",
                    "a = 'x",  "a = \"\\q\"",  "a = [1 2]", "a = {b = 1,}",
                    "a = tru", "a = 1\na = 2", "[a]\n[a]",  "a = 9223372036854775808",
                    "\x01",    "a = \"\xC3\"", "[+a]",      "[ü]",
                    "[[.a]]",  "a. = 1",       ".a = 1",    "a = 2024-13-01",
                    "a\n= 1"}) {
    auto value = parse_document(text, "f");
    ASSERT_FALSE(value) << text;
    EXPECT_EQ(value.error().kind, ErrorKind::invalid);
    EXPECT_TRUE(value.error().where.starts_with("f:")) << value.error().where;
    EXPECT_EQ(value.error().where.find(":0"), std::string::npos) << text << " " << value.error().where;
  }
}

// A file that was cut off or mistyped anywhere: an answer with a place in it, whatever the answer is.
void expect_an_answer(const std::string& text) {
  auto spec = test::parse(text);
  if (spec) return;
  const auto& error = spec.error();
  ASSERT_EQ(error.kind, ErrorKind::invalid) << text;
  ASSERT_TRUE(error.where.starts_with("dugong.toml:")) << error.where;
  ASSERT_EQ(split(error.where, ':').size(), 3U);
  ASSERT_FALSE(error.what.empty());
  ASSERT_EQ(error.what, printable(error.what));
}

TEST(Document, survives_every_cut) {
  auto text = example_file("dex");
  for (std::size_t size = 0; size < text.size(); size += 3) expect_an_answer(text.substr(0, size));
}

TEST(Document, survives_every_slip_of_the_finger) {
  const auto text = test::Parts{}.text();
  for (char wrong : {'"', '[', '\n', '\0', '\xFF', '.', '=', '{', '+', '$', ' ', '\\'}) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      auto bad = text;
      bad[i] = wrong;
      expect_an_answer(bad);
      expect_an_answer(text.substr(0, i) + wrong + text.substr(i));
    }
  }
}

TEST(Document, survives_every_lost_line) {
  auto text = example_file("dex");
  auto all = lines(text);
  for (std::size_t skip = 0; skip < all.size(); ++skip) {
    std::string rest;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (i != skip) rest += std::string{all[i]} + "\n";
    }
    expect_an_answer(rest);
  }
}

}  // namespace
}  // namespace dugong::spec
