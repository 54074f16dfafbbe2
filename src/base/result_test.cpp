#include "base/result.h"

#include <gtest/gtest.h>
#include <memory>

#include "base/secret.h"

namespace dugong {
namespace {

Result<int> half(int n) {
  if (n % 2 != 0) return fail(ErrorKind::invalid, "odd", "double it");
  return n / 2;
}
Result<int> quarter(int n) {
  auto first = TRY(half(n));
  return TRY(half(first));
}
Result<> check(int n) {
  if (n < 0) return fail(ErrorKind::refused, "negative");
  return {};
}
Result<int> checked(int n) {
  TRY(check(n));
  return n;
}
Result<std::unique_ptr<int>> boxed(int n) {
  auto box = TRY(Result<std::unique_ptr<int>>{std::make_unique<int>(n)});
  return box;
}

TEST(Try, yields_the_value) {
  EXPECT_EQ(quarter(8).value(), 2);
  EXPECT_EQ(checked(1).value(), 1);
}

TEST(Try, returns_the_first_error) {
  EXPECT_EQ(quarter(6).error().what, "odd");
  EXPECT_EQ(quarter(6).error().next, "double it");
  EXPECT_EQ(checked(-1).error().kind, ErrorKind::refused);
}

TEST(Try, moves_what_cannot_be_copied) { EXPECT_EQ(*boxed(3).value(), 3); }

TEST(Error, collects_places_from_the_inside_out) {
  Error error{ErrorKind::failed, "no", {}, {}, {}};
  EXPECT_EQ(std::move(error).at("tank/dex").at("b").where, "b: tank/dex");
}

TEST(Secret, is_compared_and_revealed_only) {
  EXPECT_EQ(Secret{"a"}, Secret{"a"});
  EXPECT_NE(Secret{"a"}, Secret{"b"});
  EXPECT_TRUE(Secret{}.empty());
  EXPECT_EQ(Secret{"x"}.reveal(), "x");
  static_assert(!std::is_convertible_v<Secret, std::string>);
  static_assert(!std::is_convertible_v<Secret, std::string_view>);
}

}  // namespace
}  // namespace dugong
