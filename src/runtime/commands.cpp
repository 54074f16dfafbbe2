// The command lines that start, stop and remove a server.
//
// Compose's own `stop -t N` sends SIGKILL after N seconds, and a primary killed in its shutdown checkpoint has to go
// through crash recovery; so a stop is SIGINT (PostgreSQL's fast shutdown) and waiting. pg_ctl stop only stops waiting.
#include "runtime/commands.h"

#include "base/text.h"

namespace dugong::runtime {
namespace {

Argv compose(const Server& server, std::string_view program, std::initializer_list<std::string> rest) {
  Argv argv;
  for (const auto word : split(program, ' ')) argv.emplace_back(word);
  argv.insert(argv.end(), {"-p", server.project, "-f", server.compose_file});
  argv.insert(argv.end(), rest);
  return argv;
}

std::string program(const Server& server, const std::string& name) {
  return server.bin_dir.empty() ? name : server.bin_dir + "/" + name;
}

}  // namespace

Argv render(const StartServer& start, std::string_view compose_program) {
  const auto& server = start.server;
  switch (server.kind) {
    case Kind::compose:
      return compose(server, compose_program, {"up", "-d"});
    case Kind::process:
      break;
  }
  return {program(server, "pg_ctl"), "-D", server.data, "-l", server.log_file, "-W", "start"};
}

Argv render(const StopServer& stop, std::string_view compose_program) {
  const auto& server = stop.server;
  switch (server.kind) {
    case Kind::compose:
      return compose(server, compose_program, {"kill", "-s", "SIGINT"});
    case Kind::process:
      break;
  }
  return {program(server, "pg_ctl"), "-D", server.data, "-m", "fast", "-t", std::to_string(stop.seconds), "stop"};
}

Argv render(const RemoveServer& remove, std::string_view compose_program) {
  const auto& server = remove.server;
  switch (server.kind) {
    case Kind::compose:
      return compose(server, compose_program, {"rm", "-f"});
    case Kind::process:
      break;
  }
  return {};
}

Argv render(const InitData& init) {
  return {program(init.server, "initdb"),
          "--pgdata=" + init.server.data,
          "--username=" + init.superuser,
          "--pwfile=" + init.password_file,
          "--auth-local=scram-sha-256",
          "--auth-host=scram-sha-256",
          "--data-checksums",
          "--encoding=UTF8",
          "--locale=C.UTF-8"};
}

}  // namespace dugong::runtime
