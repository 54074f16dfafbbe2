// Pool and datasets: each subject with what is good, what is bad and what could not be seen.
#include "test/support/checks.h"

namespace dugong::report {
namespace {

void lose_storage(cluster::ObservedNode& node, ErrorKind kind, const std::string& what) {
  node.pool.value.reset();
  node.pool.error = {kind, what, "", "", ""};
  node.storage.value.reset();
  node.storage.error = node.pool.error;
}

// Of the live dataset of b; empty: zfs did not tell.
std::string with(const std::string& id, const std::string& property, const std::string& value) {
  Checkup c;
  auto& shown = Checkup::live(c.b()).shown;
  if (value.empty())
    shown.erase(property);
  else
    shown[property] = value;
  return c.severity(id);
}

TEST(CheckStorage, Properties) {
  EXPECT_EQ(with("recordsize", "recordsize", "8192"), "ok");
  EXPECT_EQ(with("recordsize", "recordsize", "8K"), "ok");
  EXPECT_EQ(with("recordsize", "recordsize", "4096"), "warning");
  EXPECT_EQ(with("recordsize", "recordsize", "1048576"), "note");
  EXPECT_EQ(with("recordsize", "recordsize", ""), "unknown");
  EXPECT_EQ(with("compression", "compression", "zstd-3"), "ok");
  EXPECT_EQ(with("compression", "compression", "off"), "warning");
  EXPECT_EQ(with("compression", "compression", ""), "unknown");
  EXPECT_EQ(with("atime", "atime", "on"), "warning");
  EXPECT_EQ(with("atime", "atime", ""), "unknown");
  EXPECT_EQ(with("logbias", "logbias", "throughput"), "note");
  EXPECT_EQ(with("logbias", "logbias", ""), "unknown");
  EXPECT_EQ(with("reservation", "refreservation", "none"), "warning");
  EXPECT_EQ(with("reservation", "refreservation", "0"), "warning");
  EXPECT_EQ(with("reservation", "refreservation", ""), "unknown");
  EXPECT_EQ(with("quota", "quota", "1099511627776"), "warning");
  EXPECT_EQ(with("quota", "quota", "none"), "ok");
  EXPECT_EQ(with("quota", "quota", ""), "unknown");
}

TEST(CheckStorage, ThePropertyThatHelpsIsNamedWithItsDataset) {
  Checkup c;
  Checkup::live(c.b()).shown["atime"] = "on";
  EXPECT_EQ(c.find("atime").remedy, "zfs set atime=off tank/b/live-0");
  EXPECT_EQ(c.find("atime").evidence, "atime of tank/b/live-0 is on");
}

TEST(CheckStorage, NoReservationIsTheFilesOwnWish) {
  Checkup c;
  c.spec.storage.reserve = 0;
  Checkup::live(c.b()).shown["refreservation"] = "none";
  EXPECT_EQ(c.severity("reservation"), "note");
}

TEST(CheckStorage, Versions) {
  const auto of = [](const std::string& version) {
    Checkup c;
    c.b().pool.value->version = "openzfs " + version;
    return c.severity("zfs");
  };
  EXPECT_EQ(of("2.1.13"), "note");
  EXPECT_EQ(of("2.1.14"), "ok");
  EXPECT_EQ(of("2.2.0"), "warning");
  EXPECT_EQ(of("2.2.1"), "warning");
  EXPECT_EQ(of("2.2.2"), "ok");
  EXPECT_EQ(of("2.10"), "ok");
  Checkup c;
  c.b().pool.value->version = "zfs-fuse v23";
  c.b().pool.value->can_receive_unmounted = false;
  EXPECT_EQ(c.severity("zfs"), "note");
  EXPECT_TRUE(mentions(c.find("zfs").consequence, "cannot be resumed"));
}

TEST(CheckStorage, WithoutAPool) {
  Checkup c;
  lose_storage(c.b(), ErrorKind::conflict, "cannot open 'tank': no such pool");
  EXPECT_EQ(c.severity("pool-health"), "critical");
  for (const auto* id : {"zfs", "pool-space", "seed-room", "recordsize", "compression", "atime", "logbias",
                         "reservation", "quota", "encryption"})
    EXPECT_EQ(c.severity(id), "unknown") << id;
  lose_storage(c.b(), ErrorKind::failed, "zpool was not found in PATH");
  EXPECT_EQ(c.severity("zfs"), "critical");
  EXPECT_EQ(c.severity("pool-health"), "unknown");
}

TEST(CheckStorage, PoolHealth) {
  const auto of = [](const std::string& health) {
    Checkup c;
    c.b().pool.value->health = health;
    return c.severity("pool-health");
  };
  EXPECT_EQ(of("ONLINE"), "ok");
  EXPECT_EQ(of("DEGRADED"), "warning");
  EXPECT_EQ(of("SUSPENDED"), "critical");
  EXPECT_EQ(of("FAULTED"), "critical");
  EXPECT_EQ(of(""), "unknown");
}

TEST(CheckStorage, PoolSpace) {
  const auto of = [](Bytes size, Bytes free) {
    Checkup c;
    c.b().pool.value->size = size;
    c.b().pool.value->free = free;
    return c.severity("pool-space");
  };
  EXPECT_EQ(of(Bytes{100} << 30, Bytes{50} << 30), "ok");
  EXPECT_EQ(of(Bytes{100} << 30, Bytes{19} << 30), "warning");
  EXPECT_EQ(of(Bytes{100} << 30, Bytes{4} << 30), "critical");
  EXPECT_EQ(of(0, 0), "unknown");
  EXPECT_EQ(of(50, 50), "ok");
}

TEST(CheckStorage, RoomForASeedBesideTheOldCopy) {
  Checkup c;
  EXPECT_EQ(c.severity("seed-room"), "ok");
  for (auto& dataset : *c.b().storage.value) dataset.available = Bytes{1} << 30;  // as much as the primary's data
  EXPECT_EQ(c.severity("seed-room"), "warning");
  EXPECT_EQ(c.severity("seed-room", "c"), "ok");
  EXPECT_EQ(c.severity("seed-room", "a"), "none");
  c.a().pool.value.reset();
  EXPECT_EQ(c.severity("seed-room"), "unknown");
}

TEST(CheckStorage, RoomForTheFirstSeed) {
  Checkup c;
  auto fresh = test::bare(c.spec.nodes[1]);
  make_sound(fresh);
  c.b() = fresh;
  EXPECT_EQ(c.severity("seed-room"), "ok");
  c.b().pool.value->available = Bytes{1} << 20;
  EXPECT_EQ(c.severity("seed-room"), "critical");
  EXPECT_TRUE(mentions(c.find("seed-room").evidence, "has room for 1 MiB"));
}

TEST(CheckStorage, KeysAtBoot) {
  Checkup c;
  auto& live = Checkup::live(c.b());
  live.shown["encryption"] = "aes-256-gcm";
  live.shown["encryptionroot"] = "tank/b";
  live.shown["keystatus"] = "available";
  c.b().storage.value->front().shown["keylocation"] = "prompt";
  EXPECT_EQ(c.severity("encryption"), "warning");
  EXPECT_TRUE(mentions(c.find("encryption").consequence, "nobody loads the key"));
  c.b().storage.value->front().shown["keylocation"] = "file:///root/tank.key";
  EXPECT_EQ(c.severity("encryption"), "note");
  live.shown["encryptionroot"] = "tank";
  EXPECT_EQ(c.severity("encryption"), "note");
  EXPECT_TRUE(mentions(c.find("encryption").remedy, "zfs get keylocation tank"));
  live.shown["keystatus"] = "unavailable";
  EXPECT_EQ(c.severity("encryption"), "critical");
  live.shown.erase("encryption");
  EXPECT_EQ(c.severity("encryption"), "unknown");
}

}  // namespace
}  // namespace dugong::report
