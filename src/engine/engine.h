// Observe → plan → execute → observe again, until the plan is empty. The engine never decides; planners never act.
#pragma once

#include <functional>
#include <set>
#include <stop_token>
#include <string>

#include "base/event.h"
#include "base/result.h"
#include "base/units.h"
#include "cluster/observed.h"
#include "cluster/plan_up.h"
#include "cluster/step.h"
#include "node/node.h"
#include "spec/spec.h"

namespace dugong::engine {

// Time for the engine's waits; simulated in tests.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Steady::time_point now() = 0;
  virtual std::int64_t wall_seconds() = 0;
  virtual std::int64_t wall_ns() = 0;
  // Returns early, with false, when stop is requested.
  virtual bool sleep(Millis duration, std::stop_token stop) = 0;
};

struct Context {
  const spec::Spec& spec;
  node::Fleet& fleet;
  Clock& clock;
  std::function<void(const Event&)> emit;
  std::stop_token stop;
  std::string holder;  // shown to whoever finds the lock taken: "dugong up, root@host, pid 12, since …"
};

enum class Depth {  // each has all that the one before it has
  status,           // what status needs: no file contents, no image
  verify,           // and what is installed in the cluster's database
  full,             // what planners need
};

// All nodes in parallel. Never fails as a whole: what could not be learned is a Sample with its reason.
cluster::Observed observe(Context& context, Depth depth);

// Whether work on the nodes `only` touches this one: one of them, the upstream of one, or the primary. Empty: all.
bool concerns(const spec::Spec& spec, const spec::Node& node, const std::set<std::string>& only);
// Locks those nodes in name order, with the datasets and directories that they have; all are held until the fleet's
// sessions end. Of them only the named ones must be reached. Error refused: names the holder.
Result<> lock_all(Context& context, const std::set<std::string>& only = {});

// Runs the steps in order. Errors: of the step that failed, with its node and text; the steps before it are done.
Result<> execute(Context& context, const cluster::Plan& plan);

using Planner = std::function<Result<cluster::Plan>(const cluster::Observed&)>;
struct Converged {
  std::size_t steps = 0;           // 0: nothing had to be done
  std::vector<std::string> notes;  // of all rounds, each once
};
// `first`: a plan the user has already seen and agreed to; run before planning again.
Result<Converged> converge(Context& context, const Planner& planner);

}  // namespace dugong::engine
