// Settings and slots, and versions near their end.
#include "test/support/checks.h"

namespace dugong::report {
namespace {

TEST(CheckServer, HotStandbySettings) {
  Checkup c;
  EXPECT_EQ(c.severity("hot-standby-settings"), "ok");
  EXPECT_EQ(c.severity("hot-standby-settings", "a"), "none");
  c.b().sql.value->settings["max_connections"].value = "50";
  EXPECT_EQ(c.severity("hot-standby-settings"), "critical");
  EXPECT_TRUE(mentions(c.find("hot-standby-settings").evidence, "max_connections is 50, 100 on a"));
  EXPECT_EQ(c.severity("hot-standby-settings", "c"), "ok");
  c.spec.postgres.replica_settings.push_back({"max_wal_senders", "5", {}});
  EXPECT_EQ(c.severity("hot-standby-settings", "c"), "critical");
  c.spec.postgres.replica_settings.back().value = "few";
  EXPECT_EQ(c.severity("hot-standby-settings", "c"), "critical");
}

TEST(CheckServer, FullPageWritesOnlyWhereNoPageIsTorn) {
  Checkup c;
  EXPECT_EQ(c.severity("full-page-writes", "a"), "ok");
  EXPECT_EQ(c.severity("full-page-writes", "b"), "none");
  c.set("full_page_writes", "off");
  EXPECT_EQ(c.severity("full-page-writes", "a"), "ok");
  c.a().sql.value->senders.push_back({"laptop", "10.9.9.9", "streaming", {}, {}, {}, {}});
  EXPECT_EQ(c.severity("full-page-writes", "a"), "warning");
  Checkup::live(c.b()).shown["recordsize"] = "4096";
  EXPECT_EQ(c.severity("full-page-writes", "a"), "critical");
  Checkup::live(c.b()).shown.clear();
  EXPECT_EQ(c.severity("full-page-writes", "a"), "unknown");
  c.b().storage.value.reset();
  EXPECT_EQ(c.severity("full-page-writes", "a"), "unknown");
}

TEST(CheckServer, ASlotWithoutALimit) {
  Checkup c;
  EXPECT_EQ(c.severity("slot-limit", "a"), "note");
  EXPECT_TRUE(mentions(c.find("slot-limit", "a").consequence, "fills pool tank first"));
  EXPECT_EQ(c.severity("slot-limit", "b"), "none") << "nobody follows it";
  // The base was taken 3600 s ago at 0/4000000: 16 MiB an hour. Half of 100 MiB lasts three hours.
  Checkup::live(c.a()).available = Bytes{100} << 20;
  EXPECT_EQ(c.severity("slot-limit", "a"), "warning");
  EXPECT_TRUE(mentions(c.find("slot-limit", "a").evidence, "3.1 h")) << c.find("slot-limit", "a").evidence;
  c.set("max_slot_wal_keep_size", "64GB");
  EXPECT_EQ(c.severity("slot-limit", "a"), "ok");
}

TEST(CheckServer, WithoutASnapshotNobodyKnowsWhen) {
  Checkup c;
  std::erase_if(*c.a().storage.value, [](const auto& dataset) { return dataset.is_snapshot; });
  EXPECT_EQ(c.severity("slot-limit", "a"), "note");
  EXPECT_TRUE(mentions(c.find("slot-limit", "a").evidence, "is not known"));
  EXPECT_TRUE(mentions(c.find("wal-rate", "a").evidence, "the rate of WAL is not known"));
  c.a().storage.value.reset();
  EXPECT_EQ(c.severity("slot-limit", "a"), "unknown");
}

TEST(CheckServer, WalFasterThanItsFollowers) {
  Checkup c;
  EXPECT_EQ(c.severity("wal-rate", "a"), "ok");
  EXPECT_EQ(c.severity("wal-rate", "b"), "none");
  c.a().sql.value->lsn = Lsn{Bytes{3} << 30};
  EXPECT_EQ(c.severity("wal-rate", "a"), "warning");
  c.a().sql.value->senders.clear();
  EXPECT_EQ(c.severity("wal-rate", "a"), "note");
  EXPECT_TRUE(mentions(c.find("wal-rate", "a").remedy, "dugong status --watch"));
  Checkup::stop(c.a());
  EXPECT_EQ(c.severity("wal-rate", "a"), "unknown");
}

TEST(CheckServer, WalAgainstWhatTheLastCopyCarried) {
  Checkup c;
  auto& storage = *c.b().storage.value;
  const auto parent = std::ranges::find(storage, c.spec.nodes[1].prefix, &zfs::Dataset::name);
  ASSERT_NE(parent, storage.end());
  parent->ours["copy_rate"] = "104857600";
  EXPECT_EQ(c.severity("wal-rate", "a"), "ok");
  EXPECT_TRUE(mentions(c.find("wal-rate", "a").evidence, "the last copy to b went at 100 MiB/s"));
  parent->ours["copy_rate"] = "1";
  EXPECT_EQ(c.severity("wal-rate", "a"), "warning");
  EXPECT_TRUE(mentions(c.find("wal-rate", "a").consequence, "very long to catch up"));
  parent->ours["copy_rate"] = "much";
  EXPECT_EQ(c.severity("wal-rate", "a"), "ok");
}

TEST(CheckServer, LogicalSlotsAtAPromotion) {
  Checkup c;
  EXPECT_EQ(c.severity("logical-slots", "a"), "ok");
  c.a().sql.value->slots.push_back({"warehouse", "logical", true, {}, "reserved", std::nullopt});
  EXPECT_EQ(c.severity("logical-slots", "a"), "note");
  c.a().sql.value->version_number = 160009;
  EXPECT_EQ(c.severity("logical-slots", "a"), "warning");
  EXPECT_TRUE(mentions(c.find("logical-slots", "a").evidence, "warehouse"));
  Checkup::stop(c.a());
  EXPECT_EQ(c.severity("logical-slots", "a"), "unknown");
}

TEST(CheckServer, ConfigurationOutsideOfTheData) {
  Checkup c;
  EXPECT_EQ(c.severity("config-files"), "ok");
  c.b().sql.value->settings["hba_file"].value = "/etc/postgresql/15/main/pg_hba.conf";
  EXPECT_EQ(c.severity("config-files"), "warning");
  EXPECT_TRUE(mentions(c.find("config-files").evidence, "hba_file is /etc/postgresql"));
  c.b().sql.value->settings.erase("ident_file");
  EXPECT_EQ(c.severity("config-files"), "unknown");
  Checkup::stop(c.b());
  EXPECT_EQ(c.severity("config-files"), "unknown");
}

std::string age(std::int64_t version, std::int64_t wall_seconds) {
  Checkup c;
  c.seen.wall_seconds = wall_seconds;
  c.b().sql.value->version_number = version;
  return c.severity("postgres-version");
}

TEST(CheckAge, PostgreSQL) {
  constexpr std::int64_t day = 86'400;
  constexpr std::int64_t end_of_14 = 1'794'441'600;  // 2026-11-12
  EXPECT_EQ(age(140018, end_of_14 - 200 * day), "ok");
  EXPECT_EQ(age(140018, end_of_14 - 10 * day), "note");
  EXPECT_EQ(age(140018, end_of_14), "note") << "its last day";
  EXPECT_EQ(age(140018, end_of_14 + day), "warning");
  EXPECT_EQ(age(150012, end_of_14 + day), "ok");
  EXPECT_EQ(age(110022, end_of_14), "warning");
  EXPECT_EQ(age(190000, end_of_14), "note") << "not known yet";
}

TEST(CheckAge, AStoppedServersVersionIsThatOfItsSoftware) {
  Checkup c;
  Checkup::stop(c.b());
  EXPECT_TRUE(mentions(c.find("postgres-version").evidence, "PostgreSQL 17"));
  c.b().software.value.reset();
  c.b().software.error.what = "no docker";
  EXPECT_EQ(c.severity("postgres-version"), "unknown");
}

TEST(CheckAge, TimescaleDB) {
  Checkup c;
  EXPECT_EQ(c.severity("timescaledb-version"), "ok");
  c.b().sql.value->version_number = 140018;
  EXPECT_EQ(c.severity("timescaledb-version"), "warning");
  c.b().sql.value->extensions["timescaledb"] = "newest";
  EXPECT_EQ(c.severity("timescaledb-version"), "unknown");
  c.b().sql.value->extensions.clear();
  EXPECT_EQ(c.severity("timescaledb-version"), "none");
  Checkup::stop(c.b());
  EXPECT_EQ(c.severity("timescaledb-version"), "unknown");
  c.spec.postgres.extensions.clear();
  EXPECT_EQ(c.severity("timescaledb-version"), "none");
}

}  // namespace
}  // namespace dugong::report
