// Every row of refusals.h, shown on the simulated world. The last test sees to it that no row lacks a proof.
#include "test/sim/refusals.h"

#include <algorithm>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

#include "base/text.h"
#include "test/sim/kit.h"

namespace dugong::sim {
namespace {

using namespace kit;

bool says(const std::string& text, std::string_view id) {
  const auto row = std::ranges::find(refusals, id, &Refusal::id);
  return row != refusals.end() &&
         std::ranges::any_of(split(row->words, '|'), [&](auto words) { return text.find(words) != std::string::npos; });
}

std::string current() { return testing::UnitTest::GetInstance()->current_test_info()->name(); }

// The answer is an error, in the words of this test's own row.
template <class Answer>
void expect_refused(const Result<Answer>& answer, ErrorKind kind) {
  ASSERT_FALSE(answer) << "nothing was refused";
  EXPECT_TRUE(says(answer.error().what, current())) << answer.error().what;
  EXPECT_EQ(answer.error().kind, kind) << answer.error().what;
}

void expect_words(const std::string& text) { EXPECT_TRUE(says(text, current())) << text; }

std::string last_words(Kit& kit, const std::string& node) {
  auto& servers = kit.world.host(node).servers;
  if (servers.empty() || servers.begin()->second.log.empty()) return "no log";
  return servers.begin()->second.log.back();
}

// Starts what ends at once: the error and the server's state both say so.
std::string end_of(Kit& kit, const std::string& node) {
  EXPECT_FALSE(kit.ask(node, runtime::StartServer{process(node)}));
  auto facts = kit.must(node, runtime::InspectServer{process(node)});
  EXPECT_EQ(facts.state, runtime::ServerState::exited);
  return facts.log_tail.empty() ? "" : facts.log_tail.back();
}

// ---- ZFS

TEST(Refusal, create_existing_dataset) {
  Kit kit;
  kit.create("a", "tank/x");
  expect_refused(kit.ask("a", zfs::Create{"tank/x", {}}), ErrorKind::conflict);
}
TEST(Refusal, create_without_parent) {
  Kit kit;
  expect_refused(kit.ask("a", zfs::Create{"tank/x/y", {}}), ErrorKind::conflict);
}
TEST(Refusal, create_with_lz4_on_v23) {
  Kit kit;
  expect_refused(kit.ask("a", zfs::Create{"tank/x", {{"compression", "lz4"}}}), ErrorKind::failed);
}
TEST(Refusal, snapshot_existing) {
  Kit kit;
  kit.create("a", "tank/x");
  kit.snapshot("a", "tank/x@s");
  expect_refused(kit.ask("a", zfs::Snapshot{"tank/x@s", false, {}}), ErrorKind::conflict);
}
TEST(Refusal, snapshot_recursive_is_atomic) {
  Kit kit;
  kit.create("a", "tank/x");
  kit.create("a", "tank/x/y");
  kit.snapshot("a", "tank/x/y@s");
  expect_refused(kit.ask("a", zfs::Snapshot{"tank/x@s", true, {}}), ErrorKind::conflict);
  EXPECT_EQ(kit.must("a", zfs::ListTree{"tank/x"}).size(), 3U);
}
TEST(Refusal, hold_twice) {
  Kit kit;
  kit.create("a", "tank/x");
  kit.snapshot("a", "tank/x@s");
  kit.must("a", zfs::Hold{"tank/x@s", "t"});
  expect_refused(kit.ask("a", zfs::Hold{"tank/x@s", "t"}), ErrorKind::conflict);
}
TEST(Refusal, release_missing_tag) {
  Kit kit;
  kit.create("a", "tank/x");
  kit.snapshot("a", "tank/x@s");
  expect_refused(kit.ask("a", zfs::Release{"tank/x@s", "t"}), ErrorKind::conflict);
}
TEST(Refusal, destroy_held_snapshot) {
  Kit kit;
  kit.create("a", "tank/x");
  kit.snapshot("a", "tank/x@s");
  kit.must("a", zfs::Hold{"tank/x@s", "t"});
  expect_refused(kit.ask("a", zfs::DestroySnapshot{"tank/x@s"}), ErrorKind::refused);
  kit.must("a", zfs::Release{"tank/x@s", "t"});
  kit.must("a", zfs::DestroySnapshot{"tank/x@s"});
}
TEST(Refusal, destroy_cloned_snapshot) {
  Kit kit;
  kit.create("a", "tank/x");
  kit.snapshot("a", "tank/x@s");
  kit.must("a", zfs::Clone{"tank/x@s", "tank/y", {}});
  expect_refused(kit.ask("a", zfs::DestroySnapshot{"tank/x@s"}), ErrorKind::refused);
}
TEST(Refusal, rollback_with_newer) {
  Kit kit;
  kit.create("a", "tank/x", {{"mountpoint", "none"}, {"canmount", "noauto"}, {"dugong:role", "anchor"}});
  kit.snapshot("a", "tank/x@s");
  kit.snapshot("a", "tank/x@t");
  expect_refused(kit.ask("a", zfs::Rollback{"tank/x@s"}), ErrorKind::refused);
  kit.must("a", zfs::DestroySnapshot{"tank/x@t"});
  kit.must("a", zfs::Rollback{"tank/x@s"});
}
TEST(Refusal, destroy_with_children) {
  Kit kit;
  kit.create("a", "tank/x");
  kit.create("a", "tank/x/y");
  expect_refused(kit.ask("a", zfs::Destroy{"tank/x"}), ErrorKind::refused);
}
TEST(Refusal, destroy_with_snapshots) {
  Kit kit;
  kit.create("a", "tank/x");
  kit.snapshot("a", "tank/x@s");
  expect_refused(kit.ask("a", zfs::Destroy{"tank/x"}), ErrorKind::refused);
}
TEST(Refusal, destroy_missing) {
  Kit kit;
  expect_refused(kit.ask("a", zfs::Destroy{"tank/x"}), ErrorKind::conflict);
}
TEST(Refusal, clone_missing_snapshot) {
  Kit kit;
  expect_refused(kit.ask("a", zfs::Clone{"tank@s", "tank/x", {}}), ErrorKind::conflict);
}
TEST(Refusal, mount_twice) {
  Kit kit;
  kit.create("a", "tank/x", {{"mountpoint", "/m"}});
  expect_refused(kit.ask("a", zfs::Mount{"tank/x"}), ErrorKind::conflict);
}
TEST(Refusal, mount_without_mountpoint) {
  Kit kit;
  kit.create("a", "tank/x");
  expect_refused(kit.ask("a", zfs::Mount{"tank/x"}), ErrorKind::failed);
}
TEST(Refusal, mount_over_files) {
  Kit kit;
  kit.create("a", "tank/x", {{"mountpoint", "/srv/m"}, {"canmount", "noauto"}});
  kit.must("a", node::MakeDirectory{"/srv/m", 0755, 0, 0});
  kit.write("a", "/srv/m/file", "in the way");
  expect_refused(kit.ask("a", zfs::Mount{"tank/x"}), ErrorKind::refused);
}
TEST(Refusal, unmount_not_mounted) {
  Kit kit;
  kit.create("a", "tank/x");
  expect_refused(kit.ask("a", zfs::Unmount{"tank/x"}), ErrorKind::conflict);
}
TEST(Refusal, unmount_busy) {
  Kit kit;
  make_data(kit, "a");
  start(kit, "a");
  expect_refused(kit.ask("a", zfs::Unmount{"tank/dex/live-0"}), ErrorKind::refused);
}
TEST(Refusal, snapshot_native_property) {
  Kit kit;
  kit.create("a", "tank/x");
  kit.snapshot("a", "tank/x@s");
  expect_refused(kit.ask("a", zfs::SetProperties{"tank/x@s", {{"atime", "off"}}}), ErrorKind::failed);
}
TEST(Refusal, write_to_readonly) {
  Kit kit;
  kit.create("a", "tank/x", {{"mountpoint", "/m"}, {"readonly", "on"}});
  expect_refused(kit.ask("a", node::WriteFile{"/m/f", {"x"}, 0644, 0, 0}), ErrorKind::failed);
}

// ---- copies

void two_ends(Kit& kit) {
  kit.create("a", "tank/x", {{"mountpoint", "/srv/x"}});
  kit.snapshot("a", "tank/x@1");
}
TEST(Refusal, send_missing_snapshot) {
  Kit kit;
  two_ends(kit);
  expect_refused(kit.copy("a", {"tank/x@2", ""}, "b", "tank/y"), ErrorKind::conflict);
}
TEST(Refusal, receive_full_over_existing) {
  Kit kit;
  two_ends(kit);
  kit.create("b", "tank/y");
  expect_refused(kit.copy("a", {"tank/x@1", ""}, "b", "tank/y"), ErrorKind::conflict);
}
TEST(Refusal, receive_without_parent) {
  Kit kit;
  two_ends(kit);
  expect_refused(kit.copy("a", {"tank/x@1", ""}, "b", "tank/p/y"), ErrorKind::conflict);
}
TEST(Refusal, receive_other_base) {
  Kit kit;
  two_ends(kit);
  kit.snapshot("a", "tank/x@2");
  kit.snapshot("a", "tank/x@3");
  ASSERT_TRUE(kit.copy("a", {"tank/x@1", ""}, "b", "tank/y"));
  expect_refused(kit.copy("a", {"tank/x@3", "tank/x@2"}, "b", "tank/y"), ErrorKind::conflict);
}
TEST(Refusal, receive_into_modified) {
  Kit kit;
  two_ends(kit);
  kit.snapshot("a", "tank/x@2");
  ASSERT_TRUE(kit.copy("a", {"tank/x@1", ""}, "b", "tank/y"));
  kit.must("b", zfs::SetProperties{"tank/y", {{"mountpoint", "/srv/y"}}});
  kit.write("b", "/srv/y/file", "new");
  kit.must("b", zfs::Unmount{"tank/y"});
  expect_refused(kit.copy("a", {"tank/x@2", "tank/x@1"}, "b", "tank/y"), ErrorKind::conflict);
}
TEST(Refusal, receive_out_of_space) {
  Kit kit{{.pool_size = Bytes{100} << 20}};
  make_data(kit, "a");
  make_data(kit, "b");
  kit.snapshot("a", "tank/dex/live-0@1");
  expect_refused(kit.copy("a", {"tank/dex/live-0@1", ""}, "b", "tank/dex/anchor-0"), ErrorKind::refused);
}

// ---- servers

TEST(Refusal, initdb_not_empty) {
  Kit kit;
  make_data(kit, "a");
  expect_refused(kit.ask("a", runtime::InitData{process("a"), "postgres", "/srv/a/superuser.pass"}),
                 ErrorKind::refused);
}
TEST(Refusal, start_without_data) {
  Kit kit;
  prepare(kit, "a");
  expect_refused(kit.ask("a", runtime::StartServer{process("a")}), ErrorKind::failed);
}
TEST(Refusal, start_port_taken) {
  Kit kit{{.hosts = {"h"}, .nodes = {{"a", "h"}, {"b", "h"}}}};
  make_data(kit, "a");
  start(kit, "a");
  kit.must("b", zfs::Create{"tank/b", {{"mountpoint", "none"}}});
  for (const auto* name : {"", "/logs", "/run", "/data"})
    kit.must("b", node::MakeDirectory{std::string{"/srv/b"} + name, 0700, Kit::postgres_uid, Kit::postgres_uid});
  kit.must("b", runtime::InitData{process("b"), "postgres", "/srv/a/superuser.pass"});
  expect_words(end_of(kit, "b"));
}
TEST(Refusal, start_wrong_mode) {
  Kit kit;
  make_data(kit, "a");
  kit.must("a", node::MakeDirectory{"/srv/a/data", 0755, Kit::postgres_uid, Kit::postgres_uid});
  expect_words(end_of(kit, "a"));
}
TEST(Refusal, start_unknown_setting) {
  Kit kit;
  make_data(kit, "a");
  kit.write("a", "/srv/a/data/postgresql.conf", conf_of("a", "max_conections = 5\n"));
  expect_words(end_of(kit, "a"));
}
TEST(Refusal, start_rejected_value) {
  Kit kit;
  make_data(kit, "a");
  kit.write("a", "/srv/a/data/postgresql.conf", conf_of("a", "wal_buffers = 64MiB\n"));
  expect_words(end_of(kit, "a"));
}
TEST(Refusal, start_cut_initdb) {
  Kit kit;
  make_data(kit, "a");
  kit.world.host("a").pools.at("tank").datasets.at("tank/dex/live-0").tree->clusters.clear();
  expect_words(end_of(kit, "a"));
}

// ---- standbys

TEST(Refusal, standby_lower_settings) {
  Kit kit;
  make_primary(kit, "a");
  make_replica(kit, {.settings = "max_connections = 50\n"});
  expect_words(end_of(kit, "b"));
}
TEST(Refusal, standby_other_system) {
  Kit kit;
  make_primary(kit, "a");
  make_primary(kit, "c");
  make_replica(kit);
  configure_standby(kit, {.from = "c", .to = "b"});
  start(kit, "b");
  expect_words(last_words(kit, "b"));
}
TEST(Refusal, standby_without_slot) {
  Kit kit;
  make_primary(kit, "a");
  make_replica(kit, {.make_slot = false});
  start(kit, "b");
  expect_words(last_words(kit, "b"));
}
TEST(Refusal, standby_without_hba) {
  Kit kit;
  make_primary(kit, "a");
  kit.write("a", "/srv/a/data/pg_hba.conf", "host replication replicator 10.0.0.9/32 scram-sha-256\n");
  (void)sql(kit, "a", "reload");
  make_replica(kit);
  start(kit, "b");
  expect_words(last_words(kit, "b"));
}
TEST(Refusal, standby_wrong_password) {
  Kit kit;
  make_primary(kit, "a");
  make_replica(kit);
  kit.write("b", "/srv/b/replication.pgpass", "*:*:*:replicator:wrong\n");
  start(kit, "b");
  expect_words(last_words(kit, "b"));
}
TEST(Refusal, standby_wal_removed) {
  Kit kit;
  make_primary(kit, "a");
  make_replica(kit, {.slot = "", .make_slot = false});
  kit.world.set_write_load(Bytes{16} << 20);
  kit.world.sleep(std::chrono::minutes{2});
  start(kit, "b");
  expect_words(last_words(kit, "b"));
}
TEST(Refusal, write_on_standby) {
  Kit kit;
  make_primary(kit, "a");
  make_replica(kit);
  start(kit, "b");
  expect_words(cell(kit, "b", "create_database", {"x"}));
}
TEST(Refusal, drop_active_slot) {
  Kit kit;
  make_primary(kit, "a");
  make_replica(kit);
  start(kit, "b");
  expect_words(cell(kit, "a", "drop_slot", {"dugong_b"}));
}
TEST(Refusal, database_exists) {
  Kit kit;
  make_primary(kit, "a");
  expect_words(cell(kit, "a", "create_database", {"postgres"}));
}
TEST(Refusal, connect_unknown_database) {
  Kit kit;
  make_primary(kit, "a");
  expect_refused(sql(kit, "a", "clock", {}, "nowhere"), ErrorKind::unreachable);
}
TEST(Refusal, connect_wrong_password) {
  Kit kit;
  make_primary(kit, "a");
  kit.write("a", "/srv/a/superuser.pass", "wrong");
  expect_refused(sql(kit, "a", "clock"), ErrorKind::unreachable);
}

// ---- containers

runtime::Server container(Kit& kit, const std::string& data) {
  kit.must("a", node::MakeDirectory{"/srv/a", 0755, 0, 0});
  kit.write("a", "/srv/a/superuser.pass", "secret\n", 0600, 0);
  kit.write("a", "/srv/a/docker-compose.yaml",
            "services:\n  postgres:\n    image: \"timescale/timescaledb:2.19.1-pg14\"\n    environment:\n"
            "      POSTGRES_PASSWORD_FILE: \"/run/dugong/superuser.pass\"\n    volumes:\n"
            "      - type: \"bind\"\n        source: \"" +
                data +
                "\"\n        target: \"/var/lib/postgresql/data\"\n"
                "      - type: \"bind\"\n        source: \"/srv/a\"\n        target: \"/run/dugong\"\n");
  runtime::Server server;
  server.project = "dugong-dex-a";
  server.compose_file = "/srv/a/docker-compose.yaml";
  server.data = data;
  return server;
}
TEST(Refusal, compose_without_source) {
  Kit kit;
  expect_refused(kit.ask("a", runtime::StartServer{container(kit, "/srv/a/data")}), ErrorKind::failed);
}
TEST(Refusal, remove_running_container) {
  Kit kit;
  kit.create("a", "tank/live", {{"mountpoint", "/srv/a/data"}});
  const auto server = container(kit, "/srv/a/data");
  kit.must("a", runtime::StartServer{server});
  expect_refused(kit.ask("a", runtime::RemoveServer{server}), ErrorKind::refused);
}
TEST(Refusal, image_missing) {
  Kit kit;
  expect_refused(kit.ask("a", runtime::InspectSoftware{runtime::Kind::compose, "postgres:99", "", ""}),
                 ErrorKind::failed);
}

// ---- no row without proof

bool has_test(std::string_view suite, std::string_view name) {
  const auto& all = *testing::UnitTest::GetInstance();
  for (int s = 0; s < all.total_test_suite_count(); ++s) {
    const auto* one = all.GetTestSuite(s);
    if (one->name() != suite) continue;
    for (int t = 0; t < one->total_test_count(); ++t)
      if (one->GetTestInfo(t)->name() == name) return true;
  }
  return false;
}
TEST(Refusals, every_row_is_shown_here) {
  for (const auto& row : refusals) EXPECT_TRUE(has_test("Refusal", row.id)) << row.id;
}
TEST(Refusals, every_row_is_proved_on_the_real_tools) {
  std::ifstream file{std::string{DUGONG_SOURCE_DIR} + "/test/e2e/test_refusals.py"};
  std::stringstream text;
  text << file.rdbuf();
  for (const auto& row : refusals)
    EXPECT_NE(text.str().find("def test_" + std::string{row.id} + "("), std::string::npos) << row.id;
}

}  // namespace
}  // namespace dugong::sim
