// Stopping, and taking away what dugong made. Only what carries our mark on itself is ever destroyed.
#include <algorithm>
#include <fmt/format.h>

#include "cluster/ground.h"
#include "cluster/plan_up.h"
#include "postgres/identifiers.h"

namespace dugong::cluster {
namespace {

// A stopped node is stopped by name alone: it may have lost its pool or its image.
void plan_stop(const spec::Spec& spec, const spec::Node& node, const ObservedNode& seen, Steps& steps) {
  if (seen.server && seen.server->state == runtime::ServerState::running)
    steps.add(runtime::StopServer{server_of(spec, node)});
}

bool depends_on(const zfs::Dataset& clone, const zfs::Dataset& source) {
  return !clone.origin.empty() && zfs::dataset_of(clone.origin) == source.name;
}

// Clones before what they come from, children before their parent.
std::vector<const zfs::Dataset*> in_destroy_order(std::vector<const zfs::Dataset*> all) {
  std::vector<const zfs::Dataset*> order;
  while (!all.empty()) {
    auto free = std::ranges::find_if(all, [&](const auto* candidate) {
      return std::ranges::none_of(all, [&](const auto* other) {
        return other != candidate && (depends_on(*other, *candidate) || zfs::is_below(other->name, candidate->name));
      });
    });
    if (free == all.end()) break;
    order.push_back(*free);
    all.erase(free);
  }
  return order;
}

void plan_destroy_dataset(const zfs::Dataset& dataset, const std::vector<zfs::Dataset>& all, Steps& steps) {
  if (dataset.mounted) steps.add(zfs::Unmount{dataset.name});
  for (const auto* snapshot : snapshots_of(all, dataset.name)) {
    if (snapshot->name.find("@dugong-") == std::string::npos) continue;
    if (snapshot->userrefs > 0) steps.add(zfs::Release{snapshot->name, hold_tag});
    steps.add(zfs::DestroySnapshot{snapshot->name});
  }
  steps.add(zfs::Destroy{dataset.name}, human_bytes(dataset.used));
}

void plan_destroy(const spec::Spec& spec, const spec::Node& node, const ObservedNode& seen, Steps& steps) {
  const auto server = server_of(spec, node);
  if (server.kind == runtime::Kind::compose && seen.server && seen.server->state != runtime::ServerState::absent)
    steps.add(runtime::RemoveServer{server});
  if (!seen.storage) return steps.note("its datasets cannot be listed and stay: " + seen.storage.error.what);
  const auto& all = *seen.storage;
  const auto* parent = find_dataset(all, node.prefix);
  const auto* receiving = parent == nullptr ? nullptr : parent->mark("receiving");
  std::vector<const zfs::Dataset*> ours;
  bool foreign = false;
  for (const auto& dataset : all) {
    if (dataset.is_snapshot) continue;
    const bool announced =
        parent != nullptr && is_ours(*parent, spec, node) && receiving != nullptr && dataset.name == *receiving;
    if (is_ours(dataset, spec, node) || announced)
      ours.push_back(&dataset);
    else
      foreign = true;
  }
  if (foreign) {
    std::erase_if(ours, [&](const auto* one) { return one->name == node.prefix; });
    steps.note(fmt::format("{} stays: it holds datasets that are not ours", node.prefix));
  }
  for (const auto* dataset : in_destroy_order(ours)) plan_destroy_dataset(*dataset, all, steps);
  auto it = seen.files.find(node.directory);
  if (it != seen.files.end() && it->second.exists) steps.add(RemoveDirectory{node.directory});
  const auto logs = host_paths_of(spec, node).logs;
  it = seen.files.find(logs);
  if (it != seen.files.end() && it->second.exists && !logs.starts_with(node.directory + "/"))
    steps.add(RemoveDirectory{logs});
}

// Its slot would keep WAL on the upstream for ever.
void plan_drop_slot(const spec::Spec& spec, const spec::Node& node, const Observed& seen, Plan& plan) {
  const auto* upstream = seen.find(node.follows);
  if (upstream == nullptr || !upstream->sql) return;
  for (const auto& slot : upstream->sql->slots)
    if (slot.name == postgres::slot_name(node.name))
      Steps{plan, *spec.find(node.follows)}.add(RunQuery{"drop_slot", {slot.name}, "postgres"});
}

}  // namespace

Result<Plan> plan_down(const spec::Spec& spec, const Observed& seen, const DownOptions& options) {
  const auto selected = [&](const spec::Node& node) {
    return options.only.empty() || options.only.contains(node.name);
  };
  for (const auto& name : options.only)
    if (spec.find(name) == nullptr)
      return fail(Error{ErrorKind::invalid,
                        fmt::format("no node '{}' in the cluster file", name),
                        spec.file,
                        "nothing was changed",
                        {}});
  Plan plan;
  std::vector<const spec::Node*> order;
  for (const auto& node : spec.nodes)
    if (!node.is_primary() && selected(node)) order.push_back(&node);
  if (selected(spec.primary())) order.push_back(&spec.primary());
  for (const auto* node : order) {
    const auto& self = *seen.find(node->name);
    if (!self.reachable()) {
      Error error = self.host.error;
      error.kind = ErrorKind::refused;
      error.left = "nothing was changed";
      return fail(std::move(error).at(node->name));
    }
    Steps steps{plan, *node};
    plan_stop(spec, *node, self, steps);
    if (!options.destroy) continue;
    if (!node->is_primary() && !selected(spec.primary())) plan_drop_slot(spec, *node, seen, plan);
    plan_destroy(spec, *node, self, steps);
  }
  return plan;
}

}  // namespace dugong::cluster
