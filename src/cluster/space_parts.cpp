#include "cluster/space_parts.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <map>

#include "cluster/layout.h"
#include "zfs/marks.h"

namespace dugong::cluster {
namespace {

constexpr std::array all_parts = {Part::live,   Part::bases,        Part::foreign,  Part::anchors,
                                  Part::asides, Part::archive,      Part::parent,   Part::reserved,
                                  Part::others, Part::unattributed, Part::available};

const std::map<std::string_view, Part>& parts_by_role() {
  static const std::map<std::string_view, Part> roles = {{zfs::roles::live, Part::live},
                                                         {zfs::roles::anchor, Part::anchors},
                                                         {zfs::roles::aside, Part::asides},
                                                         {zfs::roles::archive, Part::archive}};
  return roles;
}

// What a dataset takes by itself.
struct Own {
  Bytes head = 0;
  Bytes snapshots = 0;
  Bytes reserved = 0;
  bool split = true;  // false: `head` is all of it, for this version of ZFS does not say more

  [[nodiscard]] Bytes sum() const { return head + snapshots + reserved; }
};

class Attributor {
 public:
  explicit Attributor(const SpaceView& view) : view_{view} {
    for (const auto part : all_parts) sums_[part] = 0;
  }

  Attribution run() {
    for (const auto& dataset : view_.storage)
      if (!dataset.is_snapshot) add(dataset);
    share_with_origin();
    Attribution made;
    add_pool(made);
    for (const auto part : all_parts) made.parts.push_back({part, sums_[part], std::move(holdings_[part])});
    for (auto& part : made.parts) std::ranges::stable_sort(part.holdings, std::greater{}, &Holding::bytes);
    return made;
  }

 private:
  const zfs::Dataset* find(const std::string& name) const { return find_dataset(view_.storage, name); }

  Bytes used_below(const zfs::Dataset& dataset) const {
    Bytes sum = 0;
    for (const auto& one : view_.storage)
      if (!one.is_snapshot && zfs::parent_of(one.name) == dataset.name) sum += one.used;
    return sum;
  }

  Own own(const zfs::Dataset& dataset) const {
    const auto& head = dataset.used_by_dataset;
    const auto& snapshots = dataset.used_by_snapshots;
    const auto reserved = dataset.used_by_refreservation.value_or(0);
    if (head && snapshots && std::max({*head, *snapshots, reserved}) <= dataset.used)
      return {*head, *snapshots, reserved, true};
    return {dataset.used - std::min(dataset.used, used_below(dataset)), 0, 0, false};
  }

  // What a dataset is for: its own mark, what its parent announced, or what it lies below.
  Part part_of(const zfs::Dataset& dataset) const {
    if (is_ours(dataset, view_.spec, view_.node)) {
      if (dataset.name == view_.node.prefix) return Part::parent;
      const auto* role = dataset.mark(std::string{zfs::marks::role});
      const auto known = role == nullptr ? parts_by_role().end() : parts_by_role().find(*role);
      return known == parts_by_role().end() ? Part::others : known->second;
    }
    if (dataset.mark(std::string{zfs::marks::cluster}) != nullptr) return Part::others;
    const auto* parent = find(view_.node.prefix);
    const auto* announced = parent == nullptr ? nullptr : parent->mark(std::string{zfs::marks::receiving});
    if (announced != nullptr && *announced == dataset.name) return Part::anchors;
    const auto* above = find(zfs::parent_of(dataset.name));
    const auto part = above == nullptr ? Part::others : part_of(*above);
    return part == Part::parent ? Part::others : part;
  }

  std::optional<Bytes> believed(Bytes bytes) const {
    return is_absurd(view_, bytes) ? std::nullopt : std::optional{bytes};
  }

  void hold(Part part, const std::string& name, Bytes bytes) {
    sums_[part] = sums_[part].value_or(0) + bytes;
    if (bytes > 0) holdings_[part].push_back({name, bytes});
  }

  void add(const zfs::Dataset& dataset) {
    if (is_absurd(view_, dataset.used)) return;
    const auto taken = own(dataset);
    attributed_ += taken.sum();
    const auto part = part_of(dataset);
    if (part != Part::live) return hold(part, dataset.name, taken.sum());
    hold(Part::live, dataset.name, taken.head);
    if (taken.reserved > 0) hold(Part::reserved, dataset.name, taken.reserved);
    if (taken.split)
      add_snapshots(dataset, taken.snapshots);
    else if (!snapshots_of(view_.storage, dataset.name).empty())
      sums_[Part::bases] = std::nullopt;  // in the live data's bytes
  }

