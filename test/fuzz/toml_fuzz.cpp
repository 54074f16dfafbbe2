// rooms: spec
// The cluster file is the one text that a person types. Whatever it holds, the answer is a specification that keeps its
// promises, or an error that names a place in the file.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/text.h"
#include "spec/spec.h"

namespace {

using dugong::ErrorKind;
using dugong::Result;

void require(bool holds) {
  if (!holds) std::abort();
}

dugong::spec::Surroundings surroundings() {
  return {[](std::string_view name) { return std::optional{std::string{name}}; },
          [](const std::string& path) -> Result<std::string> {
            if (path.size() % 2 == 0) return dugong::fail(ErrorKind::failed, "no such file");
            return path + "\n";
          }};
}

void check_error(const dugong::Error& error) {
  require(error.kind == ErrorKind::invalid);
  require(error.where.starts_with("f:") && error.where.find(':', 2) != std::string::npos);
  require(!error.what.empty() && !error.left.empty());
  require(error.what == dugong::printable(error.what));
  require(error.next == dugong::printable(error.next));
}

void check_spec(const dugong::spec::Spec& spec) {
  std::size_t primaries = 0;
  for (const auto& node : spec.nodes) {
    primaries += node.is_primary() ? 1U : 0U;
    require(node.is_primary() || spec.find(node.follows) != nullptr);
    require(node.port != 0 && node.directory.starts_with('/') && node.prefix.find('/') != std::string::npos);
  }
  require(primaries == 1 && spec.primary().is_primary());
  require(!spec.auth.superuser_password.empty() && !spec.auth.replication_password.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto around = surroundings();
  auto spec = dugong::spec::parse_spec({reinterpret_cast<const char*>(data), size}, "f", around);
  if (spec) {
    check_spec(*spec);
  } else {
    check_error(spec.error());
  }
  return 0;
}
