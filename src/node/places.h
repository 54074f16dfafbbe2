// From where a path of a request is opened. The policy judges it as text; what it allows is opened below the directory
// that it was allowed for, and no symlink is followed from there on: whoever owns a directory in between (the server's
// user, a received dataset) must not choose what root reads or writes.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "os/files.h"

namespace dugong::node {

class Places {
 public:
  // Without directories: those directly below "/", which only root makes. Links that lead to one are the operator's.
  Places() = default;
  explicit Places(std::vector<std::string> directories) : directories_{std::move(directories)} {}
  [[nodiscard]] os::Place at(const std::string& path) const;

 private:
  std::vector<std::string> directories_;
};

}  // namespace dugong::node
