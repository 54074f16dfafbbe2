// The real clock behind engine::Clock.
#pragma once

#include "engine/engine.h"

namespace dugong::engine {

class SystemClock final : public Clock {
 public:
  Steady::time_point now() override;
  std::int64_t wall_seconds() override;
  std::int64_t wall_ns() override;
  bool sleep(Millis duration, std::stop_token stop) override;
};

}  // namespace dugong::engine
