// For tests only: a primary "a" whose data has one snapshot of ours, and replicas "b" and "c" whose data was cloned
// from it ten days ago, each with a pool of its own. Sizes are in GiB, so that a case is one change and one number.
#pragma once

#include <string>
#include <utility>

#include "cluster/layout.h"
#include "cluster/running_world.h"
#include "cluster/space.h"

namespace dugong::cluster::testing {

inline constexpr Bytes G = Bytes{1} << 30;
inline constexpr std::int64_t day = 86400;

inline zfs::Properties marks_of(const std::string& node, const std::string& role) {
  return {{"cluster", "dex"}, {"node", node}, {"role", role}};
}

struct Parts {
  Bytes head = 0;
  Bytes snapshots = 0;
  Bytes children = 0;
  Bytes reserved = 0;
};
inline zfs::Dataset with_parts(std::string name, zfs::Properties ours, Parts parts) {
  auto one = dataset(std::move(name), std::move(ours));
  one.mounted = false;
  one.used = parts.head + parts.snapshots + parts.children + parts.reserved;
  one.used_by_dataset = parts.head;
  one.used_by_snapshots = parts.snapshots;
  one.used_by_children = parts.children;
  one.used_by_refreservation = parts.reserved;
  one.referenced = parts.head;
  one.available = 650 * G;
  return one;
}

inline zfs::Dataset catalogued(std::string name, const std::string& node, std::uint64_t number, std::int64_t age) {
  auto one = dataset(std::move(name), {{"cluster", "dex"},
                                       {"node", node},
                                       {"system_id", "7000000000000000001"},
                                       {"timeline", "3"},
                                       {"redo_lsn", "0/100"},
                                       {"end_lsn", "0/10000000"},
                                       {"why", "seed"},
                                       {"taken_at", std::to_string(wall - age)}});
  one.mounted = false;
  one.guid = {number};
  one.createtxg = number;
  return one;
}

inline zfs::Pool pool_of(Bytes used, Bytes available) {
  zfs::Pool pool;
  pool.name = "tank";
  pool.size = used + available + 50 * G;  // ZFS keeps some back
  pool.free = available + 50 * G;
  pool.used = used;
  pool.available = available;
  pool.health = "ONLINE";
  pool.version = "openzfs 2.3.9";
  pool.can_receive_unmounted = true;
  return pool;
}

struct SpaceWorld {
  spec::Spec spec = three_nodes();
  Observed seen = healthy();

  SpaceWorld() {
    auto& a = node("a");
    a.pool = sampled(pool_of(300 * G, 650 * G));
    auto base = catalogued("tank/a/live-0@1", "a", 1, 10 * day);
    base.used = 10 * G;
    base.referenced = 95 * G;
    auto live =
        with_parts("tank/a/live-0", marks_of("a", "live"), {.head = 100 * G, .snapshots = 10 * G, .reserved = 2 * G});
    live.mounted = true;
    a.storage = sampled(
        std::vector<zfs::Dataset>{with_parts("tank/a", marks_of("a", "parent"), {.children = 132 * G}), live, base,
                                  with_parts("tank/a/archive", marks_of("a", "archive"), {.head = 20 * G})});
    add_replica("b");
    add_replica("c");
  }

  ObservedNode& node(std::string_view name) {
    for (auto& one : seen.nodes)
      if (one.name == name) return one;
    return seen.nodes.front();
  }
  std::vector<zfs::Dataset>& storage(std::string_view name) { return *node(name).storage.value; }
  zfs::Dataset& at(std::string_view name, const std::string& dataset) {
    for (auto& one : storage(name))
      if (one.name == dataset) return one;
    ADD_FAILURE() << "no " << dataset;
    return storage(name).front();
  }
  // A second snapshot of ours on the primary, which `on` received too, ten days later.
  void take_newer(const std::string& on) {
    auto newer = catalogued("tank/a/live-0@2", "a", 2, day);
    newer.used = G;
    newer.referenced = 98 * G;
    storage("a").push_back(newer);
    if (on.empty()) return;
    newer.name = "tank/" + on + "/anchor-0@2";
    newer.ours["node"] = on;
    storage(on).push_back(newer);
  }
  [[nodiscard]] NodeSpace space(std::string_view name) const { return judge_space(spec, seen, *spec.find(name)); }

 private:
  void add_replica(const std::string& name) {
    auto& replica = node(name);
    const auto prefix = "tank/" + name;
    replica.pool = sampled(pool_of(200 * G, 650 * G));
    auto base = catalogued(prefix + "/anchor-0@1", name, 1, 10 * day);
    base.referenced = 95 * G;
    auto live = with_parts(prefix + "/live-0", marks_of(name, "live"), {.head = 30 * G});
    live.origin = base.name;
    live.mounted = true;
    live.referenced = 100 * G;
    replica.storage = sampled(std::vector<zfs::Dataset>{
        with_parts(prefix, marks_of(name, "parent"), {.children = 125 * G}),
        with_parts(prefix + "/anchor-0", marks_of(name, "anchor"), {.head = 95 * G}), base, live});
  }
};

}  // namespace dugong::cluster::testing
