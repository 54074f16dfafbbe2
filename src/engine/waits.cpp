#include "engine/waits.h"

#include <fmt/format.h>

#include "base/text.h"
#include "engine/door.h"

namespace dugong::engine {
namespace {

constexpr Millis standstill{600'000};  // nothing moved for this long: it will not come by itself

// The image's temporary server during initdb may know our role a moment later than it answers.
constexpr Millis refusals_count_after{10'000};
// 0.2 s of processor time or 1.25 MiB: crash recovery shows nothing else while it brings a large directory tree to
// disk. A startup process that waits for WAL wakes every 5 s and stays far below that in a whole standstill.
constexpr std::uint64_t work_that_counts = 20;

Error not_running(const spec::Node& node, const runtime::ServerFacts& facts) {
  return {ErrorKind::failed,
          fmt::format("PostgreSQL stopped again (exit code {}); its last words: {}", facts.exit_code,
                      facts.log_tail.empty() ? "none" : join(facts.log_tail, "\n    ")),
          node.name, "the data directory was left as it is", "mend what it says and run `dugong up` again"};
}

std::string log_of(Context& context, const spec::Node& node) {
  return fmt::format("{} on {}", cluster::host_paths_of(context.spec, node).logs, node.name);
}

// What the control file shows of a recovery that cannot answer yet.
std::string recovery_position(Context& context, const spec::Node& node) {
  auto data = ask(context, node.name, node::InspectData{cluster::host_paths_of(context.spec, node).data}, quick);
  if (!data || !data->control) return "no control file yet";
  const auto& control = *data->control;
  return fmt::format("{}, redo {}, replayed to {}", to_string(control.state), to_string(control.redo),
                     to_string(control.min_recovery));
}

// An orderly end: a shutdown that somebody asked for earlier, and that was slow. It can be started again.
bool was_shut_down(Context& context, const spec::Node& node, const runtime::ServerFacts& facts) {
  if (facts.exit_code != 0) return false;
  auto data = ask(context, node.name, node::InspectData{cluster::host_paths_of(context.spec, node).data}, quick);
  if (!data || !data->control) return false;
  const auto state = data->control->state;
  return state == postgres::DbState::shutdowned || state == postgres::DbState::shutdowned_in_recovery;
}

Result<runtime::ServerFacts> server_facts(Context& context, const spec::Node& node) {
  return ask(context, node.name, runtime::InspectServer{cluster::server_of(context.spec, node)}, quick);
}

}  // namespace

Result<> wait_for(Context& context, const std::string& text, Millis pace, Millis stall,
                  const std::function<Result<Glance>()>& look) {
  std::string before;
  std::uint64_t work = 0;
  auto moved = context.clock.now();
  while (true) {
    const auto glance = TRY(look());
    if (glance.done) return {};
    const auto now = context.clock.now();
    if (glance.progress != before || glance.work != work) {
      before = glance.progress;
      work = glance.work;
      moved = now;
    }
    if (now - moved >= stall)
      return fail(ErrorKind::timed_out,
                  fmt::format("{}: nothing moved for {}; last seen: {}", text, human_duration(now - moved), before));
    context.emit(WaitProgress{text, glance.progress});
    if (!context.clock.sleep(pace, context.stop)) return fail(ErrorKind::interrupted, text + ": interrupted");
  }
}

Result<> wait_ready(Context& context, const spec::Node& node) {
  std::optional<Steady::time_point> refused_since;
  const auto look = [&]() -> Result<Glance> {
    auto sql = look_at_server(context, node.name);
    if (sql && sql->accepts_clients) return Glance{.done = true};
    const bool refused = !sql && sql.error().kind == ErrorKind::refused;
    const auto now = context.clock.now();
    if (!refused) refused_since.reset();
    if (refused && now - refused_since.value_or(now) >= refusals_count_after) return fail(std::move(sql).error());
    if (refused && !refused_since) refused_since = now;
    const auto facts = TRY(server_facts(context, node));
    if (facts.state != runtime::ServerState::running) {
      auto error = not_running(node, facts);
      if (was_shut_down(context, node, facts)) error.kind = ErrorKind::conflict;
      return fail(std::move(error));
    }
    const std::string words = sql ? "initialising" : sql.error().what;
    return Glance{.progress = fmt::format("{} ({})", trim(words), recovery_position(context, node)),
                  .work = facts.work / work_that_counts};
  };
  auto waited = wait_for(context, node.name + ": starting", Millis{100}, standstill, look);
  if (!waited && waited.error().next.empty())
    waited.error().next = fmt::format("look into {}: what it waits for is said there", log_of(context, node));
  return waited;
}

Result<> wait_streaming(Context& context, const spec::Node& node, const std::string& upstream) {
  const auto goal = TRY(look_at_server(context, upstream));
  const auto look = [&]() -> Result<Glance> {
    auto sql = look_at_server(context, node.name);
    if (!sql) {
      const auto facts = TRY(server_facts(context, node));
      if (facts.state != runtime::ServerState::running) return fail(not_running(node, facts));
      return Glance{.progress = sql.error().what};
    }
    const bool there = sql->streaming && sql->timeline == goal.timeline && sql->lsn >= goal.lsn;
    return Glance{.done = there,
                  .progress = fmt::format("{} at {}, of {}", sql->streaming ? "streaming" : "not streaming",
                                          to_string(sql->lsn), to_string(goal.lsn))};
  };
  auto waited = wait_for(context, node.name + ": catching up with " + upstream, Millis{100}, standstill, look);
  if (!waited && waited.error().next.empty())
    waited.error().next = fmt::format("look into {}: why it does not stream is said there", log_of(context, node));
  return waited;
}

}  // namespace dugong::engine
