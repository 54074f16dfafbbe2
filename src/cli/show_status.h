// `status` for people: a line per node, then every reason.
#pragma once

#include <string>

#include "cli/text_style.h"
#include "report/health.h"

namespace dugong::cli {

// "-" does not apply, "?" is not known: neither is ever a 0.
std::string render_status(const report::ClusterStatus& status, const Style& style);

}  // namespace dugong::cli
