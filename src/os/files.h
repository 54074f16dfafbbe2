// Files of the host. Below the root of a Place openat2 keeps what a path means from being changed under us; a Place
// without a root follows symlinks, and is for paths that nobody but root can have made.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "os/fd.h"

namespace dugong::os {

// An absolute path. With a root it must lie below it, and no symlink is followed from the root on; without one symlinks
// are followed, /proc's magic links never.
struct Place {
  std::string path;
  std::string root;
  Place(std::string path_in) : path{std::move(path_in)} {}  // NOLINT(google-explicit-constructor): a plain path
  Place(const char* path_in) : path{path_in} {}             // NOLINT(google-explicit-constructor)
  Place(std::string root_in, std::string path_in) : path{std::move(path_in)}, root{std::move(root_in)} {}
};

// By text: "/srv/a" is below "/srv" and below itself, "/srvx" is not.
bool is_below(std::string_view path, std::string_view root);

enum class FileKind { missing, file, directory, symlink, other };
struct Stat {
  FileKind kind = FileKind::missing;
  Bytes size = 0;
  std::uint32_t mode = 0;  // permission bits
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::int64_t mtime_ns = 0;
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t links = 0;  // hard links: names that it has
};
struct Owner {
  std::uint32_t mode = 0644;
  std::optional<std::uint32_t> uid;  // absent: left as it is; our own for a new file
  std::optional<std::uint32_t> gid;
};

// The last component is not followed when it is a symlink. Missing is an answer.
Result<Stat> stat_file(const Place& place);
struct Content {
  Stat stat;          // of the opened file; kind missing: there is none
  std::string bytes;  // the first `limit`
};
// Regular files only: of a directory or a device just the Stat. Error `refused` when a symlink is met below the root.
Result<Content> read_file(const Place& place, Bytes limit = 1 << 20);
Result<Fd> open_file(const Place& place);  // for reading

// Temporary file in the same directory, owner, mode, fsync, rename, fsync of the directory. Readers see the old or the
// new content, also after a power cut. What such a write left in the directory when it was killed goes first.
Result<void> write_file(const Place& place, std::string_view bytes, Owner owner = {});
enum class Written { created, existed };
// The same with link(2) in place of rename(2): an existing file is left as it is.
Result<Written> write_new_file(const Place& place, std::string_view bytes, Owner owner = {});
// Parents are made with mode 0755; mode and owner of the last are set when they differ. The last is never a symlink.
Result<void> make_directories(const Place& place, Owner owner = {.mode = 0755, .uid = {}, .gid = {}});

Result<void> remove_file(const Place& place);  // not a directory; missing is fine
// Both refuse, before anything is removed, when something is mounted at the directory (remove_tree) or below it; they
// follow no symlink. Missing is fine.
Result<void> remove_contents(const Place& place);
Result<void> remove_tree(const Place& place);
// Error refused: something is mounted below it.
Result<void> require_nothing_mounted_below(const Place& place);
enum class Removed { gone, kept };
Result<Removed> remove_if_empty(const Place& place);  // kept: something is in it, or it is a mount point; missing: gone

struct Entry {
  std::string name;
  FileKind kind = FileKind::other;
};
Result<std::vector<Entry>> list_directory(const Place& place);  // sorted; without . and ..
Result<std::string> read_link(const Place& place);
Result<std::string> real_path(const std::string& path);  // of something that is there; all links followed
enum class Linked { created, existed };
Result<Linked> link_file(const Place& from, const Place& to);  // hard link; never overwrites
Result<void> sync_directory(const Place& place);
Result<bool> is_mount_point(const Place& place);
Result<std::string> own_executable();  // /proc/self/exe

}  // namespace dugong::os
