// The half of files.h that removes. It looks for mounts first and refuses, and the kernel is told not to cross one in
// case a mount appears meanwhile: an rm -r that wandered into a mounted dataset would be the end of it.
#include <array>
#include <cerrno>
#include <climits>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <unistd.h>

#include "base/text.h"
#include "os/files.h"
#include "os/mounts.h"
#include "os/paths.h"

namespace dugong::os {
namespace {

using detail::open_parent;
using detail::Opened;
using detail::Parent;
using detail::path_error;

constexpr int directory_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
enum class Self { included, excluded };

// Where the kernel says the directory is: mountinfo speaks of resolved paths only.
Result<std::string> resolved(int fd, const Place& place) {
  std::array<char, PATH_MAX> path{};
  const ssize_t size = ::readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), path.data(), path.size());
  if (size < 0) return fail(path_error(errno, "resolve", place));
  return std::string(path.data(), static_cast<std::size_t>(size));
}

Result<void> refuse_mounts(int fd, const Place& place, Self self) {
  const std::string path = TRY(resolved(fd, place));
  const auto mounts = TRY(read_mounts("self"));
  for (const auto& point : mounts_at_or_below(mounts, path)) {
    if (point == path && self == Self::excluded) continue;
    Error error{ErrorKind::refused,
                printable(point) + " is mounted; " + printable(place.path) + " is not emptied",
                {},
                "nothing was removed",
                "unmount it first"};
    return fail(std::move(error));
  }
  return {};
}

Result<std::vector<std::string>> names_in(const Fd& directory, const Place& place) {
  Fd copy = TRY(duplicate(directory.get()));
  const std::unique_ptr<DIR, int (*)(DIR*)> stream{::fdopendir(copy.get()), &::closedir};
  if (!stream) return fail(path_error(errno, "list", place));
  static_cast<void>(copy.release());  // the stream's now
  ::rewinddir(stream.get());
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string name{entry->d_name};
    if (name != "." && name != "..") names.push_back(name);
    errno = 0;
  }
  if (errno != 0) return fail(path_error(errno, "list", place));
  return names;
}

Result<void> empty_directory(const Fd& directory, const Place& place);

Result<void> remove_entry(const Fd& directory, const std::string& name, const Place& place) {
  const Place here{place.path + "/" + name};
  Opened child = detail::open_child(directory.get(), name, directory_flags, detail::Crossing::refused);
  if (child.error == 0) {
    TRY(empty_directory(child.fd, here));
    if (::unlinkat(directory.get(), name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return {};
    return fail(path_error(errno, "remove", here));
  }
  if (child.error == ENOENT) return {};
  const bool plain = child.error == ENOTDIR || child.error == ELOOP;
  if (!plain) return fail(path_error(child.error, "enter", here));
  if (::unlinkat(directory.get(), name.c_str(), 0) == 0 || errno == ENOENT) return {};
  return fail(path_error(errno, "remove", here));
}

Result<void> empty_directory(const Fd& directory, const Place& place) {
  for (const auto& name : TRY(names_in(directory, place))) TRY(remove_entry(directory, name, place));
  return {};
}

// The directory, opened; an invalid Fd when there is none.
Result<Fd> open_existing(const Place& place) {
  TRY(detail::check_place(place));
  Opened opened = detail::open_place(place, directory_flags);
  if (opened.error == ENOENT) return Fd{};
  if (opened.error != 0) return fail(path_error(opened.error, "open", place));
  return std::move(opened.fd);
}

}  // namespace

Result<void> remove_file(const Place& place) {
  auto parent = open_parent(place);
  if (!parent) {
    const auto stat = stat_file(place);
    if (stat && stat->kind == FileKind::missing) return {};
    return fail(std::move(parent).error());
  }
  if (::unlinkat(parent->directory.get(), parent->name.c_str(), 0) != 0) {
    if (errno == ENOENT) return {};
    return fail(path_error(errno, "remove", place));
  }
  if (::fsync(parent->directory.get()) != 0) return fail(path_error(errno, "fsync the directory of", place));
  return {};
}

Result<void> remove_contents(const Place& place) {
  const Fd directory = TRY(open_existing(place));
  if (!directory.valid()) return {};
  TRY(refuse_mounts(directory.get(), place, Self::excluded));
  TRY(empty_directory(directory, place));
  if (::fsync(directory.get()) != 0) return fail(path_error(errno, "fsync", place));
  return {};
}

Result<void> remove_tree(const Place& place) {
  const Fd directory = TRY(open_existing(place));
  if (!directory.valid()) return {};
  const Parent parent = TRY(open_parent(place));
  TRY(refuse_mounts(directory.get(), place, Self::included));
  TRY(empty_directory(directory, place));
  if (::unlinkat(parent.directory.get(), parent.name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) {
    return fail(path_error(errno, "remove", place));
  }
  if (::fsync(parent.directory.get()) != 0) return fail(path_error(errno, "fsync the directory of", place));
  return {};
}

Result<void> require_nothing_mounted_below(const Place& place) {
  const Fd directory = TRY(open_existing(place));
  if (!directory.valid()) return {};
  return refuse_mounts(directory.get(), place, Self::excluded);
}

Result<Removed> remove_if_empty(const Place& place) {
  if (!TRY(open_existing(place)).valid()) return Removed::gone;
  const Parent parent = TRY(open_parent(place));
  if (::unlinkat(parent.directory.get(), parent.name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) {
    if (errno == ENOTEMPTY || errno == EEXIST || errno == EBUSY) return Removed::kept;
    return fail(path_error(errno, "remove", place));
  }
  if (::fsync(parent.directory.get()) != 0) return fail(path_error(errno, "fsync the directory of", place));
  return Removed::gone;
}

}  // namespace dugong::os
