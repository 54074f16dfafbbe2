// What `docker … inspect` and `postgres --version` say, as values. The one place of this room that reads JSON.
//
// Shapes: Docker Engine API, ImageInspect and ContainerInspect (api/swagger.yaml); stable since API 1.25.
#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "base/ids.h"
#include "base/text.h"
#include "runtime/commands.h"

namespace dugong::runtime {
namespace {

using Json = nlohmann::json;

Error unreadable(std::string_view what, std::string_view text) {
  return {ErrorKind::failed, std::string{what} + ": " + printable(shorten(text, 300)), {}, {}, {}};
}

Result<Json> parse_array(std::string_view text, std::string_view what) {
  auto json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_array()) return fail(unreadable(std::string{what} + " did not answer a JSON list", text));
  return json;
}

// Docker writes null for what is empty; a missing or null member is an empty one.
const Json& member(const Json& object, const char* name) {
  static const Json null;
  if (!object.is_object()) return null;
  const auto it = object.find(name);
  return it == object.end() ? null : *it;
}

std::string text(const Json& object, const char* name) {
  const auto& value = member(object, name);
  return value.is_string() ? value.get<std::string>() : std::string{};
}

int number(const Json& object, const char* name) {
  const auto& value = member(object, name);
  return value.is_number_integer() ? value.get<int>() : 0;
}

std::string environment_value(const Json& config, std::string_view name) {
  const std::string prefix = std::string{name} + "=";
  for (const auto& entry : member(config, "Env")) {
    if (!entry.is_string()) continue;
    const auto assignment = entry.get<std::string>();
    if (assignment.starts_with(prefix)) return assignment.substr(prefix.size());
  }
  return {};
}

ServerState parse_state(const std::string& status) {
  if (status == "created") return ServerState::created;
  // A paused or restarting container holds the data directory as a running one does.
  if (status == "running" || status == "paused" || status == "restarting") return ServerState::running;
  return ServerState::exited;
}

std::map<std::string, std::string> parse_labels(const Json& config) {
  std::map<std::string, std::string> labels;
  const auto& object = member(config, "Labels");
  if (!object.is_object()) return labels;
  for (const auto& [name, value] : object.items())
    if (value.is_string()) labels[name] = value.get<std::string>();
  return labels;
}

// The directory of the host that is mounted; empty: the engine's own.
std::string host_source(const Json& mount, const VolumeDevices& volumes) {
  if (text(mount, "Type") == "bind") return text(mount, "Source");
  const auto volume = volumes.find(text(mount, "Name"));
  return text(mount, "Type") != "volume" || volume == volumes.end() ? std::string{} : volume->second;
}

std::vector<std::string> bind_sources(const Json& container, const VolumeDevices& volumes) {
  std::vector<std::string> sources;
  for (const auto& mount : member(container, "Mounts"))
    if (auto source = host_source(mount, volumes); !source.empty() && member(mount, "RW") != false)
      sources.push_back(std::move(source));
  return sources;
}

// "on-failure:3" as `docker update --restart` takes it.
std::string restart_policy(const Json& container) {
  const auto& policy = member(member(container, "HostConfig"), "RestartPolicy");
  const auto name = text(policy, "Name");
  if (name.empty()) return "no";
  const int most = number(policy, "MaximumRetryCount");
  return name == "on-failure" && most > 0 ? name + ":" + std::to_string(most) : name;
}

// The mount that covers it decides, the longest one.
std::string host_pgdata(const Json& container, const VolumeDevices& volumes) {
  const auto pgdata = environment_value(member(container, "Config"), "PGDATA");
  std::string target;
  std::string found;
  for (const auto& mount : member(container, "Mounts")) {
    auto at = text(mount, "Destination");
    while (at.ends_with('/')) at.pop_back();
    const bool covers = pgdata.starts_with(at) && (pgdata.size() == at.size() || pgdata[at.size()] == '/');
    if (pgdata.empty() || at.empty() || !covers || at.size() <= target.size()) continue;
    target = at;
    const auto source = host_source(mount, volumes);
    found = source.empty() ? std::string{} : source + pgdata.substr(at.size());
  }
  return found;
}

// Compose 1 writes them as they were given, Compose 2 with their directory (compose-go: labels of a project).
std::vector<std::string> compose_files(const std::map<std::string, std::string>& labels) {
  const auto files = labels.find("com.docker.compose.project.config_files");
  if (files == labels.end()) return {};
  const auto directory = labels.find("com.docker.compose.project.working_dir");
  std::vector<std::string> all;
  for (const auto file : split(files->second, ',')) {
    if (file.starts_with('/')) all.emplace_back(file);
    if (!file.starts_with('/') && !file.empty() && directory != labels.end())
      all.push_back(directory->second + "/" + std::string{file});
  }
  return all;
}

Container parse_container(const Json& json, const VolumeDevices& volumes) {
  const auto& config = member(json, "Config");
  const auto& state = member(json, "State");
  Container container;
  container.id = text(json, "Id");
  container.name = text(json, "Name");
  if (container.name.starts_with('/')) container.name.erase(0, 1);
  container.bind_sources = bind_sources(json, volumes);
  container.facts.state = parse_state(text(state, "Status"));
  container.facts.image_id = text(json, "Image");
  container.facts.labels = parse_labels(config);
  container.facts.exit_code = number(state, "ExitCode");
  container.pid = number(state, "Pid");
  container.facts.restart_policy = restart_policy(json);
  container.goes_when_stopped = member(member(json, "HostConfig"), "AutoRemove") == true;
  container.host_pgdata = host_pgdata(json, volumes);
  return container;
}

Result<std::uint32_t> parse_id(std::string_view line) {
  const auto value = TRY(parse_u64(trim(line)));
  if (value > UINT32_MAX) return fail(ErrorKind::failed, "user or group id out of range: " + std::string{line});
  return static_cast<std::uint32_t>(value);
}

}  // namespace

