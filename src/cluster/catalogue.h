// A snapshot of ours as a catalogue entry: what it can be used for is computed from these, never from its name.
#pragma once

#include <optional>
#include <string>

#include "base/ids.h"
#include "cluster/observed.h"
#include "postgres/facts.h"

namespace dugong::cluster {

struct Entry {
  std::string snapshot;
  Guid guid;
  std::uint64_t createtxg = 0;
  SystemId system_identifier;
  TimelineId timeline;
  Lsn redo;         // not later than the redo LSN inside the snapshot
  Lsn end;          // insert LSN read after it was taken; 0/0: unknown, not usable
  std::string why;  // "seed"
};

// Nothing when it is not ours, or not finished (no end LSN: the controller died between snapshot and catalogue).
std::optional<Entry> parse_entry(const zfs::Dataset& snapshot);

// Where the data of a snapshot ends. A received one has this, and no more of its entry, marked on itself.
struct End {
  TimelineId timeline;
  Lsn lsn;
};
std::optional<End> end_of(const zfs::Dataset& snapshot);

// Properties for TakeSnapshot; end_lsn is added when it is known.
zfs::Properties catalogue_properties(const std::string& cluster, const std::string& node,
                                     const postgres::ControlData& control, const postgres::ServerSql& sql,
                                     const std::string& image, const std::string& why, std::int64_t wall_seconds);

// The slot still keeps every segment that a server started from this entry will ask for.
bool slot_covers(const postgres::Slot& slot, const Entry& entry);

}  // namespace dugong::cluster
