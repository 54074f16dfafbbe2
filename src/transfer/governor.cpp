#include "transfer/governor.h"

#include <algorithm>

namespace dugong::transfer {
namespace {

constexpr std::size_t remembered = 10;  // commits: two askings, so that one hiccup of a disk is no verdict
constexpr double growth = 1.2;
constexpr double shrinkage = 0.7;
constexpr double noise = 3;    // times the quiet median
constexpr double slack = 1.5;  // a rate that is not used up grows no further than this beyond what is

template <class Range>
Governor::Seconds median(const Range& range) {
  std::vector<Governor::Seconds> sorted(range.begin(), range.end());
  if (sorted.empty()) return {};
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
  std::nth_element(sorted.begin(), middle, sorted.end());
  return *middle;
}

}  // namespace

void Governor::quiet(const std::vector<Seconds>& commits) { quiet_ = median(commits); }

Governor::Seconds Governor::allowed() const { return std::max(options_.wanted, noise * quiet_); }

double Governor::learn(const std::vector<Seconds>& commits, double moved) {
  recent_.insert(recent_.end(), commits.begin(), commits.end());
  while (recent_.size() > remembered) recent_.pop_front();
  if (commits.empty()) return rate_;
  if (median(recent_) > allowed()) {
    // Below what it really moves, or nothing would change.
    rate_ = std::max(options_.least, shrinkage * std::min(rate_, std::max(moved, options_.least)));
    recent_.clear();  // what was slow before says nothing about the new rate
  } else if (rate_ < slack * moved) {
    rate_ *= growth;
  }
  return rate_;
}

}  // namespace dugong::transfer
