#include "node/places.h"

namespace dugong::node {
namespace {

std::string parent_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

std::string first_directory(const std::string& path) {
  const auto slash = path.find('/', 1);
  return slash == std::string::npos ? "/" : path.substr(0, slash);
}

}  // namespace

os::Place Places::at(const std::string& path) const {
  std::string root;
  for (const auto& directory : directories_) {
    if (!os::is_below(path, directory)) continue;
    // The directory itself is made, looked at and taken away by its name in the one above.
    const auto candidate = path == directory ? parent_of(directory) : directory;
    if (candidate.size() > root.size()) root = candidate;
  }
  return {root.empty() ? first_directory(path) : root, path};
}

}  // namespace dugong::node
