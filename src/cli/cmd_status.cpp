// `status`: one look, or one look after the other with a memory.
#include <fmt/format.h>

#include "cli/json.h"
#include "cli/session.h"
#include "cli/show_status.h"
#include "report/health.h"

namespace dugong::cli {
namespace {

int code_of(report::Health verdict) {
  switch (verdict) {
    case report::Health::healthy:
      return exits::ok;
    case report::Health::degraded:
      return exits::partial;
    case report::Health::down:
    case report::Health::unknown:
      return exits::failed;
  }
  return exits::failed;
}

void remember(report::LagHistory& history, const spec::Spec& spec, const cluster::Observed& seen) {
  const auto* primary = seen.find(spec.primary().name);
  if (primary == nullptr || !primary->sql || primary->sql->in_recovery) return;
  history.add(primary->sql.taken_at, primary->sql->lsn);
}

constexpr const char* home_and_clear = "\033[H\033[2J";

Result<int> watch(Session& session, const Arguments& arguments, World& world) {
  auto& context = session.context();
  const Millis pause{static_cast<Millis::rep>(*arguments.watch_seconds * 1000)};
  report::LagHistory history;
  while (!world.stop.stop_requested()) {
    const auto seen = engine::observe(context, engine::Depth::status);
    if (world.stop.stop_requested()) break;
    remember(history, session.spec(), seen);
    const auto status = report::judge_status(session.spec(), seen, history);
    if (arguments.output == Output::json) {
      world.out << status_json(status, seen.wall_seconds, Layout::one_line) << "\n";
    } else {
      const auto text = render_status(status, session.style());
      world.out << (world.out_is_terminal ? home_and_clear : "") << text << (world.out_is_terminal ? "" : "\n");
    }
    world.out.flush();
    if (!world.out || !world.clock.sleep(pause, world.stop)) break;
  }
  return exits::ok;
}

}  // namespace

Result<int> run_status(const Arguments& arguments, World& world) {
  const auto session = TRY(Session::open(arguments, world, "status"));
  if (arguments.watch_seconds) return watch(*session, arguments, world);
  const auto seen = engine::observe(session->context(), engine::Depth::status);
  if (world.stop.stop_requested()) return fail(ErrorKind::interrupted, "interrupted");
  const auto status = report::judge_status(session->spec(), seen, {});
  if (arguments.output == Output::json)
    world.out << status_json(status, seen.wall_seconds, Layout::indented) << "\n";
  else
    world.out << render_status(status, session->style());
  return code_of(status.verdict);
}

}  // namespace dugong::cli
