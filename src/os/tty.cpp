#include "os/tty.h"

#include <sys/ioctl.h>
#include <unistd.h>

namespace dugong::os {

bool is_terminal(int fd) { return ::isatty(fd) == 1; }

std::size_t terminal_width(int fd, std::size_t otherwise) {
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return otherwise;
  return size.ws_col;
}

}  // namespace dugong::os
