// The nodes of a real cluster, and copies between any two of them.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "node/copy.h"
#include "node/local.h"
#include "node/node.h"
#include "node/remote.h"

namespace dugong::node {

struct FleetMember {
  std::string name;
  std::optional<std::string> ssh;  // absent: this machine
  std::string ssh_config;          // -F
};
struct FleetOptions {
  LocalOptions local;
  std::string remote_program = "dugong";
  std::string share_directory = {};  // for connections that are kept; empty: none is
  int share_seconds = 0;
  wire::Timing timing;
  std::stop_token stop = {};  // ends an attempt to connect
};
// With remote_program from $DUGONG_REMOTE_PROGRAM, and connections kept as $DUGONG_SSH_PERSIST says.
FleetOptions fleet_options_from_environment();

class RealFleet final : public Fleet {
 public:
  RealFleet(const std::vector<FleetMember>& members, const FleetOptions& options);
  // For nodes of other kinds (a child process instead of ssh).
  explicit RealFleet(const wire::Timing& timing) : timing_{timing} {}
  void add_local(const std::string& name, std::unique_ptr<Node> node);
  void add_remote(const std::string& name, std::unique_ptr<RemoteNode> node);

  // Thread-safe. Errors: unreachable; invalid (no node of that name).
  Result<Node*> node(const std::string& name) override;
  // Two ends on this machine are joined by pipes; a remote end is a data session; between two remote ends the bytes
  // pass through this machine. A copy ends when the lock on a remote receiver is lost: somebody else may have it now.
  Result<CopyResult> copy(const CopyRequest& request, const CopyProgress& progress, Deadline deadline,
                          std::stop_token stop) override;

 private:
  struct Member {
    std::unique_ptr<Node> node;
    RemoteNode* remote = nullptr;  // the same node, if it is one
  };
  Result<Member*> member(const std::string& name);
  Result<std::unique_ptr<SourceEnd>> source_of(const CopyRequest& request, const EndOptions& options);
  Result<std::unique_ptr<SinkEnd>> sink_of(const CopyRequest& request, const EndOptions& options);

  wire::Timing timing_;
  std::stop_token stop_;
  std::map<std::string, Member> members_;  // not changed after the first call
};

}  // namespace dugong::node
