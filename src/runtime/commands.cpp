// The command lines that start, stop and remove a server.
//
// Compose makes and starts containers; everything else is asked of docker by the container's name, which is the same
// with both generations of Compose. `docker stop -t N` sends SIGKILL after N seconds, and a primary killed in its
// shutdown checkpoint has to go through crash recovery; so a stop is SIGINT (PostgreSQL's fast shutdown) and waiting,
// as with pg_ctl. `docker rm` without -f refuses a running container, as it should.
#include "runtime/commands.h"

#include "base/text.h"

namespace dugong::runtime {
namespace {

constexpr std::string_view compose_v1 = "docker-compose";
constexpr std::string_view aside_suffix = ".before-dugong";

Argv words_of(std::string_view program) {
  Argv argv;
  for (const auto word : split(program, ' ')) argv.emplace_back(word);
  return argv;
}

Argv compose(const Server& server, std::string_view program, std::initializer_list<std::string> rest) {
  auto argv = words_of(program);
  argv.insert(argv.end(), {"-p", server.project, "-f", server.compose_file});
  argv.insert(argv.end(), rest);
  return argv;
}

std::string program(const Server& server, const std::string& name) {
  return server.bin_dir.empty() ? name : server.bin_dir + "/" + name;
}

bool is_shell_safe(std::string_view path) {
  constexpr std::string_view safe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-";
  return path.starts_with('/') && path.find_first_not_of(safe) == std::string_view::npos;
}

}  // namespace

// pg_ctl is given three seconds because only a waiting pg_ctl notices a server that ends at once (pg_ctl.c:
// wait_for_postmaster_start). When they are over it leaves the server alone.
Argv render(const StartServer& start, std::string_view compose_program) {
  const auto& server = start.server;
  switch (server.kind) {
    case Kind::compose:
      return compose(server, compose_program, {"up", "-d"});
    case Kind::process:
      break;
  }
  return {program(server, "pg_ctl"), "-D", server.data, "-l", server.log_file, "-w", "-t", "3", "start"};
}

std::string set_aside_name(const std::string& name) { return name + std::string{aside_suffix}; }
bool is_set_aside_name(std::string_view name) { return name.ends_with(aside_suffix); }

Argv render_restart_policy(const std::string& container, const std::string& policy) {
  return {"docker", "update", "--restart=" + policy, container};
}
Argv render_rename(const std::string& container, const std::string& name) {
  return {"docker", "rename", container, name};
}
Argv render_interrupt(const std::string& container) { return {"docker", "kill", "--signal", "SIGINT", container}; }

Argv render(const StopServer& stop) {
  const auto& server = stop.server;
  switch (server.kind) {
    case Kind::compose:
      return render_interrupt(server.project);
    case Kind::process:
      break;
  }
  return {program(server, "pg_ctl"), "-D", server.data, "-m", "fast", "-t", std::to_string(stop.seconds), "stop"};
}

Argv render(const RemoveServer& remove) {
  switch (remove.server.kind) {
    case Kind::compose:
      return {"docker", "rm", remove.server.project};
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

Argv render_image_inspect(const std::string& image) { return {"docker", "image", "inspect", image}; }

Argv render_image_script(const std::string& image_id) {
  return {"docker",
          "run",
          "--rm",
          "--network",
          "none",
          "--entrypoint",
          "sh",
          image_id,
          "-c",
          "set -e; id -u postgres; id -g postgres; postgres --version; "
          "if ls /lib/ld-musl-* >/dev/null 2>&1; then echo musl; else getconf GNU_LIBC_VERSION || true; fi"};
}

// `docker version` fails when the engine does not answer, though it prints what the client is.
Argv render_engine_version() {
  return {"docker", "version", "--format", "{{.Server.Version}} {{.Server.MinAPIVersion}}"};
}

// Compose 1 needs half a second of processor time for every word it says: its version comes with the trial.
Argv render_compose_version(std::string_view program) {
  if (program == compose_v1) return {};
  auto argv = words_of(program);
  argv.insert(argv.end(), {"version", "--short"});
  return argv;
}

Argv render_compose_trial(std::string_view program) {
  auto argv = words_of(program);
  if (program == compose_v1) argv.emplace_back("--verbose");
  argv.insert(argv.end(), {"-p", "dugong-check", "-f", "-", "ps", "-q"});
  return argv;
}

Argv render_container_ids() { return {"docker", "ps", "--all", "--quiet", "--no-trunc"}; }

Argv render_container_inspect(const std::vector<std::string>& ids) {
  Argv argv = {"docker", "container", "inspect"};
  argv.insert(argv.end(), ids.begin(), ids.end());
  return argv;
}

Argv render_volume_names() { return {"docker", "volume", "ls", "--quiet"}; }

Argv render_volume_inspect(const std::vector<std::string>& names) {
  Argv argv = {"docker", "volume", "inspect"};
  argv.insert(argv.end(), names.begin(), names.end());
  return argv;
}

Argv render_wait(const std::string& container) { return {"docker", "wait", container}; }

Argv render_log_tail(const Server& server, int lines) {
  switch (server.kind) {
    case Kind::compose:
      return {"docker", "logs", "--tail", std::to_string(lines), server.project};
    case Kind::process:
      break;
  }
  return {"tail", "-n", std::to_string(lines), "--", server.log_file};
}

Result<std::string> archive_command(const Paths& inside) {
  for (const auto& directory : {inside.bin, inside.archive})
    if (!is_shell_safe(directory))
      return fail(ErrorKind::invalid, "'" + printable(directory) + "' cannot stand in archive_command",
                  "use a directory of letters, digits and '/', '.', '_', '-' only");
  return "'" + inside.bin + "/dugong-wal' push %p '" + inside.archive + "' %f";
}

std::string archive_identity(const Paths& host) { return host.archive + "/.system_identifier"; }

}  // namespace dugong::runtime
