// Waiting that is judged by progress: a recovery may take hours, a silent standstill may not.
#pragma once

#include <functional>
#include <string>

#include "engine/engine.h"

namespace dugong::engine {

struct Glance {
  bool done = false;
  std::string progress;    // anything that changes while it moves; also what the user sees
  std::uint64_t work = 0;  // changes while it moves too, and is not shown
};

// Looks every `pace` until done. Errors: what `look` returned; timed_out when neither `progress` nor `work` has
// changed for `stall`.
Result<> wait_for(Context& context, const std::string& text, Millis pace, Millis stall,
                  const std::function<Result<Glance>()>& look);

// Errors besides: failed when the server stopped again; refused when it goes on refusing our superuser.
Result<> wait_ready(Context& context, const spec::Node& node);
Result<> wait_streaming(Context& context, const spec::Node& node, const std::string& upstream);

}  // namespace dugong::engine
