// How fast a copy may go, changeable while it runs. A piece goes when the ones before it have had their time at the
// rate, so there are no bursts that a disk would feel.
#pragma once

#include <chrono>
#include <condition_variable>
#include <limits>
#include <mutex>
#include <stop_token>

#include "base/units.h"

namespace dugong::transfer {

inline constexpr double unlimited = std::numeric_limits<double>::infinity();

// Thread-safe: one thread lets bytes through, any may set the rate.
class Pace {
 public:
  // Bytes per second, above 0; counts at once, also for whoever waits.
  void set(double rate);
  // Returns when `bytes` may go, or at a stop.
  void let_through(Bytes bytes, const std::stop_token& stop);

  struct Count {
    Bytes bytes = 0;                       // let through since the beginning
    std::chrono::duration<double> held{};  // the time that cost
  };
  [[nodiscard]] Count count() const;

 private:
  void settle(Steady::time_point now);  // takes off what the time since then has paid

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  double rate_ = unlimited;
  double owed_ = 0;  // bytes let through whose time has not passed at `settled_`
  Steady::time_point settled_{};
  Count count_;
};

}  // namespace dugong::transfer
