// This machine's node for a command that goes by what a controller has left here: whoever may write below a node's
// directory could otherwise have root run what they wrote. It is judged as if it came through `serve`.
#pragma once

#include <memory>

#include "node/local.h"
#include "node/policy.h"

namespace dugong::node {

class JudgedNode final : public Node {
 public:
  explicit JudgedNode(const Policy& policy) : policy_{policy}, node_{{.policy = policy}} {}
  Result<Answer> call(const Request& request, Deadline deadline, std::stop_token stop) override;

 private:
  Policy policy_;
  LocalNode node_;
};

// By the policy of this machine. Errors: those of load_policy.
Result<std::unique_ptr<Node>> open_judged_node();

}  // namespace dugong::node
