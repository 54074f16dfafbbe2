#include "postgres/standby.h"

#include <algorithm>
#include <array>
#include <utility>

namespace dugong::postgres {
namespace {

using Member = std::int64_t HotStandbySettings::*;

constexpr std::array<std::pair<std::string_view, Member>, 5> members = {{
    {"max_connections", &HotStandbySettings::max_connections},
    {"max_worker_processes", &HotStandbySettings::max_worker_processes},
    {"max_wal_senders", &HotStandbySettings::max_wal_senders},
    {"max_prepared_transactions", &HotStandbySettings::max_prepared_transactions},
    {"max_locks_per_transaction", &HotStandbySettings::max_locks_per_transaction},
}};

}  // namespace

std::vector<HotStandbyGap> hot_standby_gaps(const HotStandbySettings& primary, const HotStandbySettings& replica) {
  std::vector<HotStandbyGap> gaps;
  for (const auto& [name, member] : members) {
    if (replica.*member < primary.*member) gaps.push_back({std::string{name}, primary.*member, replica.*member});
  }
  return gaps;
}

HotStandbySettings at_least(const HotStandbySettings& a, const HotStandbySettings& b) {
  HotStandbySettings larger;
  for (const auto& entry : members) larger.*entry.second = std::max(a.*entry.second, b.*entry.second);
  return larger;
}

const std::vector<std::string_view>& hot_standby_names() {
  static const std::vector<std::string_view> names = [] {
    std::vector<std::string_view> all;
    for (const auto& entry : members) all.push_back(entry.first);
    return all;
  }();
  return names;
}

std::int64_t& hot_standby_value(HotStandbySettings& settings, std::string_view name) {
  for (const auto& entry : members) {
    if (entry.first == name) return settings.*entry.second;
  }
  // Names come from hot_standby_names(); a wrong one must not write into a real setting.
  thread_local std::int64_t nowhere = 0;
  return nowhere = 0;
}

}  // namespace dugong::postgres
