// The nodes of a cluster along the lines of streaming; those that are equally far from the primary as the file has
// them.
#pragma once

#include <vector>

#include "spec/spec.h"

namespace dugong::cluster {

std::vector<const spec::Node*> upstreams_first(const spec::Spec& spec);  // begins with the primary
std::vector<const spec::Node*> followers_first(const spec::Spec& spec);  // ends with it

}  // namespace dugong::cluster
