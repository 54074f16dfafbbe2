// One server as the node sees it, and everybody else who has its data directory. Internal to the local_*.cpp files.
#pragma once

#include <string>
#include <vector>

#include "node/local_doors.h"
#include "os/processes.h"

namespace dugong::node {

struct SeenServer {
  runtime::ServerFacts facts;
  bool stranger_runs = false;  // a process, or a running container, of somebody else's has the data directory now
};

// Both tell strangers: every container of any project that could use the data, and every PostgreSQL process in it. In a
// container PostgreSQL is process 1, so postmaster.pid protects nobody there (docker-library/postgres issue 171).
Result<SeenServer> see_container(const Docker& docker, const runtime::Server& server, const Call& call);
Result<SeenServer> see_process(const Docker& docker, const runtime::Server& server, const Call& call);

inline constexpr int tail_lines = 30;

// No such directory: nobody uses it.
Result<std::vector<os::Process>> users_of(const std::string& data, const Call& call);
void add_containers(const std::vector<runtime::Container>& all, const runtime::Server& server, SeenServer& seen);
// `known_pid`: a process of the server itself, 0: it has none. Those of its PID namespace are not strangers.
void add_foreign_processes(const std::vector<os::Process>& using_data, int known_pid, SeenServer& seen);
// ServerFacts::work: of the process that recovers, or brings a directory tree to disk, before clients are taken.
std::uint64_t startup_work(const std::vector<os::Process>& using_data);
bool is_postgres_program(const std::string& comm);
std::vector<std::string> last_lines(const os::Output& output, std::size_t count);

// pg_ctl and its kind, run as the owner of the data.
Result<os::Command> as_owner(const runtime::Argv& argv, const std::string& os_user, const Call& call);
Result<runtime::Software> process_software(const runtime::InspectSoftware& question, const Call& call);
Result<Done> start_process(const Docker& docker, const runtime::StartServer& start, const Call& call);
Result<Done> stop_process(const Docker& docker, const runtime::StopServer& stop, const Call& call);
Result<Done> init_process(const runtime::InitData& init, const Call& call);

// Whatever systemd would start, or has started, as a server of this data: names of units. `postmaster`: 0: none runs.
struct UnitPlaces {
  std::string systemd = "/etc/systemd/system";
  std::string debian = "/etc/postgresql";
  std::string processes = "/proc";
};
std::vector<std::string> units_serving(const std::string& data, int postmaster, const UnitPlaces& places = {});

// Error refused: `data` holds no server, and nothing is mounted there, so a new one would land on the wrong disk.
Result<> judge_place_of_data(const std::string& data, const Call& call);
Result<> judge_alone(const SeenServer& seen, const std::string& data);

}  // namespace dugong::node
