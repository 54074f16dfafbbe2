// `verify`: the evidence, line by line.
#include "cli/json.h"
#include "cli/session.h"
#include "cli/show_checks.h"
#include "engine/verify.h"

namespace dugong::cli {

Result<int> run_verify(const Arguments& arguments, World& world) {
  const auto session = TRY(Session::open(arguments, world, "verify"));
  const auto checks =
      engine::verify(session->context(), {.tables = arguments.tables, .max_chunk = arguments.max_chunk});
  session->progress().clear();
  if (!checks) return fail(checks.error());
  if (arguments.output == Output::json)
    world.out << checks_json(session->spec().cluster, *checks) << "\n";
  else
    world.out << render_checks(*checks, session->style());
  return report::all_passed(*checks) ? exits::ok : exits::refused;
}

}  // namespace dugong::cli