  // What several snapshots share goes with ours: it comes free only when ours are gone too.
  void add_snapshots(const zfs::Dataset& dataset, Bytes all) {
    Bytes foreign = 0;
    bool ours = false;
    for (const auto* snapshot : snapshots_of(view_.storage, dataset.name)) {
      const auto bytes = std::min(snapshot->used, all - foreign);
      if (is_ours(*snapshot, view_.spec, view_.node) || snapshot->mark("base") != nullptr) {
        ours = true;
        holdings_[Part::bases].push_back({snapshot->name, believed(snapshot->used)});
      } else {
        foreign += bytes;
        holdings_[Part::foreign].push_back({snapshot->name, believed(snapshot->used)});
      }
    }
    sums_[Part::foreign] = sums_[Part::foreign].value_or(0) + (ours ? foreign : all);
    if (ours && sums_[Part::bases]) *sums_[Part::bases] += all - foreign;
  }

  // Blocks that a clone still has in common with its origin are charged there, but it is the live data that needs them.
  // What is reserved hides how much of `used` is written: then all is taken as shared.
  void share_with_origin() {
    const auto* origin = view_.origin();
    if (origin == nullptr || is_absurd(view_, view_.live->referenced)) return;
    const auto* holder = find(zfs::dataset_of(origin->name));
    if (holder == nullptr) return;
    const auto part = part_of(*holder);
    auto& from = sums_[part];
    if (part == Part::live || !from) return;
    const auto taken = own(*view_.live);
    const auto reserved = view_.live->local.find("refreservation");
    const bool hidden =
        !taken.split && reserved != view_.live->local.end() && reserved->second != "none" && reserved->second != "0";
    const auto alone = hidden ? 0 : std::min(taken.head, view_.live->referenced);
    const auto shared = std::min(view_.live->referenced - alone, *from);
    *from -= shared;
    sums_[Part::live] = sums_[Part::live].value_or(0) + shared;
    for (auto& holding : holdings_[part])
      if (holding.name == holder->name) holding.bytes = *holding.bytes - std::min(*holding.bytes, shared);
    for (auto& holding : holdings_[Part::live])
      if (holding.name == view_.live->name) holding.bytes = *holding.bytes + shared;
  }

  // What is not below the prefix, and what is there and was not found.
  void add_pool(Attribution& made) {
    const auto* prefix = find(view_.node.prefix);
    const auto below = prefix == nullptr || is_absurd(view_, prefix->used) ? attributed_ : prefix->used;
    sums_[Part::unattributed] = below - std::min(below, attributed_);
    const auto* pool = view_.pool;
    if (pool == nullptr || !pool->used) {
      sums_[Part::others] = std::nullopt;
      sums_[Part::available] = std::nullopt;
      return;
    }
    made.size = *pool->used + pool->available;
    sums_[Part::available] = pool->available;
    const auto here = std::max(below, attributed_);
    hold(Part::others, fmt::format("outside of {}", view_.node.prefix), *pool->used - std::min(*pool->used, here));
    if (here > *pool->used)
      made.mismatch = fmt::format("the parts come to {} more than the pool says: it changed while it was looked at",
                                  human_bytes(here - *pool->used));
  }

  const SpaceView& view_;
  std::map<Part, std::optional<Bytes>> sums_;
  std::map<Part, std::vector<Holding>> holdings_;
  Bytes attributed_ = 0;
};

}  // namespace

const zfs::Dataset* SpaceView::origin() const {
  return live == nullptr || live->origin.empty() ? nullptr : find_dataset(storage, live->origin);
}

// Estimates of ZFS can be near 2^64 where something was charged twice.
bool is_absurd(const SpaceView& view, Bytes bytes) {
  if (view.pool == nullptr) return bytes > Bytes{1} << 62;
  const auto most = std::max(view.pool->size, view.pool->used.value_or(0) + view.pool->available);
  return most != 0 ? bytes > most : bytes > Bytes{1} << 62;
}

const PoolPart* find_part(const std::vector<PoolPart>& parts, Part part) {
  const auto found = std::ranges::find(parts, part, &PoolPart::part);
  return found == parts.end() ? nullptr : &*found;
}

Attribution attribute(const SpaceView& view) { return Attributor{view}.run(); }

}  // namespace dugong::cluster
