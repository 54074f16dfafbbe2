// A plan as the operator reads it before agreeing.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/text_style.h"
#include "cluster/observed.h"
#include "cluster/step.h"

namespace dugong::cli {

// Lines of a file that change; empty for any other step.
std::vector<std::string> difference_of(const cluster::Action& action);
// Sum of the estimates of all copies; none: nothing is copied, or no estimate is known.
std::optional<Bytes> bytes_to_copy(const cluster::Plan& plan);

enum class Explain { no, yes };
std::string render_plan(const cluster::Plan& plan, Explain explain, const Style& style);

// "b: destroy dataset tank/dex/live-0" for every destructive step.
std::vector<std::string> destructive_steps(const cluster::Plan& plan);
// What `down --destroy` would take away: one line per dataset with its bytes, and the sum.
std::string render_losses(const cluster::Plan& plan, const cluster::Observed& seen);

}  // namespace dugong::cli
