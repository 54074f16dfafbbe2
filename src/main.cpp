// The parts of dugong, and how they are put together.
#include <exception>
#include <filesystem>
#include <iostream>
#include <unistd.h>

#include "cli/app.h"
#include "cli/world.h"
#include "engine/clock.h"
#include "node/certificates.h"
#include "node/fleet.h"
#include "node/host_shell.h"
#include "node/judged.h"
#include "node/register.h"
#include "node/serve.h"
#include "os/env.h"
#include "os/files.h"
#include "os/host.h"
#include "os/signals.h"
#include "os/tty.h"

namespace {

using dugong::Result;
using dugong::cli::World;

Result<std::string> absolute(const std::string& path) {
  std::error_code error;
  const auto whole = std::filesystem::absolute(path, error);
  if (!error) return whole.lexically_normal().string();
  return dugong::fail(dugong::ErrorKind::failed,
                      "it cannot be told where " + path + " is from here: " + error.message(),
                      "name it by its absolute path, or change to a directory that exists");
}

std::string identity() {
  const auto user = dugong::os::env("USER").value_or("uid " + std::to_string(dugong::os::user_id()));
  const auto behind_sudo = dugong::os::env("SUDO_USER");
  return (behind_sudo ? *behind_sudo + " as " : "") + user + "@" + dugong::os::hostname() + ", pid " +
         std::to_string(dugong::os::process_id());
}

Result<std::string> read_file(const std::string& path) {
  constexpr dugong::Bytes largest = dugong::Bytes{1} << 20;
  const auto whole = TRY(absolute(path));
  auto content = TRY(dugong::os::read_file(whole, largest + 1));
  if (content.bytes.size() > largest)
    return dugong::fail(dugong::ErrorKind::invalid, path + " is larger than 1 MiB: it is no file for dugong");
  if (content.stat.kind != dugong::os::FileKind::file)
    return dugong::fail(dugong::ErrorKind::invalid, "there is no file " + path);
  return std::move(content.bytes);
}

Result<World::Written> write_new_file(const std::string& path, std::string_view text) {
  const auto whole = TRY(absolute(path));
  switch (TRY(dugong::os::write_new_file(whole, text))) {
    case dugong::os::Written::created:
      return World::Written::created;
    case dugong::os::Written::existed:
      return World::Written::existed;
  }
  return World::Written::existed;
}

Result<std::unique_ptr<dugong::node::Fleet>> open_fleet(const dugong::spec::Spec& spec, const std::stop_token& stop) {
  std::vector<dugong::node::FleetMember> members;
  for (const auto& node : spec.nodes) members.push_back({node.name, node.ssh, spec.ssh.config});
  auto options = dugong::node::fleet_options_from_environment();
  options.stop = stop;
  return std::make_unique<dugong::node::RealFleet>(members, options);
}

int run(int argc, char** argv) {
  const dugong::os::Signals signals;
  dugong::engine::SystemClock clock;
  World world{.out = std::cout, .err = std::cerr, .clock = clock, .stop = signals.token(), .identity = identity()};
  world.in_is_terminal = dugong::os::is_terminal(STDIN_FILENO);
  world.out_is_terminal = dugong::os::is_terminal(STDOUT_FILENO);
  world.err_is_terminal = dugong::os::is_terminal(STDERR_FILENO);
  world.err_width = dugong::os::terminal_width(STDERR_FILENO);
  world.environment = [](std::string_view name) { return dugong::os::env(std::string{name}); };
  world.read_line = [&] { return dugong::os::read_line(STDIN_FILENO, signals.token()); };
  world.file_exists = [](const std::string& path) {
    std::error_code error;
    return std::filesystem::exists(path, error);
  };
  world.read_file = read_file;
  world.write_new_file = write_new_file;
  world.open_fleet = [&](const dugong::spec::Spec& spec) { return open_fleet(spec, signals.token()); };
  world.open_machine = dugong::node::open_judged_node;
  world.leave_metrics = dugong::node::leave_metrics;
  world.open_host = [&](const dugong::node::HostTarget& target) {
    return dugong::node::open_host(target, signals.token());
  };
  world.own_programs = dugong::node::own_programs;
  world.read_authority = [](const std::string& path) -> Result<std::optional<dugong::node::Authority>> {
    return dugong::node::read_authority(TRY(absolute(path)));
  };
  world.write_authority = [](const std::string& path, const dugong::node::Authority& authority) -> Result<> {
    return dugong::node::write_authority(TRY(absolute(path)), authority);
  };
  bool served = false;
  world.serve = [&](const std::stop_token& stop) {
    served = true;
    return dugong::node::serve_standard_streams(stop);
  };
  const int code = dugong::cli::run({argv + 1, argv + argc}, world);
  // A request that ignored its stop may still be at work: nothing that it uses is taken from under it.
  if (served) dugong::os::leave(code);
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& exception) {  // no memory, say; abort() would leave a core and the exit code 134
    std::cerr << "dugong: " << exception.what() << '\n' << std::flush;
    dugong::os::leave(1);
  }
}
