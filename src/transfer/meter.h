// Rate and remaining time of a transfer from what was seen over the last seconds. Pure: time is an argument.
#pragma once

#include <deque>
#include <optional>

#include "base/units.h"

namespace dugong::transfer {

class Meter {
 public:
  explicit Meter(Steady::time_point started, Millis window = Millis{10'000});
  void add(Steady::time_point now, Bytes done);                         // `done`: the total so far
  [[nodiscard]] double bytes_per_second(Steady::time_point now) const;  // over the window; 0 after a silent one
  // Absent: no total, no rate, or already more than the total (it was an estimate).
  [[nodiscard]] std::optional<double> eta_seconds(Steady::time_point now, std::optional<Bytes> total) const;

 private:
  struct Point {
    Steady::time_point at;
    Bytes done = 0;
  };
  Millis window_;
  std::deque<Point> points_;
  Bytes done_ = 0;
};

}  // namespace dugong::transfer
