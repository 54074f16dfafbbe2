// The environment of this process.
#pragma once

#include <map>
#include <optional>
#include <string>

namespace dugong::os {

std::optional<std::string> env(const std::string& name);
std::map<std::string, std::string> environment();

}  // namespace dugong::os
