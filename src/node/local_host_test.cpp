#include <algorithm>
#include <gtest/gtest.h>

#include "node/local_sandbox.h"

namespace dugong::node {
namespace {

class LocalHost : public LocalSandbox {
 protected:
  LocalHost() { ::setenv("DUGONG_RUN_DIR", path("run").c_str(), 1); }
  ~LocalHost() override { ::unsetenv("DUGONG_RUN_DIR"); }
};

TEST_F(LocalHost, says_what_it_is) {
  const auto facts = ask_it(InspectHost{});
  ASSERT_TRUE(facts);
  EXPECT_NE(facts->hostname, "");
  EXPECT_EQ(facts->version, DUGONG_VERSION);
  EXPECT_GT(facts->wall_ns, 1'700'000'000'000'000'000);
  EXPECT_GT(facts->memory, Bytes{1} << 20);
  EXPECT_NE(std::ranges::find(facts->addresses, "127.0.0.1"), facts->addresses.end());
}

TEST_F(LocalHost, a_lock_has_one_holder) {
  LocalNode other;
  const auto first = ask_it(AcquireLock{"dex.b", "up by root"});
  const auto second = ask(other, AcquireLock{"dex.b", "down by root"}, os::deadline_in(Millis{5'000}));
  ASSERT_TRUE(first && second);
  EXPECT_TRUE(first->acquired);
  EXPECT_FALSE(second->acquired);
  EXPECT_EQ(second->holder, "up by root");
}

TEST_F(LocalHost, a_lock_is_its_holders_when_asked_again) {
  ASSERT_TRUE(ask_it(AcquireLock{"dex.b", "up"}));
  const auto again = ask_it(AcquireLock{"dex.b", "up"});
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->acquired);
}

TEST_F(LocalHost, a_lock_ends_with_its_node) {
  {
    LocalNode other;
    const auto held = ask(other, AcquireLock{"dex.b", "x"}, os::deadline_in(Millis{5'000}));
    ASSERT_TRUE(held && held->acquired);
  }
  const auto taken = ask_it(AcquireLock{"dex.b", "up"});
  ASSERT_TRUE(taken);
  EXPECT_TRUE(taken->acquired);
}

TEST_F(LocalHost, nobody_listening_is_unreachable) {
  const auto answer = ask_it(ProbeLogin{"", "127.0.0.1", 1, "replicator"});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::unreachable);
}

}  // namespace
}  // namespace dugong::node
