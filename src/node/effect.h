// Which requests change something. A lost connection may be made anew for a question, never for a change.
#pragma once

#include "node/request.h"

namespace dugong::node {

enum class Effect { observes, changes };
Effect effect_of(const Request& request);

}  // namespace dugong::node
