#include "node/remote.h"

#include <fmt/format.h>
#include <utility>

#include "node/codec.h"
#include "node/effect.h"
#include "os/clock.h"
#include "os/files.h"
#include "os/host.h"
#include "os/spawn.h"
#include "wire/protocol.h"
#include "wire/stream.h"

namespace dugong::node {
namespace {

// A tree of many thousand snapshots is one answer.
constexpr Bytes max_answer = Bytes{64} << 20;

Error unknown_outcome(Error error, const Request& request) {
  error.kind = ErrorKind::unreachable;
  error.left = fmt::format("unknown whether {} was done there", name_of(request));
  error.next = "run the same command again: it looks first";
  return error;
}

}  // namespace

Result<wire::Channel> connect_by_ssh(const SshTarget& target, wire::Purpose purpose) {
  os::Command command;
  command.argv = TRY(ssh_argv(target, purpose));
  command.in = os::Stdio::pipe;
  command.keep_env = ssh_environment();
  // A kept connection may go through a ProxyCommand: that one is a child of the first ssh, and in its session.
  if (target.share && purpose == wire::Purpose::control) command.group = os::Group::own_session_alone;
  auto child = TRY(os::spawn(command));
  return wire::over(std::move(child));
}

RemoteNode::RemoteNode(RemoteOptions options) : options_{std::move(options)} {
  if (options_.connect) return;
  options_.connect = [target = options_.ssh](wire::Purpose purpose) { return connect_by_ssh(target, purpose); };
}
RemoteNode::~RemoteNode() = default;

Result<wire::Link> RemoteNode::greet(wire::Purpose purpose, const wire::Timing& timing, const std::stop_token& stop) {
  wire::Identity identity;
  identity.self.version = wire::own_version();
  identity.self.hostname = os::hostname();
  identity.self.purpose = purpose;
  identity.peer_name = options_.name;
  auto channel = TRY(options_.connect(purpose));
  return wire::greet(std::move(channel), identity, timing, stop);
}

namespace {

// Long for a session on a line that is up already, short beside a handshake that was tried in vain.
constexpr Millis kept_patience{5'000};

// ssh asks a kept connection first whenever its socket is there.
bool is_kept(const SshTarget& target) {
  if (!target.share) return false;
  const auto stat = os::stat_file(target.share->socket);
  return stat && stat->kind != os::FileKind::missing;
}

}  // namespace

Result<wire::Link> RemoteNode::open_link(wire::Purpose purpose, const std::stop_token& stop) {
  if (purpose == wire::Purpose::control && is_kept(options_.ssh)) {
    auto timing = options_.timing;
    timing.hello = std::min(timing.hello, kept_patience);
    auto link = greet(purpose, timing, stop);
    if (link) return link;
    if (link.error().kind == ErrorKind::unreachable)
      static_cast<void>(os::remove_file(options_.ssh.share->socket));  // else the next one would wait for it as well
    else
      return fail(explained(std::move(link).error()));
  }
  auto link = greet(purpose, options_.timing, stop);
  if (link) return link;
  return fail(explained(std::move(link).error()));
}

Error RemoteNode::explained(Error error) const {
  const auto own = os::own_executable();
  return explain_version(explain_ssh_failure(std::move(error), options_.ssh), options_.ssh, options_.name,
                         own ? *own : std::string{"dugong"});
}

Result<RemoteNode::SessionPtr> RemoteNode::session(const std::stop_token& stop) {
  const std::lock_guard guard{mutex_};
  if (session_ && session_->alive()) return session_;
  if (session_ && lock_ == LockState::held) lock_ = LockState::lost;
  session_.reset();
  if (failure_ && os::now() < retry_at_) return fail(*failure_);
  auto link = open_link(wire::Purpose::control, stop);
  if (!link) {
    auto error = std::move(link).error();
    if (error.kind != ErrorKind::interrupted) failure_ = error;
    retry_at_ = os::now() + options_.retry_after;
    return fail(std::move(error));
  }
  failure_.reset();
  wire::SessionOptions options;
  options.timing = options_.timing;
  options.max_answer = max_answer;
  session_ = std::make_shared<wire::Session>(std::move(*link), options);
  return session_;
}

bool RemoteNode::lock_lost() {
  const std::unique_lock guard{mutex_, std::try_to_lock};
  if (!guard.owns_lock()) return false;
  if (session_ && !session_->alive() && lock_ == LockState::held) lock_ = LockState::lost;
  return lock_ == LockState::lost;
}

Error lost_lock(std::string left) {
  return Error{ErrorKind::unreachable,
               "the connection was lost, and this cluster's lock on the node with it",
               {},
               std::move(left),
               "run the same command again"};
}

Result<> RemoteNode::connect(const std::stop_token& stop) {
  TRY(session(stop));
  return {};
}

Result<> RemoteNode::check_lock(const Request& request) {
  const std::lock_guard guard{mutex_};
  if (lock_ != LockState::lost || effect_of(request) == Effect::observes) return {};
  if (std::holds_alternative<AcquireLock>(request)) return {};
  return fail(lost_lock(fmt::format("{} was not done", name_of(request))));
}

void RemoteNode::note_lock(const Request& request, const Answer& answer) {
  if (!std::holds_alternative<AcquireLock>(request)) return;
  const auto* lock = std::get_if<AcquireLock::Answer>(&answer);
  const std::lock_guard guard{mutex_};
  if (lock != nullptr && lock->acquired) lock_ = LockState::held;
}

Result<Answer> RemoteNode::ask_once(wire::Session& session, const Request& request, Deadline deadline,
                                    const std::stop_token& stop) {
  const auto bytes = TRY(session.call(name_of(request), encode_request(request), deadline, stop));
  return decode_answer(bytes);
}

Result<Answer> RemoteNode::call(const Request& request, Deadline deadline, std::stop_token stop) {
  auto current = TRY(session(stop));
  TRY(check_lock(request));
  auto answer = ask_once(*current, request, deadline, stop);
  // A living session means that the node itself said "unreachable", about something else.
  const bool lost = !answer && answer.error().kind == ErrorKind::unreachable && !current->alive();
  if (lost && effect_of(request) == Effect::changes) {
    return fail(unknown_outcome(std::move(answer).error(), request));
  }
  if (lost) {
    current = TRY(session(stop));
    answer = ask_once(*current, request, deadline, stop);
  }
  if (!answer) return fail(lost ? explain_ssh_failure(std::move(answer).error(), options_.ssh) : answer.error());
  note_lock(request, *answer);
  return answer;
}

Result<wire::Link> RemoteNode::open_stream(const StreamRequest& request, Deadline deadline,
                                           const std::stop_token& stop) {
  if (std::holds_alternative<zfs::Receive>(request) && lock_lost()) return fail(lost_lock("nothing was received"));
  auto link = TRY(open_link(wire::Purpose::stream, stop));
  TRY(wire::send_opening(link, name_of(request), encode_stream(request), deadline, stop));
  return link;
}

}  // namespace dugong::node
