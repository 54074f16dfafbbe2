// After an `up` that failed: slots that this run made and nobody came to use. A slot that is left keeps WAL until the
// disk is full; one too many dropped, and a healthy replica that is only away must be seeded again. So one is dropped
// only where the replica's storage was seen and holds no data, or where the slot begins after what the replica asks
// for.
#include <algorithm>

#include "cluster/kept_wal.h"
#include "cluster/layout.h"
#include "cluster/plan_up.h"
#include "postgres/identifiers.h"

namespace dugong::cluster {
namespace {

// Its pool answers, its parent is ours, and there is no live dataset: not "cannot be seen", but "is not there".
bool surely_has_no_data(const spec::Spec& spec, const Observed& seen, const spec::Node& node) {
  const auto* self = seen.find(node.name);
  if (self == nullptr || !self->pool || !self->storage) return false;
  const auto* parent = find_dataset(*self->storage, node.prefix);
  if (parent == nullptr || !has_role(*parent, spec, node, "parent")) return false;
  const auto live = live_of(*self->storage, spec, node);
  return live && *live == nullptr;
}

bool was_there_before(const AbandonOptions& options, const std::string& upstream, const std::string& slot) {
  const auto known = options.slots_before.find(upstream);
  return known != options.slots_before.end() && known->second.contains(slot);
}

// Only where the upstream showed its slots at the beginning: one that has served the replica may stand ahead of what it
// has replayed.
bool serves_nobody(const AbandonOptions& options, const ObservedNode& upstream, const postgres::Slot& slot,
                   const ObservedNode& replica) {
  return options.slots_before.contains(upstream.name) && begins_too_late(slot, replica, *upstream.sql);
}

}  // namespace

std::map<std::string, std::set<std::string>> slots_by_node(const Observed& seen) {
  std::map<std::string, std::set<std::string>> slots;
  for (const auto& node : seen.nodes) {
    if (!node.sql) continue;
    auto& names = slots[node.name];
    for (const auto& slot : node.sql->slots) names.insert(slot.name);
  }
  return slots;
}

Plan plan_abandon(const spec::Spec& spec, const Observed& seen, const AbandonOptions& options) {
  Plan plan;
  for (const auto& node : spec.nodes) {
    if (node.is_primary() || (!options.only.empty() && !options.only.contains(node.name))) continue;
    const auto* upstream = seen.find(node.follows);
    const auto* self = seen.find(node.name);
    if (self == nullptr || upstream == nullptr || !upstream->sql) continue;
    const bool no_data = surely_has_no_data(spec, seen, node);
    for (const auto& slot : upstream->sql->slots)
      if (slot.name == postgres::slot_name(node.name) && !slot.active &&
          !was_there_before(options, upstream->name, slot.name) &&
          (no_data || serves_nobody(options, *upstream, slot, *self)))
        plan.steps.push_back({upstream->name, RunQuery{"drop_slot", {slot.name}, "postgres"},
                              "nobody uses it yet, and it keeps WAL for ever"});
  }
  return plan;
}

}  // namespace dugong::cluster
