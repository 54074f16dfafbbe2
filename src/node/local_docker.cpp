// docker's command line as values, and past it, to the engine's own socket, for what is asked at every look.
#include <algorithm>

#include "base/text.h"
#include "node/local_doors.h"
#include "os/env.h"
#include "os/files.h"
#include "os/net.h"
#include "runtime/engine_api.h"

namespace dugong::node {
namespace {

constexpr std::string_view usual_socket = "/var/run/docker.sock";
constexpr std::string_view on_this_machine = "unix://";
constexpr std::size_t largest_answer = std::size_t{64} << 20;

Result<std::string> ask_engine(const std::string& socket, const std::string& path, const Call& call) {
  const auto response =
      TRY(os::exchange_local(socket, runtime::engine_question(path), largest_answer, call.deadline, call.stop));
  return runtime::engine_answer(response);
}

// A container may go away between the two questions.
Result<std::vector<runtime::Container>> containers_of_engine(const std::string& socket, const Call& call) {
  const auto list = TRY(ask_engine(socket, runtime::all_containers_path(), call));
  std::vector<std::string> bodies;
  for (const auto& id : TRY(runtime::parse_container_list(list))) {
    auto body = ask_engine(socket, runtime::container_path(id), call);
    if (!body && body.error().kind == ErrorKind::conflict) continue;
    bodies.push_back(TRY(std::move(body)));
  }
  const auto volumes = TRY(ask_engine(socket, runtime::all_volumes_path(), call));
  return runtime::parse_containers(runtime::as_inspect_list(bodies), TRY(runtime::parse_volumes(volumes)));
}

// A mount may name a directory by way of a symlink, and mounts what is behind it.
std::vector<runtime::Container> by_real_paths(std::vector<runtime::Container> all) {
  for (auto& container : all) {
    const auto named = container.bind_sources;
    for (const auto& source : named)
      if (const auto real = os::real_path(source); real && *real != source) container.bind_sources.push_back(*real);
  }
  return all;
}

}  // namespace

std::string Docker::variable(const std::string& name) const {
  const bool seen = std::ranges::find(environment_, name) != environment_.end();
  return seen ? os::env(name).value_or("") : std::string{};
}

// As docker decides (cli/command/cli.go: resolveContextName, getServerHost): a context, else DOCKER_HOST, else the
// context of its configuration, else the usual socket.
std::optional<std::string> Docker::socket() const {
  if (!variable("DOCKER_CONTEXT").empty()) return std::nullopt;
  if (const auto host = variable("DOCKER_HOST"); !host.empty()) {
    if (!host.starts_with(on_this_machine)) return std::nullopt;
    return host.substr(on_this_machine.size());
  }
  auto directory = variable("DOCKER_CONFIG");
  if (directory.empty()) directory = os::env("HOME").value_or("/root") + "/.docker";
  const auto config = os::read_file(directory + "/config.json", 1 << 20);
  if (config && config->bytes.find("currentContext") != std::string::npos) return std::nullopt;
  return std::string{usual_socket};
}

bool Docker::may_run() const {
  const auto host = variable("DOCKER_HOST");
  const auto named = host.empty() ? std::nullopt : socket();
  if (!named) return true;
  const auto there = os::exchange_local(*named, "", 0, Deadline{});
  return there || there.error().kind != ErrorKind::unreachable;
}

Result<os::Output> Docker::run(const runtime::Argv& argv, const Call& call) const {
  os::Command command;
  command.argv = argv;
  command.keep_env = environment_;
  return os::run(std::move(command), call.deadline, call.stop);
}

Result<os::Output> Docker::succeed(const runtime::Argv& argv, const Call& call) const {
  auto output = TRY(run(argv, call));
  if (!output.exit.ok()) return fail(tool_error(argv, output));
  if (output.out_truncated) return fail(ErrorKind::failed, join(argv, " ") + " answered more than can be read");
  return output;
}

Result<std::string> Docker::compose_program(const Call& call) {
  const std::lock_guard guard{mutex_};
  if (!compose_program_.empty()) return compose_program_;
  if (os::find_program("docker")) {
    const auto output = TRY(run({"docker", "compose", "version"}, call));
    if (output.exit.ok()) return compose_program_ = "docker compose";
  }
  if (os::find_program("docker-compose")) return compose_program_ = "docker-compose";
  return fail(ErrorKind::failed, "neither `docker compose` nor `docker-compose` is there",
              "install Docker's compose plugin or docker-compose 1.27 or newer");
}

// What the engine does not answer as expected, docker is asked: its words are the ones that people know.
Result<std::vector<runtime::Container>> Docker::containers(const Call& call) const {
  if (const auto engine = socket()) {
    auto found = containers_of_engine(*engine, call);
    if (found) return by_real_paths(*std::move(found));
    if (found.error().kind == ErrorKind::interrupted || found.error().kind == ErrorKind::timed_out) return found;
  }
  return by_real_paths(TRY(containers_by_tool(call)));
}

// A container may go away between the two questions; docker then answers for the others and exits with 1.
Result<std::vector<runtime::Container>> Docker::containers_by_tool(const Call& call) const {
  const auto listed = TRY(succeed(runtime::render_container_ids(), call));
  std::vector<std::string> ids;
  for (const auto line : lines(listed.out)) ids.emplace_back(trim(line));
  if (ids.empty()) return std::vector<runtime::Container>{};
  const auto argv = runtime::render_container_inspect(ids);
  const auto output = TRY(run(argv, call));
  const bool went_away = output.err.find("No such container") != std::string::npos;
  if (!output.exit.ok() && !went_away) return fail(tool_error(argv, output));
  if (output.out.find("\"volume\"") == std::string::npos) return runtime::parse_containers(output.out);
  return runtime::parse_containers(output.out, TRY(volumes_by_tool(call)));
}

// As with containers: one may go away between the two questions.
Result<runtime::VolumeDevices> Docker::volumes_by_tool(const Call& call) const {
  std::vector<std::string> names;
  const auto listed = TRY(succeed(runtime::render_volume_names(), call));
  for (const auto line : lines(listed.out)) names.emplace_back(trim(line));
  if (names.empty()) return runtime::VolumeDevices{};
  const auto told = TRY(run(runtime::render_volume_inspect(names), call));
  return runtime::parse_volumes(told.out);
}

Result<runtime::Software> Docker::software(const std::string& image, const Call& call) {
  const auto argv = runtime::render_image_inspect(image);
  const auto inspected = TRY(run(argv, call));
  if (!inspected.exit.ok()) {
    auto error = tool_error(argv, inspected);
    if (inspected.err.find("o such image") != std::string::npos) {
      error.what = "the image " + image + " is not on this host";
      error.next = "docker pull " + image;
    }
    return fail(std::move(error));
  }
  const auto id = TRY(runtime::parse_image_id(inspected.out));
  {
    const std::lock_guard guard{mutex_};
    if (const auto it = software_.find(id); it != software_.end()) return it->second;
  }
  const auto script = TRY(succeed(runtime::render_image_script(id), call));
  auto software = TRY(runtime::parse_image(inspected.out, script.out));
  const std::lock_guard guard{mutex_};
  software_[id] = software;
  return software;
}

// Without Compose the engine is one all the same: whoever asks says what is missing.
Result<runtime::Engine> Docker::engine(const Call& call) {
  const auto told = TRY(succeed(runtime::render_engine_version(), call));
  auto engine = TRY(runtime::parse_engine_version(told.out));
  const auto program = compose_program(call);
  if (!program) return engine;
  engine.compose = *program;
  os::Command trial;
  trial.argv = runtime::render_compose_trial(*program);
  trial.keep_env = environment_;
  const auto tried = TRY(os::run(std::move(trial), call.deadline, call.stop, {}, runtime::compose_trial_file));
  if (!tried.exit.ok()) engine.refuse = runtime::last_word(tried.err);
  engine.compose_version = runtime::parse_compose_version(tried.err);
  if (const auto argv = runtime::render_compose_version(*program); !argv.empty())
    engine.compose_version = runtime::parse_compose_version(TRY(run(argv, call)).out);
  return engine;
}

}  // namespace dugong::node
