// What no longer serves anybody: snapshots on the primary that no replica was cloned from, older ones on anchors, slots
// that a replica left behind when it was told to follow another node. Runs only when every replica of the plan streams,
// so nothing that a seed is still using is ever in question.
#include <algorithm>
#include <fmt/format.h>
#include <set>

#include "base/text.h"
#include "cluster/adopt.h"
#include "cluster/catalogue.h"
#include "cluster/ground.h"
#include "cluster/lineage.h"
#include "postgres/identifiers.h"

namespace dugong::cluster {
namespace {

// Somebody else may hold the snapshot or have cloned it: that is theirs to end, and no reason for `up` to fail. Where
// zfs-fuse is, a clone outside of our prefix shows only when the destruction is refused.
void plan_drop(const Ground& g, const zfs::Dataset& snapshot, const std::string& why, Steps& steps) {
  const auto seen = std::ranges::find(g.storage(), snapshot.name, &zfs::Dataset::origin);
  const auto clone = seen == g.storage().end() ? join(snapshot.clones, ", ") : seen->name;
  if (!clone.empty()) return steps.note(snapshot.name + " stays: " + clone + " is a clone of it");
  if (snapshot.userrefs > 1) return steps.note(snapshot.name + " stays: it is held by somebody else too");
  if (snapshot.userrefs > 0) steps.try_to(zfs::Release{snapshot.name, hold_tag});
  steps.try_to(zfs::DestroySnapshot{snapshot.name}, why);
}

// What the nodes were cloned from, and what may still become a base of one that has no data yet.
struct Bases {
  std::set<Guid> guids;
  bool all_known = true;  // false: somewhere there may be more
};

// Named or not: a node that answered is known. One whose parent is not there may have its data elsewhere.
void add_bases(const spec::Spec& spec, const spec::Node& node, const ObservedNode& seen, Bases& bases) {
  const auto live = seen.storage ? live_of(*seen.storage, spec, node) : Result<const zfs::Dataset*>{nullptr};
  const auto* parent = seen.storage ? find_dataset(*seen.storage, node.prefix) : nullptr;
  if (!live || parent == nullptr || !has_role(*parent, spec, node, "parent")) {
    bases.all_known = false;
  } else if (*live == nullptr || (*live)->name == node.adopt) {  // made by hand, it was cloned from nothing
    for (const auto& one : *seen.storage)
      if (one.is_snapshot) bases.guids.insert(one.guid);
  } else if (const auto* origin = find_dataset(*seen.storage, (*live)->origin)) {
    bases.guids.insert(origin->guid);
  } else {
    bases.all_known = false;
  }
}

Bases bases_of(const Ground& primary) {
  Bases bases;
  for (const auto& node : primary.spec.nodes)
    if (!node.is_primary()) add_bases(primary.spec, node, *primary.all.find(node.name), bases);
  return bases;
}

bool streams_through_its_slot(const Ground& g) {
  const auto* slot = slot_of(g);
  return g.seen.sql && g.seen.sql->streaming && slot != nullptr && slot->active;
}

// The nodes are not looked at in one moment: what a replica has just left may still be seen in use by it.
bool is_just_left(const Ground& g, const postgres::ServerSql& other) {
  return std::ranges::any_of(other.senders,
                             [&](const postgres::Sender& sender) { return sender.application_name == g.node.name; });
}

// Of a replica that followed somebody else before: nobody would ever read it, and it keeps WAL until the disk is full.
void plan_old_slots(const Ground& g, const std::set<std::string>& at_hand, Plan& plan) {
  if (!streams_through_its_slot(g)) return;
  for (const auto& other : g.spec.nodes) {
    const auto* seen = g.all.find(other.name);
    if (other.name == g.node.name || other.name == g.node.follows || seen == nullptr || !seen->sql) continue;
    Steps steps{plan, other};
    for (const auto& slot : seen->sql->slots) {
      if (slot.name != postgres::slot_name(g.node.name) || slot.type != "physical") continue;
      const auto why = fmt::format("{} follows {} now", g.node.name, g.node.follows);
      if (slot.active && !is_just_left(g, *seen->sql))
        steps.note(fmt::format("slot {} stays although {}: somebody uses it", slot.name, why));
      else if (!at_hand.contains(other.name))
        steps.note(fmt::format("slot {} keeps WAL although {}: `dugong up` drops it", slot.name, why));
      else
        steps.try_to(RunQuery{"drop_slot", {slot.name}, "postgres"}, why);
    }
  }
}

}  // namespace

void plan_tidy(const std::vector<Ground>& replicas, const Ground& primary, Plan& plan) {
  std::set<std::string> at_hand{primary.node.name};
  for (const auto& g : replicas) at_hand.insert(g.node.name);
  for (const auto& g : replicas) plan_old_slots(g, at_hand, plan);
  for (const auto& g : replicas) plan_common_base(g, plan);
  for (const auto& g : replicas) {
    if (g.live == nullptr || g.live->origin.empty()) continue;
    Steps steps{plan, g.node};
    for (const auto* snapshot : snapshots_of(g.storage(), zfs::dataset_of(g.live->origin)))
      if (snapshot->name != g.live->origin && is_ours(*snapshot, g.spec, g.node))
        plan_drop(g, *snapshot, "the live data comes from a newer one", steps);
  }
  const auto bases = bases_of(primary);
  Steps steps{plan, primary.node};
  for (const auto* snapshot : snapshots_of(primary.storage(), primary.live->name)) {
    if (!is_ours(*snapshot, primary.spec, primary.node) || bases.guids.contains(snapshot->guid)) continue;
    // Without an end LSN it was never finished; otherwise an absent replica may still have it as its base.
    if (!parse_entry(*snapshot) || bases.all_known)
      plan_drop(primary, *snapshot, "no replica has it as its base", steps);
  }
}

}  // namespace dugong::cluster
