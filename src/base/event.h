// What happens while a plan runs, as data: rendered by cli as lines or a progress bar, by the agent as metrics.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "base/result.h"
#include "base/units.h"

namespace dugong {

struct StepStarted {
  std::size_t number = 0;  // from 1
  std::size_t total = 0;
  std::string text;  // "b: clone tank/dex/anchor-0@… as tank/dex/live-0"
};
struct StepDone {
  std::size_t number = 0;
  std::size_t total = 0;
  std::string text;
  double seconds = 0;
  std::string evidence;  // what was seen afterwards; may be empty
};
struct TransferProgress {
  std::string text;  // "a → b"
  Bytes done = 0;
  std::optional<Bytes> total;         // estimate; absent: unknown
  double bytes_per_second = 0;        // over the last few seconds
  std::optional<double> eta_seconds;  // absent: unknown
};
struct WaitProgress {
  std::string text;  // "b: replaying WAL"
  std::string detail;
};
struct Note {
  std::string text;
};
struct Warning {
  std::string text;
};

using Event = std::variant<StepStarted, StepDone, TransferProgress, WaitProgress, Note, Warning>;

}  // namespace dugong
