#include "cluster/plan_up.h"

#include <algorithm>
#include <fmt/format.h>

#include "cluster/adopt.h"
#include "cluster/ground.h"
#include "cluster/order.h"
#include "cluster/space.h"
#include "postgres/hba.h"
#include "postgres/identifiers.h"

namespace dugong::cluster {
namespace {

struct Grounds {
  Ground primary;
  std::vector<Ground> replicas;  // the selected ones, upstreams before their followers
};

Result<Grounds> grounds_of(const spec::Spec& spec, const Observed& seen, const UpOptions& options) {
  Grounds all{.primary = TRY(ground_of(spec, seen, spec.primary())), .replicas = {}};
  // With replicas named, a primary that some `up` has finished goes on running.
  all.primary.may_restart = options.only.empty() || all.primary.parent_mark("archive_proved").empty();
  for (const auto* node : upstreams_first(spec)) {
    if (node->is_primary() || (!options.only.empty() && !options.only.contains(node->name))) continue;
    all.replicas.push_back(TRY(ground_of(spec, seen, *node)));
  }
  return all;
}

Result<> judge_selection(const spec::Spec& spec, const Observed& seen, const UpOptions& options) {
  for (const auto& name : options.only) {
    const auto* node = spec.find(name);
    if (node == nullptr)
      return fail(Error{ErrorKind::invalid, fmt::format("no node '{}' in the cluster file", name), spec.file,
                        "nothing was changed", "add a [[node]] for it first"});
    if (node->is_primary())
      return fail(Error{ErrorKind::invalid, fmt::format("'{}' is the primary", name), spec.file, "nothing was changed",
                        "name replicas only"});
    const auto* upstream = spec.find(node->follows);
    if (upstream->is_primary() || options.only.contains(upstream->name)) continue;
    const auto* up = seen.find(upstream->name);
    if (up == nullptr || !up->sql || !up->sql->streaming)
      return fail(Error{ErrorKind::refused,
                        fmt::format("'{}' follows '{}', which does not stream", name, upstream->name), name,
                        "nothing was changed", fmt::format("dugong replica add {} {}", upstream->name, name)});
  }
  return {};
}

void add_notes(const Grounds& all, Plan& plan) {
  if (!all.primary.seen.sql) return;
  const auto& sql = *all.primary.seen.sql;
  std::vector<std::string> addresses;
  for (const auto& node : all.primary.spec.nodes)
    if (!node.is_primary()) addresses.push_back(node.address);
  for (const auto& finding : postgres::judge_hba(sql.hba, all.primary.spec.auth.replication_user, addresses))
    if (finding.kind != postgres::HbaFinding::Kind::not_loaded)
      plan.notes.push_back(fmt::format("{}: pg_hba.conf {}", all.primary.node.name, finding.text));
  for (const auto& slot : sql.slots) {
    if (!slot.name.starts_with("dugong_") || slot.active) continue;
    const bool known = std::ranges::any_of(
        all.primary.spec.nodes, [&](const spec::Node& node) { return postgres::slot_name(node.name) == slot.name; });
    if (!known)
      plan.notes.push_back(
          fmt::format("{}: slot {} belongs to no node of the file and keeps WAL for ever; drop it with "
                      "SELECT pg_drop_replication_slot('{}')",
                      all.primary.node.name, slot.name, slot.name));
  }
}

// The file that decides who may replicate must have been loaded as we wrote it.
Result<> judge_loaded_hba(const Ground& primary) {
  std::vector<std::string> addresses;
  for (const auto& node : primary.spec.nodes)
    if (!node.is_primary()) addresses.push_back(node.address);
  for (const auto& finding :
       postgres::judge_hba(primary.seen.sql->hba, primary.spec.auth.replication_user, addresses)) {
    const bool blocks = finding.kind == postgres::HbaFinding::Kind::error ||
                        finding.kind == postgres::HbaFinding::Kind::shadowed ||
                        finding.kind == postgres::HbaFinding::Kind::not_loaded;
    if (blocks)
      return fail(Error{ErrorKind::refused, "pg_hba.conf does not let the replicas in: " + finding.text,
                        primary.node.name, "the replicas were not touched",
                        "correct or move that line and run `dugong up` again"});
  }
  return {};
}

Result<Stage> plan_adopted_primary(const Ground& primary, const UpOptions& options, Plan& plan) {
  if (!options.only.empty())
    return fail(Error{ErrorKind::refused, fmt::format("{} has not been adopted yet", primary.node.adopt),
                      primary.node.name, "nothing was changed", "`dugong up` first: it shows what that would change"});
  const auto replicas = TRY(plan_look_at_replicas(primary, options.only, plan));
  if (replicas != Stage::settled) return replicas;
  return plan_adoption(primary, plan);
}

Result<Stage> plan_primary(const Ground& primary, const UpOptions& options, Plan& plan) {
  if (primary.adopting()) return plan_adopted_primary(primary, options, plan);
  const auto first = TRY(plan_first_start(primary, plan));
  if (first != Stage::settled) return first;
  const auto replicas = TRY(plan_look_at_replicas(primary, options.only, plan));
  if (replicas != Stage::settled) return replicas;
  const auto server = TRY(plan_server(primary, plan));
  if (server != Stage::settled) return server;
  if (primary.seen.sql->in_recovery)
    return fail(Error{ErrorKind::refused, "it is the primary in the file, but it is in recovery", primary.node.name,
                      "nothing was changed", "name the node that takes writes as the primary in the cluster file"});
  return plan_database(primary, plan);
}

Result<> plan_stages(const Grounds& all, const UpOptions& options, Plan& plan) {
  plan_storage(all.primary, plan);
  for (const auto& replica : all.replicas) plan_storage(replica, plan);
  const bool prepared = plan.steps.empty();
  if (TRY(plan_primary(all.primary, options, plan)) != Stage::settled) return {};
  if (!prepared) {
    plan.more = true;
    return {};
  }
  add_notes(all, plan);
  TRY(judge_loaded_hba(all.primary));
  if (TRY(plan_replicas(all.replicas, all.primary, plan)) == Stage::settled) plan_tidy(all.replicas, all.primary, plan);
  return {};
}

// All of them with the first plan, though it may end before their turn comes: nobody is asked twice.
Result<> announce_adoption(const Ground& g, Plan& plan) {
  if (!g.adopting()) return {};
  auto adoption = TRY(adoption_of(g));
  if (adoption.running)
    plan.restarts.push_back(
        {g.node.name, fmt::format("{} is taken over: stopped as it is, started by dugong", adoption.dataset)});
  plan.adoptions.push_back(std::move(adoption));
  return {};
}

}  // namespace

Result<Plan> plan_up(const spec::Spec& spec, const Observed& seen, const UpOptions& options) {
  TRY(judge_selection(spec, seen, options));
  TRY(judge_ground(spec, seen, options));
  const auto all = TRY(grounds_of(spec, seen, options));
  Plan plan;
  TRY(plan_stages(all, options, plan));
  for (auto& note : space_notes(spec, seen)) plan.notes.push_back(std::move(note));
  TRY(announce_adoption(all.primary, plan));
  for (const auto& replica : all.replicas) TRY(announce_adoption(replica, plan));
  if (plan.steps.empty()) return plan;
  TRY(announce_restart(all.primary, plan));
  for (const auto& replica : all.replicas) TRY(announce_restart(replica, plan));
  return plan;
}

}  // namespace dugong::cluster
