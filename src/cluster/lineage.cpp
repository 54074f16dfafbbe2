#include "cluster/lineage.h"

#include <algorithm>

#include "postgres/identifiers.h"

namespace dugong::cluster {
namespace {

std::optional<Entry> common_base(const std::vector<Entry>& entries, const Ground& g, const zfs::Dataset& anchor) {
  const auto held = snapshots_of(g.storage(), anchor.name);
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry)
    if (std::ranges::any_of(held, [&](const auto* one) { return one->guid == entry->guid; })) return *entry;
  return std::nullopt;
}

bool is_anchor(const zfs::Dataset& dataset, const Ground& g) {
  return !dataset.is_snapshot && has_role(dataset, g.spec, g.node, "anchor");
}

}  // namespace

bool is_remains(const Ground& g, const Anchor& anchor) {
  return anchor.dataset != nullptr && !anchor.marked && snapshots_of(g.storage(), anchor.dataset->name).empty();
}

std::vector<Entry> entries_of(const Ground& primary) {
  std::vector<Entry> entries;
  if (primary.live == nullptr) return entries;
  for (const auto* snapshot : snapshots_of(primary.storage(), primary.live->name)) {
    if (!is_ours(*snapshot, primary.spec, primary.node)) continue;
    if (auto entry = parse_entry(*snapshot)) entries.push_back(*entry);
  }
  return entries;
}

Anchor anchor_of(const Ground& g, const std::vector<Entry>& entries) {
  const auto* announced = find_dataset(g.storage(), g.parent_mark("receiving"));
  if (announced != nullptr && is_anchor(*announced, g)) announced = nullptr;  // its receive is over
  Anchor best;
  const auto consider = [&](const zfs::Dataset& dataset, bool marked) {
    auto base = common_base(entries, g, dataset);
    if (base && (!best.base || base->createtxg > best.base->createtxg)) best = {&dataset, marked, std::move(base)};
  };
  for (const auto& dataset : g.storage())
    if (is_anchor(dataset, g)) consider(dataset, true);
  if (announced != nullptr) consider(*announced, false);
  if (best.dataset == nullptr) best.dataset = announced;
  return best;
}

std::vector<const zfs::Dataset*> newer_than_base(const Ground& g, const Anchor& anchor) {
  std::vector<const zfs::Dataset*> newer;
  if (!anchor.base) return newer;
  for (const auto* snapshot : snapshots_of(g.storage(), anchor.dataset->name)) {
    newer.push_back(snapshot);
    if (snapshot->guid == anchor.base->guid) newer.clear();
  }
  std::ranges::reverse(newer);
  return newer;
}

// A snapshot's `used` is what neither the one before it nor the dataset has (dsl_dataset.c: dsl_dataset_block_kill).
// Whatever is written to a dataset replaces its root block, which the snapshot then is alone with: unless the one
// before it has the same, that is when nothing was changed between the two.
bool is_at_base(const Ground& g, const Anchor& anchor) {
  const auto held = snapshots_of(g.storage(), anchor.dataset->name);
  if (!anchor.base || held.empty() || held.back()->guid != anchor.base->guid || held.back()->used != 0) return false;
  if (held.size() == 1) return anchor.dataset->origin.empty();
  const auto& before = *held[held.size() - 2];
  return before.used != 0 || before.referenced != held.back()->referenced;
}

std::vector<const zfs::Dataset*> stale_anchors(const Ground& g, const std::vector<Entry>& entries) {
  std::vector<const zfs::Dataset*> stale;
  for (const auto& dataset : g.storage())
    if (is_anchor(dataset, g) && !common_base(entries, g, dataset)) stale.push_back(&dataset);
  return stale;
}

const postgres::Slot* slot_of(const Ground& g) {
  const auto* upstream = g.all.find(g.node.follows);
  if (upstream == nullptr || !upstream->sql) return nullptr;
  auto it = std::ranges::find(upstream->sql->slots, postgres::slot_name(g.node.name), &postgres::Slot::name);
  return it == upstream->sql->slots.end() ? nullptr : &*it;
}

}  // namespace dugong::cluster
