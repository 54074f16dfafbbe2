// `serve` and `version`: the two that need no cluster file.
#include "cli/command.h"
#include "cli/json.h"
#include "wire/protocol.h"

namespace dugong::cli {

// Standard output carries the protocol: nothing else may be written to it.
Result<int> run_serve(const Arguments&, World& world) {
  TRY(world.serve(world.stop));
  return exits::ok;
}

Result<int> run_version(const Arguments& arguments, World& world) {
  if (arguments.output == Output::json)
    world.out << version_json(wire::own_version()) << "\n";
  else
    world.out << "dugong " << wire::own_version() << "\n";
  return exits::ok;
}

}  // namespace dugong::cli
