// Where this host keeps PostgreSQL's programs, for tests against a real server.
#pragma once

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <string>

namespace dugong::node {

// installed_postgres: the bin directory of the newest server that Debian's layout shows, or nothing.
inline std::string installed_postgres() {
  const std::filesystem::path versions = "/usr/lib/postgresql";
  if (!std::filesystem::exists(versions)) return {};
  int newest = 0;
  for (const auto& entry : std::filesystem::directory_iterator{versions}) {
    const auto name = entry.path().filename().string();
    int version = 0;
    std::from_chars(name.data(), name.data() + name.size(), version);
    if (std::filesystem::exists(entry.path() / "bin/initdb")) newest = std::max(newest, version);
  }
  return newest == 0 ? std::string{} : (versions / std::to_string(newest) / "bin").string();
}

}  // namespace dugong::node
