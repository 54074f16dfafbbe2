// Waiting that is judged by progress: a recovery may take hours, a silent standstill may not.
#pragma once

#include <functional>
#include <string>

#include "engine/engine.h"

namespace dugong::engine {

struct Glance {
  bool done = false;
  std::string progress;  // anything that changes while it moves; also what the user sees
};

// Looks every `pace` until done. Errors: what `look` returned; timed_out when `progress` has been the same for `stall`.
Result<> wait_for(Context& context, const std::string& text, Millis pace, Millis stall,
                  const std::function<Result<Glance>()>& look);

Result<> wait_ready(Context& context, const spec::Node& node);
Result<> wait_streaming(Context& context, const spec::Node& node, const std::string& upstream);

}  // namespace dugong::engine
