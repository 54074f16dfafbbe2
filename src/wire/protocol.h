// Which dugong this is, and which others it works with. A file of its own, so that a test can link the same program as
// a later one (test/e2e and node_test run `dugong-next` and `dugong-after-next`).
//
// The number goes up with a change that the version before it would misunderstand: a request or an answer that means
// something else. Requests, keys and frames that are merely new need none: whoever does not know them says so, or
// passes over them. Every dugong speaks its own number and the one before it.
#pragma once

#include <cstdint>
#include <string>

namespace dugong::wire {

std::uint32_t own_protocol();
const std::string& own_version();

// The lowest that a program speaks whose own number this is.
constexpr std::uint32_t oldest_protocol(std::uint32_t own) { return own > 1 ? own - 1 : 1; }

}  // namespace dugong::wire
