// Where root mounts: it follows the path of a dataset's mountpoint by name, and so does whoever can change what a name
// on that way means. Under a policy nobody can, between the look at the way and the mount.
#pragma once

#include <stop_token>
#include <string>

#include "base/result.h"
#include "base/units.h"
#include "os/files.h"
#include "os/locks.h"

namespace dugong::node {

// Held from the look to the mount, and by whatever else changes such ways: a directory that is given away, an unmount.
// One at a time on this machine. Errors: timed_out, interrupted.
Result<os::Lock> hold_mounts(Deadline deadline, const std::stop_token& stop);

// From the mountpoint's root to the directory that it is in: directories, no links, root's or ours and nobody else's to
// write. What is not there yet below the root is made by zfs. Its real path; errors: refused.
Result<std::string> judge_way(const os::Place& mountpoint);

// After the mount. Errors: refused, with where it went, when that is not `real_path`; it stays mounted. One that this
// process cannot see, in another mount namespace, is not judged.
Result<> require_mounted_at(const std::string& dataset, const std::string& real_path);

}  // namespace dugong::node
