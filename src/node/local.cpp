// The list of doors. A request that no door answers does not compile.
#include "node/local.h"

#include "node/local_doors.h"
#include "node/sql.h"

namespace dugong::node {
namespace {

struct SqlDoor {
  static Result<RunSql::Answer> answer(const RunSql& question, const Call& call) {
    return run_sql(question, call.deadline, call.stop, call.places);
  }
  static Result<Done> answer(const SetRolePassword& question, const Call& call) {
    return set_role_password(question, call.deadline, call.stop, call.places);
  }
  static Result<postgres::PeerFacts> answer(const AskPeer& question, const Call& call) {
    return ask_peer(question, call.deadline, call.stop, call.places);
  }
  static Result<RolePasswordMark::Answer> answer(const RolePasswordMark& question, const Call& call) {
    return role_password_mark(question, call.deadline, call.stop, call.places);
  }
};

}  // namespace

struct LocalNode::Doors : ZfsDoor, FileDoor, ServerDoor, HostDoor, SqlDoor {
  explicit Doors(const LocalOptions& options)
      : ZfsDoor{options.policy},
        FileDoor{options.wal_client, options.policy ? Owners::Known::only : Owners::Known::and_others},
        ServerDoor{Docker{options.docker_environment}},
        HostDoor{options.wal_client} {}
  using FileDoor::answer;
  using HostDoor::answer;
  using ServerDoor::answer;
  using SqlDoor::answer;
  using ZfsDoor::answer;
};

LocalNode::LocalNode(LocalOptions options) : doors_{std::make_unique<Doors>(options)} {
  if (options.policy && options.policy->directories) places_ = Places{*options.policy->directories};
}
LocalNode::~LocalNode() = default;

Result<Answer> LocalNode::call(const Request& request, Deadline deadline, std::stop_token stop) {
  const Call call{deadline, std::move(stop), places_};
  const auto ask_door = [&](const auto& question) -> Result<Answer> {
    return Answer{TRY(doors_->answer(question, call))};
  };
  auto answer = TRY(std::visit(ask_door, request));
  if (const auto* software = std::get_if<runtime::Software>(&answer)) doors_->owners.add(software->uid, software->gid);
  return answer;
}

}  // namespace dugong::node
