#include "cli/change.h"

#include <algorithm>
#include <fmt/format.h>
#include <set>

#include "base/text.h"
#include "cli/json.h"
#include "cli/show_plan.h"
#include "cluster/layout.h"

namespace dugong::cli {
namespace {

bool is_empty(const cluster::Plan& plan) { return plan.steps.empty() && !plan.more; }

Explain explain(const Arguments& arguments) { return arguments.explain ? Explain::yes : Explain::no; }

std::string settled_text(const Change& change, const cluster::Plan& plan) {
  std::string text = change.settled + "\n";
  for (const auto& note : plan.notes) text += "note: " + printable(note) + "\n";
  return text;
}

void report(const Arguments& arguments, World& world, const Outcome& outcome, const std::string& text) {
  world.out << (arguments.output == Output::json ? outcome_json(outcome) + "\n" : text) << std::flush;
}

bool can_ask(const World& world) { return world.in_is_terminal && world.err_is_terminal; }

std::string word(std::string_view text) {
  constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./_-";
  const bool is_plain = !text.empty() && text.find_first_not_of(plain) == std::string_view::npos;
  return is_plain ? std::string{text} : shell_quote(text);
}

}  // namespace

std::string as_typed(std::string_view verb, const Arguments& arguments, std::string_view consent) {
  std::string line{verb};
  const auto add = [&line](std::string_view text) { line.append(" ").append(text); };
  const auto add_value = [&add](std::string_view option, const std::string& value) {
    if (!value.empty()) add(fmt::format("{} {}", option, word(value)));
  };
  for (const auto& name : arguments.names) add(word(name));
  if (arguments.destroy) add("--destroy");
  if (arguments.adopt) add("--adopt");
  if (arguments.force_config) add("--force-config");
  if (!consent.empty()) add(consent);
  add_value("--key", arguments.key);
  add_value("--ca-dir", arguments.ca_dir);
  add_value("--file", arguments.file);
  return line;
}

Result<> ask_yes_or_no(std::string_view verb, const Arguments& arguments, World& world) {
  if (arguments.yes) return {};
  if (!can_ask(world))
    return fail(Error{ErrorKind::invalid,
                      "this changes something, and there is no terminal to ask at",
                      {},
                      "nothing was changed",
                      fmt::format("`dugong {}`, or --dry-run to see the plan", as_typed(verb, arguments, "--yes"))});
  world.err << "Carry this out? [y/N] " << std::flush;
  const auto answer = world.read_line();
  if (answer && (*answer == "y" || *answer == "Y" || *answer == "yes")) return {};
  return fail(Error{
      ErrorKind::interrupted, "not agreed to", {}, "nothing was changed", "`--dry-run` shows a plan without asking"});
}

namespace {

// Destroying asks for the name, so that the wrong terminal window is noticed in time.
Result<> ask_for_name(const Change& change, const Arguments& arguments, World& world, const spec::Spec& spec) {
  auto given = arguments.confirm;
  if (given.empty() && can_ask(world)) {
    world.err << "Type the name of the cluster to destroy it: " << std::flush;
    given = world.read_line().value_or("");
  }
  if (given == spec.cluster) return {};
  const auto what = given.empty() ? std::string{"--destroy needs the cluster's name as consent"}
                                  : fmt::format("'{}' is not the name of this cluster", printable(given));
  return fail(Error{ErrorKind::invalid, what, spec.file, "nothing was changed",
                    fmt::format("`dugong {}`", as_typed(change.verb, arguments, "--confirm=" + spec.cluster))});
}

Result<> consent(const Change& change, const Arguments& arguments, World& world, const Session& session) {
  switch (change.consent) {
    case Change::Consent::yes_or_no:
      return ask_yes_or_no(change.verb, arguments, world);
    case Change::Consent::cluster_name:
      return ask_for_name(change, arguments, world, session.spec());
  }
  return {};
}

// Another's server is not taken over because somebody said yes to steps: each one is agreed to by itself.
Result<> agree_to_adoptions(const cluster::Plan& plan, std::set<std::string>& agreed, const Change& change,
                            const Arguments& arguments, World& world) {
  for (const auto& adoption : plan.adoptions) {
    if (arguments.adopt || agreed.contains(adoption.node)) continue;
    const auto what =
        fmt::format("the server in {} ({} on {}) is to be taken over", adoption.data, adoption.dataset, adoption.node);
    if (arguments.yes || !can_ask(world))
      return fail(Error{ErrorKind::refused, what + ", and nobody has agreed to that", adoption.node,
                        "nothing was changed",
                        fmt::format("look at `dugong {}`; then `dugong {}`", as_typed("plan", {.file = arguments.file}),
                                    as_typed(change.verb, arguments, "--yes --adopt"))});
    world.err << what << " as shown" << (adoption.running ? ", with one restart" : "") << ".\n";
    TRY(ask_yes_or_no(change.verb, arguments, world));
    agreed.insert(adoption.node);
  }
  return {};
}

bool is_shown(const Arguments& arguments, const World& world) {
  return arguments.output != Output::json || (!arguments.yes && can_ask(world));
}

void show(const Change& change, const cluster::Plan& plan, const cluster::Observed& seen, const Arguments& arguments,
          World& world, const Session& session) {
  if (!is_shown(arguments, world)) return;
  const bool json = arguments.output == Output::json;
  auto& to = json ? world.err : world.out;
  to << render_plan(plan, explain(arguments), session.style());
  if (change.losses) to << change.losses(plan, seen);
  to << std::flush;
}

// A server that does not answer may still have clients: it may refuse only us. One that is being made has none.
bool has_no_clients(const spec::Spec& spec, const cluster::ObservedNode& seen) {
  if (seen.server && seen.server->state != runtime::ServerState::running) return true;
  if (seen.sql) return !seen.sql->accepts_clients;
  if (!seen.server || !seen.storage) return false;
  const auto live = cluster::live_of(*seen.storage, spec, *spec.find(seen.name));
  const auto* state = live && *live != nullptr ? (*live)->mark("state") : nullptr;
  return state != nullptr && *state == "initializing";
}

// Servers that may be stopped without asking again: the stop was shown, or nobody was connected when it began.
std::set<std::string> may_stop(const spec::Spec& spec, const cluster::Plan& shown, const cluster::Observed& seen) {
  std::set<std::string> nodes;
  for (const auto& restart : shown.restarts) nodes.insert(restart.node);
  for (const auto& adoption : shown.adoptions) nodes.insert(adoption.node);
  for (const auto& step : shown.steps)
    if (std::holds_alternative<runtime::StopServer>(step.action)) nodes.insert(step.node);
  for (const auto& node : seen.nodes)
    if (has_no_clients(spec, node)) nodes.insert(node.name);
  return nodes;
}

// A plan that was agreed to does not stand for an interruption that it did not show.
Result<> agree_to_stops(const cluster::Plan& plan, std::set<std::string>& agreed, const Change& change,
                        const Arguments& arguments, World& world) {
  for (const auto& step : plan.steps) {
    if (!std::holds_alternative<runtime::StopServer>(step.action) || agreed.contains(step.node)) continue;
    const auto what = fmt::format("{} must be stopped, which the plan did not show{}", step.node,
                                  step.why.empty() ? "" : ": " + printable(step.why));
    if (arguments.yes || !can_ask(world))
      return fail(Error{ErrorKind::refused, what, step.node, "nothing was changed",
                        fmt::format("`dugong {}` again: its plan shows it now", as_typed(change.verb, arguments))});
    world.err << what << "\n";
    TRY(ask_yes_or_no(change.verb, arguments, world));
    agreed.insert(step.node);
  }
  return {};
}

struct Known {
  std::set<std::string> destructive;
  std::set<std::string> stops;
  std::set<std::string> notes;
  std::set<std::string> adoptions;
};

// Later rounds are part of the same consent; what they take away beyond what was shown, and what the operator should
// know of them, is said before it happens.
engine::Planner announcing(const Change& change, Known shown, engine::Context& context, const Arguments& arguments,
                           World& world) {
  auto known = std::make_shared<Known>(std::move(shown));
  return [&change, &context, &arguments, &world, known](const cluster::Observed& seen) -> Result<cluster::Plan> {
    auto plan = TRY(change.planner(seen));
    TRY(agree_to_adoptions(plan, known->adoptions, change, arguments, world));
    TRY(agree_to_stops(plan, known->stops, change, arguments, world));
    for (const auto& step : destructive_steps(plan))
      if (known->destructive.insert(step).second) context.emit(Note{"now also: " + step});
    if (is_empty(plan)) return plan;  // the end tells what is left
    for (const auto& note : plan.notes)
      if (known->notes.insert(note).second) context.emit(Note{note});
    return plan;
  };
}

Known known_from(const spec::Spec& spec, const cluster::Plan& shown, const cluster::Observed& seen) {
  Known known{{}, may_stop(spec, shown, seen), {}, {}};
  for (const auto& step : destructive_steps(shown)) known.destructive.insert(step);
  return known;
}

void tidy_up(const Change& change, Session& session) {
  if (!change.abandon) return;
  auto context = session.tidying_context();
  const auto plan = change.abandon(engine::observe(context, engine::Depth::full));
  if (plan.steps.empty()) return;
  context.emit(Note{"taking back what must not stay behind"});
  const auto done = engine::execute(context, plan);
  if (!done) context.emit(Warning{"not taken back: " + done.error().what});
}

// What is not needed for the nodes that were named may be out of reach.
void tell_of_absent(const Change& change, const cluster::Observed& seen, Session& session) {
  auto& context = session.context();
  for (const auto& node : session.spec().nodes) {
    const auto* one = seen.find(node.name);
    if (one->reachable() || engine::concerns(session.spec(), node, change.only)) continue;
    context.emit(Note{fmt::format("{} cannot be reached and is left alone: {}", node.name, one->host.error.what)});
  }
}

// What was done stays done, so a failure in the middle is told from one at the start.
Error after_failure(Error error, const std::string& command, std::size_t steps) {
  if (error.kind == ErrorKind::interrupted)
    error.next = fmt::format("run `dugong {}` again: it goes on where this ended", command);
  if (steps == 0) return error;
  // Whoever refused in a later round knew of that round only.
  if (error.left.empty() || error.left == "nothing was changed")
    error.left = fmt::format("{} step{} done before it stay done", steps, steps == 1 ? "" : "s");
  const bool plain =
      error.kind == ErrorKind::failed || error.kind == ErrorKind::unreachable || error.kind == ErrorKind::conflict;
  if (plain) error.kind = ErrorKind::partial;
  return error;
}

Result<int> converge(const Change& change, Known shown, const Arguments& arguments, World& world, Session& session) {
  auto& context = session.context();
  const auto began = world.clock.now();
  TRY(engine::lock_all(context, change.only));
  const auto shown_notes = shown.notes;
  auto done = engine::converge(context, announcing(change, std::move(shown), context, arguments, world));
  const auto steps = session.progress().steps_done();
  if (!done) {
    tidy_up(change, session);
    session.progress().clear();
    return fail(after_failure(std::move(done).error(), as_typed(change.verb, arguments), steps));
  }
  session.progress().clear();
  const auto seconds = std::chrono::duration<double>(world.clock.now() - began).count();
  auto text = fmt::format("done: {} step{} in {}\n", done->steps, done->steps == 1 ? "" : "s",
                          human_duration(std::chrono::duration<double>{seconds}));
  for (const auto& note : done->notes)
    if (!shown_notes.contains(note)) text += "note: " + printable(note) + "\n";
  report(arguments, world, {session.spec().cluster, done->steps, seconds, done->notes}, text);
  return exits::ok;
}

}  // namespace

int show_plan_only(const Change& change, const cluster::Plan& plan, const Arguments& arguments, World& world,
                   const Session& session) {
  if (arguments.output == Output::json)
    world.out << plan_json(session.spec().cluster, plan) << "\n";
  else if (is_empty(plan))
    world.out << settled_text(change, plan);
  else
    world.out << render_plan(plan, explain(arguments), session.style());
  world.out.flush();
  return exits::ok;
}

Result<int> carry_out(const Change& change, const Arguments& arguments, World& world, Session& session) {
  auto& context = session.context();
  context.emit(WaitProgress{"looking at the nodes", {}});
  const auto seen = engine::observe(context, engine::Depth::full);
  session.progress().clear();
  if (context.stop.stop_requested())
    return fail(Error{ErrorKind::interrupted, "interrupted", {}, "nothing was changed", {}});
  tell_of_absent(change, seen, session);
  const auto plan = TRY(change.planner(seen));
  if (arguments.dry_run) {
    const int code = show_plan_only(change, plan, arguments, world, session);
    if (change.losses && arguments.output == Output::table) world.out << change.losses(plan, seen) << std::flush;
    return code;
  }
  if (is_empty(plan)) {
    report(arguments, world, {session.spec().cluster, 0, 0, plan.notes}, settled_text(change, plan));
    return exits::ok;
  }
  show(change, plan, seen, arguments, world, session);
  auto known = known_from(session.spec(), plan, seen);
  TRY(agree_to_adoptions(plan, known.adoptions, change, arguments, world));
  TRY(consent(change, arguments, world, session));
  if (is_shown(arguments, world)) known.notes.insert(plan.notes.begin(), plan.notes.end());
  return converge(change, std::move(known), arguments, world, session);
}

}  // namespace dugong::cli
