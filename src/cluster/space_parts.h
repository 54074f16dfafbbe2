// The pieces of judge_space(), each a question of its own.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cluster/observed.h"
#include "cluster/space.h"
#include "spec/spec.h"

namespace dugong::cluster {

// What all of them look at. `storage` and `pool` are there; `live` may be nullptr.
struct SpaceView {
  const spec::Spec& spec;
  const Observed& seen;
  const spec::Node& node;
  const std::vector<zfs::Dataset>& storage;
  const zfs::Pool* pool = nullptr;
  const zfs::Dataset* live = nullptr;

  [[nodiscard]] const zfs::Dataset* origin() const;  // of the live data; nullptr: none, or not below the prefix
  // The same on a replica: a primary receives nothing, whatever its data once came from.
  [[nodiscard]] const zfs::Dataset* received_base() const { return node.is_primary() ? nullptr : origin(); }
};

struct Attribution {
  std::optional<Bytes> size;
  std::vector<PoolPart> parts;
  std::string mismatch;
};
Attribution attribute(const SpaceView& view);

std::vector<Base> bases_of(const SpaceView& view);

// What was written to the live data since a snapshot of it, or of its origin, as far as it is still there; nothing:
// this version of ZFS does not tell.
std::optional<Bytes> written_since(const std::vector<zfs::Dataset>& storage, const zfs::Dataset& live,
                                   const zfs::Dataset& base);

// What the lineage that the data comes from has beside it; of all lineages where there is no data yet.
Bytes pinned_by_lineage(const SpaceView& view, const std::vector<PoolPart>& parts);

// What bases pin of the pool, here: snapshots of the live data, and what it was cloned from.
BasePins pins_of(const SpaceView& view, const std::vector<PoolPart>& parts);

std::optional<Forecast> forecast_of(const SpaceView& view, const std::vector<Base>& bases, const BasePins& pins);

// How much they may.
void add_budget(const SpaceView& view, BasePins& pins);
// Too much, and what then; nothing when they may.
std::optional<BudgetVerdict> judge_budget(const SpaceView& view, const std::vector<Base>& bases, const BasePins& pins);

std::vector<Freeable> freeable_of(const SpaceView& view, const std::vector<Base>& bases);

// More than the pool has.
bool is_absurd(const SpaceView& view, Bytes bytes);
const PoolPart* find_part(const std::vector<PoolPart>& parts, Part part);

}  // namespace dugong::cluster
