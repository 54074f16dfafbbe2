// How a replica comes to be: slot, held and catalogued snapshot, copy into the anchor, clone, clean-up, start.
//
// The order is what makes it safe to be cut anywhere:
//  - a slot exists before the snapshot that needs it;
//  - `dugong:receiving` names the anchor on the marked parent before the first byte, so that what a broken receive
//    leaves behind is known to be ours although it carries no mark;
//  - a clone is `received` until it has standby.signal and lost what belongs to the server it came from, and only a
//    `ready` one is ever started: without that file it would come up as a second primary.
#include <algorithm>
#include <fmt/format.h>
#include <optional>

#include "cluster/adopt.h"
#include "cluster/ahead.h"
#include "cluster/boot.h"
#include "cluster/catalogue.h"
#include "cluster/ground.h"
#include "cluster/kept_wal.h"
#include "cluster/lineage.h"
#include "cluster/settings.h"
#include "postgres/conf.h"
#include "postgres/control.h"
#include "postgres/identifiers.h"
#include "zfs/marks.h"

namespace dugong::cluster {
namespace {

// A large database is first copied without a slot. It is near enough for one when the WAL since its base is a small
// part of what "large" means, or when rounds have stopped getting shorter: waiting longer would not help.
bool is_near(const std::vector<Entry>& entries, const Entry& base, const Ground& primary) {
  const auto now = primary.seen.sql->lsn.value;
  const auto distance = now - std::min(now, base.end.value);
  if (distance <= primary.spec.seed.slot_late_above / 8) return true;
  const Entry* before = nullptr;
  for (const auto& entry : entries)
    if (entry.createtxg < base.createtxg) before = &entry;
  return before != nullptr && distance * 5 >= (base.end.value - before->end.value) * 4;
}

// What one replica lacks; decided one by one, carried out together so that several share one snapshot.
struct Need {
  const Ground* ground = nullptr;
  bool slot = false;             // create it
  bool drop_slot = false;        // it has lost its WAL: make it anew
  bool snapshot = false;         // take one
  std::optional<Entry> copy{};   // receive this one …
  std::optional<Entry> base{};   // … as an increment from this one
  std::optional<Entry> clone{};  // this one is here and covered by the slot
};

Need need_of(const Ground& g, const Ground& primary, const std::vector<Entry>& entries, const Anchor& anchor) {
  Need need{.ground = &g};
  const auto& base = anchor.base;
  need.base = base;
  const auto* slot = slot_of(g);
  const bool large = primary.live->referenced > g.spec.seed.slot_late_above;
  // One that never reserved anything, restart_lsn 0/0, would cover no snapshot either.
  const bool lost = slot != nullptr && !slot->active &&
                    (slot->wal_status == "lost" || slot->wal_status == "unreserved" || slot->restart_lsn.value == 0);
  if (slot == nullptr && large && !(base && is_near(entries, *base, primary))) {
    const bool newer = !entries.empty() && (!base || entries.back().createtxg > base->createtxg);
    if (newer)
      need.copy = entries.back();
    else
      need.snapshot = true;
    return need;
  }
  if (slot == nullptr || lost) {
    need.drop_slot = lost;
    need.slot = need.snapshot = true;
    return need;
  }
  auto covered = std::find_if(entries.rbegin(), entries.rend(), [&](const Entry& e) { return slot_covers(*slot, e); });
  if (covered == entries.rend())
    need.snapshot = true;
  else if (base && base->guid == covered->guid)
    need.clone = *covered;
  else
    need.copy = *covered;
  return need;
}

// Whoever reads from the slot of one that has no data is another server of that name.
Result<> judge_slot_is_free(const Ground& g) {
  const auto* slot = slot_of(g);
  if (slot == nullptr || !slot->active) return {};
  const auto& senders = g.all.find(g.node.follows)->sql->senders;
  const auto sender = std::ranges::find(senders, g.node.name, &postgres::Sender::application_name);
  const auto who = sender == senders.end() || sender->client_addr.empty() ? "somebody" : sender->client_addr;
  return fail(Error{ErrorKind::refused,
                    fmt::format("{} has no data yet, but its slot {} on {} is in use by {}", g.node.name, slot->name,
                                g.node.follows, who),
                    g.node.name, "nothing was changed",
                    fmt::format("if {} was stopped or destroyed just now, run this again in a minute; else another "
                                "server streams under its name: stop that one, or give this node another name",
                                g.node.name)});
}

void plan_slot(const Need& need, Plan& plan) {
  const auto& g = *need.ground;
  Steps upstream{plan, *g.spec.find(g.node.follows)};
  const auto name = postgres::slot_name(g.node.name);
  if (need.drop_slot) upstream.add(RunQuery{"drop_slot", {name}, "postgres"}, "its WAL is gone");
  upstream.add(RunQuery{"create_slot", {name}, "postgres"}, "WAL that the copy will need is kept from here on");
}

// A new physical slot keeps WAL from GetRedoRecPtr() on (slot.c: ReplicationSlotReserveWal), which xlog.c:
// CreateCheckPoint moves on when a checkpoint starts; pg_control follows when it ends, minutes later when it is spread.
// Until then a server started from any snapshot would ask for WAL from before the slot.
bool is_behind_slot(const Need& need, const postgres::ControlData& control) {
  const auto* slot = slot_of(*need.ground);
  return need.snapshot && !need.slot && slot != nullptr && control.redo < slot->restart_lsn;
}

bool is_for_v23(const Ground& g) { return !g.seen.pool->can_receive_unmounted; }

// How many bytes a full stream has: as stored with `send -c`, which both sides must be OpenZFS for, else uncompressed.
Bytes stream_size(const zfs::Dataset& source, const Ground& primary, const Ground& g) {
  const bool as_stored = primary.seen.pool->can_receive_unmounted && !is_for_v23(g);
  return as_stored ? source.referenced : std::max(source.uncompressed(), source.referenced);
}

// Error refused when the data directory is not one that a snapshot may seed from and a checkpoint would not help.
Result<> plan_snapshot(const std::vector<Need>& needs, const Ground& primary, Plan& plan) {
  Steps steps{plan, primary.node};
  steps.look_again();
  if (!primary.seen.data->control)
    return fail(ErrorKind::refused, fmt::format("{}: {}", primary.node.name, primary.seen.data->control_error),
                "dugong reads global/pg_control before every snapshot");
  const auto& control = *primary.seen.data->control;
  if (auto seedable = postgres::judge_seedable(control); !seedable) {
    if (control.state != postgres::DbState::in_production) return fail(seedable.error());
    steps.add(RunQuery{"checkpoint", {}, "postgres"}, "just promoted: a copy made now would open too early");
    return {};
  }
  if (std::ranges::any_of(needs, [&](const Need& need) { return is_behind_slot(need, control); })) {
    steps.add(RunQuery{"checkpoint", {}, "postgres"},
              "one was running when the slot was made: a copy made before it "
              "ends would need older WAL than the slot keeps");
    return {};
  }
  auto properties = catalogue_properties(primary.spec.cluster, primary.node.name, control, *primary.seen.sql,
                                         primary.seen.software->id, "seed", primary.all.wall_seconds);
  std::string names;
  for (const auto& need : needs) {
    if (!need.snapshot) continue;
    names += (names.empty() ? "" : ",") + need.ground->node.name;
    if (!need.base) plan.copied_later += stream_size(*primary.live, primary, *need.ground);
  }
  properties.emplace("dugong:for", names);
  unsigned number = 1;
  const auto name = [&] { return snapshot_name(primary.all.wall_seconds, number); };
  while (find_dataset(primary.storage(), primary.live->name + "@" + name()) != nullptr) ++number;
  steps.add(TakeSnapshot{primary.live->name, name(), false, std::move(properties)});
  return {};
}

std::string new_anchor(const Ground& g) {
  unsigned number = 0;
  while (find_dataset(g.storage(), anchor_name(g.node, number)) != nullptr) ++number;
  return anchor_name(g.node, number);
}

// Where the copy goes; before that, what must be there first: the announcement, and no remains of a broken receive.
std::string plan_target(const Need& need, const Anchor& anchor, Plan& plan) {
  if (need.base) return anchor.dataset->name;
  const auto& g = *need.ground;
  Steps steps{plan, g.node};
  std::string target = new_anchor(g);
  if (is_remains(g, anchor)) {
    steps.add(zfs::Destroy{anchor.dataset->name}, "left by a copy that was cut off");
    target = anchor.dataset->name;
  } else if (anchor.dataset != nullptr) {
    steps.note(
        fmt::format("{} was received whole, and {} has the snapshot no more: everything is copied anew beside it, and "
                    "it stays until somebody destroys it",
                    anchor.dataset->name, g.spec.primary().name));
  }
  if (g.parent_mark("receiving") != target)
    steps.add(zfs::SetProperties{g.node.prefix, {{"dugong:receiving", target}}});
  return target;
}

void plan_copy(const Need& need, const std::string& target, const Ground& primary, Plan& plan) {
  Steps steps{plan, need.ground->node};
  const auto* snapshot = find_dataset(primary.storage(), need.copy->snapshot);
  steps.add(CopySnapshot{.from_node = primary.node.name,
                         .send = {need.copy->snapshot, need.base ? need.base->snapshot : "", is_for_v23(*need.ground)},
                         .receive = {target},
                         .guid = need.copy->guid,
                         .expected = need.base ? 0 : stream_size(*snapshot, primary, *need.ground)});
  steps.look_again();
}

void note_stale_anchors(const Need& need, const std::vector<Entry>& entries, Plan& plan) {
  if (need.base) return;
  for (const auto* anchor : stale_anchors(*need.ground, entries))
    plan.notes.push_back(
        fmt::format("{}: {} ({}) shares no snapshot with the primary any more: everything is copied "
                    "anew beside it, and it stays until somebody destroys it",
                    need.ground->node.name, anchor->name, human_bytes(anchor->used)));
}

// Properties are set one after the other: a node that died in between has left the first few.
zfs::Properties missing(const zfs::Dataset& dataset, zfs::Properties wanted) {
  std::erase_if(wanted, [&](const auto& property) {
    const auto& [name, value] = property;
    const auto it = dataset.local.find(name);
    const auto* mark =
        name.starts_with(zfs::marks::prefix) ? dataset.mark(name.substr(zfs::marks::prefix.size())) : nullptr;
    return (it != dataset.local.end() && it->second == value) || (mark != nullptr && *mark == value);
  });
  return wanted;
}

// User properties do not travel with a stream: what was received is marked here, or it could never be tidied away. So
// is where it ends: should the primary lose it, nothing else would tell whether the primary has lost data with it.
void plan_snapshot_marks(const Ground& g, const Anchor& anchor, const std::vector<Entry>& entries, Steps& steps) {
  for (const auto* snapshot : snapshots_of(g.storage(), anchor.dataset->name)) {
    const auto entry = std::ranges::find(entries, snapshot->guid, &Entry::guid);
    if (entry == entries.end()) continue;
    auto properties = missing(*snapshot, {{"dugong:cluster", g.spec.cluster},
                                          {"dugong:node", g.node.name},
                                          {"dugong:timeline", std::to_string(entry->timeline.value)},
                                          {"dugong:end_lsn", to_string(entry->end)}});
    if (!properties.empty()) steps.add(zfs::SetProperties{snapshot->name, std::move(properties)});
  }
}

// A primary that was rolled back or restored has lost more than a snapshot: what was received may be the last copy.
bool is_surely_in(const Ground& primary, const zfs::Dataset& received) {
  const auto end = end_of(received);
  const auto& sql = *primary.seen.sql;
  return end && end->timeline == sql.timeline && end->lsn <= sql.insert_lsn;
}

// Brought by an earlier increment, and lost on the primary since.
bool is_free(const Ground& g, const zfs::Dataset& snapshot) {
  const bool is_cloned = std::ranges::find(g.storage(), snapshot.name, &zfs::Dataset::origin) != g.storage().end();
  return is_ours(snapshot, g.spec, g.node) && snapshot.userrefs <= 1 && !is_cloned;
}

// What the replica calls it.
std::string base_on(const Ground& g, const Anchor& anchor) {
  for (const auto* one : snapshots_of(g.storage(), anchor.dataset->name))
    if (one->guid == anchor.base->guid) return one->name;
  return {};
}

// Destroying a snapshot leaves its data in the dataset, which takes no increment then: only a rollback makes way
// (dmu_recv.c: recv_begin_check_existing_impl).
std::string way_on(const Ground& g, const Ground& primary, const Anchor& anchor, const zfs::Dataset& snapshot) {
  if (!is_free(g, snapshot))
    return fmt::format("if nobody needs it, `zfs destroy {}`; then run this again", snapshot.name);
  const auto end = end_of(snapshot);
  const auto& sql = *primary.seen.sql;
  return fmt::format(
      "it may hold the only copy of what {0} has lost: it ends at {1}, {0} is at {2} on timeline {3}; find out whether "
      "{0} was rolled back or restored. If nobody needs it, {4}`zfs rollback -r {5}`; then run this again",
      primary.node.name,
      end ? fmt::format("{} on timeline {}", to_string(end->lsn), end->timeline.value) : "an unknown position",
      to_string(sql.insert_lsn), sql.timeline.value,
      snapshot.userrefs > 0 ? fmt::format("`zfs release {} {}` and ", hold_tag, snapshot.name) : "",
      base_on(g, anchor));
}

// Else every run would send an increment that zfs refuses.
Result<> judge_increment(const Need& need, const Ground& primary, const Anchor& anchor) {
  if (need.clone || !need.base) return {};
  const auto& g = *need.ground;
  if (anchor.dataset->mounted)
    return fail(
        Error{ErrorKind::refused,
              fmt::format("{} is mounted: what was received is never changed by anything but the next increment",
                          anchor.dataset->name),
              g.node.name, "nothing was changed",
              fmt::format("`zfs unmount {}`, then run this again", anchor.dataset->name)});
  for (const auto* newer : newer_than_base(g, anchor)) {
    if (is_free(g, *newer) && is_surely_in(primary, *newer)) continue;
    return fail(Error{ErrorKind::refused,
                      fmt::format("{} is newer than the last snapshot that {} shares with the primary: zfs receives no "
                                  "increment while it is there",
                                  newer->name, g.node.name),
                      g.node.name, "nothing was changed", way_on(g, primary, anchor, *newer)});
  }
  return {};
}

void plan_anchor_marks(const Ground& g, const Anchor& anchor, Steps& steps) {
  auto properties = missing(*anchor.dataset, {{"readonly", "on"},
                                              {"atime", "off"},
                                              {"canmount", "noauto"},
                                              {"com.sun:auto-snapshot", "false"},
                                              {"dugong:cluster", g.spec.cluster},
                                              {"dugong:node", g.node.name},
                                              {"dugong:role", "anchor"}});
  if (!properties.empty()) steps.add(zfs::SetProperties{anchor.dataset->name, std::move(properties)});
}

// The marks now, not only before the clone: should the primary lose one of these, nothing else would tell whose it is.
// A run that was killed before the rollback has left no newer snapshot, and yet what one of them had.
void plan_way_for_increment(const Need& need, const Anchor& anchor, const std::vector<Entry>& entries, Plan& plan) {
  if (!need.base) return;
  const auto& g = *need.ground;
  Steps steps{plan, g.node};
  plan_snapshot_marks(g, anchor, entries, steps);
  if (is_at_base(g, anchor)) return;
  plan_anchor_marks(g, anchor, steps);  // nothing else is ever rolled back
  for (const auto* newer : newer_than_base(g, anchor)) {
    if (newer->userrefs > 0) steps.add(zfs::Release{newer->name, hold_tag});
    steps.add(zfs::DestroySnapshot{newer->name}, "the primary has it no more, and no increment goes on top of it");
  }
  steps.add(zfs::Rollback{base_on(g, anchor)}, "no increment goes on top of what came after it");
}

// All that comes before the copies first, so that the copies stand side by side and run at the same time.
void plan_copies(const std::vector<Need>& needs, const Ground& primary, const std::vector<Entry>& entries, Plan& plan) {
  std::vector<std::pair<const Need*, std::string>> copies;
  for (const auto& need : needs) {
    if (!need.copy) continue;
    const auto* snapshot = find_dataset(primary.storage(), need.copy->snapshot);
    if (snapshot->userrefs == 0) Steps{plan, primary.node}.add(zfs::Hold{snapshot->name, hold_tag});
    note_stale_anchors(need, entries, plan);
    const auto anchor = anchor_of(*need.ground, entries);
    plan_way_for_increment(need, anchor, entries, plan);
    copies.emplace_back(&need, plan_target(need, anchor, plan));
  }
  for (const auto& [need, target] : copies) plan_copy(*need, target, primary, plan);
}

void plan_end_of_receiving(const Ground& g, Steps& steps) {
  const auto announced = g.parent_mark("receiving");
  if (announced.empty() || announced == "none") return;
  steps.add(zfs::SetProperties{g.node.prefix, {{"dugong:receiving", "none"}}});
}

void plan_clone(const Need& need, const Anchor& anchor, const std::vector<Entry>& entries, Plan& plan) {
  const auto& g = *need.ground;
  Steps steps{plan, g.node};
  plan_anchor_marks(g, anchor, steps);
  plan_snapshot_marks(g, anchor, entries, steps);
  for (const auto* snapshot : snapshots_of(g.storage(), anchor.dataset->name)) {
    if (snapshot->guid != need.clone->guid) continue;
    if (snapshot->userrefs == 0) steps.add(zfs::Hold{snapshot->name, hold_tag});
    auto properties = live_properties(g, "received");
    properties.emplace("readonly", "off");
    steps.add(zfs::Clone{snapshot->name, live_name(g.node, 0), std::move(properties)});
  }
  plan_end_of_receiving(g, steps);
  steps.add(zfs::Mount{live_name(g.node, 0)});
  steps.look_again();
}

Result<bool> plan_auto_conf(const Ground& g, Steps& steps) {
  auto it = g.seen.data->files.find("postgresql.auto.conf");
  const std::string have = it == g.seen.data->files.end() ? "" : it->second;
  const auto file = g.host.data + "/postgresql.auto.conf";
  const auto want = postgres::merge_auto_conf(have, standby_settings(g.spec, g.node, *g.seen.software));
  if (!want) return fail(Error{want.error()}.at(file).at(g.node.name));
  if (have == *want) return false;
  steps.add(WriteFile{file, Secret{*want}, 0600, g.seen.software->uid, g.seen.software->gid, {}});
  return true;
}

Result<> judge_copy(const Ground& g, const Ground& primary) {
  const auto& data = *g.seen.data;
  if (!data.control)
    return fail(ErrorKind::refused,
                fmt::format("{}: the copy in {} cannot be read: {}", g.node.name, g.live->name, data.control_error),
                fmt::format("`dugong down {} --destroy --confirm={}` and `dugong up` copy it again", g.node.name,
                            g.spec.cluster));
  if (primary.seen.sql && data.control->system_identifier != primary.seen.sql->system_identifier)
    return fail(
        ErrorKind::refused,
        fmt::format("{}: {} belongs to another cluster: system identifier {}, not {}", g.node.name, g.live->name,
                    to_string(data.control->system_identifier), to_string(primary.seen.sql->system_identifier)),
        "nothing was changed; give this node an empty prefix, or name the right primary");
  return {};
}

// From a clone to something that can only ever come up as a standby.
Result<> plan_prepare(const Ground& g, const Ground& primary, Plan& plan) {
  Steps steps{plan, g.node};
  steps.look_again();
  if (!g.live->mounted || !g.seen.data) {
    steps.add(zfs::Mount{g.live->name});
    return {};
  }
  TRY(judge_copy(g, primary));
  TRY(postgres::judge_seedable(*g.seen.data->control));
  plan_end_of_receiving(g, steps);
  const auto cleanup = TRY(postgres::cleanup_for_standby(*g.seen.data));
  if (!cleanup.files.empty() || !cleanup.emptied_dirs.empty()) steps.add(CleanData{g.host.data, cleanup});
  TRY(plan_conf_files(g, steps));
  plan_archive_identity(g, g.seen.data->control->system_identifier, steps);
  plan_boot(g, g.seen.data->control->system_identifier, steps);
  TRY(plan_auto_conf(g, steps));
  steps.add(WriteFile{g.host.data + "/standby.signal", Secret{}, 0600, g.seen.software->uid, g.seen.software->gid, {}});
  steps.add(zfs::SetProperties{g.live->name, {{"dugong:state", "ready"}}});
  return {};
}

// Whether the server has loaded what its postgresql.auto.conf says about whom to follow.
bool follows_as_written(const Ground& g) {
  const auto wanted = standby_settings(g.spec, g.node, *g.seen.software);
  return std::ranges::all_of(wanted, [&](const auto& assignment) {
    auto it = g.seen.sql->settings.find(assignment.first);
    return it != g.seen.sql->settings.end() && it->second.value == assignment.second;
  });
}

Result<> judge_ready_replica(const Ground& g, const Ground& primary) {
  if (g.live->mounted && g.seen.data) TRY(judge_copy(g, primary));
  if (g.live->mounted && g.seen.data && !g.seen.data->has("standby.signal"))
    return fail(ErrorKind::refused,
                fmt::format("{}: {} has no standby.signal: started like this it would be a second primary", g.node.name,
                            g.host.data),
                "find out who removed it (a promotion?) before anything else; nothing was started");
  return {};
}

std::optional<WalGap> gap_of(const Ground& g) {
  const auto* upstream = g.all.find(g.node.follows);
  return upstream == nullptr || !upstream->sql ? std::nullopt : wal_gap(g.seen, *upstream->sql);
}

// It has replayed all that lies in its pg_wal: only then does it ask for more, and pg_last_wal_receive_lsn() says
// something (walreceiverfuncs.c: RequestXLogStreaming). A control file tells of what was replayed, not of what was
// received.
bool has_come_to_its_end(const Ground& g) { return g.seen.sql && g.seen.sql->received.value != 0; }

// A slot that begins too late serves nobody. A stopped one is started without, to show what it goes on with.
bool must_show_itself(const Ground& g) { return !g.seen.sql && gap_of(g); }

// Why the upstream cannot have the WAL that it needs any more; "": nothing says so.
std::string signs_of_lost_wal(const Ground& g) {
  const auto name = postgres::slot_name(g.node.name);
  if (const auto* slot = slot_of(g); slot != nullptr)
    return slot->wal_status == "lost" && !slot->active ? fmt::format("slot {} is lost", name) : std::string{};
  const auto gap = gap_of(g);
  if (!gap || !has_come_to_its_end(g)) return {};
  return fmt::format("there is no slot {}, WAL is kept from {} on, and it is at {}", name, to_string(gap->kept),
                     to_string(gap->wanted));
}

tl::unexpected<Error> lost_their_wal(const std::vector<const Ground*>& lost) {
  std::string what;
  std::string names;
  for (const auto* g : lost) {
    what += fmt::format("{}{}: {} no longer has the WAL that {} needs ({})", what.empty() ? "" : "; ", g->node.name,
                        g->node.follows, g->node.name, signs_of_lost_wal(*g));
    names += " " + g->node.name;
  }
  return fail(ErrorKind::refused, std::move(what),
              fmt::format("seed again: `dugong down{} --destroy --confirm={}`, then `dugong up`", names,
                          lost.front()->spec.cluster));
}

// The primary goes on with an older history than they have: nothing more is done for anybody before somebody has
// decided which one is right.
Result<> judge_not_ahead(const std::vector<Ground>& replicas, const Ground& primary) {
  const auto tip = tip_of(*primary.seen.sql);
  std::vector<Lead> leads;
  for (const auto& g : replicas) {
    if (g.live_mark("state") != "ready") continue;
    if (const auto lead = lead_over(tip, g.node, g.seen)) leads.push_back(*lead);
  }
  if (leads.empty()) return {};
  return fail(refuse_loss(primary.spec, tip, std::move(leads), "the replicas were left as they are"));
}

// What is left to do for one that has its data: `waits` gets those that only have to catch up.
Result<Stage> plan_ready_replica(const Ground& g, const Ground& primary, Plan& plan,
                                 std::vector<const Ground*>& waits) {
  Steps steps{plan, g.node};
  const auto* slot = slot_of(g);
  if (slot == nullptr && !must_show_itself(g)) plan_slot({.ground = &g, .slot = true}, plan);
  bool changed = false;
  if (g.live->mounted && g.seen.data) changed = TRY(plan_auto_conf(g, steps));
  if (g.seen.data && g.seen.data->control) {
    plan_archive_identity(g, g.seen.data->control->system_identifier, steps);
    plan_boot(g, g.seen.data->control->system_identifier, steps);
  }
  if (g.answering() && (changed || !follows_as_written(g))) {
    steps.add(RunQuery{"reload", {}, "postgres"});
    steps.look_again();
    return Stage::wait;
  }
  const auto stage = TRY(plan_server(g, plan));
  if (stage != Stage::settled) return stage;
  const auto& sql = *g.seen.sql;
  if (!sql.in_recovery)
    return fail(ErrorKind::refused, fmt::format("{} takes writes: it is not in recovery", g.node.name),
                "two primaries may exist: stop the wrong one before anything else");
  // Told to follow somebody else it may still be connected to whom it followed before.
  const bool slot_in_use = slot != nullptr && slot->active;
  const bool streams = sql.streaming && sql.timeline == primary.seen.sql->timeline && slot_in_use;
  if (streams && !will_be_allowed_less(g.spec, g.all, g.node)) return Stage::settled;
  waits.push_back(&g);
  return Stage::wait;
}

// One that never catches up must not keep the others from being seeded and started: waiting comes when all else is
// done.
void plan_waits(const std::vector<const Ground*>& waits, bool others_have_steps, Plan& plan) {
  if (waits.empty()) return;
  plan.more = true;
  if (others_have_steps) return;
  for (const auto* g : waits) Steps{plan, g->node}.add(WaitStreaming{g->node.follows});
}

// A replica can be built only behind an upstream that is up.
bool upstream_streams(const Ground& g) {
  const auto* upstream = g.spec.find(g.node.follows);
  if (upstream->is_primary()) return true;
  const auto* seen = g.all.find(upstream->name);
  return seen != nullptr && seen->sql && seen->sql->streaming;
}

// Error refused: what is in its way is the operator's to take out of it.
Result<Need> judged_need(const Ground& g, const Ground& primary, const std::vector<Entry>& entries) {
  TRY(judge_slot_is_free(g));
  const auto anchor = anchor_of(g, entries);
  auto need = need_of(g, primary, entries, anchor);
  TRY(judge_increment(need, primary, anchor));
  return need;
}

Result<> plan_needs(const std::vector<Need>& needs, const Ground& primary, const std::vector<Entry>& entries,
                    Plan& plan) {
  for (const auto& need : needs)
    if (need.slot) plan_slot(need, plan);
  if (std::ranges::any_of(needs, &Need::snapshot)) TRY(plan_snapshot(needs, primary, plan));
  plan_copies(needs, primary, entries, plan);
  for (const auto& need : needs)
    if (need.clone) plan_clone(need, anchor_of(*need.ground, entries), entries, plan);
  return {};
}

// The last one decides where it is said to be.
Error all_of(std::vector<Error> errors) {
  auto all = std::move(errors.back());
  errors.pop_back();
  for (auto one = errors.rbegin(); one != errors.rend(); ++one) {
    all.what = one->what + "; " + all.what;
    all.next = one->next + "; " + all.next;
  }
  return all;
}

}  // namespace

Result<Stage> plan_replicas(const std::vector<Ground>& replicas, const Ground& primary, Plan& plan) {
  TRY(judge_not_ahead(replicas, primary));
  const auto entries = entries_of(primary);
  const auto before = plan.steps.size();
  std::vector<Need> needs;
  std::vector<const Ground*> waits;
  // What only the operator may decide; the others go on.
  std::vector<const Ground*> lost;  // must be seeded again
  std::vector<Error> blocked;       // a snapshot in the way of an increment, a slot that somebody uses
  for (const auto& g : replicas) {
    if (!upstream_streams(g)) {
      plan.more = true;
      continue;
    }
    const auto state = g.live_mark("state");
    if (g.live == nullptr) {
      if (auto need = judged_need(g, primary, entries))
        needs.push_back(*need);
      else
        blocked.push_back(std::move(need).error());
    } else if (g.adopting()) {
      if (slot_of(g) == nullptr) plan_slot({.ground = &g, .slot = true}, plan);
      TRY(plan_adoption(g, plan));
    } else if (state == "received") {
      TRY(plan_prepare(g, primary, plan));
    } else if (TRY(judge_ready_replica(g, primary)); !signs_of_lost_wal(g).empty()) {
      lost.push_back(&g);
    } else {
      TRY(plan_ready_replica(g, primary, plan, waits));
    }
  }
  TRY(plan_needs(needs, primary, entries, plan));
  plan_waits(waits, plan.steps.size() != before, plan);
  if (!lost.empty()) blocked.push_back(lost_their_wal(lost).value());
  if (!blocked.empty()) {
    if (plan.steps.size() == before) return fail(all_of(std::move(blocked)));
    for (const auto& one : blocked) plan.notes.push_back(one.what + "; " + one.next);
    plan.more = true;
  }
  return plan.steps.size() == before && !plan.more ? Stage::settled : Stage::wait;
}

}  // namespace dugong::cluster
