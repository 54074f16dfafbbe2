// The engine's doors to the simulated world: a node, the fleet, the clock.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "engine/engine.h"
#include "node/node.h"
#include "test/sim/world.h"

namespace dugong::sim {

class SimNode : public node::Node {
 public:
  SimNode(World& world, std::uint64_t controller, std::string name)
      : world_{world}, controller_{controller}, name_{std::move(name)} {}
  Result<node::Answer> call(const node::Request& request, Deadline deadline, std::stop_token stop) override;

 private:
  World& world_;
  std::uint64_t controller_ = 0;
  std::string name_;
};

class SimFleet : public node::Fleet {
 public:
  SimFleet(World& world, std::uint64_t controller);
  Result<node::Node*> node(const std::string& name) override;
  Result<node::CopyResult> copy(const node::CopyRequest& request, const node::CopyProgress& progress, Deadline deadline,
                                std::stop_token stop) override;

 private:
  World& world_;
  std::uint64_t controller_ = 0;
  std::map<std::string, SimNode> nodes_;
};

// The engine's waits pass in virtual time.
class SimClock : public engine::Clock {
 public:
  explicit SimClock(World& world) : world_{world} {}
  Steady::time_point now() override { return world_.now(); }
  std::int64_t wall_seconds() override { return world_.wall_ns() / 1'000'000'000; }
  std::int64_t wall_ns() override { return world_.wall_ns(); }
  bool sleep(Millis duration, std::stop_token stop) override {
    if (stop.stop_requested()) return false;
    world_.sleep(duration);
    return !stop.stop_requested();
  }

 private:
  World& world_;
};

// "Clone", for messages.
std::string name_of(const node::Request& request);

// What the request does there and then; the caller has dealt with time, death and faults.
Result<node::Answer> perform(State& state, Host& host, std::uint64_t controller, const node::Request& request);

}  // namespace dugong::sim
