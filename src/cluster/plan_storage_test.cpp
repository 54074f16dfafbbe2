#include <gtest/gtest.h>

#include "test/support/plans.h"

namespace dugong::cluster {
namespace {

Plan storage_plan(const spec::Spec& spec, const Observed& seen, const spec::Node& node) {
  Plan plan;
  const auto ground = ground_of(spec, seen, node);
  EXPECT_TRUE(ground);
  if (ground) plan_storage(*ground, plan);
  return plan;
}

std::string written(const Plan& plan, const std::string& path) {
  for (const auto& step : plan.steps)
    if (const auto* write = std::get_if<WriteFile>(&step.action); write != nullptr && write->path == path)
      return write->content.reveal();
  return "nothing";
}

TEST(Storage, ANewDirectoryIsMarkedBeforeAnythingIsInIt) {
  const auto spec = a_spec();
  const auto plan = storage_plan(spec, nothing_there(spec), spec.nodes[0]);
  EXPECT_LT(position(plan, "make directory /srv/dugong/dex/a"), position(plan, "write /srv/dugong/dex/a/.dugong"));
  EXPECT_LT(position(plan, "write /srv/dugong/dex/a/.dugong"), position(plan, "make directory /srv/dugong/dex/a/"));
  EXPECT_LT(position(plan, "write /srv/dugong/dex/a/.dugong"), position(plan, "superuser.pass"));
  EXPECT_NE(written(plan, "/srv/dugong/dex/a/.dugong").find("node a of cluster dex"), std::string::npos);
}

TEST(Storage, LogsElsewhereAreMarkedUnlessSomebodyUsesThem) {
  auto spec = a_spec();
  spec.postgres.logs = "/var/log/pg";
  auto seen = nothing_there(spec);
  EXPECT_NE(written(storage_plan(spec, seen, spec.nodes[0]), "/var/log/pg/a/.dugong"), "nothing");
  seen.nodes[0].files["/var/log/pg/a"] = {true, true, 0750, 70, 70, "", {"older.log"}};
  EXPECT_EQ(written(storage_plan(spec, seen, spec.nodes[0]), "/var/log/pg/a/.dugong"), "nothing");
  seen.nodes[0].files["/var/log/pg/a"].entries = {"lost+found"};
  EXPECT_NE(written(storage_plan(spec, seen, spec.nodes[0]), "/var/log/pg/a/.dugong"), "nothing");
}

TEST(Storage, AMissingArchiverIsPutBack) {
  const auto spec = a_spec();
  auto seen = settled(spec);
  const auto bin = host_paths_of(spec, spec.nodes[0]).bin;
  EXPECT_TRUE(storage_plan(spec, seen, spec.nodes[0]).steps.empty());
  seen.nodes[0].files[bin].entries = {"dugong-wal.sha256"};
  EXPECT_EQ(steps_of<InstallWalClient>(storage_plan(spec, seen, spec.nodes[0]), "a").size(), 1U);
}

TEST(Storage, APasswordThatTheServerMayHaveIsKept) {
  auto spec = a_spec();
  auto seen = settled(spec);
  const auto paths = host_paths_of(spec, spec.nodes[0]);
  const auto before = former_passwords_file(paths);
  spec.auth.superuser_password = Secret{"second"};
  EXPECT_EQ(written(storage_plan(spec, seen, spec.nodes[0]), before), "super\n");
  // Changed again before the server had the second one.
  seen.nodes[0].files[superuser_file(paths)].content = "second";
  seen.nodes[0].files[before] = {true, false, 0600, 70, 70, "super\n", {}};
  spec.auth.superuser_password = Secret{"third"};
  EXPECT_EQ(written(storage_plan(spec, seen, spec.nodes[0]), before), "second\nsuper\n");
  seen.nodes[0].files[before].content = "second\n1\n2\n3\n4\n5\n";
  EXPECT_EQ(written(storage_plan(spec, seen, spec.nodes[0]), before), "second\n1\n2\n3\n4\n");
}

}  // namespace
}  // namespace dugong::cluster
