#include "os/processes.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <optional>
#include <set>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/ids.h"
#include "base/text.h"
#include "os/files.h"
#include "os/mounts.h"

namespace dugong::os {
namespace {

struct Target {
  std::string path;
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  bool whole_filesystem = false;
};

Result<Target> target_of(const std::string& directory) {
  struct stat raw {};
  if (::stat(directory.c_str(), &raw) != 0) return fail(system_error(errno, "look at " + directory));
  const bool mounted = TRY(is_mount_point(directory));
  const std::unique_ptr<char, decltype(&::free)> resolved{::realpath(directory.c_str(), nullptr), &::free};
  return Target{resolved ? resolved.get() : directory, raw.st_dev, raw.st_ino, mounted && directory != "/"};
}

std::string link_text(const std::string& path) {
  std::array<char, PATH_MAX> text{};
  const ssize_t size = ::readlink(path.c_str(), text.data(), text.size());
  return size < 0 ? std::string{} : std::string(text.data(), static_cast<std::size_t>(size));
}

// `link` is one of /proc's magic links: stat() follows it into the process's own mount namespace, so a container's
// files compare equal to the host's. Never asks the filesystem itself: some process may have a file open on a server of
// NFS that is gone, and stat() would wait for it.
bool leads_below(const std::string& link, const Target& target) {
  struct statx raw {};
  if (::statx(AT_FDCWD, link.c_str(), AT_STATX_DONT_SYNC, STATX_INO, &raw) != 0) return false;
  if (makedev(raw.stx_dev_major, raw.stx_dev_minor) != target.device) return false;
  if (raw.stx_ino == target.inode || target.whole_filesystem) return true;
  return link_text(link).starts_with(target.path + "/");
}

std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> stream{::opendir(directory.c_str()), &::closedir};
  if (!stream) return names;  // it ended meanwhile, or is not ours to look at
  while (const dirent* entry = ::readdir(stream.get())) {
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  }
  return names;
}

std::vector<int> all_pids() {
  std::vector<int> pids;
  for (const auto& name : names_in("/proc")) {
    const auto number = parse_u64(name);
    if (number) pids.push_back(static_cast<int>(*number));
  }
  return pids;
}

std::string directory_of(int pid) { return "/proc/" + std::to_string(pid); }

std::uint64_t clock_ticks() {
  const long ticks = ::sysconf(_SC_CLK_TCK);
  return ticks > 0 ? static_cast<std::uint64_t>(ticks) : 100;
}

std::uint64_t namespace_of(int pid, const char* which) {
  struct stat raw {};
  return ::stat((directory_of(pid) + "/ns/" + which).c_str(), &raw) == 0 ? raw.st_ino : 0;
}

Process describe(int pid, const char* use) {
  Process process{.pid = pid, .comm = {}, .cmdline = {}, .net_namespace = namespace_of(pid, "net"), .use = use};
  if (const auto comm = read_file(directory_of(pid) + "/comm", 256)) process.comm = printable(trim(comm->bytes));
  if (auto line = read_file(directory_of(pid) + "/cmdline", 4096)) {
    for (char& c : line->bytes) c = c == '\0' ? ' ' : c;
    process.cmdline = printable(trim(line->bytes));
  }
  return process;
}

const char* use_of(int pid, const Target& target) {
  const std::string process = directory_of(pid);
  if (leads_below(process + "/cwd", target) || leads_below(process + "/root", target)) return "working directory";
  for (const auto& name : names_in(process + "/fd")) {
    if (leads_below(process + "/fd/" + name, target)) return "open file";
  }
  return nullptr;
}

}  // namespace

Result<std::vector<Process>> processes_using(const std::string& directory) {
  const Target target = TRY(target_of(directory));
  std::vector<Process> found;
  for (const int pid : all_pids()) {
    if (pid == ::getpid()) continue;
    if (const char* use = use_of(pid, target)) found.push_back(describe(pid, use));
  }
  return found;
}

std::vector<Process> processes_mounting(const std::string& source) {
  std::vector<Process> found;
  std::set<std::uint64_t> seen{0, namespace_of(::getpid(), "mnt")};
  for (const int pid : all_pids()) {
    if (!seen.insert(namespace_of(pid, "mnt")).second) continue;
    const auto mounts = read_mounts(std::to_string(pid));
    if (mounts && std::ranges::find(*mounts, source, &MountEntry::source) != mounts->end())
      found.push_back(describe(pid, "mount namespace"));
  }
  return found;
}

ProcessWork work_of(int pid) {
  ProcessWork work;
  // proc(5): after the name, which may hold anything, come state and ten numbers, then utime and stime in clock ticks.
  if (const auto stat = read_file(directory_of(pid) + "/stat", 4096)) {
    const auto fields = split(std::string_view{stat->bytes}.substr(stat->bytes.rfind(')') + 1), ' ');
    for (const std::size_t field : {12U, 13U})
      if (fields.size() > field) work.processor_ms += parse_u64(fields[field]).value_or(0) * 1000 / clock_ticks();
  }
  if (const auto io = read_file(directory_of(pid) + "/io", 4096))
    for (const auto line : lines(io->bytes))
      if (line.starts_with("rchar: ") || line.starts_with("wchar: "))
        work.bytes += parse_u64(line.substr(7)).value_or(0);
  return work;
}

}  // namespace dugong::os
