#include "spec/fields.h"

#include <gtest/gtest.h>

#include "spec/spec_test_support.h"

namespace dugong::spec {
namespace {

const std::string file_name = "f";
const Surroundings around = test::surroundings();
const Context context{file_name, around};

Value text_value(std::string text) {
  Value value;
  value.type = ValueType::text;
  value.at = {3, 4};
  value.text = std::move(text);
  return value;
}

TEST(Expand, replaces_variables_once) {
  struct Case {
    std::string text;
    std::string expanded;
  };
  for (const auto& [text, expanded] : {
           Case{"", ""},
           {"plain", "plain"},
           {"${PW}", "s3cret"},
           {"a${PW}b${IP}", "as3cretb10.0.0.9"},
           {"${EMPTY}", ""},
           {"${DOLLAR}", "a${PW}b"},
           {"$${PW}", "${PW}"},
           {"$$${PW}", "$${PW}"},
           {"$", "$"},
           {"$$", "$$"},
           {"a$", "a$"},
           {"$PW", "$PW"},
           {"$x${PW}", "$xs3cret"},
           {"{PW}", "{PW}"},
           {"}", "}"},
           {"${PW}}", "s3cret}"},
           {"$${", "${"},
           {"$${$${", "${${"},
           {"${PW}$${PW}", "s3cret${PW}"},
           {"ü${PW}ü", "üs3cretü"},
       }) {
    auto out = context.expand(text_value(text), "x");
    ASSERT_TRUE(out) << text << ": " << out.error().what;
    EXPECT_EQ(*out, expanded) << text;
  }
}

TEST(Expand, refuses_what_is_no_variable) {
  for (auto text :
       {"${", "${PW", "${}", "${ PW}", "${PW }", "${1}", "${P-W}", "${${PW}}", "${NOPE}", "${LATIN}", "${ü}"}) {
    auto out = context.expand(text_value(text), "x.y");
    ASSERT_FALSE(out) << text;
    EXPECT_EQ(out.error().where, "f:3:4");
    EXPECT_TRUE(out.error().what.starts_with("x.y: ")) << out.error().what;
  }
}

Value table_value(std::initializer_list<std::pair<std::string, Value>> entries) {
  Value value;
  value.at = {1, 1};
  for (const auto& [key, inner] : entries) value.entries.push_back({key, {2, 1}, inner});
  return value;
}

TEST(Fields, leave_alone_what_is_absent) {
  auto table = table_value({});
  auto fields = Fields::open(context, table, "t", {"k"}).value();
  std::string text = "before";
  std::uint16_t port = 7;
  Bytes bytes = 8;
  std::vector<std::string> texts{"x"};
  EXPECT_TRUE(fields.text("k", check_name, text));
  EXPECT_TRUE(fields.directory("k", text));
  EXPECT_TRUE(fields.port("k", port));
  EXPECT_TRUE(fields.bytes("k", bytes));
  EXPECT_TRUE(fields.texts("k", check_name, texts));
  EXPECT_TRUE(fields.forbid("k", "", ""));
  EXPECT_EQ(text, "before");
  EXPECT_EQ(port, 7);
  EXPECT_EQ(bytes, 8U);
  EXPECT_EQ(texts, std::vector<std::string>{"x"});
  EXPECT_EQ(fields.position("k"), (Position{1, 1}));
}

TEST(Fields, leave_alone_what_is_wrong) {
  auto table = table_value({{"k", text_value("Not A Name")}});
  auto fields = Fields::open(context, table, "t", {"k"}).value();
  std::string text = "before";
  auto done = fields.text("k", check_name, text);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().where, "f:3:4");
  EXPECT_TRUE(done.error().what.starts_with("t.k \"Not A Name\": ")) << done.error().what;
  EXPECT_EQ(text, "before");
}

TEST(Fields, name_keys_with_their_table) {
  auto table = table_value({{"k", text_value("x")}});
  EXPECT_EQ(Fields::open(context, table, "t", {"k"}).value().path("k"), "t.k");
  EXPECT_EQ(Fields::open(context, table, "", {"k"}).value().path("k"), "k");
  EXPECT_EQ(Fields::open(context, table, "", {"z"}).error().what, "the cluster file has no key \"k\"");
}

TEST(Fields, shorten_what_they_show) {
  auto table = table_value({{"k", text_value(std::string(5000, 'A'))}});
  std::string text;
  auto done = Fields::open(context, table, "t", {"k"}).value().text("k", check_name, text);
  EXPECT_LT(done.error().what.size(), 300U);
}

TEST(Fields, forbid_what_would_be_ignored) {
  auto table = table_value({{"k", text_value("x")}});
  auto done = Fields::open(context, table, "t", {"k"}).value().forbid("k", "has no effect", "leave it out");
  EXPECT_EQ(done.error().what, "t.k has no effect");
  EXPECT_EQ(done.error().where, "f:2:1");
  EXPECT_EQ(done.error().next, "leave it out");
}

TEST(Secret, has_three_sources) {
  EXPECT_EQ(context.secret(text_value("x${PW}"), "p").value().reveal(), "xs3cret");
  EXPECT_EQ(context.secret(table_value({{"env", text_value("PW")}}), "p").value().reveal(), "s3cret");
  EXPECT_EQ(context.secret(table_value({{"file", text_value("/pw")}}), "p").value().reveal(), "from file");
}

TEST(Secret, error_names_the_source_and_not_the_secret) {
  auto lines = context.secret(table_value({{"env", text_value("LINES")}}), "p");
  EXPECT_EQ(lines.error().what.find("two"), std::string::npos);
  auto file = context.secret(table_value({{"file", text_value("/nope")}}), "p");
  EXPECT_NE(file.error().what.find("/nope"), std::string::npos);
  EXPECT_EQ(file.error().kind, ErrorKind::invalid);
}

}  // namespace
}  // namespace dugong::spec
