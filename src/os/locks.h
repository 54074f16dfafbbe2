// One writer at a time: flock(2) on a file below the run directory. The kernel drops it with the process, so a lock
// never outlives its holder; the text in the file says who that is. It is its owner's alone to open, and so to hold.
#pragma once

#include <string>
#include <variant>

#include "base/result.h"
#include "os/fd.h"

namespace dugong::os {

// $DUGONG_RUN_DIR or /run/dugong.
std::string run_directory();

class Lock {
 public:
  explicit Lock(Fd fd) : fd_{std::move(fd)} {}
  Lock(Lock&&) noexcept = default;
  Lock& operator=(Lock&&) noexcept = default;
  ~Lock();  // empties the file and lets go

 private:
  Fd fd_;
};
struct HeldBy {
  std::string holder;
};
// `name`: letters, digits, '.', '_' and '-' only. The run directory is made when missing.
Result<std::variant<Lock, HeldBy>> try_lock(const std::string& name, const std::string& holder);

}  // namespace dugong::os
