// A fence: a node that must not run its server, whoever tries to start it, until somebody takes the fence away.
//
// The mark on the parent dataset is what `up`, `dugong node start` and status go by. The rest stops those who do not
// ask dugong: there is no container to start, no service in the Compose file, and no data directory, because the
// dataset is not mounted and cannot be. Should somebody bring all of that back by hand, standby.signal still keeps the
// server from taking writes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "cluster/observed.h"
#include "cluster/step.h"
#include "spec/spec.h"

namespace dugong::cluster {

struct Fence {
  // Its data had no standby.signal: the one there is the fence's own. Nothing: the data was not to be seen.
  std::optional<bool> was_primary;
  std::int64_t since = 0;  // seconds since 1970, controller's clock; 0: not known
  std::string by;
  friend bool operator==(const Fence&, const Fence&) = default;
};

// Of the marked parent. A mark that cannot be read is a fence too.
std::optional<Fence> fence_of(const zfs::Dataset& parent);
// "since 2026-11-23 17:50:00 UTC, by dugong fence, root@ops, pid 12"
std::string describe(const Fence& fence);

struct FenceOptions {
  std::string node;
  std::string by;
};
// Empty: it is fenced. Errors: refused (it cannot be seen, somebody else's server is on its data), invalid (no such
// node).
Result<Plan> plan_fence(const spec::Spec& spec, const Observed& seen, const FenceOptions& options);
// Leaves the server stopped; a primary's standby.signal goes, unless another node leads: then it is refused.
Result<Plan> plan_unfence(const spec::Spec& spec, const Observed& seen, const std::string& node);

}  // namespace dugong::cluster
