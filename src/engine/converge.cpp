// Observe → plan → execute, again and again, until there is nothing left to do.
#include <algorithm>
#include <fmt/format.h>
#include <utility>

#include "engine/door.h"
#include "engine/engine.h"

namespace dugong::engine {
namespace {

constexpr std::size_t most_rounds = 200;     // a seed takes seven; late-slot seeding a few more per increment
constexpr std::size_t most_repetitions = 3;  // of the very same plan
constexpr std::size_t most_conflicts = 5;    // the world changed under a plan

std::string text_of(const cluster::Plan& plan) {
  std::string text;
  for (const auto& step : plan.steps) text += step.node + ": " + cluster::describe(step.action) + "\n";
  return text;
}

bool only_tries(const cluster::Plan& plan) {
  return !plan.steps.empty() && std::ranges::all_of(plan.steps, &cluster::Step::may_fail);
}

Error stuck(const cluster::Plan& plan) {
  return {ErrorKind::failed,
          "the same steps were carried out again and again without an effect:\n" + text_of(plan),
          plan.steps.empty() ? std::string{} : plan.steps.front().node,
          {},
          "run `dugong status`: what it says of this node does not change by these steps"};
}

}  // namespace

bool concerns(const spec::Spec& spec, const spec::Node& node, const std::set<std::string>& only) {
  if (only.empty() || only.contains(node.name) || node.is_primary()) return true;
  return std::ranges::any_of(
      spec.nodes, [&](const spec::Node& one) { return only.contains(one.name) && one.follows == node.name; });
}

namespace {

Result<> lock_one(Context& context, const spec::Node& node) {
  for (const auto& lock : cluster::locks_of(context.spec, node)) {
    const auto answer = TRY(ask(context, node.name, node::AcquireLock{lock.name, context.holder}, quick));
    if (!answer.acquired)
      return fail(Error{ErrorKind::refused, fmt::format("another dugong is at work {}: {}", lock.place, answer.holder),
                        node.name, "nothing was changed", "wait until it has ended; its lock goes with it"});
  }
  return {};
}

}  // namespace

Result<> lock_all(Context& context, const std::set<std::string>& only) {
  auto nodes = context.spec.nodes;
  std::ranges::sort(nodes, {}, &spec::Node::name);
  for (const auto& node : nodes) {
    if (!concerns(context.spec, node, only)) continue;
    auto locked = lock_one(context, node);
    const bool dispensable = !only.empty() && !only.contains(node.name);
    if (!locked && dispensable && locked.error().kind == ErrorKind::unreachable) {
      context.emit(Note{fmt::format("{} cannot be reached and is not locked: {}", node.name, locked.error().what)});
      continue;
    }
    TRY(std::move(locked));
  }
  return {};
}

Result<Converged> converge(Context& context, const Planner& planner) {
  Converged done;
  cluster::Plan before;
  std::size_t repetitions = 0;
  std::size_t conflicts = 0;
  bool tried = false;
  for (std::size_t round = 0; round < most_rounds; ++round) {
    const auto seen = observe(context, Depth::full);
    if (context.stop.stop_requested())
      return fail(ErrorKind::interrupted, "interrupted", "run the same command again: it goes on where this ended");
    auto plan = TRY(planner(seen));
    for (const auto& note : plan.notes)
      if (std::ranges::find(done.notes, note) == done.notes.end()) done.notes.push_back(note);
    if (plan.steps.empty() && !plan.more) return done;
    if (only_tries(plan) && std::exchange(tried, true)) return done;  // what did not go away the first time stays
    repetitions = text_of(plan) == text_of(before) ? repetitions + 1 : 0;
    if (repetitions >= most_repetitions) return fail(stuck(plan));
    before = plan;
    auto result = execute(context, plan);
    if (!result && result.error().kind == ErrorKind::conflict && ++conflicts < most_conflicts) {
      context.emit(Note{"not as expected, looking again: " + result.error().what});
      continue;
    }
    TRY(std::move(result));
    done.steps += plan.steps.size();
  }
  return fail(stuck(before));
}

}  // namespace dugong::engine
