// Which cluster file, and what is in it.
#pragma once

#include <string>

#include "base/result.h"
#include "cli/command.h"
#include "cli/world.h"
#include "spec/spec.h"

namespace dugong::cli {

// --file or $DUGONG_FILE as given, else the first that exists of ./dugong.toml and /etc/dugong/dugong.toml. Errors:
// invalid.
Result<std::string> find_cluster_file(const Arguments& arguments, const World& world);
// Errors: invalid, with file:line:column.
Result<spec::Spec> load_spec(const Arguments& arguments, const World& world);

}  // namespace dugong::cli
