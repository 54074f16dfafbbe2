// `dugong verify`: tries on the nodes what report/verify.h judges. Writes only to the schema dugong_verify.
#pragma once

#include <string>
#include <vector>

#include "engine/engine.h"
#include "report/verify.h"

namespace dugong::engine {

struct VerifyOptions {
  std::vector<std::string> tables;   // "schema.name", besides our own hypertable
  Bytes max_chunk = Bytes{1} << 30;  // a larger one is not read
};

// Everything that could be tried, in the order of the nodes. Error interrupted only: what fails is a Check.
Result<std::vector<report::Check>> verify(Context& context, const VerifyOptions& options);
// The same for whoever has looked already (at least Depth::verify).
Result<std::vector<report::Check>> verify_seen(Context& context, const cluster::Observed& seen,
                                               const VerifyOptions& options);

}  // namespace dugong::engine
