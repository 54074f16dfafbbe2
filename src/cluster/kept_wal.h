// Whether an upstream can still have the WAL that a replica without a slot goes on with. A new slot keeps WAL from the
// last checkpoint on (slot.c: ReplicationSlotReserveWal): one that begins after what the replica asks for keeps WAL for
// ever and serves nobody.
#pragma once

#include <optional>

#include "cluster/observed.h"
#include "postgres/facts.h"

namespace dugong::cluster {

struct WalGap {
  Lsn wanted;  // where the replica goes on
  Lsn kept;    // where the upstream's WAL begins at the latest
};

// Nothing: no gap, or nobody can tell. A replica that crashed may have WAL of its own beyond what its control file
// says; of one that was stopped in order the gap is that of what it had replayed, and it may have received more.
std::optional<WalGap> wal_gap(const ObservedNode& replica, const postgres::ServerSql& upstream);

// The slot begins after what this replica, which does not stream, asks for. False also where nobody can tell.
bool begins_too_late(const postgres::Slot& slot, const ObservedNode& replica, const postgres::ServerSql& upstream);

}  // namespace dugong::cluster
