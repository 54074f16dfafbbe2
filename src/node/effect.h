// Which requests change something. A lost connection may be made anew for a question, never for a change.
#pragma once

#include <span>
#include <string_view>

#include "node/request.h"

namespace dugong::node {

enum class Effect { observes, changes };
Effect effect_of(const Request& request);

// Named queries that may be sent a second time without harm.
std::span<const std::string_view> observing_queries();

}  // namespace dugong::node
