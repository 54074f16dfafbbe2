// Child processes that cannot outlive us, cannot become zombies and inherit nothing they were not given.
//
// PR_SET_PDEATHSIG fires when the *thread* that forked ends (Linux: kernel/exit.c, reparent_leader), so all children
// are forked by one thread that lives as long as the process. The same thread buries those whose owner did not wait.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "os/fd.h"

namespace dugong::os {

enum class Stdio { null, pipe };
enum class Group {
  own_session,        // setsid: no terminal, the whole group can be killed
  own_session_alone,  // setsid; only the process itself is killed: what it starts is meant to outlive it
  same,               // of the caller; only the process itself is killed
};
struct Credentials {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;  // supplementary groups are cleared
};

struct Command {
  std::vector<std::string> argv;  // argv[0]: an absolute path, or a name looked up in program_path()
  // LC_ALL=C, PATH=program_path() and our HOME are always set; nothing else of our environment is passed on.
  std::vector<std::string> keep_env;                         // names that are
  std::vector<std::pair<std::string, std::string>> set_env;  // no secrets: /proc/PID/environ is readable
  std::string directory;                                     // empty: "/"
  Stdio in = Stdio::null;
  Stdio out = Stdio::pipe;
  Stdio err = Stdio::pipe;
  Group group = Group::own_session;
  Millis start_within{10'000};  // how long its directory and its program may take to open: the disk may hang
  std::optional<Credentials> user;
};

struct Exit {
  int code = 0;    // meaningful when signal is 0
  int signal = 0;  // that killed it
  [[nodiscard]] bool ok() const { return code == 0 && signal == 0; }
  friend bool operator==(const Exit&, const Exit&) = default;
};
std::string to_string(Exit exit);  // "exit 2", "killed by signal 9 (Killed)"

class Child {
 public:
  Child() = default;
  Child(Child&& other) noexcept { *this = std::move(other); }
  Child& operator=(Child&& other) noexcept;
  ~Child();  // kills the group; never blocks for more than 2 s, never leaves a zombie

  [[nodiscard]] bool valid() const { return pidfd_.valid(); }
  [[nodiscard]] int pid() const { return pid_; }
  [[nodiscard]] int pidfd() const { return pidfd_.get(); }
  // Our ends of its pipes, non-blocking; invalid where Stdio was not `pipe`. Take or close them freely.
  Fd in;   // to its stdin
  Fd out;  // from its stdout
  Fd err;  // from its stderr

  void signal(int number) const;  // to the whole group, when it has one of its own
  // Errors: timed_out, interrupted (it still runs then).
  Result<Exit> wait(Deadline deadline, const std::stop_token& stop = {});
  // SIGTERM; SIGKILL when it has ended, for what is left of its group, or after `grace`. Error timed_out: it does not
  // even die of SIGKILL (stuck in the kernel).
  Result<Exit> terminate(Millis grace = Millis{2000});

 private:
  friend class Spawner;
  void abandon();
  Result<void> reap();
  int pid_ = -1;
  Fd pidfd_;
  Group group_ = Group::same;
  std::optional<Exit> exit_;
};

// Errors: failed "PROGRAM was not found in PATH", or the system's reason; timed_out after `start_within`. One at a
// time: the others of this process wait meanwhile.
Result<Child> spawn(const Command& command);

struct Limits {
  std::size_t out = 64 << 20;
  std::size_t err = 64 << 10;
};
struct Output {
  Exit exit;
  std::string out;  // truncated: the first and the last half of the limit, and between them how much is missing
  std::string err;
  bool out_truncated = false;
  bool err_truncated = false;
};
// Runs a command to its end, feeding it `input` (Command::in is set accordingly). A non-zero exit is an answer, not an
// error. Errors: timed_out and interrupted — the whole group was sent SIGKILL by then — with the tail of its stderr;
// failed.
Result<Output> run(Command command, Deadline deadline, const std::stop_token& stop = {}, Limits limits = {},
                   std::string_view input = {});

// $PATH with the sbin directories behind it: zfs lives there, and ssh and sudo often leave them out.
std::string program_path();
std::optional<std::string> find_program(const std::string& name);

}  // namespace dugong::os
