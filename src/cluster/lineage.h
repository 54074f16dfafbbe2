// What a replica already has of the primary's data: lineages that were received, the snapshot that both sides hold, the
// slot that keeps WAL for it. How a seed goes on and how much room it still takes both follow from this.
#pragma once

#include <optional>
#include <vector>

#include "cluster/catalogue.h"
#include "cluster/ground.h"

namespace dugong::cluster {

struct Anchor {
  const zfs::Dataset* dataset = nullptr;  // nothing: a full copy makes a new one
  bool marked = false;                    // false: only announced on the parent, whatever a receive left there
  std::optional<Entry> base{};            // the newest catalogued snapshot that the primary holds too, by GUID
};

// What a copy left that was cut off: announced, never marked, and nothing in it was received whole.
bool is_remains(const Ground& replica, const Anchor& anchor);

// The finished catalogue entries of the primary's live dataset, oldest first.
std::vector<Entry> entries_of(const Ground& primary);

// The lineage to go on with: the one that shares the newest base with the primary; without any, what was announced.
Anchor anchor_of(const Ground& replica, const std::vector<Entry>& entries);

// The anchor's snapshots that came after its base, newest first: zfs receives no increment while one of them is there.
std::vector<const zfs::Dataset*> newer_than_base(const Ground& replica, const Anchor& anchor);

// Whether the anchor surely holds its base and nothing else, as zfs wants it of what is to receive an increment. What a
// newer snapshot had stays in the dataset when it is destroyed, and only `used` of the one before it tells.
bool is_at_base(const Ground& replica, const Anchor& anchor);

// Marked lineages that share nothing with the primary: an increment into them is impossible.
std::vector<const zfs::Dataset*> stale_anchors(const Ground& replica, const std::vector<Entry>& entries);

// The replica's slot on its upstream; nullptr: none, or the upstream does not answer.
const postgres::Slot* slot_of(const Ground& replica);

}  // namespace dugong::cluster
