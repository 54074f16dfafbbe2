#include "transfer/meter.h"

#include <algorithm>

namespace dugong::transfer {
namespace {

// Enough for a smooth rate; keeps the memory of a fast transfer bounded.
constexpr Millis spacing{100};

double seconds(Steady::duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

Meter::Meter(Steady::time_point started, Millis window) : window_{window} { points_.push_back({started, 0}); }

void Meter::add(Steady::time_point now, Bytes done) {
  done_ = done;
  if (now - points_.back().at < spacing) return;
  points_.push_back({now, done});
  // The newest point that is older than the window stays: the rate starts there.
  while (points_.size() > 1 && points_[1].at <= now - window_) points_.pop_front();
}

double Meter::bytes_per_second(Steady::time_point now) const {
  const auto newer =
      std::find_if(points_.begin(), points_.end(), [&](const Point& point) { return point.at > now - window_; });
  const Point& base = newer == points_.begin() ? points_.front() : *std::prev(newer);
  const double passed = seconds(now - base.at);
  return passed > 0 ? static_cast<double>(done_ - base.done) / passed : 0;
}

std::optional<double> Meter::eta_seconds(Steady::time_point now, std::optional<Bytes> total) const {
  const double rate = bytes_per_second(now);
  if (!total || *total < done_ || rate <= 0) return std::nullopt;
  return static_cast<double>(*total - done_) / rate;
}

}  // namespace dugong::transfer
