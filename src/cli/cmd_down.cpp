// `down`: stopping, and with two consents destroying.
#include <fmt/format.h>

#include "base/text.h"
#include "cli/change.h"
#include "cli/show_plan.h"
#include "cluster/plan_up.h"

namespace dugong::cli {

Result<int> run_down(const Arguments& arguments, World& world) {
  if (!arguments.confirm.empty() && !arguments.destroy)
    return fail(Error{ErrorKind::invalid,
                      "--confirm is the consent to --destroy, which was not given",
                      {},
                      "nothing was changed",
                      fmt::format("`dugong {}` only stops", as_typed("down", arguments, "--yes"))});
  const auto session = TRY(Session::open(arguments, world, "down"));
  const auto& spec = session->spec();
  Change change;
  change.verb = "down";
  change.only = {arguments.names.begin(), arguments.names.end()};
  const auto what = change.only.empty() ? spec.cluster : join(arguments.names, ", ");
  change.settled = arguments.destroy ? fmt::format("nothing to do: of {} nothing is left that dugong made", what)
                                     : fmt::format("nothing to do: {} is stopped", what);
  const cluster::DownOptions options{.only = change.only, .destroy = arguments.destroy};
  change.planner = [&spec, options](const cluster::Observed& seen) { return cluster::plan_down(spec, seen, options); };
  if (arguments.destroy) {
    change.losses = render_losses;
    change.consent = Change::Consent::cluster_name;
  }
  return carry_out(change, arguments, world, *session);
}

}  // namespace dugong::cli
