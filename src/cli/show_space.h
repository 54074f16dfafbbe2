// `space` for people: a block per node, the largest part first, and at its end what could be freed.
#pragma once

#include <string>
#include <vector>

#include "cli/text_style.h"
#include "cluster/space.h"

namespace dugong::cli {

// "?" is not known, and never a 0; parts that are empty are left out.
std::string render_space(const std::string& cluster, const std::vector<cluster::NodeSpace>& nodes, const Style& style);

}  // namespace dugong::cli
