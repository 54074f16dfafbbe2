#include "wire/protocol.h"

#ifndef DUGONG_PROTOCOL
#define DUGONG_PROTOCOL 1
#endif

namespace dugong::wire {

std::uint32_t own_protocol() { return DUGONG_PROTOCOL; }

const std::string& own_version() {
  static const std::string version{DUGONG_VERSION};
  return version;
}

}  // namespace dugong::wire
