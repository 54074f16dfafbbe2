// The half of files.h that makes and changes: every change is on disk when a function says that it is done.
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "os/clock.h"
#include "os/files.h"
#include "os/paths.h"

namespace dugong::os {
namespace {

using detail::open_parent;
using detail::Parent;
using detail::path_error;

constexpr auto unchanged_id = static_cast<std::uint32_t>(-1);

Result<void> set_owner(int fd, const Owner& owner, const Place& place) {
  struct stat raw {};
  if (::fstat(fd, &raw) != 0) return fail(path_error(errno, "look at", place));
  const bool other_owner = owner.uid.value_or(raw.st_uid) != raw.st_uid || owner.gid.value_or(raw.st_gid) != raw.st_gid;
  if (other_owner && ::fchown(fd, owner.uid.value_or(unchanged_id), owner.gid.value_or(unchanged_id)) != 0) {
    return fail(path_error(errno, "change the owner of", place));
  }
  // After fchown: that one clears the set-user-ID bits.
  if ((raw.st_mode & 07777U) != owner.mode && ::fchmod(fd, owner.mode) != 0) {
    return fail(path_error(errno, "change the mode of", place));
  }
  return {};
}

Result<void> write_blocking(int fd, std::string_view bytes, const Place& place) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(path_error(errno, "write", place));
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

constexpr std::string_view temporary_prefix = ".dugong-";
constexpr std::size_t token_bytes = 8;

bool is_temporary(std::string_view name) {
  if (!name.starts_with(temporary_prefix)) return false;
  name.remove_prefix(temporary_prefix.size());
  return name.size() == 2 * token_bytes && name.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// What a write that was killed left behind, and a password may be in it: nobody holds its lock any more.
void remove_cut_off(int directory) {
  Fd listed{::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  const std::unique_ptr<DIR, int (*)(DIR*)> entries{::fdopendir(listed.get()), &::closedir};
  if (!entries) return;
  static_cast<void>(listed.release());
  while (const dirent* entry = ::readdir(entries.get())) {
    if (!is_temporary(entry->d_name)) continue;
    const Fd fd{::openat(directory, entry->d_name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC)};
    if (fd.valid() && ::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) ::unlinkat(directory, entry->d_name, 0);
  }
}

// A complete, synced file under a name nobody looks for; gone again unless it was renamed.
class Temporary {
 public:
  explicit Temporary(const Parent& parent) : directory_{parent.directory.get()} {}
  ~Temporary() {
    if (exists_) ::unlinkat(directory_, name_.c_str(), 0);
  }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;

  Result<void> fill(std::string_view bytes, const Owner& owner, const Place& place) {
    const Fd fd = TRY(make(place));
    TRY(write_blocking(fd.get(), bytes, place));
    TRY(set_owner(fd.get(), owner, place));
    if (::fsync(fd.get()) != 0) return fail(path_error(errno, "fsync", place));
    return {};
  }
  [[nodiscard]] const char* name() const { return name_.c_str(); }
  void was_renamed() { exists_ = false; }

 private:
  // Locked until it has its name, by a descriptor of its own: what is open for writing cannot be run (ETXTBSY).
  // Another's remove_cut_off may come between the making and the lock: then once more.
  Result<Fd> make(const Place& place) {
    for (;;) {
      name_ = std::string{temporary_prefix} + random_token(token_bytes);
      Fd fd{::openat(directory_, name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
      if (!fd.valid()) return fail(path_error(errno, "make a file beside", place));
      exists_ = true;
      lock_ = Fd{::openat(directory_, name_.c_str(), O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC)};
      bool taken = !lock_.valid() && errno == ENOENT;
      if (lock_.valid()) taken = ::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
      struct stat raw {};
      if (!taken && (::fstat(fd.get(), &raw) != 0 || raw.st_nlink > 0)) return fd;
      exists_ = false;
    }
  }

  int directory_;
  std::string name_;
  Fd lock_;
  bool exists_ = false;
};

Result<void> sync_fd(int fd, const Place& place) {
  if (::fsync(fd) != 0) return fail(path_error(errno, "fsync the directory of", place));
  return {};
}

// The directory `name` in `parent`, made when missing. The last one is given an owner: it is what its name says.
enum class Step { on_the_way, last };
Result<Fd> enter_or_make(const Fd& parent, const std::string& name, Step step, const Place& place) {
  const auto open_it = [&] {
    if (!place.root.empty() || step == Step::last)
      return detail::open_child(parent.get(), name, O_RDONLY | O_DIRECTORY);
    const int fd = ::openat(parent.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return detail::Opened{Fd{fd}, fd < 0 ? errno : 0};
  };
  detail::Opened opened = open_it();
  if (opened.error == ENOENT) {
    if (::mkdirat(parent.get(), name.c_str(), 0755) != 0 && errno != EEXIST) {
      return fail(path_error(errno, "make the directory", place));
    }
    TRY(sync_fd(parent.get(), place));
    opened = open_it();
  }
  if (opened.error != 0) return fail(path_error(opened.error, "make the directory", place));
  return std::move(opened.fd);
}

}  // namespace

Result<void> write_file(const Place& place, std::string_view bytes, Owner owner) {
  const Parent parent = TRY(open_parent(place));
  remove_cut_off(parent.directory.get());
  Temporary file{parent};
  TRY(file.fill(bytes, owner, place));
  if (::renameat(parent.directory.get(), file.name(), parent.directory.get(), parent.name.c_str()) != 0) {
    return fail(path_error(errno, "replace", place));
  }
  file.was_renamed();
  return sync_fd(parent.directory.get(), place);
}

Result<Written> write_new_file(const Place& place, std::string_view bytes, Owner owner) {
  const Parent parent = TRY(open_parent(place));
  if (::faccessat(parent.directory.get(), parent.name.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0) return Written::existed;
  Temporary file{parent};
  TRY(file.fill(bytes, owner, place));
  if (::linkat(parent.directory.get(), file.name(), parent.directory.get(), parent.name.c_str(), 0) != 0) {
    if (errno == EEXIST) return Written::existed;
    return fail(path_error(errno, "make", place));
  }
  TRY(sync_fd(parent.directory.get(), place));
  return Written::created;
}

Result<void> make_directories(const Place& place, Owner owner) {
  TRY(detail::check_place(place));
  const std::string start = place.root.empty() ? "/" : place.root;
  detail::Opened opened = detail::open_place(start, O_RDONLY | O_DIRECTORY);
  if (opened.error != 0) return fail(path_error(opened.error, "open", start));
  Fd here = std::move(opened.fd);
  auto names = split(std::string_view{place.path}.substr(place.root.size()), '/');
  std::erase_if(names, [](std::string_view name) { return name.empty() || name == "."; });
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto step = i + 1 == names.size() ? Step::last : Step::on_the_way;
    here = TRY(enter_or_make(here, std::string{names[i]}, step, place));
  }
  return set_owner(here.get(), owner, place);
}

Result<Linked> link_file(const Place& from, const Place& to) {
  const Parent source = TRY(open_parent(from));
  const Parent target = TRY(open_parent(to));
  if (::linkat(source.directory.get(), source.name.c_str(), target.directory.get(), target.name.c_str(), 0) != 0) {
    if (errno == EEXIST) return Linked::existed;
    return fail(path_error(errno, "link " + printable(from.path) + " to", to));
  }
  TRY(sync_fd(target.directory.get(), to));
  return Linked::created;
}

}  // namespace dugong::os
