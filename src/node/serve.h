// The node's side of a session: what the controller asks is decoded, judged against this machine's own policy, and only
// then carried out.
#pragma once

#include <memory>
#include <stop_token>

#include "node/node.h"
#include "node/policy.h"
#include "wire/link.h"

namespace dugong::node {

struct ServeOptions {
  Policy policy;
  wire::Timing timing;
};

// One session, control or data, to its end. `node` is shared with handlers that may outlive the session by a moment.
// Success: the peer closed. Errors: unreachable (lost, or never spoke), interrupted, and of a data session what the
// copy's ends said. After timed_out some handler still runs: end the process.
Result<> serve(wire::Channel channel, const std::shared_ptr<Node>& node, const ServeOptions& options,
               const std::stop_token& stop = {});

// `dugong serve`: this process's standard input and output, LocalNode, the policy file. Locks end with the session.
Result<> serve_standard_streams(const std::stop_token& stop);

}  // namespace dugong::node
