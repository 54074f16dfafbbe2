#include "os/spawner.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "os/clock.h"
#include "os/env.h"
#include "os/signals.h"

namespace dugong::os {
namespace {

// Everything the child needs, made before fork: between fork and exec a child of a threaded process may not allocate.
struct Prepared {
  std::string program;
  std::vector<std::string> env;
  std::vector<char*> argv_pointers;
  std::vector<char*> env_pointers;
  std::string directory;
  std::array<Fd, 3> theirs;  // become 0, 1 and 2
  std::array<Fd, 3> ours;
  Pipe report;  // closes on exec, or carries {stage, errno}
};

enum class Stage : int { death_signal, group, descriptors, directory, user, exec };
struct Report {
  Stage stage = Stage::exec;
  int error = 0;
};

const char* to_text(Stage stage) {
  switch (stage) {
    case Stage::death_signal:
      return "tie it to its parent";
    case Stage::group:
      return "make its process group";
    case Stage::descriptors:
      return "set up its descriptors";
    case Stage::directory:
      return "enter its directory";
    case Stage::user:
      return "become its user";
    case Stage::exec:
      return "run it";
  }
  return "start it";
}

Result<void> prepare_stdio(Prepared& prepared, std::size_t number, Stdio how) {
  switch (how) {
    case Stdio::null:
      prepared.theirs[number] = Fd{::open("/dev/null", O_RDWR | O_CLOEXEC)};
      if (!prepared.theirs[number].valid()) return fail(system_error(errno, "open /dev/null"));
      return {};
    case Stdio::pipe: {
      Pipe pipe = TRY(make_pipe());
      const bool to_child = number == 0;
      prepared.theirs[number] = std::move(to_child ? pipe.read_end : pipe.write_end);
      prepared.ours[number] = std::move(to_child ? pipe.write_end : pipe.read_end);
      return set_nonblocking(prepared.ours[number].get());
    }
  }
  return {};
}

std::vector<std::string> make_env(const Command& command) {
  std::map<std::string, std::string> all{{"LC_ALL", "C"}, {"PATH", program_path()}};
  std::vector<std::string> kept = command.keep_env;
  kept.emplace_back("HOME");
  for (const auto& name : kept) {
    if (const auto value = env(name)) all[name] = *value;
  }
  for (const auto& [name, value] : command.set_env) all[name] = value;
  std::vector<std::string> entries;
  entries.reserve(all.size());
  for (const auto& [name, value] : all) entries.push_back(name + "=" + value);
  return entries;
}

// execve takes char* for historical reasons; it does not write.
std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> all;
  all.reserve(strings.size() + 1);
  for (const auto& text : strings) all.push_back(const_cast<char*>(text.c_str()));
  all.push_back(nullptr);
  return all;
}

Result<Prepared> prepare(const Command& command) {
  if (command.argv.empty()) return fail(ErrorKind::invalid, "an empty command");
  const auto program = find_program(command.argv.front());
  if (!program) {
    return fail(ErrorKind::failed, printable(command.argv.front()) + " was not found in " + program_path(),
                "install " + printable(command.argv.front()));
  }
  Prepared prepared;
  prepared.program = *program;
  prepared.env = make_env(command);
  prepared.argv_pointers = pointers(command.argv);
  prepared.env_pointers = pointers(prepared.env);
  prepared.directory = command.directory.empty() ? "/" : command.directory;
  TRY(prepare_stdio(prepared, 0, command.in));
  TRY(prepare_stdio(prepared, 1, command.out));
  TRY(prepare_stdio(prepared, 2, command.err));
  prepared.report = TRY(make_pipe());
  return prepared;
}

[[noreturn]] void give_up(int report_fd, Stage stage) {
  const Report report{stage, errno};
  static_cast<void>(::write(report_fd, &report, sizeof report));
  ::_exit(127);
}

void place_descriptors(std::array<int, 3>& sources, int report_fd) {
  // First out of the way: one of them may itself be 0, 1 or 2.
  for (int& source : sources) {
    if (source < 0) continue;
    source = ::fcntl(source, F_DUPFD_CLOEXEC, 3);
    if (source < 0) give_up(report_fd, Stage::descriptors);
  }
  for (int target = 0; target < 3; ++target) {
    const int source = sources[static_cast<std::size_t>(target)];
    if (source >= 0 && ::dup2(source, target) < 0) give_up(report_fd, Stage::descriptors);
  }
  if (::syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC) != 0) give_up(report_fd, Stage::descriptors);
}

void become(const Credentials& user, int report_fd) {
  if (::setgroups(0, nullptr) != 0 || ::setresgid(user.gid, user.gid, user.gid) != 0 ||
      ::setresuid(user.uid, user.uid, user.uid) != 0) {
    give_up(report_fd, Stage::user);
  }
}

