// A copy that gives way: commits on the sender's own server are timed, before it begins and while it runs, and the copy
// goes slower when they do. What a client waits for is a commit, so that is what is looked at, not the load of a disk.
#pragma once

#include <stop_token>
#include <thread>
#include <vector>

#include "node/node.h"
#include "transfer/governor.h"
#include "transfer/pace.h"

namespace dugong::node {

class Yielding {
 public:
  // Times the first commits, for a few seconds at most: to be made before the copy begins. Then it goes on until it is
  // destroyed. Where commits cannot be timed (no server there, no connection left) the pace stays what it was; it
  // begins without a limit.
  Yielding(Node& sender, Yield yield, transfer::Pace& pace, const std::stop_token& stop);

 private:
  using Seconds = transfer::Governor::Seconds;
  Result<std::vector<Seconds>> time_commits(const std::stop_token& stop);
  void learn(double moved, const std::stop_token& stop);
  void govern(const std::stop_token& stop);

  Node& sender_;
  Yield yield_;
  transfer::Pace& pace_;
  transfer::Governor governor_;
  std::jthread thread_;  // last: joined before what it uses is gone
};

}  // namespace dugong::node
