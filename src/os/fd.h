// A file descriptor that closes itself, and the two calls every blocking read and write of the product goes through:
// they end at a deadline or when a stop is asked for, whatever the peer does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "base/units.h"

namespace dugong::os {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_{fd} {}
  Fd(Fd&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
  Fd& operator=(Fd&& other) noexcept;
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { close(); }

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool valid() const { return fd_ >= 0; }
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }
  void close();

 private:
  int fd_ = -1;
};

// "WHAT: Permission denied". Network errors are `unreachable`, ETIMEDOUT `timed_out`, the rest `failed`.
Error system_error(int error_number, std::string_view what);

struct Pipe {
  Fd read_end;
  Fd write_end;
};
Result<Pipe> make_pipe();        // close-on-exec
Result<Pipe> make_socketpair();  // two equal ends of a stream socket, close-on-exec
// Asks for a bigger pipe buffer; a refusal (pipe-user-pages-soft) is not an error. The size that it has now.
std::size_t enlarge_pipe(int fd, std::size_t wanted = 1 << 20);
Result<void> set_nonblocking(int fd);
Result<Fd> duplicate(int fd);  // close-on-exec

// A stop_token as something poll() can wait for.
class StopSignal {
 public:
  explicit StopSignal(const std::stop_token& stop);
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;
  [[nodiscard]] int fd() const;  // readable once the stop was asked for; -1 if it never can be

 private:
  struct State;
  std::unique_ptr<State> state_;
};

enum class Ready { first, second, stopped, timed_out };
// Waits until `read_fd` can be read or is at its end (first), or `write_fd` can be written or is broken (second); -1:
// none. `first` is told before `second`.
Ready wait_ready(int read_fd, int write_fd, Deadline deadline, const StopSignal& stop);

// These expect non-blocking descriptors (a blocking one works, but a slow peer can then outlast the deadline).
// Errors: timed_out, interrupted; unreachable when the peer is gone (EPIPE, ECONNRESET).
Result<std::size_t> read_some(int fd, std::span<char> into, Deadline deadline, const StopSignal& stop);  // 0: the end
Result<void> write_all(int fd, std::string_view bytes, Deadline deadline, const StopSignal& stop);
// What fits at once of two buffers, without waiting; 0: nothing does.
Result<std::size_t> write_some(int fd, std::string_view first, std::string_view second);
// Two buffers with as few system calls as one.
Result<void> write_all(int fd, std::string_view first, std::string_view second, Deadline deadline,
                       const StopSignal& stop);
// All of them, however long it takes, unless the reader takes nothing for `stall` (timed_out).
Result<void> write_patiently(int fd, std::string_view bytes, Millis stall, const StopSignal& stop);

}  // namespace dugong::os
