// From what is there to what the cluster file says: `up` and `replica add`.
#pragma once

#include <map>
#include <set>
#include <string>

#include "base/result.h"
#include "cluster/observed.h"
#include "cluster/step.h"
#include "spec/spec.h"

namespace dugong::cluster {

struct UpOptions {
  std::set<std::string> only;  // replicas to be brought up; empty: the whole file. Others are looked at, never touched.
};

// An empty plan without `more`: everything is as the file says. Errors: refused (with what to do) and conflict.
Result<Plan> plan_up(const spec::Spec& spec, const Observed& seen, const UpOptions& options);

struct AbandonOptions {
  std::set<std::string> only;  // as given to plan_up
  // slots_by_node() of the first observation: what was there before the run is not the run's to take back.
  std::map<std::string, std::set<std::string>> slots_before;
};
// After an `up` that failed: what must not stay behind (slots of replicas that never came to stream).
Plan plan_abandon(const spec::Spec& spec, const Observed& seen, const AbandonOptions& options = {});
// Names of slots by node; a node whose server did not answer is missing.
std::map<std::string, std::set<std::string>> slots_by_node(const Observed& seen);

struct DownOptions {
  std::set<std::string> only;  // nodes; empty: all
  bool destroy = false;
};
// Followers first, then their upstreams, the primary last. With destroy: containers, datasets with our mark, our
// directories.
Result<Plan> plan_down(const spec::Spec& spec, const Observed& seen, const DownOptions& options);

// Everything that forbids touching a node at all, each refusal with what to do. plan_up asks it before any step.
Result<> judge_ground(const spec::Spec& spec, const Observed& seen, const UpOptions& options);

}  // namespace dugong::cluster
