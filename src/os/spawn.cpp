#include "os/spawn.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "os/clock.h"
#include "os/env.h"
#include "os/spawner.h"

namespace dugong::os {
namespace {

constexpr Millis destructor_patience{2000};

}  // namespace

std::string to_string(Exit exit) {
  if (exit.signal == 0) return "exit " + std::to_string(exit.code);
  const char* name = ::sigdescr_np(exit.signal);
  return "killed by signal " + std::to_string(exit.signal) + (name != nullptr ? std::string{" ("} + name + ")" : "");
}

Child& Child::operator=(Child&& other) noexcept {
  if (this == &other) return *this;
  abandon();
  in = std::move(other.in);
  out = std::move(other.out);
  err = std::move(other.err);
  pid_ = std::exchange(other.pid_, -1);
  pidfd_ = std::move(other.pidfd_);
  group_ = other.group_;
  exit_ = std::exchange(other.exit_, std::nullopt);
  return *this;
}

Child::~Child() { abandon(); }

void Child::abandon() {
  if (!pidfd_.valid() || exit_) return;
  in.close();
  out.close();
  err.close();
  signal(SIGKILL);
  if (wait(deadline_in(destructor_patience))) return;
  // Stuck in the kernel (a hung disk): somebody has to be there when it finally dies.
  Spawner::instance().bury(std::move(*this));
}

void Child::signal(int number) const {
  if (!pidfd_.valid() || exit_) return;
  ::kill(group_ == Group::own_session ? -pid_ : pid_, number);
}

Result<void> Child::reap() {
  siginfo_t info{};
  // As long as we have not waited for it the number is still its own.
  while (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED) != 0) {
    if (errno == EINTR) continue;
    pidfd_.close();  // somebody else waited for it: nothing is left to watch
    return fail(system_error(errno, "wait for process " + std::to_string(pid_)));
  }
  exit_ = info.si_code == CLD_EXITED ? Exit{info.si_status, 0} : Exit{0, info.si_status};
  return {};
}

Result<Exit> Child::wait(Deadline deadline, const std::stop_token& stop_token) {
  if (exit_) return *exit_;
  if (!pidfd_.valid()) return fail(ErrorKind::failed, "there is no process to wait for");
  const StopSignal stop{stop_token};
  const std::string who = "process " + std::to_string(pid_);
  switch (wait_ready(pidfd_.get(), -1, deadline, stop)) {
    case Ready::first:
    case Ready::second:
      break;
    case Ready::stopped:
      return fail(ErrorKind::interrupted, "stopped while waiting for " + who);
    case Ready::timed_out:
      return fail(ErrorKind::timed_out, who + " has not ended in time");
  }
  TRY(reap());
  return *exit_;
}

Result<Exit> Child::terminate(Millis grace) {
  if (exit_ || !pidfd_.valid()) return wait(Deadline{});
  signal(SIGTERM);
  static_cast<void>(wait_ready(pidfd_.get(), -1, deadline_in(grace), StopSignal{{}}));
  // Not waited for yet, so the number is still its group's: this is for the others in it that had no ear for SIGTERM.
  signal(SIGKILL);
  return wait(deadline_in(destructor_patience));
}

Result<Child> spawn(const Command& command) { return Spawner::instance().spawn(command); }

std::string program_path() {
  std::string path = env("PATH").value_or("/usr/local/bin:/usr/bin:/bin");
  for (const std::string directory : {"/usr/local/sbin", "/usr/sbin", "/sbin"}) {
    if ((":" + path + ":").find(":" + directory + ":") == std::string::npos) path += ":" + directory;
  }
  return path;
}

std::optional<std::string> find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) {
    if (::access(name.c_str(), X_OK) == 0) return name;
    return std::nullopt;
  }
  if (name.empty()) return std::nullopt;
  const std::string path = program_path();
  for (const auto directory : split(path, ':')) {
    // An empty entry means the working directory: never.
    if (!directory.starts_with('/')) continue;
    const std::string candidate = std::string{directory} + "/" + name;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return std::nullopt;
}

}  // namespace dugong::os
