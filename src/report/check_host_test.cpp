// Ports as the others reach them, clocks, memory.
#include "test/support/checks.h"

namespace dugong::report {
namespace {

TEST(CheckHost, TheWayToTheUpstream) {
  Checkup c;
  EXPECT_EQ(c.severity("upstream-port"), "ok");
  EXPECT_EQ(c.severity("upstream-port", "a"), "none");
  c.fail_login("b", "a", ErrorKind::timed_out, "connect to 10.0.0.10:5432: no answer in time");
  EXPECT_EQ(c.severity("upstream-port"), "critical");
  EXPECT_TRUE(mentions(c.find("upstream-port").evidence, "no answer in time"));
  EXPECT_TRUE(mentions(c.find("upstream-port").remedy, "10.0.0.11")) << c.find("upstream-port").remedy;
  EXPECT_EQ(c.severity("upstream-port", "c"), "ok");
}

TEST(CheckHost, ARefusalOfAServerThatRunsIsAFirewallOrAnotherAddress) {
  Checkup c;
  c.refuse("b", "a");
  EXPECT_EQ(c.severity("upstream-port"), "critical");
  Checkup::stop(c.a());
  EXPECT_EQ(c.severity("upstream-port"), "unknown");
  c.fail_login("b", "a", ErrorKind::unreachable, "connect to 10.0.0.10:5432: No route to host");
  EXPECT_EQ(c.severity("upstream-port"), "critical") << "whether it runs or not";
  c.fail_login("b", "a", ErrorKind::conflict, "this node's dugong does not know \"login.probe\"");
  EXPECT_EQ(c.severity("upstream-port"), "unknown");
  c.tried.logins.clear();
  EXPECT_EQ(c.severity("upstream-port"), "unknown");
}

TEST(CheckHost, AReplicaThatPgHbaDoesNotKnowYet) {
  Checkup c;
  c.tried.logins[{"b", "a"}] = test::sampled(postgres::LoginAnswer{.sqlstate = "28000", .message = "no entry"});
  EXPECT_EQ(c.severity("upstream-port"), "note");
  c.tried.logins[{"b", "a"}] = test::sampled(postgres::LoginAnswer{.sqlstate = "57P03", .message = "starting up"});
  EXPECT_EQ(c.severity("upstream-port"), "ok");
}

TEST(CheckHost, TheWayToWhoeverMayBePromoted) {
  Checkup c;
  EXPECT_EQ(c.severity("peer-port"), "ok");
  c.fail_login("b", "c", ErrorKind::timed_out, "no answer in time");
  EXPECT_EQ(c.severity("peer-port"), "warning");
  EXPECT_TRUE(mentions(c.find("peer-port").consequence, "if c were promoted"));
  EXPECT_EQ(c.severity("upstream-port"), "ok");
  c.refuse("a", "c");
  Checkup::stop(c.seen.nodes[2]);
  EXPECT_EQ(c.severity("peer-port", "a"), "unknown");
}

TEST(CheckHost, APairHasNoOthers) {
  Checkup c;
  c.spec.nodes.pop_back();
  EXPECT_EQ(c.severity("peer-port"), "none");
  EXPECT_EQ(c.severity("peer-port", "a"), "ok");
}

std::string clock(double offset, double unsure) {
  Checkup c;
  c.b().host.value->clock_offset_seconds = offset;
  c.b().host.value->clock_uncertainty_seconds = unsure;
  return c.severity("clock");
}

TEST(CheckHost, Clocks) {
  EXPECT_EQ(clock(0.9, 0.01), "ok");
  EXPECT_EQ(clock(-1.5, 0.01), "note");
  EXPECT_EQ(clock(1.5, 0.9), "ok") << "it may be right";
  EXPECT_EQ(clock(3600, 0.5), "warning");
  EXPECT_EQ(clock(-61, 0.5), "warning");
  EXPECT_EQ(clock(0.1, 3), "unknown");
}

TEST(CheckHost, ClocksAreComparedBetweenNodes) {
  Checkup c;
  for (auto& node : c.seen.nodes) node.host.value->clock_offset_seconds = 500;  // the controller's is wrong
  EXPECT_EQ(c.severity("clock"), "ok");
  c.a().host.value.reset();
  EXPECT_EQ(c.severity("clock"), "unknown");
}

TEST(CheckHost, Memory) {
  const auto of = [](const std::string& buffers) {
    Checkup c;  // 8 GiB
    c.set("shared_buffers", buffers);
    return c.severity("memory");
  };
  EXPECT_EQ(of("2GB"), "ok");
  EXPECT_EQ(of("5GB"), "warning");
  EXPECT_EQ(of("32GB"), "critical");
  EXPECT_EQ(of("much"), "unknown");
  EXPECT_EQ(of("1048576"), "critical") << "pages of 8 KiB";
  Checkup c;
  c.set("work_mem", "256MB");
  EXPECT_EQ(c.severity("memory"), "note");
  c.b().host.value->memory = 0;
  EXPECT_EQ(c.severity("memory"), "unknown");
}

TEST(CheckHost, ServersOnOneHostShareItsMemory) {
  Checkup c;  // 8 GiB
  c.set("shared_buffers", "3GB");
  EXPECT_EQ(c.severity("memory"), "ok");
  c.a().host.value->boot_id = c.b().host.value->boot_id = "one";
  EXPECT_EQ(c.severity("memory"), "warning");
  EXPECT_TRUE(mentions(c.find("memory").evidence, "a on it too: 6 GiB together")) << c.find("memory").evidence;
  EXPECT_EQ(c.severity("memory", "c"), "ok");
  c.seen.nodes[2].host.value->boot_id = "one";
  EXPECT_EQ(c.severity("memory"), "critical");
}

TEST(CheckHost, WhatTheFileWantsComesBeforeWhatRuns) {
  Checkup c;
  c.b().sql.value->settings["shared_buffers"].value = "16384";
  EXPECT_TRUE(mentions(c.find("memory").evidence, "128 MiB (the running server)")) << c.find("memory").evidence;
  c.set("shared_buffers", "32GB");
  EXPECT_TRUE(mentions(c.find("memory").evidence, "32 GiB (dugong.toml)"));
  c.spec.postgres.replica_settings.push_back({"shared_buffers", "1GB", {}});
  EXPECT_EQ(c.severity("memory"), "ok");
  EXPECT_EQ(c.severity("memory", "a"), "critical");
}

TEST(CheckHost, HugePages) {
  Checkup c;
  EXPECT_EQ(c.severity("huge-pages"), "ok");
  c.set("shared_buffers", "1GB");
  c.set("huge_pages", "on");
  EXPECT_EQ(c.severity("huge-pages"), "critical");
  EXPECT_TRUE(mentions(c.find("huge-pages").remedy, "vm.nr_hugepages=538")) << c.find("huge-pages").remedy;
  c.b().host.value->huge_pages = c.b().host.value->huge_pages_free = 600;
  EXPECT_EQ(c.severity("huge-pages"), "ok");
  c.b().host.value->huge_pages_free = 10;
  EXPECT_EQ(c.severity("huge-pages"), "critical");
  c.b().sql.value->settings["huge_pages"].value = "on";
  EXPECT_EQ(c.severity("huge-pages"), "ok") << "the running server has them";
  c.b().host.value->huge_page = 0;
  EXPECT_EQ(c.severity("huge-pages"), "unknown");
}

TEST(CheckHost, MuchMemoryInSmallPages) {
  Checkup c;
  c.b().host.value->memory = Bytes{64} << 30;
  c.set("shared_buffers", "16GB");
  EXPECT_EQ(c.severity("huge-pages"), "note");
}

}  // namespace
}  // namespace dugong::report
