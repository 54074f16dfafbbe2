// Where a node's things are and what they are called: the one place that turns a spec into names.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cluster/observed.h"
#include "runtime/commands.h"
#include "spec/spec.h"

namespace dugong::cluster {

inline constexpr const char* hold_tag = "dugong";

runtime::Kind runtime_kind(const spec::Spec& spec);
runtime::Server server_of(const spec::Spec& spec, const spec::Node& node);
runtime::Paths host_paths_of(const spec::Spec& spec, const spec::Node& node);
// As the server sees them; needs the image's PGDATA.
runtime::Paths server_paths_of(const spec::Spec& spec, const spec::Node& node, const runtime::Software& software);

std::string live_name(const spec::Node& node, unsigned number);  // an adopted dataset is live-0 under its own name
// Whether a live dataset that is mounted, or would be, at `mountpoint` holds the node's data there. PGDATA is what is
// mounted; in an adopted dataset it may lie below that.
bool holds_data_of(const spec::Node& node, const std::string& data, const std::string& mountpoint);
std::string anchor_name(const spec::Node& node, unsigned number);
std::string archive_name(const spec::Node& node);
std::string superuser_file(const runtime::Paths& paths);
// One to a line, newest first: until the server has the new password one of these goes on opening the door.
std::string former_passwords_file(const runtime::Paths& paths);
std::string passfile(const runtime::Paths& paths);  // of primary_conninfo
// Holds the digest of the dugong-wal that was installed there.
std::string wal_client_digest_file(const runtime::Paths& paths);
// Of all other nodes: whom its pg_hba.conf lets replicate.
std::vector<std::string> replication_addresses(const spec::Spec& spec, const spec::Node& node);
std::string lock_name(const spec::Spec& spec, const spec::Node& node);
// What whoever changes the node must hold, and how each is spoken of: the node itself, and its dataset and directory,
// which another cluster file may name as well.
struct LockWanted {
  std::string name;
  std::string place;
};
std::vector<LockWanted> locks_of(const spec::Spec& spec, const spec::Node& node);
// "dugong-20261122-211530-1": sortable for people; nothing depends on it but uniqueness.
std::string snapshot_name(std::int64_t wall_seconds, unsigned number);

// The directories that are wholly a node's own, and the file in each that says so: what is in one without that file was
// not put there by dugong.
std::vector<std::string> own_directories(const spec::Spec& spec, const spec::Node& node);
std::string ownership_file(const std::string& directory);
std::string ownership_text(const spec::Spec& spec, const spec::Node& node);
// What somebody has in a directory without that file; nullptr: nothing. The remains of a write of ours that was cut off
// (os/files_write.cpp: Temporary) are nobody's.
const std::string* foreign_entry(const FileView& directory);
bool is_cut_off_write(std::string_view entry);

// Of wanted_files: a directory of which nobody wants to know the names in it.
bool may_hold_much(const spec::Spec& spec, const spec::Node& node, const std::string& path);
// Files whose content the planner compares.
std::vector<std::string> wanted_files(const spec::Spec& spec, const spec::Node& node);

// A dataset with our mark on itself: dugong:cluster and dugong:node say this node, dugong:role says `role`.
bool is_ours(const zfs::Dataset& dataset, const spec::Spec& spec, const spec::Node& node);
bool has_role(const zfs::Dataset& dataset, const spec::Spec& spec, const spec::Node& node, std::string_view role);
const zfs::Dataset* find_dataset(const std::vector<zfs::Dataset>& all, std::string_view name);
// The dataset that holds PGDATA; none: there is none yet. Error refused: more than one.
Result<const zfs::Dataset*> live_of(const std::vector<zfs::Dataset>& all, const spec::Spec& spec,
                                    const spec::Node& node);
std::vector<const zfs::Dataset*> snapshots_of(const std::vector<zfs::Dataset>& all, std::string_view dataset);

}  // namespace dugong::cluster
