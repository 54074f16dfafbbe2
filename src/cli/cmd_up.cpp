// `up`, `replica add` and `plan`: the same planner, over the whole file, over some replicas, and without carrying out.
#include <fmt/format.h>
#include <memory>
#include <optional>

#include "base/text.h"
#include "cli/change.h"
#include "cluster/plan_up.h"

namespace dugong::cli {
namespace {

Change bring_up(const spec::Spec& spec, std::string verb, const std::set<std::string>& only) {
  Change change;
  change.verb = std::move(verb);
  change.only = only;
  change.settled = fmt::format("nothing to do: everything is as {} says", spec.file);
  const auto before = std::make_shared<std::optional<cluster::AbandonOptions>>();
  change.planner = [&spec, only, before](const cluster::Observed& seen) {
    if (!*before) *before = cluster::AbandonOptions{only, cluster::slots_by_node(seen)};
    return cluster::plan_up(spec, seen, {.only = only});
  };
  change.abandon = [&spec, before](const cluster::Observed& seen) {
    return cluster::plan_abandon(spec, seen, before->value_or(cluster::AbandonOptions{}));
  };
  return change;
}

Result<std::set<std::string>> replicas_named(const spec::Spec& spec, const Arguments& arguments) {
  std::vector<std::string_view> known;
  for (const auto& node : spec.nodes) known.push_back(node.name);
  const auto refuse = [&](std::string what, std::string next) {
    return fail(Error{ErrorKind::invalid, std::move(what), spec.file, "nothing was changed", std::move(next)});
  };
  std::set<std::string> chosen;
  for (const auto& name : arguments.names) {
    const auto* node = spec.find(name);
    const auto near = nearest(name, known);
    if (node == nullptr)
      return refuse(fmt::format("there is no node '{}'{}", printable(name),
                                near.empty() ? "" : fmt::format("; did you mean '{}'?", near)),
                    fmt::format("add a [[node]] with name = \"{}\" to it", printable(name)));
    if (node->is_primary())
      return refuse(fmt::format("'{}' is the primary, not a replica", name),
                    fmt::format("`dugong {}`", as_typed("up", {.file = arguments.file})));
    chosen.insert(name);
  }
  return chosen;
}

}  // namespace

Result<int> run_up(const Arguments& arguments, World& world) {
  const auto session = TRY(Session::open(arguments, world, "up"));
  return carry_out(bring_up(session->spec(), "up", {}), arguments, world, *session);
}

Result<int> run_replica_add(const Arguments& arguments, World& world) {
  const auto session = TRY(Session::open(arguments, world, "replica add"));
  const auto names = TRY(replicas_named(session->spec(), arguments));
  return carry_out(bring_up(session->spec(), "replica add", names), arguments, world, *session);
}

Result<int> run_plan(const Arguments& arguments, World& world) {
  const auto session = TRY(Session::open(arguments, world, "plan"));
  const auto change = bring_up(session->spec(), "up", {});
  const auto seen = engine::observe(session->context(), engine::Depth::full);
  if (session->context().stop.stop_requested()) return fail(ErrorKind::interrupted, "interrupted");
  const auto plan = TRY(change.planner(seen));
  return show_plan_only(change, plan, arguments, world, *session);
}

}  // namespace dugong::cli
