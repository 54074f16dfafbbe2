// Names that are asked for by several parts.
#include "cluster/layout.h"

#include <gtest/gtest.h>
#include <set>

namespace dugong::cluster {
namespace {

std::vector<std::string> lock_names(const std::string& cluster, const std::string& prefix,
                                    const std::string& directory) {
  spec::Spec spec;
  spec.cluster = cluster;
  spec::Node node;
  node.name = "a";
  node.prefix = prefix;
  node.directory = directory;
  std::vector<std::string> names;
  for (const auto& lock : locks_of(spec, node)) names.push_back(lock.name);
  return names;
}

TEST(Locks, ADatasetAndADirectoryHaveOneWhicheverFileNamesThem) {
  const auto mine = lock_names("dex", "tank/dex_1", "/srv/dex");
  EXPECT_EQ(mine, (std::vector<std::string>{"dex.a", "dataset-tank_2fdex_5f1", "directory-_2fsrv_2fdex"}));
  const auto theirs = lock_names("ops", "tank/dex_1", "/srv/ops");
  EXPECT_NE(theirs[0], mine[0]);
  EXPECT_EQ(theirs[1], mine[1]);
  EXPECT_NE(theirs[2], mine[2]);
}

TEST(Locks, AnAdoptedDatasetHasTheOneOfAnybodysPrefix) {
  spec::Spec spec;
  spec.cluster = "dex";
  spec::Node node;
  node.name = "a";
  node.prefix = "tank/dex";
  node.adopt = "tank/data";
  const auto all = locks_of(spec, node);
  ASSERT_EQ(all.size(), 4U);
  EXPECT_EQ(all[2].name, lock_names("ops", "tank/data", "/srv/ops")[1]);
  EXPECT_EQ(all[2].place, "on the dataset tank/data");
}

TEST(Locks, OthersHaveOthers) {
  std::set<std::string> names;
  for (const auto* prefix : {"a/b", "a_b", "a-b", "a.b", "a_2fb", "a:b", "a b"})
    names.insert(lock_names("dex", prefix, "/srv")[1]);
  EXPECT_EQ(names.size(), 7U);
}

TEST(Locks, ALongNameIsAFileNameAllTheSame) {
  const std::string deep(300, 'x');
  const auto one = lock_names("dex", "tank/" + deep + "1", "/srv/" + deep);
  const auto other = lock_names("dex", "tank/" + deep + "2", "/srv/" + deep);
  EXPECT_LE(one[1].size(), 200U);
  EXPECT_NE(one[1], other[1]);
  EXPECT_EQ(one[2], other[2]);
}

}  // namespace
}  // namespace dugong::cluster
