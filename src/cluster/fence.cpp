#include "cluster/fence.h"

#include <algorithm>
#include <ctime>
#include <fmt/chrono.h>
#include <fmt/format.h>

#include "base/text.h"
#include "cluster/adopt.h"
#include "cluster/ground.h"

namespace dugong::cluster {
namespace {

constexpr const char* unchanged = "nothing was changed";
constexpr const char* no_fence = "no";
constexpr const char* as_primary = "primary";
constexpr const char* as_standby = "standby";
constexpr const char* as_unseen = "unseen";

// What Compose makes nothing of, whichever of its verbs is used.
std::string fenced_compose_text(const spec::Spec& spec, const spec::Node& node) {
  return fmt::format(
      "# Node {} of cluster {} is fenced: its server must not run. `dugong status` says since when and by whom.\n"
      "services: {{}}\n",
      node.name, spec.cluster);
}

// A user property's value: printable, without the separator.
std::string mark_text(const Fence& fence) {
  auto by = printable(shorten(fence.by, 200));
  std::ranges::replace_if(
      by, [](char c) { return c == '\n' || static_cast<unsigned char>(c) >= 0x7f; }, '?');
  const auto* was = !fence.was_primary ? as_unseen : *fence.was_primary ? as_primary : as_standby;
  return fmt::format("{} {} {}", was, fence.since, by);
}

struct Site {
  const spec::Spec& spec;
  const spec::Node& node;
  const ObservedNode& seen;
  const zfs::Dataset* parent = nullptr;
  const zfs::Dataset* live = nullptr;

