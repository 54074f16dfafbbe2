// A copy that gives way: while it runs, commits on the sender's own server are timed, and the copy goes slower when
// they do. What a client waits for is a commit, so that is what is looked at, not the load of a disk.
#pragma once

#include <memory>
#include <stop_token>
#include <thread>

#include "node/node.h"
#include "transfer/governor.h"
#include "transfer/pace.h"

namespace dugong::node {

class Yielding {
 public:
  // Asks `sender` until it is destroyed. Where commits cannot be timed (no server there, no connection left) the pace
  // stays what it was; it begins without a limit.
  Yielding(Node& sender, Yield yield, transfer::Pace& pace);

 private:
  using Seconds = transfer::Governor::Seconds;
  Result<std::vector<Seconds>> time_commits(const std::stop_token& stop);
  void govern(const std::stop_token& stop);

  Node& sender_;
  Yield yield_;
  transfer::Pace& pace_;
  std::jthread thread_;  // last: joined before what it uses is gone
};

}  // namespace dugong::node
