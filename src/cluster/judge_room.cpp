// Whether the pools have room for what is to be copied, before the first byte: all copies into one pool together, since
// they run at the same time. A pool that fills up stops everything that lives in it.
#include <algorithm>
#include <fmt/format.h>
#include <map>

#include "cluster/ground.h"
#include "cluster/lineage.h"

namespace dugong::cluster {
namespace {

constexpr Bytes slack = Bytes{64} << 20;

struct Want {
  const Ground* ground = nullptr;
  Bytes bytes = 0;      // will be written there
  Bytes available = 0;  // there now, with what a cut copy left, which goes before the next one
};

}  // namespace

// As stored where both pools store alike, uncompressed where the receiver cannot do as well.
Bytes full_copy_size(const Ground& g, const Ground& primary) {
  const bool alike = g.seen.pool->has_lz4 || !primary.seen.pool->has_lz4;
  const auto& source = *primary.live;
  const Bytes size = alike ? source.referenced : std::max(source.uncompressed(), source.referenced);
  return size / 100 * 105 + slack;
}

namespace {

// What changed since the base is about the WAL written since, once in pg_wal and once in the tables.
Bytes size_of_rest(const Ground& g, const Ground& primary, const Entry& base) {
  const auto* slot = slot_of(g);
  if (slot != nullptr && slot_covers(*slot, base)) return 0;  // all is here
  if (!primary.seen.sql) return 0;                            // asked again when it answers, before it is copied
  const auto now = primary.seen.sql->lsn.value;
  const Bytes written = now - std::min(now, base.end.value);
  return std::min(2 * written + slack, full_copy_size(g, primary));
}

Want want_of(const Ground& g, const Ground& primary, const std::vector<Entry>& entries) {
  const auto anchor = anchor_of(g, entries);
  Want want{.ground = &g, .available = g.parent != nullptr ? g.parent->available : g.seen.pool->available};
  want.bytes = anchor.base ? size_of_rest(g, primary, *anchor.base) : full_copy_size(g, primary);
  want.bytes += g.spec.storage.reserve;  // of the clone
  if (is_remains(g, anchor)) want.available += anchor.dataset->used;
  return want;
}

// The kernel that holds the pool, and its name there. A host that does not tell is one of its own.
std::string pool_key(const Ground& g) {
  const auto& boot = g.seen.host->boot_id;
  return fmt::format("{} {}", boot.empty() ? g.node.name : boot, zfs::pool_of(g.node.prefix));
}

Result<> judge_pool(const std::vector<Want>& wants, const Ground& primary) {
  Bytes need = 0;
  Bytes room = 0;
  std::string names;
  for (const auto& want : wants) {
    need += want.bytes;
    room = std::max(room, want.available);  // each sees the whole pool, some through a quota
    names += (names.empty() ? "" : ", ") + want.ground->node.name;
  }
  const auto& source = *primary.live;
  const auto refuse = [&](const Ground& g, Bytes available, const std::string& whose, Bytes wanted) {
    return fail(
        Error{ErrorKind::refused,
              fmt::format("pool {} has room for {}, but {} {} ({} stored on {}, {} uncompressed)", g.seen.pool->name,
                          human_bytes(available), whose, human_bytes(wanted), human_bytes(source.referenced),
                          primary.node.name, human_bytes(std::max(source.uncompressed(), source.referenced))),
              g.node.name, "nothing was changed", "free space, add a vdev, or choose another pool in `prefix`"});
  };
  for (const auto& want : wants)
    if (want.available < want.bytes) return refuse(*want.ground, want.available, "the copy needs", want.bytes);
  if (room < need) return refuse(*wants.front().ground, room, "the copies for " + names + " need", need);
  return {};
}

}  // namespace

Result<> judge_room(const std::vector<Ground>& replicas, const Ground& primary) {
  if (primary.live == nullptr) return {};
  const auto entries = entries_of(primary);
  std::map<std::string, std::vector<Want>> pools;
  for (const auto& g : replicas)
    if (g.live == nullptr) pools[pool_key(g)].push_back(want_of(g, primary, entries));
  for (const auto& [key, wants] : pools) TRY(judge_pool(wants, primary));
  return {};
}

}  // namespace dugong::cluster