  [[nodiscard]] bool has_signal() const { return seen.data && seen.data->has("standby.signal"); }
  [[nodiscard]] bool shows_data() const {
    return live != nullptr && live->mounted && seen.data && !seen.data->version.empty();
  }
};

auto refuse(const spec::Node& node, Error error) {
  error.kind = ErrorKind::refused;
  error.left = unchanged;
  return fail(std::move(error).at(node.name));
}

// What is not seen is neither stopped nor unmounted, and saying "fenced" of it would be a lie.
Result<Site> site_of(const spec::Spec& spec, const Observed& seen, const std::string& name) {
  const auto* node = spec.find(name);
  if (node == nullptr)
    return fail(Error{ErrorKind::invalid, fmt::format("no node '{}' in the cluster file", name), spec.file, unchanged,
                      "use a name that the file has under [[node]]"});
  const auto& self = *seen.find(name);
  if (!self.reachable()) return refuse(*node, self.host.error);
  if (!self.pool) return refuse(*node, self.pool.error);
  if (!self.storage) return refuse(*node, self.storage.error);
  if (!self.server) return refuse(*node, self.server.error);
  Site site{.spec = spec, .node = *node, .seen = self};
  site.parent = find_dataset(*self.storage, node->prefix);
  if (site.parent == nullptr || !has_role(*site.parent, spec, *node, "parent"))
    return refuse(*node, Error{ErrorKind::refused,
                               fmt::format("{} is no dataset that dugong made for this node", node->prefix),
                               {},
                               {},
                               "`dugong status`; there is nothing here to fence"});
  site.live = TRY(live_of(*self.storage, spec, *node));
  return site;
}

void plan_no_container(const Site& site, Steps& steps) {
  const auto server = server_of(site.spec, site.node);
  if (server.kind != runtime::Kind::compose) return;
  if (site.seen.server->state != runtime::ServerState::absent) steps.add(runtime::RemoveServer{server});
  const auto file = site.seen.files.find(server.compose_file);
  const auto text = fenced_compose_text(site.spec, site.node);
  if (file != site.seen.files.end() && file->second.exists && file->second.content != text)
    steps.add(WriteFile{server.compose_file, Secret{text}, 0644, 0, 0, {}}, "so that Compose starts nothing here");
}

void plan_no_data(const Site& site, Steps& steps) {
  if (site.live == nullptr) return;
  const auto signal = host_paths_of(site.spec, site.node).data + "/standby.signal";
  if (site.shows_data() && !site.has_signal())
    steps.add(WriteFile{signal, Secret{""}, 0600, site.seen.data->uid, site.seen.data->gid, {}},
              "started by hand, it takes no writes");
  if (site.live->mounted) steps.add(zfs::Unmount{site.live->name});
  if (site.live->canmount != "off") steps.add(zfs::SetProperties{site.live->name, {{"canmount", "off"}}});
}

// Its name keeps habits away from it; its environment has the password with which an image makes a database.
void note_set_aside(const Site& site, Steps& steps) {
  for (const auto& container : site.seen.server->containers)
    if (container.set_aside)
      steps.note(
          fmt::format("container {0} is still there: started by hand, it would make a new, empty database in the "
                      "unmounted directory; `docker rm {0}` if its way of starting is not needed any more",
                      container.name));
}

// The one that leads now, if it is not `node`; why, or "".
std::string leads(const ObservedNode& other, const Site& site) {
  if (!other.sql) return {};
  if (!other.sql->in_recovery) return "it takes writes";
  const auto& mine = site.seen.data->control;
  if (mine && other.sql->timeline > mine->timeline)
    return fmt::format("it is on timeline {}, {} on {}", other.sql->timeline.value, site.node.name,
                       mine->timeline.value);
  return {};
}

Result<> judge_no_other_leads(const Site& site, const Observed& seen, Steps& steps) {
  for (const auto& other : seen.nodes) {
    if (other.name == site.node.name) continue;
    if (!other.sql)
      steps.note(fmt::format("whether {} was promoted meanwhile cannot be seen", other.name));
    else if (const auto why = leads(other, site); !why.empty())
      return refuse(site.node,
                    Error{ErrorKind::refused,
                          fmt::format("{} leads now ({}): {} must not take writes", other.name, why, site.node.name),
                          {},
                          {},
                          fmt::format("to have it seeded again from {2}: `dugong down {0} --destroy --confirm={1}`, "
                                      "then `dugong up` with {2} as the primary in the file",
                                      site.node.name, site.spec.cluster, other.name)});
  }
  return {};
}

void plan_data_back(const Site& site, Steps& steps) {
  if (site.live == nullptr) return;
  if (site.live->canmount == "off") steps.add(zfs::SetProperties{site.live->name, {{"canmount", "noauto"}}});
  if (site.live->mounted) return;
  steps.add(zfs::Mount{site.live->name});
  steps.look_again();
}

// So that `dugong node start` after a reboot finds a service: between the fence's end and `up` there may be one.
Result<> plan_service_back(const spec::Spec& spec, const Observed& seen, const Site& site, Steps& steps) {
  const auto server = server_of(spec, site.node);
  if (server.kind != runtime::Kind::compose) return {};
  const auto file = site.seen.files.find(server.compose_file);
  if (file == site.seen.files.end() || file->second.content != fenced_compose_text(spec, site.node)) return {};
  if (!site.seen.software) {
    steps.note(fmt::format("{} has no service until `dugong up`: {}", server.compose_file,
                           printable(site.seen.software.error.what)));
    return {};
  }
  const auto ground = TRY(ground_of(spec, seen, site.node));
  steps.add(WriteFile{server.compose_file, Secret{compose_text(ground)}, 0644, 0, 0, {}}, "the service is back");
  return {};
}

}  // namespace

std::optional<Fence> fence_of(const zfs::Dataset& parent) {
  const auto* mark = parent.mark("fenced");
  if (mark == nullptr || *mark == no_fence) return std::nullopt;
  Fence fence;
  const auto words = split(*mark, ' ');
  if (words[0] == as_primary || words[0] == as_standby) fence.was_primary = words[0] == as_primary;
  if (words.size() < 3) return fence;
  fence.since = static_cast<std::int64_t>(parse_u64(words[1]).value_or(0));
  fence.by = mark->substr(static_cast<std::size_t>(words[2].data() - mark->data()));
  return fence;
}

std::string describe(const Fence& fence) {
  auto text = fence.since == 0
                  ? std::string{"since a time that is not known"}
                  : fmt::format("since {:%Y-%m-%d %H:%M:%S} UTC", fmt::gmtime(static_cast<std::time_t>(fence.since)));
  if (!fence.by.empty()) text += ", by " + printable(fence.by);
  return text;
}

Result<Plan> plan_fence(const spec::Spec& spec, const Observed& seen, const FenceOptions& options) {
  const auto site = TRY(site_of(spec, seen, options.node));
  if (is_unfinished_adoption(spec, site.node, site.seen))
    return refuse(site.node,
                  Error{ErrorKind::refused,
                        fmt::format("{} has not been adopted yet: what runs there is not dugong's", site.node.adopt),
                        {},
                        {},
                        "stop it in its own way; or `dugong up` first"});
  Plan plan;
  Steps steps{plan, site.node};
  // First: should the rest be cut off, nothing of ours starts it any more.
  if (!fence_of(*site.parent)) {
    const auto was_primary = site.shows_data() ? std::optional{!site.has_signal()} : std::nullopt;
    const Fence fence{was_primary, seen.wall_seconds, options.by};
    steps.add(zfs::SetProperties{site.node.prefix, {{"dugong:fenced", mark_text(fence)}}});
  }
  if (!site.seen.server->strangers.empty())
    return refuse(site.node,
                  Error{ErrorKind::refused,
                        fmt::format("{} is in use by {}, which dugong did not start",
                                    host_paths_of(spec, site.node).data, join(site.seen.server->strangers, ", ")),
                        {},
                        {},
                        "stop it, and remove it if it is a container; then run this again"});
  if (site.seen.server->state == runtime::ServerState::running)
    steps.add(runtime::StopServer{server_of(spec, site.node)});
  plan_no_container(site, steps);
  plan_no_data(site, steps);
  note_set_aside(site, steps);
  return plan;
}

Result<Plan> plan_unfence(const spec::Spec& spec, const Observed& seen, const std::string& node) {
  const auto site = TRY(site_of(spec, seen, node));
  Plan plan;
  const auto fence = fence_of(*site.parent);
  if (!fence) return plan;
  Steps steps{plan, site.node};
  plan_data_back(site, steps);
  if (plan.more) return plan;
  if (fence->was_primary != false && site.shows_data() && (fence->was_primary || !site.has_signal())) {
    TRY(judge_no_other_leads(site, seen, steps));
    if (site.has_signal())
      steps.add(CleanData{host_paths_of(spec, site.node).data, {{"standby.signal"}, {}}},
                "it was the primary; the fence put that file there");
  }
  TRY(plan_service_back(spec, seen, site, steps));
  steps.add(zfs::SetProperties{site.node.prefix, {{"dugong:fenced", no_fence}}});
  return plan;
}

}  // namespace dugong::cluster
