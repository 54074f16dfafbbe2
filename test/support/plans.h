// What tests of planners share: observations to start from, and looks into a plan.
#pragma once

#include <algorithm>
#include <functional>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "cluster/plan_up.h"
#include "test/support/observed.h"

namespace dugong::cluster {

using test::a_spec;
using test::all_running;

inline Observed nothing_there(const spec::Spec& spec) {
  Observed seen;
  seen.wall_seconds = 1700000000;
  for (const auto& node : spec.nodes) seen.nodes.push_back(test::bare(node));
  return seen;
}

// With compose files as they should be, and the archive proved: the mark is taken from the plan that would prove it.
inline Observed settled(const spec::Spec& spec) {
  auto seen = all_running(spec);
  for (auto& node : seen.nodes) {
    const auto ground = ground_of(spec, seen, *spec.find(node.name));
    node.files[ground->server.compose_file] = {true, false, 0644, 0, 0, compose_text(*ground)};
  }
  const auto plan = plan_up(spec, seen, {});
  EXPECT_TRUE(plan) << plan.error().what;
  for (const auto& step : plan->steps)
    if (const auto* prove = std::get_if<ProveArchive>(&step.action))
      seen.nodes.front().storage.value->front().ours["archive_proved"] = prove->mark;
  return seen;
}

inline std::vector<std::string> texts(const Plan& plan) {
  std::vector<std::string> all;
  for (const auto& step : plan.steps) all.push_back(step.node + ": " + describe(step.action));
  return all;
}

template <class Action>
std::vector<Action> steps_of(const Plan& plan, const std::string& node) {
  std::vector<Action> found;
  for (const auto& step : plan.steps)
    if (const auto* action = std::get_if<Action>(&step.action); action != nullptr && step.node == node)
      found.push_back(*action);
  return found;
}

inline std::size_t position(const Plan& plan, const std::string& part) {
  const auto all = texts(plan);
  auto it = std::ranges::find_if(all, [&](const auto& text) { return text.find(part) != std::string::npos; });
  return static_cast<std::size_t>(it - all.begin());
}

// A plan must be made; its text when it is not.
inline Plan must_plan(const spec::Spec& spec, const Observed& seen, const UpOptions& options = {}) {
  auto plan = plan_up(spec, seen, options);
  EXPECT_TRUE(plan) << plan.error().where << ": " << plan.error().what;
  return plan ? *plan : Plan{};
}

inline std::string refusal(const spec::Spec& spec, const Observed& seen) {
  auto plan = plan_up(spec, seen, {});
  if (plan) return "planned";
  EXPECT_EQ(plan.error().kind, ErrorKind::refused);
  EXPECT_FALSE(plan.error().left.empty() && plan.error().next.empty()) << plan.error().what;
  return plan.error().where + ": " + plan.error().what;
}

inline void expect_refused(const std::string& part, const std::function<void(spec::Spec&, Observed&)>& change) {
  auto spec = a_spec();
  auto seen = settled(spec);
  change(spec, seen);
  EXPECT_NE(refusal(spec, seen).find(part), std::string::npos) << refusal(spec, seen);
}

// Both replicas have nothing; the primary is done.
inline Observed primary_only(const spec::Spec& spec) {
  auto seen = settled(spec);
  for (std::size_t i = 1; i < spec.nodes.size(); ++i) {
    auto node = test::bare(spec.nodes[i]);
    test::with_files(spec, spec.nodes[i], node);
    node.storage.value->push_back(test::a_dataset(spec, spec.nodes[i], spec.nodes[i].prefix, "parent"));
    node.storage.value->push_back(test::a_dataset(spec, spec.nodes[i], spec.nodes[i].prefix + "/archive", "archive"));
    node.storage.value->back().mounted = true;
    seen.nodes[i] = node;
  }
  auto& primary = seen.nodes[0];
  primary.sql.value->slots.clear();
  primary.sql.value->senders.clear();
  std::erase_if(*primary.storage.value, &zfs::Dataset::is_snapshot);
  return seen;
}

inline postgres::Slot slot(const std::string& node, Lsn restart = Lsn{0x3000000}) {
  return {postgres::slot_name(node), "physical", false, restart, "reserved", std::nullopt};
}

inline void add_base(const spec::Spec& spec, Observed& seen) {
  seen.nodes[0].storage.value->push_back(
      test::a_snapshot(spec, spec.nodes[0], "tank/a/live-0@dugong-base", Guid{77}, 20));
}

}  // namespace dugong::cluster
