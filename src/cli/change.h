// The way of every command that changes something: look, show the plan, ask, lock, carry out, look again.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>

#include "cli/command.h"
#include "cli/session.h"
#include "cluster/step.h"
#include "engine/engine.h"

namespace dugong::cli {

struct Change {
  std::string verb;     // "up", "replica add", "down"
  std::string settled;  // what is said when there is nothing to do
  engine::Planner planner;
  std::set<std::string> only;  // the nodes that were named; empty: all
  // What must not stay behind when it fails; none: nothing does.
  std::function<cluster::Plan(const cluster::Observed&)> abandon;
  // Shown before the question; empty: nothing.
  std::function<std::string(const cluster::Plan&, const cluster::Observed&)> losses;
  enum class Consent { yes_or_no, cluster_name };
  Consent consent = Consent::yes_or_no;
};

// The command as it was typed, for the hints: one that lost a name or the file would mean more nodes, or another
// cluster. `consent` ("--yes") is added; a consent that was given is not repeated.
std::string as_typed(std::string_view verb, const Arguments& arguments, std::string_view consent = {});

Result<int> carry_out(const Change& change, const Arguments& arguments, World& world, Session& session);

// --yes, or a terminal where it is asked. Errors: invalid (no terminal), interrupted (not agreed to).
Result<> ask_yes_or_no(std::string_view verb, const Arguments& arguments, World& world);

// The plan alone, as `plan` and --dry-run show it.
int show_plan_only(const Change& change, const cluster::Plan& plan, const Arguments& arguments, World& world,
                   const Session& session);

}  // namespace dugong::cli
