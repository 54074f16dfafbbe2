// Everything dugong writes as JSON; docs/json.md is the contract. 64-bit identities and positions are strings, what is
// not known is null. The one place of this room that knows the JSON library.
#pragma once

#include <string>
#include <vector>

#include "base/event.h"
#include "cluster/health.h"
#include "cluster/step.h"
#include "cluster/verify.h"

namespace dugong::cli {

inline constexpr int schema_version = 1;

enum class Layout { one_line, indented };

std::string event_json(const Event& event);  // one line, no newline
std::string status_json(const cluster::ClusterStatus& status, std::int64_t wall_seconds, Layout layout);
std::string plan_json(const std::string& cluster, const cluster::Plan& plan);
std::string checks_json(const std::string& cluster, const std::vector<cluster::Check>& checks);
struct Outcome {
  std::string cluster;
  std::size_t steps = 0;  // 0: nothing had to be done
  double seconds = 0;
  std::vector<std::string> notes;
};
std::string outcome_json(const Outcome& outcome);
std::string version_json(const std::string& version);

}  // namespace dugong::cli
