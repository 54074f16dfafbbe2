#include "postgres/identifiers.h"

#include <gtest/gtest.h>

namespace dugong::postgres {
namespace {

using namespace std::string_literals;

TEST(Quote, Identifiers) {
  EXPECT_EQ(quote_identifier("dex"), R"("dex")");
  EXPECT_EQ(quote_identifier(R"(a"b)"), R"("a""b")");
  EXPECT_EQ(quote_identifier(R"("; DROP DATABASE dex; --)"), R"("""; DROP DATABASE dex; --")");
}

TEST(Quote, Literals) {
  EXPECT_EQ(quote_literal("a"), "'a'");
  EXPECT_EQ(quote_literal(""), "''");
  EXPECT_EQ(quote_literal("it's"), "'it''s'");
  EXPECT_EQ(quote_literal(R"(a\b)"), R"(E'a\\b')");
  EXPECT_EQ(quote_literal(R"(\'; SELECT 1; --)"), R"(E'\\''; SELECT 1; --')");
}

TEST(SlotName, OfANode) {
  EXPECT_EQ(slot_name("b"), "dugong_b");
  EXPECT_EQ(slot_name("db-2"), "dugong_db_2");
  EXPECT_EQ(slot_name("Db.Ä"), "dugong_db___");
  EXPECT_EQ(slot_name(std::string(80, 'x')).size(), 63U);
}

TEST(Conninfo, ValuesAreQuoted) {
  EXPECT_EQ(conninfo_value("10.0.0.1"), "'10.0.0.1'");
  EXPECT_EQ(conninfo_value(""), "''");
  EXPECT_EQ(conninfo_value(R"(a'b\c d)"), R"('a\'b\\c d')");
}

TEST(Passfile, Fields) {
  EXPECT_EQ(*passfile_line("h", "5432", "replication", "u", "p"), "h:5432:replication:u:p");
  EXPECT_EQ(*passfile_line("fd00::1", "5432", "*", "u", R"(a:b\c)"), R"(fd00\:\:1:5432:*:u:a\:b\\c)");
  EXPECT_EQ(*passfile_line("", "1", "", "u", ""), ":1::u:");
}

TEST(Passfile, APasswordIsFoundAgain) {
  const std::string odd = R"(a:b\c #")";
  const auto text = *passfile_line("h", "1", "replication", "u", "other") + "\n" +
                    *passfile_line("fd00::1", "5432", "replication", "u:v", odd) + "\n" +
                    *passfile_line("fd00::1", "5432", "replication", "u:v", "second") + "\n";
  EXPECT_EQ(password_in_passfile(text, "fd00::1", "5432", "replication", "u:v"), odd);
  EXPECT_EQ(password_in_passfile(text, "h", "1", "replication", "u"), "other");
  EXPECT_EQ(password_in_passfile(text, "h", "1", "replication", "u:v"), std::nullopt);
  EXPECT_EQ(password_in_passfile(text, "h", "11", "replication", "u"), std::nullopt);
  EXPECT_EQ(password_in_passfile("", "h", "1", "replication", "u"), std::nullopt);
}

TEST(Passfile, OneLineOnly) {
  for (const auto& bad : {"a\nb"s, "a\rb"s, "a\0b"s}) {
    auto line = passfile_line("h", "1", "d", "u", bad);
    ASSERT_FALSE(line);
    EXPECT_EQ(line.error().kind, ErrorKind::invalid);
    EXPECT_EQ(line.error().what.find('\n'), std::string::npos);
  }
}

TEST(Startup, Message) {
  EXPECT_EQ(startup_message("u", "d", false), "\0\0\0\x33\0\3\0\0user\0u\0database\0d\0application_name\0dugong\0\0"s);
  auto replication = startup_message("u", "d", true);
  EXPECT_NE(replication.find("replication\0true\0"s), std::string::npos);
  EXPECT_EQ(static_cast<unsigned char>(replication[3]), replication.size());
}

LoginAnswer answer(const std::string& bytes) {
  auto parsed = parse_login_answer(bytes);
  EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error().what);
  return parsed ? *parsed : LoginAnswer{};
}

TEST(Login, PasswordWanted) {
  EXPECT_TRUE(answer("R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0"s).asked_for_password);
  EXPECT_TRUE(answer("R\0\0\0\x0c\0\0\0\5salt"s).asked_for_password);
}

TEST(Login, Trusted) {
  auto a = answer("R\0\0\0\x08\0\0\0\0S\0\0"s);
  EXPECT_FALSE(a.asked_for_password);
  EXPECT_EQ(a.sqlstate, "");
  EXPECT_NE(a.message, "");
}

TEST(Login, Refused) {
  auto a = answer("E\0\0\0\x24SFATAL\0VFATAL\0C28000\0Mno entry\0\0"s);
  EXPECT_FALSE(a.asked_for_password);
  EXPECT_EQ(a.sqlstate, "28000");
  EXPECT_EQ(a.message, "no entry");
}

TEST(Login, SomethingElseListens) {
  for (const auto& bytes : {""s, "HTTP/1.1 400 Bad Request\r\n"s, "R\0\0\0\x08\0\0"s, "R\0\0\0\0\0\0\0\0"s,
                            "E\0\0\0\5\0"s, "N\0\0\0\x08\0\0\0\0"s, "R\xff\xff\xff\xff\0\0\0\0"s, "R\0\0\0\5\0"s}) {
    EXPECT_FALSE(parse_login_answer(bytes)) << bytes;
  }
}

}  // namespace
}  // namespace dugong::postgres
