// `check`: what stands in the way, said before it does.
#include <chrono>
#include <fmt/format.h>

#include "base/text.h"
#include "cli/json.h"
#include "cli/session.h"
#include "cli/show_findings.h"
#include "engine/check.h"

namespace dugong::cli {
namespace {

Result<> judge_names(const spec::Spec& spec, const std::vector<std::string>& names) {
  for (const auto& name : names) {
    if (spec.find(name) != nullptr) continue;
    std::vector<std::string> known;
    for (const auto& node : spec.nodes) known.push_back(node.name);
    return fail(Error{ErrorKind::invalid, fmt::format("there is no node '{}'", printable(name)), spec.file,
                      "nothing was looked at", "its nodes: " + join(known, ", ")});
  }
  return {};
}

struct Looked {
  std::string cluster;
  std::vector<report::Finding> findings;
  double seconds = 0;
  std::int64_t wall_seconds = 0;
};
Result<Looked> look(Session& session, const Arguments& arguments, World& world) {
  TRY(judge_names(session.spec(), arguments.names));
  const auto began = world.clock.now();
  const auto checked = engine::look_and_try(session.context());
  if (world.stop.stop_requested()) return fail(ErrorKind::interrupted, "interrupted", "nothing was changed");
  return Looked{
      session.spec().cluster,
      report::check(session.spec(), checked.seen, checked.tried, {arguments.names.begin(), arguments.names.end()}),
      std::chrono::duration<double>{world.clock.now() - began}.count(), checked.seen.wall_seconds};
}

int code_of(const Tally& tally) {
  if (tally.critical > 0) return exits::refused;
  return tally.unreachable > 0 ? exits::partial : exits::ok;
}

Result<int> for_people(const Arguments& arguments, World& world) {
  const auto session = TRY(Session::open(arguments, world, "check"));
  const auto outcome = TRY(look(*session, arguments, world));
  if (arguments.output == Output::json)
    world.out << findings_json(outcome.cluster, outcome.findings, outcome.wall_seconds) << "\n";
  else
    world.out << render_findings(outcome.cluster, outcome.findings, session->style());
  return code_of(tally_of(outcome.findings));
}

Result<PluginLine> line_of(const Arguments& arguments, World& world) {
  const auto session = TRY(Session::open(arguments, world, "check"));
  const auto outcome = TRY(look(*session, arguments, world));
  return plugin_line(outcome.cluster, outcome.findings, outcome.seconds);
}

}  // namespace

Result<int> run_check(const Arguments& arguments, World& world) {
  if (!arguments.nagios) return for_people(arguments, world);
  // A plugin says what kept it from looking on its one line, too, with the exit code of "unknown".
  const auto judged = line_of(arguments, world);
  const auto line = judged ? *judged : plugin_line(judged.error());
  world.out << line.text << "\n";
  return line.code;
}

}  // namespace dugong::cli
