#include "node/mount_guard.h"

#include <fmt/format.h>

#include "base/text.h"
#include "os/clock.h"
#include "os/host.h"
#include "os/mounts.h"

namespace dugong::node {
namespace {

Error not_mounted(std::string what, std::string next) {
  return Error{ErrorKind::refused, std::move(what), {}, "nothing was mounted", std::move(next)};
}

bool is_roots_alone(const os::Stat& stat) {
  const bool writable_by_group = (stat.mode & 020U) != 0 && stat.gid != 0;
  const bool writable_by_all = (stat.mode & 002U) != 0;
  return (stat.uid == 0 || stat.uid == os::user_id()) && !writable_by_group && !writable_by_all;
}

Result<> judge_directory(const std::string& directory, const os::Stat& stat, const std::string& mountpoint) {
  const auto text = printable(directory);
  if (stat.kind != os::FileKind::directory)
    return fail(not_mounted(fmt::format("{} is not a directory: nothing is mounted at {}", text, printable(mountpoint)),
                            "put a directory there"));
  if (is_roots_alone(stat)) return {};
  return fail(not_mounted(
      fmt::format("others than root may change what is in {}: nothing is mounted at {}", text, printable(mountpoint)),
      fmt::format("run: chown root {0} && chmod go-w {0}; or use another directory", text)));
}

}  // namespace

Result<os::Lock> hold_mounts(Deadline deadline, const std::stop_token& stop) {
  constexpr Millis pause{20};
  const auto holder = fmt::format("a mount, pid {}", os::process_id());
  for (;;) {
    auto taken = TRY(os::try_lock("zfs-mounts", holder));
    if (auto* lock = std::get_if<os::Lock>(&taken)) return std::move(*lock);
    if (deadline.passed(os::now()))
      return fail(ErrorKind::timed_out,
                  "this machine is still busy with another: " + std::get<os::HeldBy>(taken).holder);
    if (os::sleep_for(pause, stop) == os::Slept::stopped)
      return fail(ErrorKind::interrupted, "stopped while another mount was under way");
  }
}

Result<std::string> judge_way(const os::Place& mountpoint) {
  auto names = split(std::string_view{mountpoint.path}.substr(mountpoint.root.size()), '/');
  std::erase(names, "");
  // Everything above the root is the operator's, links too: it has to be there, and is what they lead to.
  auto directory = mountpoint.root;
  const auto root = TRY(os::stat_file({mountpoint.root, directory}));
  TRY(judge_directory(directory, root, mountpoint.path));
  auto real = TRY(os::real_path(directory));
  if (real == "/") real.clear();
  for (const auto name : names) real += "/" + std::string{name};
  for (std::size_t i = 0; i + 1 < names.size(); ++i) {
    directory += (directory == "/" ? "" : "/") + std::string{names[i]};
    const auto stat = TRY(os::stat_file({mountpoint.root, directory}));
    if (stat.kind == os::FileKind::missing) break;
    TRY(judge_directory(directory, stat, mountpoint.path));
  }
  return real;
}

Result<> require_mounted_at(const std::string& dataset, const std::string& real_path) {
  std::string elsewhere;
  for (const auto& mount : TRY(os::read_mounts("self"))) {
    if (mount.source != dataset) continue;
    if (mount.point == real_path) return {};
    elsewhere = mount.point;
  }
  if (elsewhere.empty()) return {};
  const auto wanted = real_path.empty() ? std::string{"nowhere"} : "at " + printable(real_path);
  return fail(ErrorKind::refused,
              fmt::format("{} was mounted at {}, and was to be mounted {}", dataset, printable(elsewhere), wanted),
              "look who changes directories there, then run the same command again");
}

}  // namespace dugong::node