// Only async-signal-safe calls from here to exec.
[[noreturn]] void in_child(const Command& command, Prepared& prepared, std::array<int, 3>& sources, int report_fd,
                           pid_t parent) {
  if (command.group != Group::same && ::setsid() < 0) give_up(report_fd, Stage::group);
  place_descriptors(sources, report_fd);
  if (::chdir(prepared.directory.c_str()) != 0) give_up(report_fd, Stage::directory);
  if (command.user) become(*command.user, report_fd);
  // After the change of user, which clears it (kernel/cred.c, commit_creds).
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) give_up(report_fd, Stage::death_signal);
  if (::getppid() != parent) ::_exit(127);  // the parent died before the line above
  default_signals();
  ::execve(prepared.program.c_str(), prepared.argv_pointers.data(), prepared.env_pointers.data());
  give_up(report_fd, Stage::exec);
}

Result<void> read_report(const Fd& fd, const std::string& program) {
  Report report;
  ssize_t count = 0;
  do {
    count = ::read(fd.get(), &report, sizeof report);
  } while (count < 0 && errno == EINTR);
  if (count != static_cast<ssize_t>(sizeof report)) return {};
  return fail(system_error(report.error, "start " + printable(program) + ": " + to_text(report.stage)));
}

}  // namespace

Spawner& Spawner::instance() {
  static auto* const spawner = new Spawner;
  return *spawner;
}

Spawner::Spawner() : wake_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)} {
  ignore_sigpipe();               // a child that closes its input is an answer, not our end
  std::signal(SIGCHLD, SIG_DFL);  // were it ignored, as whoever started us may have left it, children would reap
                                  // themselves and their exit would be lost
  std::thread{[this] { run(); }}.detach();
}

Result<Child> Spawner::spawn(const Command& command) {
  Job job{&command, {}};
  std::unique_lock lock{mutex_};
  jobs_.push_back(&job);
  static_cast<void>(::eventfd_write(wake_.get(), 1));
  done_.wait(lock, [&] { return job.result.has_value(); });
  return *std::move(job.result);
}

void Spawner::bury(Child child) {
  const std::lock_guard lock{mutex_};
  abandoned_.push_back(std::move(child));
  static_cast<void>(::eventfd_write(wake_.get(), 1));
}

void Spawner::run() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  ::prctl(PR_SET_NAME, "spawner");
  for (;;) {
    wait_for_work();
    do_jobs();
    bury_the_dead();
  }
}

void Spawner::wait_for_work() {
  std::vector<pollfd> fds{{wake_.get(), POLLIN, 0}};
  for (const auto& child : dying_) fds.push_back({child.pidfd(), POLLIN, 0});
  ::poll(fds.data(), fds.size(), -1);
  eventfd_t count = 0;
  static_cast<void>(::eventfd_read(wake_.get(), &count));
}

void Spawner::do_jobs() {
  std::unique_lock lock{mutex_};
  while (!jobs_.empty()) {
    Job* job = jobs_.front();
    jobs_.pop_front();
    lock.unlock();
    auto result = fork_and_exec(*job->command);
    lock.lock();
    job->result = std::move(result);
    done_.notify_all();
  }
}

void Spawner::bury_the_dead() {
  {
    const std::lock_guard lock{mutex_};
    for (auto& child : abandoned_) dying_.push_back(std::move(child));
    abandoned_.clear();
  }
  std::erase_if(dying_, [](Child& child) {
    return child.wait(Deadline{Steady::time_point::min()}).has_value() || !child.valid();
  });
}

Result<Child> Spawner::fork_and_exec(const Command& command) {
  Prepared prepared = TRY(prepare(command));
  std::array<int, 3> sources{prepared.theirs[0].get(), prepared.theirs[1].get(), prepared.theirs[2].get()};
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) in_child(command, prepared, sources, prepared.report.write_end.get(), parent);
  if (pid < 0) return fail(system_error(errno, "fork for " + printable(command.argv.front())));
  // Not reaped by anybody but us, so the number cannot have been given to another process.
  Child child;
  child.pid_ = pid;
  child.pidfd_ = Fd{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
  child.group_ = command.group;
  prepared.report.write_end.close();
  const StopSignal never{{}};
  if (wait_ready(prepared.report.read_end.get(), -1, deadline_in(command.start_within), never) == Ready::timed_out) {
    ::kill(pid, SIGKILL);  // not the group: it may not have one yet
    dying_.push_back(std::move(child));
    return fail(ErrorKind::timed_out, printable(command.argv.front()) + " could not be started in " +
                                          human_duration(command.start_within) + ": a disk may hang");
  }
  auto started = read_report(prepared.report.read_end, command.argv.front());
  if (!child.pidfd_.valid() || !started) {
    Error error = started ? system_error(errno, "pidfd_open") : std::move(started).error();
    ::kill(pid, SIGKILL);
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    child.pidfd_.close();
    return fail(std::move(error));
  }
  child.in = std::move(prepared.ours[0]);
  child.out = std::move(prepared.ours[1]);
  child.err = std::move(prepared.ours[2]);
  return child;
}

}  // namespace dugong::os
