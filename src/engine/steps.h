// The steps that are more than one question to one node.
#pragma once

#include "engine/engine.h"

namespace dugong::engine {

Result<> set_password(Context& context, const spec::Node& node, const cluster::SetPassword& action);
Result<> prove_archive(Context& context, const spec::Node& node, const cluster::ProveArchive& action);
Result<> take_snapshot(Context& context, const spec::Node& node, const cluster::TakeSnapshot& action);
Result<> copy_snapshot(Context& context, const spec::Node& node, const cluster::CopySnapshot& action);

// Switches a segment on the primary and returns its name once the archive holds the same bytes as pg_wal.
Result<std::string> switch_and_compare(Context& context, const spec::Node& node, const std::string& pg_wal,
                                       const std::string& archive);

}  // namespace dugong::engine
