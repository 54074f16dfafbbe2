#include "os/locks.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "os/env.h"
#include "os/files.h"

namespace dugong::os {
namespace {

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

std::string holder_in(const std::string& directory, const std::string& path) {
  const auto content = read_file(Place{directory, path}, 4096);
  const std::string text = content ? printable(trim(content->bytes)) : std::string{};
  return text.empty() ? "somebody who has not written their name yet" : text;
}

}  // namespace

std::string run_directory() { return env("DUGONG_RUN_DIR").value_or("/run/dugong"); }

Lock::~Lock() {
  // Emptied before it is let go: the next holder's text is never mixed with ours.
  if (fd_.valid()) static_cast<void>(::ftruncate(fd_.get(), 0));
}

Result<std::variant<Lock, HeldBy>> try_lock(const std::string& name, const std::string& holder) {
  if (name.empty() || name.front() == '.' || !std::all_of(name.begin(), name.end(), is_plain)) {
    return fail(ErrorKind::invalid, "'" + printable(name) + "' cannot name a lock");
  }
  const std::string directory = run_directory();
  TRY(make_directories(directory));
  const std::string path = directory + "/" + name + ".lock";
  Fd fd{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
  if (!fd.valid()) return fail(system_error(errno, "open the lock " + path));
  // flock(2) asks for no more than an open file: whoever may read it may hold it. Older ones are there with 0644.
  if (::fchmod(fd.get(), 0600) != 0) return fail(system_error(errno, "change the mode of " + path));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return fail(system_error(errno, "lock " + path));
    return HeldBy{holder_in(directory, path)};
  }
  const std::string text = holder + "\n";
  if (::ftruncate(fd.get(), 0) != 0 || ::pwrite(fd.get(), text.data(), text.size(), 0) < 0) {
    return fail(system_error(errno, "write " + path));
  }
  return Lock{std::move(fd)};
}

}  // namespace dugong::os
