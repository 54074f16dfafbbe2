// Literal builders: a spec of one primary and replicas, and an observation of nodes in which everything is as it should
// be, for tests that change one thing and look at what the planner or the verdict makes of it.
#pragma once

#include <string>
#include <vector>

#include "cluster/boot.h"
#include "cluster/ground.h"
#include "cluster/layout.h"
#include "cluster/observed.h"
#include "cluster/settings.h"
#include "postgres/conf.h"
#include "postgres/hba.h"
#include "postgres/identifiers.h"
#include "spec/spec.h"

namespace dugong::test {

inline constexpr SystemId system_id{7000000000000000001};
inline constexpr Lsn now_lsn{0x5000000};

inline spec::Spec a_spec(const std::vector<std::string>& names = {"a", "b"}) {
  spec::Spec spec;
  spec.cluster = "dex";
  spec.file = "dugong.toml";
  spec.postgres.image = "timescaledb:17";
  spec.postgres.database = "dex_ohlcv";
  spec.postgres.extensions = {"timescaledb"};
  spec.auth.superuser_password = Secret{"super"};
  spec.auth.replication_password = Secret{"repl"};
  unsigned last = 10;
  for (const auto& name : names) {
    spec::Node node;
    node.name = name;
    node.address = "10.0.0." + std::to_string(last++);
    node.ssh = "root@" + node.address;
    node.prefix = "tank/" + name;
    node.directory = "/srv/dugong/dex/" + name;
    node.port = 5432;
    node.follows = name == names.front() ? "" : names.front();
    spec.nodes.push_back(node);
  }
  return spec;
}

template <class T>
cluster::Sample<T> sampled(T value) {
  cluster::Sample<T> sample;
  sample.value = std::move(value);
  return sample;
}

inline zfs::Dataset a_dataset(const spec::Spec& spec, const spec::Node& node, const std::string& name,
                              const std::string& role) {
  zfs::Dataset dataset;
  dataset.name = name;
  dataset.mountpoint = "none";
  dataset.available = Bytes{1} << 40;
  dataset.createtxg = 10;
  dataset.ours = {{"cluster", spec.cluster}, {"node", node.name}, {"role", role}};
  return dataset;
}

inline postgres::ControlData a_control() {
  postgres::ControlData control;
  control.system_identifier = system_id;
  control.state = postgres::DbState::in_production;
  control.redo = Lsn{0x3000000};
  control.timeline = {1};
  control.primary_settings = {100, 8, 10, 0, 64};
  control.wal_segment_size = 16 << 20;
  return control;
}

// A host that can be reached and has nothing of ours on it.
inline cluster::ObservedNode bare(const spec::Node& node) {
  cluster::ObservedNode seen;
  seen.name = node.name;
  seen.host = sampled(cluster::Host{
      .hostname = node.name, .dugong_version = "0.1.0", .wal_client = "abc", .wall_ns = 1'700'003'600'000'000'000});
  seen.pool = sampled(zfs::Pool{
      .name = "tank", .size = Bytes{1} << 41, .free = Bytes{1} << 40, .available = Bytes{1} << 40, .health = "ONLINE"});
  seen.storage = sampled(std::vector<zfs::Dataset>{});
  seen.software = sampled(runtime::Software{
      .id = "sha256:aa", .pgdata = "/var/lib/postgresql/data", .uid = 70, .gid = 70, .version_number = 170004});
  seen.server = sampled(runtime::ServerFacts{});
  seen.data = sampled(postgres::DataFacts{});
  seen.sql.error = Error{ErrorKind::failed, "PostgreSQL is not running", node.name, {}, {}};
  return seen;
}

inline void with_files(const spec::Spec& spec, const spec::Node& node, cluster::ObservedNode& seen) {
  const auto paths = cluster::host_paths_of(spec, node);
  const auto directory = [&](const std::string& path, std::uint32_t mode, std::uint32_t owner) {
    seen.files[path] = {true, true, mode, owner, owner, ""};
  };
  directory(paths.directory, 0711, 0);
  directory(paths.logs, 0750, 70);
  directory(paths.run, 03775, 70);
  directory(paths.secrets, 0700, 70);
  directory(paths.bin, 0755, 0);
  seen.files[paths.bin].entries = {"dugong-wal", "dugong-wal.sha256"};
  directory(paths.archive, 0700, 70);
  seen.files[cluster::ownership_file(paths.directory)] = {true, false, 0644, 0, 0, cluster::ownership_text(spec, node)};
  seen.files[paths.directory].entries = {".dugong", "archive", "bin", "data", "logs", "run", "secrets"};
  seen.files[cluster::superuser_file(paths)] = {true, false, 0600, 70, 70, "super"};
  std::string passfile;
  for (const auto& other : spec.nodes)
    if (other.name != node.name)
      passfile += *postgres::passfile_line(other.address, std::to_string(other.port), "replication",
                                           spec.auth.replication_user, "repl") +
                  "\n";
  if (!passfile.empty()) seen.files[cluster::passfile(paths)] = {true, false, 0600, 70, 70, passfile};
  const auto record = cluster::boot_record_of(spec, node, system_id);
  seen.files[cluster::boot_file(paths.directory)] = {true, false, 0644, 0, 0, cluster::render(record)};
  seen.host.value->registered[record.name()] = paths.directory;
  seen.files[cluster::wal_client_digest_file(paths)] = {true, false, 0644, 0, 0, "abc\n"};
  seen.files[paths.archive + "/.system_identifier"] = {true, false, 0644, 70, 70, to_string(system_id) + "\n"};
}

// The files a server of ours has in its data directory, as the planner would write them.
inline void with_data(const spec::Spec& spec, const cluster::Observed& all, const spec::Node& node,
                      cluster::ObservedNode& seen) {
  postgres::DataFacts data{.exists = true, .empty = false, .version = "17", .control = a_control()};
  data.uid = data.gid = seen.software->uid;
  const auto hot_standby = *cluster::allowed_hot_standby(spec, all, node);
  data.files["dugong.conf"] =
      *cluster::render_dugong_conf(*cluster::dugong_settings(spec, node, *seen.software, hot_standby));
  data.files["postgresql.conf"] = postgres::with_include("# as initdb wrote it\n");
  std::vector<std::string> others;
  for (const auto& other : spec.nodes)
    if (other.name != node.name) others.push_back(other.address);
  data.files["pg_hba.conf"] =
      *postgres::with_replication_lines("local all all scram-sha-256\n", spec.auth.replication_user, others);
  data.entries = {"PG_VERSION", "base", "global", "pg_wal"};
  if (!node.is_primary()) {
    data.entries.push_back("standby.signal");
    data.files["standby.signal"] = "";
    data.files["postgresql.auto.conf"] =
        *postgres::merge_auto_conf("", cluster::standby_settings(spec, node, *seen.software));
  }
  seen.data = sampled(data);
}

inline postgres::ServerSql a_server(const spec::Spec& spec, const cluster::ObservedNode& seen) {
  postgres::ServerSql sql;
  sql.version_number = 170004;
  sql.system_identifier = system_id;
  sql.timeline = {1};
  sql.lsn = now_lsn;
  sql.insert_lsn = now_lsn;
  sql.databases = {"postgres", spec.postgres.database};
  sql.extensions = {{"timescaledb", "2.19.3"}};
  for (const auto& [name, version] : sql.extensions) sql.available_extensions[name] = {version};
  sql.roles = {{"postgres", {true, true, true}}, {spec.auth.replication_user, {true, true, false}}};
  const auto conf = postgres::parse_conf(seen.data->files.at("dugong.conf"));
  for (const auto& line : *conf)
    sql.settings[line.name] = {line.value, "configuration file", "/var/lib/postgresql/data/dugong.conf",
                               static_cast<std::uint32_t>(line.line), false};
  if (auto rules = postgres::parse_hba(seen.data->files.at("pg_hba.conf"))) sql.hba = *rules;
  return sql;
}

inline zfs::Dataset a_snapshot(const spec::Spec& spec, const spec::Node& node, const std::string& name, Guid guid,
                               std::uint64_t createtxg) {
  auto snapshot = a_dataset(spec, node, name, "");
  snapshot.ours.erase("role");
  snapshot.is_snapshot = true;
  snapshot.guid = guid;
  snapshot.createtxg = createtxg;
  snapshot.userrefs = 1;
  snapshot.ours.insert({{"system_id", to_string(system_id)},
                        {"timeline", "1"},
                        {"redo_lsn", "0/3000000"},
                        {"end_lsn", "0/4000000"},
                        {"why", "seed"},
                        {"taken_at", "1700000000"}});
  return snapshot;
}

// A node whose server runs as the spec says; a replica is cloned from "anchor-0@dugong-base" with GUID 77.
inline cluster::ObservedNode running(const spec::Spec& spec, const cluster::Observed& all, const spec::Node& node) {
  auto seen = bare(node);
  with_files(spec, node, seen);
  auto& storage = *seen.storage.value;
  storage.push_back(a_dataset(spec, node, node.prefix, "parent"));
  storage.push_back(a_dataset(spec, node, node.prefix + "/archive", "archive"));
  storage.back().mounted = true;
  auto live = a_dataset(spec, node, node.prefix + "/live-0", "live");
  live.mounted = true;
  live.mountpoint = node.directory + "/data";
  live.referenced = Bytes{1} << 30;
  live.ours["state"] = "ready";
  if (node.is_primary()) {
    storage.push_back(live);
    storage.push_back(a_snapshot(spec, node, live.name + "@dugong-base", Guid{77}, 20));
  } else {
    live.origin = node.prefix + "/anchor-0@dugong-base";
    storage.push_back(live);
    storage.push_back(a_dataset(spec, node, node.prefix + "/anchor-0", "anchor"));
    storage.push_back(a_snapshot(spec, node, live.origin, Guid{77}, 20));
  }
  with_data(spec, all, node, seen);
  seen.server = sampled(runtime::ServerFacts{.state = runtime::ServerState::running, .image_id = "sha256:aa"});
  auto sql = a_server(spec, seen);
  if (!node.is_primary()) {
    sql.in_recovery = true;
    for (const auto& [name, value] : cluster::standby_settings(spec, node, *seen.software))
      sql.settings[name] = {value, "configuration file", "/var/lib/postgresql/data/postgresql.auto.conf", 1, false};
    sql.streaming = true;
    sql.received = now_lsn;
  }
  seen.sql = sampled(sql);
  return seen;
}

// The whole cluster streaming, with nothing left to do.
inline cluster::Observed all_running(const spec::Spec& spec) {
  cluster::Observed seen;
  seen.wall_seconds = 1700003600;
  for (const auto& node : spec.nodes) seen.nodes.push_back(bare(node));
  for (std::size_t i = 0; i < spec.nodes.size(); ++i) seen.nodes[i] = running(spec, seen, spec.nodes[i]);
  auto& primary = seen.nodes.front();
  for (const auto& node : spec.nodes) {
    if (node.is_primary()) continue;
    auto& sql = *seen.nodes[static_cast<std::size_t>(&node - spec.nodes.data())].sql.value;
    for (auto& upstream : seen.nodes)
      if (upstream.name == node.follows) {
        upstream.sql.value->slots.push_back(
            {postgres::slot_name(node.name), "physical", true, Lsn{0x3000000}, "reserved", std::nullopt});
        upstream.sql.value->senders.push_back(
            {node.name, node.address, "streaming", sql.lsn, sql.lsn, sql.lsn, sql.lsn});
      }
  }
  // What an earlier `up` proved and set.
  auto& marks = primary.storage.value->front().ours;
  marks["super_check"] = "m1";
  marks["repl_check"] = "m2";
  primary.password_marks = {{"postgres", "m1"}, {spec.auth.replication_user, "m2"}};
  return seen;
}

}  // namespace dugong::test
