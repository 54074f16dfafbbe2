// Preflight: what stands in the way of a cluster, or will, before anybody runs into it. Pure; engine/check.h asks.
//
// Every finding is one subject on one node: what was seen, what follows from it, and the command or line that helps.
// What could not be seen is `unknown` with the reason, never `ok`. docs/check.md lists the subjects.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cluster/observed.h"
#include "postgres/identifiers.h"
#include "spec/spec.h"

namespace dugong::report {

enum class Severity {  // worst last
  ok,
  note,     // works, and is worth knowing
  unknown,  // could not be seen
  warning,  // works now, and will cost something
  critical,
};
std::string to_string(Severity severity);

struct Finding {
  std::string id;  // "pool-health"
  std::string node;
  Severity severity = Severity::unknown;
  std::string evidence;     // the value that was seen
  std::string consequence;  // empty when it is ok
  std::string remedy;       // a command, or the line to change; empty when it is ok
  friend bool operator==(const Finding&, const Finding&) = default;
};

// What was tried beside looking at every node.
struct Tried {
  std::map<std::string, cluster::Sample<runtime::Engine>> engines;  // by node; containers only
  // A replication login without a password, from one node to the address of another: (from, to).
  std::map<std::pair<std::string, std::string>, cluster::Sample<postgres::LoginAnswer>> logins;
};

// Node by node in the order of the file, each node's in the order of check_ids(). Of a node that is not reached there
// is one finding, "reachable". `only` empty: all nodes.
std::vector<Finding> check(const spec::Spec& spec, const cluster::Observed& seen, const Tried& tried,
                           const std::set<std::string>& only);
// Of every subject that there is, in order.
std::vector<std::string> check_ids();

}  // namespace dugong::report
