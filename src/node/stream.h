// The two requests that turn a whole session into one stream of bytes: the ends of a copy.
#pragma once

#include <variant>

#include "zfs/commands.h"

namespace dugong::node {

using StreamRequest = std::variant<zfs::Send, zfs::Receive>;

}  // namespace dugong::node
