// Time and chance: the only place that asks the kernel for them.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "base/units.h"

namespace dugong::os {

Steady::time_point now();
std::int64_t wall_ns();  // CLOCK_REALTIME, nanoseconds since 1970
Deadline deadline_in(Millis timeout);
enum class Slept { whole, stopped };
Slept sleep_for(Millis duration, const std::stop_token& stop = {});

// `bytes` random bytes of getrandom(2) in hexadecimal.
std::string random_token(std::size_t bytes = 16);

}  // namespace dugong::os
