// A node's pool in an operator's words: what takes how much of it, what bases pin and how fast that grows, whether it
// is more than base_budget lets them, and what could be freed. Pure; the same for `status`, `plan` and `space`.
//
// ZFS charges a block once. `used` of a snapshot is only what nobody else has; what two snapshots share is in neither
// and comes free when both are gone (dsl_dataset.c: dsl_dataset_block_kill). So parts are made of what each dataset's
// `used` consists of (dsl_dir.h: dd_used_t), and never of a sum over snapshots.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cluster/observed.h"
#include "spec/spec.h"

namespace dugong::cluster {

enum class Part {
  live,          // what the live data refers to, with what it shares with the snapshot it was cloned from
  bases,         // kept for our snapshots of the live data, though the live data has it no more
  foreign,       // the same for snapshots of the live data that are not ours: what each of them has alone
  anchors,       // received lineages, without what the live data still shares with them
  asides,        // set aside instead of destroyed
  archive,       // WAL archive
  parent,        // the prefix itself
  reserved,      // room that only the live data may use and does not use yet: it is free on the disks
  others,        // everything in the pool that is not this node's
  unattributed,  // below the prefix, and none of the above: what is reserved for a dataset there
  available,     // to any new dataset
};
std::string to_string(Part part);

struct Holding {  // one of those that make up a part
  std::string name;
  std::optional<Bytes> bytes;
};
struct PoolPart {
  Part part = Part::live;
  std::optional<Bytes> bytes;  // nothing: not known
  std::vector<Holding> holdings;
};

// A snapshot that the next increment can start from: on the sender one of ours, on a replica what its data was cloned
// from.
struct Base {
  std::string snapshot;
  Guid guid;
  std::optional<std::int64_t> age_seconds;
  std::optional<Bytes> alone;       // the sender's: what comes free with it alone; a replica's: all that it pins
  std::vector<std::string> serves;  // nodes whose data was cloned from it, or may yet be
  bool needed = true;               // false: it surely serves nobody
};

// From what was seen since the oldest base was taken. `most` counts every byte that was written since; where ZFS does
// not tell that, it is the same as `least`.
struct Forecast {
  double pinned_per_day = 0;  // what bases pin more, bytes
  double least_per_day = 0;   // what they and the live data take together, bytes
  double most_per_day = 0;
  std::optional<double> soonest_days;  // until the pool is full; nothing: not at this rate
  std::optional<double> latest_days;
};

// What the planner would do about bases that pin too much, in the order in which it would rather do it.
enum class Relief {
  drop,      // nobody has it as its base: `up` takes it away
  reclone,   // the replicas are cloned again from a newer snapshot of the same lineage: a restart of each
  bookmark,  // the sender keeps only a bookmark, which an increment can start from as well
  give_up,   // the next rebuild is a full copy
};
std::string to_string(Relief relief);

enum class Cause {
  over_budget,
  pool_full
};  // free space beats bases: a pool that is nearly full wants them within it too
std::string to_string(Cause cause);

struct BudgetVerdict {
  Cause cause = Cause::over_budget;
  Relief relief = Relief::give_up;
  std::string base;                 // the snapshot that would go
  std::vector<std::string> serves;  // the nodes that it is kept for
  std::optional<Bytes> frees;       // at least
  std::optional<Bytes> copies;      // about: by an increment now (reclone), by the next rebuild (give_up)
};

struct BasePins {
  std::optional<Bytes> pinned;
  bool at_least = false;        // what several snapshots share is not in it: this version of ZFS does not tell
  std::optional<Bytes> budget;  // nothing: the size of the pool is not known
  std::string words;            // "25 % of the pool", "500 GiB"
  std::optional<BudgetVerdict> verdict;
};

struct Freeable {
  std::string name;
  std::optional<Bytes> bytes;  // at least
  std::string command;         // empty: it is not ours to destroy, or cannot be destroyed as it is
  std::string why;
};

struct NodeSpace {
  std::string name;
  std::string unseen;  // why nothing is known of it; empty: it was looked at
  std::string pool;
  std::optional<Bytes> size;   // what datasets can use of the pool: the parts add up to it
  std::optional<Bytes> disks;  // as `zpool list` says it: with ZFS's own reserve, and parity
  std::optional<Bytes> disks_free;
  std::vector<PoolPart> parts;       // each of Part, in its order
  std::string mismatch;              // why the parts come to more than the size; empty: they do not
  std::vector<Base> bases;           // oldest first
  std::optional<Forecast> forecast;  // nothing: too early to tell, or not known
  BasePins pins;
  std::vector<Freeable> freeable;  // largest first

  [[nodiscard]] std::optional<Bytes> bytes(Part part) const;
};

NodeSpace judge_space(const spec::Spec& spec, const Observed& seen, const spec::Node& node);

// What bases of this node pin, and whether it is too much: one sentence; empty when it is not.
std::string budget_words(const NodeSpace& space);
// What takes of the pool, and when it is full, in a sentence; empty: not known.
std::string forecast_words(const NodeSpace& space);
// Why the node is not healthy: a pool that is full soon before bases that pin too much.
std::vector<std::string> judge_room_ahead(const NodeSpace& space);
// For everybody who plans: the same sentences with the node in front.
std::vector<std::string> space_notes(const spec::Spec& spec, const Observed& seen);

}  // namespace dugong::cluster
