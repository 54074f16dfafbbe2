// `init`: a cluster file to start from.
#include <fmt/format.h>

#include "base/text.h"
#include "cli/command.h"
#include "spec/names.h"
#include "spec/spec.h"

namespace dugong::cli {

Result<int> run_init(const Arguments& arguments, World& world) {
  const auto& name = arguments.cluster;
  if (const auto complaint = spec::check_name(name))
    return fail(Error{ErrorKind::invalid,
                      fmt::format("'{}' cannot be a cluster's name: {}", printable(name), complaint->what), "--cluster",
                      "nothing was written", complaint->next});
  switch (TRY(world.write_new_file(arguments.out, spec::example_file(name)))) {
    case World::Written::existed:
      return fail(Error{ErrorKind::invalid,
                        fmt::format("{} is there already", arguments.out),
                        {},
                        "it was left as it is",
                        "name another with --out, or move it away"});
    case World::Written::created:
      break;
  }
  world.out << fmt::format("{} written; edit it, then run `dugong plan`\n", arguments.out);
  return exits::ok;
}

}  // namespace dugong::cli
