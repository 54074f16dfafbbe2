// What could be freed, each with its bytes: by a command where it is ours and nothing leans on it; by name only where
// it is somebody else's, or something is in the way.
#include <algorithm>
#include <fmt/format.h>

#include "base/text.h"
#include "cluster/layout.h"
#include "cluster/space_parts.h"
#include "zfs/marks.h"

namespace dugong::cluster {
namespace {

bool lies_in(const std::string& name, const std::string& dataset) {
  return !name.empty() && zfs::is_below(zfs::dataset_of(name), dataset);
}

// Why `zfs destroy -r` would fail, or take what is needed; empty: nothing is in the way.
std::string in_the_way(const SpaceView& view, const zfs::Dataset& dataset) {
  for (const auto& one : view.storage) {
    const bool inside = lies_in(one.name, dataset.name);
    if (!inside && lies_in(one.origin, dataset.name)) return fmt::format("{} was cloned from it", one.name);
    if (!inside) continue;
    if (one.mounted) return fmt::format("{} is mounted", one.name);
    if (one.userrefs > 0) return fmt::format("{} is held", one.name);
    for (const auto& clone : one.clones)
      if (!lies_in(clone, dataset.name)) return fmt::format("{} was cloned from it", clone);
  }
  return {};
}

// A name may have a space in it.
std::string word(const std::string& name) { return name.find(' ') == std::string::npos ? name : shell_quote(name); }

Freeable whole(const SpaceView& view, const zfs::Dataset& dataset, std::string why) {
  Freeable found{.name = dataset.name, .bytes = dataset.used, .command = {}, .why = std::move(why)};
  if (is_absurd(view, dataset.used)) found.bytes.reset();
  const auto obstacle = in_the_way(view, dataset);
  if (obstacle.empty())
    found.command = "zfs destroy -r " + word(dataset.name);
  else
    found.why += "; " + obstacle;
  return found;
}

// Snapshots that the primary has; nothing: it cannot be seen.
const std::vector<zfs::Dataset>* storage_of_primary(const SpaceView& view) {
  const auto* seen = view.seen.find(view.spec.primary().name);
  return seen == nullptr || !seen->storage ? nullptr : &*seen->storage;
}

bool knows(const std::vector<zfs::Dataset>& storage, Guid guid) {
  return std::ranges::any_of(storage, [&](const auto& one) { return one.is_snapshot && one.guid == guid; });
}

bool holds_data(const zfs::Dataset* live) {
  if (live == nullptr) return false;
  const auto* state = live->mark(std::string{zfs::marks::state});
  return state == nullptr || *state != "initializing";
}

// Seen to have live data; two datasets of which nobody knows which it is are none.
bool primary_has_data(const SpaceView& view, const std::vector<zfs::Dataset>& storage) {
  const auto live = live_of(storage, view.spec, view.spec.primary());
  return live && holds_data(*live);
}

// A lineage that neither the data here nor the next increment can lean on. Without live data here, or on the primary,
// it may be the only copy there is.
bool is_stale(const SpaceView& view, const zfs::Dataset& anchor) {
  if (!holds_data(view.live) || lies_in(view.live->origin, anchor.name)) return false;
  const auto* primary = storage_of_primary(view);
  if (primary == nullptr || !primary_has_data(view, *primary)) return false;
  const auto* parent = find_dataset(view.storage, view.node.prefix);
  const auto* announced = parent == nullptr ? nullptr : parent->mark(std::string{zfs::marks::receiving});
  if (announced != nullptr && *announced == anchor.name) return false;
  const auto shared = [&](const zfs::Dataset* one) { return knows(*primary, one->guid); };
  return view.node.is_primary() || std::ranges::none_of(snapshots_of(view.storage, anchor.name), shared);
}

void add_datasets(const SpaceView& view, std::vector<Freeable>& found) {
  for (const auto& dataset : view.storage) {
    if (has_role(dataset, view.spec, view.node, zfs::roles::aside))
      found.push_back(whole(view, dataset, "it was set aside, and nothing uses it"));
    else if (has_role(dataset, view.spec, view.node, zfs::roles::anchor) && is_stale(view, dataset))
      found.push_back(whole(view, dataset,
                            view.node.is_primary() ? "the primary's data does not come from it"
                                                   : "it shares no snapshot with the primary any more"));
  }
}

// Of the lineage that the data comes from: `up` tidies what the data does not come from.
void add_received(const SpaceView& view, std::vector<Freeable>& found) {
  const auto* origin = view.origin();
  if (origin == nullptr) return;
  for (const auto* snapshot : snapshots_of(view.storage, zfs::dataset_of(origin->name)))
    if (snapshot->name != origin->name && is_ours(*snapshot, view.spec, view.node) && snapshot->used > 0)
      found.push_back({snapshot->name, snapshot->used, "dugong up", "the live data does not come from it"});
}

// Taken by somebody else, or by a tool of theirs: only they know what it is for.
void add_foreign(const SpaceView& view, std::vector<Freeable>& found) {
  const auto* primary = storage_of_primary(view);
  for (const auto& one : view.storage) {
    if (!one.is_snapshot || one.used == 0 || is_ours(one, view.spec, view.node)) continue;
    const auto* dataset = find_dataset(view.storage, zfs::dataset_of(one.name));
    if (dataset == nullptr || !is_ours(*dataset, view.spec, view.node)) continue;
    if (primary != nullptr && !view.node.is_primary() && knows(*primary, one.guid))
      continue;  // received, not marked yet
    found.push_back({one.name, one.used, {}, "dugong did not take it: whoever did decides"});
  }
}

}  // namespace

std::vector<Freeable> freeable_of(const SpaceView& view, const std::vector<Base>& bases) {
  std::vector<Freeable> found;
  add_datasets(view, found);
  for (const auto& base : bases)
    if (!base.needed) found.push_back({base.snapshot, base.alone, "dugong up", "no replica has it as its base"});
  add_received(view, found);
  add_foreign(view, found);
  std::ranges::stable_sort(found, std::greater{}, &Freeable::bytes);
  return found;
}

}  // namespace dugong::cluster
