// Bases that pin too much: what is given up for free space, and in which order. A base is worth its space only while it
// makes the next rebuild cheap, so what keeps it cheap comes first.
#include <algorithm>
#include <fmt/format.h>

#include "cluster/catalogue.h"
#include "cluster/layout.h"
#include "cluster/space_parts.h"

namespace dugong::cluster {
namespace {

constexpr double pool_full = 0.8;     // as judge_pool: from here on free space beats bases
constexpr unsigned worth_part = 100;  // … if they pin at least this part of the pool
constexpr unsigned cheap_part = 4;    // an increment of up to this part of the data is cheap

bool is_nearly_full(const zfs::Pool& pool, Bytes pinned) {
  const auto used = pool.size - std::min(pool.free, pool.size);
  return pool.size > 0 && static_cast<double>(used) >= pool_full * static_cast<double>(pool.size) &&
         pinned >= std::max<Bytes>(1, pool.size / worth_part);
}

std::optional<Bytes> size_of(const zfs::Pool& pool) {
  if (pool.used) return *pool.used + pool.available;
  return pool.size == 0 ? std::nullopt : std::optional{pool.size};
}

struct Side {
  const spec::Node* node = nullptr;
  const ObservedNode* seen = nullptr;
  const zfs::Dataset* live = nullptr;
};

std::optional<Side> side_of(const SpaceView& view, const std::string& name) {
  const auto* node = view.spec.find(name);
  const auto* seen = view.seen.find(name);
  if (node == nullptr || seen == nullptr || !seen->storage) return std::nullopt;
  const auto live = live_of(*seen->storage, view.spec, *node);
  if (!live) return std::nullopt;
  return Side{node, seen, *live};
}

const zfs::Dataset* with_guid(const std::vector<zfs::Dataset>& storage, Guid guid) {
  const auto found =
      std::ranges::find_if(storage, [&](const auto& one) { return one.is_snapshot && one.guid == guid; });
  return found == storage.end() ? nullptr : &*found;
}

// About what an increment from this base carries. What was written is once in pg_wal and once in the tables; where ZFS
// tells how much of the data is new, that is better than the guess.
std::optional<Bytes> increment_from(const Side& sender, Guid base) {
  const auto* snapshot = with_guid(*sender.seen->storage, base);
  if (snapshot == nullptr || sender.live == nullptr) return std::nullopt;
  if (const auto written = written_since(*sender.seen->storage, *sender.live, *snapshot)) return written;
  const auto entry = parse_entry(*snapshot);
  if (!entry || entry->end.value == 0 || !sender.seen->sql || sender.seen->sql->lsn < entry->end) return std::nullopt;
  return 2 * (sender.seen->sql->lsn.value - entry->end.value);
}

// What the replica's lineage has that is newer than the base, and the sender has too.
bool holds_newer(const Side& sender, const Side& replica, Guid base) {
  const auto* old = with_guid(*sender.seen->storage, base);
  if (old == nullptr || sender.live == nullptr) return false;
  return std::ranges::any_of(snapshots_of(*sender.seen->storage, sender.live->name), [&](const auto* one) {
    return one->createtxg > old->createtxg && parse_entry(*one) &&
           with_guid(*replica.seen->storage, one->guid) != nullptr;
  });
}

// How many bytes it takes to clone this replica again from something newer; nothing: it would not be cheap, or cannot
// be told.
std::optional<Bytes> cost_of_reclone(const Side& sender, const Side& replica, Guid base) {
  if (replica.live == nullptr || sender.live == nullptr) return std::nullopt;
  if (holds_newer(sender, replica, base)) return 0;
  const auto increment = increment_from(sender, base);
  const bool cheap = increment && *increment <= sender.live->referenced / cheap_part;
  return cheap && *increment <= replica.live->available ? increment : std::nullopt;
}

Bytes full_copy(const Side& sender, const std::optional<Side>& replica) {
  const auto& data = *sender.live;
  const bool as_stored = sender.seen->pool && sender.seen->pool->can_receive_unmounted && replica &&
                         replica->seen->pool && replica->seen->pool->can_receive_unmounted;
  return as_stored ? data.referenced : std::max(data.uncompressed(), data.referenced);
}

// On the sender: of several bases the oldest one that serves somebody pins most.
BudgetVerdict relief_of_sender(const SpaceView& view, const std::vector<Base>& bases) {
  BudgetVerdict verdict;
  const auto unneeded = std::ranges::find(bases, false, &Base::needed);
  const auto& base = unneeded != bases.end() ? *unneeded : bases.front();
  verdict.base = base.snapshot;
  verdict.serves = base.serves;
  verdict.frees = base.alone;
  if (!base.needed) {
    verdict.relief = Relief::drop;
    return verdict;
  }
  const auto sender = side_of(view, view.node.name);
  if (!sender || sender->live == nullptr) return verdict;
  bool cheap = !base.serves.empty();
  Bytes increments = 0;
  Bytes copies = full_copy(*sender, std::nullopt);
  for (const auto& name : base.serves) {
    const auto replica = side_of(view, name);
    const auto cost = replica ? cost_of_reclone(*sender, *replica, base.guid) : std::nullopt;
    cheap = cheap && cost;
    increments += cost.value_or(0);
    copies = full_copy(*sender, replica);
  }
  const bool bookmarks = view.pool != nullptr && view.pool->can_receive_unmounted;
  verdict.relief = cheap ? Relief::reclone : bookmarks ? Relief::bookmark : Relief::give_up;
  if (verdict.relief == Relief::reclone) verdict.copies = increments;
  if (verdict.relief == Relief::give_up) verdict.copies = copies;
  return verdict;
}

// On a replica it is the lineage that pins: cloned again from its newest snapshot, the older ones can go.
BudgetVerdict relief_of_replica(const SpaceView& view, const Base& base) {
  BudgetVerdict verdict{.base = base.snapshot, .serves = {view.node.name}, .frees = base.alone, .copies = {}};
  const auto sender = side_of(view, view.spec.primary().name);
  const auto replica = side_of(view, view.node.name);
  if (!sender || sender->live == nullptr || !replica) return verdict;
  if (const auto cost = cost_of_reclone(*sender, *replica, base.guid)) {
    verdict.relief = Relief::reclone;
    verdict.copies = cost;
  } else {
    verdict.copies = full_copy(*sender, replica);
  }
  return verdict;
}

std::string words_of(const spec::BaseBudget& budget) {
  return budget.percent == 0 ? human_bytes(budget.bytes) : fmt::format("{} % of the pool", budget.percent);
}

}  // namespace

void add_budget(const SpaceView& view, BasePins& pins) {
  const auto& wanted = view.node.base_budget;
  pins.words = words_of(wanted);
  if (wanted.percent == 0) {
    pins.budget = wanted.bytes;
  } else if (const auto size = view.pool == nullptr ? std::nullopt : size_of(*view.pool)) {
    pins.budget = static_cast<Bytes>(static_cast<long double>(*size) / 100 * wanted.percent);
  }
}

std::optional<BudgetVerdict> judge_budget(const SpaceView& view, const std::vector<Base>& bases, const BasePins& pins) {
  if (!pins.pinned || bases.empty()) return std::nullopt;
  const bool over = pins.budget && *pins.pinned > *pins.budget;
  const bool full = view.pool != nullptr && is_nearly_full(*view.pool, *pins.pinned);
  if (!over && !full) return std::nullopt;
  const auto* origin = view.received_base();
  const bool received = origin != nullptr && bases.front().snapshot == origin->name;
  auto verdict = received ? relief_of_replica(view, bases.front()) : relief_of_sender(view, bases);
  verdict.cause = full ? Cause::pool_full : Cause::over_budget;
  return verdict;
}

}  // namespace dugong::cluster
