#include "node/judged.h"

namespace dugong::node {

Result<Answer> JudgedNode::call(const Request& request, Deadline deadline, std::stop_token stop) {
  TRY(judge(request, policy_));
  return node_.call(request, deadline, std::move(stop));
}

Result<std::unique_ptr<Node>> open_judged_node() {
  const auto policy = TRY(load_policy());
  return std::unique_ptr<Node>{std::make_unique<JudgedNode>(policy)};
}

}  // namespace dugong::node