std::string to_string(ServerState state) {
  switch (state) {
    case ServerState::absent:
      return "absent";
    case ServerState::created:
      return "created";
    case ServerState::running:
      return "running";
    case ServerState::exited:
      return "exited";
  }
  return "unknown";
}

// server_version_num: 10 and later are MAJOR * 10000 + MINOR. A version under development ("18beta1") counts as minor
// 0.
Result<std::int64_t> parse_version(std::string_view line) {
  constexpr std::string_view mark = "(PostgreSQL) ";
  const auto bad = [&] { return fail(unreadable("not the answer of postgres --version", line)); };
  const auto at = line.find(mark);
  if (at == std::string_view::npos) return bad();
  const auto rest = line.substr(at + mark.size());
  std::int64_t major = 0;
  std::int64_t minor = 0;
  auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), major);
  if (error != std::errc{} || major < 10 || major > 999) return bad();
  if (end != rest.data() + rest.size() && *end == '.') {
    if (std::from_chars(end + 1, rest.data() + rest.size(), minor).ec != std::errc{} || minor > 9999) return bad();
  }
  return major * 10000 + minor;
}

Result<std::string> parse_image_id(std::string_view image_inspect_json) {
  const auto images = TRY(parse_array(image_inspect_json, "docker image inspect"));
  auto id = images.empty() ? std::string{} : text(images.front(), "Id");
  if (id.empty()) return fail(unreadable("docker image inspect shows no image id", image_inspect_json));
  return id;
}

Result<Engine> parse_engine_version(std::string_view output) {
  const auto fields = split(trim(output), ' ');
  const bool is_version = !fields[0].empty() && fields[0][0] >= '0' && fields[0][0] <= '9';
  if (!is_version || fields.size() > 2) return fail(unreadable("not the version of a Docker Engine", output));
  Engine engine;
  engine.version = printable(fields[0]);
  if (fields.size() == 2) engine.least_api = printable(fields[1]);
  return engine;
}

std::string parse_compose_version(std::string_view output) {
  constexpr std::string_view mark = "docker-compose version ";
  if (const auto at = output.find(mark); at != std::string_view::npos) output.remove_prefix(at + mark.size());
  output = trim(output);
  if (output.starts_with('v')) output.remove_prefix(1);
  const auto end = output.find_first_not_of("0123456789.");
  const bool ends_well = end == std::string_view::npos || output[end] == ',' || output[end] == '-' ||
                         output[end] == '+' || output[end] == '\n';
  return ends_well ? std::string{output.substr(0, end)} : std::string{};
}

std::string last_word(std::string_view stderr_text) {
  std::string_view last;
  for (const auto line : lines(stderr_text))
    if (!trim(line).empty()) last = trim(line);
  return printable(shorten(last, 300));
}

Result<Software> parse_image(std::string_view image_inspect_json, std::string_view script_output) {
  Software software;
  software.id = TRY(parse_image_id(image_inspect_json));
  const auto images = TRY(parse_array(image_inspect_json, "docker image inspect"));
  software.pgdata = environment_value(member(images.front(), "Config"), "PGDATA");
  if (software.pgdata.empty())
    return fail(ErrorKind::invalid, "the image sets no PGDATA: it is not a PostgreSQL image of the usual kind",
                "use an image derived from postgres or timescale/timescaledb");
  const auto answer = lines(script_output);
  if (answer.size() != 3 && answer.size() != 4)
    return fail(unreadable("the image's id and postgres --version answered", script_output));
  software.uid = TRY(parse_id(answer[0]));
  software.gid = TRY(parse_id(answer[1]));
  software.version_number = TRY(parse_version(answer[2]));
  if (answer.size() == 4) software.libc = printable(trim(answer[3]));
  return software;
}

Result<VolumeDevices> parse_volumes(std::string_view json) {
  const auto parsed = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_array() && !parsed.is_object())
    return fail(ErrorKind::failed, "not a list of volumes: " + printable(shorten(json, 100)));
  VolumeDevices devices;
  for (const auto& volume : parsed.is_array() ? parsed : member(parsed, "Volumes")) {
    auto device = text(member(volume, "Options"), "device");
    if (device.starts_with('/')) devices[text(volume, "Name")] = std::move(device);
  }
  return devices;
}

Result<std::vector<Container>> parse_containers(std::string_view container_inspect_json, const VolumeDevices& volumes) {
  const auto list = TRY(parse_array(container_inspect_json, "docker container inspect"));
  std::vector<Container> containers;
  for (const auto& one : list) containers.push_back(parse_container(one, volumes));
  return containers;
}

bool can_use(const Container& container, std::string_view data) {
  const auto at_or_below = [](std::string_view path, std::string_view root) {
    return path.starts_with(root) && (path.size() == root.size() || path[root.size()] == '/');
  };
  return std::ranges::any_of(container.bind_sources, [&](const std::string& source) {
    return source != "/" && (at_or_below(data, source) || at_or_below(source, data));
  });
}

OtherContainer other_of(const Container& container, std::string_view data) {
  const auto& facts = container.facts;
  const auto project = facts.labels.find("com.docker.compose.project");
  return {.name = container.name,
          .state = facts.state,
          .image_id = facts.image_id,
          .restart_policy = facts.restart_policy,
          .project = project == facts.labels.end() ? std::string{} : project->second,
          .compose_files = compose_files(facts.labels),
          .goes_when_stopped = container.goes_when_stopped,
          .serves = container.host_pgdata == data,
          .set_aside =
              is_set_aside_name(container.name) && facts.state != ServerState::running && facts.restart_policy == "no"};
}

}  // namespace dugong::runtime
