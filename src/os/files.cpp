#include "os/files.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

#include "os/paths.h"

namespace dugong::os {
namespace {

using detail::open_place;
using detail::Opened;
using detail::path_error;
using Directory = std::unique_ptr<DIR, int (*)(DIR*)>;

bool is_missing(int error_number) { return error_number == ENOENT || error_number == ENOTDIR; }

FileKind kind_of_entry(int directory, const dirent& entry) {
  switch (entry.d_type) {
    case DT_REG:
      return FileKind::file;
    case DT_DIR:
      return FileKind::directory;
    case DT_LNK:
      return FileKind::symlink;
    case DT_UNKNOWN: {
      struct stat raw {};
      if (::fstatat(directory, entry.d_name, &raw, AT_SYMLINK_NOFOLLOW) != 0) return FileKind::other;
      return detail::kind_of_mode(raw.st_mode);
    }
    default:
      return FileKind::other;
  }
}

Result<std::string> read_up_to(int fd, Bytes limit, Bytes expected, const Place& place) {
  std::string bytes;
  // Files of /proc say 0; a file may also have grown since.
  std::size_t step = static_cast<std::size_t>(std::min<Bytes>(limit, std::max<Bytes>(expected + 1, 4096)));
  while (bytes.size() < limit) {
    const std::size_t start = bytes.size();
    bytes.resize(static_cast<std::size_t>(std::min<Bytes>(limit, start + step)));
    const ssize_t count = ::read(fd, bytes.data() + start, bytes.size() - start);
    bytes.resize(start + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(path_error(errno, "read", place));
    if (count == 0) break;
    step = std::max<std::size_t>(step, bytes.size());
  }
  return bytes;
}

}  // namespace

Result<Stat> stat_file(const Place& place) {
  TRY(detail::check_place(place));
  const Opened opened = open_place(place, O_PATH | O_NOFOLLOW);
  if (is_missing(opened.error)) return Stat{};
  if (opened.error != 0) return fail(path_error(opened.error, "look at", place));
  struct stat raw {};
  if (::fstat(opened.fd.get(), &raw) != 0) return fail(path_error(errno, "look at", place));
  return detail::to_stat(raw);
}

Result<Fd> open_file(const Place& place) {
  TRY(detail::check_place(place));
  // O_NONBLOCK: a FIFO in the way must not make us wait for its writer.
  Opened opened = open_place(place, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (opened.error != 0) return fail(path_error(opened.error, "open", place));
  return std::move(opened.fd);
}

Result<Content> read_file(const Place& place, Bytes limit) {
  TRY(detail::check_place(place));
  const Opened opened = open_place(place, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (is_missing(opened.error)) return Content{};
  if (opened.error != 0) return fail(path_error(opened.error, "open", place));
  struct stat raw {};
  if (::fstat(opened.fd.get(), &raw) != 0) return fail(path_error(errno, "look at", place));
  Content content{detail::to_stat(raw), {}};
  if (content.stat.kind == FileKind::file) {
    content.bytes = TRY(read_up_to(opened.fd.get(), limit, content.stat.size, place));
  }
  return content;
}

Result<std::vector<Entry>> list_directory(const Place& place) {
  TRY(detail::check_place(place));
  Opened opened = open_place(place, O_RDONLY | O_DIRECTORY);
  if (opened.error != 0) return fail(path_error(opened.error, "list", place));
  const int fd = opened.fd.release();
  const Directory directory{::fdopendir(fd), &::closedir};
  if (!directory) {
    ::close(fd);
    return fail(path_error(errno, "list", place));
  }
  std::vector<Entry> entries;
  errno = 0;
  while (const dirent* entry = ::readdir(directory.get())) {
    const std::string name{entry->d_name};
    if (name != "." && name != "..") entries.push_back({name, kind_of_entry(fd, *entry)});
    errno = 0;
  }
  if (errno != 0) return fail(path_error(errno, "list", place));
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.name < b.name; });
  return entries;
}

Result<std::string> read_link(const Place& place) {
  TRY(detail::check_place(place));
  const Opened opened = open_place(place, O_PATH | O_NOFOLLOW);
  if (opened.error != 0) return fail(path_error(opened.error, "read the link", place));
  std::array<char, PATH_MAX> target{};
  const ssize_t size = ::readlinkat(opened.fd.get(), "", target.data(), target.size());
  if (size < 0) return fail(path_error(errno, "read the link", place));
  return std::string(target.data(), static_cast<std::size_t>(size));
}

Result<std::string> real_path(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> real{::realpath(path.c_str(), nullptr), &::free};
  if (!real) return fail(path_error(errno, "follow", path));
  return std::string{real.get()};
}

Result<bool> is_mount_point(const Place& place) {
  TRY(detail::check_place(place));
  const Opened opened = open_place(place, O_PATH | O_NOFOLLOW);
  if (is_missing(opened.error)) return false;
  if (opened.error != 0) return fail(path_error(opened.error, "look at", place));
  struct statx info {};
  if (::statx(opened.fd.get(), "", AT_EMPTY_PATH, STATX_BASIC_STATS, &info) != 0) {
    return fail(path_error(errno, "look at", place));
  }
  return (info.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

Result<void> sync_directory(const Place& place) {
  TRY(detail::check_place(place));
  const Opened opened = open_place(place, O_RDONLY | O_DIRECTORY);
  if (opened.error != 0) return fail(path_error(opened.error, "open", place));
  if (::fsync(opened.fd.get()) != 0) return fail(path_error(errno, "fsync", place));
  return {};
}

Result<std::string> own_executable() {
  std::array<char, PATH_MAX> path{};
  const ssize_t size = ::readlink("/proc/self/exe", path.data(), path.size());
  if (size < 0) return fail(system_error(errno, "read /proc/self/exe"));
  return std::string(path.data(), static_cast<std::size_t>(size));
}

}  // namespace dugong::os
