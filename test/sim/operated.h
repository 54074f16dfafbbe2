// A cluster file and the world in which it is carried out, by a controller of its own each time, as operators do it.
#pragma once

#include <set>
#include <string>
#include <utility>

#include "cluster/fence.h"
#include "cluster/plan_up.h"
#include "engine/engine.h"
#include "test/sim/parts.h"
#include "test/sim/world.h"

namespace dugong::sim::kit {

struct Operated {
  explicit Operated(spec::Spec file) : spec{std::move(file)} {}
  spec::Spec spec;
  World world{{.seed = 1, .secrets = {"sup3r", "mirr0r"}}};

  // With locks on `only`, or on all. An error without words: it went through.
  Error run(const std::set<std::string>& only, const engine::Planner& planner) {
    auto fleet = world.new_controller();
    SimClock clock{world};
    engine::Context context{spec, *fleet, clock, [](const Event&) {}, {}, "test"};
    if (auto locked = engine::lock_all(context, only); !locked) return locked.error();
    const auto done = engine::converge(context, planner);
    return done ? Error{} : done.error();
  }
  Error up() {
    return run({}, [&](const cluster::Observed& seen) { return cluster::plan_up(spec, seen, {}); });
  }
  Error down() {
    return run({}, [&](const cluster::Observed& seen) { return cluster::plan_down(spec, seen, {}); });
  }
  Error fence(const std::string& node) {
    return run({node}, [&](const cluster::Observed& seen) {
      return cluster::plan_fence(spec, seen, {.node = node, .by = "dugong fence, root@ops, pid 12"});
    });
  }
  Error unfence(const std::string& node) {
    return run({node}, [&](const cluster::Observed& seen) { return cluster::plan_unfence(spec, seen, node); });
  }

  bool runs(const std::string& node) {
    const auto* server = world.server_on(node);
    return server != nullptr && server->running();
  }
  std::string violations() {
    std::string text;
    for (const auto& one : world.violations()) text += one + "\n";
    return text;
  }
};

}  // namespace dugong::sim::kit
