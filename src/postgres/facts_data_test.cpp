#include <gtest/gtest.h>

#include "postgres/facts.h"

namespace dugong::postgres {
namespace {

DataFacts copy(std::vector<std::string> entries) {
  DataFacts data;
  data.exists = true;
  data.empty = false;
  data.entries = std::move(entries);
  return data;
}
Cleanup cleanup(const DataFacts& data) {
  auto found = cleanup_for_standby(data);
  EXPECT_TRUE(found) << (found ? "" : found.error().what);
  return found ? *found : Cleanup{};
}
bool link_is_fine(const std::string& link, const std::string& target) {
  auto data = copy({});
  data.links[link] = target;
  return cleanup_for_standby(data).has_value();
}

TEST(Cleanup, NothingToDo) { EXPECT_EQ(cleanup(copy({"base", "global", "pg_wal", "PG_VERSION"})), Cleanup{}); }

TEST(Cleanup, WhatBelongsToTheOtherServer) {
  auto data = copy({"PG_VERSION", "base", "current_logfiles", "postgresql.auto.conf", "postgresql.auto.conf.tmp",
                    "postmaster.opts", "postmaster.pid", "recovery.signal", "standby.signal", "tablespace_map"});
  EXPECT_EQ(cleanup(data).files,
            (std::vector<std::string>{"current_logfiles", "postgresql.auto.conf.tmp", "postmaster.opts",
                                      "postmaster.pid", "recovery.signal", "standby.signal", "tablespace_map"}));
}

TEST(Cleanup, SlotsAndArchiveStatus) {
  auto data = copy({});
  data.slots = {"dugong_b"};
  EXPECT_EQ(cleanup(data).emptied_dirs, std::vector<std::string>{"pg_replslot"});
  data.archive_status_entries = 3;
  EXPECT_EQ(cleanup(data).emptied_dirs, (std::vector<std::string>{"pg_replslot", "pg_wal/archive_status"}));
}

TEST(Cleanup, AnUnfinishedBackupIsRefused) {
  auto found = cleanup_for_standby(copy({"backup_label", "PG_VERSION"}));
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().kind, ErrorKind::refused);
  EXPECT_NE(found.error().next, "");
  EXPECT_TRUE(cleanup_for_standby(copy({"backup_label.old"})).has_value());
}

TEST(Cleanup, LinksThatLeaveTheCopy) {
  EXPECT_FALSE(link_is_fine("pg_wal", "/srv/wal"));
  EXPECT_FALSE(link_is_fine("pg_wal", "../wal"));
  EXPECT_FALSE(link_is_fine("pg_wal", "a/../../wal"));
  EXPECT_FALSE(link_is_fine("pg_tblspc/16400", "../../space"));
  EXPECT_FALSE(link_is_fine("pg_wal", ""));
}

TEST(Cleanup, LinksThatStay) {
  EXPECT_TRUE(link_is_fine("pg_wal", "wal"));
  EXPECT_TRUE(link_is_fine("pg_wal", "./a/../wal"));
  EXPECT_TRUE(link_is_fine("pg_tblspc/16400", "../space"));
}

TEST(WatchedFiles, AreSmallOnesAtTheTop) {
  for (const auto& name : watched_files()) EXPECT_EQ(name.find('/'), std::string::npos);
  EXPECT_EQ(watched_files().size(), 9U);
}

TEST(DataFacts, Has) {
  EXPECT_TRUE(copy({"a"}).has("a"));
  EXPECT_FALSE(copy({"a"}).has("b"));
}

}  // namespace
}  // namespace dugong::postgres
