// Taking over a PGDATA that somebody set up by hand, in place: its dataset becomes live-0 under its own name.
//
// Until the old server is stopped nothing in the data directory is changed, and whatever else is done can be undone:
// the dataset is marked, the node gets what it needs below its prefix. Then, in one go, the old way of starting is set
// aside, the old server stopped, the configuration written, ours started. `dugong:state` is `adopting` until the
// configuration is there; what the old way of starting was is remembered in marks of the dataset, for `down --destroy`,
// which gives it back.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cluster/ground.h"
#include "cluster/observed.h"
#include "cluster/step.h"
#include "spec/spec.h"

namespace dugong::cluster {

// The container that serves this data and is not dugong's; nullptr: none, or several.
const runtime::OtherContainer* incumbent_of(const runtime::ServerFacts& facts);
// Everybody else who has the data directory: the incumbent of an adoption that is not finished has a right to it.
std::vector<std::string> strangers_of(const spec::Spec& spec, const spec::Node& node, const ObservedNode& seen);
// The node's data is to be adopted, and is still somebody's.
bool is_unfinished_adoption(const spec::Spec& spec, const spec::Node& node, const ObservedNode& seen);

// How a setting of the old server gets its value.
struct OldSetting {
  std::string name;
  std::string value;
  std::string source;  // "command line", "postgresql.auto.conf line 3"
  enum class Kind { file, auto_conf, command_line } kind = Kind::file;
};
// In force at its last start, as far as files tell, with what they include. Errors: refused (unreadable).
Result<std::vector<OldSetting>> old_settings(const Ground& ground);

// Error refused: a setting would be lost that the cluster file does not have; the lines to put there are in it.
Result<std::vector<AdoptionChange>> changes_of_settings(const Ground& ground);
// Those of postgresql.auto.conf that would beat the cluster file.
Result<std::vector<std::string>> names_to_take_out_of_auto_conf(const Ground& ground);

// Rules of rules.h. Whether the file still names what was adopted. Error: refused.
Result<> judge_adopt_key(const Ground& node, const Ground& primary);
// Whether the data may be taken over as it is. Error: refused.
Result<> judge_adoption(const Ground& node, const Ground& primary);

Result<Adoption> adoption_of(const Ground& ground);
// From the first mark to the start of our server, in one plan. Error: refused.
Result<Stage> plan_adoption(const Ground& ground, Plan& plan);
// The newest snapshot that an adopted replica has in common with the primary, by GUID: held and marked on both sides.
void plan_common_base(const Ground& replica, Plan& plan);
// `down --destroy` of the replica alone: what it had in common with the primary is no base any more.
void plan_no_base(const spec::Spec& spec, const spec::Node& replica, const Observed& seen, Plan& plan);
// Whether `down --destroy` can write back what adoption changed in the data directory. Error: refused.
Result<> judge_release(const spec::Spec& spec, const spec::Node& node, const ObservedNode& seen);
// `down --destroy`: the dataset stays, without our marks, and the old way of starting is there again.
void plan_release(const spec::Spec& spec, const spec::Node& node, const ObservedNode& seen, Steps& steps);

// Where postgresql.auto.conf is kept as it was found.
std::string kept_auto_conf(const runtime::Paths& host);

}  // namespace dugong::cluster
