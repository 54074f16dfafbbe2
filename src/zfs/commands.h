// What may be asked of ZFS, as data. `serve` judges and renders these; nothing else becomes a zfs command line.
//
// Names are full: POOL/PATH for a dataset, DATASET@NAME for a snapshot. Every command names exactly one object, because
// zfs-fuse (pool version 23) takes no lists. There is deliberately no `receive -F`, no `send -R`, no `destroy -r`, no
// `rollback -r`.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/units.h"

namespace dugong::zfs {

using Properties = std::map<std::string, std::string>;

// One dataset or snapshot as `zfs get` shows it. Sizes are 0 when the version does not know the property.
struct Dataset {
  std::string name;
  bool is_snapshot = false;
  Guid guid;
  std::uint64_t createtxg = 0;  // the order of snapshots in a pool; creation times lie
  Bytes used = 0;
  Bytes referenced = 0;
  Bytes available = 0;
  // What `used` is made of (dsl_dir.c: dd_used_breakdown); snapshots have none of it. Nothing: this version does not
  // say.
  std::optional<Bytes> used_by_dataset;         // what the head has and neither its origin nor a snapshot
  std::optional<Bytes> used_by_snapshots;       // what would come free if all its snapshots went
  std::optional<Bytes> used_by_children;        // `used` of the datasets below, or what is reserved for them
  std::optional<Bytes> used_by_refreservation;  // kept for it, not written yet
  std::optional<Bytes> written;  // what it references that the snapshot before it does not have; OpenZFS only
  Bytes logical_referenced = 0;  // uncompressed; 0: unknown (v23)
  // 185 is "1.85x"; 0: unknown. Of a snapshot it is the ratio of what it references (dsl_dataset.c: dsl_dataset_stats).
  std::uint64_t compress_percent = 0;
  std::uint64_t userrefs = 0;  // snapshots: number of holds
  std::int64_t creation = 0;   // seconds since 1970
  std::string origin;          // snapshot that a clone came from; empty: none
  // Snapshots: what was cloned from it, anywhere in the pool; OpenZFS only. zfs-fuse shows no more than each `origin`.
  std::vector<std::string> clones;
  std::string mountpoint;         // "none", "legacy" or a path
  std::string mountpoint_source;  // "local", "default", "inherited from X", "received"
  std::string canmount;
  bool mounted = false;
  bool readonly = false;
  std::string sync;          // "standard", "always" or "disabled", wherever it is set; OpenZFS only
  std::string resume_token;  // partially received state; OpenZFS only
  Properties local;          // values set on this very object (source=local), native ones of `known_properties`
  Properties shown;          // of a dataset, not of a snapshot: values of `shown_properties`, wherever they come from
  Properties ours;           // user properties "dugong:*" with source=local, without the "dugong:" prefix
  friend bool operator==(const Dataset&, const Dataset&) = default;
  // What is referenced, uncompressed: an estimate where only the ratio is known.
  [[nodiscard]] Bytes uncompressed() const {
    if (logical_referenced != 0) return logical_referenced;
    return compress_percent <= 100 ? referenced : referenced / 100 * compress_percent;
  }
  [[nodiscard]] const std::string* mark(const std::string& key) const {
    auto it = ours.find(key);
    return it == ours.end() ? nullptr : &it->second;
  }
};

struct Pool {
  std::string name;
  Bytes size = 0;
  Bytes free = 0;
  Bytes available = 0;        // to a new dataset: `free` less what is reserved for others; 0: not known
  std::optional<Bytes> used;  // by its datasets, with what is reserved for them; `size` and `free` are of the disks
  std::string health;
  // "openzfs 2.3.2" or "zfs-fuse v23"
  std::string version;
  bool can_receive_unmounted = false;  // for good: receive -o; and send -c, -L, bookmarks: OpenZFS
  bool has_lz4 = false;
  friend bool operator==(const Pool&, const Pool&) = default;
};

// The dataset, everything below it, and their snapshots. An absent root is an empty list, not an error; an absent pool
// is one: it may only not be imported, and then what it holds is not known.
struct ListTree {
  using Answer = std::vector<Dataset>;
  std::string root;
};
struct InspectPool {
  using Answer = Pool;
  std::string pool;
};
struct Create {
  using Answer = Done;
  std::string dataset;
  Properties properties;
};
struct Snapshot {
  using Answer = Done;
  std::string snapshot;
  bool recursive = false;
  Properties properties;
};
struct Clone {
  using Answer = Done;
  std::string snapshot;
  std::string dataset;
  Properties properties;
};
struct Destroy {  // one dataset without children or snapshots; refuses what is mounted
  using Answer = Done;
  std::string dataset;
};
struct DestroySnapshot {
  using Answer = Done;
  std::string snapshot;
};
// The head becomes what its newest snapshot holds: refused while there is a newer one, and never asked of anything but
// an unmounted anchor. A clone of that snapshot stays as it is.
struct Rollback {
  using Answer = Done;
  std::string snapshot;
};
struct Hold {
  using Answer = Done;
  std::string snapshot;
  std::string tag;
};
struct Release {
  using Answer = Done;
  std::string snapshot;
  std::string tag;
};
struct SetProperties {
  using Answer = Done;
  std::string name;
  Properties properties;
};
// User properties that are to be as if they had never been set here. Native ones are refused.
struct ClearMarks {
  using Answer = Done;
  std::string name;
  std::vector<std::string> marks;  // "dugong:cluster"
  friend bool operator==(const ClearMarks&, const ClearMarks&) = default;
};
struct Mount {  // without setuid programs and devices: those would be as root as whoever made the stream
  using Answer = Done;
  std::string dataset;
};
struct Unmount {
  using Answer = Done;
  std::string dataset;
};
// Ends of a copy. They answer a stream and are run by transfer, never with a shell.
struct Send {
  std::string snapshot;
  std::string from;      // an older snapshot of the same dataset (or the origin); empty: full
  bool for_v23 = false;  // the receiver is zfs-fuse: it reads neither large nor compressed blocks
};
struct Receive {
  std::string dataset;  // must not exist for a full stream; must hold `from`'s GUID for an increment
};

using Argv = std::vector<std::string>;

Argv render(const ListTree&);                            // properties that every version knows
Argv render(const ListTree&, const Pool& capabilities);  // and on OpenZFS logicalreferenced, the resume token, sync
Argv render(const Create&);
Argv render(const Snapshot&);
Argv render(const Clone&);
Argv render(const Destroy&);
Argv render(const DestroySnapshot&);
Argv render(const Rollback&);
Argv render(const Hold&);
Argv render(const Release&);
std::vector<Argv> render(const SetProperties&);  // one command per property
std::vector<Argv> render(const ClearMarks&);     // likewise
Argv render(const Mount&);
Argv render(const Unmount&);
Argv render(const Send&, const Pool& capabilities);  // of the sender
Argv render(const Receive&, const Pool& capabilities);

// Answers of `zfs get -Hp -r -o name,property,value,source …` (render(ListTree)). Errors: failed, with the line.
Result<std::vector<Dataset>> parse_tree(std::string_view output);
// `zpool list -H -p -o name,size,free,health NAME`-like output (with human sizes where -p is missing) and the text of
// `zfs version` / `zpool upgrade -v` for the capabilities.
Argv render_pool_list(std::string_view pool);
Argv render_pool_use(std::string_view pool);
// Into `used` and `available`; what cannot be read stays unknown.
void parse_pool_use(std::string_view output, Pool& pool);
// Whether a dataset is dugong's, itself or by the one above: "VALUE\tSOURCE" of the mark, which children inherit.
Argv render_cluster_mark(std::string_view dataset);
bool says_marked(std::string_view output);  // "-" and what came with a stream do not count
Argv render_version();                      // OpenZFS 0.8 and newer
Argv render_old_version();                  // asked when render_version() failed
Result<Pool> parse_pool(std::string_view list_output, std::string_view version_output);
// What the machine's ZFS can do, whatever the pool: no name, no sizes.
Result<Pool> parse_capabilities(std::string_view version_output);

// What a failed zfs command means. `stderr_text` is zfs's own words and is kept in the message.
// conflict: exists already / does not exist (observe again); refused: busy, held, has clones, has children; else
// failed.
Error judge_failure(const Argv& argv, int exit_code, std::string_view stderr_text);
// render(ListTree) failed because `root` itself is not there (and not a child that vanished meanwhile).
bool says_absent(std::string_view root, std::string_view stderr_text);

// A dataset name that zfs accepts and that cannot be an option, a path with "..", or a snapshot.
Result<> check_dataset_name(std::string_view name);
Result<> check_snapshot_name(std::string_view name);
Result<> check_hold_tag(std::string_view tag);

std::string pool_of(std::string_view name);                   // "tank/a@s" → "tank"
std::string dataset_of(std::string_view name);                // "tank/a@s" → "tank/a"
std::string parent_of(std::string_view dataset);              // "tank/a/b" → "tank/a"; "tank" → ""
bool is_below(std::string_view name, std::string_view root);  // root itself counts

}  // namespace dugong::zfs
