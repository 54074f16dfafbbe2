// What the simulated world does when nothing is refused: its traps, its clock, its deaths. Refusals have their own
// file.
#include <gtest/gtest.h>

#include "base/text.h"
#include "test/sim/kit.h"

namespace dugong::sim {
namespace {

using namespace kit;

// ---- a server

TEST(Server, takes_its_time_to_start) {
  Kit kit;
  make_data(kit, "a");
  kit.must("a", runtime::StartServer{process("a")});
  auto early = kit.must("a", node::RunSql{target("a"), {}});
  EXPECT_EQ(early.sqlstate, "57P03");
  kit.world.sleep(Millis{1000});
  EXPECT_TRUE(kit.must("a", node::RunSql{target("a"), {}}).connected);
}
TEST(Server, nobody_answers_before_it_is_started) {
  Kit kit;
  make_data(kit, "a");
  EXPECT_EQ(kit.must("a", node::RunSql{target("a"), {}}).sqlstate, "08001");
}
TEST(Server, describes_itself_so_that_the_product_understands_it) {
  Kit kit;
  make_primary(kit, "a");
  const auto seen = observed(kit, "a");
  EXPECT_FALSE(seen.in_recovery);
  EXPECT_TRUE(seen.accepts_clients);
  EXPECT_EQ(seen.timeline.value, 1U);
  EXPECT_EQ(seen.version_number, 140018);
  EXPECT_TRUE(seen.roles.at("replicator").replication);
  EXPECT_TRUE(seen.roles.at("postgres").superuser);
  EXPECT_EQ(seen.databases, std::vector<std::string>{"postgres"});
  EXPECT_TRUE(seen.available_extensions.contains("timescaledb"));
  EXPECT_EQ(seen.system_identifier, kit.must("a", node::InspectData{"/srv/a/data"}).control->system_identifier);
}
TEST(Server, the_image_initialises_an_empty_directory_and_first_hides) {
  Kit kit;
  kit.create("a", "tank/live", {{"mountpoint", "/srv/a/data"}});
  kit.write("a", "/srv/a/superuser.pass", "secret\n", 0600, 0);
  kit.must("a", node::MakeDirectory{"/srv/a/run"});
  kit.write("a", "/srv/a/docker-compose.yaml",
            "services:\n  postgres:\n    image: \"timescale/timescaledb:2.19.1-pg14\"\n    environment:\n"
            "      POSTGRES_DB: \"dex\"\n      POSTGRES_PASSWORD_FILE: \"/run/dugong/superuser.pass\"\n    volumes:\n"
            "      - type: \"bind\"\n        source: \"/srv/a/data\"\n        target: \"/var/lib/postgresql/data\"\n"
            "      - type: \"bind\"\n        source: \"/srv/a/run\"\n        target: \"/var/run/postgresql\"\n"
            "      - type: \"bind\"\n        source: \"/srv/a\"\n        target: \"/run/dugong\"\n");
  runtime::Server server;
  server.project = "dugong-dex-a";
  server.compose_file = "/srv/a/docker-compose.yaml";
  server.data = "/srv/a/data";
  kit.must("a", runtime::StartServer{server});
  kit.world.sleep(Millis{250});
  EXPECT_FALSE(observed(kit, "a").accepts_clients);
  kit.world.sleep(Millis{1000});
  EXPECT_TRUE(observed(kit, "a").accepts_clients);
  EXPECT_EQ(observed(kit, "a").databases, (std::vector<std::string>{"dex", "postgres"}));
  EXPECT_TRUE(kit.world.violations().empty());
}
TEST(Server, initdb_on_the_hosts_own_tree_is_a_violation) {
  Kit kit;
  make_data(kit, "a");
  kit.must("a", zfs::Unmount{"tank/dex/live-0"});
  kit.must("a", node::MakeDirectory{"/srv/a/data", 0700, Kit::postgres_uid, Kit::postgres_uid});
  kit.must("a", runtime::InitData{process("a"), "postgres", "/srv/a/superuser.pass"});
  EXPECT_TRUE(violated(kit, "initdb into unmounted directory"));
}
TEST(Server, a_setting_that_needs_a_restart_waits_for_it) {
  Kit kit;
  make_primary(kit, "a");
  kit.write("a", "/srv/a/data/postgresql.conf", conf_of("a", "max_connections = 200\nwork_mem = '8MB'\n"));
  (void)sql(kit, "a", "reload");
  auto seen = observed(kit, "a");
  EXPECT_EQ(seen.settings.at("max_connections").value, "100");
  EXPECT_TRUE(seen.settings.at("max_connections").pending_restart);
  EXPECT_EQ(seen.settings.at("work_mem").value, "8MB");
  kit.must("a", runtime::StopServer{process("a")});
  start(kit, "a");
  seen = observed(kit, "a");
  EXPECT_EQ(seen.settings.at("max_connections").value, "200");
  EXPECT_FALSE(seen.settings.at("max_connections").pending_restart);
}
TEST(Server, a_bad_line_keeps_a_reload_from_happening) {
  Kit kit;
  make_primary(kit, "a");
  kit.write("a", "/srv/a/data/postgresql.conf", conf_of("a", "work_mem = '8MB'\nnonsense = 1\n"));
  (void)sql(kit, "a", "reload");
  EXPECT_EQ(observed(kit, "a").conf_errors.size(), 1U);
  EXPECT_FALSE(observed(kit, "a").settings.contains("work_mem"));
}
TEST(Server, a_later_file_wins) {
  Kit kit;
  make_primary(kit, "a");
  kit.write("a", "/srv/a/data/postgresql.conf", conf_of("a", "include_if_exists = 'dugong.conf'\n"));
  kit.write("a", "/srv/a/data/dugong.conf", "work_mem = '16MB'\n");
  kit.write("a", "/srv/a/data/postgresql.auto.conf", "work_mem = '32MB'\n");
  (void)sql(kit, "a", "reload");
  EXPECT_EQ(observed(kit, "a").settings.at("work_mem").source_file, "/srv/a/data/postgresql.auto.conf");
  kit.write("a", "/srv/a/data/postgresql.auto.conf", "");
  (void)sql(kit, "a", "reload");
  EXPECT_EQ(observed(kit, "a").settings.at("work_mem").source_file, "/srv/a/data/dugong.conf");
}
TEST(Server, a_file_of_somebody_else_cannot_be_read) {
  Kit kit;
  make_data(kit, "a");
  kit.write("a", "/srv/a/data/postgresql.conf", conf_of("a"), 0600, 0);
  EXPECT_FALSE(kit.ask("a", runtime::StartServer{process("a")}));
  EXPECT_EQ(kit.must("a", runtime::InspectServer{process("a")}).state, runtime::ServerState::exited);
}
TEST(Server, password_marks_tell_set_from_to_be_set) {
  Kit kit;
  make_primary(kit, "a");
  const auto mark = [&](const std::string& password) {
    return kit.must("a", node::RolePasswordMark{target("a"), "replicator", {password}}).mark;
  };
  const auto before = mark("mirror");
  EXPECT_EQ(before, mark("mirror"));
  EXPECT_NE(before, mark("other"));
  kit.must("a", node::SetRolePassword{target("a"), "replicator", {"mirror"}, true});
  EXPECT_NE(before, mark("mirror"));
}
TEST(Server, an_unknown_query_is_a_violation) {
  Kit kit;
  make_primary(kit, "a");
  EXPECT_FALSE(sql(kit, "a", "drop_everything"));
  EXPECT_TRUE(violated(kit, "unknown query"));
}
TEST(Server, a_clean_stop_and_a_crash_differ_in_the_control_file) {
  Kit kit;
  make_primary(kit, "a");
  kit.world.crash_server("a", "/srv/a/data");
  auto data = kit.must("a", node::InspectData{"/srv/a/data"});
  EXPECT_EQ(data.control->state, postgres::DbState::in_production);
  EXPECT_TRUE(data.has("postmaster.pid"));
  start(kit, "a");
  kit.must("a", runtime::StopServer{process("a")});
  data = kit.must("a", node::InspectData{"/srv/a/data"});
  EXPECT_EQ(data.control->state, postgres::DbState::shutdowned);
  EXPECT_FALSE(data.has("postmaster.pid"));
}

// ---- WAL

void give_archive(Kit& kit) {
  kit.create("a", "tank/dex/archive", {{"mountpoint", "/srv/a/archive"}});
  kit.must("a", node::MakeDirectory{"/srv/a/archive", 0700, Kit::postgres_uid, Kit::postgres_uid});
  kit.write("a", "/srv/a/archive/.system_identifier", to_string(observed(kit, "a").system_identifier) + "\n");
}
TEST(Wal, a_finished_segment_is_archived) {
  Kit kit;
  make_primary(kit, "a");
  give_archive(kit);
  const auto segment = cell(kit, "a", "switch_wal");
  kit.world.sleep(Millis{100});
  const auto here = kit.must("a", node::DigestFile{"/srv/a/data/pg_wal/" + segment});
  const auto there = kit.must("a", node::DigestFile{"/srv/a/archive/" + segment});
  EXPECT_TRUE(there.exists);
  EXPECT_EQ(here.sha256, there.sha256);
  EXPECT_EQ(there.size, 16U << 20U);
  EXPECT_EQ(observed(kit, "a").last_archived, segment);
}
TEST(Wal, an_archive_of_nobody_takes_nothing) {
  Kit kit;
  make_primary(kit, "a");
  const auto segment = cell(kit, "a", "switch_wal");
  kit.world.sleep(Millis{100});
  EXPECT_FALSE(kit.must("a", node::DigestFile{"/srv/a/archive/" + segment}).exists);
  EXPECT_GT(observed(kit, "a").failed_count, 0);
  EXPECT_TRUE(observed(kit, "a").archiving_fails);
}
TEST(Wal, a_missing_client_does_not_count_as_a_failure) {
  Kit kit;
  make_primary(kit, "a");
  kit.must("a", node::RemovePaths{"/srv/a/bin", {"dugong-wal"}, {}});
  (void)cell(kit, "a", "switch_wal");
  kit.world.sleep(Millis{100});
  EXPECT_EQ(observed(kit, "a").failed_count, 0);
  EXPECT_EQ(observed(kit, "a").archived_count, 0);
}
TEST(Wal, archiving_into_the_hosts_own_tree_is_a_violation) {
  Kit kit;
  make_primary(kit, "a");
  kit.write("a", "/srv/a/archive/.system_identifier", to_string(observed(kit, "a").system_identifier));
  (void)cell(kit, "a", "switch_wal");
  kit.world.sleep(Millis{100});
  EXPECT_TRUE(violated(kit, "archive into unmounted directory"));
}
TEST(Wal, moves_with_the_clock_under_load) {
  Kit kit;
  make_primary(kit, "a");
  const auto before = observed(kit, "a").insert_lsn;
  kit.world.set_write_load(Bytes{1} << 20);
  kit.world.sleep(Millis{10'000});
  EXPECT_NEAR(static_cast<double>(observed(kit, "a").insert_lsn.value - before.value), 10.0 * (1 << 20), 1 << 18);
}
TEST(Wal, a_slot_keeps_what_the_window_would_not) {
  Kit kit;
  make_primary(kit, "a");
  (void)sql(kit, "a", "create_slot", {"s"});
  kit.world.set_write_load(Bytes{16} << 20);
  kit.world.sleep(std::chrono::minutes{2});
  EXPECT_EQ(observed(kit, "a").slots.at(0).wal_status, "reserved");
}
TEST(Wal, a_capped_slot_is_lost) {
  Kit kit;
  make_primary(kit, "a");
  kit.write("a", "/srv/a/data/postgresql.conf", conf_of("a", "max_slot_wal_keep_size = '256MB'\n"));
  (void)sql(kit, "a", "reload");
  (void)sql(kit, "a", "create_slot", {"s"});
  kit.world.set_write_load(Bytes{16} << 20);
  kit.world.sleep(std::chrono::minutes{2});
  EXPECT_EQ(observed(kit, "a").slots.at(0).wal_status, "lost");
}
TEST(Wal, creating_a_slot_twice_answers_the_same_row) {
  Kit kit;
  make_primary(kit, "a");
  EXPECT_EQ(cell(kit, "a", "create_slot", {"s"}), "s");
  EXPECT_EQ(cell(kit, "a", "create_slot", {"s"}), "s");
  EXPECT_EQ(observed(kit, "a").slots.size(), 1U);
}

// ---- following

TEST(Replica, streams_and_brings_everything) {
  Kit kit;
  make_primary(kit, "a");
  make_replica(kit);
  start(kit, "b");
  (void)sql(kit, "a", "create_database", {"dex"});
  kit.world.sleep(Millis{200});
  const auto seen = observed(kit, "b");
  EXPECT_TRUE(seen.in_recovery);
  EXPECT_TRUE(seen.streaming);
  EXPECT_EQ(seen.sender_host, "10.0.0.1");
  EXPECT_EQ(seen.lsn, observed(kit, "a").insert_lsn);
  EXPECT_EQ(seen.databases.size(), 2U);
  EXPECT_EQ(observed(kit, "a").senders.at(0).application_name, "b");
  EXPECT_TRUE(observed(kit, "a").slots.at(0).active);
  EXPECT_EQ(kit.world.violations(), std::vector<std::string>{});
}
TEST(Replica, without_its_signal_is_a_second_primary) {
  Kit kit;
  make_primary(kit, "a");
  make_replica(kit, {.signal = false});
  start(kit, "b");
  EXPECT_TRUE(violated(kit, "two primaries"));
}
TEST(Replica, that_was_not_cleaned_brings_slots_and_a_pid_file) {
  Kit kit;
  make_primary(kit, "a");
  make_replica(kit, {.clean = false});
  start(kit, "b");
  EXPECT_TRUE(violated(kit, "inherited slots"));
  EXPECT_TRUE(violated(kit, "inherited postmaster.pid"));
}
TEST(Replica, a_passfile_that_others_can_read_is_ignored) {
  Kit kit;
  make_primary(kit, "a");
  make_replica(kit);
  kit.write("b", "/srv/b/replication.pgpass", "*:*:*:replicator:mirror\n", 0644);
  start(kit, "b");
  EXPECT_FALSE(observed(kit, "b").streaming);
}
TEST(Replica, pauses_when_the_primary_raises_what_it_lacks) {
  Kit kit;
  make_primary(kit, "a");
  make_replica(kit);
  start(kit, "b");
  kit.write("a", "/srv/a/data/postgresql.conf", conf_of("a", "max_connections = 300\n"));
  kit.must("a", runtime::StopServer{process("a")});
  start(kit, "a");
  EXPECT_TRUE(observed(kit, "b").replay_paused);
  EXPECT_EQ(kit.must("b", node::InspectData{"/srv/b/data"}).control->primary_settings.max_connections, 100);
}
TEST(Replica, its_control_file_follows_a_lower_setting) {
  Kit kit;
  make_primary(kit, "a");
  make_replica(kit);
  start(kit, "b");
  kit.write("a", "/srv/a/data/postgresql.conf", conf_of("a", "max_connections = 50\n"));
  kit.must("a", runtime::StopServer{process("a")});
  start(kit, "a");
  EXPECT_EQ(kit.must("b", node::InspectData{"/srv/b/data"}).control->primary_settings.max_connections, 50);
}
TEST(Replica, stops_streaming_when_the_link_is_cut) {
  Kit kit;
  make_primary(kit, "a");
  make_replica(kit);
  start(kit, "b");
  kit.world.set_link("a", "b", false);
  kit.world.sleep(Millis{200});
  EXPECT_FALSE(observed(kit, "b").streaming);
  kit.world.set_link("a", "b", true);
  kit.world.sleep(Millis{200});
  EXPECT_TRUE(observed(kit, "b").streaming);
}
TEST(Replica, a_probe_tells_whether_an_address_is_let_in) {
  Kit kit;
  make_primary(kit, "a");
  node::ProbeLogin probe{"", "10.0.0.1", 5432, "replicator"};
  EXPECT_TRUE(kit.must("b", probe).asked_for_password);
  probe.user = "somebody";
  EXPECT_EQ(kit.must("b", probe).sqlstate, "28000");
}
TEST(Replica, survives_a_restart_of_its_own) {
  Kit kit;
  make_primary(kit, "a");
  make_replica(kit);
  start(kit, "b");
  kit.must("b", runtime::StopServer{process("b")});
  (void)sql(kit, "a", "create_database", {"dex"});
  start(kit, "b");
  EXPECT_TRUE(observed(kit, "b").streaming);
  EXPECT_EQ(observed(kit, "b").databases.size(), 2U);
  EXPECT_EQ(kit.world.violations(), std::vector<std::string>{});
}

// ---- dying

TEST(Kill, ends_every_further_call_of_this_controller) {
  Kit kit;
  kit.world.kill_after(2);
  EXPECT_TRUE(kit.ask("a", node::InspectHost{}));
  EXPECT_EQ(kit.ask("a", node::InspectHost{}).error().kind, ErrorKind::interrupted);
  EXPECT_EQ(kit.ask("b", node::InspectHost{}).error().kind, ErrorKind::interrupted);
  EXPECT_TRUE(kit.world.killed());
  kit.fleet = kit.world.new_controller();
  EXPECT_TRUE(kit.ask("a", node::InspectHost{}));
}
TEST(Kill, says_what_it_hit) {
  Kit kit;
  kit.world.kill_after(1);
  EXPECT_FALSE(kit.ask("b", zfs::Create{"tank/x", {}}));
  EXPECT_TRUE(kit.world.killed_at().starts_with("b: Create, ")) << kit.world.killed_at();
}
TEST(Kill, the_last_call_happens_or_does_not) {
  int happened = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    Kit kit{{.seed = seed}};
    kit.world.kill_after(1);
    EXPECT_FALSE(kit.ask("a", zfs::Create{"tank/x", {}}));
    happened += kit.world.host("a").pools.at("tank").datasets.contains("tank/x") ? 1 : 0;
  }
  EXPECT_GT(happened, 5);
  EXPECT_LT(happened, 35);
}
TEST(Kill, a_copy_counts_four_times_and_can_be_cut_or_done) {
  std::set<std::string> ends;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    Kit kit{{.seed = seed}};
    kit.create("a", "tank/x");
    kit.snapshot("a", "tank/x@1");
    const auto before = kit.world.calls();
    kit.world.kill_after(3);
    EXPECT_FALSE(kit.copy("a", {"tank/x@1", ""}, "b", "tank/y"));
    EXPECT_EQ(kit.world.calls() - before, 3U);
    const auto& pool = kit.world.host("b").pools.at("tank");
    ends.insert(pool.snapshots.contains("tank/y@1") ? "whole"
                : pool.datasets.contains("tank/y")  ? "hollow"
                                                    : "nothing");
  }
  EXPECT_EQ(ends, (std::set<std::string>{"hollow", "whole"}));
}
TEST(Kill, releases_the_locks) {
  Kit kit;
  EXPECT_TRUE(kit.must("a", node::AcquireLock{"dex.a", "first"}).acquired);
  auto second = kit.world.new_controller();
  kit.fleet = std::move(second);
  EXPECT_TRUE(kit.must("a", node::AcquireLock{"dex.a", "second"}).acquired);
}
TEST(Kill, one_session_leaves_the_others_alive) {
  Kit kit;
  kit.world.kill_serve("a");
  EXPECT_EQ(kit.ask("a", node::InspectHost{}).error().kind, ErrorKind::unreachable);
  EXPECT_TRUE(kit.ask("b", node::InspectHost{}));
  EXPECT_TRUE(kit.ask("a", node::InspectHost{}));
}
TEST(Kill, an_unreachable_host_answers_nothing) {
  Kit kit;
  kit.world.set_reachable("a", false);
  EXPECT_EQ(kit.ask("a", node::InspectHost{}).error().kind, ErrorKind::unreachable);
  EXPECT_TRUE(kit.ask("b", node::InspectHost{}));
}
TEST(Kill, a_fault_stands_in_for_an_answer) {
  Kit kit;
  kit.world.set_fault([](const std::string& node, const node::Request& request) -> std::optional<Error> {
    if (node != "b" || !std::holds_alternative<zfs::Create>(request)) return std::nullopt;
    return Error{ErrorKind::failed, "no", {}, {}, {}};
  });
  EXPECT_FALSE(kit.ask("b", zfs::Create{"tank/x", {}}));
  EXPECT_TRUE(kit.ask("a", zfs::Create{"tank/x", {}}));
}

// ---- time and comparison

TEST(World, time_passes_only_by_calls_and_sleep) {
  Kit kit;
  const auto before = kit.world.now();
  (void)kit.ask("a", node::InspectHost{});
  EXPECT_EQ(kit.world.now() - before, Millis{5});
  SimClock clock{kit.world};
  EXPECT_TRUE(clock.sleep(Millis{2000}, {}));
  EXPECT_EQ(kit.world.now() - before, Millis{2005});
}
TEST(World, a_reboot_ends_servers_and_mounts_what_mounts_itself) {
  Kit kit;
  make_primary(kit, "a");
  const auto boot = kit.must("a", node::InspectHost{}).boot_id;
  kit.world.reboot("a");
  EXPECT_NE(kit.must("a", node::InspectHost{}).boot_id, boot);
  EXPECT_EQ(kit.must("a", runtime::InspectServer{process("a")}).state, runtime::ServerState::exited);
  EXPECT_TRUE(listed(kit, "a", "tank/dex/live-0").mounted);
}

std::string replica_fingerprint(std::uint64_t seed, Millis pause) {
  Kit kit{{.seed = seed, .write_load = 100'000}};
  make_primary(kit, "a");
  kit.world.sleep(pause);
  make_replica(kit);
  start(kit, "b");
  return kit.world.fingerprint();
}
TEST(World, two_runs_of_other_guids_and_times_have_one_fingerprint) {
  EXPECT_EQ(replica_fingerprint(1, Millis{0}), replica_fingerprint(2, Millis{7000}));
}
TEST(World, a_difference_that_matters_is_in_the_fingerprint) {
  Kit kit;
  make_primary(kit, "a");
  const auto before = kit.world.fingerprint();
  (void)sql(kit, "a", "create_slot", {"left_behind"});
  EXPECT_NE(before, kit.world.fingerprint());
  EXPECT_NE(kit.world.fingerprint().find("slot left_behind"), std::string::npos);
}
TEST(World, the_same_seed_is_the_same_world) {
  Kit one{{.seed = 7}};
  Kit two{{.seed = 7}};
  one.create("a", "tank/x");
  two.create("a", "tank/x");
  EXPECT_EQ(listed(one, "a", "tank/x"), listed(two, "a", "tank/x"));
}
TEST(World, two_nodes_may_share_a_host) {
  Kit kit{{.hosts = {"h"}, .nodes = {{"a", "h"}, {"b", "h"}}}};
  kit.create("a", "tank/x");
  EXPECT_EQ(kit.must("b", zfs::ListTree{"tank/x"}).size(), 1U);
  EXPECT_FALSE(kit.ask("c", node::InspectHost{}));
}

}  // namespace
}  // namespace dugong::sim
