// A stop of one's own that also fires with somebody else's, and at a deadline.
#pragma once

#include <atomic>
#include <optional>
#include <stop_token>
#include <thread>

#include "base/units.h"

namespace dugong::node {

class LinkedStop {
 public:
  explicit LinkedStop(const std::stop_token& upstream, Deadline deadline = {});
  [[nodiscard]] std::stop_token token() const { return source_.get_token(); }
  void request() { source_.request_stop(); }
  [[nodiscard]] bool timed_out() const { return timed_out_; }

 private:
  struct Pass {
    std::stop_source source;
    void operator()() { source.request_stop(); }
  };
  std::stop_source source_;
  std::atomic<bool> timed_out_ = false;
  std::stop_callback<Pass> upstream_;
  std::jthread clock_;  // last: joined before what it uses is gone
};

}  // namespace dugong::node
