// This machine as a node: every request is carried out here, by zfs, docker, PostgreSQL's own programs and files.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "node/node.h"
#include "node/places.h"
#include "node/policy.h"

namespace dugong::node {

struct LocalOptions {
  // What of our environment docker and Compose get to see: how to reach the engine, nothing that changes the answers.
  std::vector<std::string> docker_environment = {"DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_CERT_PATH",
                                                 "DOCKER_TLS_VERIFY"};
  std::string wal_client = {};  // path of dugong-wal; empty: beside our own program
  // What has to be looked at again when it is done: where a dataset would be mounted and who can change that on the
  // way, whose it is, whom a file is given to. Absent: whoever runs us is this machine's own operator.
  std::optional<Policy> policy = {};
};

// Locks are held as long as the object lives.
class LocalNode final : public Node {
 public:
  explicit LocalNode(LocalOptions options = {});
  ~LocalNode() override;
  Result<Answer> call(const Request& request, Deadline deadline, std::stop_token stop) override;

 private:
  struct Doors;
  Places places_;
  std::unique_ptr<Doors> doors_;
};

}  // namespace dugong::node
