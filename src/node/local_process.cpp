// Servers that are processes of this host, run by pg_ctl as the owner of their data.
#include "base/text.h"
#include "node/local_server.h"
#include "os/clock.h"
#include "os/files.h"
#include "os/host.h"

namespace dugong::node {
namespace {

constexpr Millis time_to_appear{10'000};

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

tl::unexpected<Error> did_not_start(const runtime::Server& server, const SeenServer& seen) {
  return fail(ErrorKind::failed,
              "the server in " + server.data + " ended right after its start: " + join(seen.facts.log_tail, "; "),
              "look into " + server.log_file);
}

}  // namespace

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
  os::Command command;
  command.argv = {question.bin_dir.empty() ? "postgres" : question.bin_dir + "/postgres", "--version"};
  const auto output = TRY(run_tool(std::move(command), call));
  software.id = printable(trim(output.out));
  software.uid = owner.uid;
  software.gid = owner.gid;
  software.version_number = TRY(runtime::parse_version(software.id));
  return software;
}

Result<Done> init_process(const runtime::InitData& init, const Call& call) {
  const auto& data = init.server.data;
  TRY(judge_place_of_data(data));
  if (!TRY(os::list_directory(data)).empty())
    return fail(ErrorKind::refused, data + " is not empty: no new server is made in it", "look at it: ls -la " + data);
  const auto command = TRY(as_owner(runtime::render(init), init.server.os_user, call));
  TRY(run_tool(command, call));
  if (TRY(os::stat_file(data + "/global/pg_control")).kind != os::FileKind::file)
    return fail(ErrorKind::failed, "initdb reported success, but " + data + " holds no server");
  return Done{};
}

// pg_ctl -W answers before the server has so much as written its postmaster.pid.
Result<Done> start_process(const Docker& docker, const runtime::StartServer& start, const Call& call) {
  const auto& server = start.server;
  const auto before = TRY(see_process(docker, server, call));
  TRY(judge_alone(before, server.data));
  if (before.facts.state == runtime::ServerState::running) return Done{};
  const auto command = TRY(as_owner(runtime::render(start, ""), server.os_user, call));
  TRY(run_tool(command, call));
  const auto patience = os::deadline_in(time_to_appear);
  for (;;) {
    const auto seen = TRY(see_process(docker, server, call));
    if (seen.facts.state == runtime::ServerState::running) return Done{};
    if (patience.passed(os::now()) || call.deadline.passed(os::now())) return did_not_start(server, seen);
    if (os::sleep_for(Millis{50}, call.stop) == os::Slept::stopped)
      return fail(ErrorKind::interrupted, "interrupted while the server in " + server.data + " starts");
  }
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
