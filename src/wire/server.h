// The answering side of a control connection.
#pragma once

#include <functional>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "base/units.h"
#include "wire/link.h"
#include "wire/session.h"

namespace dugong::wire {

struct Ask {
  std::string name;
  std::string body;
  Deadline deadline;
};
// Runs on one of at most 16 threads. The stop token fires when the caller cancels, its deadline passes or it is gone.
using Handler = std::function<Result<std::string>(const Ask&, std::stop_token, const ProgressSink&)>;

struct ServerOptions {
  Timing timing;
  Bytes max_ask = 16 << 20;
  Millis handlers_grace{10'000};  // how long serve() waits for handlers after their stop
};

// Answers until the peer closes (success), is lost, sends garbage (unreachable) or `stop` fires (interrupted). All
// handlers have been stopped then. Error timed_out: some did not end within the grace — they still run, on threads of
// their own and a copy of `handler`, so the process should end now.
Result<void> serve(Link link, Handler handler, const std::stop_token& stop = {}, ServerOptions options = {});

}  // namespace dugong::wire
