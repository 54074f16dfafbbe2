// Which rate a copy may have so that the source's clients hardly notice it: it grows while commits are quick and falls
// when they are slow, once in a second at most, as TCP does with loss and round trips. Additive growth would take
// minutes to reach 1 GB/s, so it is a factor here: a large one up to near what was too much the last time, and a small
// one beyond (as in CUBIC, RFC 9438). Pure: everything it knows is told to it.
#pragma once

#include <chrono>
#include <deque>
#include <limits>
#include <vector>

namespace dugong::transfer {

struct GovernorOptions {
  std::chrono::duration<double> wanted{0.008};  // what a commit may take
  double start = 64e6;                          // bytes per second
  double least = 8e6;                           // a copy goes on whatever commits take: 4 TB in six days
};

class Governor {
 public:
  using Seconds = std::chrono::duration<double>;
  explicit Governor(GovernorOptions options) : options_{options}, rate_{options.start} {}

  // `commits` made since the last call, while the copy moved `moved` bytes per second; the first time before it begins.
  // The rate from now on.
  double learn(const std::vector<Seconds>& commits, double moved);

  [[nodiscard]] double rate() const { return rate_; }
  // A disk whose commits are slow anyway is not the copy's fault: three times the quickest that were seen may be used,
  // and more where they stay slow although the copy hardly moves.
  [[nodiscard]] Seconds allowed() const;

 private:
  GovernorOptions options_;
  Seconds quickest_ = Seconds::max();  // median of one asking
  std::deque<Seconds> recent_;
  double rate_;
  double too_much_ = std::numeric_limits<double>::infinity();
  double leniency_ = 1;
  int looks_to_wait_ = 0;  // until it may fall again
};

}  // namespace dugong::transfer
