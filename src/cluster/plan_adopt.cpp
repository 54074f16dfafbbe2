// Claims the dataset, sets the old way of starting aside, starts our own; and the other way round.
#include <algorithm>
#include <fmt/format.h>

#include "base/text.h"
#include "cluster/adopt.h"
#include "cluster/boot.h"
#include "cluster/fence.h"
#include "cluster/settings.h"
#include "postgres/conf.h"
#include "postgres/hba.h"

namespace dugong::cluster {
namespace {

using runtime::OtherContainer;

constexpr std::string_view no_files = "none";

bool is_running(const OtherContainer& container) { return container.state == runtime::ServerState::running; }

std::string kept_directory(const runtime::Paths& host) { return host.directory + "/adopted"; }

std::string old_setting(const Ground& g, std::string_view name) {
  const auto all = old_settings(g);
  if (!all) return {};
  const auto it = std::ranges::find(*all, name, &OldSetting::name);
  return it == all->end() ? std::string{} : it->value;
}

// ---- what is shown

void add_hba(const Ground& g, std::vector<AdoptionChange>& changes) {
  const auto it = g.seen.data->files.find("pg_hba.conf");
  const auto have = it == g.seen.data->files.end() ? std::string{} : it->second;
  const auto want =
      postgres::with_replication_lines(have, g.spec.auth.replication_user, replication_addresses(g.spec, g.node));
  if (!want) return;  // judged where it is written
  const auto old_lines = lines(have);
  for (const auto line : lines(*want))
    if (!line.starts_with('#') && std::ranges::find(old_lines, line) == old_lines.end())
      changes.push_back({"pg_hba.conf", "", std::string{line}, "", false});
}

void add_container(const Ground& g, std::vector<AdoptionChange>& changes) {
  const auto* incumbent = incumbent_of(*g.seen.server);
  if (incumbent == nullptr) return;
  const auto source = "container " + incumbent->name;
  changes.push_back({"container", incumbent->name, g.server.project, source, true});
  if (!incumbent->project.empty())
    changes.push_back({"compose project", incumbent->project, g.server.project, source, true});
  if (incumbent->restart_policy != "no")
    changes.push_back({"restart policy", incumbent->restart_policy, "no", source, false});
  if (incumbent->image_id != g.seen.software->id)
    changes.push_back({"image", incumbent->image_id, g.seen.software->id, source, true});
  for (const auto& file : incumbent->compose_files)
    changes.push_back({"compose file", file, runtime::set_aside_name(file), source, false});
}

void add_roles(const Ground& g, std::vector<AdoptionChange>& changes) {
  if (!g.node.is_primary()) return;  // they come by replication
  for (const auto* role : {&g.spec.auth.superuser, &g.spec.auth.replication_user})
    changes.push_back({"password of role " + *role, "", "the cluster file's", "", false});
}

void note_slots(const Ground& g, Steps& steps) {
  const auto& slots = g.seen.data->slots;
  std::vector<std::string> foreign;
  for (const auto& slot : slots)
    if (!slot.starts_with("dugong_")) foreign.push_back(slot);
  if (!foreign.empty())
    steps.note(
        fmt::format("replication slots that dugong did not make stay and keep WAL for whoever reads them: {}; "
                    "drop those that nobody reads with SELECT pg_drop_replication_slot('NAME')",
                    join(foreign, ", ")));
}

void note_archive(const Ground& g, Steps& steps) {
  const auto command = old_setting(g, "archive_command");
  if (command.empty() || command.find("dugong-wal") != std::string::npos) return;
  steps.note(fmt::format("WAL goes to {} from now on; what `{}` archived before stays where it is", g.host.archive,
                         printable(shorten(command, 120))));
}

// Compose would make a container of the old name anew, and the lock file of PostgreSQL holds nothing across containers.
void note_maker(const Ground& g, Steps& steps) {
  const auto* incumbent = incumbent_of(*g.seen.server);
  if (incumbent == nullptr || !incumbent->compose_files.empty()) return;
  steps.note(fmt::format(
      "container {} names no Compose file that is there: what made it is not known; if a Compose file or a script "
      "did, take it out of the way by hand, or it starts a second server on {}",
      incumbent->name, g.host.data));
}

// What else the old way of starting brought along.
void note_what_goes_with_it(const Ground& g, Steps& steps) {
  const auto* incumbent = incumbent_of(*g.seen.server);
  if (incumbent == nullptr) return;
  for (const auto& file : incumbent->compose_files)
    steps.note(
        fmt::format("other services of {0}, if it has any, go on running; to start them again, make a Compose file "
                    "of their own from {1}",
                    file, runtime::set_aside_name(file)));
  if (incumbent->image_id != g.seen.software->id)
    steps.note(
        fmt::format("the image is not the one that container {} runs: should its C library sort text otherwise, "
                    "indexes on text are wrong until REINDEX; bt_index_check of extension amcheck tells",
                    incumbent->name));
}

// ---- what is done

// What the old way of starting was; remembered before it is touched, and not again when it has been. One that was made
// anew under another name after an adoption was cut off is what there is to give back.
void add_old_way(const Ground& g, zfs::Properties& marks) {
  const auto* incumbent = incumbent_of(*g.seen.server);
  if (incumbent == nullptr || g.live_mark("old_container") == incumbent->name) return;
  marks.emplace("dugong:old_container", incumbent->name);
  marks.emplace("dugong:old_restart", incumbent->restart_policy);
  if (!incumbent->compose_files.empty())
    marks.emplace("dugong:old_compose", join(incumbent->compose_files, ","));
  else if (!g.live_mark("old_compose").empty())
    marks.emplace("dugong:old_compose", no_files);
}

// The parent first: from then on the file must go on naming what it adopts.
void plan_claim(const Ground& g, Steps& steps) {
  if (g.parent_mark("adopts") != g.node.adopt)
    steps.add(zfs::SetProperties{g.node.prefix, {{"dugong:adopts", g.node.adopt}}});
  zfs::Properties marks{{"dugong:adopted", "yes"},
                        {"dugong:cluster", g.spec.cluster},
                        {"dugong:node", g.node.name},
                        {"dugong:role", "live"},
                        {"dugong:state", "adopting"}};
  add_old_way(g, marks);
  std::erase_if(marks, [&](const auto& mark) {
    const auto* have = g.live->mark(mark.first.substr(std::string_view{"dugong:"}.size()));
    return have != nullptr && *have == mark.second;
  });
  if (!marks.empty()) steps.add(zfs::SetProperties{g.live->name, std::move(marks)});
}

void plan_kept(const Ground& g, Steps& steps) {
  const auto path = kept_auto_conf(g.host);
  const auto it = g.seen.data->files.find("postgresql.auto.conf");
  if (g.file(path).exists || it == g.seen.data->files.end()) return;
  steps.add(MakeDirectory{kept_directory(g.host), 0700, 0, 0});
  steps.add(WriteFile{path, Secret{it->second}, 0600, 0, 0, {}}, "as it was found: `down --destroy` gives it back");
}

std::vector<std::string> files_in(const std::string& mark) {
  std::vector<std::string> files;
  for (const auto file : split(mark, ','))
    if (!file.empty() && file != no_files) files.emplace_back(file);
  return files;
}

std::vector<std::string> old_compose_files(const Ground& g) {
  const auto* incumbent = incumbent_of(*g.seen.server);
  if (incumbent != nullptr) return incumbent->compose_files;
  return files_in(g.live_mark("old_compose"));
}

// The files first: what node.toml forbids is refused while the old server still runs.
void plan_take_over(const Ground& g, Steps& steps) {
  for (const auto& file : old_compose_files(g))
    steps.add(RenameFile{file, runtime::set_aside_name(file)}, "so that Compose starts no second server there");
  if (const auto* incumbent = incumbent_of(*g.seen.server))
    steps.add(runtime::RetireContainer{.name = incumbent->name, .data = g.host.data}, "dugong's own takes its place");
  if (g.running())
    steps.add(runtime::StopServer{g.server}, "it was started by hand; dugong starts it with its settings");
}

Result<> plan_auto_conf_without(const Ground& g, Steps& steps) {
  const auto it = g.seen.data->files.find("postgresql.auto.conf");
  const std::string have = it == g.seen.data->files.end() ? "" : it->second;
  const auto names = TRY(names_to_take_out_of_auto_conf(g));
  auto want = TRY(postgres::without_settings(have, names));
  if (!g.node.is_primary())
    want = TRY(postgres::merge_auto_conf(want, standby_settings(g.spec, g.node, *g.seen.software)));
  if (trim(want) == trim(have)) return {};
  steps.add(
      WriteFile{
          g.host.data + "/postgresql.auto.conf", Secret{want}, 0600, g.seen.software->uid, g.seen.software->gid, {}},
      "it would beat dugong.conf");
  return {};
}

Result<> plan_configuration(const Ground& g, Steps& steps) {
  TRY(plan_conf_files(g, steps));
  return plan_auto_conf_without(g, steps);
}

void plan_our_compose_file(const Ground& g, Steps& steps) {
  if (g.server.kind != runtime::Kind::compose || g.file(g.server.compose_file).content == compose_text(g)) return;
  steps.add(WriteFile{g.server.compose_file, Secret{compose_text(g)}, 0644, 0, 0, {}});
}

struct Common {
  const zfs::Dataset* here = nullptr;
  const zfs::Dataset* on_primary = nullptr;
};

// A GUID stays what it is through send and receive.
Common common_of(const Ground& replica) {
  const auto& primary = replica.spec.primary();
  const auto* seen = replica.all.find(primary.name);
  const auto source =
      seen == nullptr ? Result<Ground>{fail(ErrorKind::failed, "")} : ground_of(replica.spec, replica.all, primary);
  if (!source || source->live == nullptr) return {};
  Common newest;
  const auto theirs = snapshots_of(source->storage(), source->live->name);
  for (const auto* snapshot : snapshots_of(replica.storage(), replica.live->name)) {
    const auto same = std::ranges::find(theirs, snapshot->guid, [](const auto* one) { return one->guid; });
    if (same != theirs.end()) newest = {snapshot, *same};
  }
  return newest;
}

void plan_base(const Ground& g, const spec::Node& node, const zfs::Dataset& snapshot, Plan& plan) {
  const auto* mark = snapshot.mark("base");
  if (mark != nullptr && *mark == g.spec.cluster && snapshot.userrefs > 0) return;
  Steps steps{plan, node};
  if (snapshot.userrefs == 0) steps.add(zfs::Hold{snapshot.name, hold_tag}, "both sides have it: a base");
  if (mark == nullptr) steps.add(zfs::SetProperties{snapshot.name, {{"dugong:base", g.spec.cluster}}});
  steps.look_again();
}

void note_base(const Ground& g, Steps& steps) {
  if (g.node.is_primary()) return;
  if (const auto common = common_of(g); common.here != nullptr)
    return steps.note(fmt::format("{} is on {} as well, with the same GUID: it is kept on both sides as a base",
                                  common.here->name, g.spec.primary().name));
  steps.note(fmt::format("{} shares no snapshot with {}: its next rebuild copies everything", g.node.adopt,
                         g.spec.primary().name));
}

// ---- and undone

std::string mark_of(const zfs::Dataset& dataset, const std::string& key) {
  const auto* mark = dataset.mark(key);
  return mark == nullptr ? "" : *mark;
}

// What was taken out comes back, unless somebody has said otherwise since; and a standby follows whom it followed.
std::string given_back(const std::string& now, const std::string& kept, bool standby) {
  const auto before = postgres::parse_conf(kept);
  std::vector<std::string> ours;
  if (standby) ours.assign(postgres::recovery_names().begin(), postgres::recovery_names().end());
  const auto rest = postgres::without_settings(now, ours);
  const auto have = rest ? postgres::parse_conf(*rest) : Result<std::vector<postgres::ConfLine>>{fail(rest.error())};
  if (!have || !before) return now;
  auto text = *rest;
  const auto all = lines(kept);
  for (const auto& line : *before)
    if (!postgres::effective(*have, line.name)) text += std::string{all[line.line - 1]} + "\n";
  return text;
}

void plan_files_back(const spec::Spec& spec, const spec::Node& node, const ObservedNode& seen, Steps& steps) {
  const auto host = host_paths_of(spec, node);
  if (!seen.data || seen.data->version.empty()) return;
  const auto write = [&](const std::string& name, const std::string& text, const char* why) {
    steps.add(WriteFile{host.data + "/" + name, Secret{text}, 0600, seen.data->uid, seen.data->gid, {}}, why);
  };
  if (seen.data->files.contains("dugong.conf"))
    write("dugong.conf", "# dugong gave this database back: nothing is set here.\n",
          "it is included, and says nothing now");
  const auto kept = seen.files.find(kept_auto_conf(host));
  const auto now = seen.data->files.find("postgresql.auto.conf");
  if (kept == seen.files.end() || !kept->second.exists || now == seen.data->files.end()) return;
  const auto text = given_back(now->second, kept->second.content, seen.data->has("standby.signal"));
  if (text != now->second) write("postgresql.auto.conf", text, "what was taken out of it");
}

void plan_old_way_back(const zfs::Dataset& live, const std::string& data, Steps& steps) {
  for (const auto& file : files_in(mark_of(live, "old_compose")))
    steps.try_to(RenameFile{runtime::set_aside_name(file), file}, "it was there before");
  const auto container = mark_of(live, "old_container");
  if (container.empty()) return;
  const auto policy = mark_of(live, "old_restart");
  steps.try_to(runtime::ReturnContainer{container, data, policy.empty() ? "no" : policy}, "it served the data before");
}

void plan_snapshots_away(const ObservedNode& seen, const spec::Spec& spec, const spec::Node& node,
                         const zfs::Dataset& live, Steps& steps) {
  for (const auto* snapshot : snapshots_of(*seen.storage, live.name)) {
    if (snapshot->mark("base") != nullptr) {
      if (snapshot->userrefs > 0) steps.add(zfs::Release{snapshot->name, hold_tag});
      steps.add(zfs::ClearMarks{snapshot->name, {"dugong:base"}}, "it was there before");
    }
    if (!is_ours(*snapshot, spec, node)) continue;
    if (snapshot->userrefs > 0) steps.add(zfs::Release{snapshot->name, hold_tag});
    steps.add(zfs::DestroySnapshot{snapshot->name}, "dugong made it");
  }
}

}  // namespace

std::string kept_auto_conf(const runtime::Paths& host) { return kept_directory(host) + "/postgresql.auto.conf"; }

const OtherContainer* incumbent_of(const runtime::ServerFacts& facts) {
  const OtherContainer* found = nullptr;
  for (const auto& container : facts.containers) {
    if (!container.serves || container.set_aside) continue;
    // One that runs has it; of several that do not, nobody can tell.
    if (found != nullptr && is_running(*found) == is_running(container)) return nullptr;
    if (found == nullptr || is_running(container)) found = &container;
  }
  return found;
}

bool is_unfinished_adoption(const spec::Spec& /*spec*/, const spec::Node& node, const ObservedNode& seen) {
  if (node.adopt.empty()) return false;
  if (!seen.storage) return true;  // it is not known to be ours
  const auto* dataset = find_dataset(*seen.storage, node.adopt);
  return dataset != nullptr && mark_of(*dataset, "state") != "ready";
}

std::vector<std::string> strangers_of(const spec::Spec& spec, const spec::Node& node, const ObservedNode& seen) {
  auto all = seen.server->strangers;
  const bool may_be_one = runtime_kind(spec) == runtime::Kind::compose && is_unfinished_adoption(spec, node, seen);
  const auto* incumbent = may_be_one ? incumbent_of(*seen.server) : nullptr;
  if (incumbent == nullptr) return all;
  const auto name = "container " + incumbent->name;
  std::erase_if(all, [&](const std::string& one) { return one == name || one.starts_with(name + " ("); });
  return all;
}

Result<Adoption> adoption_of(const Ground& g) {
  const auto* incumbent = incumbent_of(*g.seen.server);
  Adoption adoption{.node = g.node.name,
                    .dataset = g.node.adopt,
                    .data = g.host.data,
                    .running = g.running() || (incumbent != nullptr && is_running(*incumbent)),
                    .changes = TRY(changes_of_settings(g))};
  add_hba(g, adoption.changes);
  add_container(g, adoption.changes);
  add_roles(g, adoption.changes);
  return adoption;
}

Result<Stage> plan_adoption(const Ground& g, Plan& plan) {
  Steps steps{plan, g.node};
  const auto system = g.seen.data->control->system_identifier;
  plan_claim(g, steps);
  plan_kept(g, steps);
  plan_our_compose_file(g, steps);
  plan_archive_identity(g, system, steps);
  plan_boot(g, system, steps);
  plan_take_over(g, steps);
  TRY(plan_configuration(g, steps));
  steps.add(zfs::SetProperties{g.live->name, {{"dugong:state", "ready"}}});
  steps.add(runtime::StartServer{g.server});
  if (g.node.is_primary()) steps.add(WaitReady{});
  note_maker(g, steps);
  note_what_goes_with_it(g, steps);
  note_slots(g, steps);
  note_archive(g, steps);
  note_base(g, steps);
  steps.look_again();
  return Stage::wait;
}

void plan_common_base(const Ground& replica, Plan& plan) {
  if (replica.node.adopt.empty() || replica.adopting() || replica.live == nullptr) return;
  const auto common = common_of(replica);
  if (common.here == nullptr) return;
  plan_base(replica, replica.spec.primary(), *common.on_primary, plan);
  plan_base(replica, replica.node, *common.here, plan);
}

void plan_no_base(const spec::Spec& spec, const spec::Node& replica, const Observed& seen, Plan& plan) {
  const auto& primary = spec.primary();
  const auto& here = *seen.find(replica.name);
  const auto& there = *seen.find(primary.name);
  if (replica.adopt.empty() || !here.storage || !there.storage) return;
  Steps steps{plan, primary};
  for (const auto& snapshot : *there.storage) {
    if (!snapshot.is_snapshot || snapshot.mark("base") == nullptr) continue;
    const bool shared = std::ranges::any_of(*here.storage, [&](const zfs::Dataset& one) {
      return one.is_snapshot && one.guid == snapshot.guid && zfs::dataset_of(one.name) == replica.adopt;
    });
    if (!shared) continue;
    if (snapshot.userrefs > 0) steps.add(zfs::Release{snapshot.name, hold_tag});
    steps.add(zfs::ClearMarks{snapshot.name, {"dugong:base"}}, replica.name + " has it no more as a base");
  }
}

namespace {

const zfs::Dataset* adopted_of(const spec::Spec& spec, const spec::Node& node, const ObservedNode& seen) {
  const auto* live = node.adopt.empty() ? nullptr : find_dataset(*seen.storage, node.adopt);
  if (live == nullptr || live->mark("cluster") == nullptr || *live->mark("cluster") != spec.cluster) return nullptr;
  return live;
}

}  // namespace

// The directory below which the old settings are kept goes in the same plan.
Result<> judge_release(const spec::Spec& spec, const spec::Node& node, const ObservedNode& seen) {
  const auto* live = adopted_of(spec, node, seen);
  if (live == nullptr) return {};
  const bool shown = live->mounted && seen.data && !seen.data->version.empty();
  if (shown) return {};
  return fail(
      Error{ErrorKind::refused,
            fmt::format("the data in {} is not to be seen: its old settings could not be put back", live->name),
            node.name, "nothing was changed",
            fmt::format("`zfs set canmount=noauto {0}; zfs mount {0}` there, then run this again", live->name)});
}

void plan_release(const spec::Spec& spec, const spec::Node& node, const ObservedNode& seen, Steps& steps) {
  const auto* live = adopted_of(spec, node, seen);
  if (live == nullptr) return;
  const auto data = host_paths_of(spec, node).data;
  plan_files_back(spec, node, seen, steps);
  plan_old_way_back(*live, data, steps);
  plan_snapshots_away(seen, spec, node, *live, steps);
  zfs::ClearMarks clear{live->name, {}};
  for (const auto& [name, value] : live->ours) clear.marks.push_back("dugong:" + name);
  // Last of all the one that makes it ours: cut off before that, the same command goes on.
  std::ranges::stable_partition(clear.marks, [](const auto& name) { return name != "dugong:cluster"; });
  steps.add(std::move(clear));
  const auto* parent = find_dataset(*seen.storage, node.prefix);
  if (parent != nullptr && is_ours(*parent, spec, node) && parent->mark("adopts") != nullptr)
    steps.add(zfs::SetProperties{parent->name, {{"dugong:adopts", "none"}}});
  if (parent != nullptr && fence_of(*parent) && seen.data->has("standby.signal"))
    steps.note(fmt::format("{} was fenced: standby.signal stays in {}, and its server takes no writes with it",
                           node.name, data));
  if (live->canmount != "on")
    steps.note(
        fmt::format("{0} has canmount={1} (a fence was there): `zfs set canmount=on {0}`", live->name, live->canmount));
  const auto container = mark_of(*live, "old_container");
  steps.note(fmt::format("{} stays, with all that is in it, at {}; {}", live->name, data,
                         container.empty() ? "start its server as before"
                                           : fmt::format("start it as before: docker start {}", container)));
}

}  // namespace dugong::cluster
