// Stopping, and taking away what dugong made. Only what carries our mark on itself is ever destroyed.
#include <algorithm>
#include <fmt/format.h>

#include "base/text.h"
#include "cluster/adopt.h"
#include "cluster/ground.h"
#include "cluster/order.h"
#include "cluster/plan_up.h"
#include "postgres/identifiers.h"

namespace dugong::cluster {
namespace {

// A first start that nobody waited for until its end. Stopped without the mark it would look like an initdb that was
// cut off.
void plan_mark_ready(const spec::Spec& spec, const spec::Node& node, const ObservedNode& seen, Steps& steps) {
  if (!seen.sql || !seen.sql->accepts_clients || !seen.storage) return;
  for (const auto& dataset : *seen.storage) {
    const auto* state = dataset.mark("state");
    if (state != nullptr && *state == "initializing" && has_role(dataset, spec, node, "live"))
      steps.add(zfs::SetProperties{dataset.name, {{"dugong:state", "ready"}}}, "its server takes clients");
  }
}

constexpr std::size_t shown_entries = 5;

const FileView* file_of(const ObservedNode& seen, const std::string& path) {
  const auto it = seen.files.find(path);
  return it == seen.files.end() || !it->second.exists ? nullptr : &it->second;
}

// A server that dugong did not start is neither stopped by it nor seen to end.
Result<> judge_users(const spec::Spec& spec, const spec::Node& node, const ObservedNode& seen) {
  const auto strangers = strangers_of(spec, node, seen);
  if (strangers.empty()) return {};
  return fail(Error{ErrorKind::refused,
                    fmt::format("{} is in use by {}, which dugong did not start", host_paths_of(spec, node).data,
                                join(strangers, ", ")),
                    node.name, "nothing was changed",
                    "stop it, and remove it if it is a container; then run this again"});
}

// The server is looked for where the file puts the data: on data that lies elsewhere one would go unseen, and the
// directory of the file need not be the one that dugong made.
Result<> judge_place(const spec::Spec& spec, const spec::Node& node, const ObservedNode& seen) {
  const auto data = host_paths_of(spec, node).data;
  for (const auto& dataset : *seen.storage) {
    if (!has_role(dataset, spec, node, "live") || holds_data_of(node, data, dataset.mountpoint)) continue;
    return fail(Error{ErrorKind::refused,
                      fmt::format("{} is {} at {}, but the file puts the data of {} at {}", dataset.name,
                                  dataset.mounted ? "mounted" : "to be mounted", dataset.mountpoint, node.name, data),
                      node.name, "nothing was changed",
                      "put the old `directory` back into the file, then run this again"});
  }
  return {};
}

// What is not known is not said to be stopped, and least of all destroyed. A node that is only stopped may have lost
// its pool or its image.
Result<> judge_known(const spec::Spec& spec, const spec::Node& node, const ObservedNode& seen, bool destroy) {
  const auto refuse = [&](Error error) {
    error.kind = ErrorKind::refused;
    error.left = "nothing was changed";
    return fail(std::move(error).at(node.name));
  };
  if (!seen.reachable()) return refuse(seen.host.error);
  if (!seen.server) return refuse(seen.server.error);
  TRY(judge_users(spec, node, seen));
  if (seen.storage) TRY(judge_place(spec, node, seen));
  if (!destroy) return {};
  if (!seen.pool) return refuse(seen.pool.error);
  if (!seen.storage) return refuse(seen.storage.error);
  if (seen.unread) return refuse(*seen.unread);
  return judge_release(spec, node, seen);
}

// What was stopped by hand stays so after a reboot, until the next `up`.
void plan_stop(const spec::Spec& spec, const spec::Node& node, const ObservedNode& seen, Steps& steps) {
  if (seen.host->registered.contains(lock_name(spec, node))) steps.add(ForgetNode{lock_name(spec, node)});
  if (!seen.server || seen.server->state != runtime::ServerState::running) return;
  if (server_of(spec, node).kind == runtime::Kind::process && is_unfinished_adoption(spec, node, seen))
    return steps.note(
        fmt::format("the server in {} goes on running: {} is not seen to be adopted, so it is not dugong's",
                    host_paths_of(spec, node).data, node.adopt));
  steps.add(runtime::StopServer{server_of(spec, node)});
}

struct Ours {
  const spec::Spec& spec;
  const spec::Node& node;
  const std::vector<zfs::Dataset>& all;
};

bool depends_on(const zfs::Dataset& clone, const zfs::Dataset& source) {
  return !clone.origin.empty() && zfs::dataset_of(clone.origin) == source.name;
}

// Clones before what they come from, children before their parent.
std::vector<const zfs::Dataset*> in_destroy_order(std::vector<const zfs::Dataset*> all) {
  std::vector<const zfs::Dataset*> order;
  while (!all.empty()) {
    auto free = std::ranges::find_if(all, [&](const auto* candidate) {
      return std::ranges::none_of(all, [&](const auto* other) {
        return other != candidate && (depends_on(*other, *candidate) || zfs::is_below(other->name, candidate->name));
      });
    });
    if (free == all.end()) break;
    order.push_back(*free);
    all.erase(free);
  }
  return order;
}

// What a broken receive left behind carries no mark of its own; the marked parent announced it.
bool is_announced(const Ours& ours, const zfs::Dataset& dataset) {
  const auto* parent = find_dataset(ours.all, ours.node.prefix);
  const auto* receiving = parent == nullptr ? nullptr : parent->mark("receiving");
  return receiving != nullptr && is_ours(*parent, ours.spec, ours.node) && *receiving == zfs::dataset_of(dataset.name);
}

bool may_go(const Ours& ours, const zfs::Dataset& one) {
  if (zfs::dataset_of(one.name) == ours.node.adopt || one.mark("adopted") != nullptr) return false;  // given back
  return is_ours(one, ours.spec, ours.node) || is_announced(ours, one);
}

void plan_destroy_dataset(const Ours& ours, const zfs::Dataset& dataset, Steps& steps) {
  if (dataset.mounted) steps.add(zfs::Unmount{dataset.name});
  for (const auto* snapshot : snapshots_of(ours.all, dataset.name)) {
    if (snapshot->userrefs > 0) steps.add(zfs::Release{snapshot->name, hold_tag});
    steps.add(zfs::DestroySnapshot{snapshot->name});
  }
  steps.add(zfs::Destroy{dataset.name}, human_bytes(dataset.used));
}

// Ours, and nothing below it or on it is somebody else's.
std::vector<const zfs::Dataset*> destroyable(const Ours& ours, Steps& steps) {
  std::vector<const zfs::Dataset*> found;
  for (const auto& dataset : ours.all) {
    if (dataset.is_snapshot || !may_go(ours, dataset)) continue;
    const auto foreign = std::ranges::find_if(ours.all, [&](const zfs::Dataset& other) {
      return zfs::is_below(zfs::dataset_of(other.name), dataset.name) && !may_go(ours, other);
    });
    if (foreign == ours.all.end())
      found.push_back(&dataset);
    else
      steps.note(fmt::format("{} stays: {} is not ours", dataset.name, foreign->name));
  }
  const auto goes = [&](const zfs::Dataset& one) { return std::ranges::find(found, &one) != found.end(); };
  // What a clone that stays came from stays with it.
  std::erase_if(found, [&](const auto* source) {
    return std::ranges::any_of(ours.all, [&](const auto& clone) { return depends_on(clone, *source) && !goes(clone); });
  });
  return in_destroy_order(std::move(found));
}

// What we put into the node's own directory; the mark last, so that a removal that was cut off is taken up again.
RemoveDirectory removal_of(const std::string& path, const spec::Node& node, const FileView& have) {
  const bool is_of_node = path == node.directory;
  const std::vector<std::string> known = {"adopted", "bin", "boot.json", "docker-compose.yaml",
                                          "logs",    "run", "secrets"};
  const std::vector<std::string> mount_points = {"archive", "data"};
  const auto is_in = [](const std::vector<std::string>& all, const std::string& one) {
    return std::ranges::find(all, one) != all.end();
  };
  RemoveDirectory removal{path, {}, {}};
  for (const auto& entry : have.entries) {
    if (entry == ".dugong") continue;
    if (is_of_node && is_in(mount_points, entry)) removal.mount_points.push_back(entry);
    if (!is_of_node || is_in(known, entry) || is_cut_off_write(entry)) removal.contents.push_back(entry);
  }
  if (is_in(have.entries, ".dugong")) removal.contents.emplace_back(".dugong");
  return removal;
}

std::string why_it_stays(const std::string& path, const FileView& have) {
  if (have.entries.empty()) return fmt::format("{} stays: it carries no mark of dugong", path);
  auto shown = have.entries;
  const auto more = shown.size() > shown_entries ? fmt::format(" and {} more", shown.size() - shown_entries) : "";
  if (shown.size() > shown_entries) shown.resize(shown_entries);
  return fmt::format("{} stays: dugong did not make what is in it: {}{}", path, join(shown, ", "), more);
}

void plan_destroy_directories(const spec::Spec& spec, const spec::Node& node, const ObservedNode& seen, Steps& steps) {
  for (const auto& path : own_directories(spec, node)) {
    const auto* have = file_of(seen, path);
    if (have == nullptr) continue;
    const auto* mark = file_of(seen, ownership_file(path));
    if (mark != nullptr && mark->content == ownership_text(spec, node))
      steps.add(removal_of(path, node, *have));
    else
      steps.note(why_it_stays(path, *have));
  }
}

void plan_destroy(const spec::Spec& spec, const spec::Node& node, const ObservedNode& seen, Steps& steps) {
  const auto server = server_of(spec, node);
  if (server.kind == runtime::Kind::compose && seen.server && seen.server->state != runtime::ServerState::absent)
    steps.add(runtime::RemoveServer{server});
  plan_release(spec, node, seen, steps);
  const Ours ours{spec, node, *seen.storage};
  const auto going = destroyable(ours, steps);
  for (const auto* dataset : going) plan_destroy_dataset(ours, *dataset, steps);
  const auto goes = [&](const zfs::Dataset& one) { return std::ranges::find(going, &one) != going.end(); };
  const auto mounted = std::ranges::find_if(
      ours.all, [&](const auto& one) { return one.mounted && !goes(one) && one.name != node.adopt; });
  if (mounted != ours.all.end())
    return steps.note(fmt::format("{} stays: {} is mounted", node.directory, mounted->name));
  plan_destroy_directories(spec, node, seen, steps);
}

// Its slot would keep WAL on the upstream for ever.
void plan_drop_slot(const spec::Spec& spec, const spec::Node& node, const Observed& seen, Plan& plan) {
  const auto* upstream = seen.find(node.follows);
  if (upstream == nullptr) return;
  if (!upstream->sql) {
    const auto& why = upstream->reachable() ? upstream->sql.error.what : upstream->host.error.what;
    plan.notes.push_back(
        fmt::format("{0}: whether slot {1} is left there is not known ({2}); it would keep WAL for ever: once {0} "
                    "answers, SELECT pg_drop_replication_slot('{1}')",
                    upstream->name, postgres::slot_name(node.name), why));
    return;
  }
  for (const auto& slot : upstream->sql->slots)
    if (slot.name == postgres::slot_name(node.name))
      Steps{plan, *spec.find(node.follows)}.add(RunQuery{"drop_slot", {slot.name}, "postgres"});
}

}  // namespace

Result<Plan> plan_down(const spec::Spec& spec, const Observed& seen, const DownOptions& options) {
  const auto selected = [&](const spec::Node& node) {
    return options.only.empty() || options.only.contains(node.name);
  };
  for (const auto& name : options.only)
    if (spec.find(name) == nullptr)
      return fail(Error{ErrorKind::invalid, fmt::format("no node '{}' in the cluster file", name), spec.file,
                        "nothing was changed", "use a name that the file has under [[node]]"});
  Plan plan;
  for (const auto* node : followers_first(spec)) {
    if (!selected(*node)) continue;
    const auto& self = *seen.find(node->name);
    TRY(judge_known(spec, *node, self, options.destroy));
    Steps steps{plan, *node};
    if (!options.destroy) plan_mark_ready(spec, *node, self, steps);
    plan_stop(spec, *node, self, steps);
    if (!options.destroy) continue;
    // A slot on an upstream that goes too goes with it.
    if (!node->is_primary() && !selected(*spec.find(node->follows))) plan_drop_slot(spec, *node, seen, plan);
    if (!node->is_primary() && !selected(spec.primary())) plan_no_base(spec, *node, seen, plan);
    plan_destroy(spec, *node, self, steps);
  }
  return plan;
}

}  // namespace dugong::cluster
