// Whether a replica took over while the primary was down, or has WAL that the primary lost. A promoted server that does
// not answer now (stopped, or too busy) is still to be seen in its data directory; starting the old primary beside it
// would make two histories, and so would starting one that was taken back to an earlier state.
#include <fmt/format.h>

#include "cluster/ahead.h"
#include "cluster/fence.h"
#include "cluster/ground.h"

namespace dugong::cluster {
namespace {

// "": nothing says so. A promotion takes standby.signal away before it lets anybody write (xlog.c: StartupXLOG), and
// its first checkpoint puts the new timeline into the control file. Until then min recovery is set, which it is not in
// a copy that was never started and is "in production" as its source was.
std::string signs_of_promotion(const ObservedNode& replica, const Ground& primary) {
  if (replica.sql && !replica.sql->in_recovery) return "it takes writes";
  const auto& data = *replica.data;
  if (data.version.empty()) return {};
  if (!data.has("standby.signal")) return "its data has no standby.signal";
  if (!data.control) return {};
  const auto& theirs = primary.seen.data->control;
  if (theirs && data.control->timeline > theirs->timeline)
    return fmt::format("it is on timeline {}, {} on {}", data.control->timeline.value, primary.node.name,
                       theirs->timeline.value);
  if (data.control->state == postgres::DbState::in_production && data.control->min_recovery.value != 0)
    return "its control file says that it left recovery";
  return {};
}

auto refuse(const spec::Node& node, std::string what, std::string next) {
  return fail(Error{ErrorKind::refused, std::move(what), node.name, "nothing was started", std::move(next)});
}

struct Look {
  const Ground& primary;
  const std::set<std::string>& only;
  Plan& plan;
  std::optional<Tip> tip{};  // of the primary's WAL
  std::vector<Lead> leads{};

  [[nodiscard]] bool selected(const spec::Node& node) const { return only.empty() || only.contains(node.name); }

  void note_unseen(const spec::Node& node, const Error& why) {
    Steps{plan, node}.note(
        fmt::format("whether it was promoted cannot be seen ({}); {} is started all the same: if it was, stop one of "
                    "them at once",
                    why.what, primary.node.name));
  }

  // A dataset that must be mounted to be looked into is mounted, but only on a node that was named.
  Result<> look_into(const spec::Node& node, const ObservedNode& seen, const zfs::Dataset& live) {
    if (!live.mounted && !selected(node))
      return refuse(node,
                    fmt::format("{} is down, and whether {} was promoted meanwhile cannot be seen: {} is not mounted",
                                primary.node.name, node.name, live.name),
                    "`dugong up`, which mounts it and looks");
    if (!live.mounted) {
      Steps steps{plan, node};
      steps.add(zfs::Mount{live.name},
                fmt::format("to see whether it was promoted, before {} is started", primary.node.name));
      steps.look_again();
      return {};
    }
    const auto signs = signs_of_promotion(seen, primary);
    if (!signs.empty())
      return refuse(node,
                    fmt::format("{} was promoted, as it seems: {}; {} would be a second primary", node.name, signs,
                                primary.node.name),
                    fmt::format("find out which one is right: name {0} as the primary in the cluster file, or have it "
                                "seeded again by `dugong down {0} --destroy --confirm={1}` and `dugong up`",
                                node.name, primary.spec.cluster));
    if (const auto lead = tip ? lead_over(*tip, node, seen) : std::nullopt) leads.push_back(*lead);
    return {};
  }

  Result<> look_at(const spec::Node& node, const ObservedNode& seen) {
    if (!seen.reachable()) {
      note_unseen(node, seen.host.error);
      return {};
    }
    if (!seen.storage || !seen.data) {
      note_unseen(node, seen.storage ? seen.data.error : seen.storage.error);
      return {};
    }
    const auto* parent = find_dataset(*seen.storage, node.prefix);
    const auto fence = parent == nullptr ? std::nullopt : fence_of(*parent);
    if (fence && fence->was_primary == false) return {};  // it was a standby, and has not run since
    if (fence && !fence->was_primary)
      return refuse(
          node,
          fmt::format("whether {} took writes before it was fenced {} is not known: its data was not "
                      "mounted",
                      node.name, describe(*fence)),
          fmt::format("`dugong unfence {0}`, look whether it is the one that was promoted, and fence it again",
                      node.name));
    if (fence)
      return refuse(node, fmt::format("{} took writes before it was fenced {}", node.name, describe(*fence)),
                    fmt::format("find out which of {} and {} is right, and name it as the primary in the file",
                                node.name, primary.node.name));
    const auto* live = TRY(live_of(*seen.storage, primary.spec, node));
    const auto* state = live == nullptr ? nullptr : live->mark("state");
    if (state == nullptr || *state != "ready") return {};
    return look_into(node, seen, *live);
  }
};

}  // namespace

Result<Stage> plan_look_at_replicas(const Ground& primary, const std::set<std::string>& only, Plan& plan) {
  if (primary.running()) return Stage::settled;
  const auto before = plan.steps.size();
  Look look{primary, only, plan};
  if (primary.seen.data && primary.seen.data->control) look.tip = tip_of(*primary.seen.data->control);
  for (const auto& node : primary.spec.nodes)
    if (!node.is_primary()) TRY(look.look_at(node, *primary.all.find(node.name)));
  if (plan.steps.size() != before) return Stage::wait;
  if (!look.leads.empty())
    return fail(refuse_loss(primary.spec, *look.tip, std::move(look.leads), "nothing was started"));
  return Stage::settled;
}

}  // namespace dugong::cluster
