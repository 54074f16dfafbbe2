// The proofs of `verify` for people.
#pragma once

#include <string>
#include <vector>

#include "cli/text_style.h"
#include "report/verify.h"

namespace dugong::cli {

// One line per check, then "12 ok, 1 failed, 2 skipped".
std::string render_checks(const std::vector<report::Check>& checks, const Style& style);

}  // namespace dugong::cli
