// SIGINT, SIGTERM and SIGHUP as a stop request instead of a handler: nothing runs in signal context.
#pragma once

#include <stop_token>
#include <thread>

#include "os/fd.h"

namespace dugong::os {

void ignore_sigpipe();
// What a program that is about to be run expects: nothing blocked, SIGPIPE and SIGCHLD as they are by default. An
// ignored or blocked signal stays so across exec. Async-signal-safe.
void default_signals();

// Made first in main, before any other thread: it blocks them for the threads that follow. A second signal ends
// the process at once with 128 + its number. SIGPIPE is ignored. Children, and what
// replaces this process, get the default dispositions back.
class Signals {
 public:
  Signals();
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;
  [[nodiscard]] std::stop_token token() const { return source_.get_token(); }
  [[nodiscard]] std::stop_source& source() { return source_; }

 private:
  std::stop_source source_;
  Fd signal_fd_;
  std::jthread thread_;
};

}  // namespace dugong::os
