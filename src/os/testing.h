// For tests of this room and of those that build on it: a directory that disappears again.
#pragma once

#include <cerrno>
#include <filesystem>
#include <gtest/gtest.h>
#include <signal.h>
#include <string>

#include "os/clock.h"

namespace dugong::os {

class TempDir {
 public:
  TempDir() : path_{std::filesystem::temp_directory_path() / ("dugong-test-" + random_token(8))} {
    std::filesystem::create_directories(path_);
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  [[nodiscard]] std::string path(const std::string& name = {}) const { return name.empty() ? path_ : path_ / name; }

 private:
  std::filesystem::path path_;
};

inline bool process_exists(int pid) { return pid > 0 && (::kill(pid, 0) == 0 || errno == EPERM); }

}  // namespace dugong::os
