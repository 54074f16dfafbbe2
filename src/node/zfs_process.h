// One running `zfs send` or `zfs receive` of this machine with its pipe and its last words. Never a shell, and never an
// orphan: whatever happens to the owner, the pipe is closed, then the process is killed, then waited for.
#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "base/units.h"
#include "node/node.h"
#include "node/stream.h"
#include "os/spawn.h"
#include "wire/link.h"

namespace dugong::node {

class ZfsProcess {
 public:
  // Asks `local` for the pool's capabilities, on which the command line depends. `grace`: how long end() waits before
  // each signal. Errors: of the question, of the spawn.
  static Result<ZfsProcess> start(Node& local, const StreamRequest& request, Millis grace, Deadline deadline,
                                  const std::stop_token& stop);

  [[nodiscard]] int data_fd() const { return data_.get(); }  // its stdout (send) or stdin (receive), non-blocking
  // Closes the pipe and waits until it has ended by itself. Errors: what zfs said, judged; timed_out, interrupted.
  Result<> finish(Deadline deadline, const std::stop_token& stop);
  // Closes the pipe, which is what ends it on every ZFS; signals only after that. Its own failure, if it ended by
  // itself with one. Afterwards `stuck()` says whether it still runs: zfs can hang in the kernel beyond any signal.
  std::optional<Error> end();
  [[nodiscard]] const std::string& stuck() const { return stuck_; }  // "zfs receive (pid 12) still runs"; empty: ended

 private:
  ZfsProcess() = default;
  [[nodiscard]] Error words(os::Exit exit) const;

  zfs::Argv argv_;
  os::Child child_;
  os::Fd data_;
  std::unique_ptr<wire::StderrTail> err_;
  std::string stuck_;
  Millis grace_{0};
};

}  // namespace dugong::node
