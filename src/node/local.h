// This machine as a node: every request is carried out here, by zfs, docker, PostgreSQL's own programs and files.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "node/node.h"

namespace dugong::node {

struct LocalOptions {
  // What of our environment docker and Compose get to see: how to reach the engine, nothing that changes the answers.
  std::vector<std::string> docker_environment = {"DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_CERT_PATH",
                                                 "DOCKER_TLS_VERIFY"};
  std::string wal_client;  // path of dugong-wal; empty: beside our own program
};

// Locks are held as long as the object lives.
class LocalNode final : public Node {
 public:
  explicit LocalNode(LocalOptions options = {});
  ~LocalNode() override;
  Result<Answer> call(const Request& request, Deadline deadline, std::stop_token stop) override;

 private:
  struct Doors;
  std::unique_ptr<Doors> doors_;
};

}  // namespace dugong::node
