// What is mounted where, from /proc/PID/mountinfo (proc(5)).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace dugong::os {

struct MountEntry {
  std::uint64_t device = 0;  // as st_dev
  std::string point;         // as the process sees it
  std::string source;        // what the filesystem says that is mounted: a dataset's name
};
std::vector<MountEntry> parse_mountinfo(std::string_view text);
// Where something is mounted at `directory` or below it, in this process's view.
std::vector<std::string> mounts_at_or_below(const std::vector<MountEntry>& mounts, std::string_view directory);
Result<std::vector<MountEntry>> read_mounts(const std::string& process);  // "self" or a PID

}  // namespace dugong::os
