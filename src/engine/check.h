// `dugong check`: looks at all nodes, and tries from each of them what the others will want of it. Changes nothing.
#pragma once

#include "engine/engine.h"
#include "report/check.h"

namespace dugong::engine {

struct Checked {
  cluster::Observed seen;
  report::Tried tried;
};
// Everything at once; never fails as a whole, as observe().
Checked look_and_try(Context& context);

}  // namespace dugong::engine
