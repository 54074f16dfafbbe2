// Sizes, rates and times as people read them.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace dugong {

using Bytes = std::uint64_t;
using Steady = std::chrono::steady_clock;
using Millis = std::chrono::milliseconds;

// 1536 → "1.5 KiB". Powers of 1024, three significant digits.
std::string human_bytes(Bytes bytes);
// "8G", "512MiB", "1.5 TB" → bytes; B, K, M, G, T with or without i and B, all powers of 1024 (as PostgreSQL and ZFS
// do). Errors: invalid.
Result<Bytes> parse_bytes(std::string_view text);
// "10ms", "2.5 s", "5min", "1h" (PostgreSQL's words), up to 10,000 hours; a bare number only if it is 0. Errors:
// invalid.
Result<Millis> parse_duration(std::string_view text);
// 3723 s → "1 h 02 min"; 5.3 s → "5.3 s". Below zero: "0 s"; not finite: "unknown".
std::string human_duration(std::chrono::duration<double> duration);

// A point on the monotonic clock by which something must have ended. Travels between processes as remaining time.
struct Deadline {
  Steady::time_point at = Steady::time_point::max();
  static Deadline after(Steady::time_point now, Millis timeout) { return {now + timeout}; }
  [[nodiscard]] Millis remaining(Steady::time_point now) const {
    return at <= now ? Millis{0} : std::chrono::duration_cast<Millis>(at - now);
  }
  [[nodiscard]] bool passed(Steady::time_point now) const { return at <= now; }
};

}  // namespace dugong
