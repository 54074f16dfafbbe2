// What forbids touching a node, one rule at a time: `up` ends at the first that refuses, `check` tells them all.
#pragma once

#include <string_view>
#include <vector>

#include "cluster/ground.h"

namespace dugong::cluster {

struct Rule {
  enum class Of { every_node, primary, replica };
  std::string_view id;
  Of of = Of::every_node;
  Result<> (*judge)(const Ground& node, const Ground& primary) = nullptr;  // Error: refused
};
// In the order in which `up` asks them of each node, the primary first.
const std::vector<Rule>& rules();
bool applies(const Rule& rule, const spec::Node& node);

}  // namespace dugong::cluster
