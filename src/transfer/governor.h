// Which rate a copy may have so that the source's clients hardly notice it: it grows while commits are quick and falls
// when they are slow, as TCP does with loss (additive growth would take minutes to reach 1 GB/s: it is a factor here).
// Pure: everything it knows is told to it.
#pragma once

#include <chrono>
#include <deque>
#include <vector>

namespace dugong::transfer {

struct GovernorOptions {
  std::chrono::duration<double> wanted{0.010};  // what a commit may take
  double start = 64e6;                          // bytes per second
  double least = 8e6;                           // a copy goes on whatever commits take: 4 TB in six days
};

class Governor {
 public:
  using Seconds = std::chrono::duration<double>;
  explicit Governor(GovernorOptions options) : options_{options}, rate_{options.start} {}

  // Before the copy: a disk whose commits are slow anyway is not the copy's fault, three times that may be used.
  void quiet(const std::vector<Seconds>& commits);
  // `commits` seen since the last call, while the copy moved `moved` bytes per second. The rate from now on.
  double learn(const std::vector<Seconds>& commits, double moved);

  [[nodiscard]] double rate() const { return rate_; }
  [[nodiscard]] Seconds allowed() const;

 private:
  GovernorOptions options_;
  Seconds quiet_{};
  std::deque<Seconds> recent_;
  double rate_;
};

}  // namespace dugong::transfer
