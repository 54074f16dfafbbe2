#include "node/register.h"

#include <algorithm>

#include "base/text.h"
#include "os/env.h"
#include "os/files.h"

namespace dugong::node {
namespace {

std::string directory_of_entries() { return state_directory() + "/nodes"; }

bool is_name(std::string_view name) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  };
  return !name.empty() && name.front() != '.' && std::ranges::all_of(name, plain);
}

Result<os::Place> place_of(const std::string& name) {
  if (!is_name(name)) return fail(ErrorKind::invalid, "'" + printable(name) + "' cannot name a node");
  return os::Place{state_directory(), directory_of_entries() + "/" + name};
}

}  // namespace

std::string state_directory() { return os::env("DUGONG_STATE_DIR").value_or("/var/lib/dugong"); }

Result<std::map<std::string, std::string>> read_register() {
  std::map<std::string, std::string> all;
  const auto directory = directory_of_entries();
  if (TRY(os::stat_file(directory)).kind != os::FileKind::directory) return all;
  for (const auto& entry : TRY(os::list_directory(directory))) {
    if (!is_name(entry.name) || entry.kind != os::FileKind::file) continue;
    const auto place = TRY(place_of(entry.name));
    const auto content = TRY(os::read_file(place, 4096));
    const auto path = trim(content.bytes);
    if (path.starts_with('/') && is_utf8(path)) all.emplace(entry.name, path);
  }
  return all;
}

Result<Done> register_node(const std::string& name, const std::string& directory) {
  const auto place = TRY(place_of(name));
  if (!directory.starts_with('/') || directory.find('\n') != std::string::npos)
    return fail(ErrorKind::invalid, "\"" + printable(directory) + "\" cannot be a node's directory");
  TRY(os::make_directories(directory_of_entries()));
  TRY(os::write_file(place, directory + "\n", {.mode = 0644, .uid = {}, .gid = {}}));
  return Done{};
}

Result<Done> forget_node(const std::string& name) {
  const auto place = TRY(place_of(name));
  TRY(os::remove_file(place));
  return Done{};
}

Result<> leave_metrics(const std::string& name, const std::string& text) {
  if (!is_name(name)) return fail(ErrorKind::invalid, "'" + printable(name) + "' cannot name a node");
  const auto directory = state_directory() + "/metrics";
  TRY(os::make_directories(directory));
  TRY(os::write_file({state_directory(), directory + "/boot-" + name + ".prom"}, text,
                     {.mode = 0644, .uid = {}, .gid = {}}));
  return {};
}

}  // namespace dugong::node
