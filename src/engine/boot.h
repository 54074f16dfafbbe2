// Starting this machine's nodes after it has booted: look, judge, act, and look again, until the server runs or the
// reason why it does not is known.
#pragma once

#include <functional>
#include <set>
#include <stop_token>
#include <string>
#include <variant>

#include "cluster/boot.h"
#include "engine/engine.h"
#include "node/node.h"

namespace dugong::engine {

struct BootContext {
  node::Node& node;  // this machine
  Clock& clock;
  std::function<void(const std::string&)> tell;  // one line of what is done
  std::stop_token stop;
  std::string holder;               // shown to whoever finds the lock taken
  std::set<std::string> without{};  // peers that the operator knows not to lead
};

struct Booted {
  std::string code;  // "started" or "running"
};
using BootOutcome = std::variant<Booted, cluster::BootRefusal>;

BootOutcome boot(BootContext& context, cluster::BootRecord record);

}  // namespace dugong::engine
