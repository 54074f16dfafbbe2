// Who else has a data directory. Two servers on one PGDATA destroy it, and neither postmaster.pid nor the shared memory
// interlock reaches across PID and IPC namespaces.
#include <algorithm>
#include <array>

#include "base/text.h"
#include "node/local_server.h"
#include "os/files.h"

namespace dugong::node {
namespace {

constexpr std::size_t described_processes = 3;  // a server has hundreds

std::string pid_namespace(int pid) {
  const auto link = os::read_link("/proc/" + std::to_string(pid) + "/ns/pid");
  return link ? *link : std::string{};
}

std::string describe(const os::Process& process) {
  return "process " + std::to_string(process.pid) + " (" + shorten(process.cmdline, 120) + ")";
}

std::string describe(const runtime::Container& container) {
  return "container " + container.name + " (" + runtime::to_string(container.facts.state) + ", restart policy \"" +
         container.facts.restart_policy + "\")";
}

bool is_there(const std::string& path) { return os::real_path(path).has_value(); }

// The label says where it was when the container was made.
void keep_existing(std::vector<std::string>& compose_files) {
  std::erase_if(compose_files,
                [](const std::string& file) { return !is_there(file) && !is_there(runtime::set_aside_name(file)); });
}

// By whichever way each of the two is named.
bool is_same_place(const std::string& one, const std::string& other) {
  if (one == other) return true;
  const auto real = os::real_path(one);
  const auto real_other = os::real_path(other);
  return real && real_other && *real == *real_other;
}

}  // namespace

void add_containers(const std::vector<runtime::Container>& all, const runtime::Server& server, SeenServer& seen) {
  for (const auto& container : all) {
    const bool own = server.kind == runtime::Kind::compose && container.name == server.project;
    if (own || !runtime::can_use(container, server.data)) continue;
    seen.facts.containers.push_back(runtime::other_of(container, server.data));
    auto& found = seen.facts.containers.back();
    found.serves = is_same_place(container.host_pgdata, server.data);
    keep_existing(found.compose_files);
    if (seen.facts.containers.back().set_aside) continue;
    seen.facts.strangers.push_back(describe(container));
    if (container.facts.state == runtime::ServerState::running) seen.stranger_runs = true;
  }
}

Result<std::vector<os::Process>> users_of(const std::string& data, const Call& call) {
  if (TRY(os::stat_file(call.places.at(data))).kind != os::FileKind::directory) return std::vector<os::Process>{};
  return os::processes_using(data);
}

bool is_postgres_program(const std::string& comm) {
  constexpr std::array<std::string_view, 4> beginnings = {"postgres", "postmaster", "initdb", "pg_"};
  return std::ranges::any_of(beginnings, [&](std::string_view word) { return comm.starts_with(word); });
}

// Its title is "postgres: startup recovering 0000…", with cluster_name before "startup" where that is set.
std::uint64_t startup_work(const std::vector<os::Process>& using_data) {
  std::uint64_t sum = 0;
  for (const auto& process : using_data) {
    const auto& title = process.cmdline;
    if (!title.starts_with("postgres: ") || title.find(": startup") == std::string::npos) continue;
    const auto work = os::work_of(process.pid);
    sum += work.processor_ms / 10 + work.bytes / (64U << 10);
  }
  return sum;
}

void add_foreign_processes(const std::vector<os::Process>& using_data, int known_pid, SeenServer& seen) {
  const auto home = known_pid == 0 ? std::string{} : pid_namespace(known_pid);
  std::size_t found = 0;
  for (const auto& process : using_data) {
    if (!is_postgres_program(process.comm)) continue;
    const auto its = pid_namespace(process.pid);
    // It ended while it was looked at: a backend of ours does so all the time. Whoever may read where it works may read
    // this as well, and it keeps its namespaces longer than its files (exit.c: do_exit).
    if (its.empty() || its == home) continue;
    if (++found <= described_processes) seen.facts.strangers.push_back(describe(process));
  }
  seen.stranger_runs = seen.stranger_runs || found > 0;
  if (found > described_processes)
    seen.facts.strangers.push_back("and " + std::to_string(found - described_processes) + " more processes");
}

Result<> judge_alone(const SeenServer& seen, const std::string& data) {
  if (!seen.stranger_runs) return {};
  return fail(ErrorKind::refused, data + " is in use: " + join(seen.facts.strangers, ", "),
              "stop what uses it; two servers on one data directory destroy it");
}

Result<> judge_place_of_data(const std::string& data, const Call& call) {
  const auto version = TRY(os::stat_file(call.places.at(data + "/PG_VERSION")));
  if (version.kind == os::FileKind::file) return {};
  const auto place = call.places.at(data);
  const auto stat = TRY(os::stat_file(place));
  if (stat.kind == os::FileKind::directory && TRY(os::is_mount_point(place))) return {};
  return fail(ErrorKind::refused,
              "no dataset is mounted at " + data +
                  " and no server is in it: a new one would be made "
                  "beside the dataset",
              "zfs mount the live dataset, then run the same command again");
}

}  // namespace dugong::node
