// ZFS: pools, datasets, snapshots, properties. What is refused is refused in zfs's own words, and judge_failure of the
// product says what kind of failure that is, as it does for the real tool.
#include <algorithm>
#include <fmt/format.h>

#include "base/text.h"
#include "test/sim/parts.h"
#include "zfs/marks.h"

namespace dugong::sim {
namespace {

constexpr std::int64_t epoch_seconds = 1'790'000'000;  // creation times only have to look like some
constexpr Bytes overhead = 64 << 10;

std::string default_of(const std::string& property) {
  if (property == "canmount" || property == "atime" || property == "exec" || property == "setuid") return "on";
  if (property == "readonly") return "off";
  if (property == "sync") return "standard";
  if (property == "recordsize") return "131072";
  if (property == "compression" || property == "encryption") return "off";
  if (property == "logbias") return "latency";
  if (property == "quota" || property == "refreservation") return "0";
  return "-";
}

bool is_known(const Pool& pool, std::string_view property) {
  if (property.find(':') != std::string_view::npos) return true;
  if (std::ranges::find(zfs::known_properties(), property) != zfs::known_properties().end()) return true;
  return pool.flavour == Flavour::openzfs &&
         std::ranges::find(zfs::openzfs_properties(), property) != zfs::openzfs_properties().end();
}

bool is_one_of(std::string_view value, std::initializer_list<std::string_view> values) {
  return std::ranges::find(values, value) != values.end();
}

bool is_good_value(const Pool& pool, std::string_view property, std::string_view value) {
  const bool openzfs = pool.flavour == Flavour::openzfs;
  if (property == "compression") {
    if (is_one_of(value, {"on", "off", "lzjb", "gzip", "zle"})) return true;
    return openzfs && (value == "lz4" || value.starts_with("zstd"));
  }
  if (property == "canmount") return is_one_of(value, {"on", "off", "noauto"});
  if (is_one_of(property, {"readonly", "atime", "exec", "setuid", "devices"})) return is_one_of(value, {"on", "off"});
  if (property == "mountpoint") return is_one_of(value, {"none", "legacy"}) || value.starts_with('/');
  if (property == "xattr") return is_one_of(value, {"on", "off"}) || (openzfs && is_one_of(value, {"sa", "dir"}));
  if (property == "sync") return is_one_of(value, {"standard", "always", "disabled"});
  if (property == "logbias") return is_one_of(value, {"latency", "throughput"});
  if (property == "primarycache") return is_one_of(value, {"all", "none", "metadata"});
  if (property == "recordsize") {
    auto size = parse_bytes(value);
    const Bytes largest = openzfs ? Bytes{16} << 20 : Bytes{128} << 10;
    return size && *size >= 512 && *size <= largest && (*size & (*size - 1)) == 0;
  }
  return true;
}

// zfs answers sizes in bytes whatever unit they were set in.
std::string as_shown(const std::string& property, const std::string& value) {
  if (property != "recordsize" && property != "quota" && property != "refreservation") return value;
  auto size = parse_bytes(value);
  return size ? std::to_string(*size) : value;
}

Result<> check_properties(const Pool& pool, const zfs::Argv& argv, const zfs::Properties& properties) {
  TRY(zfs::check_properties(properties));
  for (const auto& [name, value] : properties) {
    if (!is_known(pool, name)) return fail(zfs_error(argv, fmt::format("invalid property '{}'", name)));
    if (!is_good_value(pool, name, value))
      return fail(zfs_error(argv, fmt::format("'{}' must be one of what this pool knows, not '{}'", name, value)));
  }
  return {};
}

bool has_children(const Pool& pool, const std::string& name) {
  auto it = pool.datasets.upper_bound(name + "/");
  return it != pool.datasets.end() && it->first.starts_with(name + "/");
}

template <class Object>
bool is_marked(const Object& object) {
  return object.local.contains(zfs::property_name(zfs::marks::cluster));
}

// What a broken receive left carries no mark, but a marked parent may have said before that it would be made.
bool is_announced(const Pool& pool, const Dataset& dataset) {
  if (!dataset.hollow) return false;
  const auto& parent = pool.datasets.at(zfs::parent_of(dataset.name));
  auto announced = parent.local.find("dugong:receiving");
  return is_marked(parent) && announced != parent.local.end() && announced->second == dataset.name;
}

bool has_clones(const Host& host, const std::string& snapshot) {
  for (const auto& [name, pool] : host.pools)
    for (const auto& [full, dataset] : pool.datasets)
      if (dataset.origin == snapshot) return true;
  return false;
}

Result<Pool*> open_pool(Host& host, const zfs::Argv& argv, const std::string& name) {
  auto* pool = pool_with(host, name);
  if (pool == nullptr) return fail(zfs_error(argv, fmt::format("cannot open '{}': no such pool", zfs::pool_of(name))));
  return pool;
}

Result<Dataset*> open_dataset(Host& host, const zfs::Argv& argv, const std::string& name) {
  TRY(open_pool(host, argv, name));
  auto* dataset = dataset_at(host, name);
  if (dataset == nullptr) return fail(zfs_error(argv, fmt::format("cannot open '{}': dataset does not exist", name)));
  return dataset;
}

Result<SnapshotRow*> open_snapshot(Host& host, const zfs::Argv& argv, const std::string& name) {
  TRY(open_pool(host, argv, name));
  auto* snapshot = snapshot_at(host, name);
  if (snapshot == nullptr) return fail(zfs_error(argv, fmt::format("cannot open '{}': dataset does not exist", name)));
  return snapshot;
}

Result<> check_new(Host& host, const zfs::Argv& argv, std::string_view verb, const std::string& name) {
  TRY(zfs::check_dataset_name(name));
  auto* pool = pool_with(host, name);
  auto cannot = fmt::format("cannot {} '{}': ", verb, name);
  if (pool == nullptr) return fail(zfs_error(argv, cannot + "no such pool '" + zfs::pool_of(name) + "'"));
  if (pool->datasets.contains(name)) return fail(zfs_error(argv, cannot + "dataset already exists"));
  if (!pool->datasets.contains(zfs::parent_of(name))) return fail(zfs_error(argv, cannot + "parent does not exist"));
  return {};
}

bool wants_mount(Pool& pool, const Dataset& dataset) {
  auto at = effective(pool, dataset, "mountpoint").value;
  return effective(pool, dataset, "canmount").value == "on" && at != "none" && at != "legacy";
}

// What it alone has: nothing while the one before it, or what came after it, is the same.
Bytes used_by(Pool& pool, const SnapshotRow& snapshot) {
  const auto rows = snapshots_of(pool, zfs::dataset_of(snapshot.name));
  const auto at = std::ranges::find(rows, snapshot.name, &SnapshotRow::name);
  const auto& next = std::next(at) == rows.end() ? pool.datasets.at(zfs::dataset_of(snapshot.name)).tree : at[1]->tree;
  const bool shared = (at != rows.begin() && at[-1]->tree == snapshot.tree) || next == snapshot.tree;
  return shared ? 0 : overhead;
}

Bytes used_by(const Dataset& dataset) {
  if (!dataset.origin.empty() || dataset.hollow) return overhead;
  return tree_size(*dataset.tree);
}

// Adds up as zfs's does: the head, the snapshots, and all below.
void show_use(Pool& pool, const Dataset& dataset, zfs::Dataset& out) {
  out.used_by_dataset = used_by(dataset);
  out.used_by_snapshots = 0;
  for (const auto* snapshot : snapshots_of(pool, dataset.name)) *out.used_by_snapshots += used_by(pool, *snapshot);
  out.used_by_children = 0;
  for (const auto& [name, below] : pool.datasets) {
    if (name == dataset.name || !zfs::is_below(name, dataset.name)) continue;
    *out.used_by_children += used_by(below);
    for (const auto* snapshot : snapshots_of(pool, name)) *out.used_by_children += used_by(pool, *snapshot);
  }
  out.used_by_refreservation = 0;  // it is not taken from the pool here
  out.used = *out.used_by_dataset + *out.used_by_snapshots + *out.used_by_children;
}

void show_in_force(Pool& pool, const Dataset& dataset, zfs::Dataset& out) {
  const auto& openzfs = zfs::openzfs_properties();
  for (auto name : zfs::shown_properties()) {
    const bool common = std::ranges::find(zfs::known_properties(), name) != zfs::known_properties().end();
    const bool known = common || pool.flavour == Flavour::openzfs;
    const bool encrypts = !common && std::ranges::find(openzfs, name) == openzfs.end();
    auto value = encrypts ? default_of(std::string{name}) : effective(pool, dataset, std::string{name}).value;
    if (known && value != "-") out.shown[std::string{name}] = value;
  }
}

zfs::Dataset shown(Pool& pool, const Dataset& dataset) {
  zfs::Dataset out;
  out.name = dataset.name;
  out.guid = dataset.guid;
  out.createtxg = dataset.createtxg;
  out.creation = dataset.creation;
  out.referenced = dataset.hollow ? overhead : tree_size(*dataset.tree);
  show_use(pool, dataset, out);
  out.available = pool_free(pool);
  if (pool.flavour == Flavour::openzfs) out.logical_referenced = out.referenced * 2;
  out.compress_percent = 200;
  out.origin = dataset.origin;
  auto mountpoint = effective(pool, dataset, "mountpoint");
  out.mountpoint = mountpoint.value;
  out.mountpoint_source = mountpoint.source;
  out.canmount = effective(pool, dataset, "canmount").value;
  out.mounted = !dataset.mounted_at.empty();
  out.readonly = effective(pool, dataset, "readonly").value == "on";
  if (pool.flavour == Flavour::openzfs) out.sync = effective(pool, dataset, "sync").value;
  out.resume_token = dataset.resume_token;
  show_in_force(pool, dataset, out);
  return out;
}

// Only marks that the product asks for are answered: `zfs get` is given a list of names.
void show_local(const Pool& pool, const zfs::Properties& local, bool snapshot, zfs::Dataset& out) {
  for (auto mark : zfs::marks::all) {
    auto it = local.find(zfs::property_name(mark));
    if (it != local.end()) out.ours[std::string{mark}] = it->second;
  }
  for (const auto& [key, value] : local) {
    const bool asked = std::ranges::find(zfs::known_properties(), key) != zfs::known_properties().end() ||
                       (pool.flavour == Flavour::openzfs && is_known(pool, key) && key.find(':') == std::string::npos);
    if (asked && !snapshot) out.local[key] = value;
  }
}

zfs::Dataset shown(Pool& pool, const SnapshotRow& snapshot) {
  zfs::Dataset out;
  out.name = snapshot.name;
  out.is_snapshot = true;
  out.guid = snapshot.guid;
  out.createtxg = snapshot.createtxg;
  out.creation = snapshot.creation;
  out.used = used_by(pool, snapshot);
  out.referenced = tree_size(*snapshot.tree);
  if (pool.flavour == Flavour::openzfs) out.logical_referenced = out.referenced * 2;
  out.compress_percent = 200;
  out.userrefs = snapshot.holds.size();
  return out;
}

Result<> set_mountpoint(Host& host, Pool& pool, Dataset& dataset, const std::string& value, const zfs::Argv& argv) {
  const auto before = effective(pool, dataset, "mountpoint").value;
  const bool was_mounted = !dataset.mounted_at.empty();
  if (was_mounted && has_server_on(host, dataset.name))
    return fail(zfs_error(
        argv, fmt::format("umount: {0}: target is busy\ncannot unmount '{0}': umount failed", dataset.mounted_at)));
  dataset.local["mountpoint"] = value;
  dataset.mounted_at.clear();
  const bool mount = was_mounted || ((before == "none" || before == "legacy") && wants_mount(pool, dataset));
  if (!mount || value == "none" || value == "legacy") return {};
  return mount_dataset(host, pool, dataset, argv);
}

Result<> set_property(Host& host, Pool& pool, Dataset& dataset, const std::string& key, const std::string& value,
                      const zfs::Argv& argv) {
  if (key == "mountpoint") return set_mountpoint(host, pool, dataset, value, argv);
  if (key == "canmount" && value == "off" && !dataset.mounted_at.empty()) {
    if (has_server_on(host, dataset.name))
      return fail(zfs_error(argv, fmt::format("cannot unmount '{}': dataset is busy", dataset.mounted_at)));
    dataset.mounted_at.clear();
  }
  dataset.local[key] = as_shown(key, value);
  return {};
}

}  // namespace

std::shared_ptr<Tree> empty_tree() {
  auto tree = std::make_shared<Tree>();
  Entry root;
  root.directory = true;
  root.mode = 0755;
  tree->files[""] = root;
  return tree;
}

Dataset& add_dataset(State& state, Pool& pool, const std::string& name, const zfs::Properties& properties) {
  Dataset dataset;
  dataset.name = name;
  dataset.guid = new_guid(state);
  dataset.createtxg = ++pool.txg;
  dataset.creation = epoch_seconds + state.now.count() / 1000;
  for (const auto& [key, value] : properties) dataset.local[key] = as_shown(key, value);
  dataset.tree = empty_tree();
  return pool.datasets[name] = std::move(dataset);
}

Guid new_guid(State& state) { return Guid{state.random() | 1U}; }

Error zfs_error(const zfs::Argv& argv, std::string_view words) { return zfs::judge_failure(argv, 1, words); }

Pool* pool_with(Host& host, std::string_view name) {
  auto it = host.pools.find(zfs::pool_of(name));
  return it == host.pools.end() ? nullptr : &it->second;
}

Dataset* dataset_at(Host& host, const std::string& name) {
  auto* pool = pool_with(host, name);
  if (pool == nullptr) return nullptr;
  auto it = pool->datasets.find(name);
  return it == pool->datasets.end() ? nullptr : &it->second;
}

SnapshotRow* snapshot_at(Host& host, const std::string& name) {
  auto* pool = pool_with(host, name);
  if (pool == nullptr) return nullptr;
  auto it = pool->snapshots.find(name);
  return it == pool->snapshots.end() ? nullptr : &it->second;
}

std::vector<SnapshotRow*> snapshots_of(Pool& pool, std::string_view dataset) {
  std::vector<SnapshotRow*> out;
  for (auto& [name, row] : pool.snapshots)
    if (zfs::dataset_of(name) == dataset) out.push_back(&row);
  std::ranges::sort(out, {}, [](const SnapshotRow* row) { return row->createtxg; });
  return out;
}

Effective effective(Pool& pool, const Dataset& dataset, const std::string& property) {
  auto own = dataset.local.find(property);
  if (own != dataset.local.end()) return {own->second, "local"};
  if (property == "canmount") return {default_of(property), "default"};
  for (auto above = zfs::parent_of(dataset.name); !above.empty(); above = zfs::parent_of(above)) {
    const auto& parent = pool.datasets.at(above);
    auto it = parent.local.find(property);
    if (it == parent.local.end()) continue;
    auto value = it->second;
    if (property == "mountpoint" && value.starts_with('/'))
      value = (value == "/" ? "" : value) + dataset.name.substr(above.size());
    return {value, "inherited from " + above};
  }
  if (property == "mountpoint") return {"/" + dataset.name, "default"};
  return {default_of(property), "default"};
}

Bytes tree_size(const Tree& tree) {
  Bytes sum = overhead;
  for (const auto& [path, entry] : tree.files) sum += std::max<Bytes>(entry.virtual_size, entry.content.size());
  for (const auto& [path, cluster] : tree.clusters) sum += cluster.data_size;
  return sum;
}

// Every distinct content counts once: what a snapshot shares with its dataset or a clone with its origin is free.
Bytes pool_free(Pool& pool) {
  std::set<const Tree*> counted;
  Bytes used = 0;
  for (const auto& [name, dataset] : pool.datasets)
    if (dataset.origin.empty() && counted.insert(dataset.tree.get()).second) used += tree_size(*dataset.tree);
  used += pool.snapshots.size() * overhead;
  return used >= pool.size ? 0 : pool.size - used;
}

Result<> mount_dataset(Host& host, Pool& pool, Dataset& dataset, const zfs::Argv& argv) {
  const auto at = effective(pool, dataset, "mountpoint").value;
  auto cannot = fmt::format("cannot mount '{}': ", dataset.name);
  if (dataset.hollow) return fail(zfs_error(argv, cannot + "Input/output error"));
  if (!dataset.mounted_at.empty()) return fail(zfs_error(argv, cannot + "filesystem already mounted"));
  if (at == "none") return fail(zfs_error(argv, cannot + "no mountpoint set"));
  if (at == "legacy") return fail(zfs_error(argv, cannot + "legacy mountpoint"));
  if (effective(pool, dataset, "canmount").value == "off")
    return fail(zfs_error(argv, cannot + "'canmount' property is set to 'off'"));
  if (find(host, at) == nullptr) TRY(make_directory(host, at, 0755, 0, 0));
  auto place = resolve(host, at);
  const bool taken = place.dataset != nullptr && place.inner.empty();
  if (taken || !children(look(place), place.inner).empty())
    return fail(zfs_error(argv, fmt::format("cannot mount '{}': directory is not empty", at)));
  dataset.mounted_at = at;
  return {};
}

Result<> mount_new(Host& host, Pool& pool, Dataset& dataset, const zfs::Argv& argv) {
  if (!wants_mount(pool, dataset)) return {};
  return mount_dataset(host, pool, dataset, argv);
}

Replied answer(State&, Host& host, const zfs::ListTree& request) {
  std::vector<zfs::Dataset> out;
  auto* pool = TRY(open_pool(host, zfs::render(request), request.root));
  for (auto& [name, dataset] : pool->datasets) {
    if (!zfs::is_below(name, request.root)) continue;
    out.push_back(shown(*pool, dataset));
    show_local(*pool, dataset.local, false, out.back());
    for (auto* snapshot : snapshots_of(*pool, name)) {
      out.push_back(shown(*pool, *snapshot));
      show_local(*pool, snapshot->local, true, out.back());
    }
  }
  return out;
}

Replied answer(State&, Host& host, const zfs::InspectPool& request) {
  auto* pool = TRY(open_pool(host, {"zpool", "list", request.pool}, request.pool));
  zfs::Pool out;
  out.name = pool->name;
  out.size = pool->size;
  out.free = pool_free(*pool);
  out.available = out.free;
  out.used = out.size - out.free;
  out.health = "ONLINE";
  const bool openzfs = pool->flavour == Flavour::openzfs;
  out.version = openzfs ? "openzfs 2.3.9" : "zfs-fuse v23";
  out.can_receive_unmounted = openzfs;
  out.has_lz4 = openzfs;
  return out;
}

Replied answer(State& state, Host& host, const zfs::Create& request) {
  const auto argv = zfs::render(request);
  TRY(check_new(host, argv, "create", request.dataset));
  auto& pool = *pool_with(host, request.dataset);
  TRY(check_properties(pool, argv, request.properties));
  if (pool_free(pool) < overhead)
    return fail(zfs_error(argv, fmt::format("cannot create '{}': out of space", request.dataset)));
  TRY(mount_new(host, pool, add_dataset(state, pool, request.dataset, request.properties), argv));
  return Done{};
}

Replied answer(State& state, Host& host, const zfs::Snapshot& request) {
  const auto argv = zfs::render(request);
  TRY(zfs::check_snapshot_name(request.snapshot));
  const auto root = zfs::dataset_of(request.snapshot);
  const auto suffix = request.snapshot.substr(root.size());
  TRY(open_dataset(host, argv, root));
  auto& pool = *pool_with(host, root);
  TRY(check_properties(pool, argv, request.properties));
  std::vector<Dataset*> members;
  for (auto& [name, dataset] : pool.datasets)
    if (name == root || (request.recursive && zfs::is_below(name, root))) members.push_back(&dataset);
  for (const auto* member : members) {
    if (pool.snapshots.contains(member->name + suffix))
      return fail(
          zfs_error(argv, fmt::format("cannot create snapshot '{}{}': dataset already exists", member->name, suffix)));
    if (member->hollow)
      return fail(zfs_error(argv, fmt::format("cannot create snapshot '{}{}': dataset is busy", member->name, suffix)));
  }
  const auto txg = ++pool.txg;
  for (auto* member : members) {
    SnapshotRow row{member->name + suffix, new_guid(state), txg, epoch_seconds + state.now.count() / 1000,
                    request.properties,    member->tree,    {}};
    pool.snapshots[row.name] = std::move(row);
  }
  return Done{};
}

Replied answer(State& state, Host& host, const zfs::Clone& request) {
  const auto argv = zfs::render(request);
  auto* snapshot = TRY(open_snapshot(host, argv, request.snapshot));
  TRY(check_new(host, argv, "create", request.dataset));
  auto& pool = *pool_with(host, request.dataset);
  if (&pool != pool_with(host, request.snapshot))
    return fail(zfs_error(argv, fmt::format("cannot create '{}': source and target pools differ", request.dataset)));
  TRY(check_properties(pool, argv, request.properties));
  auto& dataset = add_dataset(state, pool, request.dataset, request.properties);
  dataset.tree = std::make_shared<Tree>(*snapshot->tree);
  dataset.origin = request.snapshot;
  TRY(mount_new(host, pool, dataset, argv));
  return Done{};
}

Replied answer(State& state, Host& host, const zfs::Destroy& request) {
  const auto argv = zfs::render(request);
  TRY(zfs::check_dataset_name(request.dataset));
  auto* dataset = TRY(open_dataset(host, argv, request.dataset));
  auto& pool = *pool_with(host, request.dataset);
  auto cannot = fmt::format("cannot destroy '{}': ", request.dataset);
  if (zfs::parent_of(request.dataset).empty())
    return fail(zfs_error(argv, cannot + "operation does not apply to pools"));
  if (has_children(pool, request.dataset) || !snapshots_of(pool, request.dataset).empty())
    return fail(zfs_error(argv, cannot + "filesystem has children\nuse '-r' to destroy the following datasets:"));
  if (has_server_on(host, request.dataset)) return fail(zfs_error(argv, cannot + "dataset is busy"));
  if (!dataset->mounted_at.empty()) return fail(ErrorKind::refused, cannot + "it is mounted", "unmount it first");
  if (!is_marked(*dataset) && !is_announced(pool, *dataset))
    state.violate("unmarked dataset destroyed: " + host.name + ":" + request.dataset);
  pool.datasets.erase(request.dataset);
  ++pool.txg;
  return Done{};
}

Replied answer(State& state, Host& host, const zfs::DestroySnapshot& request) {
  const auto argv = zfs::render(request);
  TRY(zfs::check_snapshot_name(request.snapshot));
  auto* snapshot = TRY(open_snapshot(host, argv, request.snapshot));
  auto cannot = fmt::format("cannot destroy '{}': ", request.snapshot);
  if (!snapshot->holds.empty()) return fail(zfs_error(argv, cannot + "dataset is busy"));
  if (has_clones(host, request.snapshot))
    return fail(zfs_error(argv, cannot + "snapshot has dependent clones\nuse '-R' to destroy the following datasets:"));
  if (!is_marked(*snapshot)) state.violate("unmarked snapshot destroyed: " + host.name + ":" + request.snapshot);
  pool_with(host, request.snapshot)->snapshots.erase(request.snapshot);
  return Done{};
}

Replied answer(State& state, Host& host, const zfs::Rollback& request) {
  const auto argv = zfs::render(request);
  TRY(zfs::check_snapshot_name(request.snapshot));
  const auto* snapshot = TRY(open_snapshot(host, argv, request.snapshot));
  const auto name = zfs::dataset_of(request.snapshot);
  auto& dataset = *dataset_at(host, name);
  const auto* newest = snapshots_of(*pool_with(host, name), name).back();
  if (newest != snapshot)
    return fail(zfs_error(argv, fmt::format("cannot rollback to '{}': more recent snapshots exist\nuse '-r' to force "
                                            "deletion of the following snapshots:\n{}",
                                            request.snapshot, newest->name)));
  const auto role = dataset.local.find(zfs::property_name(zfs::marks::role));
  if (!is_marked(dataset) || role == dataset.local.end() || role->second != zfs::roles::anchor)
    state.violate("what is no anchor was rolled back: " + host.name + ":" + name);
  const auto canmount = effective(*pool_with(host, name), dataset, "canmount").value;
  if (!dataset.mounted_at.empty() || canmount == "on")
    return fail(ErrorKind::refused, name + " is mounted, or may be at any time", "unmount it first");
  dataset.tree = snapshot->tree;
  return Done{};
}

Replied answer(State&, Host& host, const zfs::Hold& request) {
  const auto argv = zfs::render(request);
  auto* snapshot = TRY(open_snapshot(host, argv, request.snapshot));
  if (!snapshot->holds.insert(request.tag).second)
    return fail(zfs_error(
        argv, fmt::format("cannot hold snapshot '{}': tag already exists on this dataset", request.snapshot)));
  return Done{};
}

Replied answer(State&, Host& host, const zfs::Release& request) {
  const auto argv = zfs::render(request);
  auto* snapshot = TRY(open_snapshot(host, argv, request.snapshot));
  if (snapshot->holds.erase(request.tag) == 0)
    return fail(zfs_error(
        argv, fmt::format("cannot release hold from snapshot '{}': no such tag on this dataset", request.snapshot)));
  return Done{};
}

Replied answer(State&, Host& host, const zfs::SetProperties& request) {
  const zfs::Argv argv = {"zfs", "set", request.name};
  auto* pool = TRY(open_pool(host, argv, request.name));
  if (request.name.find('@') != std::string::npos) {
    auto* snapshot = TRY(open_snapshot(host, argv, request.name));
    TRY(check_properties(*pool, argv, request.properties));
    for (const auto& [key, value] : request.properties) {
      if (key.find(':') == std::string::npos)
        return fail(
            zfs_error(argv, fmt::format("cannot set property for '{}': this property can not be modified for snapshots",
                                        request.name)));
      snapshot->local[key] = value;
    }
    return Done{};
  }
  auto* dataset = TRY(open_dataset(host, argv, request.name));
  TRY(check_properties(*pool, argv, request.properties));
  for (const auto& [key, value] : request.properties) TRY(set_property(host, *pool, *dataset, key, value, argv));
  return Done{};
}

Replied answer(State&, Host& host, const zfs::ClearMarks& request) {
  const zfs::Argv argv = {"zfs", "inherit", request.name};
  const auto clear = [&](zfs::Properties& local) {
    for (const auto& mark : request.marks) local.erase(mark);
  };
  if (request.name.find('@') != std::string::npos) {
    auto* snapshot = TRY(open_snapshot(host, argv, request.name));
    clear(snapshot->local);
    return Done{};
  }
  auto* dataset = TRY(open_dataset(host, argv, request.name));
  clear(dataset->local);
  return Done{};
}

Replied answer(State&, Host& host, const zfs::Mount& request) {
  const auto argv = zfs::render(request);
  auto* dataset = TRY(open_dataset(host, argv, request.dataset));
  TRY(mount_dataset(host, *pool_with(host, request.dataset), *dataset, argv));
  return Done{};
}

Replied answer(State&, Host& host, const zfs::Unmount& request) {
  const auto argv = zfs::render(request);
  auto* dataset = TRY(open_dataset(host, argv, request.dataset));
  auto cannot = fmt::format("cannot unmount '{}': ", request.dataset);
  if (dataset->mounted_at.empty()) return fail(zfs_error(argv, cannot + "not currently mounted"));
  bool busy = has_server_on(host, request.dataset);
  for (auto& [name, other] : pool_with(host, request.dataset)->datasets)
    busy =
        busy || (&other != dataset && !other.mounted_at.empty() && path_below(other.mounted_at, dataset->mounted_at));
  if (busy)
    return fail(zfs_error(argv, fmt::format("umount: {}: target is busy\ncannot unmount '{}': umount failed",
                                            dataset->mounted_at, dataset->mounted_at)));
  dataset->mounted_at.clear();
  return Done{};
}

}  // namespace dugong::sim
