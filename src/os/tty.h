// A person at a descriptor: whether there is one, how wide their terminal is, and what they type.
#pragma once

#include <cstddef>
#include <optional>
#include <stop_token>
#include <string>

namespace dugong::os {

bool is_terminal(int fd);
std::size_t terminal_width(int fd, std::size_t otherwise = 80);
// One line, without its end; none: the input is at its end, or `stop` was asked for while it was waited for.
std::optional<std::string> read_line(int fd, const std::stop_token& stop);

}  // namespace dugong::os
