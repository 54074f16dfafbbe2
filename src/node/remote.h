// A node behind ssh. One control session answers every question; a copy opens a data session of its own.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "node/node.h"
#include "node/ssh.h"
#include "node/stream.h"
#include "wire/link.h"
#include "wire/session.h"

namespace dugong::node {

struct RemoteOptions {
  std::string name;  // of the node; errors of wire name it, `where` is the caller's to fill
  SshTarget ssh;
  // Instead of ssh: anything whose standard streams lead to a `dugong serve`.
  std::function<Result<wire::Channel>(wire::Purpose)> connect;
  wire::Timing timing;
  // A node that cannot be reached is not tried again before that: many questions to it fail at once instead of one by
  // one.
  Millis retry_after{3'000};
};

// A connection that is kept from an earlier command is tried first, and not for long: one that hangs or died is put out
// of the way, and a new one made.
//
// A lost session is made anew once for a question (Effect::observes). A change is never repeated: it fails as
// unreachable, "unknown whether it was done". When a lock was lost with the session, changes fail as unreachable until
// AcquireLock has been asked again.
class RemoteNode final : public Node {
 public:
  explicit RemoteNode(RemoteOptions options);
  ~RemoteNode() override;

  Result<Answer> call(const Request& request, Deadline deadline, std::stop_token stop) override;
  // Makes the session when there is none. Errors: unreachable in ssh's own words, refused (versions).
  Result<> connect(const std::stop_token& stop);
  // The lock was held and went with its session. Looks at the session, and may say no while one is being made.
  bool lock_lost();
  // A data session with its opening sent. Errors: as connect; unreachable too when it would receive without the lock.
  Result<wire::Link> open_stream(const StreamRequest& request, Deadline deadline, const std::stop_token& stop);

 private:
  using SessionPtr = std::shared_ptr<wire::Session>;
  Result<SessionPtr> session(const std::stop_token& stop);
  Result<wire::Link> open_link(wire::Purpose purpose, const std::stop_token& stop);
  [[nodiscard]] Error explained(Error error) const;
  Result<wire::Link> greet(wire::Purpose purpose, const wire::Timing& timing, const std::stop_token& stop);
  Result<Answer> ask_once(wire::Session& session, const Request& request, Deadline deadline,
                          const std::stop_token& stop);
  Result<> check_lock(const Request& request);
  void note_lock(const Request& request, const Answer& answer);

  enum class LockState { none, held, lost };

  RemoteOptions options_;
  std::mutex mutex_;  // connecting, and all below
  SessionPtr session_;
  LockState lock_ = LockState::none;
  std::optional<Error> failure_;  // of the last attempt to connect
  Steady::time_point retry_at_;
};

// What is said when changes are no longer ours to make; `left`: what was not done.
Error lost_lock(std::string left);

// The channel that RemoteOptions::ssh means.
Result<wire::Channel> connect_by_ssh(const SshTarget& target, wire::Purpose purpose);

}  // namespace dugong::node
