// TCP from the outside: is somebody there, and what does it answer to a few bytes.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/units.h"
#include "os/fd.h"

namespace dugong::os {

struct TcpTarget {
  std::string from_address;  // numeric local address to bind; empty: the system chooses
  std::string to_address;    // numeric, or a name
  std::uint16_t port = 0;
};
// A connected, non-blocking socket with TCP_NODELAY. Errors: unreachable ("connect to 10.0.0.1:5432: Connection
// refused"), timed_out, interrupted, invalid (not an address). A name is given to the system's resolver.
Result<Fd> connect_tcp(const TcpTarget& target, Deadline deadline, const std::stop_token& stop = {});
// Sends `bytes`, returns what came back: until the peer closes, or `enough` (may be null) says so, or `max_answer`
// bytes are there. When the deadline passes after some bytes came, those are the answer.
using Enough = bool (*)(std::string_view answer);
Result<std::string> exchange(const TcpTarget& target, std::string_view bytes, std::size_t max_answer, Enough enough,
                             Deadline deadline, const std::stop_token& stop = {});
// The same over a socket of this machine, until the peer closes. Errors besides: timed_out, also after some bytes.
Result<std::string> exchange_local(const std::string& socket_path, std::string_view bytes, std::size_t max_answer,
                                   Deadline deadline, const std::stop_token& stop = {});

}  // namespace dugong::os
