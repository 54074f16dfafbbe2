#include "test/sim/sim_node.h"

#include <fmt/format.h>

#include "test/sim/parts.h"

namespace dugong::sim {
namespace {

constexpr Bytes memory = Bytes{32} << 30;

Result<node::Answer> lock(Host& host, std::uint64_t controller, const node::AcquireLock& request) {
  auto [it, is_new] = host.locks.try_emplace(request.name, Lock{request.holder, controller});
  node::AcquireLock::Answer out;
  out.acquired = is_new || it->second.controller == controller;
  if (!out.acquired) out.holder = it->second.holder;
  return out;
}

}  // namespace

Result<node::Answer> answer(State& state, Host& host, const node::InspectHost& request) {
  node::HostFacts facts;
  facts.hostname = host.name;
  facts.boot_id = host.boot_id;
  facts.version = DUGONG_VERSION;
  facts.wall_ns = 1'790'000'000LL * 1'000'000'000LL + std::chrono::nanoseconds{state.now + host.clock_ahead}.count();
  facts.addresses = {"127.0.0.1", host.address};
  facts.memory = memory;
  facts.registered = host.registered;
  if (!request.whole) return facts;
  facts.wal_client = digest(wal_client);
  facts.listening = {22};
  for (const auto& [name, server] : host.servers)
    if (server.running() && server.phase == Phase::ready)
      facts.listening.push_back(static_cast<std::uint16_t>(number_of(server, "port")));
  return facts;
}

Replied answer(State&, Host& host, const node::RegisterNode& request) {
  host.registered[request.name] = request.directory;
  return Done{};
}
Replied answer(State&, Host& host, const node::ForgetNode& request) {
  host.registered.erase(request.name);
  return Done{};
}

Result<node::Answer> perform(State& state, Host& host, std::uint64_t controller, const node::Request& request) {
  return std::visit(
      [&](const auto& question) -> Result<node::Answer> {
        if constexpr (std::is_same_v<std::decay_t<decltype(question)>, node::AcquireLock>) {
          return lock(host, controller, question);
        } else {
          return answer(state, host, question);
        }
      },
      request);
}

// The compiler's own spelling of the type, without its rooms.
std::string name_of(const node::Request& request) {
  return std::visit(
      []<class Question>(const Question&) {
        std::string_view text = __PRETTY_FUNCTION__;
        text = text.substr(text.find("Question = ") + std::string_view{"Question = "}.size());
        text = text.substr(0, text.find_first_of(";]"));
        return std::string{text.substr(text.rfind(':') + 1)};
      },
      request);
}

Result<node::Answer> SimNode::call(const node::Request& request, Deadline deadline, std::stop_token stop) {
  if (stop.stop_requested()) return fail(ErrorKind::interrupted, "stop was requested");
  if (deadline.passed(world_.now())) return fail(ErrorKind::timed_out, "the deadline passed before the call");
  return world_.call(controller_, name_, request);
}

SimFleet::SimFleet(World& world, std::uint64_t controller) : world_{world}, controller_{controller} {
  for (const auto& [name, host] : world.state().nodes) nodes_.try_emplace(name, world, controller, name);
}

Result<node::Node*> SimFleet::node(const std::string& name) {
  auto it = nodes_.find(name);
  if (it == nodes_.end()) return fail(ErrorKind::unreachable, "ssh: Could not resolve hostname " + name);
  auto& host = world_.host(world_.state().nodes.at(name));
  if (!host.reachable)
    return fail(ErrorKind::unreachable, "ssh: connect to host " + host.address + ": Connection timed out");
  return &it->second;
}

Result<node::CopyResult> SimFleet::copy(const node::CopyRequest& request, const node::CopyProgress& progress,
                                        Deadline deadline, std::stop_token stop) {
  if (stop.stop_requested()) return fail(ErrorKind::interrupted, "stop was requested");
  if (deadline.passed(world_.now())) return fail(ErrorKind::timed_out, "the deadline passed before the copy");
  return world_.copy(controller_, request, progress);
}

}  // namespace dugong::sim
