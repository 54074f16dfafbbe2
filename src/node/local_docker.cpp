// docker's command line as values.
#include "base/text.h"
#include "node/local_doors.h"

namespace dugong::node {

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

// A container may go away between the two questions; docker then answers for the others and exits with 1.
Result<std::vector<runtime::Container>> Docker::containers(const Call& call) const {
  const auto listed = TRY(succeed(runtime::render_container_ids(), call));
  std::vector<std::string> ids;
  for (const auto line : lines(listed.out)) ids.emplace_back(trim(line));
  if (ids.empty()) return std::vector<runtime::Container>{};
  const auto argv = runtime::render_container_inspect(ids);
  const auto output = TRY(run(argv, call));
  const bool went_away = output.err.find("No such container") != std::string::npos;
  if (!output.exit.ok() && !went_away) return fail(tool_error(argv, output));
  return runtime::parse_containers(output.out);
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

}  // namespace dugong::node
