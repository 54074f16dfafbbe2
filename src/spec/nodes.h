// The [[node]] tables: each by itself, and then what they are to each other.
#pragma once

#include <vector>

#include "base/result.h"
#include "spec/fields.h"
#include "spec/spec.h"

namespace dugong::spec {

// `spec` is filled but for its nodes. Guarantees on success: names, prefixes, directories and ports do not collide,
// there is exactly one primary, and following leads from every node to it.
Result<std::vector<Node>> read_nodes(const Context& context, const Value& root, const Spec& spec);

}  // namespace dugong::spec
