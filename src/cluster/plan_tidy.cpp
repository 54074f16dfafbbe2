// What no longer serves anybody: snapshots on the primary that no replica was cloned from, and older ones on anchors.
// Runs only when every replica of the plan streams, so nothing that a seed is still using is ever in question.
#include <algorithm>
#include <set>

#include "base/text.h"
#include "cluster/catalogue.h"
#include "cluster/ground.h"

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

}  // namespace

void plan_tidy(const std::vector<Ground>& replicas, const Ground& primary, Plan& plan) {
  std::set<Guid> bases;
  bool all_known = true;
  for (const auto& node : primary.spec.nodes) {
    if (node.is_primary()) continue;
    auto it = std::ranges::find_if(replicas, [&](const Ground& g) { return g.node.name == node.name; });
    const auto* origin =
        it == replicas.end() || it->live == nullptr ? nullptr : find_dataset(it->storage(), it->live->origin);
    if (origin == nullptr)
      all_known = false;
    else
      bases.insert(origin->guid);
  }
  for (const auto& g : replicas) {
    if (g.live == nullptr || g.live->origin.empty()) continue;
    Steps steps{plan, g.node};
    for (const auto* snapshot : snapshots_of(g.storage(), zfs::dataset_of(g.live->origin)))
      if (snapshot->name != g.live->origin && is_ours(*snapshot, g.spec, g.node))
        plan_drop(g, *snapshot, "the live data comes from a newer one", steps);
  }
  Steps steps{plan, primary.node};
  for (const auto* snapshot : snapshots_of(primary.storage(), primary.live->name)) {
    if (!is_ours(*snapshot, primary.spec, primary.node) || bases.contains(snapshot->guid)) continue;
    // Without an end LSN it was never finished; otherwise an absent replica may still have it as its base.
    if (!parse_entry(*snapshot) || all_known) plan_drop(primary, *snapshot, "no replica has it as its base", steps);
  }
}

}  // namespace dugong::cluster
