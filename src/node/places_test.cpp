#include "node/places.h"

#include <gtest/gtest.h>

namespace dugong::node {
namespace {

std::string root(const std::string& path, std::vector<std::string> directories = {}) {
  const auto place = Places{std::move(directories)}.at(path);
  EXPECT_EQ(place.path, path);
  return place.root;
}

TEST(Places, WithoutDirectoriesBelowTheFirstOne) {
  EXPECT_EQ(root("/srv/a/b"), "/srv");
  EXPECT_EQ(root("/srv/a"), "/srv");
  EXPECT_EQ(root("/data"), "/");
  EXPECT_EQ(root("/"), "/");
}
TEST(Places, BelowTheDirectoryThatAllowsIt) {
  EXPECT_EQ(root("/srv/a/b", {"/srv", "/data"}), "/srv");
  EXPECT_EQ(root("/data/x", {"/srv", "/data"}), "/data");
  EXPECT_EQ(root("/srv/a/b/c", {"/srv", "/srv/a"}), "/srv/a");
  EXPECT_EQ(root("/srv/a/b/c", {"/srv/a", "/srv"}), "/srv/a");
  EXPECT_EQ(root("/x/y", {"/"}), "/");
}
TEST(Places, TheDirectoryItselfIsANameInTheOneAbove) {
  EXPECT_EQ(root("/srv/dex/a", {"/srv/dex/a"}), "/srv/dex");
  EXPECT_EQ(root("/data", {"/data"}), "/");
  EXPECT_EQ(root("/srv/dex", {"/srv", "/srv/dex"}), "/srv");
}

}  // namespace
}  // namespace dugong::node
