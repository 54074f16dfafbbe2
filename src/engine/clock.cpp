#include "engine/clock.h"

#include "os/clock.h"

namespace dugong::engine {

Steady::time_point SystemClock::now() { return os::now(); }
std::int64_t SystemClock::wall_ns() { return os::wall_ns(); }
std::int64_t SystemClock::wall_seconds() { return os::wall_ns() / 1'000'000'000; }
bool SystemClock::sleep(Millis duration, std::stop_token stop) {
  return os::sleep_for(duration, stop) == os::Slept::whole;
}

}  // namespace dugong::engine
