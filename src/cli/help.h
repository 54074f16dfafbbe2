// What --help prints, and the tables of docs/cli.md: both from the command table.
#pragma once

#include <string>

#include "cli/command.h"

namespace dugong::cli {

std::string render_help();
std::string render_help(const CommandRow& command);
// The part of docs/cli.md between its two "generated" marks.
std::string render_reference();

}  // namespace dugong::cli
