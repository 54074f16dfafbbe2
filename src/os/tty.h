// Whether a person looks at a descriptor, and how wide their terminal is.
#pragma once

#include <cstddef>

namespace dugong::os {

bool is_terminal(int fd);
std::size_t terminal_width(int fd, std::size_t otherwise = 80);

}  // namespace dugong::os
