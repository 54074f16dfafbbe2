// run(): a command to its end, with all three of its streams served at once so that no full pipe can block it.
#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <poll.h>
#include <unistd.h>

#include "base/text.h"
#include "os/clock.h"
#include "os/spawn.h"
#include "os/tail.h"

namespace dugong::os {
namespace {

// A grandchild may keep the pipes open (a daemon started by the command): after the exit nobody waits for it longer.
constexpr Millis after_exit{500};
constexpr std::size_t evidence_size = 2000;

enum class Why { ended, stopped, timed_out };

class Runner {
 public:
  Runner(Child& child, Limits limits, std::string_view input)
      : child_{child}, input_{input}, out_{limits.out}, err_{limits.err} {
    if (input_.empty()) child_.in.close();
  }

  // Until the child has exited and its streams have ended.
  Why serve(Deadline deadline, const StopSignal& stop) {
    std::optional<Deadline> last;  // once it has exited
    while (!exited_ || child_.out.valid() || child_.err.valid()) {
      const auto fds = poll_once(last ? *last : deadline, stop);
      if (fds[0].revents != 0) return Why::stopped;
      serve_streams(fds);
      if (fds[4].revents != 0 && !exited_) {
        exited_ = true;
        last = deadline_in(after_exit);
      }
      if (last && last->passed(now())) return Why::ended;
      if (!last && deadline.passed(now())) return Why::timed_out;
    }
    return Why::ended;
  }

  Output output(Exit exit) { return {exit, out_.text(), err_.text(), out_.truncated(), err_.truncated()}; }
  [[nodiscard]] std::string evidence() const { return shorten(printable(trim(err_.text())), evidence_size); }

 private:
  using Polled = std::array<pollfd, 5>;

  Polled poll_once(Deadline deadline, const StopSignal& stop) const {
    Polled fds{pollfd{stop.fd(), POLLIN, 0}, pollfd{child_.in.get(), POLLOUT, 0}, pollfd{child_.out.get(), POLLIN, 0},
               pollfd{child_.err.get(), POLLIN, 0}, pollfd{exited_ ? -1 : child_.pidfd(), POLLIN, 0}};
    const auto left = std::min<std::int64_t>(deadline.remaining(now()).count(), 3'600'000) + 1;
    if (::poll(fds.data(), fds.size(), static_cast<int>(left)) < 0) {
      for (auto& fd : fds) fd.revents = 0;
    }
    return fds;
  }

  void serve_streams(const Polled& fds) {
    if (fds[1].revents != 0) feed();
    if (fds[2].revents != 0) collect(child_.out, out_);
    if (fds[3].revents != 0) collect(child_.err, err_);
  }

  void feed() {
    const ssize_t count = ::write(child_.in.get(), input_.data(), input_.size());
    if (count > 0) input_.remove_prefix(static_cast<std::size_t>(count));
    const bool refused = count < 0 && errno != EAGAIN && errno != EINTR;
    if (input_.empty() || refused) child_.in.close();
  }

  void collect(Fd& fd, HeadAndTail& into) {
    const ssize_t count = ::read(fd.get(), block_.data(), block_.size());
    if (count > 0) into.add({block_.data(), static_cast<std::size_t>(count)});
    const bool broken = count < 0 && errno != EAGAIN && errno != EINTR;
    if (count == 0 || broken) fd.close();
  }

  Child& child_;
  std::string_view input_;
  HeadAndTail out_;
  HeadAndTail err_;
  std::string block_ = std::string(64 << 10, '\0');
  bool exited_ = false;
};

Error ended_early(ErrorKind kind, const Command& command, const std::string& how, const std::string& evidence) {
  std::string what = printable(command.argv.front()) + " " + how;
  if (!evidence.empty()) what += "; it said: " + evidence;
  return {kind, std::move(what), {}, {}, {}};
}

}  // namespace

Result<Output> run(Command command, Deadline deadline, const std::stop_token& stop_token, Limits limits,
                   std::string_view input) {
  command.in = input.empty() ? Stdio::null : Stdio::pipe;
  Child child = TRY(spawn(command));
  const StopSignal stop{stop_token};
  Runner runner{child, limits, input};
  const Why why = runner.serve(deadline, stop);
  if (why == Why::ended) {
    const Exit exit = TRY(child.wait(deadline_in(after_exit)));
    return runner.output(exit);
  }
  const bool dead = child.terminate().has_value();
  const std::string state = dead ? "" : ", and it does not even die of SIGKILL";
  switch (why) {
    case Why::ended:
    case Why::stopped:
      return fail(ended_early(ErrorKind::interrupted, command, "was stopped" + state, runner.evidence()));
    case Why::timed_out:
      return fail(ended_early(ErrorKind::timed_out, command, "did not end in time" + state, runner.evidence()));
  }
  return fail(ErrorKind::failed, "unreachable");
}

}  // namespace dugong::os
