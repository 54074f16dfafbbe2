#include "os/fd.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <fcntl.h>
#include <functional>
#include <optional>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "os/clock.h"

namespace dugong::os {

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this != &other) {
    close();
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

void Fd::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

namespace {

ErrorKind kind_of(int error_number) {
  switch (error_number) {
    case ECONNREFUSED:
    case ECONNRESET:
    case ECONNABORTED:
    case EPIPE:
    case ENOTCONN:
    case EHOSTUNREACH:
    case EHOSTDOWN:
    case ENETUNREACH:
    case ENETDOWN:
      return ErrorKind::unreachable;
    case ETIMEDOUT:
      return ErrorKind::timed_out;
    default:
      return ErrorKind::failed;
  }
}

int poll_timeout(Deadline deadline) {
  const auto left = deadline.remaining(now()).count();
  if (left >= INT_MAX) return INT_MAX;
  return deadline.passed(now()) ? 0 : static_cast<int>(left) + 1;
}

Result<void> came_true(Ready ready, const char* doing) {
  switch (ready) {
    case Ready::first:
    case Ready::second:
      return {};
    case Ready::stopped:
      return fail(ErrorKind::interrupted, std::string{"stopped while "} + doing);
    case Ready::timed_out:
      return fail(ErrorKind::timed_out, std::string{"the time was up while "} + doing);
  }
  return {};
}

bool try_again(int error_number) { return error_number == EAGAIN || error_number == EINTR; }

}  // namespace

Error system_error(int error_number, std::string_view what) {
  const char* reason = ::strerrordesc_np(error_number);
  return Error{
      kind_of(error_number), std::string{what} + ": " + (reason != nullptr ? reason : "unknown error"), {}, {}, {}};
}

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail(system_error(errno, "make a pipe"));
  return Pipe{Fd{ends[0]}, Fd{ends[1]}};
}

Result<Pipe> make_socketpair() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return fail(system_error(errno, "make a pair of sockets"));
  }
  return Pipe{Fd{ends[0]}, Fd{ends[1]}};
}

std::size_t enlarge_pipe(int fd, std::size_t wanted) {
  const int size = ::fcntl(fd, F_GETPIPE_SZ);
  if (size < 0) return 0;
  if (static_cast<std::size_t>(size) >= wanted) return static_cast<std::size_t>(size);
  const int enlarged = ::fcntl(fd, F_SETPIPE_SZ, static_cast<int>(wanted));
  return static_cast<std::size_t>(std::max(size, enlarged));
}

Result<void> set_nonblocking(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
    return fail(system_error(errno, "make a descriptor non-blocking"));
  }
  return {};
}

Result<Fd> duplicate(int fd) {
  const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 3);
  if (copy < 0) return fail(system_error(errno, "duplicate a descriptor"));
  return Fd{copy};
}

struct StopSignal::State {
  struct Ring {
    int fd;
    // The counter of a non-blocking eventfd cannot be full after one write.
    void operator()() const { static_cast<void>(::eventfd_write(fd, 1)); }
  };
  explicit State(const std::stop_token& stop)
      : event{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)}, callback{std::in_place, stop, Ring{event.get()}} {}
  Fd event;
  std::optional<std::stop_callback<Ring>> callback;
};

StopSignal::StopSignal(const std::stop_token& stop) {
  if (stop.stop_possible()) state_ = std::make_unique<State>(stop);
}
StopSignal::~StopSignal() = default;

int StopSignal::fd() const { return state_ ? state_->event.get() : -1; }

Ready wait_ready(int read_fd, int write_fd, Deadline deadline, const StopSignal& stop) {
  for (;;) {
    std::array<pollfd, 3> fds{pollfd{stop.fd(), POLLIN, 0}, pollfd{read_fd, POLLIN, 0}, pollfd{write_fd, POLLOUT, 0}};
    const int count = ::poll(fds.data(), fds.size(), poll_timeout(deadline));
    if (count > 0) {
      if (fds[0].revents != 0) return Ready::stopped;
      return fds[1].revents != 0 ? Ready::first : Ready::second;
    }
    if (count <= 0 && deadline.passed(now())) return Ready::timed_out;
  }
}

Result<std::size_t> read_some(int fd, std::span<char> into, Deadline deadline, const StopSignal& stop) {
  for (;;) {
    TRY(came_true(wait_ready(fd, -1, deadline, stop), "reading"));
    const ssize_t count = ::read(fd, into.data(), into.size());
    if (count >= 0) return static_cast<std::size_t>(count);
    if (!try_again(errno)) return fail(system_error(errno, "read"));
  }
}

Result<void> write_all(int fd, std::string_view bytes, Deadline deadline, const StopSignal& stop) {
  return write_all(fd, bytes, {}, deadline, stop);
}

Result<std::size_t> write_some(int fd, std::string_view first, std::string_view second) {
  // writev only reads from the buffers; its type does not say so.
  const std::array<iovec, 2> parts{iovec{const_cast<char*>(first.data()), first.size()},
                                   iovec{const_cast<char*>(second.data()), second.size()}};
  const ssize_t count = ::writev(fd, parts.data(), parts.size());
  if (count >= 0) return static_cast<std::size_t>(count);
  if (try_again(errno)) return 0;
  return fail(system_error(errno, "write"));
}

Result<void> write_all(int fd, std::string_view first, std::string_view second, Deadline deadline,
                       const StopSignal& stop) {
  while (!first.empty() || !second.empty()) {
    TRY(came_true(wait_ready(-1, fd, deadline, stop), "writing"));
    const std::size_t written = TRY(write_some(fd, first, second));
    const std::size_t of_first = std::min(written, first.size());
    first.remove_prefix(of_first);
    second.remove_prefix(written - of_first);
  }
  return {};
}

Result<void> write_patiently(int fd, std::string_view bytes, Millis stall, const StopSignal& stop) {
  while (!bytes.empty()) {
    TRY(came_true(wait_ready(-1, fd, deadline_in(stall), stop), "writing"));
    bytes.remove_prefix(TRY(write_some(fd, bytes, {})));
  }
  return {};
}

}  // namespace dugong::os
