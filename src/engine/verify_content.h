// The part of verify that reads tables: the same rows everywhere, at a moment when all have replayed the same.
#pragma once

#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/verify.h"
#include "report/verify.h"

namespace dugong::engine {

// A row of ours written on the primary; when a replica shows it, it has replayed all that came before.
Result<std::string> write_probe(Context& context, const spec::Node& primary);
report::Arrival await_probe(Context& context, const std::string& replica, const std::string& token);

// One check per replica and table. `has_timescaledb`: our hypertable is there.
std::vector<report::Check> verify_content(Context& context, const spec::Node& primary,
                                          const std::vector<std::string>& replicas, bool has_timescaledb,
                                          const VerifyOptions& options);

}  // namespace dugong::engine
