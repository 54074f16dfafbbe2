#include "node/policy_rules.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "base/ids.h"
#include "base/text.h"
#include "os/files.h"
#include "zfs/marks.h"

namespace dugong::node::rules {
namespace {

using os::is_below;

Error refusal(std::string what, std::string_view key, std::string_view example, const Policy& policy) {
  return Error{ErrorKind::refused,
               std::move(what),
               {},
               "nothing was changed",
               fmt::format("to allow it, add \"{}\" to {} in {} on this node{}", example, key, policy.file,
                           if_unlisted(key, policy))};
}
Error nonsense(std::string what) { return Error{ErrorKind::invalid, std::move(what), {}, "nothing was changed", {}}; }

Error forbidden(std::string what) { return Error{ErrorKind::refused, std::move(what), {}, "nothing was changed", {}}; }

bool is_one_of(const zfs::Properties& properties, const std::string& name,
               std::initializer_list<std::string_view> values) {
  const auto it = properties.find(name);
  return it != properties.end() && std::ranges::find(values, it->second) != values.end();
}

// Where root's own programs, settings, keys and jobs are. /run is where services listen; ours and PostgreSQL's are
// let through below.
constexpr std::array system_directories = {"/etc",
                                           "/usr",
                                           "/boot",
                                           "/bin",
                                           "/sbin",
                                           "/lib",
                                           "/lib32",
                                           "/lib64",
                                           "/libx32",
                                           "/proc",
                                           "/sys",
                                           "/dev",
                                           "/root",
                                           "/run",
                                           "/snap",
                                           "/nix",
                                           "/var/run",
                                           "/var/spool",
                                           "/var/lib/docker",
                                           "/var/lib/dpkg",
                                           "/var/lib/apt",
                                           "/var/cache",
                                           "/var/lock",
                                           "/var/backups",
                                           "/var/lib/systemd",
                                           "/var/lib/containerd",
                                           "/var/lib/cloud"};
constexpr std::array run_directories = {"/run/dugong", "/run/postgresql", "/var/run/dugong", "/var/run/postgresql"};

bool belongs_to_system(std::string_view path) {
  for (std::string_view ours : run_directories) {
    if (is_below(path, ours)) return false;
  }
  for (std::string_view directory : system_directories) {
    if (is_below(path, directory)) return true;
  }
  const auto parts = split(path, '/');
  return std::find(parts.begin(), parts.end(), ".ssh") != parts.end();
}

// Its owner, its mode and the names in it are those of the machine.
bool holds_the_system(std::string_view path) {
  if (path == "/var/log" || path == "/var/tmp") return true;
  return std::any_of(system_directories.begin(), system_directories.end(),
                     [&](std::string_view directory) { return is_below(directory, path); });
}

Result<> no_program(const std::string& path, const std::string& text, const Policy& policy) {
  for (const auto& directory : policy.bin_dirs) {
    if (!is_below(path, directory)) continue;
    return fail(
        Error{ErrorKind::refused,
              fmt::format("{} is below {}, where programs are run from", text, directory),
              {},
              "nothing was changed",
              fmt::format("use another directory, or list in bin_dirs of {} only what holds programs", policy.file)});
  }
  return {};
}

bool plain_component(std::string_view part) { return !part.empty() && part != "." && part != ".."; }

bool only(std::string_view text, std::string_view more) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           more.find(c) != std::string_view::npos;
  });
}

bool matches(std::string_view name, std::string_view pattern) {
  return pattern.ends_with('*') ? name.starts_with(pattern.substr(0, pattern.size() - 1)) : name == pattern;
}

Result<> project(const std::string& name, const Policy& policy) {
  if (!only(name, "-_") || name[0] == '-') return fail(nonsense(fmt::format("\"{}\" is no project", printable(name))));
  for (const auto& pattern : policy.projects) {
    if (matches(name, pattern)) return {};
  }
  return fail(refusal(fmt::format("the Compose project {} is not dugong's", name), "projects", name, policy));
}

Result<> optional_path(const std::string& text, Use use, const Policy& policy) {
  return text.empty() ? Result<>{} : path(text, use, policy);
}

}  // namespace

Result<> dataset(const std::string& name, Use use, const Policy& policy) {
  TRY(zfs::check_dataset_name(name));
  if (policy.prefixes) {
    for (const auto& prefix : *policy.prefixes) {
      if (zfs::is_below(name, prefix)) return {};
    }
    return fail(
        refusal(fmt::format("the dataset {} is not one this node lets dugong touch", name), "prefixes", name, policy));
  }
  switch (use) {
    case Use::read:
      return {};
    case Use::write:
      break;
  }
  if (name.find('/') != std::string::npos) return {};
  return fail(refusal(fmt::format("{} is a whole pool", name), "prefixes", name, policy));
}

Result<> snapshot(const std::string& name, const Policy& policy) {
  TRY(zfs::check_snapshot_name(name));
  return dataset(zfs::dataset_of(name), Use::write, policy);
}

Result<> properties(const zfs::Properties& properties, const Policy& policy) {
  TRY(zfs::check_properties(properties));
  auto mountpoint = properties.find("mountpoint");
  if (mountpoint == properties.end() || !mountpoint->second.starts_with('/')) return {};
  return path(mountpoint->second, Use::write, policy);
}

// `zfs create` and `zfs clone` mount at once unless one of these two says otherwise (zfsprops(7)); both inherit.
Result<> made_unmounted(const zfs::Properties& properties) {
  if (is_one_of(properties, "canmount", {"noauto", "off"})) return {};
  if (is_one_of(properties, "mountpoint", {"none", "legacy"})) return {};
  return fail(forbidden("a dataset is made with canmount=noauto or mountpoint=none, and mounted afterwards"));
}

