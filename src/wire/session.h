// The asking side of a control connection: up to 16 requests at once over one pair of descriptors.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/units.h"
#include "wire/link.h"

namespace dugong::wire {

inline constexpr std::size_t max_calls = 16;
using ProgressSink = std::function<void(const Progress&)>;  // on the caller's thread, the latest only

struct SessionOptions {
  Timing timing;
  Bytes max_answer = 16 << 20;
};

class Session {
 public:
  explicit Session(Link link, SessionOptions options = {});
  // Ends waiting calls as interrupted and waits until they have returned: within 2 s, and what their progress takes.
  // Not from a ProgressSink of its own.
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Thread-safe; a seventeenth call waits for its turn. Errors: what the peer's handler returned; unreachable (the peer
  // is gone or silent: whether it acted is unknown); timed_out and interrupted (the peer was told to cancel); failed
  // (the answer is larger than max_answer).
  Result<std::string> call(std::string_view name, std::string_view body, Deadline deadline,
                           const std::stop_token& stop = {}, const ProgressSink& progress = {});
  [[nodiscard]] const Hello& peer() const;
  [[nodiscard]] bool alive() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace dugong::wire
