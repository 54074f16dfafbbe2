// What a pool has and what its ZFS can do. Two very different programs answer to the same name: OpenZFS, and zfs-fuse
// with pool version 23, which knows neither `zfs version` nor `zpool list -p`.
#include "base/text.h"
#include "zfs/commands.h"

namespace dugong::zfs {
namespace {

struct Version {
  std::string text;
  bool openzfs = false;
};

// "2.3.2" of "zfs-kmod-2.3.2-1~bpo12+1".
std::string_view number_part(std::string_view text) { return text.substr(0, text.find_first_not_of("0123456789.")); }

// The kernel module decides what works, the program only what can be asked (zfs_version_print prints both).
std::string openzfs_version(std::string_view output) {
  std::string version;
  for (auto line : lines(output)) {
    line = trim(line);
    if (line.starts_with("zfs-kmod-")) return std::string{number_part(line.substr(9))};
    if (line.starts_with("zfs-")) version = number_part(line.substr(4));
  }
  return version;
}

Result<Version> parse_version(std::string_view output) {
  if (auto version = openzfs_version(output); !version.empty()) return Version{"openzfs " + version, true};
  constexpr std::string_view words = "currently running ZFS pool version ";
  if (auto at = output.find(words); at != std::string_view::npos) {
    auto number = number_part(output.substr(at + words.size()));
    while (number.ends_with('.')) number.remove_suffix(1);
    return Version{"zfs-fuse v" + std::string{number}, false};
  }
  if (output.find("feature flags") != std::string_view::npos) {
    return fail(ErrorKind::refused, "this OpenZFS is older than 0.8: it has no `zfs version`",
                "install OpenZFS 2.1 or newer");
  }
  return fail(ErrorKind::failed, "the version of ZFS cannot be told from: " + printable(shorten(trim(output), 200)));
}

Result<Bytes> size_field(std::string_view text) {
  if (text == "-") return 0;  // a faulted pool
  auto bytes = parse_bytes(text);
  if (bytes) return *bytes;
  return fail(ErrorKind::failed, "zpool list answered a size that cannot be read: " + printable(shorten(text, 50)));
}

}  // namespace

void parse_pool_use(std::string_view output, Pool& pool) {
  for (const auto line : lines(output)) {
    const auto fields = split(line, '\t');
    if (fields.size() != 2) continue;
    const auto value = parse_u64(trim(fields[1]));
    if (!value) continue;
    if (fields[0] == "used") pool.used = *value;
    if (fields[0] == "available") pool.available = *value;
  }
}

Result<Pool> parse_capabilities(std::string_view version_output) {
  const auto version = TRY(parse_version(version_output));
  Pool pool;
  pool.version = version.text;
  pool.can_receive_unmounted = version.openzfs;
  pool.has_lz4 = version.openzfs;
  return pool;
}

Result<Pool> parse_pool(std::string_view list_output, std::string_view version_output) {
  auto text = trim(list_output);
  auto fields = split(text, '\t');
  if (fields.size() != 4 || fields[0].empty() || text.find('\n') != std::string_view::npos) {
    return fail(ErrorKind::failed,
                "zpool list answered something other than one line of name, size, free and health: " +
                    printable(shorten(text, 200)));
  }
  auto pool = TRY(parse_capabilities(version_output));
  pool.name = fields[0];
  pool.size = TRY(size_field(fields[1]));
  pool.free = TRY(size_field(fields[2]));
  pool.health = fields[3];
  return pool;
}

}  // namespace dugong::zfs
