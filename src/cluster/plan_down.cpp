// Stopping, and taking away what dugong made. Only what carries our mark on itself is ever destroyed.
#include <algorithm>
#include <fmt/format.h>

#include "cluster/ground.h"
#include "cluster/plan_up.h"
#include "postgres/identifiers.h"

namespace dugong::cluster {
namespace {

// A first start that nobody waited for until its end. Stopped without the mark it would look like an initdb that was
// cut off.
void plan_mark_ready(const spec::Spec& spec, const spec::Node& node, const ObservedNode& seen, Steps& steps) {
  if (!seen.sql || !seen.sql->accepts_clients || !seen.storage) return;
  for (const auto& dataset : *seen.storage) {
    const auto* state = dataset.mark("state");
    if (state != nullptr && *state == "initializing" && has_role(dataset, spec, node, "live"))
      steps.add(zfs::SetProperties{dataset.name, {{"dugong:state", "ready"}}}, "its server takes clients");
  }
}

// A stopped node is stopped by name alone: it may have lost its pool or its image.
void plan_stop(const spec::Spec& spec, const spec::Node& node, const ObservedNode& seen, Steps& steps) {
  if (seen.server && seen.server->state == runtime::ServerState::running)
    steps.add(runtime::StopServer{server_of(spec, node)});
}

struct Ours {
  const spec::Spec& spec;
  const spec::Node& node;
  const std::vector<zfs::Dataset>& all;
};

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

// What a broken receive left behind carries no mark of its own; the marked parent announced it.
bool is_announced(const Ours& ours, const zfs::Dataset& dataset) {
  const auto* parent = find_dataset(ours.all, ours.node.prefix);
  const auto* receiving = parent == nullptr ? nullptr : parent->mark("receiving");
  return receiving != nullptr && is_ours(*parent, ours.spec, ours.node) && *receiving == zfs::dataset_of(dataset.name);
}

bool may_go(const Ours& ours, const zfs::Dataset& one) {
  return is_ours(one, ours.spec, ours.node) || is_announced(ours, one);
}

void plan_destroy_dataset(const Ours& ours, const zfs::Dataset& dataset, Steps& steps) {
  if (dataset.mounted) steps.add(zfs::Unmount{dataset.name});
  for (const auto* snapshot : snapshots_of(ours.all, dataset.name)) {
    if (snapshot->userrefs > 0) steps.add(zfs::Release{snapshot->name, hold_tag});
    steps.add(zfs::DestroySnapshot{snapshot->name});
  }
  steps.add(zfs::Destroy{dataset.name}, human_bytes(dataset.used));
}

// Ours, and nothing below it or on it is somebody else's.
std::vector<const zfs::Dataset*> destroyable(const Ours& ours, Steps& steps) {
  std::vector<const zfs::Dataset*> found;
  for (const auto& dataset : ours.all) {
    if (dataset.is_snapshot || !may_go(ours, dataset)) continue;
    const auto foreign = std::ranges::find_if(ours.all, [&](const zfs::Dataset& other) {
      return zfs::is_below(zfs::dataset_of(other.name), dataset.name) && !may_go(ours, other);
    });
    if (foreign == ours.all.end())
      found.push_back(&dataset);
    else
      steps.note(fmt::format("{} stays: {} is not ours", dataset.name, foreign->name));
  }
  const auto goes = [&](const zfs::Dataset& one) { return std::ranges::find(found, &one) != found.end(); };
  // What a clone that stays came from stays with it.
  std::erase_if(found, [&](const auto* source) {
    return std::ranges::any_of(ours.all, [&](const auto& clone) { return depends_on(clone, *source) && !goes(clone); });
  });
  return in_destroy_order(std::move(found));
}

void plan_destroy_directories(const spec::Spec& spec, const spec::Node& node, const ObservedNode& seen, Steps& steps) {
  const auto logs = host_paths_of(spec, node).logs;
  for (const auto& path : {node.directory, logs}) {
    if (path == logs && logs.starts_with(node.directory + "/")) continue;
    auto it = seen.files.find(path);
    if (it != seen.files.end() && it->second.exists) steps.add(RemoveDirectory{path});
  }
}

void plan_destroy(const spec::Spec& spec, const spec::Node& node, const ObservedNode& seen, Steps& steps) {
  const auto server = server_of(spec, node);
  if (server.kind == runtime::Kind::compose && seen.server && seen.server->state != runtime::ServerState::absent)
    steps.add(runtime::RemoveServer{server});
  if (!seen.storage) return steps.note("its datasets cannot be listed and stay: " + seen.storage.error.what);
  const Ours ours{spec, node, *seen.storage};
  const auto going = destroyable(ours, steps);
  for (const auto* dataset : going) plan_destroy_dataset(ours, *dataset, steps);
  const bool mounted_stays = std::ranges::any_of(
      ours.all, [&](const zfs::Dataset& one) { return one.mounted && std::ranges::find(going, &one) == going.end(); });
  if (!mounted_stays) plan_destroy_directories(spec, node, seen, steps);
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
    if (!options.destroy) plan_mark_ready(spec, *node, self, steps);
    plan_stop(spec, *node, self, steps);
    if (!options.destroy) continue;
    if (!node->is_primary() && !selected(spec.primary())) plan_drop_slot(spec, *node, seen, plan);
    plan_destroy(spec, *node, self, steps);
  }
  return plan;
}

}  // namespace dugong::cluster
