// The world's clock, its calls and the ways a controller dies. What a call does is in the sim_*.cpp files.
#include "test/sim/world.h"

#include <algorithm>
#include <fmt/format.h>

#include "test/sim/parts.h"
#include "test/sim/sim_node.h"

namespace dugong::sim {
namespace {

constexpr Millis small_step{50};
constexpr std::int64_t steps_of_a_long_wait = 40;
constexpr std::int64_t epoch_ns = 1'790'000'000LL * 1'000'000'000LL;

Host make_host(State& state, const std::string& name, std::size_t index) {
  const auto& options = state.options;
  Host host;
  host.name = name;
  host.address = fmt::format("10.0.0.{}", index + 1);
  host.boot_id = fmt::format("boot-{}-1", name);
  host.root = *empty_tree();
  auto flavour = options.flavours.find(name);
  Pool pool;
  pool.name = options.pool;
  pool.flavour = flavour == options.flavours.end() ? options.flavour : flavour->second;
  pool.size = options.pool_size;
  Dataset root;
  root.name = options.pool;
  root.guid = new_guid(state);
  root.createtxg = 1;
  root.local["mountpoint"] = "none";
  root.tree = empty_tree();
  pool.datasets[root.name] = std::move(root);
  host.pools[options.pool] = std::move(pool);
  return host;
}

void add_directory(Host& host, const std::string& path) {
  if (!make_directory(host, path, 0755, 0, 0)) std::abort();
}

std::int64_t boot_number(const std::string& boot_id) { return std::stoll(boot_id.substr(boot_id.rfind('-') + 1)); }

}  // namespace

void State::violate(const std::string& what) {
  if (std::ranges::find(violations, what) == violations.end()) violations.push_back(what);
}

bool State::linked(const std::string& a, const std::string& b) const {
  return !cut_links.contains(a < b ? std::pair{a, b} : std::pair{b, a});
}

World::World(Options options) {
  state_.options = std::move(options);
  state_.random.seed(state_.options.seed);
  for (std::size_t i = 0; i < state_.options.hosts.size(); ++i) {
    const auto& name = state_.options.hosts[i];
    auto& host = state_.hosts[name] = make_host(state_, name, i);
    for (const auto* path : {"/srv", "/etc", "/run", "/tmp"}) add_directory(host, path);
  }
  state_.nodes = state_.options.nodes;
  if (state_.nodes.empty())
    for (const auto& host : state_.options.hosts) state_.nodes[host] = host;
}

std::unique_ptr<node::Fleet> World::new_controller() {
  std::scoped_lock guard{mutex_};
  ++controller_;
  killed_ = false;
  for (auto& [name, host] : state_.hosts) host.locks.clear();
  return std::make_unique<SimFleet>(*this, controller_);
}

std::unique_ptr<node::Fleet> World::controller_beside() {
  std::scoped_lock guard{mutex_};
  return std::make_unique<SimFleet>(*this, ++controller_);
}

void World::kill_after(std::uint64_t calls) {
  std::scoped_lock guard{mutex_};
  kill_at_ = calls_ + calls;
}

void World::kill_serve(const std::string& node) {
  std::scoped_lock guard{mutex_};
  doomed_serves_.insert(node);
}

void World::set_fault(Fault fault) {
  std::scoped_lock guard{mutex_};
  fault_ = std::move(fault);
}

void World::set_copy_fault(CopyFault fault) {
  std::scoped_lock guard{mutex_};
  copy_fault_ = std::move(fault);
}

Error World::interrupted() const { return Error{ErrorKind::interrupted, "the controller was killed", {}, {}, {}}; }

World::Fate World::count_call(const std::string& what) {
  if (++calls_ != kill_at_) return Fate::normal;
  killed_ = true;
  const auto fate = state_.random() % 2 == 0 ? Fate::lost_before : Fate::lost_after;
  killed_at_ = what + (fate == Fate::lost_before ? ", not done" : ", done");
  return fate;
}

// A dead session also drops its locks.
std::optional<World::Fate> World::serve_fate(const std::string& node) {
  if (doomed_serves_.erase(node) == 0) return std::nullopt;
  state_.hosts.at(state_.nodes.at(node)).locks.clear();
  return state_.random() % 2 == 0 ? Fate::lost_before : Fate::lost_after;
}

Result<node::Answer> World::call(std::uint64_t controller, const std::string& node, const node::Request& request) {
  std::scoped_lock guard{mutex_};
  if (controller != controller_ || killed_) return fail(interrupted());
  const auto fate = count_call(node + ": " + name_of(request));
  if (fate == Fate::lost_before) return fail(interrupted());
  auto& host = state_.hosts.at(state_.nodes.at(node));
  const Error lost{
      ErrorKind::unreachable, "ssh: connect to host " + host.address + ": Connection timed out", node, {}, {}};
  if (!host.reachable) return fail(lost);
  if (fault_)
    if (auto error = fault_(node, request)) return fail(*error);
  const auto serve = serve_fate(node);
  if (serve == Fate::lost_before) return fail(lost);
  advance(state_.options.call_time);
  auto result = perform(state_, host, controller, request);
  if (fate == Fate::lost_after) return fail(interrupted());
  if (serve == Fate::lost_after) return fail(lost);
  return result;
}

// Four points at which the controller can die. What the ends do then is chance: zfs may finish or may be cut.
Result<node::CopyResult> World::copy(std::uint64_t controller, const node::CopyRequest& request,
                                     const node::CopyProgress& progress) {
  std::scoped_lock guard{mutex_};
  if (controller != controller_ || killed_) return fail(interrupted());
  auto& from = state_.hosts.at(state_.nodes.at(request.from_node));
  auto& to = state_.hosts.at(state_.nodes.at(request.to_node));
  for (const auto* host : {&from, &to})
    if (!host->reachable)
      return fail(ErrorKind::unreachable, "ssh: connect to host " + host->address + ": Connection timed out");
  std::optional<Copying> copying;
  for (int quarter = 0; quarter < 4; ++quarter) {
    const auto fate = count_call(fmt::format("{}: copy, part {}", request.to_node, quarter + 1));
    if (fate != Fate::normal) {
      if (fate == Fate::lost_after && copying) (void)finish_copy(state_, *copying, request);
      if (fate == Fate::lost_before && copying) cut_copy(state_, *copying, request);
      return fail(interrupted());
    }
    if (quarter == 0) copying = TRY(begin_copy(state_, from, to, request));
    if (copy_fault_ && quarter == 2) {
      if (auto error = copy_fault_(request)) {
        cut_copy(state_, *copying, request);
        return fail(*error);
      }
    }
    advance(state_.options.call_time);
    if (progress) progress(copying->bytes * static_cast<Bytes>(quarter + 1) / 4);
  }
  TRY(finish_copy(state_, *copying, request));
  return node::CopyResult{copying->bytes, 0.02};
}

Steady::time_point World::now() {
  std::scoped_lock guard{mutex_};
  return Steady::time_point{std::chrono::hours{1} + state_.now};
}

std::int64_t World::wall_ns() {
  std::scoped_lock guard{mutex_};
  return epoch_ns + std::chrono::nanoseconds{state_.now}.count();
}

void World::sleep(Millis duration) {
  std::scoped_lock guard{mutex_};
  advance(duration);
}

// Servers move on every 50 ms, or in larger strides through a long wait: not at every call, which would only be slow.
void World::advance(Millis duration) {
  const auto end = state_.now + duration;
  const auto stride = std::max(small_step, duration / steps_of_a_long_wait);
  for (auto next = ticked_ + stride; next <= end; next = ticked_ + stride) {
    state_.now = next;
    tick();
  }
  state_.now = end;
  if (state_.now - ticked_ >= small_step) tick();
}

void World::tick() {
  const auto elapsed = state_.now - ticked_;
  ticked_ = state_.now;
  for (auto& [host_name, host] : state_.hosts)
    for (auto& [name, server] : host.servers)
      if (server.running()) tick_server(state_, server, elapsed);
}

void World::set_reachable(const std::string& host, bool reachable) {
  std::scoped_lock guard{mutex_};
  state_.hosts.at(host).reachable = reachable;
  if (!reachable) state_.hosts.at(host).locks.clear();
}

void World::set_link(const std::string& a, const std::string& b, bool up) {
  std::scoped_lock guard{mutex_};
  const auto pair = a < b ? std::pair{a, b} : std::pair{b, a};
  if (up) state_.cut_links.erase(pair);
  if (!up) state_.cut_links.insert(pair);
}

void World::set_write_load(Bytes bytes_per_second) {
  std::scoped_lock guard{mutex_};
  state_.options.write_load = bytes_per_second;
}

void World::crash_server(const std::string& host, const std::string& name) {
  std::scoped_lock guard{mutex_};
  crash(state_.hosts.at(host).servers.at(name));
}

// Nothing of ours starts by itself; what may be mounted automatically is mounted again.
void World::reboot(const std::string& name) {
  std::scoped_lock guard{mutex_};
  auto& host = state_.hosts.at(name);
  for (auto& [key, server] : host.servers)
    if (server.running()) crash(server);
  host.locks.clear();
  host.boot_id = fmt::format("boot-{}-{}", name, boot_number(host.boot_id) + 1);
  for (auto& [pool_name, pool] : host.pools) {
    for (auto& [full, dataset] : pool.datasets) dataset.mounted_at.clear();
    for (auto& [full, dataset] : pool.datasets) (void)mount_new(host, pool, dataset, {"zfs", "mount", "-a"});
  }
}

void World::checkpoint(const std::string& host, const std::string& name) {
  std::scoped_lock guard{mutex_};
  take_checkpoint(state_, state_.hosts.at(host).servers.at(name));
}

std::vector<std::string> World::violations() {
  std::scoped_lock guard{mutex_};
  return state_.violations;
}

std::string World::fingerprint() {
  std::scoped_lock guard{mutex_};
  return fingerprint_of(state_);
}

Server* World::server_on(const std::string& name) {
  auto& servers = state_.hosts.at(name).servers;
  return servers.size() == 1 ? &servers.begin()->second : nullptr;
}

}  // namespace dugong::sim
