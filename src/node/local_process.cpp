// Servers that are processes of this host, run by pg_ctl as the owner of their data.
#include "base/text.h"
#include "node/local_server.h"
#include "os/files.h"
#include "os/host.h"

namespace dugong::node {
namespace {

Result<std::uint32_t> ask_id(const char* option, const std::string& user, const Call& call) {
  os::Command command;
  command.argv = {"id", option, user};
  const auto output = TRY(run_tool(std::move(command), call));
  return static_cast<std::uint32_t>(TRY(parse_u64(trim(output.out))));
}

Result<os::Credentials> credentials_of(const std::string& user, const Call& call) {
  const auto uid = TRY(ask_id("-u", user, call));
  const auto gid = TRY(ask_id("-g", user, call));
  if (uid == 0) return fail(ErrorKind::invalid, "PostgreSQL does not run as root: os_user is " + printable(user));
  return os::Credentials{uid, gid};
}

// The process that postmaster.pid names, when it is a server that uses the data; 0: none.
Result<int> postmaster_of(const os::Place& pid_file, const std::vector<os::Process>& using_data) {
  const auto file = TRY(os::read_file(pid_file, 4096));
  const auto first = lines(file.bytes);
  if (first.empty()) return 0;
  const auto named = parse_u64(trim(first.front()));
  for (const auto& process : using_data)
    if (named && static_cast<std::uint64_t>(process.pid) == *named && is_postgres_program(process.comm))
      return process.pid;
  return 0;
}

Result<runtime::ServerState> state_of(const os::Place& version_file, int postmaster) {
  if (postmaster != 0) return runtime::ServerState::running;
  const auto version = TRY(os::stat_file(version_file));
  return version.kind == os::FileKind::file ? runtime::ServerState::exited : runtime::ServerState::absent;
}

tl::unexpected<Error> did_not_start(const runtime::Server& server, const Error& said, const SeenServer& seen) {
  return fail(ErrorKind::failed,
              "the server in " + server.data + " does not run: " + said.what + "; " + join(seen.facts.log_tail, "; "),
              "look into " + server.log_file);
}

}  // namespace

// Without docker, or with its engine down, no container runs; a process of one would still be seen.
Result<SeenServer> see_process(const Docker& docker, const runtime::Server& server, const Call& call) {
  SeenServer seen;
  if (os::find_program("docker") && docker.may_run())
    if (const auto containers = docker.containers(call)) add_containers(*containers, server, seen);
  const auto using_data = TRY(users_of(server.data, call));
  const auto postmaster = TRY(postmaster_of(call.places.at(server.data + "/postmaster.pid"), using_data));
  seen.facts.state = TRY(state_of(call.places.at(server.data + "/PG_VERSION"), postmaster));
  seen.facts.units = units_serving(server.data, postmaster);
  add_foreign_processes(using_data, postmaster, seen);
  seen.facts.work = startup_work(using_data);
  if (seen.facts.state != runtime::ServerState::exited || server.log_file.empty()) return seen;
  // The directory of the log is the server's: a symlink there shows what its user may read and no more.
  auto tail = as_owner(runtime::render_log_tail(server, tail_lines), server.os_user, call);
  if (!tail) return seen;
  const auto output = TRY(os::run(std::move(*tail), call.deadline, call.stop));
  if (output.exit.ok()) seen.facts.log_tail = last_lines(output, tail_lines);
  return seen;
}

Result<os::Command> as_owner(const runtime::Argv& argv, const std::string& os_user, const Call& call) {
  os::Command command;
  command.argv = argv;
  const auto owner = TRY(credentials_of(os_user, call));
  if (os::user_id() == 0) {
    command.user = owner;
  } else if (os::user_id() != owner.uid) {
    return fail(ErrorKind::refused, "neither root nor " + os_user + ": " + argv.front() + " cannot be run",
                "run dugong as root or through sudo");
  }
  return command;
}

Result<runtime::Software> process_software(const runtime::InspectSoftware& question, const Call& call) {
  runtime::Software software;
  const auto owner = TRY(credentials_of(question.os_user, call));
  const std::string program = question.bin_dir.empty() ? "postgres" : question.bin_dir + "/postgres";
  const auto command = TRY(as_owner({program, "--version"}, question.os_user, call));
  const auto output = TRY(run_tool(command, call));
  software.id = printable(trim(output.out));
  software.uid = owner.uid;
  software.gid = owner.gid;
  software.version_number = TRY(runtime::parse_version(software.id));
  software.libc = os::libc_version();
  return software;
}

Result<Done> init_process(const runtime::InitData& init, const Call& call) {
  const auto& data = init.server.data;
  TRY(judge_place_of_data(data, call));
  if (!TRY(os::list_directory(call.places.at(data))).empty())
    return fail(ErrorKind::refused, data + " is not empty: no new server is made in it", "look at it: ls -la " + data);
  const auto command = TRY(as_owner(runtime::render(init), init.server.os_user, call));
  TRY(run_tool(command, call));
  if (TRY(os::stat_file(call.places.at(data + "/global/pg_control"))).kind != os::FileKind::file)
    return fail(ErrorKind::failed, "initdb reported success, but " + data + " holds no server");
  return Done{};
}

// pg_ctl's exit code says whether the server takes clients already. Here it has to be there, and may replay for hours.
Result<Done> start_process(const Docker& docker, const runtime::StartServer& start, const Call& call) {
  const auto& server = start.server;
  const auto before = TRY(see_process(docker, server, call));
  TRY(judge_alone(before, server.data));
  if (before.facts.state == runtime::ServerState::running) return Done{};
  const auto argv = runtime::render(start, "");
  const auto command = TRY(as_owner(argv, server.os_user, call));
  const auto output = TRY(os::run(command, call.deadline, call.stop));
  const auto after = TRY(see_process(docker, server, call));
  if (after.facts.state == runtime::ServerState::running) return Done{};
  return did_not_start(server, tool_error(argv, output), after);
}

Result<Done> stop_process(const Docker& docker, const runtime::StopServer& stop, const Call& call) {
  const auto& server = stop.server;
  const auto before = TRY(see_process(docker, server, call));
  if (before.facts.state != runtime::ServerState::running) return Done{};
  const auto argv = runtime::render(stop);
  const auto command = TRY(as_owner(argv, server.os_user, call));
  const auto output = TRY(os::run(command, call.deadline, call.stop));
  const auto after = TRY(see_process(docker, server, call));
  if (after.facts.state != runtime::ServerState::running) return Done{};
  if (output.exit.ok())
    return fail(ErrorKind::conflict, "pg_ctl reported success, but a server runs in " + server.data);
  auto error = tool_error(argv, output);
  error.kind = ErrorKind::timed_out;
  error.left = "it was not killed and goes on with its shutdown";
  error.next = "watch it: tail -f " + server.log_file + "; then run the same command again";
  return fail(std::move(error));
}

}  // namespace dugong::node
