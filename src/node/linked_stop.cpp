#include "node/linked_stop.h"

#include "os/clock.h"

namespace dugong::node {

LinkedStop::LinkedStop(const std::stop_token& upstream, Deadline deadline) : upstream_{upstream, Pass{source_}} {
  if (deadline.at == Steady::time_point::max()) return;
  clock_ = std::jthread{[this, deadline](const std::stop_token& over) {
    if (os::sleep_for(deadline.remaining(os::now()), over) == os::Slept::stopped) return;
    timed_out_ = true;
    source_.request_stop();
  }};
}

}  // namespace dugong::node
