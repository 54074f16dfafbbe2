// `fence` and `unfence`: a server that must not run, whoever tries to start it.
#include <fmt/format.h>

#include "cli/change.h"
#include "cluster/fence.h"

namespace dugong::cli {
namespace {

Result<std::string> one_node(const Arguments& arguments, std::string_view verb) {
  if (arguments.names.size() == 1) return arguments.names.front();
  return fail(Error{ErrorKind::invalid,
                    fmt::format("`dugong {}` takes one node, {} were named", verb, arguments.names.size()),
                    {},
                    "nothing was changed",
                    fmt::format("`dugong {} NODE`", verb)});
}

}  // namespace

Result<int> run_fence(const Arguments& arguments, World& world) {
  const auto node = TRY(one_node(arguments, "fence"));
  const auto session = TRY(Session::open(arguments, world, "fence"));
  const auto& spec = session->spec();
  const cluster::FenceOptions options{.node = node, .by = "dugong fence, " + world.identity};
  Change change;
  change.verb = "fence";
  change.only = {node};
  change.settled = fmt::format("nothing to do: {} is fenced", node);
  change.planner = [&spec, options](const cluster::Observed& seen) { return cluster::plan_fence(spec, seen, options); };
  return carry_out(change, arguments, world, *session);
}

Result<int> run_unfence(const Arguments& arguments, World& world) {
  const auto node = TRY(one_node(arguments, "unfence"));
  const auto session = TRY(Session::open(arguments, world, "unfence"));
  const auto& spec = session->spec();
  Change change;
  change.verb = "unfence";
  change.only = {node};
  change.settled = fmt::format("nothing to do: {} is not fenced; `dugong {}` starts it", node,
                               as_typed("up", {.file = arguments.file}));
  change.planner = [&spec, node](const cluster::Observed& seen) { return cluster::plan_unfence(spec, seen, node); };
  return carry_out(change, arguments, world, *session);
}

}  // namespace dugong::cli
