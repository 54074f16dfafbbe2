// The whole program but for what main wires: words in, exit code out, one error at most.
#pragma once

#include <string>
#include <vector>

#include "cli/world.h"

namespace dugong::cli {

int run(const std::vector<std::string>& words, World& world);

}  // namespace dugong::cli
