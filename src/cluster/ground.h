// One node's part of spec and observation, gathered once, as the planners of a node want it.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "cluster/layout.h"
#include "cluster/observed.h"
#include "cluster/step.h"
#include "spec/spec.h"

namespace dugong::cluster {

struct Ground {
  const spec::Spec& spec;
  const spec::Node& node;
  const Observed& all;
  const ObservedNode& seen;
  runtime::Server server;
  runtime::Paths host;
  runtime::Paths inside;
  const zfs::Dataset* parent = nullptr;
  const zfs::Dataset* live = nullptr;
  bool may_restart = true;  // false: it was not named, and others work with it

  [[nodiscard]] const std::vector<zfs::Dataset>& storage() const { return *seen.storage; }
  [[nodiscard]] bool running() const { return seen.server && seen.server->state == runtime::ServerState::running; }
  [[nodiscard]] bool answering() const { return running() && seen.sql && seen.sql->accepts_clients; }
  // Its dataset is somebody's until the adoption is finished: what runs there need not be ours.
  [[nodiscard]] bool adopting() const {
    return !node.adopt.empty() && live != nullptr && live_mark("state") != "ready";
  }
  // A property "dugong:KEY" of the live dataset; "" when there is none.
  [[nodiscard]] std::string live_mark(const std::string& key) const { return mark_of(live, key); }
  [[nodiscard]] std::string parent_mark(const std::string& key) const { return mark_of(parent, key); }
  [[nodiscard]] const FileView& file(const std::string& path) const;

 private:
  static std::string mark_of(const zfs::Dataset* dataset, const std::string& key) {
    const auto* mark = dataset == nullptr ? nullptr : dataset->mark(key);
    return mark == nullptr ? "" : *mark;
  }
};

// Needs the samples host, storage and software; judge_ground has seen to that. Error: refused (two live datasets).
Result<Ground> ground_of(const spec::Spec& spec, const Observed& seen, const spec::Node& node);

// A plan that remembers which node it is planning for.
class Steps {
 public:
  Steps(Plan& plan, const spec::Node& node) : plan_{plan}, node_{node} {}
  template <class Action>
  void add(Action action, std::string why = {}) {
    plan_.steps.push_back({node_.name, std::move(action), std::move(why)});
    ++count_;
  }
  template <class Action>
  void try_to(Action action, std::string why = {}) {
    add(std::move(action), std::move(why));
    plan_.steps.back().may_fail = true;
  }
  void look_again() { plan_.more = true; }
  void note(std::string text) { plan_.notes.push_back(node_.name + ": " + std::move(text)); }
  [[nodiscard]] bool none() const { return count_ == 0; }

 private:
  Plan& plan_;
  const spec::Node& node_;
  std::size_t count_ = 0;
};

// Whether a node is as the file says, as far as a stage of planning goes.
enum class Stage {
  settled,  // nothing left to do here
  planned,  // steps were added; later stages of this node may be planned after them
  wait,     // steps were added, or something must show itself, before more can be said
};

// The stages, in the order in which plan_up runs them.
Stage plan_storage(const Ground& ground, Plan& plan);              // parent, directories, secrets, archive
Result<Stage> plan_first_start(const Ground& ground, Plan& plan);  // primary: live dataset and initdb
// Before a stopped primary is started: whether a replica was promoted meanwhile. Error refused: one was, or seems so.
Result<Stage> plan_look_at_replicas(const Ground& primary, const std::set<std::string>& only, Plan& plan);
Result<Stage> plan_server(const Ground& ground, Plan& plan);  // compose file, dugong.conf, pg_hba.conf, running
// The restart that a running server will need to be as the file says; nothing when none.
Result<> announce_restart(const Ground& ground, Plan& plan);
Result<Stage> plan_database(const Ground& ground, Plan& plan);  // primary: database, extensions, roles, archive
Result<Stage> plan_replicas(const std::vector<Ground>& replicas, const Ground& primary, Plan& plan);
void plan_tidy(const std::vector<Ground>& replicas, const Ground& primary, Plan& plan);  // bases nobody needs

// Room for what is to be copied, per pool. Error: refused.
Result<> judge_room(const std::vector<Ground>& replicas, const Ground& primary);

// What a full copy of the primary's data takes on this node's pool. Both have their samples; the primary has data.
Bytes full_copy_size(const Ground& replica, const Ground& primary);
// Rules of rules.h. Whether the node's server could start: its port is free, its data is of its version. Error:
// refused.
Result<> judge_port(const Ground& node, const Ground& primary);
Result<> judge_version(const Ground& node, const Ground& primary);
// Whether the replication user, where that role exists, may replicate. Error: refused.
Result<> judge_replicator(const Ground& primary, const Ground& same);

// dugong.conf, postgresql.conf's include, pg_hba.conf: what differs, as WriteFile steps. Returns what was added.
struct ConfChanges {
  bool conf = false;
  bool hba = false;
};
Result<ConfChanges> plan_conf_files(const Ground& ground, Steps& steps);

// Which cluster an archive belongs to: dugong-wal stores nothing without it. Replicas have it too, to be promotable.
void plan_archive_identity(const Ground& ground, SystemId system_identifier, Steps& steps);

// The node's compose file.
std::string compose_text(const Ground& ground);

// Properties of a live dataset, created or cloned.
zfs::Properties live_properties(const Ground& ground, const std::string& state);

}  // namespace dugong::cluster
