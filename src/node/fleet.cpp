#include "node/fleet.h"

#include <atomic>
#include <fmt/format.h>
#include <thread>
#include <utility>

#include "node/linked_stop.h"
#include "node/ssh_share.h"
#include "node/yield.h"
#include "os/clock.h"
#include "os/env.h"

namespace dugong::node {

FleetOptions fleet_options_from_environment() {
  FleetOptions options;
  if (auto program = os::env("DUGONG_REMOTE_PROGRAM"); program && !program->empty()) options.remote_program = *program;
  options.share_seconds = share_seconds(os::env("DUGONG_SSH_PERSIST"));
  if (options.share_seconds > 0) options.share_directory = share_directory().value_or("");
  return options;
}

RealFleet::RealFleet(const std::vector<FleetMember>& members, const FleetOptions& options)
    : timing_{options.timing}, stop_{options.stop} {
  for (const auto& member : members) {
    if (!member.ssh) {
      add_local(member.name, std::make_unique<LocalNode>(options.local));
      continue;
    }
    RemoteOptions remote;
    remote.name = member.name;
    remote.ssh = {*member.ssh, member.ssh_config, options.remote_program};
    if (!options.share_directory.empty())
      remote.ssh.share = {share_socket(options.share_directory, remote.ssh), options.share_seconds};
    remote.timing = options.timing;
    add_remote(member.name, std::make_unique<RemoteNode>(std::move(remote)));
  }
}

void RealFleet::add_local(const std::string& name, std::unique_ptr<Node> node) {
  members_[name] = Member{std::move(node), nullptr};
}
void RealFleet::add_remote(const std::string& name, std::unique_ptr<RemoteNode> node) {
  auto* remote = node.get();
  members_[name] = Member{std::move(node), remote};
}

Result<RealFleet::Member*> RealFleet::member(const std::string& name) {
  auto found = members_.find(name);
  if (found == members_.end()) return fail(ErrorKind::invalid, fmt::format("there is no node \"{}\"", name));
  return &found->second;
}

Result<Node*> RealFleet::node(const std::string& name) {
  auto* found = TRY(member(name));
  if (found->remote == nullptr) return found->node.get();
  auto connected = found->remote->connect(stop_);
  if (!connected) return fail(std::move(connected).error().at(name));
  return found->node.get();
}

Result<std::unique_ptr<SourceEnd>> RealFleet::source_of(const CopyRequest& request, const EndOptions& options) {
  auto* from = TRY(member(request.from_node));
  if (from->remote == nullptr) return local_source(*from->node, request.send, options);
  return link_source(TRY(from->remote->open_stream(request.send, options.deadline, options.stop)), options);
}

Result<std::unique_ptr<SinkEnd>> RealFleet::sink_of(const CopyRequest& request, const EndOptions& options) {
  auto* to = TRY(member(request.to_node));
  if (to->remote == nullptr) return local_sink(*to->node, request.receive, options);
  return link_sink(TRY(to->remote->open_stream(request.receive, options.deadline, options.stop)), options);
}

namespace {

// Ends a copy when the lock on its receiver is lost.
class LockWatch {
 public:
  LockWatch(RemoteNode* receiver, LinkedStop& copy, Millis beat) {
    if (receiver == nullptr) return;
    thread_ = std::jthread{[this, receiver, &copy, beat](const std::stop_token& over) {
      while (os::sleep_for(beat, over) == os::Slept::whole) {
        if (!receiver->lock_lost()) continue;
        lost_ = true;
        return copy.request();
      }
    }};
  }
  [[nodiscard]] bool lost() const { return lost_; }

 private:
  std::atomic<bool> lost_ = false;
  std::jthread thread_;  // last: joined before what it uses is gone
};

}  // namespace

Result<CopyResult> RealFleet::copy(const CopyRequest& request, const CopyProgress& progress, Deadline deadline,
                                   std::stop_token stop) {
  auto* to = TRY(member(request.to_node));
  LinkedStop until{stop, deadline};
  LockWatch lock{to->remote, until, timing_.beat};
  const EndOptions options{timing_, deadline, until.token()};
  auto place = fmt::format("{} → {}", request.from_node, request.to_node);
  auto located = [&](Error error) {
    if (error.kind == ErrorKind::interrupted && lock.lost()) error = lost_lock("the copy was ended");
    if (error.kind == ErrorKind::interrupted && until.timed_out()) error.kind = ErrorKind::timed_out;
    return fail(std::move(error).at(place));
  };
  transfer::Pace pace;
  std::optional<Yielding> yielding;
  if (request.yield) yielding.emplace(*TRY(member(request.from_node))->node, *request.yield, pace, until.token());
  // The receiver first: when it refuses, nothing has been read.
  auto sink = sink_of(request, options);
  if (!sink) return located(std::move(sink).error());
  auto source = source_of(request, options);
  if (!source) {
    (*sink)->abandon(source.error());
    return located(std::move(source).error());
  }
  auto copied = run_copy(**source, **sink, progress, pace, deadline, until.token());
  if (!copied) return located(std::move(copied).error());
  return copied;
}

}  // namespace dugong::node
