// /etc/dugong/node.toml, read strictly: a misspelt key would quietly leave a door open.
#include <fmt/format.h>
#include <toml++/toml.h>
#include <utility>

#include "base/text.h"
#include "node/policy.h"
#include "os/env.h"
#include "os/files.h"
#include "os/host.h"

namespace dugong::node {
namespace {

constexpr std::string_view default_file = "/etc/dugong/node.toml";
constexpr std::string_view known_keys = "prefixes, directories, projects, bin_dirs, os_users";

Error at_source(const std::string& file, const toml::source_region& source, std::string what) {
  return Error{ErrorKind::invalid,
               std::move(what),
               fmt::format("{}:{}:{}", file, source.begin.line, source.begin.column),
               "nothing was changed",
               {}};
}

Result<std::vector<std::string>> texts(const toml::node& value, std::string_view key, const std::string& file) {
  const auto* array = value.as_array();
  if (array == nullptr) return fail(at_source(file, value.source(), fmt::format("{} is a list of texts", key)));
  std::vector<std::string> result;
  for (const auto& element : *array) {
    const auto text = element.value<std::string>();
    if (!element.is_string() || !text || text->empty()) {
      return fail(at_source(file, element.source(), fmt::format("{} is a list of texts, none of them empty", key)));
    }
    result.push_back(*text);
  }
  return result;
}

Result<> check_directory(std::string& directory) {
  while (directory.size() > 1 && directory.ends_with('/')) directory.pop_back();
  if (!directory.starts_with('/')) return fail(ErrorKind::invalid, "an absolute path is wanted");
  for (auto part : split(directory, '/')) {
    if (part == "." || part == "..") return fail(ErrorKind::invalid, "a path without . and .. is wanted");
  }
  return {};
}

Result<> take_key(Policy& policy, std::string_view key, std::vector<std::string> values) {
  if (key == "projects" || key == "os_users") {
    (key == "projects" ? policy.projects : policy.os_users) = std::move(values);
    return {};
  }
  if (key == "prefixes") {
    for (const auto& prefix : values) TRY(zfs::check_dataset_name(prefix));
    policy.prefixes = std::move(values);
    return {};
  }
  if (key != "directories" && key != "bin_dirs") {
    return fail(ErrorKind::invalid, fmt::format("\"{}\" is not known; keys are {}", key, known_keys));
  }
  for (auto& directory : values) TRY(check_directory(directory));
  if (key == "bin_dirs") {
    policy.bin_dirs = std::move(values);
  } else {
    policy.directories = std::move(values);
  }
  return {};
}

}  // namespace

Result<Policy> parse_policy(std::string_view text, const std::string& file) {
  Policy policy;
  policy.file = file;
  toml::table table;
  try {
    table = toml::parse(text);
  } catch (const toml::parse_error& error) {
    return fail(at_source(file, error.source(), std::string{error.description()}));
  }
  for (const auto& [key, value] : table) {
    auto values = texts(value, key.str(), file);
    if (!values) return fail(std::move(values).error());
    auto taken = take_key(policy, key.str(), std::move(*values));
    if (!taken) return fail(at_source(file, key.source(), taken.error().what));
    policy.listed.emplace_back(key.str());
  }
  return policy;
}

namespace {

Error not_taken(std::string what, const std::string& path, std::string next) {
  return Error{ErrorKind::refused, std::move(what), path, "nothing was changed", std::move(next)};
}

// A link that leads nowhere, a directory, a FIFO: the operator meant something by it, and not that all is allowed.
Result<bool> is_there(const std::string& file) {
  const auto stat = TRY(os::stat_file(file));
  const auto slash = file.rfind('/');
  const auto directory = slash == 0 ? std::string{"/"} : file.substr(0, slash);
  switch (stat.kind) {
    case os::FileKind::file:
      return true;
    case os::FileKind::missing:
      break;
    case os::FileKind::symlink:
      return fail(not_taken("this is a symbolic link, and not the file itself", file,
                            "put the file there in its place, or move the link away"));
    case os::FileKind::directory:
    case os::FileKind::other:
      return fail(not_taken("this is not a regular file", file, "put a file there in its place, or move it away"));
  }
  const auto above = TRY(os::stat_file(directory)).kind;
  if (above == os::FileKind::missing || above == os::FileKind::directory) return false;
  return fail(not_taken("this is not a directory, and so holds no node.toml", directory,
                        "put a directory there in its place, or move it away"));
}

}  // namespace

Result<std::optional<Policy>> read_policy(const std::string& file) {
  const bool there = TRY(is_there(file));
  if (!there) return std::optional<Policy>{};
  auto content = TRY(os::read_file(file));
  if (content.stat.kind != os::FileKind::file || content.bytes.size() < content.stat.size) {
    return fail(
        not_taken("this is not a file that can be read whole", file, "look at it, then run the same command again"));
  }
  const auto uid = content.stat.uid;
  if (uid != 0 && uid != os::user_id()) {
    return fail(not_taken(fmt::format("this file belongs to the user with number {}, not to root", uid), file,
                          fmt::format("look at it, then run: chown root {}", file)));
  }
  if ((content.stat.mode & 022U) != 0) {
    return fail(not_taken("others than its owner may write this file", file, fmt::format("run: chmod go-w {}", file)));
  }
  return std::optional{TRY(parse_policy(content.bytes, file))};
}

Result<Policy> load_policy() {
  const auto chosen = os::env("DUGONG_NODE_CONFIG");
  const std::string file = chosen.value_or(std::string{default_file});
  auto policy = TRY(read_policy(file));
  if (policy) return *std::move(policy);
  if (!chosen) return Policy{};
  return fail(Error{ErrorKind::invalid, "the file that DUGONG_NODE_CONFIG names does not exist", file, {}, {}});
}

}  // namespace dugong::node
