#include "spec/names.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <initializer_list>

#include "spec/settings.h"

namespace dugong::spec {
namespace {

using Texts = std::initializer_list<std::string>;

void expect_fine(Check check, Texts texts) {
  for (const auto& text : texts) {
    auto verdict = check(text);
    EXPECT_FALSE(verdict) << text << ": " << verdict->what;
  }
}
void expect_wrong(Check check, Texts texts) {
  for (const auto& text : texts) {
    auto verdict = check(text);
    ASSERT_TRUE(verdict) << text;
    EXPECT_FALSE(verdict->what.empty());
  }
}

TEST(Names, become_datasets_and_slots) {
  expect_fine(check_name, {"a", "dex", "db-2", "a1234567890123456789012345678-0", "a-"});
  expect_wrong(check_name, {"", "1a", "-a", "A", "a_b", "a.b", "a b", "ä", "a/b", std::string(32, 'a'), "a\n"});
}

TEST(Addresses, may_be_ipv4) {
  expect_fine(check_address, {"10.0.0.1", "255.255.255.255", "127.0.0.1"});
  expect_wrong(check_address, {"0.0.0.0", "256.0.0.1", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1..2.3", "1.2.3.", "123"});
}

TEST(Addresses, may_be_ipv6) {
  expect_fine(check_address, {"::1", "2001:db8::1", "fe80::", "1:2:3:4:5:6:7:8", "::ffff:10.0.0.1",
                              "1:2:3:4:5:6:1.2.3.4", "1::8", "1:2:3:4:5:6:7::", "ABCD::ef01"});
  expect_wrong(check_address, {"::", "0:0:0:0:0:0:0:0", ":", ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
                               "12345::", "g::1", "1:2:3:4:5:6:7:8::", "::1.2.3", "1.2.3.4::1", "[::1]", "fe80::1%eth0",
                               ":1", "1:", "::1.2.3.4:5", "1:2:3:4:5:6:7:1.2.3.4"});
}

TEST(Addresses, may_be_host_names) {
  expect_fine(check_address,
              {"h", "db-1.example.com", "DB_1", "1a.example", "xn--bcher-kva.example", std::string(63, 'a')});
  expect_wrong(check_address, {"", "a b", "-a", "a-", "a..b", ".a", "a.", "ä.example", "a/b", "h:5432",
                               std::string(64, 'a'), "postgres://h", "h'", "h\n", "user@h"});
  EXPECT_NE(check_address("h:5432")->next.find("port"), std::string::npos);
  EXPECT_NE(check_address("[::1]")->next.find("brackets"), std::string::npos);
  std::string name;
  for (int i = 0; i < 127; ++i) name += "a.";
  EXPECT_TRUE(check_address(name + "b"));  // 255 characters
  EXPECT_FALSE(check_address(name.substr(2) + "b"));
}

TEST(Ssh, is_one_harmless_word) {
  expect_fine(check_ssh, {"h", "root@10.0.0.1", "ops@db-1.example", "alias_1", "root@fe80::1%eth0", "ssh://ops@h:2222",
                          "DOM+u@h"});
  expect_wrong(check_ssh, {"", "-oX", "a@-oX", "a b", "a@", "@a", "a;b", "a$b", "a`b", "a'b", "a\nb", "a\"b", "ä"});
}

TEST(Datasets, have_a_pool_and_more) {
  // A whole pool is well said, and refused as unsafe later (judge_ground.cpp).
  expect_fine(check_dataset, {"tank", "tank/dex", "zpool/a/b-c_d.e:f", "T/1", "tank/-a"});
  expect_wrong(
      check_dataset,
      {"",         "/tank/a", "tank/",    "tank//a",  "tank/a/",  "1tank/a",  "tank/a@s",
       "tank/a#b", "tank/..", "tank/./a", "tank/a b", "tank/ä",   "mirror/a", "mirror2/a",
       "raidz1/a", "draid/a", "spare1/a", "log/a",    "tank/a%b", "-tank/a",  "tank/" + std::string(160, 'a')});
  EXPECT_FALSE(check_dataset("logs/a"));
}

TEST(Paths, are_absolute) {
  expect_fine(check_path, {"/a", "/a/b/", "/srv/dex logs", "/a/..b", "/ä"});
  expect_wrong(check_path,
               {"", "a", "./a", "~/a", "/", "//", "/.", "/a/..", "/../a", "/a\nb", std::string{"/a\0b", 4}});
}

TEST(Paths, have_one_spelling) {
  EXPECT_EQ(normal_path("/a//b/./c/"), "/a/b/c");
  EXPECT_EQ(normal_path("/"), "/");
  EXPECT_EQ(normal_path("/a"), "/a");
}

TEST(SqlNames, may_hold_anything_that_can_be_quoted) {
  for (auto check : {check_database, check_role}) {
    expect_fine(check, {"a", "Straße 1", "a\"b", "it's", "$${", "ключ", std::string(63, 'a')});
    expect_wrong(check, {"", "a\nb", std::string{"a\0b", 3}, "a\tb", std::string(64, 'a')});
  }
  expect_wrong(check_database, {"template0", "template1"});
  expect_wrong(check_role, {"pg_read_all_data", "public", "none", "current_user"});
}

TEST(Extensions, have_names_of_files) {
  expect_fine(check_extension, {"timescaledb", "uuid-ossp", "pg_stat_statements", "PLV8"});
  expect_wrong(check_extension, {"", "-a", "a-", "a--b", "a/b", "a b", "a'b", "..", std::string(64, 'a')});
}

TEST(Images, have_names_of_images) {
  expect_fine(check_image, {"pg:17", "timescale/timescaledb:2.19.1-pg14", "host.example:5000/a/b@sha256:0123abcd"});
  expect_wrong(check_image, {"", "-v", "a b", "a\nb", "a$b", "/a", "ä"});
}

TEST(OsUsers, are_not_root) {
  expect_fine(check_os_user, {"postgres", "_pg", "pg-1", "a.b"});
  expect_wrong(check_os_user, {"", "root", "1pg", "-pg", "a b", "a;b", std::string(33, 'a')});
}

TEST(ShmSize, is_what_docker_takes) {
  expect_fine(check_shm_size, {"1g", "512m", "64MB", "2G", "9b"});
  expect_wrong(check_shm_size, {"", "g", "0g", "1t", "1 g", "1.5g", "-1g", "1gib", "9999999999999g"});
}

TEST(Passwords, fit_into_one_line_of_utf8) {
  expect_fine(check_password, {"x", "a b", "q'\"\\:$`", "€", "\t", "\x01"});
  expect_wrong(check_password, {"", "a\n", "\r", std::string{"\0", 1}, "\xFF"});
}

TEST(KnownSettings, are_sorted_and_lower_case) {
  for (const auto* names : {&known_settings(), &known_extension_settings()}) {
    EXPECT_TRUE(std::ranges::is_sorted(*names));
    EXPECT_EQ(std::ranges::adjacent_find(*names), names->end());
    for (auto name : *names)
      EXPECT_EQ(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_."), std::string_view::npos) << name;
  }
}

TEST(KnownSettings, some_have_units) {
  std::size_t memory = 0;
  std::size_t time = 0;
  for (const auto name : known_settings()) {
    memory += units_of(name) == Units::memory ? 1U : 0U;
    time += units_of(name) == Units::time ? 1U : 0U;
  }
  EXPECT_EQ(memory, 40U);  // all that the tables name: they are sorted, and no name is misspelt
  EXPECT_EQ(time, 36U);
  EXPECT_EQ(units_of("max_connections"), Units::none);
}

TEST(KnownSettings, take_what_postgresql_takes) {
  for (auto value : {"64MB", "64", "-1", " 64 kB ", "1.5GB", "0x1F", "1e3", "0x10MB", ""})
    EXPECT_FALSE(judge_setting_value("wal_buffers", value)) << value;
  for (auto value : {"5min", "300", "10us", "1d", "2 h"})
    EXPECT_FALSE(judge_setting_value("checkpoint_timeout", value)) << value;
  EXPECT_FALSE(judge_setting_value("cluster_name", "64MiB"));
}

TEST(KnownSettings, span_the_versions) {
  expect_fine(judge_setting_name, {"stats_temp_directory",
                                   "max_connections",
                                   "recovery_prefetch",
                                   "force_parallel_mode",
                                   "debug_parallel_query",
                                   "vacuum_buffer_usage_limit",
                                   "summarize_wal",
                                   "transaction_timeout",
                                   "io_method",
                                   "idle_replication_slot_timeout",
                                   "recovery_init_sync_method",
                                   "huge_page_size",
                                   "listen_addresses",
                                   "synchronous_standby_names",
                                   "wal_keep_size",
                                   "max_slot_wal_keep_size",
                                   "datestyle",
                                   "lc_messages",
                                   "zero_damaged_pages",
                                   "recovery_min_apply_delay"});
  expect_wrong(judge_setting_name, {"wal_keep_segments", "standby_mode", "checkpoint_segments", "trigger_file", ""});
}

TEST(ExtensionSettings, are_known_completely_or_not_at_all) {
  expect_fine(judge_setting_name, {"timescaledb.max_background_workers", "timescaledb.telemetry_level",
                                   "timescaledb.license", "plpgsql.extra_errors", "timescaledb.last_tuned",
                                   "pg_stat_statements.max", "auto_explain.log_min_duration", "cron.database_name",
                                   "a.b", "pgaudit.log", "x.y.z", "ü.x$1", "timescaledb_telemetry.cloud"});
  expect_wrong(judge_setting_name, {"timescaledb.max_workers", "plpgsql.x", "pg_stat_statements.maximum",
                                    "auto_explain.", "a.", ".a", "a..b", "a b.c", "1a.b", "a.1b", "a-b.c"});
}

TEST(OwnedSettings, say_what_to_do_instead) {
  for (auto name : {"data_directory", "hba_file", "ident_file", "config_file", "primary_conninfo", "primary_slot_name",
                    "restore_command", "recovery_target", "recovery_target_time", "recovery_target_timeline",
                    "archive_command", "archive_mode", "archive_library", "port", "unix_socket_directories", "include",
                    "block_size", "transaction_read_only"}) {
    auto verdict = judge_setting_name(name);
    ASSERT_TRUE(verdict) << name;
    EXPECT_FALSE(verdict->next.empty()) << name;
  }
}

TEST(SettingValues, may_not_break_replication) {
  for (auto off : {"off", "OFF", "of", "false", "f", "no", "n", "0", " off "}) {
    EXPECT_TRUE(judge_setting_value("fsync", off)) << off;
    EXPECT_TRUE(judge_setting_value("hot_standby", off)) << off;
    EXPECT_FALSE(judge_setting_value("full_page_writes", off));
  }
  for (auto on : {"on", "true", "yes", "1", "o", ""}) EXPECT_FALSE(judge_setting_value("fsync", on)) << on;
  EXPECT_TRUE(judge_setting_value("wal_level", "Minimal"));
  EXPECT_FALSE(judge_setting_value("wal_level", "logical"));
  EXPECT_TRUE(judge_setting_value("search_path", "a\nb"));
}

}  // namespace
}  // namespace dugong::spec
