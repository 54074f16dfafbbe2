// Names become datasets, containers, slots, SQL and words of a command line: what is not clearly fine is refused here,
// with its line, rather than by a tool halfway through a plan.
#include "spec/names.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "base/text.h"

namespace dugong::spec {
namespace {

constexpr std::string_view lower = "abcdefghijklmnopqrstuvwxyz";
constexpr std::string_view upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::string_view digits = "0123456789";

std::string set(std::initializer_list<std::string_view> parts) {
  std::string all;
  for (auto part : parts) all += part;
  return all;
}

bool only(std::string_view text, std::string_view characters) {
  return text.find_first_not_of(characters) == std::string_view::npos;
}
bool begins_with_one_of(std::string_view text, std::string_view characters) {
  return !text.empty() && characters.find(text.front()) != std::string_view::npos;
}
bool has_control(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

Verdict complain(std::string what, std::string next = {}) { return Complaint{std::move(what), std::move(next)}; }

const std::string alphanumeric = set({lower, upper, digits});

// NAMEDATALEN is 64: PostgreSQL would cut a longer name without an error (truncate_identifier in scansup.c).
Verdict check_sql_name(std::string_view text) {
  if (text.empty()) return complain("it is empty");
  if (text.size() > 63)
    return complain(fmt::format("it has {} bytes, PostgreSQL's names have at most 63", text.size()));
  if (has_control(text)) return complain("there is a control character in it");
  return {};
}

}  // namespace

Verdict check_name(std::string_view text) {
  constexpr auto rule = "write a letter a-z, then up to 30 of a-z, 0-9 and -";
  constexpr auto why = "it becomes part of dataset, container and slot names";
  if (text.empty()) return complain("it is empty", rule);
  if (text.size() > 31)
    return complain(fmt::format("it has {} characters, at most 31 fit: {}", text.size(), why), rule);
  if (!begins_with_one_of(text, lower))
    return complain(fmt::format("it does not begin with a letter a-z: {}", why), rule);
  if (!only(text, set({lower, digits, "-"}))) {
    return complain(fmt::format("only a-z, 0-9 and - are allowed: {}", why), rule);
  }
  return {};
}

Verdict check_ssh(std::string_view text) {
  constexpr auto rule = "write a host, user@host, or an alias of ssh's configuration; leave it out for this machine";
  if (text.empty()) return complain("it is empty", rule);
  // ssh would take a leading '-' for an option, also behind "user@".
  auto host = text.substr(text.rfind('@') + 1);
  if (text.starts_with('-') || host.starts_with('-')) return complain("ssh would take it for an option", rule);
  if (text.starts_with('@') || host.empty()) return complain("the user or the host is missing", rule);
  if (!only(text, alphanumeric + "._%+@:/[]-")) return complain("there is a character in it that no host has", rule);
  return {};
}

Verdict check_dataset(std::string_view text) {
  constexpr auto rule = "write POOL/NAME, for example \"tank/dex\"";
  if (text.empty()) return complain("it is empty", rule);
  auto parts = split(text, '/');
  // zpool_name_valid (libzfs_pool.c): a letter first, and these words are taken.
  if (!begins_with_one_of(parts.front(), set({lower, upper}))) {
    return complain("a pool's name begins with a letter", rule);
  }
  for (std::string_view taken : {"mirror", "raidz", "draid", "spare"}) {
    if (parts.front().starts_with(taken)) return complain(fmt::format("no pool's name begins with {}", taken), rule);
  }
  if (parts.front() == "log") return complain("no pool is called log", rule);
  for (auto part : parts) {
    if (part.empty() || part == "." || part == "..")
      return complain("there is an empty, . or .. component in it", rule);
    if (part.find_first_of("@#") != std::string_view::npos) return complain("it names a snapshot or a bookmark", rule);
    // valid_char (zfs_namecheck.c) also takes a space, which no script of the operator's would expect.
    if (!only(part, alphanumeric + "-_.:")) return complain("only letters, digits and - _ . : are allowed", rule);
  }
  // 255 bytes are ZFS's limit (ZFS_MAX_DATASET_NAME_LEN); aside-… and a snapshot's name are added to the prefix.
  if (text.size() > 160) return complain("it is longer than 160 bytes: children and snapshots need room", rule);
  return {};
}

Verdict check_path(std::string_view text) {
  constexpr auto rule = "write an absolute path, for example \"/srv/dugong\"; ${HOME} may be used";
  if (text.empty()) return complain("it is empty", rule);
  if (!text.starts_with('/')) return complain("it is not absolute", rule);
  if (has_control(text)) return complain("there is a control character in it", rule);
  if (std::ranges::count(split(text, '/'), "..") > 0) return complain("there is a .. in it", rule);
  if (normal_path(text) == "/") return complain("it is the root directory", rule);
  return {};
}

// unix_socket_directories is a list (postgresql.conf), and so is libpq's host (fe-connect.c).
Verdict check_node_directory(std::string_view text) {
  if (auto complaint = check_path(text)) return complaint;
  if (text.find(',') == std::string_view::npos) return {};
  return complain("there is a comma in it: PostgreSQL would take it for a list of directories",
                  "use another directory");
}

std::string normal_path(std::string_view path) {
  std::string out;
  for (auto part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    out += '/';
    out += part;
  }
  return out.empty() ? "/" : out;
}

Verdict check_database(std::string_view text) {
  if (text == "template0" || text == "template1")
    return complain("new databases are copied from it", "name another one");
  return check_sql_name(text);
}

Verdict check_role(std::string_view text) {
  // IsReservedName (catalog.c) and the grammar's role specification.
  if (text.starts_with("pg_")) return complain("names that begin with pg_ belong to PostgreSQL", "name another role");
  for (std::string_view taken : {"public", "none", "current_user", "current_role", "session_user"}) {
    if (text == taken) return complain("PostgreSQL has another meaning for it", "name another role");
  }
  return check_sql_name(text);
}

Verdict check_extension(std::string_view text) {
  constexpr auto rule = "write the name as CREATE EXTENSION takes it, for example \"timescaledb\"";
  if (text.empty() || text.size() > 63) return complain("it is empty or longer than 63 bytes", rule);
  // check_valid_extension_name (extension.c): it becomes part of script names.
  if (text.starts_with('-') || text.ends_with('-') || text.find("--") != std::string_view::npos) {
    return complain("an extension's name has no - at its ends and no -- in it", rule);
  }
  if (!only(text, alphanumeric + "_-")) return complain("only letters, digits, _ and - are allowed", rule);
  return {};
}

Verdict check_image(std::string_view text) {
  constexpr auto rule = "write NAME:TAG or NAME@DIGEST, for example \"timescale/timescaledb:2.19.1-pg14\"";
  if (text.empty()) return complain("it is empty", rule);
  if (!begins_with_one_of(text, alphanumeric)) return complain("it does not begin with a letter or digit", rule);
  if (!only(text, alphanumeric + "._/:@-")) return complain("there is a character in it that no image name has", rule);
  return {};
}

Verdict check_os_user(std::string_view text) {
  constexpr auto rule = "write the user that owns the data, for example \"postgres\"";
  if (text.empty() || text.size() > 32) return complain("it is empty or longer than 32 characters", rule);
  if (text == "root") return complain("PostgreSQL refuses to run as root", rule);
  if (!begins_with_one_of(text, set({lower, upper, "_"})) || !only(text, alphanumeric + "_.-")) {
    return complain("no user is called so", rule);
  }
  return {};
}

Verdict check_shm_size(std::string_view text) {
  constexpr auto rule = "write a whole number and b, k, m or g, for example \"1g\"";
  auto number_size = std::min(text.find_first_not_of(digits), text.size());
  auto number = text.substr(0, number_size);
  auto unit = text.substr(number_size);
  constexpr std::array<std::string_view, 14> units{"b", "k", "m", "g", "kb", "mb", "gb",
                                                   "B", "K", "M", "G", "KB", "MB", "GB"};
  if (number.empty() || std::ranges::find(units, unit) == units.end()) return complain("it is not a size", rule);
  if (number.size() > 12 || only(number, "0")) return complain("no container can have that much or that little", rule);
  return {};
}

Verdict check_password(std::string_view text) {
  if (text.empty()) return complain("it is empty");
  if (text.find('\0') != std::string_view::npos) return complain("there is a NUL byte in it");
  // A line of a passfile ends at the newline, and libpq cuts a carriage return before it (passwordFromFile).
  if (text.find_first_of("\r\n") != std::string_view::npos)
    return complain("there is a newline or carriage return in it");
  if (!is_utf8(text)) return complain("it is not UTF-8");
  return {};
}

bool is_variable_name(std::string_view text) {
  return begins_with_one_of(text, set({lower, upper, "_"})) && only(text, alphanumeric + "_");
}

}  // namespace dugong::spec
