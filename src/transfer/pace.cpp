#include "transfer/pace.h"

#include <algorithm>
#include <cmath>

#include "os/clock.h"

namespace dugong::transfer {

void Pace::settle(Steady::time_point now) {
  const double passed = std::chrono::duration<double>(now - settled_).count();
  owed_ = std::isfinite(rate_) ? std::max(0.0, owed_ - passed * rate_) : 0;
  settled_ = now;
}

void Pace::set(double rate) {
  const std::lock_guard lock{mutex_};
  settle(os::now());
  rate_ = rate;
  changed_.notify_all();
}

void Pace::let_through(Bytes bytes, const std::stop_token& stop) {
  std::unique_lock lock{mutex_};
  const auto came = os::now();
  settle(came);
  while (owed_ > 0 && !stop.stop_requested()) {
    // A very low rate must not overflow the clock.
    const std::chrono::duration<double> wait{std::min(owed_ / rate_, 60.0)};
    changed_.wait_for(lock, stop, wait, [&, rate = rate_] { return rate != rate_; });
    settle(os::now());
  }
  count_.held += os::now() - came;
  count_.bytes += bytes;
  owed_ += static_cast<double>(bytes);
}

Pace::Count Pace::count() const {
  const std::lock_guard lock{mutex_};
  return count_;
}

}  // namespace dugong::transfer
