// A copy between two pools, in parts: what both ends check first, what the end of it makes, and what is left when it is
// cut in the middle.
#include <fmt/format.h>

#include "test/sim/parts.h"

namespace dugong::sim {
namespace {

constexpr Bytes stream_head = 64 << 10;

zfs::Pool capabilities(const Pool& pool) {
  zfs::Pool out;
  out.can_receive_unmounted = pool.flavour == Flavour::openzfs;
  return out;
}

zfs::Argv receive_argv(Host& to, const node::CopyRequest& request) {
  auto* pool = pool_with(to, request.receive.dataset);
  return zfs::render(request.receive, pool == nullptr ? zfs::Pool{} : capabilities(*pool));
}

// The sender's snapshots: what is sent and, for an increment, what it starts from.
struct Ends {
  SnapshotRow* to = nullptr;
  SnapshotRow* from = nullptr;  // nullptr: a full stream
};

Result<Ends> sender_ends(Host& host, const zfs::Send& send) {
  const zfs::Argv argv = {"zfs", "send", send.snapshot};
  Ends ends{snapshot_at(host, send.snapshot), nullptr};
  if (ends.to == nullptr)
    return fail(zfs_error(argv, fmt::format("cannot open '{}': dataset does not exist", send.snapshot)));
  if (send.from.empty()) return ends;
  ends.from = snapshot_at(host, send.from);
  if (ends.from == nullptr)
    return fail(zfs_error(argv, fmt::format("cannot open '{}': dataset does not exist", send.from)));
  const auto dataset = zfs::dataset_of(send.snapshot);
  const bool own = zfs::dataset_of(send.from) == dataset && ends.from->createtxg < ends.to->createtxg;
  const bool origin = dataset_at(host, dataset)->origin == send.from;
  if (!own && !origin)
    return fail(
        zfs_error(argv, fmt::format("cannot send '{}': not an earlier snapshot from the same fs", send.snapshot)));
  return ends;
}

bool is_clone_stream(const zfs::Send& send) {
  return !send.from.empty() && zfs::dataset_of(send.from) != zfs::dataset_of(send.snapshot);
}

SnapshotRow* with_guid(Pool& pool, Guid guid, const std::string& preferred) {
  SnapshotRow* found = nullptr;
  for (auto& [name, row] : pool.snapshots) {
    if (row.guid != guid) continue;
    // In the pool that also holds the sender's snapshot, that one may become the origin.
    if (found == nullptr || name == preferred) found = &row;
  }
  return found;
}

std::string words_for_new(Pool* pool, const std::string& name) {
  const auto cannot = std::string{"cannot receive new filesystem stream: "};
  if (pool == nullptr) return fmt::format("cannot open '{}': no such pool", zfs::pool_of(name));
  if (pool->datasets.contains(name))
    return snapshots_of(*pool, name).empty()
               ? fmt::format("{}destination '{}' exists\nmust specify -F to overwrite it", cannot, name)
               : fmt::format("{}destination has snapshots (eg. {})\nmust destroy them to overwrite it", cannot,
                             snapshots_of(*pool, name).front()->name);
  if (!pool->datasets.contains(zfs::parent_of(name)))
    return fmt::format("cannot receive: destination '{}' does not exist", zfs::parent_of(name));
  return {};
}

std::string words_for_increment(Pool* pool, const std::string& name, Guid base) {
  const auto cannot = std::string{"cannot receive incremental stream: "};
  if (pool == nullptr) return fmt::format("cannot open '{}': no such pool", zfs::pool_of(name));
  auto dataset = pool->datasets.find(name);
  if (dataset == pool->datasets.end()) return fmt::format("{}destination '{}' does not exist", cannot, name);
  auto rows = snapshots_of(*pool, name);
  if (rows.empty() || rows.back()->guid != base)
    return fmt::format("{}most recent snapshot of {} does not\nmatch incremental source", cannot, name);
  if (dataset->second.tree != rows.back()->tree)
    return fmt::format("{}destination {} has been modified since most recent snapshot", cannot, name);
  return {};
}

std::string receiver_words(Host& to, const node::CopyRequest& request, const Ends& ends) {
  auto* pool = pool_with(to, request.receive.dataset);
  if (ends.from == nullptr) return words_for_new(pool, request.receive.dataset);
  if (!is_clone_stream(request.send)) return words_for_increment(pool, request.receive.dataset, ends.from->guid);
  auto words = words_for_new(pool, request.receive.dataset);
  if (words.empty() && with_guid(*pool, ends.from->guid, request.send.from) == nullptr)
    words = "cannot receive: local origin for clone " + request.receive.dataset + " does not exist";
  return words;
}

// Blocks that differ: about the WAL written in between, once in pg_wal and once in the tables.
Bytes changed_bytes(const Ends& ends) {
  if (ends.from == nullptr) return tree_size(*ends.to->tree);
  Bytes changed = stream_head;
  for (const auto& [path, cluster] : ends.to->tree->clusters) {
    auto before = ends.from->tree->clusters.find(path);
    if (before != ends.from->tree->clusters.end() && cluster.insert > before->second.insert)
      changed += 2 * (cluster.insert.value - before->second.insert.value);
  }
  return changed;
}

std::string received_name(const node::CopyRequest& request) {
  return request.receive.dataset + request.send.snapshot.substr(request.send.snapshot.find('@'));
}

// zfs ignores a stream whose snapshot it has already and exits with 0.
bool has_it_already(Host& to, const node::CopyRequest& request, const Ends& ends) {
  auto* there = snapshot_at(to, received_name(request));
  return there != nullptr && there->guid == ends.to->guid;
}

}  // namespace

Result<Copying> begin_copy(State& state, Host& from, Host& to, const node::CopyRequest& request) {
  if (!state.linked(from.name, to.name))
    return fail(ErrorKind::unreachable, from.name + " cannot reach " + to.name + ": Connection timed out");
  auto ends = TRY(sender_ends(from, request.send));
  Copying copying{&from, &to, 0};
  if (has_it_already(to, request, ends)) return copying;
  auto words = receiver_words(to, request, ends);
  if (!words.empty()) return fail(zfs_error(receive_argv(to, request), words));
  copying.bytes = changed_bytes(ends);
  auto* target = dataset_at(to, request.receive.dataset);
  if (target != nullptr && !target->mounted_at.empty())
    state.violate("receive into a mounted dataset: " + to.name + ":" + target->name);
  return copying;
}

Result<> finish_copy(State& state, const Copying& copying, const node::CopyRequest& request) {
  auto& to = *copying.to;
  const auto argv = receive_argv(to, request);
  auto ends = TRY(sender_ends(*copying.from, request.send));
  if (has_it_already(to, request, ends)) return {};
  auto words = receiver_words(to, request, ends);
  if (!words.empty()) return fail(zfs_error(argv, words));
  auto& pool = *pool_with(to, request.receive.dataset);
  if (copying.bytes > pool_free(pool)) return fail(zfs_error(argv, "cannot receive: out of space"));
  auto* dataset = dataset_at(to, request.receive.dataset);
  const bool is_new = dataset == nullptr;
  if (is_new) dataset = &add_dataset(state, pool, request.receive.dataset, {});
  if (is_new && ends.from != nullptr) dataset->origin = with_guid(pool, ends.from->guid, request.send.from)->name;
  dataset->tree = ends.to->tree;
  SnapshotRow row{received_name(request), ends.to->guid, ++pool.txg, ends.to->creation, {}, ends.to->tree, {}};
  pool.snapshots[row.name] = std::move(row);
  if (is_new && !capabilities(pool).can_receive_unmounted) return mount_new(to, pool, *dataset, argv);
  return {};
}

void cut_copy(State& state, const Copying& copying, const node::CopyRequest& request) {
  auto* pool = pool_with(*copying.to, request.receive.dataset);
  if (pool == nullptr || pool->flavour != Flavour::zfs_fuse_v23 || !state.options.cut_full_leaves_dataset) return;
  if (!request.send.from.empty() || pool->datasets.contains(request.receive.dataset)) return;
  add_dataset(state, *pool, request.receive.dataset, {}).hollow = true;
}

}  // namespace dugong::sim
