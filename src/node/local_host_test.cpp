#include <algorithm>
#include <gtest/gtest.h>

#include "node/local_sandbox.h"
#include "wire/protocol.h"

namespace dugong::node {
namespace {

class LocalHost : public LocalSandbox {
 protected:
  LocalHost() {
    ::setenv("DUGONG_RUN_DIR", path("run").c_str(), 1);
    ::setenv("DUGONG_STATE_DIR", path("state").c_str(), 1);
  }
  ~LocalHost() override {
    ::unsetenv("DUGONG_RUN_DIR");
    ::unsetenv("DUGONG_STATE_DIR");
  }
};

TEST_F(LocalHost, says_what_it_is) {
  const auto facts = ask_it(InspectHost{});
  ASSERT_TRUE(facts);
  EXPECT_NE(facts->hostname, "");
  EXPECT_EQ(facts->version, wire::own_version());
  EXPECT_GT(facts->wall_ns, 1'700'000'000'000'000'000);
  EXPECT_GT(facts->memory, Bytes{1} << 20);
  EXPECT_NE(std::ranges::find(facts->addresses, "127.0.0.1"), facts->addresses.end());
}

TEST_F(LocalHost, what_takes_time_is_told_to_who_wants_all) {
  LocalNode knowing{LocalOptions{.wal_client = path("dugong-wal")}};
  write("dugong-wal", "a program");
  const auto whole = ask(knowing, InspectHost{}, os::deadline_in(Millis{5'000}));
  const auto brief = ask(knowing, InspectHost{.whole = false}, os::deadline_in(Millis{5'000}));
  ASSERT_TRUE(whole && brief);
  EXPECT_EQ(whole->wal_client.size(), 64U);
  EXPECT_EQ(brief->wal_client, "");
  EXPECT_TRUE(brief->listening.empty());
  EXPECT_EQ(brief->boot_id, whole->boot_id);
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

TEST_F(LocalHost, a_registered_node_is_known_until_it_is_forgotten) {
  EXPECT_EQ(ask_it(InspectHost{})->registered.size(), 0U);
  ASSERT_TRUE(ask_it(RegisterNode{"dex.a", "/srv/dugong/dex/a"}));
  ASSERT_TRUE(ask_it(RegisterNode{"dex.b", "/srv/b"}));
  ASSERT_TRUE(ask_it(RegisterNode{"dex.b", "/srv/elsewhere"}));
  const std::map<std::string, std::string> both{{"dex.a", "/srv/dugong/dex/a"}, {"dex.b", "/srv/elsewhere"}};
  EXPECT_EQ(ask_it(InspectHost{})->registered, both);
  for (int again = 0; again < 2; ++again) ASSERT_TRUE(ask_it(ForgetNode{"dex.a"}));
  EXPECT_EQ(ask_it(InspectHost{})->registered.size(), 1U);
}

TEST_F(LocalHost, what_is_no_entry_of_ours_is_not_taken_for_one) {
  write("state/nodes/dex.a", "srv/relative\n");
  write("state/nodes/dex b", "/srv/b\n");
  write("state/nodes/.hidden", "/srv/c\n");
  std::filesystem::create_directories(path("state/nodes/dex.d"));
  std::filesystem::create_symlink("/etc/hostname", path("state/nodes/dex.e"));
  EXPECT_EQ(ask_it(InspectHost{})->registered.size(), 0U);
  for (const auto* name : {"", "../dex", "a/b", ".x"}) {
    const auto answer = ask_it(RegisterNode{name, "/srv/a"});
    ASSERT_FALSE(answer) << name;
    EXPECT_EQ(answer.error().kind, ErrorKind::invalid) << name;
  }
  EXPECT_FALSE(ask_it(RegisterNode{"dex.a", "relative"}));
  EXPECT_FALSE(ask_it(RegisterNode{"dex.a", "/two\nlines"}));
}

TEST_F(LocalHost, nobody_listening_is_unreachable) {
  const auto answer = ask_it(ProbeLogin{"", "127.0.0.1", 1, "replicator"});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::unreachable);
}

// Reserved for documentation (RFC 5737): nobody is there to refuse.
TEST_F(LocalHost, who_does_not_answer_is_waited_for_no_longer_than_said) {
  ProbeLogin probe{"", "192.0.2.1", 5432, "replicator"};
  probe.patience = 100;
  const auto began = os::now();
  const auto answer = ask_it(probe);
  ASSERT_FALSE(answer);
  EXPECT_TRUE(answer.error().kind == ErrorKind::timed_out || answer.error().kind == ErrorKind::unreachable);
  EXPECT_LT(os::now() - began, Millis{5'000});
}

}  // namespace
}  // namespace dugong::node
