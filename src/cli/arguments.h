// From words to Arguments. The parsing library stays behind this header.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "cli/command.h"

namespace dugong::cli {

struct HelpWanted {
  const CommandRow* command = nullptr;  // null: of the whole program
};
struct VersionWanted {};
struct Invocation {
  const CommandRow* command = nullptr;
  Arguments arguments;
};
using Parsed = std::variant<Invocation, HelpWanted, VersionWanted>;
using Environment = std::function<std::optional<std::string>(std::string_view)>;

// `words` without the program's own name. What the command line leaves out comes from the environment. Errors: invalid.
Result<Parsed> parse_arguments(const std::vector<std::string>& words, const Environment& environment);

}  // namespace dugong::cli
