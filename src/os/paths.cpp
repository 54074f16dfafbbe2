#include "os/paths.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/text.h"

namespace dugong::os::detail {
namespace {

constexpr std::uint64_t below_root = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;

Opened open_at(int directory, const std::string& path, int flags, std::uint64_t resolve) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(static_cast<unsigned>(flags | O_CLOEXEC));
  how.resolve = resolve;
  for (;;) {
    const long fd = ::syscall(SYS_openat2, directory, path.c_str(), &how, sizeof how);
    if (fd >= 0) return {Fd{static_cast<int>(fd)}, 0};
    // EAGAIN: a rename raced with RESOLVE_BENEATH (openat2(2)); asking again is what the kernel wants.
    if (errno != EAGAIN && errno != EINTR) return {Fd{}, errno};
  }
}

std::string relative(const Place& place) {
  std::string_view rest{place.path};
  rest.remove_prefix(place.root.size());
  while (rest.starts_with('/')) rest.remove_prefix(1);
  return rest.empty() ? "." : std::string{rest};
}

std::string_view without_trailing_slashes(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  return path;
}

}  // namespace

Opened open_place(const Place& place, int flags) {
  if (place.root.empty()) return open_at(AT_FDCWD, place.path, flags, RESOLVE_NO_MAGICLINKS);
  const Opened root = open_at(AT_FDCWD, place.root, O_PATH | O_DIRECTORY, RESOLVE_NO_MAGICLINKS);
  if (root.error != 0) return {Fd{}, root.error};
  return open_at(root.fd.get(), relative(place), flags, below_root);
}

Opened open_child(int directory, const std::string& name, int flags, Crossing crossing) {
  const std::uint64_t xdev = crossing == Crossing::refused ? RESOLVE_NO_XDEV : 0;
  return open_at(directory, name, flags, below_root | xdev);
}

Result<void> check_place(const Place& place) {
  const auto invalid = [&](const char* why) {
    return fail(ErrorKind::invalid, "'" + printable(place.path) + "' " + why);
  };
  if (!place.path.starts_with('/')) return invalid("is not an absolute path");
  if (place.path.find('\0') != std::string::npos) return invalid("has a NUL in it");
  const auto parts = split(place.path, '/');
  if (std::find(parts.begin(), parts.end(), "..") != parts.end()) return invalid("has '..' in it");
  if (!place.root.empty() && !is_below(place.path, place.root)) {
    return fail(ErrorKind::refused, "'" + printable(place.path) + "' is not below '" + printable(place.root) + "'");
  }
  return {};
}

Result<Parent> open_parent(const Place& place) {
  TRY(check_place(place));
  const std::string_view path = without_trailing_slashes(place.path);
  const auto slash = path.rfind('/');
  const std::string name{path.substr(slash + 1)};
  if (name.empty() || name == "." || path.size() <= place.root.size()) {
    return fail(ErrorKind::invalid, "'" + printable(place.path) + "' has no name in a directory");
  }
  Place directory{slash == 0 ? std::string{"/"} : std::string{path.substr(0, slash)}};
  directory.root = place.root;
  // "/srv" below a root written as "/srv/": the root itself is the directory.
  if (directory.path.size() < directory.root.size()) directory.path = directory.root;
  Opened opened = open_place(directory, O_RDONLY | O_DIRECTORY);
  if (opened.error != 0) return fail(path_error(opened.error, "open", directory));
  return Parent{std::move(opened.fd), name};
}

Error path_error(int error_number, std::string_view doing, const Place& place) {
  const std::string path = printable(place.path);
  if (error_number == ELOOP) {
    return {ErrorKind::refused,
            std::string{doing} + " " + path + ": a symbolic link is in the way",
            {},
            {},
            "name it by its real path: readlink -m " + path};
  }
  if (error_number == EXDEV && !place.root.empty()) {
    return {ErrorKind::refused, std::string{doing} + " " + path + ": it leads out of " + place.root, {}, {}, {}};
  }
  return system_error(error_number, std::string{doing} + " " + path);
}

FileKind kind_of_mode(mode_t mode) {
  if (S_ISREG(mode)) return FileKind::file;
  if (S_ISDIR(mode)) return FileKind::directory;
  if (S_ISLNK(mode)) return FileKind::symlink;
  return FileKind::other;
}

Stat to_stat(const struct stat& raw) {
  Stat stat;
  stat.kind = kind_of_mode(raw.st_mode);
  stat.size = static_cast<Bytes>(raw.st_size);
  stat.mode = raw.st_mode & 07777U;
  stat.uid = raw.st_uid;
  stat.gid = raw.st_gid;
  stat.mtime_ns = std::int64_t{raw.st_mtim.tv_sec} * 1'000'000'000 + raw.st_mtim.tv_nsec;
  stat.device = raw.st_dev;
  stat.inode = raw.st_ino;
  stat.links = raw.st_nlink;
  return stat;
}

}  // namespace dugong::os::detail

bool dugong::os::is_below(std::string_view path, std::string_view root) {
  if (!path.starts_with(root)) return false;
  return path.size() == root.size() || root.ends_with('/') || path[root.size()] == '/';
}