Result<> left_unmounted(const zfs::Properties& properties) {
  if (properties.contains("mountpoint") && !is_one_of(properties, "mountpoint", {"none", "legacy"}))
    return fail(forbidden("the mountpoint of a dataset is given when it is made"));
  if (properties.contains("canmount") && !is_one_of(properties, "canmount", {"noauto", "off"}))
    return fail(forbidden("canmount can be set to noauto or off"));
  return {};
}

Result<> marks(const std::vector<std::string>& names) {
  for (const auto& name : names) {
    const std::string_view rest = std::string_view{name}.substr(std::min(name.size(), zfs::marks::prefix.size()));
    if (!name.starts_with(zfs::marks::prefix) || !only(rest, "_"))
      return fail(nonsense(fmt::format("\"{}\" is no mark of dugong's", printable(name))));
  }
  return {};
}

Result<> tag(const std::string& tag) { return zfs::check_hold_tag(tag); }

Result<> path(const std::string& path, Use use, const Policy& policy) {
  if (!path.starts_with('/') || path.find('\0') != std::string::npos) {
    return fail(nonsense(fmt::format("\"{}\" is not an absolute path", printable(path))));
  }
  const auto parts = split(std::string_view{path}.substr(1), '/');
  if (!std::all_of(parts.begin(), parts.end(), plain_component)) {
    return fail(nonsense(fmt::format("the path \"{}\" is not plain", printable(path))));
  }
  const auto text = printable(path);
  switch (use) {
    case Use::read:
      break;
    case Use::write:
      TRY(no_program(path, text, policy));
  }
  if (policy.directories) {
    for (const auto& directory : *policy.directories) {
      if (is_below(path, directory)) return {};
    }
    return fail(refusal(fmt::format("{} is not below a directory this node lets dugong use", text), "directories", text,
                        policy));
  }
  if (belongs_to_system(path)) {
    return fail(refusal(fmt::format("{} belongs to the system", text), "directories", text, policy));
  }
  switch (use) {
    case Use::read:
      return {};
    case Use::write:
      break;
  }
  if (parts.size() >= 2 && !holds_the_system(path)) return {};
  return fail(refusal(fmt::format("{} is a directory of the whole machine", text), "directories", text, policy));
}

Result<> relative_path(const std::string& path) {
  const auto parts = split(path, '/');
  if (path.find('\0') == std::string::npos && std::all_of(parts.begin(), parts.end(), plain_component)) return {};
  return fail(nonsense(fmt::format("the path \"{}\" is not a plain one below its directory", printable(path))));
}

Result<> mode(std::uint32_t mode) {
  if ((mode & ~01777U) == 0) return {};
  return fail(nonsense(fmt::format("the mode {:o} has more than permissions", mode)));
}

Result<> server(const runtime::Server& server, Use use, const Policy& policy) {
  TRY(optional_path(server.data, use, policy));
  switch (server.kind) {
    case runtime::Kind::compose:
      TRY(project(server.project, policy));
      return optional_path(server.compose_file, Use::write, policy);
    case runtime::Kind::process:
      break;
  }
  TRY(program_directory(server.bin_dir, policy));
  TRY(os_user(server.os_user, policy));
  return optional_path(server.log_file, Use::write, policy);
}

Result<> program_directory(const std::string& directory, const Policy& policy) {
  if (directory.empty()) return {};
  const auto text = printable(directory);
  if (!directory.starts_with('/') || !relative_path(directory.substr(1))) {
    return fail(nonsense(fmt::format("\"{}\" is not a plain absolute path", text)));
  }
  for (const auto& allowed : policy.bin_dirs) {
    if (is_below(directory, allowed)) return {};
  }
  return fail(refusal(fmt::format("programs in {} may not be run", text), "bin_dirs", text, policy));
}

Result<> os_user(const std::string& user, const Policy& policy) {
  if (user.empty()) return {};
  if (!only(user, "_-.") || user[0] == '-') return fail(nonsense(fmt::format("\"{}\" is no user", printable(user))));
  if (user == "root" || user == "0") return fail(nonsense("PostgreSQL does not run as root"));
  if (std::find(policy.os_users.begin(), policy.os_users.end(), user) != policy.os_users.end()) return {};
  return fail(refusal(fmt::format("nothing may be run as {}", user), "os_users", user, policy));
}

// docker/daemon/names: RestrictedNamePattern.
Result<> container(const std::string& name) {
  if (only(name, "._-") && name[0] != '.' && name[0] != '-' && name[0] != '_') return {};
  return fail(nonsense(fmt::format("\"{}\" is no container's name", printable(name))));
}

Result<> restart_policy(const std::string& policy) {
  constexpr std::string_view with_count = "on-failure:";
  if (policy == "no" || policy == "always" || policy == "unless-stopped" || policy == "on-failure") return {};
  if (policy.starts_with(with_count) && parse_u64(policy.substr(with_count.size()))) return {};
  return fail(nonsense(fmt::format("\"{}\" is no restart policy", printable(policy))));
}

Result<> image(const std::string& reference) {
  if (reference.empty()) return {};
  if (only(reference, "._/:@-") && reference[0] != '-') return {};
  return fail(nonsense(fmt::format("\"{}\" is no image", printable(reference))));
}

Result<> lock_name(const std::string& name) {
  if (only(name, "._-") && name[0] != '.') return {};
  return fail(nonsense(fmt::format("\"{}\" is no name for a lock", printable(name))));
}

}  // namespace dugong::node::rules
