// `space`: one look at the pools.
#include <algorithm>
#include <fmt/format.h>

#include "base/text.h"
#include "cli/json.h"
#include "cli/session.h"
#include "cli/show_space.h"

namespace dugong::cli {
namespace {

Result<> judge_names(const spec::Spec& spec, const std::vector<std::string>& names) {
  for (const auto& name : names)
    if (spec.find(name) == nullptr)
      return fail(Error{ErrorKind::invalid, fmt::format("no node '{}' in the cluster file", printable(name)), spec.file,
                        "nothing was changed", "name nodes of the file, or none for all of them"});
  return {};
}

}  // namespace

Result<int> run_space(const Arguments& arguments, World& world) {
  const auto session = TRY(Session::open(arguments, world, "space"));
  const auto& spec = session->spec();
  TRY(judge_names(spec, arguments.names));
  // All of them: whom a base serves shows only on the others.
  const auto seen = engine::observe(session->context(), engine::Depth::status);
  if (world.stop.stop_requested()) return fail(ErrorKind::interrupted, "interrupted");
  std::vector<cluster::NodeSpace> nodes;
  for (const auto& node : spec.nodes)
    if (arguments.names.empty() || std::ranges::count(arguments.names, node.name) > 0)
      nodes.push_back(cluster::judge_space(spec, seen, node));
  if (arguments.output == Output::json)
    world.out << space_json(spec.cluster, nodes, seen.wall_seconds) << "\n";
  else
    world.out << render_space(spec.cluster, nodes, session->style());
  const bool all_seen = std::ranges::all_of(nodes, [](const auto& node) { return node.unseen.empty(); });
  return all_seen ? exits::ok : exits::partial;
}

}  // namespace dugong::cli
