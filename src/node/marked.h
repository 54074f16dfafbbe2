// Whose a dataset of this machine is, where no file says which ones dugong may touch.
#pragma once

#include <stop_token>
#include <string>

#include "base/result.h"
#include "base/units.h"

namespace dugong::node {

// Asks zfs. Error refused: neither the dataset nor one above it carries dugong's mark. One that does not exist is
// judged by the one above.
Result<> require_marked(const std::string& dataset, Deadline deadline, const std::stop_token& stop);

}  // namespace dugong::node
