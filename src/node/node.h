// A node of the cluster as the engine sees it: the one narrow door to whatever is there, here or behind ssh.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include "base/units.h"
#include "node/request.h"

namespace dugong::node {

// What a controller does between two observations of a copy that is under way.
using CopyProgress = std::function<void(Bytes done)>;

class Node {
 public:
  virtual ~Node() = default;
  // Thread-safe. Errors: unreachable (nothing is known about the outcome), timed_out, interrupted, and what the door
  // says.
  virtual Result<Answer> call(const Request& request, Deadline deadline, std::stop_token stop) = 0;
};

// The answer of the request's own type.
template <class Question>
Result<typename Question::Answer> ask(Node& node, Question question, Deadline deadline, std::stop_token stop = {}) {
  auto answer = node.call(Request{std::move(question)}, deadline, std::move(stop));
  if (!answer) return fail(std::move(answer).error());
  auto* value = std::get_if<typename Question::Answer>(&*answer);
  if (value == nullptr) return fail(ErrorKind::failed, "the node gave an answer of another kind");
  return std::move(*value);
}

struct Yield {
  SqlTarget server;       // the sender's own
  Millis commit_latency;  // slower commits than this make the copy slower
};
// Reads `send` from one node and writes it to `receive` on another; returns when both ends ended, whatever the reason.
// Success is not judged here: the caller looks for the GUID on the receiver.
struct CopyRequest {
  std::string from_node;
  zfs::Send send;
  std::string to_node;
  zfs::Receive receive;
  std::optional<Yield> yield;  // absent: as fast as it goes
};
struct CopyResult {
  Bytes bytes = 0;
  double seconds = 0;
  double held_seconds = 0;  // of these, waiting for the sake of the sender's clients
};

// The nodes of a cluster by name, and copies between them.
class Fleet {
 public:
  virtual ~Fleet() = default;
  // The node's door; connects when needed. Errors: unreachable, with ssh's own words.
  virtual Result<Node*> node(const std::string& name) = 0;
  virtual Result<CopyResult> copy(const CopyRequest& request, const CopyProgress& progress, Deadline deadline,
                                  std::stop_token stop) = 0;
};

}  // namespace dugong::node
