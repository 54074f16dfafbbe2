#include "os/tty.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include "os/fd.h"

namespace dugong::os {

bool is_terminal(int fd) { return ::isatty(fd) == 1; }

std::size_t terminal_width(int fd, std::size_t otherwise) {
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return otherwise;
  return size.ws_col;
}

// A byte at a time: what comes after the line is for whoever reads next.
std::optional<std::string> read_line(int fd, const std::stop_token& stop_token) {
  const StopSignal stop{stop_token};
  std::string line;
  for (char next = 0;;) {
    const auto count = read_some(fd, {&next, 1}, Deadline{}, stop);
    if (!count || (*count == 0 && line.empty())) return std::nullopt;
    if (*count == 0 || next == '\n') return line;
    line += next;
  }
}

}  // namespace dugong::os
