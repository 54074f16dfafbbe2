// The user properties that make a dataset or snapshot ours and describe what is in it.
//
// ZFS is the only database dugong has: a fact that must outlive a process, a replica or a controller is one of these.
// A mark counts only when it was set on that very object (source=local): children and snapshots inherit user
// properties, so an inherited mark says nothing (zfsprops(7), "User Properties").
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "zfs/commands.h"

namespace dugong::zfs {

namespace marks {

inline constexpr std::string_view prefix = "dugong:";

inline constexpr std::string_view cluster = "cluster";      // name in dugong.toml; without it an object is not ours
inline constexpr std::string_view node = "node";            // the member this object belongs to
inline constexpr std::string_view role = "role";            // what the dataset is for: see `roles`
inline constexpr std::string_view state = "state";          // how far the work on it got: see `states`
inline constexpr std::string_view system_id = "system_id";  // pg_control's system identifier inside it
inline constexpr std::string_view timeline = "timeline";    // of the last checkpoint, decimal
inline constexpr std::string_view redo_lsn = "redo_lsn";    // where replay of the snapshot begins
inline constexpr std::string_view end_lsn = "end_lsn";      // insert LSN read after the snapshot was taken
inline constexpr std::string_view min_recovery_lsn = "min_recovery_lsn";        // of its pg_control; 0/0: seedable
inline constexpr std::string_view pg_version = "pg_version";                    // major version of the data directory
inline constexpr std::string_view timescaledb_version = "timescaledb_version";  // extension version, if installed
inline constexpr std::string_view image = "image";                              // container image that ran it
inline constexpr std::string_view full_page_writes = "full_page_writes";        // "on" or "off" when it was taken
inline constexpr std::string_view why = "why";                // reason it was made: seed, switchover, schedule …
inline constexpr std::string_view for_node = "for";           // the member it was made for
inline constexpr std::string_view taken_at = "taken_at";      // seconds since 1970 on the controller's clock
inline constexpr std::string_view repl_check = "repl_check";  // password mark of the replication role
inline constexpr std::string_view receiving = "receiving";    // parent: the anchor that a receive is about to make
inline constexpr std::string_view copy_rate = "copy_rate";    // parent: bytes per second of the last copy to here
inline constexpr std::string_view archive_proved = "archive_proved";  // parent: the way of archiving that was proved
inline constexpr std::string_view fenced = "fenced";  // parent: who wants its server not to run; "no": nobody any more
inline constexpr std::string_view super_check = "super_check";  // password mark of the superuser

// Of an adopted dataset, which somebody made before dugong; and of the parent, which names it.
inline constexpr std::string_view adopted = "adopted";
inline constexpr std::string_view adopts = "adopts";  // "none": not any more
// How its server was started before: the container, its restart policy, the Compose files with "," between them.
inline constexpr std::string_view old_container = "old_container";
inline constexpr std::string_view old_restart = "old_restart";
inline constexpr std::string_view old_compose = "old_compose";
// Of a snapshot that somebody made, and that both sides still have: the cluster that may start an increment from it. It
// is held, and not ours to destroy.
inline constexpr std::string_view base = "base";

inline constexpr std::array all = {cluster,
                                   node,
                                   role,
                                   state,
                                   system_id,
                                   timeline,
                                   redo_lsn,
                                   end_lsn,
                                   min_recovery_lsn,
                                   pg_version,
                                   timescaledb_version,
                                   image,
                                   full_page_writes,
                                   why,
                                   for_node,
                                   taken_at,
                                   repl_check,
                                   super_check,
                                   receiving,
                                   copy_rate,
                                   archive_proved,
                                   fenced,
                                   adopted,
                                   adopts,
                                   old_container,
                                   old_restart,
                                   old_compose,
                                   base};

}  // namespace marks

// Values of marks::role.
namespace roles {
inline constexpr std::string_view parent = "parent";    // the prefix itself
inline constexpr std::string_view live = "live";        // a PGDATA that is or was served
inline constexpr std::string_view anchor = "anchor";    // one received lineage, never mounted
inline constexpr std::string_view archive = "archive";  // the WAL archive
inline constexpr std::string_view aside = "aside";      // kept instead of destroyed
}  // namespace roles

// Values of marks::state.
namespace states {
inline constexpr std::string_view initializing = "initializing";  // initdb has begun; not yet a usable data directory
inline constexpr std::string_view ready = "ready";                // may be started
inline constexpr std::string_view adopting = "adopting";          // somebody's still, being taken over
inline constexpr std::string_view received = "received";          // arrived whole; GUID seen on this side
inline constexpr std::string_view prepared = "prepared";          // cleaned up and configured as a standby, not started
}  // namespace states

// "cluster" → "dugong:cluster": the name that zfs knows.
std::string property_name(std::string_view mark);

// Native properties whose local values `parse_tree` reports in Dataset::local. Both dialects know these.
const std::vector<std::string_view>& known_properties();
// What only OpenZFS knows; zfs-fuse answers "invalid property" to the whole command when one of them is asked for.
const std::vector<std::string_view>& openzfs_properties();

// Native properties whose values in force `parse_tree` reports in Dataset::shown. The last four are OpenZFS's.
const std::vector<std::string_view>& shown_properties();

// A property that may be set: a known native one or a user property (with ':'), with a value that zfs gives back in one
// line. Errors: invalid.
Result<> check_property(std::string_view name, std::string_view value);
Result<> check_properties(const Properties& properties);

}  // namespace dugong::zfs
