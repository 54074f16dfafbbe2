// For tests only: a healthy cluster of a primary "a" and replicas "b" (follows a) and "c" (follows b) as observed, so
// that a case is one change and one expectation.
#pragma once

#include <functional>
#include <string>

#include "cluster/observed.h"
#include "spec/spec.h"

namespace dugong::cluster::testing {

inline constexpr std::int64_t wall = 1'800'000'000;
inline Steady::time_point at(double seconds) {
  return Steady::time_point{} + std::chrono::duration_cast<Steady::duration>(std::chrono::duration<double>{seconds});
}

inline spec::Node spec_node(const std::string& name, std::string address, std::string follows) {
  spec::Node node;
  node.name = name;
  node.address = std::move(address);
  node.prefix = "tank/" + name;
  node.directory = "/srv/dugong/dex/" + name;
  node.port = 5432;
  node.follows = std::move(follows);
  return node;
}

inline spec::Spec three_nodes() {
  spec::Spec spec;
  spec.cluster = "dex";
  spec.file = "dugong.toml";
  spec.nodes = {spec_node("a", "10.0.0.1", ""), spec_node("b", "10.0.0.2", "a"), spec_node("c", "10.0.0.3", "b")};
  return spec;
}

template <class T>
Sample<T> sampled(T value, double seconds = 100) {
  return {.value = std::move(value), .error = {}, .taken_at = at(seconds)};
}
template <class T>
Sample<T> missing(ErrorKind kind, std::string what) {
  return {.value = std::nullopt, .error = {kind, std::move(what), {}, {}, {}}, .taken_at = {}};
}

inline zfs::Dataset dataset(std::string name, zfs::Properties ours) {
  zfs::Dataset dataset;
  dataset.is_snapshot = name.find('@') != std::string::npos;
  dataset.name = std::move(name);
  dataset.ours = std::move(ours);
  dataset.mounted = true;
  return dataset;
}

inline postgres::Slot slot(std::string name) {
  return {.name = std::move(name),
          .type = "physical",
          .active = true,
          .restart_lsn = {0x1000'0000},
          .wal_status = "reserved",
          .safe_wal_size = std::nullopt};
}

inline ObservedNode healthy_node(const std::string& name) {
  ObservedNode node;
  node.name = name;
  Host host;
  host.hostname = "host-" + name;
  node.host = sampled(host);
  zfs::Pool pool;
  pool.name = "tank";
  pool.size = 100;
  pool.free = 50;
  pool.health = "ONLINE";
  node.pool = sampled(pool);
  auto live = dataset("tank/" + name + "/live-0", {{"cluster", "dex"}, {"node", name}, {"role", "live"}});
  live.available = Bytes{36} << 30;
  node.storage = sampled(std::vector<zfs::Dataset>{live});
  runtime::ServerFacts server;
  server.state = runtime::ServerState::running;
  node.server = sampled(server);
  postgres::ServerSql sql;
  sql.system_identifier = {7'000'000'000'000'000'001};
  sql.timeline = {3};
  sql.lsn = {0x2000'0000};
  sql.max_slot_wal_keep_size = "-1";
  node.sql = sampled(sql);
  return node;
}

inline Observed healthy() {
  Observed seen;
  seen.wall_seconds = wall;
  seen.taken_at = at(100);
  seen.nodes = {healthy_node("a"), healthy_node("b"), healthy_node("c")};
  auto& primary = *seen.nodes[0].sql.value;
  primary.insert_lsn = primary.lsn;
  primary.slots = {slot("dugong_b")};
  for (const auto* address : {"10.0.0.2", "10.0.0.3"})
    primary.hba.push_back(
        {90, "host", {"replication"}, {"replicator"}, address, "255.255.255.255", "scram-sha-256", ""});
  seen.nodes[1].sql.value->slots = {slot("dugong_c")};
  for (std::size_t i : {1U, 2U}) {
    auto& replica = *seen.nodes[i].sql.value;
    replica.in_recovery = true;
    replica.streaming = true;
    replica.received = replica.lsn;
    replica.sender_host = i == 1 ? "10.0.0.1" : "10.0.0.2";
    replica.replay_age_seconds = 12.5;
  }
  return seen;
}

}  // namespace dugong::cluster::testing
