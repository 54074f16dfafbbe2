// Everything dugong writes as JSON; docs/json.md is the contract. 64-bit identities and positions are strings, what is
// not known is null. The one place of this room that knows the JSON library.
#pragma once

#include <string>
#include <vector>

#include "base/event.h"
#include "cluster/space.h"
#include "cluster/step.h"
#include "report/check.h"
#include "report/health.h"
#include "report/verify.h"

namespace dugong::cli {

inline constexpr int schema_version = 1;

enum class Layout { one_line, indented };

std::string event_json(const Event& event);  // one line, no newline
std::string status_json(const report::ClusterStatus& status, std::int64_t wall_seconds, Layout layout);
std::string space_json(const std::string& cluster, const std::vector<cluster::NodeSpace>& nodes,
                       std::int64_t wall_seconds);
std::string plan_json(const std::string& cluster, const cluster::Plan& plan);
std::string checks_json(const std::string& cluster, const std::vector<report::Check>& checks);
std::string findings_json(const std::string& cluster, const std::vector<report::Finding>& findings,
                          std::int64_t wall_seconds);
struct Outcome {
  std::string cluster;
  std::size_t steps = 0;  // 0: nothing had to be done
  double seconds = 0;
  std::vector<std::string> notes;
};
std::string outcome_json(const Outcome& outcome);
// Of a `node` verb: what was, or would be, done on each host.
struct HostOutcome {
  std::string host;
  bool changed = false;
  std::vector<std::string> steps;
  std::vector<std::string> notes;
};
std::string hosts_json(const std::vector<HostOutcome>& hosts);
std::string version_json(const std::string& version);

}  // namespace dugong::cli
