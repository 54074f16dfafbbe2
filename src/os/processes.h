// Who uses a directory. Identity is st_dev/st_ino, not the path, so a container's processes are recognised too: a
// postmaster's working directory is its PGDATA (PostgreSQL: miscinit.c, ChangeToDataDir).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/units.h"

namespace dugong::os {

struct Process {
  int pid = 0;
  std::string comm;
  std::string cmdline;              // arguments joined by a space, printable
  std::uint64_t net_namespace = 0;  // inode; 0 if unreadable
  std::string use;                  // "working directory", "open file"
};
// Processes whose working directory or root is `directory` or that have a file open below it. Below is known for sure
// when the directory is the root of its own filesystem (a dataset); else paths are compared, as this process sees them.
Result<std::vector<Process>> processes_using(const std::string& directory);

// Where `source` (a dataset) is mounted in another mount namespace than this process's: one process of each. Such a
// namespace began with a copy of the mounts, and was not told of an unmount since (mount_namespaces(7): private
// mounts). An empty list also where that is not ours to look at.
std::vector<Process> processes_mounting(const std::string& source);

struct ProcessWork {
  std::uint64_t processor_ms = 0;  // in user and kernel mode
  Bytes bytes = 0;                 // read and written, from whatever it was
};
// Zeros for one that ended, or is not ours to look at.
ProcessWork work_of(int pid);

}  // namespace dugong::os
