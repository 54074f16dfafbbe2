#include "transfer/governor.h"

#include <algorithm>

namespace dugong::transfer {
namespace {

constexpr std::size_t remembered = 10;  // commits: the last asking and the one before
constexpr double growth = 1.2;
constexpr double careful_growth = 1.05;  // near the rate that was too much the last time
constexpr double near = 0.8;
constexpr double least_shrinkage = 0.8;
constexpr double most_shrinkage = 0.5;  // in one step, however slow commits are
// About a second. A lower rate is not felt before the disks have written what was taken in at the higher one, and a
// checkpoint makes commits slow for as long: falling at every look, the rate was a twentieth after two seconds of one.
constexpr int looks_between_falls = 5;
// At the least rate the copy hardly counts: commits that are slow there are slow for another reason, and giving way to
// that would let the copy take days. So more is allowed, step by step, and less again while that would not be needed.
constexpr double more_lenient = 1.5;
constexpr double less_lenient = 0.95;
constexpr double most_lenient = 25;  // 200 ms by default
constexpr double noise = 3;          // times the quickest
constexpr double slack = 1.5;        // a rate that is not used up grows no further than this beyond what is

template <class Range>
Governor::Seconds median(const Range& range) {
  std::vector<Governor::Seconds> sorted(range.begin(), range.end());
  if (sorted.empty()) return {};
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
  std::nth_element(sorted.begin(), middle, sorted.end());
  return *middle;
}

}  // namespace

Governor::Seconds Governor::allowed() const {
  return leniency_ * (quickest_ == Seconds::max() ? options_.wanted : std::max(options_.wanted, noise * quickest_));
}

double Governor::learn(const std::vector<Seconds>& commits, double moved) {
  if (!commits.empty()) quickest_ = std::min(quickest_, median(commits));
  recent_.insert(recent_.end(), commits.begin(), commits.end());
  while (recent_.size() > remembered) recent_.pop_front();
  if (commits.empty()) return rate_;
  if (looks_to_wait_ > 0) --looks_to_wait_;
  const auto taken = median(recent_);
  if (taken > allowed()) {
    if (looks_to_wait_ > 0) return rate_;
    if (rate_ <= options_.least) leniency_ = std::min(most_lenient, more_lenient * leniency_);
    // Below what it really moves, or nothing would change; a copy that has only begun moves nothing yet.
    too_much_ = std::clamp(moved, rate_ / 2, rate_);
    rate_ = std::max(options_.least, std::clamp(allowed() / taken, most_shrinkage, least_shrinkage) * too_much_);
    looks_to_wait_ = looks_between_falls;
    recent_.clear();  // what was slow before says nothing about the new rate
    return rate_;
  }
  if (taken <= allowed() / leniency_) leniency_ = std::max(1.0, leniency_ * less_lenient);
  if (rate_ < slack * moved) rate_ *= rate_ < near * too_much_ ? growth : careful_growth;
  return rate_;
}

}  // namespace dugong::transfer
