// An Error as the operator reads it, once: what happened, where, what was left as it is, what to run next.
#pragma once

#include <string>

#include "base/result.h"
#include "cli/text_style.h"

namespace dugong::cli {

std::string render_error(const Error& error, const Style& style);
int exit_code(ErrorKind kind);

}  // namespace dugong::cli
