#include "cluster/order.h"

#include <algorithm>
#include <functional>

namespace dugong::cluster {
namespace {

// The spec has no cycles.
std::size_t distance(const spec::Spec& spec, const spec::Node* node) {
  std::size_t steps = 0;
  for (; !node->is_primary(); ++steps) node = spec.find(node->follows);
  return steps;
}

template <class Compare>
std::vector<const spec::Node*> by_distance(const spec::Spec& spec, Compare compare) {
  std::vector<const spec::Node*> order;
  for (const auto& node : spec.nodes) order.push_back(&node);
  std::ranges::stable_sort(order, compare, [&](const spec::Node* node) { return distance(spec, node); });
  return order;
}

}  // namespace

std::vector<const spec::Node*> upstreams_first(const spec::Spec& spec) { return by_distance(spec, std::less<>{}); }
std::vector<const spec::Node*> followers_first(const spec::Spec& spec) { return by_distance(spec, std::greater<>{}); }

}  // namespace dugong::cluster
