// How a Place becomes descriptors: shared by the files of this room, of no use outside it.
#pragma once

#include <string>
#include <sys/stat.h>

#include "base/result.h"
#include "os/fd.h"
#include "os/files.h"

namespace dugong::os::detail {

enum class Crossing { allowed, refused };  // of mount points

// openat2(2). Without a root symlinks are followed, unless `flags` has O_NOFOLLOW. The number is errno: 0 when it went
// well.
struct Opened {
  Fd fd;
  int error = 0;
};
Opened open_place(const Place& place, int flags);
// A name below an open directory, following no symlink.
Opened open_child(int directory, const std::string& name, int flags, Crossing crossing = Crossing::allowed);

// The directory that holds the last component, and that component.
struct Parent {
  Fd directory;
  std::string name;
};
Result<Parent> open_parent(const Place& place);

// Says what the kernel refused, in the operator's words: a symlink or a way out of the root is `refused`.
Error path_error(int error_number, std::string_view doing, const Place& place);
// Absolute, without NUL and without "..", below its root.
Result<void> check_place(const Place& place);
Stat to_stat(const struct stat& raw);
FileKind kind_of_mode(mode_t mode);

}  // namespace dugong::os::detail
