// The rules for settings that a hot standby needs at least as large as its primary's, and the order of changing them.
//
// Lower at start is a FATAL; raised on the primary under a running standby pauses replay (PostgreSQL 14 and later:
// CheckRequiredParameterValues and RecoveryRequiresIntParameter). So: raise replicas first, lower the primary first.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "postgres/control.h"

namespace dugong::postgres {

struct HotStandbyGap {
  std::string setting;
  std::int64_t primary = 0;
  std::int64_t replica = 0;
};
// Settings in which the replica is below the primary.
std::vector<HotStandbyGap> hot_standby_gaps(const HotStandbySettings& primary, const HotStandbySettings& replica);

// Element by element the larger one.
HotStandbySettings at_least(const HotStandbySettings& a, const HotStandbySettings& b);

const std::vector<std::string_view>& hot_standby_names();  // the five, in the order of the struct
std::int64_t& hot_standby_value(HotStandbySettings& settings, std::string_view name);

}  // namespace dugong::postgres
